/*
 * node.h: all that a daemon consists of, put together: state directory, tor, registry, engine.
 *
 *     STATE/tacet.lock   held as long as the node lives: one node for each state directory
 *     STATE/tacet.db     the engine's database
 *     STATE/store.key    the key of its values
 *     STATE/tor/         tor's sockets and data; of several: STATE/tor-2/ …
 *
 * Both tacetd (component/) and libtacet (tacet.c) are made of this. It decides nothing about
 * accounts or contacts: for that there is node_engine().
 */
#ifndef CORE_NODE_H
#define CORE_NODE_H

#include "core/base/loop.h"
#include "core/engine.h"
#include "core/registry.h"
#include "core/tor_group.h"

struct node;

struct node_config {
	const char *state_dir; /* made with mode 0700 when it is missing */
	/* As node_store_key gives it; NULL: STATE/store.key, made if there is none. */
	const struct key *store_key;
	/* tor.directory may be NULL: STATE/tor. */
	struct tor_config tor;
	unsigned tors;     /* processes (tor_group.h); 0: 1 */
	unsigned services; /* as in engine_config */
	unsigned share;    /* as in engine_config */
	/* Base addresses of the registry's gateways, as in registry_opendht.h. */
	const char *const *gateways;
	size_t gateway_count;
	int64_t gateway_timeout_ms; /* of one request; 0: registry_opendht's own */
	unsigned replicas;          /* as in engine_config */
	int64_t renewal_ms;         /* as in engine_config */
	unsigned circuits;          /* as in engine_config */
	bool decoys;                /* as in engine_config */
	/*
	 * For tests and for daemons in one process: used instead of tor and OpenDHT, when both are
	 * set. Owned by the caller; must outlive the node.
	 */
	struct registry *registry;
	struct transport *transport;
};

/*
 * The key of the databases in the state directory, from the file at path (NULL: STATE/store.key),
 * behind the passphrase if it is not NULL (store_key.h); made when there is none. ERR_NOT_FOUND:
 * the key is missing but a database needs it; else as store_key_read.
 */
int node_store_key(const struct env *env, const char *state_dir, const char *path,
		   const char *passphrase, struct key *key, struct err *err);

struct node_handler {
	struct engine_handler engine;
	/* tor's state or bootstrap progress has changed; of several: tor_group_status. May be NULL.
	 */
	void (*tor)(void *arg, const struct tor_status *status);
};

/*
 * Lock the state directory, open the database, start tor. The engine is started by itself as soon
 * as tor is ready; when tor dies, the engine stays and its services come back with tor. All strings
 * are copied. arg goes to all handlers; none is called from within node_new or after node_free.
 * ERR_WRONG_STATE: another node uses the directory (the text names the process); else as tor_new,
 * registry_opendht_new and engine_new.
 */
struct node *node_new(struct loop *loop, const struct node_config *config,
		      const struct node_handler *handler, void *arg, struct err *err);
/* Say goodbye and withdraw, end tor, unlock. Runs the loop for NODE_GOODBYE_MS if somebody is
 * linked; so it is not to be called from a callback of the loop. */
void node_free(struct node **node);

/* How long node_free lets the loop run, so that the last frames get out, in ms. */
#define NODE_GOODBYE_MS 500

/* All three live as long as the node. */
struct engine *node_engine(const struct node *node);
struct registry *node_registry(const struct node *node);
/* NULL when config gave a transport. */
struct tor_group *node_tors(const struct node *node);
/* As tor_group_status; when config gave a transport: ready. */
const struct tor_status *node_tor_status(const struct node *node);

/* What was added to the system clock, in ms, and why, in words for `tacetctl status` ("" when
 * nothing was). */
int64_t node_clock_offset(const struct node *node, const char **why);

#endif
