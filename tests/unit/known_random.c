/*
 * known_random.c: see known_random.h.
 */
#include "tests/unit/known_random.h"

#include <stdlib.h>

static uint8_t next_byte(struct known_random *random)
{
	if (random->queue_len > 0) {
		random->queue_len--;
		return *random->queue++;
	}
	/* The multiplier is Knuth's for 64 bits; the low bits repeat soon, so the high ones are
	 * used. */
	random->state = random->state * 6364136223846793005u + 1442695040888963407u;
	return (uint8_t)(random->state >> 56);
}

static void fill(void *self, void *out, size_t len)
{
	uint8_t *bytes = out;

	for (size_t i = 0; i < len; i++)
		bytes[i] = next_byte(self);
}

static int64_t no_clock(void *self)
{
	(void)self;
	abort();
}

static const struct env_ops ops = {.wall_ms = no_clock, .mono_ms = no_clock, .random = fill};

void known_random_init(struct known_random *random, uint64_t seed)
{
	*random = (struct known_random){.env = {&ops, random}, .state = seed};
}

void known_random_queue(struct known_random *random, const void *bytes, size_t len)
{
	random->queue = bytes;
	random->queue_len = len;
}
