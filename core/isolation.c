/*
 * isolation.c: see isolation.h.
 */
#include "core/isolation.h"

#include "core/base/codec.h"
#include "core/pair.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Random bytes of a name. */
#define NAME_LEN ((ISOLATION_NAME_SIZE - 1) / 2)

/* How long a name is used: as long as the keys of an epoch (rendezvous.h). */
#define CIRCUIT_LIFE_MS (EPOCH_MS + EPOCH_LEAD_MS + 2 * EPOCH_MARGIN_MS)

/* Lists of circuits, by their owners: a daemon of many accounts has as many owners. */
#define BUCKET_BITS 8
#define BUCKETS     (1U << BUCKET_BITS)

/* A name, and the circuit that tor has for it. */
struct circuit {
	struct circuit *next;
	uint64_t number;
	const void *owner;
	int64_t end_ms;  /* the name is not used any more */
	int64_t used_ms; /* last */
	char name[ISOLATION_NAME_SIZE];
};

struct isolation {
	const struct env *env;
	struct circuit *buckets[BUCKETS]; /* newest first */
	unsigned sweep;                   /* the bucket that is cleaned next */
	uint64_t last_number;
	/* When the last ones were begun: a ring, in which oldest is overwritten next. */
	unsigned budget, oldest, begun;
	int64_t begun_ms[];
};

struct isolation *isolation_new(const struct env *env, unsigned budget)
{
	struct isolation *isolation;

	assert(budget >= ISOLATION_BUDGET_MIN && budget <= ISOLATION_BUDGET_MAX);
	isolation = calloc(1, sizeof(*isolation) + budget * sizeof(isolation->begun_ms[0]));
	if (isolation == NULL)
		return NULL;
	isolation->env = env;
	isolation->budget = budget;
	return isolation;
}

void isolation_free(struct isolation **isolation)
{
	struct isolation *old = *isolation;

	*isolation = NULL;
	if (old == NULL)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while (old->buckets[i] != NULL) {
			struct circuit *next = old->buckets[i]->next;
			free(old->buckets[i]);
			old->buckets[i] = next;
		}
	free(old);
}

/* --- the budget --- */

static bool may_begin(const struct isolation *isolation, int64_t now)
{
	return isolation->begun < isolation->budget ||
	       now - isolation->begun_ms[isolation->oldest] >= ISOLATION_WINDOW_MS;
}

static void note_begin(struct isolation *isolation, int64_t now)
{
	isolation->begun_ms[isolation->oldest] = now;
	isolation->oldest = (isolation->oldest + 1) % isolation->budget;
	if (isolation->begun < isolation->budget)
		isolation->begun++;
}

unsigned isolation_used(const struct isolation *isolation)
{
	int64_t now = env_mono_ms(isolation->env);
	unsigned used = 0;

	for (unsigned i = 0; i < isolation->begun; i++)
		used += now - isolation->begun_ms[i] < ISOLATION_WINDOW_MS;
	return used;
}

/* --- circuits --- */

static bool is_open(const struct circuit *circuit, int64_t now)
{
	return now - circuit->used_ms < ISOLATION_WINDOW_MS;
}

/* Fibonacci hashing; memory comes in steps of 16 bytes. */
static unsigned bucket_of(const void *owner)
{
	return (unsigned)(((uint64_t)(uintptr_t)owner >> 4) * UINT64_C(0x9e3779b97f4a7c15) >>
			  (64 - BUCKET_BITS));
}

static void forget_ended(struct circuit **link, int64_t now)
{
	while (*link != NULL) {
		struct circuit *circuit = *link;
		if (circuit->end_ms > now) {
			link = &circuit->next;
			continue;
		}
		*link = circuit->next;
		free(circuit);
	}
}

static struct circuit *find(const struct isolation *isolation, const void *owner, uint64_t number)
{
	struct circuit *circuit = isolation->buckets[bucket_of(owner)];

	while (circuit != NULL && circuit->number != number)
		circuit = circuit->next;
	return circuit;
}

static struct circuit *add(struct isolation *isolation, const void *owner, int64_t now)
{
	struct circuit *circuit = calloc(1, sizeof(*circuit));
	uint8_t name[NAME_LEN];

	if (circuit == NULL)
		return NULL;
	env_random(isolation->env, name, sizeof(name));
	hex_encode(name, sizeof(name), circuit->name);
	circuit->number = ++isolation->last_number;
	circuit->owner = owner;
	circuit->end_ms = now + CIRCUIT_LIFE_MS;
	circuit->next = isolation->buckets[bucket_of(owner)];
	isolation->buckets[bucket_of(owner)] = circuit;
	note_begin(isolation, now);
	return circuit;
}

/* One of the owner's that are open, by chance, but none that the pair has sat in before. */
static struct circuit *choose(const struct isolation *isolation, const struct isolation_seat *seat,
			      const void *owner, int64_t now)
{
	struct circuit *chosen = NULL;
	unsigned seen = 0;

	for (struct circuit *c = isolation->buckets[bucket_of(owner)]; c != NULL; c = c->next)
		if (c->owner == owner && is_open(c, now) && c->number != seat->circuit[0] &&
		    c->number != seat->circuit[1] && env_random_below(isolation->env, ++seen) == 0)
			chosen = c;
	return chosen;
}

/* Where it sits already, in this epoch, unless that takes a circuit that there is none for. */
static struct circuit *stay(struct isolation *isolation, const struct isolation_seat *seat,
			    const void *owner, uint64_t epoch, int64_t now)
{
	struct circuit *circuit = NULL;

	if (seat->epoch[epoch % 2] == epoch)
		circuit = find(isolation, owner, seat->circuit[epoch % 2]);
	if (circuit == NULL || is_open(circuit, now))
		return circuit;
	if (!may_begin(isolation, now))
		return NULL;
	note_begin(isolation, now);
	return circuit;
}

int isolation_name(struct isolation *isolation, struct isolation_seat *seat, const void *owner,
		   uint64_t epoch, char name[ISOLATION_NAME_SIZE])
{
	int64_t now = env_mono_ms(isolation->env);
	struct circuit *circuit;

	forget_ended(&isolation->buckets[bucket_of(owner)], now);
	/* And those of owners that do not ask any more, in turn. */
	forget_ended(&isolation->buckets[isolation->sweep++ % BUCKETS], now);
	circuit = stay(isolation, seat, owner, epoch, now);
	if (circuit == NULL && !may_begin(isolation, now))
		circuit = choose(isolation, seat, owner, now);
	if (circuit == NULL)
		circuit = add(isolation, owner, now);
	if (circuit == NULL)
		return -1;
	circuit->used_ms = now;
	seat->circuit[epoch % 2] = circuit->number;
	seat->epoch[epoch % 2] = epoch;
	memcpy(name, circuit->name, sizeof(circuit->name));
	return 0;
}
