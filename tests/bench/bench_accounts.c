/*
 * bench_accounts.c: what many accounts in one daemon cost: start, memory, CPU, a storm of presence.
 *
 *     usage: bench_accounts [--json] [largest number of accounts, 1000]
 *
 * Whole engines under the fake clock, in the fake net, with the registry in memory, so that what is
 * measured is the engine's own. Three daemons in one run, with 10, 100 and the largest number of
 * accounts, each with 20 contacts, which are accounts of another engine and all there:
 *
 *     start    CPU seconds until the accounts are loaded, an account
 *     link     CPU seconds until all are linked, an account
 *     memory   what engine_free gives back
 *     idle     CPU in half an hour of steady life
 *     storm    all accounts change their status, again and again: CPU for each contact that is told
 *
 * Both engines do the same, but for the start: half of the CPU is counted. Beside each figure
 * stands its ratio to the one before: 1.0 an account is linear growth.
 */
#include "core/engine.h"
#include "core/registry_memory.h"
#include "tests/bench/figures.h"
#include "tests/scenario/fake_net.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MINUTE   ((int64_t)60000)
#define CONTACTS 20
#define IDLE_MS  (30 * MINUTE)
#define STORMS   5

static void check(bool ok, const char *what, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "bench_accounts: %s failed: %s\n", what, err ? err->text : "");
	exit(1);
}

struct side {
	char path[64];
	struct fake_env *fake;
	struct fake_host *host;
	struct registry *registry;
	struct engine *engine;
	struct account **accounts;
	unsigned count;
	unsigned told; /* statuses of contacts */
};

struct bench {
	char directory[32];
	struct fake_clock *clock;
	struct fake_env *fake;
	struct fake_net *net;
	struct registry_memory_store *store;
	struct side many, crowd;
};

enum { START, LINK, MEMORY, IDLE, STORM, KINDS };

/* An account, but for storm: that is a contact that is told. */
static const struct kind {
	const char *name, *unit;
	const char *target; /* of the ratio to a tenth of the accounts */
} kinds[KINDS] = {
    [START] = {"start", "ms", "ratio <= 1.1"},    [LINK] = {"link", "ms", "ratio <= 1.1"},
    [MEMORY] = {"memory", "KiB", "ratio <= 1.1"}, [IDLE] = {"idle CPU", "%", "ratio <= 1.1"},
    [STORM] = {"storm", "us", "ratio <= 1.1"},
};

struct figures {
	unsigned accounts;
	double of[KINDS];
};

static double cpu_ms(void)
{
	return (double)clock() * 1000 / CLOCKS_PER_SEC;
}

static void on_status(void *arg, struct contact *contact, const struct status *status)
{
	struct side *side = arg;

	(void)contact;
	(void)status;
	side->told++;
}

static void open_side(struct bench *bench, struct side *side)
{
	static const struct key store_key = {{1}};
	static const struct engine_handler handler = {.status = on_status};
	struct err err = {0};

	side->registry = registry_memory_new(fake_env_env(side->fake), bench->store, 300);
	const struct engine_config config = {
	    .env = fake_env_env(side->fake),
	    .registry = side->registry,
	    .transport = fake_host_transport(side->host),
	    .database = side->path,
	    .store_key = &store_key,
	};
	side->engine = engine_new(&config, &handler, side, &err);
	check(side->engine != NULL, "engine_new", &err);
}

static void close_side(struct side *side)
{
	engine_free(&side->engine);
	registry_free(&side->registry);
}

static void begin_side(struct bench *bench, struct side *side, const char *name, unsigned count)
{
	struct err err = {0};

	snprintf(side->path, sizeof(side->path), "%s/%s", bench->directory, name);
	side->fake = fake_env_new(bench->clock);
	side->host = fake_net_host(bench->net, name);
	side->count = count;
	side->accounts = calloc(count, sizeof(struct account *));
	open_side(bench, side);
	for (unsigned i = 0; i < count; i++) {
		char account[16];

		snprintf(account, sizeof(account), "%u", i);
		side->accounts[i] = engine_account_add(side->engine, account, &err);
		check(side->accounts[i] != NULL, "engine_account_add", &err);
	}
}

static void end_side(struct side *side)
{
	close_side(side);
	fake_env_free(&side->fake);
	free(side->accounts);
	unlink(side->path);
}

static void pair_all(struct bench *bench)
{
	struct err err = {0};

	for (unsigned i = 0; i < bench->many.count; i++)
		for (unsigned k = 0; k < CONTACTS; k++) {
			struct account *one = bench->many.accounts[i];
			struct account *other = bench->crowd.accounts[(i + k) % bench->crowd.count];

			check(contact_add(one, account_id(other), "", NULL, &err) &&
				  contact_add(other, account_id(one), "", NULL, &err),
			      "contact_add", &err);
		}
}

static void take_account(void *arg, struct account *account)
{
	struct side *side = arg;

	side->accounts[side->count++] = account;
}

/* As when the daemon is started again. */
static double start_again(struct bench *bench)
{
	double begin;

	close_side(&bench->many);
	begin = cpu_ms();
	open_side(bench, &bench->many);
	begin = cpu_ms() - begin;
	bench->many.count = 0;
	engine_accounts(bench->many.engine, take_account, &bench->many);
	return begin;
}

