/*
 * rendezvous_publish.c: the publications of a rendezvous: those of one pair, in its present epoch
 * and in the neighbours that somebody with another clock may be in.
 *
 *     epoch n     |<------------- 4096 s ------------->|
 *     published  ..b----------------------------------------e
 *                  |<- 10 to 20 min                    |<-->| 0 to 8 min, and the record lives 10
 *
 * Each epoch has a rhythm of its own between b and e, which is all that it shows of its edges.
 * Neighbours: rendezvous.c, rendezvous_look.c.
 */
#include "core/base/log.h"
#include "core/rendezvous_private.h"

#include <string.h>

static bool may_publish(const struct rendezvous *r)
{
	return r->running && r->wanted && !r->watching && r->with.part != RENDEZVOUS_LOOK;
}

static int64_t mono(const struct publication *p)
{
	return env_mono_ms(p->trail->rendezvous->with.env);
}

static bool is_idle(const struct publication *p)
{
	return p->op == NULL && p->due_ms == NEVER;
}

static void at(struct publication *p, int64_t delay_ms)
{
	rendezvous_at(p->trail->rendezvous, &p->due_ms, delay_ms);
}

/* How long the epoch has to go; negative: since when it is over. */
static int64_t left_ms(const struct publication *p)
{
	int64_t now = rendezvous_now(p->trail->rendezvous);
	uint64_t present = pair_epoch(p->trail->pair, now);

	return pair_epoch_left_ms(p->trail->pair, now) + (int64_t)(p->epoch - present) * EPOCH_MS;
}

static bool is_present(const struct publication *p)
{
	return left_ms(p) > 0 && left_ms(p) <= EPOCH_MS;
}

static void stop(struct publication *p)
{
	registry_cancel(&p->op);
	p->due_ms = NEVER;
	p->backoff = 0;
	p->stale = false;
}

/* Its place was that of the epoch two before. */
static struct publication *of_epoch(struct trail *trail, uint64_t epoch)
{
	struct publication *p = &trail->publications[epoch % 2];

	if (p->trail != NULL && p->epoch == epoch)
		return p;
	if (p->trail != NULL)
		stop(p);
	*p = (struct publication){.trail = trail, .epoch = epoch, .due_ms = NEVER};
	return p;
}

void trail_stop_publishing(struct trail *trail)
{
	for (unsigned i = 0; i < 2; i++)
		if (trail->publications[i].trail != NULL)
			stop(&trail->publications[i]);
}

/* --- one publication --- */

/* What is the same for all of them. A reader takes a higher number for news, so it is another only
 * with another content, or after a time in which we were not to be found. */
static int fill_in(struct rendezvous *r, struct record *record)
{
	record->issued_ms = rendezvous_now(r);
	record->lifetime_s = RECORD_LIFETIME_S;
	if (r->sequence == 0 || !endpoint_equal(&r->endpoint, &record->endpoint)) {
		if (r->with.handler->sequence(r->with.arg, record->issued_ms, &r->sequence) < 0) {
			r->sequence = 0;
			return -1;
		}
		r->endpoint = record->endpoint;
	}
	record->sequence = r->sequence;
	return 0;
}

static int seal_all(const struct publication *p, const struct record *record,
		    uint8_t keys[REPLICAS_MAX][LOOKUP_KEY_LEN], struct registry_entry *entries)
{
	const struct rendezvous *r = p->trail->rendezvous;
	struct err why = {0};

	for (unsigned i = 0; i < r->with.replicas; i++) {
		memcpy(entries[i].key, keys[i], LOOKUP_KEY_LEN);
		if (record_seal(r->with.env, r->with.own, r->with.contact, &p->trail->pair->out,
				keys[i], record, entries[i].value, &why) < 0) {
			log_warn("rendezvous: cannot seal a record: %s", why.text);
			return -1;
		}
	}
	return 0;
}

static void publish_done(void *arg, const struct registry_published *result)
{
	struct publication *p = arg;
	struct trail *trail = p->trail;
	struct rendezvous *r = trail->rendezvous;

	p->op = NULL;
	if (p->stale) {
		publication_start(p);
	} else if (result->stored < r->with.replicas) {
		/* The contact might ask for those that are missing, and only for them. */
		at(p, rendezvous_backoff(r, &p->backoff));
	} else {
		p->backoff = 0;
		p->put_ms = p->begun_ms;
		/* One that was made when the epoch was over is the last. */
		if (left_ms(p) + (mono(p) - p->begun_ms) > 0)
			at(p, env_jitter(r->with.env, REPUBLISH_MS, REPUBLISH_JITTER));
	}
	if (result->stored > 0 && trail->look_after && is_present(p) && p->op == NULL) {
		trail->look_after = false;
		trail_look(trail);
	}
	trail_publish(trail);
	rendezvous_changed(r);
}

