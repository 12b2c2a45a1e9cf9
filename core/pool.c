/*
 * pool.c: see pool.h.
 */
#include "core/pool.h"

#include "core/address.h"
#include "core/base/log.h"
#include "core/ration.h"

#include <assert.h>
#include <stdlib.h>

struct berth {
	struct pool *pool;
	struct address *address;
	struct lobby *lobby;
	struct resident *residents;
	unsigned count, open; /* of residents; of those who are open */
	struct ration flights;
	struct timer *flight; /* the next one, if it has to wait */
};

struct resident {
	struct pool *pool;
	struct resident *next_all; /* of the pool */
	struct resident *next;     /* of the berth */
	struct berth *berth;       /* NULL: none yet */
	bool open;
	struct timer *news; /* the address was shown before it came */
	const struct resident_handler *handler;
	void *arg;
};

struct pool {
	const struct env *env;
	unsigned share;
	struct resident *residents;
	unsigned count; /* of residents */
	unsigned berth_count;
	struct berth berths[];
};

/* --- what goes on at a berth --- */

static void on_shown(void *arg, bool fresh)
{
	struct berth *berth = arg;

	for (struct resident *r = berth->residents; r != NULL; r = r->next)
		if (r->open) {
			timer_stop(r->news);
			r->handler->shown(r->arg, fresh);
		}
}

static void on_accepted(void *arg, struct stream *stream)
{
	struct berth *berth = arg;

	lobby_add(berth->lobby, stream);
}

static const struct address_handler address_handler = {
    .shown = on_shown,
    .accepted = on_accepted,
};

/* Through all of them, so that the time does not tell who it was. */
static bool on_knock(void *arg, struct stream *stream, const uint8_t knock[KNOCK_LEN])
{
	struct berth *berth = arg;
	struct resident *known = NULL;

	for (struct resident *r = berth->residents; r != NULL; r = r->next)
		if (r->open && r->handler->knows(r->arg, knock))
			known = r;
	if (known != NULL)
		return known->handler->knocked(known->arg, stream, knock);
	log_debug("pool: a stranger at the door");
	return false;
}

static void fly(void *arg)
{
	struct berth *berth = arg;
	int64_t wait_ms = 0;

	if (berth->open == 0)
		return;
	if (berth->count > 1)
		wait_ms = ration_take(&berth->flights, POOL_FLIGHTS, POOL_FLIGHT_EACH_MS,
				      env_mono_ms(berth->pool->env));
	if (wait_ms == 0)
		address_flee(berth->address);
	else
		timer_set(berth->flight, wait_ms);
}

static int berth_init(struct berth *berth, struct pool *pool, struct transport *transport)
{
	berth->pool = pool;
	berth->address = address_new(pool->env, transport, &address_handler, berth);
	berth->lobby = lobby_new(pool->env, on_knock, berth);
	berth->flight = timer_new(pool->env, fly, berth);
	return berth->address != NULL && berth->lobby != NULL && berth->flight != NULL ? 0 : -1;
}

static void berth_wipe(struct berth *berth)
{
	assert(berth->residents == NULL);
	address_free(&berth->address);
	lobby_free(&berth->lobby);
	timer_free(&berth->flight);
}

static void berth_open(struct berth *berth)
{
	if (berth->open++ == 0)
		address_start(berth->address);
}

static void berth_close(struct berth *berth)
{
	if (--berth->open > 0)
		return;
	timer_stop(berth->flight);
	lobby_clear(berth->lobby);
	address_stop(berth->address);
}

/* --- who lives where --- */

/* One of those with the fewest residents, by chance; NULL: all are full. */
static struct berth *find_berth(struct pool *pool)
{
	struct berth *found = NULL;
	unsigned ties = 0;

	for (unsigned i = 0; i < pool->berth_count; i++) {
		struct berth *berth = &pool->berths[i];

		if (found == NULL || berth->count < found->count) {
			found = berth;
			ties = 1;
		} else if (berth->count == found->count &&
			   env_random_below(pool->env, ++ties) == 0) {
			found = berth;
		}
	}
	return pool->share != 0 && found->count >= pool->share ? NULL : found;
}

static void leave(struct resident *resident)
{
	struct berth *berth = resident->berth;
	struct resident **at = &berth->residents;

	while (*at != resident)
		at = &(*at)->next;
	*at = resident->next;
	berth->count--;
	resident->berth = NULL;
}

static void join(struct resident *resident, struct berth *berth)
{
	resident->berth = berth;
	resident->next = berth->residents;
	berth->residents = resident;
	berth->count++;
}

/* Is its berth more crowded than it would be if all were spread evenly? */
static bool is_crowded(const struct resident *resident)
{
	const struct pool *pool = resident->pool;
	unsigned even = (pool->count + pool->berth_count - 1) / pool->berth_count;
	unsigned most = pool->share != 0 && pool->share < even ? pool->share : even;

	return resident->berth->count > most;
}

