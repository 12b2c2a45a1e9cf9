/*
 * registry.h: the place where records are put and got, whatever keeps it.
 *
 * One front, several back ends in a table: registry_opendht.c (the deployed one),
 * registry_memory.c (tests, and daemons in one process). A registry is not trusted: what it gives
 * is bytes that someone stored under a key.
 */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/pair.h"
#include "core/record.h"

struct registry;
struct registry_op;

/* Most values of one key that a lookup hands on; what comes after them is dropped unread. */
#define REGISTRY_VALUES_MAX 16
/* A key or token that makes requests share a circuit, or not: a SOCKS user name. */
#define REGISTRY_ISOLATION_MAX 64
/* Most keys of one operation: the replicas of one pair in one epoch. */
#define REGISTRY_KEYS_MAX REPLICAS_MAX

struct registry_entry {
	uint8_t key[LOOKUP_KEY_LEN];
	uint8_t value[RECORD_LEN];
};

/* How a publication went: stored: a gateway took it; confirmed: read back through another. */
struct registry_published {
	unsigned stored;
	unsigned confirmed;
};

/*
 * Put count entries (at most REGISTRY_KEYS_MAX, copied), each through another gateway as far as
 * there are enough, and read each back through yet another; failing gateways are replaced by the
 * next. done is called exactly once, from the loop, never from within the call, never after
 * registry_cancel. isolation, at most REGISTRY_ISOLATION_MAX bytes, copied: operations with
 * different ones never share a circuit. NULL: memory is short, done will not be called.
 */
struct registry_op *
registry_publish(struct registry *registry, const char *isolation,
		 const struct registry_entry *entries, unsigned count,
		 void (*done)(void *arg, const struct registry_published *result), void *arg);

/*
 * Get the values of count keys (at most REGISTRY_KEYS_MAX), each through another gateway.
 * value(arg, key index, value) comes for each value of RECORD_LEN bytes, at most
 * REGISTRY_VALUES_MAX a key; if it returns true the lookup is content, the rest is given up and
 * done follows. done(arg, answered): answered keys of count got an answer (maybe empty) from a
 * gateway; 0 means that no gateway could be reached. The rules of registry_publish hold. value and
 * done may cancel this or other operations and free the registry.
 */
struct registry_op *registry_lookup(struct registry *registry, const char *isolation,
				    const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
				    bool (*value)(void *arg, unsigned index,
						  const uint8_t value[RECORD_LEN]),
				    void (*done)(void *arg, unsigned answered), void *arg);

/*
 * Right after registry_lookup: only values for which sift(arg, key index, value) is true are handed
 * on, or count at all, so that ours is found among thousands of others. arg is the lookup's. It is
 * called at any time, before value, and does nothing but look: it must not call registry_*.
 */
void registry_sift(struct registry_op *op,
		   bool (*sift)(void *arg, unsigned index, const uint8_t value[RECORD_LEN]));

/* Forget an operation; NULL is fine. Not needed (and not allowed) after done. */
void registry_cancel(struct registry_op **op);

/* One gateway as `tacetctl status` shows it. */
struct registry_gateway {
	char name[256];
	double score;       /* 0 (useless) … 1 (perfect) */
	int64_t latency_ms; /* smoothed; -1: unknown */
	uint64_t answers, failures;
};

/* Call each(arg, gateway) for every gateway (none for registry_memory). */
void registry_gateways(const struct registry *registry,
		       void (*each)(void *arg, const struct registry_gateway *gateway), void *arg);
/* How far the system clock is behind the median of the gateways' Date headers, in ms; -1 when
 * gateways of fewer than three hosts have told. */
int registry_clock_offset(const struct registry *registry, int64_t *offset_ms);

/* Cancels all operations. */
void registry_free(struct registry **registry);

#endif
