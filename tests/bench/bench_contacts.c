/*
 * bench_contacts.c: what an account with many contacts costs: memory, CPU, registry, frames.
 *
 *     usage: bench_contacts [--json] [--away | --linked] [contacts ...; 10 100 1000]
 *
 * Whole engines under the fake clock, in the fake net, with the registry in memory: an hour passes
 * in seconds, and what is counted is the engine's own. Crowds of several sizes in one run, so that
 * each figure stands beside its ratio to that of the size before:
 *
 *     away     nobody is there: all contacts, and the decoys, are looked up and published
 *     linked   all are there; they are accounts of one other engine
 *
 * Memory is what engine_free gives back. CPU is that of the process in an hour of steady life; of
 * linked engines it is half of both, as both do the same. Circuits are the names that the registry
 * has not been asked under before.
 */
#include "core/engine.h"
#include "core/registry_memory.h"
#include "core/registry_private.h"
#include "tests/bench/figures.h"
#include "tests/scenario/fake_net.h"

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MINUTE ((int64_t)60000)
#define HOUR   (60 * MINUTE)
/* Before steady life begins: pauses have grown to their longest. */
#define SETTLE_MS  (70 * MINUTE)
#define COUNTS_MAX 8
/* Of the table of names, in bits: an account of 10,000 has some 400 circuits an hour. */
#define NAME_BITS 14

static void check(bool ok, const char *what, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "bench_contacts: %s failed: %s\n", what, err ? err->text : "");
	exit(1);
}

/* --- a registry that counts --- */

struct counter {
	struct registry base;
	struct registry *inner;
	unsigned operations, keys, circuits;
	uint64_t names[1 << NAME_BITS]; /* hashes of those seen; 0: a free place */
};

static void note_circuit(struct counter *counter, const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	size_t at;

	for (; *name != '\0'; name++) /* FNV-1a */
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	for (at = hash >> (64 - NAME_BITS); counter->names[at] != 0;
	     at = (at + 1) % (1 << NAME_BITS))
		if (counter->names[at] == hash)
			return;
	check(++counter->circuits < (1 << NAME_BITS) / 2, "counting circuits", NULL);
	counter->names[at] = hash;
}

static void note(struct counter *counter, const char *isolation, unsigned count)
{
	counter->operations++;
	counter->keys += count;
	note_circuit(counter, isolation);
}

static struct registry_op *publish(struct registry *registry, const char *isolation,
				   const struct registry_entry *entries, unsigned count,
				   void (*done)(void *, const struct registry_published *),
				   void *arg)
{
	struct counter *counter = (struct counter *)registry;

	note(counter, isolation, count);
	return registry_publish(counter->inner, isolation, entries, count, done, arg);
}

static struct registry_op *lookup(struct registry *registry, const char *isolation,
				  const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
				  bool (*value)(void *, unsigned, const uint8_t *),
				  void (*done)(void *, unsigned), void *arg)
{
	struct counter *counter = (struct counter *)registry;

	note(counter, isolation, count);
	return registry_lookup(counter->inner, isolation, keys, count, value, done, arg);
}

/* No cancel: an operation belongs to the registry inside. */
static const struct registry_ops counting = {
    .name = "counter", .publish = publish, .lookup = lookup};

/* --- the two of them --- */

struct side {
	char path[64];
	struct fake_env *fake;
	struct fake_host *host;
	struct counter registry;
	struct engine *engine;
};

struct bench {
	char directory[32];
	struct fake_clock *clock;
	struct fake_env *fake;
	struct fake_net *net;
	struct registry_memory_store *store;
	struct side one, crowd;
	unsigned frames;
};

struct figures {
	double bytes, cpu, operations, keys, circuits, frames; /* cpu: % of a core */
};

static void on_write(void *arg, const struct fake_conn *conn, bool up, const uint8_t *data,
		     size_t len)
{
	struct bench *bench = arg;

	(void)data;
	(void)len;
	bench->frames += strcmp(up ? conn->dialler : conn->listener, "one") == 0;
}

static void open_side(struct bench *bench, struct side *side, const char *name)
{
	static const struct key store_key = {{1}};
	struct err err = {0};

	snprintf(side->path, sizeof(side->path), "%s/%s", bench->directory, name);
	side->fake = fake_env_new(bench->clock);
	side->host = fake_net_host(bench->net, name);
	side->registry.base.ops = &counting;
	side->registry.inner = registry_memory_new(fake_env_env(side->fake), bench->store, 300);
	const struct engine_config config = {
	    .env = fake_env_env(side->fake),
	    .registry = &side->registry.base,
	    .transport = fake_host_transport(side->host),
	    .database = side->path,
	    .store_key = &store_key,
	    .decoys = true,
	};
	side->engine = engine_new(&config, NULL, NULL, &err);
	check(side->engine != NULL, "engine_new", &err);
}

