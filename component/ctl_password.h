/*
 * ctl_password.h: passwords and passphrases for tacetctl, from a terminal, a file, or standard
 * input.
 */
#ifndef COMPONENT_CTL_PASSWORD_H
#define COMPONENT_CTL_PASSWORD_H

#include "core/base/err.h"

/* Ask on the terminal, without echo, twice, until both are the same. The caller gives the answer to
 * text_wipe. NULL with *err: no terminal, empty, or different three times. */
char *ctl_password_ask(const char *what, struct err *err);
/* The same, asked once: for one that is known already. */
char *ctl_password_ask_once(const char *what, struct err *err);
/* Ask something that is no secret, once; the same otherwise. */
char *ctl_question_ask(const char *question, struct err *err);

#endif
