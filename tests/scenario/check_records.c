/*
 * check_records.c: a registry that passes everything on and looks at it, and a set of all runs of
 * 8 bytes ever seen. Two random runs of a million are alike once in 40 million such tests.
 */
#include "tests/scenario/check_records.h"

#include "core/base/codec.h"
#include "core/registry_private.h"
#include "core/rendezvous_private.h"
#include "tests/scenario/check_circuits.h"
#include "tests/scenario/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RUN_LEN 8
/* Lists of keys, by their first byte. */
#define KEY_LISTS       256
#define RUNS_SIZE_FIRST (1 << 16)

struct known_key {
	struct known_key *next;
	uint8_t key[LOOKUP_KEY_LEN];
	const char *daemon;
	int64_t first_ms; /* by the daemon's clock */
	bool stored;
	uint8_t value[RECORD_LEN]; /* the last */
};

struct spy {
	struct registry registry;
	struct check_records *records;
	const struct env *env;
	struct registry *inner;
	const char *daemon;
	struct lookups *lookups;
};

/* What is counted of a daemon, through all its lives. */
struct lookups {
	struct lookups *next;
	const char *daemon;
	unsigned count;
	struct check_circuits *circuits;
};

struct check_records {
	struct world *world;
	struct known_key *keys[KEY_LISTS];
	struct lookups *lookups;
	uint64_t *runs; /* open addressing; 0 is an empty place */
	size_t run_count, run_size;
	unsigned values;
};

/* --- the set of runs --- */

static uint64_t run_at(const uint8_t *data)
{
	uint64_t run;
	memcpy(&run, data, sizeof run);
	return run ? run : 1;
}

static size_t run_place(const struct check_records *records, uint64_t run)
{
	size_t place =
	    (size_t)((run * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (records->run_size - 1);
	while (records->runs[place] && records->runs[place] != run)
		place = (place + 1) & (records->run_size - 1);
	return place;
}

static void runs_grow(struct check_records *records)
{
	uint64_t *old = records->runs;
	size_t old_size = records->run_size;
	records->run_size = old_size ? 2 * old_size : RUNS_SIZE_FIRST;
	records->runs = calloc(records->run_size, sizeof *records->runs);
	assert(records->runs);
	for (size_t i = 0; i < old_size; i++) {
		if (old[i])
			records->runs[run_place(records, old[i])] = old[i];
	}
	free(old);
}

/* Add all runs of data; false if one was there. */
static bool runs_add(struct check_records *records, const uint8_t *data, size_t len)
{
	bool fresh = true;
	for (size_t i = 0; i + RUN_LEN <= len; i++) {
		uint64_t run = run_at(data + i);
		if (2 * records->run_count >= records->run_size)
			runs_grow(records);
		size_t place = run_place(records, run);
		if (records->runs[place])
			fresh = false;
		else
			records->run_count++;
		records->runs[place] = run;
	}
	return fresh;
}

/* --- keys --- */

static struct known_key *key_find(const struct check_records *records,
				  const uint8_t key[LOOKUP_KEY_LEN])
{
	struct known_key *known = records->keys[key[0]];
	while (known && memcmp(known->key, key, LOOKUP_KEY_LEN) != 0)
		known = known->next;
	return known;
}

static void key_use(struct check_records *records, const struct spy *spy,
		    const uint8_t key[LOOKUP_KEY_LEN])
{
	int64_t now = env_wall_ms(spy->env);
	struct known_key *known = key_find(records, key);
	if (!known) {
		known = calloc(1, sizeof *known);
		assert(known);
		memcpy(known->key, key, LOOKUP_KEY_LEN);
		known->daemon = spy->daemon;
		known->first_ms = now;
		known->next = records->keys[key[0]];
		records->keys[key[0]] = known;
	} else if (strcmp(known->daemon, spy->daemon) != 0) {
		world_fail(records->world, "%s and %s have put under the same key", known->daemon,
			   spy->daemon);
	} else if (now - known->first_ms > EPOCH_MS + EPOCH_LEAD_MS + 2 * EPOCH_MARGIN_MS) {
		world_fail(records->world, "%s has used a key for longer than an epoch",
			   spy->daemon);
	}
}

static void on_stored(void *arg, const struct registry_entry *entry)
{
	struct check_records *records = arg;
	struct known_key *known = key_find(records, entry->key);
	records->values++;
	if (!known) {
		world_fail(records->world, "a value was stored that nobody has put");
		return;
	}
	if (known->stored && memcmp(known->value, entry->value, RECORD_LEN) == 0)
		return;
	if (!runs_add(records, entry->value, RECORD_LEN))
		world_fail(records->world, "a value of %s has bytes that were seen before",
			   known->daemon);
	memcpy(known->value, entry->value, RECORD_LEN);
	known->stored = true;
}

/* --- the registry in between --- */

static struct lookups *lookups_of(struct check_records *records, const char *daemon)
{
	struct lookups *lookups = records->lookups;
	while (lookups && strcmp(lookups->daemon, daemon) != 0)
		lookups = lookups->next;
	if (!lookups) {
		lookups = calloc(1, sizeof *lookups);
		assert(lookups);
		lookups->daemon = daemon;
		lookups->circuits = check_circuits_new();
		lookups->next = records->lookups;
		records->lookups = lookups;
	}
	return lookups;
}

/* Whose request is it, and what for? */
static void log_truth(const struct spy *spy, const char *circuit, const uint8_t key[LOOKUP_KEY_LEN],
		      const void *search)
{
	struct world *world = spy->records->world;
	char hex[HEX_LEN(LOOKUP_KEY_LEN) + 1];
	if (!world->log)
		return;
	hex_encode(key, LOOKUP_KEY_LEN, hex);
	fprintf(world->log, "C %s %s\nT %s %s %p %c\n", circuit, spy->daemon, hex, spy->daemon,
		search, daemon_searches(daemon_find(world, spy->daemon), search) ? 'c' : 'd');
}

static struct registry_op *spy_publish(struct registry *registry, const char *isolation,
				       const struct registry_entry *entries, unsigned count,
				       void (*done)(void *, const struct registry_published *),
				       void *arg)
{
	struct spy *spy = (struct spy *)registry;
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (memcmp(entries[i].key, entries[j].key, LOOKUP_KEY_LEN) == 0)
				world_fail(spy->records->world, "%s puts a key twice at once",
					   spy->daemon);
		}
		key_use(spy->records, spy, entries[i].key);
		check_circuits_use(spy->lookups->circuits, env_mono_ms(spy->env), isolation,
				   entries[i].key);
		log_truth(spy, isolation, entries[i].key,
			  ((const struct publication *)arg)->trail->rendezvous);
	}
	return registry_publish(spy->inner, isolation, entries, count, done, arg);
}

