/*
 * ctl_message.h: `tacetctl send` and `bot`: messages without a Jabber client. Each does
 * the whole command and returns its exit code (tacetctl_command.h).
 */
#ifndef COMPONENT_CTL_MESSAGE_H
#define COMPONENT_CTL_MESSAGE_H

#include "component/tacetctl_command.h"

/* argv: the contact, and the words of the text, or "-" for standard input. */
int ctl_send(const struct options *options, char **argv);
/* Reads the options of ctl_bot.h. */
int ctl_message_bot(const struct options *options, char **argv);

#endif
