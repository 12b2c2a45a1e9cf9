/*
 * rate.c: see rate.h.
 */
#include "xmpp/rate.h"

#include <assert.h>

void rate_init(struct rate *rate, unsigned limit, int64_t window_ms)
{
	assert(limit > 0 && limit <= RATE_LIMIT_MAX);
	*rate = (struct rate){.limit = limit, .window_ms = window_ms};
}

bool rate_allows(const struct rate *rate, int64_t now_ms)
{
	return rate->count < rate->limit || now_ms - rate->taken_ms[rate->next] >= rate->window_ms;
}

void rate_take(struct rate *rate, int64_t now_ms)
{
	assert(rate_allows(rate, now_ms));
	rate->taken_ms[rate->next] = now_ms;
	rate->next = (rate->next + 1) % rate->limit;
	if (rate->count < rate->limit)
		rate->count++;
}
