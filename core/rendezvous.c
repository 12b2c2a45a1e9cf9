/*
 * rendezvous.c: see rendezvous.h.
 *
 * Two activities for each pair, looking and publishing, that begin each other:
 *
 *     begin -> look -> nothing found -> publish -> done -> look again -> wait
 *                                          ^                               |
 *                                          +--- every 6 to 8 minutes ------+
 *
 * One timer serves all their moments. Neighbours: rendezvous_look.c, rendezvous_publish.c.
 */
#include "core/rendezvous_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int64_t rendezvous_now(const struct rendezvous *r)
{
	return r->with.handler->now(r->with.arg);
}

void rendezvous_changed(struct rendezvous *r)
{
	r->with.handler->changed(r->with.arg);
}

int64_t rendezvous_backoff(struct rendezvous *r, int64_t *backoff)
{
	*backoff = *backoff == 0 ? REGISTRY_BACKOFF_MIN_MS : 2 * *backoff;
	if (*backoff > REGISTRY_BACKOFF_MAX_MS)
		*backoff = REGISTRY_BACKOFF_MAX_MS;
	return env_jitter(r->with.env, *backoff, 25);
}

/* --- trails --- */

/* The contact has the second pair as soon as we have, but for the seconds of an agreement. */
static struct trail *first_trail(struct rendezvous *r)
{
	return r->trails[r->trail_count - 1];
}

bool trail_is_first(const struct trail *trail)
{
	return trail == first_trail(trail->rendezvous);
}

int64_t rendezvous_apart(const struct rendezvous *r)
{
	return APART_MIN_MS + (int64_t)env_random_below(r->with.env, APART_MAX_MS - APART_MIN_MS);
}

int64_t trail_apart(const struct trail *trail)
{
	return trail_is_first(trail) ? 0 : rendezvous_apart(trail->rendezvous);
}

int trail_keys(struct trail *trail, bool out, uint64_t epoch,
	       uint8_t keys[REPLICAS_MAX][LOOKUP_KEY_LEN], char circuit[ISOLATION_NAME_SIZE])
{
	const struct rendezvous_start *with = &trail->rendezvous->with;

	if (isolation_name(with->isolation, &trail->seat, with->owner, epoch, circuit) < 0)
		return -1;
	for (unsigned i = 0; i < with->replicas; i++)
		pair_lookup_key(out ? &trail->pair->out : &trail->pair->in, epoch, (uint8_t)i,
				keys[i]);
	return 0;
}

static void trail_stop(struct trail *trail)
{
	trail_stop_looking(trail);
	trail_stop_publishing(trail);
}

static void trail_init(struct rendezvous *r, unsigned number, const struct pair *pair)
{
	*r->trails[number] =
	    (struct trail){.rendezvous = r, .pair = pair, .look_ms = NEVER, .aside_ms = NEVER};
}

static void free_next_trail(struct rendezvous *r)
{
	secret_free(r->next_trail, sizeof(*r->next_trail));
	r->next_trail = r->trails[TRAIL_NEXT] = NULL;
	r->trail_count = 1;
}

/* --- the timer --- */

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void arm(struct rendezvous *r)
{
	int64_t soonest = NEVER, now = env_mono_ms(r->with.env);

	for (unsigned i = 0; i < r->trail_count; i++) {
		const struct trail *trail = r->trails[i];
		soonest = sooner(soonest, sooner(trail->look_ms, trail->aside_ms));
		for (unsigned j = 0; j < 2; j++)
			if (trail->publications[j].trail != NULL)
				soonest = sooner(soonest, trail->publications[j].due_ms);
	}
	if (soonest == NEVER)
		timer_stop(r->timer);
	else
		timer_set(r->timer, soonest > now ? soonest - now : 0);
}

void rendezvous_at(struct rendezvous *r, int64_t *moment, int64_t delay_ms)
{
	*moment = env_mono_ms(r->with.env) + delay_ms;
	arm(r);
}

/* Has it come? Then it is over. */
static bool is_due(int64_t *moment, int64_t now)
{
	if (*moment > now)
		return false;
	*moment = NEVER;
	return true;
}

static void timer_due(void *arg)
{
	struct rendezvous *r = arg;
	int64_t now = env_mono_ms(r->with.env);

	for (unsigned i = 0; i < r->trail_count; i++) {
		struct trail *trail = r->trails[i];
		if (is_due(&trail->look_ms, now))
			trail_look(trail);
		if (is_due(&trail->aside_ms, now))
			trail_look_aside(trail);
		for (unsigned j = 0; j < 2; j++)
			if (trail->publications[j].trail != NULL &&
			    is_due(&trail->publications[j].due_ms, now))
				publication_start(&trail->publications[j]);
	}
	arm(r);
}

/* --- from outside --- */

struct rendezvous *rendezvous_new(const struct rendezvous_start *start)
{
	struct rendezvous *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->with = *start;
	r->trails[TRAIL_PAIR] = &r->pair_trail;
	r->trail_count = 1;
	trail_init(r, TRAIL_PAIR, start->pair);
	r->timer = timer_new(start->env, timer_due, r);
	if (r->timer == NULL)
		rendezvous_free(&r);
	return r;
}

static void stop_all(struct rendezvous *r)
{
	for (unsigned i = 0; i < r->trail_count; i++)
		trail_stop(r->trails[i]);
	timer_stop(r->timer);
}