static void settle(struct resident *resident)
{
	struct berth *berth;

	if (resident->berth != NULL && !is_crowded(resident))
		return;
	berth = find_berth(resident->pool);
	if (resident->berth != NULL)
		leave(resident);
	if (berth != NULL)
		join(resident, berth);
}

/* It has, or gets, a berth: be there. */
static void move_in(struct resident *resident)
{
	settle(resident);
	if (resident->berth == NULL)
		return;
	berth_open(resident->berth);
	if (address_shown(resident->berth->address))
		timer_set(resident->news, 0);
}

/* Somebody has left: is there anybody who waits for a berth? */
static void let_in(struct pool *pool)
{
	for (struct resident *r = pool->residents; r != NULL; r = r->next_all)
		if (r->open && r->berth == NULL)
			move_in(r);
}

static void tell_shown(void *arg)
{
	struct resident *resident = arg;

	if (resident_shown(resident))
		resident->handler->shown(resident->arg, true);
}

/* --- from outside --- */

struct pool *pool_new(const struct pool_config *config)
{
	unsigned services = config->services != 0 ? config->services : POOL_SERVICES;
	unsigned count = services * config->transport_count;
	struct pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->berths[0]));

	assert(config->transport_count >= 1 && config->transport_count <= POOL_TRANSPORTS_MAX);
	assert(services <= POOL_SERVICES_MAX);
	if (pool == NULL)
		return NULL;
	pool->env = config->env;
	pool->share = config->share;
	pool->berth_count = count;
	for (unsigned i = 0; i < count; i++)
		if (berth_init(&pool->berths[i], pool,
			       config->transports[i % config->transport_count]) < 0) {
			pool_free(&pool);
			return NULL;
		}
	return pool;
}

void pool_free(struct pool **pool)
{
	struct pool *p = *pool;

	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->berth_count; i++)
		berth_wipe(&p->berths[i]);
	free(p);
	*pool = NULL;
}

unsigned pool_berths(const struct pool *pool)
{
	return pool->berth_count;
}

struct resident *resident_new(struct pool *pool, unsigned place,
			      const struct resident_handler *handler, void *arg)
{
	struct resident *resident = calloc(1, sizeof(*resident));

	if (resident == NULL)
		return NULL;
	resident->pool = pool;
	resident->handler = handler;
	resident->arg = arg;
	resident->news = timer_new(pool->env, tell_shown, resident);
	if (resident->news == NULL) {
		free(resident);
		return NULL;
	}
	resident->next_all = pool->residents;
	pool->residents = resident;
	pool->count++;
	if (place < pool->berth_count)
		join(resident, &pool->berths[place]);
	return resident;
}

void resident_free(struct resident **resident)
{
	struct resident *r = *resident;
	struct resident **at;

	if (r == NULL)
		return;
	resident_close(r);
	if (r->berth != NULL)
		leave(r);
	at = &r->pool->residents;
	while (*at != r)
		at = &(*at)->next_all;
	*at = r->next_all;
	r->pool->count--;
	let_in(r->pool);
	timer_free(&r->news);
	free(r);
	*resident = NULL;
}

void resident_open(struct resident *resident)
{
	if (resident->open)
		return;
	resident->open = true;
	move_in(resident);
	if (resident->berth == NULL)
		log_warn("an account cannot be reached: all addresses have as many accounts as they"
			 " may (accounts-per-service, tor-processes)");
}

void resident_close(struct resident *resident)
{
	if (!resident->open)
		return;
	resident->open = false;
	timer_stop(resident->news);
	if (resident->berth != NULL)
		berth_close(resident->berth);
}

void resident_flee(struct resident *resident)
{
	struct berth *berth = resident->berth;

	if (berth != NULL && !timer_pending(berth->flight))
		fly(berth);
}

void resident_wake(struct resident *resident)
{
	if (resident->berth != NULL)
		address_wake(resident->berth->address);
}

void resident_silence(struct resident *resident, struct stream *stream)
{
	if (resident->berth != NULL)
		lobby_silence(resident->berth->lobby, stream);
	else
		stream_free(&stream);
}

bool resident_shown(const struct resident *resident)
{
	return resident->open && resident->berth != NULL && address_shown(resident->berth->address);
}

int resident_endpoint(const struct resident *resident, unsigned slot, struct endpoint *endpoint)
{
	if (!resident_shown(resident))
		return -1;
	return address_endpoint(resident->berth->address, slot, endpoint);
}

unsigned resident_place(const struct resident *resident)
{
	if (resident->berth == NULL)
		return POOL_NOWHERE;
	return (unsigned)(resident->berth - resident->pool->berths);
}

unsigned resident_neighbours(const struct resident *resident)
{
	return resident->berth != NULL ? resident->berth->count : 0;
}
