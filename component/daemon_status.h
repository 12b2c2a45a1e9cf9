/*
 * daemon_status.h: what of the daemon, besides its accounts, `tacetctl status` shows.
 */
#ifndef COMPONENT_DAEMON_STATUS_H
#define COMPONENT_DAEMON_STATUS_H

#include "component/gw_stream.h"
#include "core/node.h"
#include "xmpp/server.h"

#include <jansson.h>

/* Put version, now_ms, tor, clock, gateways, xmpp and, if there is one (else NULL), the component
 * into status. -1: memory is short. */
int daemon_status(const struct node *node, const struct server *server,
		  const struct gw_stream *component, json_t *status);

#endif
