/*
 * registry_memory.c: a registry in the memory of this process.
 *
 * The store is a table of lists of values; a registry on it only adds the delay and the
 * operations. It behaves like OpenDHT where the engine could notice: values of one key pile up,
 * none replaces another, and each is gone 600 s after it was put. Front: registry.c.
 */
#include "core/registry_memory.h"

#include "core/registry_private.h"

#include <stdlib.h>
#include <string.h>

/* Lists in the table: a hundred thousand values make short lists. Keys are pseudo-random, so that
 * two of their bytes choose the list well. */
#define BUCKETS 16384

struct stored {
	struct stored *next;
	int64_t expires_ms; /* by the monotonic clock */
	struct registry_entry entry;
};

struct registry_memory_store {
	const struct env *env;
	struct stored *buckets[BUCKETS];
	unsigned sweep;        /* the list that is cleared of old values at the next put */
	unsigned fail_percent; /* of the keys */
	void (*seen)(void *arg, const struct registry_entry *entry);
	void *seen_arg;
};

struct memory_op {
	struct registry_op base;
	struct memory_op *next, **link; /* link: what points to us */
	struct timer *timer;
	bool delivering; /* a value is being handed on: cancel only marks */
	bool cancelled;
	unsigned count;
	bool (*value)(void *arg, unsigned index, const uint8_t value[RECORD_LEN]);
	void (*published)(void *arg,
			  const struct registry_published *result); /* of a publication */
	void (*looked_up)(void *arg, unsigned answered);            /* of a lookup */
	void *arg;
	struct registry_entry entries[]; /* a lookup uses their keys alone */
};

struct registry_memory {
	struct registry base;
	const struct env *env;
	struct registry_memory_store *store;
	int64_t delay_ms;
	struct memory_op *ops;
};

/* --- the store --- */

struct registry_memory_store *registry_memory_store_new(const struct env *env)
{
	struct registry_memory_store *store = calloc(1, sizeof(*store));

	if (store)
		store->env = env;
	return store;
}

void registry_memory_store_free(struct registry_memory_store **store)
{
	if (!*store)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct stored *next;

		for (struct stored *s = (*store)->buckets[i]; s; s = next) {
			next = s->next;
			free(s);
		}
	}
	free(*store);
	*store = NULL;
}

void registry_memory_store_watch(struct registry_memory_store *store,
				 void (*seen)(void *arg, const struct registry_entry *entry),
				 void *arg)
{
	store->seen = seen;
	store->seen_arg = arg;
}

void registry_memory_store_fail(struct registry_memory_store *store, unsigned percent)
{
	store->fail_percent = percent;
}

static unsigned bucket_of(const uint8_t key[LOOKUP_KEY_LEN])
{
	return ((unsigned)key[0] << 8 | key[1]) % BUCKETS;
}

/* Drop the values of one list that have had their time; returns its end. */
static struct stored **bucket_expire(struct registry_memory_store *store, unsigned bucket)
{
	int64_t now = env_mono_ms(store->env);
	struct stored **link = &store->buckets[bucket];

	while (*link) {
		struct stored *s = *link;

		if (s->expires_ms > now) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		free(s);
	}
	return link;
}

/* Does this request fail? */
static bool store_fails(const struct registry_memory_store *store)
{
	return store->fail_percent > 0 && env_random_below(store->env, 100) < store->fail_percent;
}

static int store_put(struct registry_memory_store *store, const struct registry_entry *entry)
{
	struct stored *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	/* Keys of past epochs are never asked for again, so that their lists are cleared here. */
	bucket_expire(store, store->sweep);
	store->sweep = (store->sweep + 1) % BUCKETS;
	s->entry = *entry;
	s->expires_ms = env_mono_ms(store->env) + REGISTRY_MEMORY_LIFE_MS;
	*bucket_expire(store, bucket_of(entry->key)) = s;
	if (store->seen)
		store->seen(store->seen_arg, entry);
	return 0;
}

/* --- operations --- */

static void op_free(struct memory_op *op)
{
	timer_free(&op->timer);
	free(op);
}

static void op_unlink(struct memory_op *op)
{
	*op->link = op->next;
	if (op->next)
		op->next->link = op->link;
}

static void memory_cancel(struct registry_op *base)
{
	struct memory_op *op = (struct memory_op *)base;

	op_unlink(op);
	if (op->delivering)
		op->cancelled = true;
	else
		op_free(op);
}

