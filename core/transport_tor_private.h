/*
 * transport_tor_private.h: what the files of the onion transport share: transport_tor.c (front),
 * tor_service.c, tor_dial.c, tor_grant.c.
 */
#ifndef CORE_TRANSPORT_TOR_PRIVATE_H
#define CORE_TRANSPORT_TOR_PRIVATE_H

#include "core/transport_tor.h"

struct tor_service;
struct tor_dial;
struct tor_grant;

struct tor_transport {
	struct transport transport;
	struct loop *loop;
	const struct env *env;
	char *directory;
	char *socks;
	struct tor_control *control; /* NULL while tor cannot be used */
	bool unix_sockets;
	bool pow_refused; /* this tor does not know PoWDefensesEnabled */
	struct tor_service *services;
	struct tor_dial *dials;
	struct tor_grant *grants;
};

/* tor_service.c */
struct service *tor_service_new(struct transport *transport, const struct service_handler *handler,
				void *arg, struct err *err);
int tor_service_endpoint(const struct service *service, unsigned slot, struct endpoint *endpoint);
void tor_service_free(struct service *service);
/* Make those that wait, as many at a time as tor can publish well. */
void tor_services_start(struct tor_transport *transport);
void tor_services_down(struct tor_transport *transport);
void tor_services_event(struct tor_transport *transport, const struct tor_reply *event);

/* tor_dial.c */
struct dial *tor_dial_new(struct transport *transport, const struct endpoint *endpoint,
			  const char *isolation,
			  void (*done)(void *arg, struct stream *stream, const struct err *why),
			  void *arg, struct err *err);
void tor_dial_cancel(struct dial *dial);
/* Tor is there, or a client authorization was given up: those that wait may go on. */
void tor_dials_wake(struct tor_transport *transport);
void tor_dials_down(struct tor_transport *transport);
/* Tor has answered to ONION_CLIENT_AUTH_ADD; why is NULL if it took the key. */
void tor_dials_granted(struct tor_transport *transport, const struct tor_grant *grant,
		       const struct err *why);

/* tor_grant.c */
enum tor_granted { TOR_GRANT_READY, TOR_GRANT_SOON, TOR_GRANT_BUSY, TOR_GRANT_FAILED };
/*
 * Give tor the client authorization of endpoint, whose onion name is name; *grant is held until
 * tor_grant_drop. SOON: tor_dials_granted follows. BUSY: tor is being used with another key for the
 * same service; tor_dials_wake comes when that has ended. FAILED with *err.
 */
enum tor_granted tor_grant_take(struct tor_transport *transport, const struct endpoint *endpoint,
				const char *name, struct tor_grant **grant, struct err *err);
/* NULL is fine. The last one takes the key from tor. */
void tor_grant_drop(struct tor_grant **grant);

#endif
