/*
 * bridge_front.h: where an account's user is: at the server on this machine, or at a Jabber server
 * elsewhere, behind the gateway. The bridge speaks to either through struct bridge_front, and both
 * speak to the bridge through struct server_host (xmpp/server.h).
 *
 * The account's name tells: a name with an '@' is the bare JID of a user of the gateway; at the
 * server on this machine no name has one (RFC 6122 section 2.3).
 */
#ifndef COMPONENT_BRIDGE_FRONT_H
#define COMPONENT_BRIDGE_FRONT_H

#include "xmpp/server.h"

struct bridge;

/* As the functions server_* of the same names. */
struct bridge_front {
	unsigned (*deliver)(void *arg, const char *user, struct xml *stanza);
	bool (*deliver_stored)(void *arg, const char *user, const char *contact, uint64_t token,
			       struct xml *message);
	void (*contact_presence)(void *arg, const char *user, const char *contact,
				 const struct server_presence *presence);
	void (*request)(void *arg, const char *user, const struct server_request *request);
	void (*roster_push)(void *arg, const char *user, const char *contact,
			    const struct roster_item *item);
	void (*user_end)(void *arg, const char *user);
	/* A node of the contact (pep.h) is known now, or gone. NULL: not interested. */
	void (*learned)(void *arg, const char *user, const char *contact, const char *node);
};

/* The server on this machine as a front; arg is the struct server. */
extern const struct bridge_front bridge_front_local;

/* The gateway, from now on; front NULL: none any more. domain is that of its contacts' JIDs, and is
 * copied; -1: memory is short. */
int bridge_set_gateway(struct bridge *bridge, const char *domain, const struct bridge_front *front,
		       void *arg);
/* Most contacts of an account behind the gateway; 0, as at first: as many as of any other. */
void bridge_limit_remote(struct bridge *bridge, unsigned contacts);
/* Is this the name of an account behind a gateway? */
bool bridge_name_is_remote(const char *user);

#endif
