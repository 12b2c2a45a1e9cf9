/*
 * rendezvous_look.c: the lookups of a rendezvous: those of one pair, in its present epoch.
 *
 * Neighbours: rendezvous.c, rendezvous_publish.c.
 */
#include "core/base/log.h"
#include "core/rendezvous_private.h"

#include <stdlib.h>
#include <string.h>

/* Is it in its time? A reader trusts no lifetime longer than what records have. */
static bool is_fresh(const struct record *record, int64_t now_ms)
{
	int64_t lifetime = record->lifetime_s;

	if (lifetime > RECORD_LIFETIME_S)
		lifetime = RECORD_LIFETIME_S;
	return record->issued_ms <= now_ms + CLOCK_TOLERANCE_MS &&
	       record->issued_ms + lifetime * 1000 + CLOCK_TOLERANCE_MS >= now_ms;
}

static bool look_value(void *arg, unsigned index, const uint8_t value[RECORD_LEN])
{
	struct trail *trail = arg;
	struct rendezvous *r = trail->rendezvous;
	struct record record = {0};
	struct err why = {0};

	r->found_next = trail == r->next_trail;
	if (record_open(r->with.env, r->with.own, r->with.contact, &trail->pair->in,
			trail->keys[index], value, &record, &why) < 0)
		log_debug("rendezvous: a value is no record: %s", why.text);
	else if (!is_fresh(&record, rendezvous_now(r)))
		log_debug("rendezvous: a record is out of its time");
	else if (r->with.handler->found(r->with.arg, &record))
		trail->found = true;
	secret_wipe(&record, sizeof(record));
	/* Go on: another replica may hold a newer record. */
	return false;
}

/* It has ended, or was cancelled. */
static void forget_look(struct trail *trail)
{
	trail->look = NULL;
	free(trail->keys);
	trail->keys = NULL;
}

void trail_stop_looking(struct trail *trail)
{
	registry_cancel(&trail->look);
	forget_look(trail);
	trail->look_ms = trail->aside_ms = NEVER;
	trail->look_backoff = 0;
}

void trail_plan_look(struct trail *trail)
{
	struct rendezvous *r = trail->rendezvous;

	rendezvous_at(r, &trail->look_ms,
		      env_jitter(r->with.env, trail->look_pause, LOOK_PAUSE_JITTER));
	trail->look_pause *= 2;
	if (trail->look_pause > LOOK_PAUSE_MAX_MS)
		trail->look_pause = LOOK_PAUSE_MAX_MS;
}

/* Who is seen under either pair is there. */
static void tell_watched(struct rendezvous *r)
{
	bool seen = false;

	for (unsigned i = 0; i < r->trail_count; i++)
		seen |= r->trails[i]->seen;
	r->with.handler->watched(r->with.arg, seen);
}

static void look_done(void *arg, unsigned answered)
{
	struct trail *trail = arg;
	struct rendezvous *r = trail->rendezvous;

	forget_look(trail);
	/* A key that no gateway answered for may be the one that holds the record. */
	if (answered < r->with.replicas && !trail->found && !trail->aside) {
		rendezvous_at(r, &trail->look_ms, rendezvous_backoff(r, &trail->look_backoff));
	} else {
		trail->look_backoff = 0;
		/* A lookup that was planned otherwise stays planned. Also when it was found:
		 * dialling ends in a link or in a retry, but nothing depends on that. */
		if (trail->look_ms == NEVER)
			trail_plan_look(trail);
	}
	if (r->watching && answered > 0) {
		trail->seen = trail->found || (trail->aside && trail->seen);
		tell_watched(r);
	} else if (!r->watching && !trail->found && !trail->aside) {
		r->wanted = true;
		for (unsigned i = 0; i < r->trail_count; i++)
			trail_publish(r->trails[i]);
	}
	rendezvous_changed(r);
}

/* Is it the contact's, and in its time? */
static bool look_sift(void *arg, unsigned index, const uint8_t value[RECORD_LEN])
{
	const struct trail *trail = arg;
	const struct rendezvous *r = trail->rendezvous;
	struct record record = {0};
	bool ours = record_open(r->with.env, r->with.own, r->with.contact, &trail->pair->in,
				trail->keys[index], value, &record, NULL) == 0 &&
		    is_fresh(&record, rendezvous_now(r));

	secret_wipe(&record, sizeof(record));
	return ours;
}

static struct registry_op *lookup(struct trail *trail, uint64_t epoch)
{
	struct rendezvous *r = trail->rendezvous;
	struct registry_op *op;
	char circuit[ISOLATION_NAME_SIZE];

	trail->keys = malloc(REPLICAS_MAX * sizeof(trail->keys[0]));
	if (trail->keys == NULL || trail_keys(trail, false, epoch, trail->keys, circuit) < 0)
		return NULL;
	op = registry_lookup(r->with.registry, circuit,
			     (const uint8_t(*)[LOOKUP_KEY_LEN])trail->keys, r->with.replicas,
			     look_value, look_done, trail);
	if (op != NULL)
		registry_sift(op, look_sift);
	return op;
}

static void look(struct trail *trail, uint64_t epoch, bool aside)
{
	struct rendezvous *r = trail->rendezvous;

	if (trail->look != NULL)
		return;
	trail->aside = aside;
	trail->found = false;
	trail->look = lookup(trail, epoch);
	if (trail->look == NULL) {
		forget_look(trail);
		rendezvous_at(r, &trail->look_ms, rendezvous_backoff(r, &trail->look_backoff));
	}
	rendezvous_changed(r);
}

static uint64_t present(const struct trail *trail)
{
	return pair_epoch(trail->pair, rendezvous_now(trail->rendezvous));
}

void trail_look(struct trail *trail)
{
	look(trail, present(trail), false);
}

void trail_look_aside(struct trail *trail)
{
	int64_t left = pair_epoch_left_ms(trail->pair, rendezvous_now(trail->rendezvous));

	if (left <= EPOCH_MS / 2)
		look(trail, present(trail) + 1, true);
	else if (present(trail) > 0)
		look(trail, present(trail) - 1, true);
}

void trail_plan_aside(struct trail *trail, int64_t delay_ms)
{
	struct rendezvous *r = trail->rendezvous;
	int64_t left = pair_epoch_left_ms(trail->pair, rendezvous_now(r) + delay_ms);

	if (left <= EPOCH_EDGE_MS || EPOCH_MS - left <= EPOCH_EDGE_MS)
		rendezvous_at(
		    r, &trail->aside_ms,
		    delay_ms + ASIDE_MIN_MS +
			(int64_t)env_random_below(r->with.env, ASIDE_MAX_MS - ASIDE_MIN_MS));
}
