/*
 * ctl_listen.h: `tacetctl listen`: a line for each message, presence and request.
 */
#ifndef COMPONENT_CTL_LISTEN_H
#define COMPONENT_CTL_LISTEN_H

#include "component/tacetctl_command.h"

/* A message is marked as taken when its line is out. When the daemon ends it is waited for
 * (ctl_retry.h), unless OPT_ONCE was given. Until that is of no use, or we are killed; returns the
 * exit code. */
int ctl_listen(const struct options *options, char **argv);

#endif
