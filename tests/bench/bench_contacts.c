/*
 * bench_contacts.c: what an account with many contacts costs: memory, CPU, registry, frames.
 *
 *     usage: bench_contacts [--json] [largest number of contacts, 500]
 *
 * Whole engines under the fake clock, in the fake net, with the registry in memory: an hour passes
 * in seconds, and what is counted is the engine's own. Three crowds in one run, 1, 50 and the
 * largest, so that each figure stands beside its ratio to the others:
 *
 *     away     nobody is there: all contacts, and the decoys, are looked up and published
 *     linked   all are there; they are accounts of one other engine
 *
 * Memory is what engine_free gives back. CPU is that of the process in an hour of steady life; of
 * linked engines it is half of both, as both do the same.
 */
#include "core/engine.h"
#include "core/registry_memory.h"
#include "core/registry_private.h"
#include "tests/bench/figures.h"
#include "tests/scenario/fake_net.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MINUTE ((int64_t)60000)
#define HOUR   (60 * MINUTE)
/* Before steady life begins: pauses have grown to their longest. */
#define SETTLE_MS (70 * MINUTE)

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
	unsigned operations, keys;
};

static struct registry_op *publish(struct registry *registry, const char *const *isolation,
				   const struct registry_entry *entries, unsigned count,
				   void (*done)(void *, const struct registry_published *),
				   void *arg)
{
	struct counter *counter = (struct counter *)registry;

	counter->operations++;
	counter->keys += count;
	return registry_publish(counter->inner, isolation, entries, count, done, arg);
}

static struct registry_op *lookup(struct registry *registry, const char *const *isolation,
				  const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
				  bool (*value)(void *, unsigned, const uint8_t *),
				  void (*done)(void *, unsigned), void *arg)
{
	struct counter *counter = (struct counter *)registry;

	counter->operations++;
	counter->keys += count;
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
	double bytes, cpu_s, operations, keys, frames;
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
	side->registry = (struct counter){
	    .base = {&counting},
	    .inner = registry_memory_new(fake_env_env(side->fake), bench->store, 300)};
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
	begin = cpu_seconds();
	fake_clock_run(bench->clock, HOUR);
	figures->cpu_s = (cpu_seconds() - begin) / (linked ? 2 : 1);
	figures->operations = bench->one.registry.operations / 60.0;
	figures->keys = bench->one.registry.keys / 60.0;
	figures->frames = bench->frames / 60.0;
}

static struct figures measure(unsigned contacts, bool linked)
{
	struct bench bench = {.directory = "/tmp/tacet-bench-XXXXXX",
			      .clock = fake_clock_new(contacts)};
	struct figures figures;
	size_t before;

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

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static double bytes_each(const struct figures f[3], const unsigned counts[3], unsigned i)
{
	return i ? (f[i].bytes - f[0].bytes) / (counts[i] - counts[0]) : 0;
}

static void report_json(bool linked, const struct figures f[3], const unsigned counts[3])
{
	const char *who = linked ? "linked" : "away";

	for (unsigned i = 0; i < 3; i++) {
		const struct {
			const char *what, *unit;
			double value;
			const char *target;
		} rows[] = {
		    {"memory a contact", "B", bytes_each(f, counts, i), i ? "value <= 2048" : NULL},
		    {"CPU", "%", f[i].cpu_s / 36, counts[i] <= 100 ? "value <= 0.1" : NULL},
		    {"registry operations", "/min", f[i].operations, NULL},
		    {"frames", "/min", f[i].frames, NULL},
		};

		for (size_t k = i ? 0 : 1; k < sizeof(rows) / sizeof(*rows); k++) {
			char name[64];

			snprintf(name, sizeof(name), "%s, %u %s", rows[k].what, counts[i], who);
			figure_print(&(struct figure){"contacts", name, rows[k].value, rows[k].unit,
						      0, rows[k].target});
		}
	}
}

static void report(bool linked, const struct figures f[3], const unsigned counts[3])
{
	printf(
	    "%-7s contacts     KiB  bytes each   CPU %%   operations/min   keys/min  frames/min\n",
	    linked ? "linked" : "away");
	for (unsigned i = 0; i < 3; i++)
		printf("%16u %7.0f %11.0f %7.4f %16.2f %10.2f %11.2f\n", counts[i],
		       f[i].bytes / 1024, bytes_each(f, counts, i), f[i].cpu_s / 36,
		       f[i].operations, f[i].keys, f[i].frames);
	for (unsigned i = 0; i < 2; i++)
		printf("%9u : %-4u %7.2f             %7.2f %16.2f %10.2f %11.2f\n", counts[2],
		       counts[i], ratio(f[2].bytes, f[i].bytes), ratio(f[2].cpu_s, f[i].cpu_s),
		       ratio(f[2].operations, f[i].operations), ratio(f[2].keys, f[i].keys),
		       ratio(f[2].frames, f[i].frames));
}

int main(int argc, char **argv)
{
	bool json = figures_wanted(&argc, argv);
	const unsigned counts[3] = {1, 50, argc > 1 ? (unsigned)atoi(argv[1]) : 500};

	if (counts[2] <= counts[1] || counts[2] > CONTACTS_MAX) {
		fprintf(stderr, "usage: bench_contacts [51 to %d]\n", CONTACTS_MAX);
		return 2;
	}
	for (int linked = 0; linked < 2; linked++) {
		struct figures f[3];

		for (unsigned i = 0; i < 3; i++)
			f[i] = measure(counts[i], linked);
		(json ? report_json : report)(linked, f, counts);
	}
	return 0;
}
