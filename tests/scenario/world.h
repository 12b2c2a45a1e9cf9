/*
 * world.h: the daemons of a scenario, what their users have seen, and what must always hold.
 *
 * Each daemon is a whole engine with a database file, a registry on the common store, a host in the
 * fake net and a clock of its own. Whatever a scenario does, the world watches that messages come
 * in order and once, that no token is delivered twice, that records are as check_records.h says,
 * that nobody dials what a contact has not given out lately, and that the bytes between daemons are
 * as check_wire.h says. The first thing that is wrong is kept in failure. The language on top of it
 * is in script.c.
 */
#ifndef TESTS_SCENARIO_WORLD_H
#define TESTS_SCENARIO_WORLD_H

#include "core/engine.h"
#include "core/registry_memory.h"
#include "tests/scenario/fake_gateways.h"
#include "tests/scenario/fake_net.h"

#include <sys/queue.h>

/* How long each operation on the registry takes. */
#define WORLD_REGISTRY_MS 300
/* What the engine must keep: the papers' first contact took 21 s. */
#define WORLD_NAME_SIZE 32

struct check_records;
struct check_wire;
struct daemon;
struct world;

struct sent {
	char *payload;
	size_t len;
	uint64_t token;
	bool delivered;
};

/* One daemon's view of another. */
struct peer {
	struct daemon *self, *other;
	struct sent *sent; /* to other */
	unsigned sent_count, sent_size, delivered;
	unsigned got; /* messages seen from other: always the first so many that other has sent */
	struct status status;
	TAILQ_ENTRY(peer) next;
};

/* As in engine_config. */
struct daemon_options {
	unsigned replicas;
	int64_t renewal_ms;
	unsigned circuits;
	bool decoys;
};

struct daemon {
	struct world *world;
	char name[WORLD_NAME_SIZE];
	char path[96];
	char id[ID_LEN + 1];
	struct fake_env *fake;
	struct fake_host *host;
	struct registry *registry;
	struct engine *engine; /* NULL while dead */
	struct account *account;
	struct status status;
	struct daemon_options options;
	bool started, inbox_closed;
	char link[INVITATION_LINK_SIZE]; /* of the last invitation */
	unsigned asked;                  /* requests that were told */
	TAILQ_HEAD(, peer) peers;
	TAILQ_ENTRY(daemon) next;
};

struct world {
	struct fake_clock *clock;
	struct fake_env *fake; /* of the store and of storms */
	const struct env *env;
	struct fake_net *net;
	struct registry_memory_store *store;
	struct fake_gateways *gateways; /* NULL: the registry is the store */
	struct check_records *records;
	struct check_wire *wire;
	char directory[64];
	TAILQ_HEAD(, daemon) daemons;
	FILE *log; /* what an attacker sees, and the truth; NULL: not kept */
	bool verbose;
	bool failed;
	char failure[512];
};

struct world *world_new(uint64_t seed, bool verbose);
void world_free(struct world **world);
/* Keep the first failure. */
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Keep a log, before there are gateways; tests/hostile/README says what is in it. -1: no file. */
int world_log(struct world *world, const char *path);
/* From now on daemons that are made reach the registry through so many gateways; once. */
void world_gateways(struct world *world, unsigned count);
/* Let time pass, until something fails. */
void world_run(struct world *world, int64_t ms);

/* A new daemon with one account; not started. */
struct daemon *daemon_new(struct world *world, const char *name,
			  const struct daemon_options *options);
struct daemon *daemon_find(struct world *world, const char *name);
/* a adds b's id. secret: words that a pair secret is made of, or NULL. */
void daemon_add(struct daemon *a, struct daemon *b, const char *secret);
/* Both add each other. */
void daemon_pair(struct daemon *a, struct daemon *b, const char *secret);
/* a forgets b (b does not know). */
void daemon_remove(struct daemon *a, struct daemon *b);
/* Becoming contacts by a's last link: a invites, b introduces itself, a decides. */
void daemon_invite(struct daemon *a, bool reusable, int64_t lifetime_ms);
void daemon_revoke(struct daemon *a);
void daemon_introduce(struct daemon *b, struct daemon *a);
void daemon_accept(struct daemon *a, struct daemon *b);
void daemon_deny(struct daemon *a, struct daemon *b);
/* The request that waits longest, whoever made it. */
void daemon_deny_oldest(struct daemon *a);
void daemon_block(struct daemon *a, struct daemon *b);
void daemon_unblock(struct daemon *a, struct daemon *b);
/* Requests that wait. */
unsigned daemon_requests(const struct daemon *daemon);
struct peer *daemon_peer(const struct daemon *daemon, const struct daemon *other);
struct contact *daemon_contact(const struct daemon *daemon, const struct daemon *other);

/* Is this, what a registry is asked by, the search for a contact (and not a decoy's)? */
bool daemon_searches(const struct daemon *daemon, const void *search);

void daemon_start(struct daemon *daemon);
void daemon_stop(struct daemon *daemon);
/* The process ends in order (goodbye), or is shot: the database is as it was in that moment, and
 * the others see their streams closed after closed_ms, or never when it is negative. */
void daemon_quit(struct daemon *daemon);
void daemon_kill(struct daemon *daemon, int64_t closed_ms);
/* Open the database again and start. */
void daemon_restart(struct daemon *daemon);
void daemon_status(struct daemon *daemon, enum show show, const char *text);
void daemon_visibility(struct daemon *daemon, enum account_visibility visibility);
void daemon_send(struct daemon *from, struct daemon *to, const char *text);
/* Like a text, of random length up to PAYLOAD_MAX / 4, different each time. */
void daemon_send_random(struct daemon *from, struct daemon *to);
/* While closed, no message is taken; they wait in the engine. */
void daemon_inbox(struct daemon *daemon, bool closed);

/* Keep killing and restarting two daemons, with messages both ways; afterwards both run. */
void storm(struct daemon *a, struct daemon *b, unsigned kills, unsigned messages);

#endif
