/*
 * ration.h: how often something may be done: a few times at once, then once in a while.
 *
 * Each use counts against the most there may be; every refill_ms takes one off. All times are
 * env_mono_ms. Zeros are a fresh one.
 */
#ifndef CORE_RATION_H
#define CORE_RATION_H

#include <stdint.h>

struct ration {
	unsigned used;
	int64_t counted_ms; /* from here on the next refill is counted */
};

/* 0: it may be done, and counts; else in how many ms it may be. */
int64_t ration_take(struct ration *ration, unsigned most, int64_t refill_ms, int64_t now_ms);

#endif
