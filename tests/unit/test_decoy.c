/* Tests of decoy.c: how many there are, and that none can be told from a contact who is away. */
#include "core/decoy.h"
#include "core/engine_private.h"
#include "core/registry_private.h"
#include "tests/scenario/fake_net.h"
#include "tests/unit/fail_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE ((int64_t)60000)

static void the_sum_is_a_power_of_two(void **state)
{
	static const struct {
		unsigned contacts, sum;
	} rows[] = {{0, 4},      {1, 4},
		    {3, 4},      {4, 4},
		    {5, 8},      {8, 8},
		    {9, 16},     {16, 16},
		    {17, 32},    {100, 128},
		    {500, 512},  {512, 512},
		    {513, 1024}, {CONTACTS_MAX, 16384}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(rows[i].contacts + decoys_wanted(rows[i].contacts), rows[i].sum);
}

/* --- decoys of an account, as its gateways see them --- */

/* Nothing is ever there, and nothing is stored; but it is all written down. */
struct watched {
	struct registry base;
	const struct env *env;
	void (*seen)(void *arg, bool publication, const char *circuit, const uint8_t *key,
		     unsigned count);
	void *arg;
	bool fails;
	struct watched_op *ops;
};

struct watched_op {
	struct registry_op base;
	struct watched_op *next;
	struct timer *timer;
	unsigned count;
	void (*published)(void *arg, const struct registry_published *result);
	void (*looked_up)(void *arg, unsigned answered);
	void *arg;
};

static void op_cancel(struct registry_op *base)
{
	struct watched_op *op = (struct watched_op *)base;
	struct watched_op **link = &((struct watched *)base->registry)->ops;

	while (*link != op)
		link = &(*link)->next;
	*link = op->next;
	timer_free(&op->timer);
	free(op);
}

static void op_fire(void *arg)
{
	struct watched_op op = *(struct watched_op *)arg;
	bool fails = ((struct watched *)op.base.registry)->fails;
	const struct registry_published result = {op.count, op.count}, none = {0};

	op_cancel(arg);
	if (op.published)
		op.published(op.arg, fails ? &none : &result);
	else
		op.looked_up(op.arg, fails ? 0 : op.count);
}

static struct watched_op *op_begin(struct registry *registry, unsigned count, void *arg)
{
	struct watched *watched = (struct watched *)registry;
	struct watched_op *op = calloc(1, sizeof(*op));

	assert_non_null(op);
	op->base.registry = registry;
	op->count = count;
	op->arg = arg;
	op->timer = timer_new(watched->env, op_fire, op);
	timer_set(op->timer, 300);
	op->next = watched->ops;
	watched->ops = op;
	return op;
}

static struct registry_op *publish(struct registry *registry, const char *isolation,
				   const struct registry_entry *entries, unsigned count,
				   void (*done)(void *, const struct registry_published *),
				   void *arg)
{
	struct watched *watched = (struct watched *)registry;
	struct watched_op *op = op_begin(registry, count, arg);

	op->published = done;
	watched->seen(watched->arg, true, isolation, entries[0].key, count);
	return &op->base;
}

static struct registry_op *lookup(struct registry *registry, const char *isolation,
				  const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
				  bool (*value)(void *, unsigned, const uint8_t *),
				  void (*done)(void *, unsigned), void *arg)
{
	struct watched *watched = (struct watched *)registry;
	struct watched_op *op = op_begin(registry, count, arg);

	(void)value;
	op->looked_up = done;
	watched->seen(watched->arg, false, isolation, keys[0], count);
	return &op->base;
}

static void nothing_to_free(struct registry *registry)
{
	assert_null(((struct watched *)registry)->ops);
}

static const struct registry_ops watched_ops = {
    .name = "watched",
    .publish = publish,
    .lookup = lookup,
    .cancel = op_cancel,
    .free = nothing_to_free,
};

/* One account in the fake net, whose contacts are nobody. */
struct fixture {
	struct fake_clock *clock;
	struct fake_env *fake;
	struct fake_net *net;
	struct fake_host *host;
	struct watched watched;
	struct engine *engine;
	struct account *account;
};

static void add_nobody(struct fixture *f)
{
	struct identity nobody;
	struct err err = {0};
	char id[ID_LEN + 1];

	assert_int_equal(identity_generate(fake_env_env(f->fake), &nobody, &err), 0);
	id_encode(nobody.public_key, id);
	assert_non_null(contact_add(f->account, id, "", NULL, &err));
}

static void begin(struct fixture *f, uint64_t seed, unsigned contacts,
		  void (*seen)(void *, bool, const char *, const uint8_t *, unsigned), void *arg)
{
	struct err err = {0};

	*f = (struct fixture){.clock = fake_clock_new(seed)};
	f->fake = fake_env_new(f->clock);
	f->net = fake_net_new(f->clock);
	f->host = fake_net_host(f->net, "alice");
	f->watched = (struct watched){
	    .base = {&watched_ops}, .env = fake_env_env(f->fake), .seen = seen, .arg = arg};
	const struct engine_config config = {
	    .env = fake_env_env(f->fake),
	    .registry = &f->watched.base,
	    .transport = fake_host_transport(f->host),
	    .database = ":memory:",
	    .store_key = &(const struct key){{1}},
	    .replicas = 1,
	    .decoys = true,
	};
	f->engine = engine_new(&config, NULL, NULL, &err);
	assert_non_null(f->engine);
	f->account = engine_account_add(f->engine, "alice", &err);
	assert_non_null(f->account);
	for (unsigned i = 0; i < contacts; i++)
		add_nobody(f);
}

static void end(struct fixture *f)
{
	engine_free(&f->engine);
	assert_null(f->watched.ops);
	fake_net_free(&f->net);
	fake_env_free(&f->fake);
	fake_clock_free(&f->clock);
}

/* --- how many are looked up --- */

static void count_lookup(void *arg, bool publication, const char *circuit, const uint8_t *key,
			 unsigned count)
{
	unsigned *counts = arg;

	(void)circuit;
	(void)key;
	(void)count;
	counts[publication]++;
}

static void remove_one(struct fixture *f)
{
	struct contact *contact = f->account->contacts[0];
	struct err err = {0};

	assert_int_equal(contact_remove(&contact, &err), 0);
}

static void they_come_and_go_with_the_roster(void **state)
{
	struct fixture f;
	unsigned counts[2] = {0};

	(void)state;
	begin(&f, 1, 3, count_lookup, counts);
	assert_int_equal(decoys_count(f.account->decoys), 0);
	engine_start(f.engine);
	assert_int_equal(decoys_count(f.account->decoys), 1);
	fake_clock_run(f.clock, MINUTE);
	/* Near an edge of a pair's epoch once more. */
	assert_in_range(counts[false], 2 * 4, 3 * 4);
	assert_int_equal(counts[true], 4);
	/* One more takes the place of the decoy, */
	add_nobody(&f);
	assert_int_equal(decoys_count(f.account->decoys), 0);
	/* another one begins the next power, which is kept. */
	add_nobody(&f);
	assert_int_equal(decoys_count(f.account->decoys), 3);
	remove_one(&f);
	remove_one(&f);
	assert_int_equal(decoys_count(f.account->decoys), 5);
	/* Until it goes offline. */
	engine_stop(f.engine);
	assert_int_equal(decoys_count(f.account->decoys), 0);
	fake_clock_run(f.clock, MINUTE);
	counts[false] = counts[true] = 0;
	fake_clock_run(f.clock, 60 * MINUTE);
	assert_int_equal(counts[false] + counts[true], 0);
	engine_start(f.engine);
	assert_int_equal(decoys_count(f.account->decoys), 1);
	engine_stop(f.engine);
	/* A hidden account looks up, and publishes nothing. */
	counts[false] = counts[true] = 0;
	account_set_visibility(f.account, ACCOUNT_HIDDEN);
	engine_start(f.engine);
	fake_clock_run(f.clock, MINUTE);
	assert_in_range(counts[false], 4, 2 * 4);
	assert_int_equal(counts[true], 0);
	account_set_visibility(f.account, ACCOUNT_DARK);
	assert_int_equal(decoys_count(f.account->decoys), 0);
	end(&f);
}

/* --- can one be told from a contact who is away? --- */

/* With 7 contacts there is one decoy. What it does is compared with what they do. */
enum { CONTACTS = 7, RUNS = 40 };
/* Where the decoy stands among eight, in the mean: 3.5 ± 2.29, over the runs ± 0.36. Five times
 * that happens by chance once in a million. */
#define MEAN_LEAST 1.69
#define MEAN_MOST  5.31

enum measure {
	FIRST,        /* when it was first looked up, */
	PUBLISHED,    /* and published; */
	LOOKUPS,      /* how often, */
	PUBLICATIONS, /* and how often; */
	GAPS,         /* the sum of squares of the pauses */
	KEYS,         /* how many keys in all */
	MEASURES,
};

struct life {
	int64_t measure[MEASURES];
	int64_t last_ms;
};

struct comparison {
	struct fixture *fixture;
	struct life lives[CONTACTS + 1]; /* the decoy's is the last */
};

static bool has_key(const struct contact *contact, int64_t now, bool out, const uint8_t *key)
{
	uint64_t epoch = pair_epoch(&contact->pair, now);
	uint8_t own[LOOKUP_KEY_LEN];

	/* Published are the neighbours, too. */
	for (unsigned i = 0; i < 3; i++) {
		pair_lookup_key(out ? &contact->pair.out : &contact->pair.in, epoch + 1 - i, 0,
				own);
		if (memcmp(own, key, LOOKUP_KEY_LEN) == 0)
			return true;
	}
	return false;
}

static void live(void *arg, bool publication, const char *circuit, const uint8_t *key,
		 unsigned count)
{
	struct comparison *c = arg;
	int64_t now = fake_clock_now(c->fixture->clock) + 1; /* 0 is none */
	int64_t gap;
	unsigned i = 0;

	(void)circuit;
	while (i < CONTACTS && !has_key(c->fixture->account->contacts[i],
					engine_now_ms(c->fixture->engine), publication, key))
		i++;
	struct life *life = &c->lives[i];
	gap = (now - life->last_ms) / 1000;
	life->last_ms = now;
	if (life->measure[LOOKUPS] == 0)
		life->measure[FIRST] = now;
	if (publication && life->measure[PUBLICATIONS] == 0)
		life->measure[PUBLISHED] = now;
	life->measure[publication ? PUBLICATIONS : LOOKUPS]++;
	life->measure[GAPS] += gap * gap;
	life->measure[KEYS] += count;
}

/* Eight hours with all that happens to a daemon. */
static void watch(struct comparison *c, uint64_t seed)
{
	struct fixture f;

	*c = (struct comparison){.fixture = &f};
	begin(&f, seed, CONTACTS, live, c);
	engine_start(f.engine);
	fake_clock_run(f.clock, 180 * MINUTE);
	fake_host_restart_tor(f.host); /* another address */
	fake_clock_run(f.clock, 60 * MINUTE);
	f.watched.fails = true;
	fake_clock_run(f.clock, 20 * MINUTE);
	f.watched.fails = false;
	engine_wake(f.engine);
	fake_clock_run(f.clock, 100 * MINUTE);
	fake_env_jump(f.fake, 50 * MINUTE);
	fake_clock_run(f.clock, 120 * MINUTE);
	end(&f);
}

/* How many are below the last one, counting those that are alike half, times two. */
static unsigned rank_of_decoy(const struct comparison *c, enum measure m)
{
	int64_t own = c->lives[CONTACTS].measure[m];
	unsigned rank = 0;

	for (unsigned i = 0; i < CONTACTS; i++)
		rank += c->lives[i].measure[m] < own ? 2 : c->lives[i].measure[m] == own ? 1 : 0;
	return rank;
}

static void a_decoy_lives_as_contacts_do(void **state)
{
	static const char *const names[] = {
	    "first lookup", "first publication", "lookups", "publications", "pauses", "keys"};
	unsigned sums[MEASURES] = {0};
	struct comparison *c = malloc(sizeof(*c));

	(void)state;
	assert_non_null(c);
	for (unsigned run = 0; run < RUNS; run++) {
		watch(c, 100 + run);
		for (enum measure m = 0; m < MEASURES; m++) {
			for (unsigned i = 0; i <= CONTACTS; i++)
				assert_true(c->lives[i].measure[m] > 0);
			sums[m] += rank_of_decoy(c, m);
		}
	}
	free(c);
	for (enum measure m = 0; m < MEASURES; m++) {
		double mean = (double)sums[m] / 2 / RUNS;

		print_message("%s: the decoy is number %.2f of 0 to 7 in the mean\n", names[m],
			      mean);
		assert_true(mean > MEAN_LEAST && mean < MEAN_MOST);
	}
}

/* --- memory --- */

static void where_memory_is_short_there_are_fewer(void **state)
{
	struct fixture f;
	unsigned counts[2] = {0};
	bool failed = true;

	(void)state;
	begin(&f, 1, 3, count_lookup, counts);
	/* The fake clock's own memory is there already. */
	decoys_begin(f.account->decoys, 65, false);
	for (long n = 0; failed; n++) {
		fail_malloc_arm(n);
		decoys_begin(f.account->decoys, 2, false);
		failed = fail_malloc_disarm();
		assert_in_range(decoys_count(f.account->decoys), failed ? 0 : 2, failed ? 1 : 2);
		decoys_end(f.account->decoys);
	}
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sum_is_a_power_of_two),
	    cmocka_unit_test(they_come_and_go_with_the_roster),
	    cmocka_unit_test(a_decoy_lives_as_contacts_do),
	    cmocka_unit_test(where_memory_is_short_there_are_fewer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