static struct registry_op *put(struct publication *p, const struct record *record)
{
	struct rendezvous *r = p->trail->rendezvous;
	uint8_t keys[REPLICAS_MAX][LOOKUP_KEY_LEN];
	struct registry_entry entries[REPLICAS_MAX];
	char circuit[ISOLATION_NAME_SIZE];

	if (trail_keys(p->trail, true, p->epoch, keys, circuit) < 0 ||
	    seal_all(p, record, keys, entries) < 0)
		return NULL;
	return registry_publish(r->with.registry, circuit, entries, r->with.replicas, publish_done,
				p);
}

void publication_start(struct publication *p)
{
	struct rendezvous *r = p->trail->rendezvous;
	struct record record = {0};
	int64_t wait_ms;

	p->due_ms = NEVER;
	if (!may_publish(r) || p->op != NULL || left_ms(p) < -EPOCH_MARGIN_MS ||
	    r->with.handler->endpoint(r->with.arg, &record.endpoint) < 0)
		return;
	wait_ms = ration_take(&p->publications, PUBLISH_BURST, PUBLISH_REFILL_MS, mono(p));
	if (wait_ms > 0) {
		at(p, wait_ms);
	} else {
		p->stale = false;
		p->begun_ms = mono(p);
		if (fill_in(r, &record) == 0)
			p->op = put(p, &record);
		if (p->op == NULL)
			at(p, rendezvous_backoff(r, &p->backoff));
	}
	secret_wipe(&record, sizeof(record));
	rendezvous_changed(r);
}

/* --- which ones --- */

/* The last epoch's records must be there for EPOCH_MARGIN_MS after its end; those that were put
 * before it are not. True: so long its place is not for the next one, which would forget that it is
 * done. */
static bool plan_last(struct trail *trail, uint64_t present, int64_t since_ms)
{
	struct publication *p;

	if (since_ms >= EPOCH_MARGIN_MS || present == 0)
		return false;
	p = of_epoch(trail, present - 1);
	if (is_idle(p) && (p->put_ms == 0 || p->put_ms < mono(p) - since_ms))
		at(p, rendezvous_apart(trail->rendezvous));
	return true;
}

static void plan_next(struct trail *trail, uint64_t present, int64_t left)
{
	struct rendezvous *r = trail->rendezvous;
	struct publication *p = &trail->publications[(present + 1) % 2];
	int64_t lead, apart = rendezvous_apart(r);

	/* It is planned, or the last epoch is not done with yet. */
	if (p->trail != NULL && !is_idle(p))
		return;
	p = of_epoch(trail, present + 1);
	lead = EPOCH_MARGIN_MS + (int64_t)env_random_below(r->with.env, (uint64_t)EPOCH_LEAD_MS);
	at(p, left - lead > apart ? left - lead : apart);
}

void trail_publish(struct trail *trail)
{
	struct rendezvous *r = trail->rendezvous;
	struct publication *p;
	struct endpoint endpoint;
	uint64_t present;
	int64_t left;

	if (!may_publish(r) || r->with.handler->endpoint(r->with.arg, &endpoint) < 0)
		return;
	secret_wipe(&endpoint, sizeof(endpoint));
	present = pair_epoch(trail->pair, rendezvous_now(r));
	left = pair_epoch_left_ms(trail->pair, rendezvous_now(r));
	p = of_epoch(trail, present);
	if (is_idle(p) && trail_is_first(trail))
		publication_start(p);
	else if (is_idle(p))
		at(p, rendezvous_apart(r));
	if (!plan_last(trail, present, EPOCH_MS - left))
		plan_next(trail, present, left);
}

void trail_publish_again(struct trail *trail, int64_t delay_ms)
{
	struct rendezvous *r = trail->rendezvous;

	of_epoch(trail, pair_epoch(trail->pair, rendezvous_now(r)));
	for (unsigned i = 0; i < 2; i++) {
		struct publication *p = &trail->publications[i];
		if (p->trail == NULL)
			continue;
		if (p->op != NULL)
			p->stale = true;
		else if (!may_publish(r))
			continue;
		else if (is_present(p))
			at(p, delay_ms + trail_apart(trail));
		else if (p->put_ms > 0 && left_ms(p) > -EPOCH_MARGIN_MS)
			at(p, delay_ms + rendezvous_apart(r));
	}
}

void trail_publish_soon(struct trail *trail, int64_t delay_ms)
{
	for (unsigned i = 0; i < 2; i++) {
		struct publication *p = &trail->publications[i];
		if (p->trail == NULL)
			continue;
		if (p->backoff > 0 && p->op == NULL)
			at(p, delay_ms + (is_present(p) ? trail_apart(trail)
							: rendezvous_apart(trail->rendezvous)));
		p->backoff = 0;
	}
}
