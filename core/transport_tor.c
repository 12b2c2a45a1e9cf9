/*
 * transport_tor.c: the front of the transport over onion services; see transport_tor.h.
 */
#include "core/transport_tor.h"

#include "core/transport_tor_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct transport_ops tor_ops = {
    .name = "tor",
    .service_new = tor_service_new,
    .service_endpoint = tor_service_endpoint,
    .service_free = tor_service_free,
    .dial = tor_dial_new,
    .dial_cancel = tor_dial_cancel,
};

struct tor_transport *tor_transport_new(struct loop *loop, const char *directory, const char *socks)
{
	struct tor_transport *transport = calloc(1, sizeof *transport);

	if (transport == NULL)
		return NULL;
	transport->transport.ops = &tor_ops;
	transport->loop = loop;
	transport->env = loop_env(loop);
	transport->directory = strdup(directory);
	transport->socks = strdup(socks);
	if (transport->directory == NULL || transport->socks == NULL)
		tor_transport_free(&transport);
	return transport;
}

void tor_transport_free(struct tor_transport **transport)
{
	struct tor_transport *t = *transport;

	if (t == NULL)
		return;
	/* Services that were given up while tor was making them go here. */
	tor_transport_down(t);
	assert(t->services == NULL && t->dials == NULL);
	free(t->directory);
	free(t->socks);
	free(t);
	*transport = NULL;
}

struct transport *tor_transport_front(struct tor_transport *transport)
{
	return &transport->transport;
}

void tor_transport_up(struct tor_transport *transport, struct tor_control *control,
		      bool unix_sockets)
{
	transport->control = control;
	transport->unix_sockets = unix_sockets;
	transport->pow_refused = false;
	tor_services_start(transport);
	tor_dials_wake(transport);
}

void tor_transport_down(struct tor_transport *transport)
{
	transport->control = NULL;
	tor_services_down(transport);
	tor_dials_down(transport);
	assert(transport->grants == NULL);
}

void tor_transport_event(struct tor_transport *transport, const struct tor_reply *event)
{
	tor_services_event(transport, event);
}
