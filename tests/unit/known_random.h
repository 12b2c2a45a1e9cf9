/*
 * known_random.h: an env whose random numbers are known beforehand. It has no clock and no timers.
 */
#ifndef TESTS_UNIT_KNOWN_RANDOM_H
#define TESTS_UNIT_KNOWN_RANDOM_H

#include "core/base/env.h"

struct known_random {
	struct env env;
	const uint8_t *queue; /* given out first; not owned */
	size_t queue_len;
	uint64_t state; /* after that, a fixed sequence that depends on this */
};

/* env.self points into *random, which must not move. */
void known_random_init(struct known_random *random, uint64_t seed);
/* The next bytes that are asked for are these. */
void known_random_queue(struct known_random *random, const void *bytes, size_t len);

#endif