static void close_side(struct side *side)
{
	engine_free(&side->engine);
	registry_free(&side->registry.inner);
	fake_env_free(&side->fake);
	unlink(side->path);
}

/* One account here, so many contacts of it: accounts there, or nobody. */
static void fill(struct bench *bench, unsigned contacts, bool linked)
{
	struct err err = {0};
	struct account *one = engine_account_add(bench->one.engine, "one", &err);

	check(one != NULL, "engine_account_add", &err);
	for (unsigned i = 0; i < contacts; i++) {
		char name[16], id[ID_LEN + 1];
		struct identity nobody;

		check(identity_generate(fake_env_env(bench->fake), &nobody, &err) == 0, "identity",
		      &err);
		id_encode(nobody.public_key, id);
		if (linked) {
			struct account *other;

			snprintf(name, sizeof(name), "%u", i);
			other = engine_account_add(bench->crowd.engine, name, &err);
			check(other && contact_add(other, account_id(one), "", NULL, &err),
			      "the crowd", &err);
			memcpy(id, account_id(other), sizeof(id));
		}
		check(contact_add(one, id, "", NULL, &err) != NULL, "contact_add", &err);
	}
}

static void count_linked(void *arg, struct contact *contact)
{
	*(unsigned *)arg += contact_state(contact) == CONTACT_LINKED;
}

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void live(struct bench *bench, unsigned contacts, bool linked, struct figures *figures)
{
	unsigned there = 0;
	double begin;

	if (linked)
		engine_start(bench->crowd.engine);
	engine_start(bench->one.engine);
	fake_clock_run(bench->clock, SETTLE_MS);
	account_contacts(engine_account_find(bench->one.engine, "one"), count_linked, &there);
	check(there == (linked ? contacts : 0), "linking", NULL);
	bench->one.registry.operations = bench->one.registry.keys = bench->frames = 0;
	bench->one.registry.circuits = 0;
	begin = cpu_seconds();
	fake_clock_run(bench->clock, HOUR);
	figures->cpu = (cpu_seconds() - begin) / (linked ? 2 : 1) / 3600 * 100;
	figures->operations = bench->one.registry.operations / 60.0;
	figures->keys = bench->one.registry.keys / 60.0;
	figures->circuits = bench->one.registry.circuits / 60.0;
	figures->frames = bench->frames / 60.0;
}

static struct figures measure(unsigned contacts, bool linked)
{
	static struct bench bench; /* the tables of names are large */
	struct figures figures;
	size_t before;

	bench = (struct bench){.directory = "/tmp/tacet-bench-XXXXXX",
			       .clock = fake_clock_new(contacts)};
	check(mkdtemp(bench.directory) != NULL, "mkdtemp", NULL);
	bench.fake = fake_env_new(bench.clock);
	bench.net = fake_net_new(bench.clock);
	bench.store = registry_memory_store_new(fake_env_env(bench.fake));
	open_side(&bench, &bench.one, "one");
	open_side(&bench, &bench.crowd, "crowd");
	fill(&bench, contacts, linked);
	fake_net_watch(bench.net, on_write, &bench);
	live(&bench, contacts, linked, &figures);
	before = mallinfo2().uordblks;
	engine_free(&bench.one.engine);
	figures.bytes = (double)(before - mallinfo2().uordblks);
	close_side(&bench.one);
	close_side(&bench.crowd);
	fake_net_free(&bench.net);
	registry_memory_store_free(&bench.store);
	fake_env_free(&bench.fake);
	fake_clock_free(&bench.clock);
	rmdir(bench.directory);
	return figures;
}

/* --- the report --- */

