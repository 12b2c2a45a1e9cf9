/*
 * gateway.c: how good each gateway has been, and which to ask next; see gateway.h.
 */
#include "core/gateway.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is not known yet is neither good nor bad. */
#define SCORE_INITIAL 0.5
/* Weight of the newest request in the moving averages: a gateway that dies has lost half its score
 * after three requests, and is trusted again about as fast. */
#define NEWEST 0.2
/* Chances are in proportion to the square of the score, in these units; a score of 0 still has
 * CHANCE_MIN: one request in 50 goes to a dead gateway beside a perfect one. */
#define CHANCE_PERFECT 1000.0
#define CHANCE_MIN     20
/* By how much a gateway's chance falls when one of its host has been asked. */
#define CHANCE_SAME_HOST 16

struct gateway {
	char *url;
	int host; /* the first gateway in the pool with the same host */
	double score;
	int64_t latency_ms; /* -1: unknown */
	uint64_t answers, failures;
	bool dated;
	int64_t date_offset_ms; /* Date minus monotonic clock, which nobody sets meanwhile */
};

struct gateway_pool {
	const struct env *env;
	int count;
	struct gateway gateways[GATEWAYS_MAX];
};

void gateway_set_add(struct gateway_set *set, int gateway)
{
	set->bits[gateway / 64] |= UINT64_C(1) << (gateway % 64);
}

void gateway_set_join(struct gateway_set *set, const struct gateway_set *other)
{
	for (size_t i = 0; i < sizeof(set->bits) / sizeof(set->bits[0]); i++)
		set->bits[i] |= other->bits[i];
}

bool gateway_set_has(const struct gateway_set *set, int gateway)
{
	return set->bits[gateway / 64] >> (gateway % 64) & 1;
}

/* --- the pool --- */

/* The host in an URL, in *len characters; an IPv6 address with its brackets. */
static const char *url_host(const char *url, size_t *len)
{
	const char *scheme = strstr(url, "://");
	const char *host = scheme ? scheme + 3 : url;

	if (host[0] == '[')
		*len = strcspn(host, "]");
	else
		*len = strcspn(host, ":/");
	return host;
}

static bool same_host(const char *a, const char *b)
{
	size_t a_len, b_len;
	const char *a_host = url_host(a, &a_len), *b_host = url_host(b, &b_len);

	return a_len == b_len && strncasecmp(a_host, b_host, a_len) == 0;
}

static int pool_add(struct gateway_pool *pool, const char *url)
{
	struct gateway *g = &pool->gateways[pool->count];
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	g->url = strndup(url, len);
	if (!g->url)
		return -1;
	g->host = pool->count;
	for (int i = pool->count - 1; i >= 0; i--) {
		if (strcmp(pool->gateways[i].url, g->url) == 0) {
			free(g->url);
			return 0;
		}
		if (same_host(pool->gateways[i].url, g->url))
			g->host = pool->gateways[i].host;
	}
	g->score = SCORE_INITIAL;
	g->latency_ms = -1;
	pool->count++;
	return 0;
}

struct gateway_pool *gateway_pool_new(const struct env *env, const char *const *urls, size_t count)
{
	struct gateway_pool *pool = calloc(1, sizeof(*pool));

	assert(count <= GATEWAYS_MAX);
	if (!pool)
		return NULL;
	pool->env = env;
	for (size_t i = 0; i < count; i++) {
		if (pool_add(pool, urls[i])) {
			gateway_pool_free(&pool);
			return NULL;
		}
	}
	return pool;
}

void gateway_pool_free(struct gateway_pool **pool)
{
	if (!*pool)
		return;
	for (int i = 0; i < (*pool)->count; i++)
		free((*pool)->gateways[i].url);
	free(*pool);
	*pool = NULL;
}

int gateway_pool_count(const struct gateway_pool *pool)
{
	return pool->count;
}

const char *gateway_url(const struct gateway_pool *pool, int gateway)
{
	return pool->gateways[gateway].url;
}

