/*
 * gateway.h: the gateways that are known, how good each has been, and which to ask next.
 *
 * No I/O: the one who asks (registry_opendht.c) tells how it went. A gateway is a number from 0 to
 * count - 1.
 */
#ifndef CORE_GATEWAY_H
#define CORE_GATEWAY_H

#include "core/base/env.h"
#include "core/registry.h"

/* Most gateways in a pool: as many as a list of the configuration has items at most. */
#define GATEWAYS_MAX 256
/* Success within this time is perfect; a slower one counts less, half at SLOW. In ms: a request
 * through Tor takes 1 to 2 s. */
#define GATEWAY_FAST_MS 2000
#define GATEWAY_SLOW_MS 5000
/* Hosts that must have told the time before the median is believed: one liar among three cannot
 * move it out of what the other two say. */
#define GATEWAY_DATES_MIN 3

struct gateway_pool;

/* Which gateways were asked already; starts as zeros. */
struct gateway_set {
	uint64_t bits[GATEWAYS_MAX / 64];
};

void gateway_set_add(struct gateway_set *set, int gateway);
/* Add all of other. */
void gateway_set_join(struct gateway_set *set, const struct gateway_set *other);
bool gateway_set_has(const struct gateway_set *set, int gateway);

/*
 * urls: "scheme://host[:port][/path]", at most GATEWAYS_MAX, copied; the same one twice counts
 * once. host is what stands between "://" and the next '/' or the port: several gateways of one
 * host have one owner. NULL: memory is short.
 */
struct gateway_pool *gateway_pool_new(const struct env *env, const char *const *urls, size_t count);
void gateway_pool_free(struct gateway_pool **pool);
int gateway_pool_count(const struct gateway_pool *pool);
const char *gateway_url(const struct gateway_pool *pool, int gateway);
void gateway_describe(const struct gateway_pool *pool, int gateway, struct registry_gateway *out);

/*
 * Choose by chance one that is not in avoid: the better its score, the likelier, but every one now
 * and then, so that the good days of a bad one are noticed; and rather one whose host has none in
 * avoid. -1: all are in avoid.
 */
int gateway_choose(const struct gateway_pool *pool, const struct gateway_set *avoid);

/* It did what it was asked, in latency_ms. */
void gateway_succeeded(struct gateway_pool *pool, int gateway, int64_t latency_ms);
/* It failed, was too slow, or was caught losing a value. */
void gateway_failed(struct gateway_pool *pool, int gateway);

/* Its clock shows date_ms (Unix time) now. */
void gateway_told_date(struct gateway_pool *pool, int gateway, int64_t date_ms);
/* As registry_clock_offset; the gateways of one host have one vote. */
int gateway_clock_offset(const struct gateway_pool *pool, int64_t *offset_ms);

#endif
