/*
 * component_barriers.h: which pings to oneself are under way, and what waits for them. Pure.
 *
 * A component's ping (XEP-0199) to itself goes through the server and comes back behind all that
 * the server had to do before (RFC 6120 section 10.1).
 */
#ifndef COMPONENT_COMPONENT_BARRIERS_H
#define COMPONENT_COMPONENT_BARRIERS_H

#include "core/base/env.h"
#include "xmpp/xml.h"

/* One more than component_stream_barrier gives out, for a ping of the stream's own. */
#define COMPONENT_BARRIERS_MAX 65

struct component_barrier {
	uint64_t number;
	int64_t sent_at;           /* ms, monotonic */
	void (*passed)(void *arg); /* NULL: nobody waits */
	void *arg;
};

struct component_barriers {
	struct component_barrier list[COMPONENT_BARRIERS_MAX]; /* in the order of sending */
	unsigned count;
	uint64_t last_number;
	uint8_t session[8]; /* so that ids of an earlier connection mean nothing */
};

/* For a new connection: none is under way. */
void component_barriers_begin(struct component_barriers *barriers, const struct env *env);
/* The ping for the next one, from and to domain. NULL when memory is short. */
struct xml *component_barriers_ping(const struct component_barriers *barriers, const char *domain);
/* That ping has been sent; count was below COMPONENT_BARRIERS_MAX. */
void component_barriers_add(struct component_barriers *barriers, int64_t now,
			    void (*passed)(void *arg), void *arg);
/* The number of the barrier that stanza, from domain itself, tells of; 0: none. A ping comes back
 * as it was; one that the server has answered, or refused, has come as far. */
uint64_t component_barriers_number(const struct component_barriers *barriers, const char *domain,
				   const struct xml *stanza);
/* Take the oldest out if it is not younger than number. False when there is none. */
bool component_barriers_take(struct component_barriers *barriers, uint64_t number,
			     struct component_barrier *taken);

#endif