void gateway_describe(const struct gateway_pool *pool, int gateway, struct registry_gateway *out)
{
	const struct gateway *g = &pool->gateways[gateway];

	snprintf(out->name, sizeof(out->name), "%s", g->url);
	out->score = g->score;
	out->latency_ms = g->latency_ms;
	out->answers = g->answers;
	out->failures = g->failures;
}

/* --- the choice --- */

static uint64_t chance(const struct gateway_pool *pool, int gateway,
		       const struct gateway_set *avoid, const struct gateway_set *hosts)
{
	const struct gateway *g = &pool->gateways[gateway];
	uint64_t units = (uint64_t)(g->score * g->score * CHANCE_PERFECT);

	if (gateway_set_has(avoid, gateway))
		return 0;
	if (units < CHANCE_MIN)
		units = CHANCE_MIN;
	return gateway_set_has(hosts, g->host) ? units : units * CHANCE_SAME_HOST;
}

int gateway_choose(const struct gateway_pool *pool, const struct gateway_set *avoid)
{
	struct gateway_set hosts = {0};
	uint64_t sum = 0, drawn;

	for (int i = 0; i < pool->count; i++)
		if (gateway_set_has(avoid, i))
			gateway_set_add(&hosts, pool->gateways[i].host);
	for (int i = 0; i < pool->count; i++)
		sum += chance(pool, i, avoid, &hosts);
	if (sum == 0)
		return -1;
	drawn = env_random_below(pool->env, sum);
	for (int i = 0; i < pool->count; i++) {
		uint64_t units = chance(pool, i, avoid, &hosts);

		if (drawn < units)
			return i;
		drawn -= units;
	}
	return -1; /* not reached: the chances are the same as when they were added up */
}

/* --- how it went --- */

static void score_move(struct gateway *g, double towards)
{
	g->score += NEWEST * (towards - g->score);
}

/* 1 up to FAST, then down in a straight line through 0.5 at SLOW, and not below that. */
static double worth(int64_t latency_ms)
{
	if (latency_ms <= GATEWAY_FAST_MS)
		return 1;
	if (latency_ms >= GATEWAY_SLOW_MS)
		return 0.5;
	return 1 -
	       0.5 * (double)(latency_ms - GATEWAY_FAST_MS) / (GATEWAY_SLOW_MS - GATEWAY_FAST_MS);
}

void gateway_succeeded(struct gateway_pool *pool, int gateway, int64_t latency_ms)
{
	struct gateway *g = &pool->gateways[gateway];

	g->answers++;
	score_move(g, worth(latency_ms));
	if (g->latency_ms < 0)
		g->latency_ms = latency_ms;
	else
		g->latency_ms += (int64_t)(NEWEST * (double)(latency_ms - g->latency_ms));
}

void gateway_failed(struct gateway_pool *pool, int gateway)
{
	struct gateway *g = &pool->gateways[gateway];

	g->failures++;
	score_move(g, 0);
}

/* --- the time --- */

void gateway_told_date(struct gateway_pool *pool, int gateway, int64_t date_ms)
{
	struct gateway *g = &pool->gateways[pool->gateways[gateway].host];

	g->dated = true;
	g->date_offset_ms = date_ms - env_mono_ms(pool->env);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int gateway_clock_offset(const struct gateway_pool *pool, int64_t *offset_ms)
{
	int64_t offsets[GATEWAYS_MAX];
	size_t count = 0;

	for (int i = 0; i < pool->count; i++)
		if (pool->gateways[i].dated)
			offsets[count++] = pool->gateways[i].date_offset_ms;
	if (count < GATEWAY_DATES_MIN)
		return -1;
	qsort(offsets, count, sizeof(offsets[0]), compare);
	/* Of an even number the lower middle one: what a gateway said, not a mean with a liar. */
	*offset_ms = offsets[(count - 1) / 2] + env_mono_ms(pool->env) - env_wall_ms(pool->env);
	return 0;
}