static void count_linked(void *arg, struct contact *contact)
{
	*(unsigned *)arg += contact_state(contact) == CONTACT_LINKED;
}

static double link_all(struct bench *bench)
{
	double begin = cpu_ms();
	unsigned linked = 0;

	engine_start(bench->many.engine);
	engine_start(bench->crowd.engine);
	for (int minutes = 0; linked < bench->many.count * CONTACTS && minutes < 60; minutes++) {
		fake_clock_run(bench->clock, MINUTE);
		linked = 0;
		for (unsigned i = 0; i < bench->many.count; i++)
			account_contacts(bench->many.accounts[i], count_linked, &linked);
	}
	check(linked == bench->many.count * CONTACTS, "linking", NULL);
	return (cpu_ms() - begin) / 2;
}

static double idle(struct bench *bench)
{
	double begin;

	fake_clock_run(bench->clock, 10 * MINUTE);
	begin = cpu_ms();
	fake_clock_run(bench->clock, IDLE_MS);
	return (cpu_ms() - begin) / 2;
}

static double storm(struct bench *bench)
{
	double begin = cpu_ms();

	bench->crowd.told = 0;
	for (unsigned round = 0; round < STORMS; round++) {
		const struct status status = {.show = round % 2 ? SHOW_AWAY : SHOW_DND};

		for (unsigned i = 0; i < bench->many.count; i++)
			account_set_status(bench->many.accounts[i], &status);
		fake_clock_run(bench->clock, 5000);
	}
	check(bench->crowd.told == STORMS * bench->many.count * CONTACTS, "telling", NULL);
	return (cpu_ms() - begin) / 2;
}

static struct figures measure(unsigned accounts)
{
	struct bench bench = {.clock = fake_clock_new(accounts)};
	struct figures figures = {.accounts = accounts};
	size_t before;

	snprintf(bench.directory, sizeof(bench.directory), "%s/tacet-bench-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	check(mkdtemp(bench.directory) != NULL, "mkdtemp", NULL);
	bench.fake = fake_env_new(bench.clock);
	bench.net = fake_net_new(bench.clock);
	fake_net_keep(bench.net, false);
	bench.store = registry_memory_store_new(fake_env_env(bench.fake));
	begin_side(&bench, &bench.many, "many", accounts);
	begin_side(&bench, &bench.crowd, "crowd", accounts > CONTACTS ? accounts : CONTACTS);
	pair_all(&bench);
	figures.of[START] = start_again(&bench) / accounts;
	figures.of[LINK] = link_all(&bench) / accounts;
	figures.of[IDLE] = idle(&bench) * 100 / IDLE_MS / accounts;
	figures.of[STORM] = storm(&bench) * 1000 / (STORMS * accounts * CONTACTS);
	before = mallinfo2().uordblks;
	engine_free(&bench.many.engine);
	figures.of[MEMORY] = (double)(before - mallinfo2().uordblks) / 1024 / accounts;
	end_side(&bench.many);
	end_side(&bench.crowd);
	fake_net_free(&bench.net);
	registry_memory_store_free(&bench.store);
	fake_env_free(&bench.fake);
	fake_clock_free(&bench.clock);
	rmdir(bench.directory);
	return figures;
}

static void report(const struct figures *f, const struct figures *before)
{
	printf("%8u %11.2f %11.2f %11.1f %11.5f %11.1f\n", f->accounts, f->of[START], f->of[LINK],
	       f->of[MEMORY], f->of[IDLE], f->of[STORM]);
	if (before) {
		printf("%8s", "ratio");
		for (int i = 0; i < KINDS; i++)
			printf(" %11.2f", f->of[i] / before->of[i]);
		printf("\n");
	}
	fflush(stdout);
}

static void report_json(const struct figures *f, const struct figures *before)
{
	for (int i = 0; i < KINDS; i++) {
		const struct kind *kind = &kinds[i];
		char name[64];

		snprintf(name, sizeof(name), "%s, %u accounts", kind->name, f->accounts);
		figure_print(&(struct figure){"accounts", name, f->of[i], kind->unit,
					      before ? before->of[i] : 0,
					      before ? kind->target : NULL});
	}
}

int main(int argc, char **argv)
{
	bool json = figures_wanted(&argc, argv);
	const unsigned counts[3] = {10, 100, argc > 1 ? (unsigned)atoi(argv[1]) : 1000};
	struct figures f[3];

	if (counts[2] <= counts[1] || counts[2] > 10000) {
		fprintf(stderr, "usage: bench_accounts [101 to 10000]\n");
		return 2;
	}
	if (!json) {
		printf("an account of %d linked contacts:\n", CONTACTS);
		printf("accounts    start ms     link ms         KiB  idle CPU %%    storm us\n");
	}
	for (unsigned i = 0; i < 3; i++) {
		f[i] = measure(counts[i]);
		(json ? report_json : report)(&f[i], i ? &f[i - 1] : NULL);
	}
	return 0;
}
