/*
 * bucket.h: a token bucket: so much at once, and so much a second in the long run.
 */
#ifndef XMPP_BUCKET_H
#define XMPP_BUCKET_H

#include <stdint.h>

struct bucket {
	int64_t burst, per_s;
	int64_t tokens; /* in thousandths; negative: overdrawn */
	int64_t at_ms;  /* monotonic: when tokens was right */
};

/* Full. */
void bucket_init(struct bucket *bucket, int64_t burst, int64_t per_s, int64_t now_ms);
/* Another size and rate; a bucket that is overdrawn stays so. */
void bucket_set(struct bucket *bucket, int64_t burst, int64_t per_s);
/* Take amount, which may overdraw it. Returns the time in ms until it is no longer overdrawn. */
int64_t bucket_take(struct bucket *bucket, int64_t amount, int64_t now_ms);

#endif
