/*
 * rendezvous.c: see rendezvous.h.
 *
 * Two activities with a timer each, looking and publishing, that begin each other:
 *
 *     begin -> look -> nothing found -> publish -> done -> look again -> wait
 *                                          ^                               |
 *                                          +--- every 6 to 8 minutes ------+
 */
#include "core/rendezvous.h"

#include "core/base/log.h"
#include "core/ration.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_MAX REGISTRY_KEYS_MAX

struct rendezvous {
	struct rendezvous_start with;
	const struct pair *next; /* besides with.pair; NULL: none */
	bool running;

	struct registry_op *look;
	struct timer *look_timer;
	int64_t look_pause;              /* the next one */
	int64_t look_backoff;            /* the next one; 0: the registry answers */
	uint8_t (*keys)[LOOKUP_KEY_LEN]; /* that are being looked up, */
	unsigned look_keys;              /* how many, */
	unsigned own_keys;               /* and how many of them are not of next */
	bool found;                      /* in this lookup */
	bool found_next;                 /* the last one was of next */

	struct registry_op *publication;
	struct timer *publish_timer;
	int64_t publish_backoff;
	struct ration publications;
	unsigned published_keys; /* in this publication */
	bool wanted;             /* we are to be found */
	bool stale;              /* our endpoint changed while it was being published */
	bool watching;           /* we are not, whatever comes */
	bool look_after;         /* a publication is followed by a lookup */

	struct isolation_seat seats[2]; /* of with.pair and of next */
};

/* What one operation is about, and through which circuits it goes. */
struct key_list {
	uint8_t keys[KEYS_MAX][LOOKUP_KEY_LEN];
	const char *circuits[KEYS_MAX];
	unsigned count, own; /* the first ones, so many, are of with.pair, the others of next */
	char names[KEYS_MAX / REPLICAS_MAX][ISOLATION_NAME_SIZE];
	unsigned name_count;
};

static void publish(struct rendezvous *r);

static void changed(struct rendezvous *r)
{
	r->with.handler->changed(r->with.arg);
}

static int64_t now(const struct rendezvous *r)
{
	return r->with.handler->now(r->with.arg);
}

static const struct pair_direction *direction(const struct pair *pair, bool out)
{
	return out ? &pair->out : &pair->in;
}

/* The keys of all replicas in the epochs of this moment; each epoch's go through a circuit of its
 * own, so that it does not show that they are of one pair. */
static int list_keys_of(struct rendezvous *r, const struct pair *pair, bool out,
			struct key_list *list)
{
	struct isolation_seat *seat = &r->seats[pair == r->next];
	uint64_t epochs[2];
	unsigned epoch_count = pair_epochs(pair, now(r), epochs);

	for (unsigned e = 0; e < epoch_count; e++) {
		char *name = list->names[list->name_count++];
		if (isolation_name(r->with.isolation, seat, r->with.owner, epochs[e], name) < 0)
			return -1;
		for (unsigned i = 0; i < r->with.replicas; i++) {
			list->circuits[list->count] = name;
			pair_lookup_key(direction(pair, out), epochs[e], (uint8_t)i,
					list->keys[list->count++]);
		}
	}
	return 0;
}

/* -1: memory is short. */
static int list_keys(struct rendezvous *r, bool out, struct key_list *list)
{
	list->count = list->name_count = 0;
	if (list_keys_of(r, r->with.pair, out, list) < 0)
		return -1;
	list->own = list->count;
	return r->next == NULL ? 0 : list_keys_of(r, r->next, out, list);
}

static int64_t next_backoff(struct rendezvous *r, int64_t *backoff)
{
	*backoff = *backoff == 0 ? REGISTRY_BACKOFF_MIN_MS : 2 * *backoff;
	if (*backoff > REGISTRY_BACKOFF_MAX_MS)
		*backoff = REGISTRY_BACKOFF_MAX_MS;
	return env_jitter(r->with.env, *backoff, 25);
}

/* --- looking --- */

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
	struct rendezvous *r = arg;
	const struct pair *pair = index < r->own_keys ? r->with.pair : r->next;
	struct record record = {0};
	struct err why = {0};

	if (pair == NULL)
		return false;
	r->found_next = pair == r->next;
	if (record_open(r->with.env, r->with.own, r->with.contact, &pair->in, r->keys[index], value,
			&record, &why) < 0)
		log_debug("rendezvous: a value is no record: %s", why.text);
	else if (!is_fresh(&record, now(r)))
		log_debug("rendezvous: a record is out of its time");
	else if (r->with.handler->found(r->with.arg, &record))
		r->found = true;
	secret_wipe(&record, sizeof(record));
	/* Go on: another replica may hold a newer record. */
	return false;
}

/* It has ended, or was cancelled. */
static void forget_look(struct rendezvous *r)
{
	r->look = NULL;
	free(r->keys);
	r->keys = NULL;
}

