/*
 * rate.h: at most so many of something in any stretch of time of a given length.
 */
#ifndef XMPP_RATE_H
#define XMPP_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_LIMIT_MAX 16

struct rate {
	unsigned limit; /* at most RATE_LIMIT_MAX */
	int64_t window_ms;
	int64_t taken_ms[RATE_LIMIT_MAX]; /* a ring of when the latest ones were */
	unsigned count;                   /* of those, at most limit */
	unsigned next; /* where the next one goes: the oldest when all are full */
};

void rate_init(struct rate *rate, unsigned limit, int64_t window_ms);
/* May there be one more now (monotonic)? */
bool rate_allows(const struct rate *rate, int64_t now_ms);
/* There is one now; it must be allowed. */
void rate_take(struct rate *rate, int64_t now_ms);

#endif