static struct registry_op *spy_lookup(struct registry *registry, const char *isolation,
				      const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
				      bool (*value)(void *, unsigned, const uint8_t *),
				      void (*done)(void *, unsigned), void *arg)
{
	struct spy *spy = (struct spy *)registry;
	spy->lookups->count++;
	for (unsigned i = 0; i < count; i++) {
		check_circuits_use(spy->lookups->circuits, env_mono_ms(spy->env), isolation,
				   keys[i]);
		log_truth(spy, isolation, keys[i], ((const struct trail *)arg)->rendezvous);
	}
	return registry_lookup(spy->inner, isolation, keys, count, value, done, arg);
}

static void spy_gateways(const struct registry *registry,
			 void (*each)(void *, const struct registry_gateway *), void *arg)
{
	registry_gateways(((const struct spy *)registry)->inner, each, arg);
}

static int spy_clock_offset(const struct registry *registry, int64_t *offset_ms)
{
	return registry_clock_offset(((const struct spy *)registry)->inner, offset_ms);
}

static void spy_free(struct registry *registry)
{
	struct spy *spy = (struct spy *)registry;
	registry_free(&spy->inner);
	free(spy);
}

/* No cancel: an operation belongs to the registry inside. */
static const struct registry_ops spy_ops = {
    .name = "spy",
    .publish = spy_publish,
    .lookup = spy_lookup,
    .gateways = spy_gateways,
    .clock_offset = spy_clock_offset,
    .free = spy_free,
};

struct registry *check_records_spy(struct check_records *records, const char *daemon,
				   const struct env *env, struct registry *inner)
{
	struct spy *spy = calloc(1, sizeof *spy);
	assert(spy && inner);
	spy->registry.ops = &spy_ops;
	spy->records = records;
	spy->env = env;
	spy->inner = inner;
	spy->daemon = daemon;
	spy->lookups = lookups_of(records, daemon);
	check_circuits_restart(spy->lookups->circuits);
	return &spy->registry;
}

/* --- the whole --- */

struct check_records *check_records_new(struct world *world)
{
	struct check_records *records = calloc(1, sizeof *records);
	assert(records);
	records->world = world;
	runs_grow(records);
	registry_memory_store_watch(world->store, on_stored, records);
	return records;
}

void check_records_gateways(struct check_records *records, struct fake_gateways *gateways)
{
	fake_gateways_watch(gateways, on_stored, records);
}

void check_records_free(struct check_records **records)
{
	for (unsigned i = 0; i < KEY_LISTS; i++) {
		while ((*records)->keys[i]) {
			struct known_key *known = (*records)->keys[i];
			(*records)->keys[i] = known->next;
			free(known);
		}
	}
	while ((*records)->lookups) {
		struct lookups *lookups = (*records)->lookups;
		(*records)->lookups = lookups->next;
		check_circuits_free(&lookups->circuits);
		free(lookups);
	}
	free((*records)->runs);
	free(*records);
	*records = NULL;
}

unsigned check_records_keys(const struct check_records *records, const char *daemon)
{
	unsigned count = 0;
	for (unsigned i = 0; i < KEY_LISTS; i++) {
		const struct known_key *known;
		for (known = records->keys[i]; known; known = known->next)
			count += strcmp(known->daemon, daemon) == 0;
	}
	return count;
}

unsigned check_records_values(const struct check_records *records)
{
	return records->values;
}

unsigned check_records_lookups(struct check_records *records, const char *daemon)
{
	return lookups_of(records, daemon)->count;
}

const struct check_circuits *check_records_circuits(struct check_records *records,
						    const char *daemon)
{
	return lookups_of(records, daemon)->circuits;
}

void check_records_know(struct check_records *records, const char *id)
{
	uint8_t public_key[X25519_LEN];
	if (id_decode(id, public_key, NULL) == 0)
		runs_add(records, public_key, sizeof public_key);
}