static void plan_look(struct rendezvous *r)
{
	timer_set(r->look_timer, env_jitter(r->with.env, r->look_pause, LOOK_PAUSE_JITTER));
	r->look_pause *= 2;
	if (r->look_pause > LOOK_PAUSE_MAX_MS)
		r->look_pause = LOOK_PAUSE_MAX_MS;
}

static void look_done(void *arg, unsigned answered)
{
	struct rendezvous *r = arg;

	forget_look(r);
	/* A key that no gateway answered for may be the one that holds the record. */
	if (answered < r->look_keys && !r->found) {
		timer_set(r->look_timer, next_backoff(r, &r->look_backoff));
	} else {
		r->look_backoff = 0;
		/* A lookup that was planned otherwise stays planned. Also when it was found:
		 * dialling ends in a link or in a retry, but nothing depends on that. */
		if (!timer_pending(r->look_timer))
			plan_look(r);
	}
	if (r->watching) {
		if (answered > 0)
			r->with.handler->watched(r->with.arg, r->found);
	} else if (!r->found) {
		r->wanted = true;
		if (!timer_pending(r->publish_timer))
			publish(r);
	}
	changed(r);
}

static void look(struct rendezvous *r)
{
	struct key_list list;

	if (r->look != NULL)
		return;
	r->found = false;
	if (list_keys(r, false, &list) == 0) {
		r->own_keys = list.own;
		r->look_keys = list.count;
		r->keys = malloc(list.count * sizeof(r->keys[0]));
	}
	if (r->keys != NULL) {
		memcpy(r->keys, list.keys, list.count * sizeof(r->keys[0]));
		r->look = registry_lookup(r->with.registry, list.circuits,
					  (const uint8_t(*)[LOOKUP_KEY_LEN])r->keys, list.count,
					  look_value, look_done, r);
	}
	if (r->look == NULL) {
		forget_look(r);
		timer_set(r->look_timer, next_backoff(r, &r->look_backoff));
	}
	changed(r);
}

static void look_due(void *arg)
{
	look(arg);
}

/* --- publishing --- */

/* One entry for each replica and epoch. */
static int seal_all(struct rendezvous *r, const struct record *record, const struct key_list *list,
		    struct registry_entry entries[KEYS_MAX])
{
	struct err why = {0};

	for (unsigned i = 0; i < list->count; i++) {
		const struct pair *pair = i < list->own ? r->with.pair : r->next;
		memcpy(entries[i].key, list->keys[i], LOOKUP_KEY_LEN);
		if (record_seal(r->with.env, r->with.own, r->with.contact, &pair->out,
				list->keys[i], record, entries[i].value, &why) < 0) {
			log_warn("rendezvous: cannot seal a record: %s", why.text);
			return -1;
		}
	}
	return 0;
}

/* Earlier than delay when the edge of an epoch of this pair is near, from where on records are read
 * under the next one too. */
static int64_t before_edge(const struct rendezvous *r, const struct pair *pair, int64_t delay)
{
	int64_t edge = pair_epoch_left_ms(pair, now(r)) - EPOCH_EDGE_MS;

	/* A second later, so that a timer that fires early does not find itself before the edge. */
	return edge > 0 && edge < delay ? edge + 1000 : delay;
}

/* The next renewal. */
static int64_t republish_delay(const struct rendezvous *r)
{
	int64_t delay = env_jitter(r->with.env, REPUBLISH_MS, REPUBLISH_JITTER);

	delay = before_edge(r, r->with.pair, delay);
	return r->next != NULL ? before_edge(r, r->next, delay) : delay;
}

static void publish_done(void *arg, const struct registry_published *result)
{
	struct rendezvous *r = arg;

	r->publication = NULL;
	if (r->stale) {
		publish(r);
	} else if (result->stored < r->published_keys) {
		/* The contact might ask for those that are missing, and only for them. */
		timer_set(r->publish_timer, next_backoff(r, &r->publish_backoff));
	} else {
		r->publish_backoff = 0;
		timer_set(r->publish_timer, republish_delay(r));
	}
	if (result->stored > 0 && r->look_after && r->publication == NULL) {
		r->look_after = false;
		look(r);
	}
	changed(r);
}

static void publish(struct rendezvous *r)
{
	struct record record = {.lifetime_s = RECORD_LIFETIME_S};
	struct registry_entry entries[KEYS_MAX];
	struct key_list list;
	int64_t wait_ms;

	if (!r->running || !r->wanted || r->publication != NULL ||
	    r->with.part == RENDEZVOUS_LOOK || r->watching ||
	    r->with.handler->endpoint(r->with.arg, &record.endpoint) < 0)
		return;
	wait_ms = ration_take(&r->publications, PUBLISH_BURST, PUBLISH_REFILL_MS,
			      env_mono_ms(r->with.env));
	if (wait_ms > 0) {
		timer_set(r->publish_timer, wait_ms);
		secret_wipe(&record, sizeof(record));
		return;
	}
	r->stale = false;
	record.issued_ms = now(r);
	if (r->with.handler->sequence(r->with.arg, record.issued_ms, &record.sequence) == 0 &&
	    list_keys(r, true, &list) == 0 && seal_all(r, &record, &list, entries) == 0) {
		r->published_keys = list.count;
		r->publication = registry_publish(r->with.registry, list.circuits, entries,
						  list.count, publish_done, r);
	}
	if (r->publication == NULL)
		timer_set(r->publish_timer, next_backoff(r, &r->publish_backoff));
	else
		timer_stop(r->publish_timer);
	secret_wipe(&record, sizeof(record));
	changed(r);
}

