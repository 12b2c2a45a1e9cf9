/*
 * bridge_rig.h: for tests of the bridge: two daemons, ann's and ben's, with real engines on a net
 * in memory under a fake clock. What stands in for the XMPP server is the test's affair:
 * told_server.c, or the real one's part.
 */
#ifndef TESTS_UNIT_BRIDGE_RIG_H
#define TESTS_UNIT_BRIDGE_RIG_H

#include "component/bridge_private.h"
#include "tests/scenario/fake_env.h"

#define SECOND_MS 1000
#define MINUTE_MS (60 * SECOND_MS)
/* Long enough for two who have just added each other to be linked. */
#define LINK_MS (5 * MINUTE_MS)

struct side {
	struct fake_env *fake;
	struct registry *registry;
	struct bridge *bridge;
	struct engine *engine;
	struct local_store *local; /* NULL: nothing is kept for the users (side_keep_local) */
	struct server *server;
	struct account *account;
	const char *user;
	unsigned changes; /* how often the bridge has said that something changed */
};

struct world {
	struct fake_clock *clock;
	struct fake_net *net;
	struct fake_env *store_env;
	struct registry_memory_store *store;
	void (*server_end)(struct server **server);
	struct side ann, ben;
};

/* server_make makes the server of a side whose engine and bridge are there. Freed by rig_free. */
struct world *rig_new(struct server *(*server_make)(struct side *side),
		      void (*server_end)(struct server **server));
/* With as much of a server as personal eventing and the gateway need, and a local store. */
struct world *rig_new_bare(void);
void rig_free(struct world **world);

/* From now on. */
void side_keep_local(struct side *side);
/* The other as the side's contact; NULL: it is none. */
struct contact *side_contact(const struct side *side, const struct side *other);
const char *id_of(const struct side *side);

/* Parse what a client says; the caller owns it. Fails the test if it is not well-formed. */
struct xml *message(const char *text);

#endif