static void publish_fire(void *arg)
{
	struct memory_op *op = arg;
	struct registry_memory_store *store = ((struct registry_memory *)op->base.registry)->store;
	struct registry_published result = {0};
	void (*done)(void *, const struct registry_published *) = op->published;
	void *done_arg = op->arg;

	for (unsigned i = 0; i < op->count; i++)
		if (!store_fails(store) && !store_put(store, &op->entries[i]))
			result.stored++;
	result.confirmed = result.stored;
	op_unlink(op);
	op_free(op);
	done(done_arg, &result);
}

/* Hand on what stands under one key; true: the caller has enough, or has cancelled. */
static bool lookup_key(struct registry_memory_store *store, struct memory_op *op, unsigned index)
{
	const uint8_t *key = op->entries[index].key;
	unsigned bucket = bucket_of(key), handed = 0;

	bucket_expire(store, bucket);
	for (struct stored *s = store->buckets[bucket]; s; s = s->next) {
		if (memcmp(s->entry.key, key, LOOKUP_KEY_LEN) != 0)
			continue;
		if (op->base.sift && !op->base.sift(op->arg, index, s->entry.value))
			continue;
		if (op->value(op->arg, index, s->entry.value) || op->cancelled)
			return true;
		if (++handed == REGISTRY_VALUES_MAX)
			break;
	}
	return false;
}

static void lookup_fire(void *arg)
{
	struct memory_op *op = arg;
	struct registry_memory_store *store = ((struct registry_memory *)op->base.registry)->store;
	void (*done)(void *, unsigned) = op->looked_up;
	void *done_arg = op->arg;
	unsigned answered = 0;
	bool cancelled, enough = false;

	op->delivering = true;
	for (unsigned i = 0; i < op->count && !enough; i++) {
		if (store_fails(store))
			continue;
		answered++;
		enough = lookup_key(store, op, i);
	}
	cancelled = op->cancelled;
	if (!cancelled)
		op_unlink(op);
	op_free(op);
	if (!cancelled)
		done(done_arg, answered);
}

static struct memory_op *op_new(struct registry *base, unsigned count, void (*fire)(void *),
				void *arg)
{
	struct registry_memory *registry = (struct registry_memory *)base;
	struct memory_op *op = calloc(1, sizeof(*op) + count * sizeof(op->entries[0]));

	if (!op)
		return NULL;
	op->timer = timer_new(registry->env, fire, op);
	if (!op->timer) {
		free(op);
		return NULL;
	}
	op->base.registry = base;
	op->count = count;
	op->arg = arg;
	op->next = registry->ops;
	op->link = &registry->ops;
	if (op->next)
		op->next->link = &op->next;
	registry->ops = op;
	timer_set(op->timer, registry->delay_ms);
	return op;
}

static struct registry_op *memory_publish(struct registry *registry, const char *isolation,
					  const struct registry_entry *entries, unsigned count,
					  void (*done)(void *, const struct registry_published *),
					  void *arg)
{
	struct memory_op *op = op_new(registry, count, publish_fire, arg);

	(void)isolation;
	if (!op)
		return NULL;
	op->published = done;
	for (unsigned i = 0; i < count; i++)
		op->entries[i] = entries[i];
	return &op->base;
}

static struct registry_op *memory_lookup(struct registry *registry, const char *isolation,
					 const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
					 bool (*value)(void *, unsigned, const uint8_t *),
					 void (*done)(void *, unsigned), void *arg)
{
	struct memory_op *op = op_new(registry, count, lookup_fire, arg);

	(void)isolation;
	if (!op)
		return NULL;
	op->value = value;
	op->looked_up = done;
	for (unsigned i = 0; i < count; i++)
		memcpy(op->entries[i].key, keys[i], LOOKUP_KEY_LEN);
	return &op->base;
}

/* --- the rest of the back end --- */

static void memory_gateways(const struct registry *registry,
			    void (*each)(void *, const struct registry_gateway *), void *arg)
{
	(void)registry;
	(void)each;
	(void)arg;
}

static int memory_clock_offset(const struct registry *registry, int64_t *offset_ms)
{
	(void)registry;
	(void)offset_ms;
	return -1;
}

static void memory_free(struct registry *base)
{
	struct registry_memory *registry = (struct registry_memory *)base;

	while (registry->ops)
		memory_cancel(&registry->ops->base);
	free(registry);
}

static const struct registry_ops memory_ops = {
    .name = "memory",
    .publish = memory_publish,
    .lookup = memory_lookup,
    .cancel = memory_cancel,
    .gateways = memory_gateways,
    .clock_offset = memory_clock_offset,
    .free = memory_free,
};

struct registry *registry_memory_new(const struct env *env, struct registry_memory_store *store,
				     int64_t delay_ms)
{
	struct registry_memory *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return NULL;
	registry->base.ops = &memory_ops;
	registry->env = env;
	registry->store = store;
	registry->delay_ms = delay_ms;
	return &registry->base;
}