static void publish_due(void *arg)
{
	publish(arg);
}

/* --- from outside --- */

struct rendezvous *rendezvous_new(const struct rendezvous_start *start)
{
	struct rendezvous *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->with = *start;
	r->look_timer = timer_new(start->env, look_due, r);
	r->publish_timer = timer_new(start->env, publish_due, r);
	if (r->look_timer == NULL || r->publish_timer == NULL)
		rendezvous_free(&r);
	return r;
}

void rendezvous_set_next(struct rendezvous *r, const struct pair *next)
{
	r->next = next;
	/* Either pair may be another now, and is not to be seen where the old one was. */
	memset(r->seats, 0, sizeof(r->seats));
}

bool rendezvous_found_next(const struct rendezvous *r)
{
	return r->found_next;
}

static void stop_all(struct rendezvous *r)
{
	registry_cancel(&r->look);
	forget_look(r);
	registry_cancel(&r->publication);
	timer_stop(r->look_timer);
	timer_stop(r->publish_timer);
}

void rendezvous_free(struct rendezvous **rendezvous)
{
	struct rendezvous *r = *rendezvous;

	if (r == NULL)
		return;
	registry_cancel(&r->look);
	forget_look(r);
	registry_cancel(&r->publication);
	timer_free(&r->look_timer);
	timer_free(&r->publish_timer);
	secret_free(r, sizeof(*r));
	*rendezvous = NULL;
}

enum rendezvous_state rendezvous_state(const struct rendezvous *r)
{
	if (!r->running)
		return RENDEZVOUS_OFF;
	if (r->look != NULL)
		return RENDEZVOUS_LOOKING;
	return r->publication != NULL ? RENDEZVOUS_PUBLISHING : RENDEZVOUS_WAITING;
}

static void restart(struct rendezvous *r, bool wanted)
{
	stop_all(r);
	r->running = true;
	r->wanted = wanted;
	r->watching = false;
	r->look_after = r->with.part == RENDEZVOUS_BOTH;
	r->look_pause = r->with.part == RENDEZVOUS_LOOK ? LOOK_PAUSE_GUEST_MS : LOOK_PAUSE_MIN_MS;
	r->look_backoff = r->publish_backoff = 0;
}

void rendezvous_begin(struct rendezvous *r, int64_t delay_ms)
{
	restart(r, r->with.part == RENDEZVOUS_PUBLISH);
	timer_set(r->with.part == RENDEZVOUS_PUBLISH ? r->publish_timer : r->look_timer, delay_ms);
	changed(r);
}

void rendezvous_watch(struct rendezvous *r, int64_t delay_ms)
{
	restart(r, false);
	r->watching = true;
	timer_set(r->look_timer, delay_ms);
	changed(r);
}

void rendezvous_urgent(struct rendezvous *r)
{
	restart(r, true);
	publish(r);
	look(r);
}

void rendezvous_absent(struct rendezvous *r)
{
	restart(r, true);
	plan_look(r);
	publish(r);
}

void rendezvous_retry(struct rendezvous *r, int64_t delay_ms)
{
	if (!r->running)
		return;
	r->wanted = true;
	timer_set(r->look_timer, delay_ms);
	if (!timer_pending(r->publish_timer))
		publish(r);
}

void rendezvous_end(struct rendezvous *r)
{
	stop_all(r);
	r->running = false;
	changed(r);
}

void rendezvous_address(struct rendezvous *r, int64_t delay_ms)
{
	if (r->publication != NULL)
		r->stale = true;
	else if (r->running && r->wanted)
		timer_set(r->publish_timer, delay_ms);
}

void rendezvous_wake(struct rendezvous *r, int64_t delay_ms)
{
	if (!r->running)
		return;
	if (r->look_backoff > 0 && r->look == NULL)
		timer_set(r->look_timer, delay_ms);
	if (r->publish_backoff > 0 && r->publication == NULL)
		timer_set(r->publish_timer, delay_ms);
	r->look_backoff = r->publish_backoff = 0;
}

void rendezvous_jumped(struct rendezvous *r, int64_t delay_ms)
{
	if (r->running && r->watching)
		rendezvous_watch(r, delay_ms);
	else if (r->running)
		rendezvous_begin(r, delay_ms);
}
