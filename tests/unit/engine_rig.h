/*
 * engine_rig.h: whole engines under a fake clock in a fake net, for the tests of the engine.
 *
 * What each engine tells is written down; messages are numbered by their senders so that order and
 * number can be checked.
 */
#ifndef TESTS_UNIT_ENGINE_RIG_H
#define TESTS_UNIT_ENGINE_RIG_H

#include "core/engine.h"
#include "core/registry_memory.h"
#include "core/seal.h"
#include "tests/scenario/fake_net.h"

/* How long an operation of the registry takes, in ms. */
#define RIG_REGISTRY_MS 300
#define RIG_NODES       4

struct rig;

/* One daemon. */
struct node_rig {
	struct rig *rig;
	char name[16];
	char path[128];
	struct fake_env *fake;
	struct fake_host *host;
	struct registry *registry;
	struct engine *engine;
	struct account *account;
	char id[ID_LEN + 1];
	bool started;

	/* What was told: */
	struct status status; /* of the last contact that told */
	unsigned statuses, states;
	unsigned got, acked, rejected;
	unsigned wrong;                 /* messages out of order, twice, or not as they were sent */
	char text[256];                 /* of the last message, or reason of the last rejection */
	uint64_t token;                 /* of the last receipt */
	unsigned requests;              /* of guests */
	struct contact_request request; /* the last one */
	unsigned introduced;            /* of our introductions: arrived, */
	unsigned not_introduced;        /* or too late */
	unsigned conflicts;             /* that were told */
	unsigned troubles;              /* times that it could not store, or could again */
	bool refuse;                    /* take no messages */
	bool hold;                      /* messages are under way to the user … */
	uint64_t held;                  /* … the last one with this token */
	bool loose;                     /* messages are not numbers */
	void (*on_message)(struct node_rig *node, struct contact *contact);
	void (*on_state)(struct node_rig *node, struct contact *contact);
	void (*on_status)(struct node_rig *node, struct contact *contact);
};

struct rig {
	struct fake_clock *clock;
	struct fake_net *net;
	struct fake_env *store_env;
	struct registry_memory_store *store;
	struct node_rig nodes[RIG_NODES];
	unsigned count;
	char directory[64];
};

struct rig *rig_new(uint64_t seed);
void rig_free(struct rig **rig);
void rig_run(struct rig *rig, int64_t ms);

/* A daemon with an account, in a database file, not started. */
struct node_rig *rig_node(struct rig *rig, const char *name);
void node_start(struct node_rig *node);
void node_stop(struct node_rig *node);
/* The process ends without a word, and is there again (not started) with what was stored. */
void node_kill(struct node_rig *node);
void node_reopen(struct node_rig *node);

/* Do the files of its database have these bytes anywhere, sealed at that place? */
bool node_files_have(const struct node_rig *node, const struct seal_place *place, const void *bytes,
		     size_t len);

/* Each adds the other. */
void rig_pair(struct node_rig *a, struct node_rig *b);
struct contact *node_contact(const struct node_rig *node, const struct node_rig *other);
bool rig_linked(const struct node_rig *a, const struct node_rig *b);
/* Run until both are linked, at most ms; fails otherwise. */
void rig_link(struct node_rig *a, struct node_rig *b, int64_t ms);
/* Send the next numbers. */
void node_send(struct node_rig *node, struct node_rig *other, unsigned first, unsigned count);

#endif