static const struct {
	const char *name, *unit;
	size_t offset;
	int decimals;
} columns[] = {
    {"memory", "KiB", offsetof(struct figures, bytes), 0},
    {"CPU", "%", offsetof(struct figures, cpu), 4},
    {"operations/min", "1/min", offsetof(struct figures, operations), 2},
    {"keys/min", "1/min", offsetof(struct figures, keys), 2},
    {"circuits/min", "1/min", offsetof(struct figures, circuits), 2},
    {"frames/min", "1/min", offsetof(struct figures, frames), 2},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static double value(const struct figures *figures, size_t column)
{
	double found = *(const double *)((const char *)figures + columns[column].offset);

	return column == 0 ? found / 1024 : found;
}

/* What each contact more than in the smallest crowd takes, decoys included. */
static double bytes_each(const struct figures *f, const struct figures *smallest, unsigned more)
{
	return more > 0 ? (f->bytes - smallest->bytes) / more : 0;
}

static void report_table(const char *kind, const unsigned *counts, const struct figures *f,
			 unsigned count)
{
	printf("%-7s contacts  bytes each", kind);
	for (size_t c = 0; c < COLUMNS; c++)
		printf("  %14s", columns[c].name);
	printf("\n");
	for (unsigned i = 0; i < count; i++) {
		printf("%16u  %10.0f", counts[i], bytes_each(&f[i], &f[0], counts[i] - counts[0]));
		for (size_t c = 0; c < COLUMNS; c++)
			printf("  %14.*f", columns[c].decimals, value(&f[i], c));
		printf("\n");
		if (i == 0)
			continue;
		printf("%8.0f : 1 %18s", (double)counts[i] / counts[i - 1], "");
		for (size_t c = 0; c < COLUMNS; c++)
			printf("  %14.2f",
			       value(&f[i - 1], c) > 0 ? value(&f[i], c) / value(&f[i - 1], c) : 0);
		printf("\n");
	}
}

/* 2 KB a contact; and 0.1 % of a core for 100 of them. */
static const char *target_of(size_t column, unsigned contacts, bool linked)
{
	return column == 1 && contacts == 100 && !linked ? "value <= 0.1" : NULL;
}

static void report_json(bool linked, const unsigned *counts, const struct figures *f,
			unsigned count)
{
	const char *kind = linked ? "linked" : "away";
	char name[64];

	for (unsigned i = 0; i < count; i++) {
		for (size_t c = 0; c < COLUMNS; c++) {
			struct figure figure = {.bench = "contacts",
						.name = name,
						.value = value(&f[i], c),
						.unit = columns[c].unit,
						.reference = i > 0 ? value(&f[i - 1], c) : 0,
						.target = target_of(c, counts[i], linked)};
			snprintf(name, sizeof(name), "%u %s, %s", counts[i], kind, columns[c].name);
			figure_print(&figure);
		}
		snprintf(name, sizeof(name), "%u %s, memory a contact", counts[i], kind);
		if (i > 0)
			figure_print(&(struct figure){
			    .bench = "contacts",
			    .name = name,
			    .value = bytes_each(&f[i], &f[0], counts[i] - counts[0]),
			    .unit = "B",
			    .target = linked ? NULL : "value <= 2048"});
	}
}

struct wish {
	bool json, away, linked;
	unsigned counts[COUNTS_MAX], count;
};

static void report(const struct wish *wish, bool linked)
{
	const char *kind = linked ? "linked" : "away";
	struct figures f[COUNTS_MAX];

	for (unsigned i = 0; i < wish->count; i++)
		f[i] = measure(wish->counts[i], linked);
	if (wish->json)
		report_json(linked, wish->counts, f, wish->count);
	else
		report_table(kind, wish->counts, f, wish->count);
	fflush(stdout);
}

static bool read_word(struct wish *wish, const char *word)
{
	int number = atoi(word);

	if (strcmp(word, "--away") == 0)
		wish->linked = false;
	else if (strcmp(word, "--linked") == 0)
		wish->away = false;
	else if (number < 1 || number > CONTACTS_MAX || wish->count == COUNTS_MAX ||
		 (wish->count > 0 && (unsigned)number <= wish->counts[wish->count - 1]))
		return false;
	else
		wish->counts[wish->count++] = (unsigned)number;
	return true;
}

int main(int argc, char **argv)
{
	static const unsigned usual[] = {10, 100, 1000};
	struct wish wish = {.json = figures_wanted(&argc, argv), .away = true, .linked = true};

	for (int i = 1; i < argc; i++)
		if (!read_word(&wish, argv[i])) {
			fprintf(stderr,
				"usage: bench_contacts [--json] [--away | --linked] "
				"[contacts, 1 to %d, growing ...]\n",
				CONTACTS_MAX);
			return 2;
		}
	if (wish.count == 0) {
		memcpy(wish.counts, usual, sizeof(usual));
		wish.count = sizeof(usual) / sizeof(usual[0]);
	}
	if (wish.away)
		report(&wish, false);
	if (wish.linked)
		report(&wish, true);
	return 0;
}