void rendezvous_free(struct rendezvous **rendezvous)
{
	struct rendezvous *r = *rendezvous;

	if (r == NULL)
		return;
	for (unsigned i = 0; i < r->trail_count; i++)
		trail_stop(r->trails[i]);
	timer_free(&r->timer);
	free_next_trail(r);
	secret_free(r, sizeof(*r));
	*rendezvous = NULL;
}

int rendezvous_reserve_next(struct rendezvous *r)
{
	if (r->next_trail == NULL)
		r->next_trail = malloc(sizeof(*r->next_trail));
	return r->next_trail != NULL ? 0 : -1;
}

/* Either pair may be another now, and is not to be seen where the old one was. */
void rendezvous_set_next(struct rendezvous *r, const struct pair *next)
{
	stop_all(r);
	trail_init(r, TRAIL_PAIR, r->with.pair);
	if (next == NULL) {
		free_next_trail(r);
	} else {
		assert(r->next_trail != NULL);
		r->trails[TRAIL_NEXT] = r->next_trail;
		r->trail_count = TRAILS;
		trail_init(r, TRAIL_NEXT, next);
	}
	rendezvous_jumped(r, 0);
}

bool rendezvous_found_next(const struct rendezvous *r)
{
	return r->found_next;
}

enum rendezvous_state rendezvous_state(const struct rendezvous *r)
{
	bool publishing = false;

	if (!r->running)
		return RENDEZVOUS_OFF;
	for (unsigned i = 0; i < r->trail_count; i++) {
		if (r->trails[i]->look != NULL)
			return RENDEZVOUS_LOOKING;
		for (unsigned j = 0; j < 2; j++)
			publishing |= r->trails[i]->publications[j].op != NULL;
	}
	return publishing ? RENDEZVOUS_PUBLISHING : RENDEZVOUS_WAITING;
}

static void restart(struct rendezvous *r, bool wanted)
{
	stop_all(r);
	r->running = true;
	r->wanted = wanted;
	r->watching = false;
	/* Whoever has heard our goodbye looks for news. */
	r->sequence = 0;
	for (unsigned i = 0; i < r->trail_count; i++) {
		r->trails[i]->seen = false;
		r->trails[i]->look_after = r->with.part == RENDEZVOUS_BOTH;
		r->trails[i]->look_pause =
		    r->with.part == RENDEZVOUS_LOOK ? LOOK_PAUSE_GUEST_MS : LOOK_PAUSE_MIN_MS;
	}
}

static void look_all(struct rendezvous *r, int64_t delay_ms)
{
	for (unsigned i = 0; i < r->trail_count; i++) {
		struct trail *trail = r->trails[i];
		rendezvous_at(r, &trail->look_ms, delay_ms + trail_apart(trail));
		trail_plan_aside(trail, trail->look_ms - env_mono_ms(r->with.env));
	}
}

static void publish_all(struct rendezvous *r)
{
	for (unsigned i = 0; i < r->trail_count; i++)
		trail_publish(r->trails[i]);
}

static void publish_all_again(struct rendezvous *r, int64_t delay_ms)
{
	for (unsigned i = 0; i < r->trail_count; i++)
		trail_publish_again(r->trails[i], delay_ms);
}

void rendezvous_begin(struct rendezvous *r, int64_t delay_ms)
{
	restart(r, r->with.part == RENDEZVOUS_PUBLISH);
	if (r->with.part == RENDEZVOUS_PUBLISH)
		publish_all_again(r, delay_ms);
	else
		look_all(r, delay_ms);
	rendezvous_changed(r);
}

void rendezvous_watch(struct rendezvous *r, int64_t delay_ms)
{
	restart(r, false);
	r->watching = true;
	look_all(r, delay_ms);
	rendezvous_changed(r);
}

void rendezvous_urgent(struct rendezvous *r)
{
	restart(r, true);
	publish_all(r);
	look_all(r, 0);
	first_trail(r)->look_ms = NEVER;
	trail_look(first_trail(r));
}

void rendezvous_absent(struct rendezvous *r)
{
	restart(r, true);
	for (unsigned i = 0; i < r->trail_count; i++)
		trail_plan_look(r->trails[i]);
	publish_all(r);
}

void rendezvous_retry(struct rendezvous *r, int64_t delay_ms)
{
	struct trail *trail = r->trails[r->found_next ? r->trail_count - 1 : TRAIL_PAIR];

	if (!r->running)
		return;
	r->wanted = true;
	rendezvous_at(r, &trail->look_ms, delay_ms);
	publish_all(r);
}

void rendezvous_end(struct rendezvous *r)
{
	stop_all(r);
	r->running = false;
	rendezvous_changed(r);
}

void rendezvous_address(struct rendezvous *r, int64_t delay_ms)
{
	publish_all_again(r, delay_ms);
}

void rendezvous_wake(struct rendezvous *r, int64_t delay_ms)
{
	if (!r->running)
		return;
	for (unsigned i = 0; i < r->trail_count; i++) {
		struct trail *trail = r->trails[i];
		if (trail->look_backoff > 0 && trail->look == NULL)
			rendezvous_at(r, &trail->look_ms, delay_ms + trail_apart(trail));
		trail->look_backoff = 0;
		trail_publish_soon(trail, delay_ms);
	}
}

void rendezvous_jumped(struct rendezvous *r, int64_t delay_ms)
{
	if (r->running && r->watching)
		rendezvous_watch(r, delay_ms);
	else if (r->running)
		rendezvous_begin(r, delay_ms);
}
