/*
 * transport.h: how two daemons reach each other: services to be dialled at, and dialling.
 *
 * transport_tor.c does it with onion services; tests have one in memory (tests/scenario/
 * fake_net.h). The engine knows no more than this.
 */
#ifndef CORE_TRANSPORT_H
#define CORE_TRANSPORT_H

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/stream.h"
#include "core/endpoint.h"

struct transport;
struct service;
struct dial;

/* Client authorizations a service is made with; contacts are spread over them. */
#define SERVICE_SLOTS 16

struct service_handler {
	/* The service can be reached (its descriptor was uploaded), or no longer. May come again.
	 */
	void (*published)(void *arg, bool reachable);
	/* Someone has connected; the stream is the callee's. */
	void (*accepted)(void *arg, struct stream *stream);
	/* The service could not be made, or was lost for good; the owner frees it and may try
	 * again. */
	void (*failed)(void *arg, const struct err *why);
};

struct transport_ops {
	const char *name;
	struct service *(*service_new)(struct transport *transport,
				       const struct service_handler *handler, void *arg,
				       struct err *err);
	int (*service_endpoint)(const struct service *service, unsigned slot,
				struct endpoint *endpoint);
	void (*service_free)(struct service *service);
	struct dial *(*dial)(struct transport *transport, const struct endpoint *endpoint,
			     const char *isolation,
			     void (*done)(void *arg, struct stream *stream, const struct err *why),
			     void *arg, struct err *err);
	void (*dial_cancel)(struct dial *dial);
};

/* Every transport, service and dial begins with these. */
struct transport {
	const struct transport_ops *ops;
};
struct service {
	struct transport *transport;
};
struct dial {
	struct transport *transport;
};

/*
 * Make a service with a new address. Handlers come from the loop, never from within the call, never
 * after service_free. While the transport is not up yet the service waits. NULL with *err.
 */
struct service *service_new(struct transport *transport, const struct service_handler *handler,
			    void *arg, struct err *err);
/* Where slot (0 … SERVICE_SLOTS-1) can dial it; -1 while there is no address yet. */
int service_endpoint(const struct service *service, unsigned slot, struct endpoint *endpoint);
/* Withdraw it; streams that were accepted stay. */
void service_free(struct service **service);

/*
 * Dial. done comes exactly once from the loop with an open stream (the callee's) or NULL and why;
 * never after dial_cancel. isolation: 1 to 255 bytes; different strings never share a circuit. The
 * dialler speaks first: an other end that does not wait for that is given up. NULL with *err.
 */
struct dial *transport_dial(struct transport *transport, const struct endpoint *endpoint,
			    const char *isolation,
			    void (*done)(void *arg, struct stream *stream, const struct err *why),
			    void *arg, struct err *err);
/* Not needed (and not allowed) after done. NULL is fine. */
void dial_cancel(struct dial **dial);

#endif
