/*
 * ctl_view.h: `tacetctl status --watch` on a terminal: the status as a picture that changes.
 */
#ifndef COMPONENT_CTL_VIEW_H
#define COMPONENT_CTL_VIEW_H

#include "component/ctl_client.h"

#include <stdio.h>

/* Show each answer of the daemon with print, and anew each second, as the ages in it grow; lines
 * that do not fit are counted. Until a signal to end, or -1 with *err: it has closed the
 * connection, or refuses. Standard output is a terminal, and is as before afterwards. */
int ctl_view(struct ctl_client *client, void (*print)(const json_t *answer, FILE *out),
	     struct err *err);

#endif
