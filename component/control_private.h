/*
 * control_private.h: between the control socket and its commands.
 */
#ifndef COMPONENT_CONTROL_PRIVATE_H
#define COMPONENT_CONTROL_PRIVATE_H

#include "component/control.h"

/* What is to be done after the answer. */
enum control_after { CONTROL_GO_ON, CONTROL_WATCH, CONTROL_STOP };

/* control_commands.c: carry out one request line (without its newline). Returns the answer, which
 * the caller frees with json_decref; NULL when memory is short. */
json_t *control_run(const struct control_host *host, const char *line, size_t len,
		    enum control_after *after);

/* control_status.c: the answer to "status"; NULL when memory is short. */
json_t *control_status(const struct control_host *host);
json_t *control_account_json(const struct account *account);
/* A contact with its state. */
json_t *control_contact_json(const struct contact *contact);
/* All contacts of account as an array. */
json_t *control_contacts_json(const struct account *account);

#endif
