/*
 * transport_tor.h: the transport over onion services, for its owner tor.c, which tells it when tor
 * can be used. The rest of the program sees transport.h.
 */
#ifndef CORE_TRANSPORT_TOR_H
#define CORE_TRANSPORT_TOR_H

#include "core/base/loop.h"
#include "core/tor_control.h"
#include "core/transport.h"

struct tor_transport;

/* directory: where the services' sockets go; socks: tor's SOCKS port (tor_socket.h). Copied. NULL
 * when memory is short. */
struct tor_transport *tor_transport_new(struct loop *loop, const char *directory,
					const char *socks);
/* Its services and dials must be gone. */
void tor_transport_free(struct tor_transport **transport);
/* The same as transport.h knows it. */
struct transport *tor_transport_front(struct tor_transport *transport);

/* Tor is ready; control stays the caller's and is used until down. unix_sockets: tor can open
 * Unix sockets of ours; otherwise services listen on loopback. */
void tor_transport_up(struct tor_transport *transport, struct tor_control *control,
		      bool unix_sockets);
/* The control connection is lost, and with it all services and dials under way. */
void tor_transport_down(struct tor_transport *transport);
/* An HS_DESC event. */
void tor_transport_event(struct tor_transport *transport, const struct tor_reply *event);

#endif
