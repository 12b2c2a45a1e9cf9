/*
 * rendezvous.h: how the two of a pair find each other through the registry.
 *
 * The order of paper 000 section 5.2: look the contact up; when nothing is found, publish for it;
 * look a second time, so that two who come at the same moment do not miss each other; then wait,
 * keep the record alive, and look again now and then against lost records. It deals with the
 * registry only; dialling is dialler.c's matter.
 *
 * Epochs are kept apart. Only the present one is looked up, but for one lookup of the neighbour by
 * whoever begins near an edge. Neighbours are published besides, so that a reader with another
 * clock finds something: the next one from a random moment on, 10 to
 * 20 minutes before it begins, the last one until a record is out that was made after its end. Each
 * has a circuit of its own and, above all, moments of its own: nothing makes the two act at once.
 * The same holds for a second pair (rendezvous_set_next).
 */
#ifndef CORE_RENDEZVOUS_H
#define CORE_RENDEZVOUS_H

#include "core/isolation.h"
#include "core/record.h"
#include "core/registry.h"

struct rendezvous;

/* How far two clocks may be apart, in ms: both may be wrong by 5 minutes, in opposite directions,
 * and a record or handshake needs its time to travel. What is old is told from its sequence. */
#define CLOCK_TOLERANCE_MS ((int64_t)(2 * 300 + 60) * 1000)
/* How long a record is good for, in s, as OpenDHT keeps it no longer; and when it is renewed, ms.
 */
#define RECORD_LIFETIME_S 600
#define REPUBLISH_MS      ((int64_t)7 * 60 * 1000)
#define REPUBLISH_JITTER  14 /* percent: 6 to 8 minutes */
/* What is done at once for one pair and epoch is done for others of the same contact so much later,
 * in ms, by chance: so that they are not seen together. */
#define APART_MIN_MS ((int64_t)60 * 1000)
#define APART_MAX_MS ((int64_t)240 * 1000)
/* And that one lookup of the neighbour so much later: both may just have come. */
#define ASIDE_MIN_MS ((int64_t)10 * 1000)
#define ASIDE_MAX_MS ((int64_t)40 * 1000)
/* Publications of a pair in an epoch that are made at once, and then one more each time this many
 * ms have passed: all that a record's lifetime sees (14) must be fewer than the values that a
 * reader tries (16). */
#define PUBLISH_BURST     6
#define PUBLISH_REFILL_MS ((int64_t)75 * 1000)
/* Pauses between lookups of an absent contact, in ms: doubled each time. */
#define LOOK_PAUSE_MIN_MS ((int64_t)2 * 60 * 1000)
#define LOOK_PAUSE_MAX_MS ((int64_t)30 * 60 * 1000)
#define LOOK_PAUSE_JITTER 25
/* The first such pause of a guest, in ms: whoever was invited is waited for, and a host that has
 * just made the invitation has its record out a moment later. */
#define LOOK_PAUSE_GUEST_MS ((int64_t)5 * 1000)
/* Pauses after a registry that gave no answer, in ms: doubled each time. */
#define REGISTRY_BACKOFF_MIN_MS ((int64_t)2 * 1000)
#define REGISTRY_BACKOFF_MAX_MS ((int64_t)60 * 1000)

enum rendezvous_state {
	RENDEZVOUS_OFF,
	RENDEZVOUS_LOOKING,
	RENDEZVOUS_PUBLISHING,
	RENDEZVOUS_WAITING,
};

/* All are called from the loop; changed also from within rendezvous_* functions. */
struct rendezvous_handler {
	/* Unix time in ms by the network's clock. */
	int64_t (*now)(void *arg);
	/* Where the contact can dial us; -1: nowhere yet, rendezvous_address() will tell. */
	int (*endpoint)(void *arg, struct endpoint *endpoint);
	/* A number for a new content, higher than all before, also after a restart. -1: not now. */
	int (*sequence)(void *arg, int64_t now_ms, uint64_t *sequence);
	/* The contact's record, in its time. True: it is the newest, and is being dialled. */
	bool (*found)(void *arg, const struct record *record);
	/* After rendezvous_watch: a lookup has come to its end, and found() was true in it. */
	void (*watched)(void *arg, bool found);
	/* rendezvous_state() may be another now. */
	void (*changed)(void *arg);
};

/* What a side does of it: a host publishes for the guests of an invitation, a guest looks. */
enum rendezvous_part { RENDEZVOUS_BOTH, RENDEZVOUS_PUBLISH, RENDEZVOUS_LOOK };

struct rendezvous_start {
	enum rendezvous_part part;
	const struct env *env;
	struct registry *registry;
	struct isolation *isolation;
	const void *owner; /* whose circuits are shared if they must be (isolation.h) */
	const struct identity *own;
	const uint8_t *contact; /* public key */
	const struct pair *pair;
	unsigned replicas;
	const struct rendezvous_handler *handler;
	void *arg;
};

/* Everything in start must outlive it. NULL: memory is short. Nothing happens before a start. */
struct rendezvous *rendezvous_new(const struct rendezvous_start *start);
void rendezvous_free(struct rendezvous **rendezvous);
enum rendezvous_state rendezvous_state(const struct rendezvous *rendezvous);

/* Memory for a second pair. -1: it is short. */
int rendezvous_reserve_next(struct rendezvous *rendezvous);
/* A second pair of the same two, under which we also publish and look; NULL: none. It must outlive
 * the rendezvous, or the next call; and its memory must have been reserved since the last NULL. */
void rendezvous_set_next(struct rendezvous *rendezvous, const struct pair *next);
/* Within found(): was the record under that second pair? */
bool rendezvous_found_next(const struct rendezvous *rendezvous);

/* Begin from the start: look delay_ms from now, then as above. */
void rendezvous_begin(struct rendezvous *rendezvous, int64_t delay_ms);
/* Look delay_ms from now and go on with the same pauses, but publish nothing. */
void rendezvous_watch(struct rendezvous *rendezvous, int64_t delay_ms);
/* The link broke: publish and look, both at once. */
void rendezvous_urgent(struct rendezvous *rendezvous);
/* The contact said goodbye: publish, look when that is done, wait. */
void rendezvous_absent(struct rendezvous *rendezvous);
/* It was found and could not be reached: publish, and look again delay_ms from now. */
void rendezvous_retry(struct rendezvous *rendezvous, int64_t delay_ms);
/* It is linked, or we go offline: stop everything. */
void rendezvous_end(struct rendezvous *rendezvous);
/* Our own endpoint is there, or is another now: publish delay_ms from now, if we are to be found.
 */
void rendezvous_address(struct rendezvous *rendezvous, int64_t delay_ms);
/* The registry may answer again: do delay_ms from now what waits after a failure. */
void rendezvous_wake(struct rendezvous *rendezvous, int64_t delay_ms);
/* The time is another, and the keys with it, or much has passed unnoticed: begin anew delay_ms from
 * now, whatever was planned. */
void rendezvous_jumped(struct rendezvous *rendezvous, int64_t delay_ms);

#endif
