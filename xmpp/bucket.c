/*
 * bucket.c: see bucket.h. So many a second are as many thousandths a millisecond: no fraction is
 * lost.
 */
#include "xmpp/bucket.h"

#define PARTS 1000

void bucket_init(struct bucket *bucket, int64_t burst, int64_t per_s, int64_t now_ms)
{
	*bucket = (struct bucket){
	    .burst = burst, .per_s = per_s, .tokens = burst * PARTS, .at_ms = now_ms};
}

void bucket_set(struct bucket *bucket, int64_t burst, int64_t per_s)
{
	if (bucket->tokens >= 0)
		bucket->tokens = burst * PARTS;
	bucket->burst = burst;
	bucket->per_s = per_s;
}

static void refill(struct bucket *bucket, int64_t now_ms)
{
	int64_t passed = now_ms - bucket->at_ms;
	int64_t missing = bucket->burst * PARTS - bucket->tokens;

	/* Compared before it is multiplied: a stream may have been silent for years. */
	if (passed > missing / bucket->per_s)
		bucket->tokens = bucket->burst * PARTS;
	else
		bucket->tokens += passed * bucket->per_s;
	bucket->at_ms = now_ms;
}

int64_t bucket_take(struct bucket *bucket, int64_t amount, int64_t now_ms)
{
	refill(bucket, now_ms);
	bucket->tokens -= amount * PARTS;
	if (bucket->tokens >= 0)
		return 0;
	return (-bucket->tokens + bucket->per_s - 1) / bucket->per_s;
}
