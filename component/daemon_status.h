/*
 * daemon_status.h: what of the daemon, besides its accounts, `tacetctl status` shows.
 */
#ifndef COMPONENT_DAEMON_STATUS_H
#define COMPONENT_DAEMON_STATUS_H

#include "core/node.h"
#include "xmpp/server.h"

#include <jansson.h>

/* Put version, now_ms, tor, clock, gateways and xmpp into status. -1: memory is short. */
int daemon_status(const struct node *node, const struct server *server, json_t *status);

#endif
