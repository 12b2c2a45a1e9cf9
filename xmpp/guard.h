/*
 * guard.h: wrong passwords: after some of them nobody can try for a while, longer each time.
 *
 * Counted is who has tried (the user of the machine that the connection comes from) for which name,
 * so that another user of the machine cannot lock out the owner of an account. A name that belongs
 * to nobody is treated like any other. What is kept does not grow: there is a fixed number of
 * counters, and names share them by a keyed hash, so that nobody can choose with whom.
 */
#ifndef XMPP_GUARD_H
#define XMPP_GUARD_H

#include "core/base/env.h"
#include "core/base/secret.h"

#include <stdbool.h>

/* Wrong passwords before the first lock: more than anybody mistypes, and than a client with an old
 * password tries on two streams. */
#define GUARD_FREE 10
/* The first lock, doubled by each further wrong password up to the longest: 150 guesses a day. */
#define GUARD_LOCK_MS     INT64_C(30000)
#define GUARD_LOCK_MAX_MS INT64_C(600000)
/* All is forgotten so long after the last one. */
#define GUARD_FORGET_MS INT64_C(3600000)
/* Few people use one machine; two names share a counter rarely. */
#define GUARD_COUNTERS 512
/* Who, when it is not known. */
#define GUARD_ANYBODY (-1)

struct guard_counter {
	uint64_t name; /* the last one counted, hashed */
	unsigned wrong;
	int64_t last_ms; /* monotonic */
	int64_t locked_until_ms;
};

struct guard {
	const struct env *env;
	struct key secret;
	struct guard_counter counters[GUARD_COUNTERS];
};

/* secret is copied. */
void guard_init(struct guard *guard, const struct env *env, const struct key *secret);
void guard_wipe(struct guard *guard);

/* May who, a user id or GUARD_ANYBODY, try a password for name now? */
bool guard_allows(const struct guard *guard, const char *name, int64_t who);
/* A password was wrong. Returns for how long, in ms, the next must wait; 0: not at all. */
int64_t guard_wrong(struct guard *guard, const char *name, int64_t who);
/* A password was right. */
void guard_right(struct guard *guard, const char *name, int64_t who);
/* The name has another password: what was tried before does not count, whoever it was. */
void guard_forget(struct guard *guard, const char *name);

#endif
