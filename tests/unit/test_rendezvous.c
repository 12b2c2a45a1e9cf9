/* Tests of rendezvous*.c: what it asks of the registry in which epoch, and when. */
#include "core/registry_private.h"
#include "core/rendezvous.h"
#include "tests/scenario/fake_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND   ((int64_t)1000)
#define MINUTE   (60 * SECOND)
#define REPLICAS 3
#define RUNS     12
/* Requests this close are simultaneous; by chance one in 84 is, of those whose pair is in use in
 * two epochs. */
#define CLOSE_MS (5 * SECOND / 2)
/* Epochs of which the last publication is known, at least as many as are in use. */
#define KNOWN 8

enum { PAIR, NEXT, PAIRS };

/* One of a pair that is alone, and its registry, which has nothing. */
struct lonely {
	struct registry base;
	struct fake_clock *clock;
	struct fake_env *fake;
	const struct env *env;
	struct identity own, other;
	struct pair pairs[PAIRS];
	struct isolation *isolation;
	struct rendezvous *rendezvous;
	struct timer *answer; /* of the operation under way */
	struct registry_op op;
	void (*published)(void *arg, const struct registry_published *result);
	void (*looked_up)(void *arg, unsigned answered);
	void *arg;
	uint64_t sequence;
	/* What was seen. */
	int64_t put_ms[PAIRS][KNOWN]; /* of an epoch, when last */
	char circuit[PAIRS][KNOWN][ISOLATION_NAME_SIZE];
	int64_t seen_ms; /* the last request, */
	int seen_pair;   /* of what it was */
	uint64_t seen_epoch;
	unsigned puts, gets, changes, close;
	unsigned late[PAIRS][KNOWN]; /* publications of an epoch that was over, since it was seen */
};

/* --- the registry --- */

static void answer(void *arg)
{
	struct lonely *l = arg;
	const struct registry_published result = {REPLICAS, REPLICAS};
	void (*published)(void *, const struct registry_published *) = l->published;
	void (*looked_up)(void *, unsigned) = l->looked_up;

	l->published = NULL;
	l->looked_up = NULL;
	if (published)
		published(l->arg, &result);
	else
		looked_up(l->arg, REPLICAS);
}

static void cancel(struct registry_op *op)
{
	struct lonely *l = (struct lonely *)op->registry;

	timer_stop(l->answer);
	l->published = NULL;
	l->looked_up = NULL;
}

/* Which pair's key is it, and of which epoch? */
static int pair_of(const struct lonely *l, const uint8_t key[LOOKUP_KEY_LEN], bool out,
		   unsigned replica, uint64_t *epoch)
{
	uint8_t own[LOOKUP_KEY_LEN];

	for (int pair = 0; pair < PAIRS; pair++) {
		const struct pair *p = &l->pairs[pair];
		uint64_t present = pair_epoch(p, env_wall_ms(l->env));
		for (*epoch = present - 1; *epoch <= present + 1; ++*epoch) {
			pair_lookup_key(out ? &p->out : &p->in, *epoch, (uint8_t)replica, own);
			if (memcmp(own, key, LOOKUP_KEY_LEN) == 0)
				return pair;
		}
	}
	fail_msg("a key of no pair and epoch that is near");
	return -1;
}

static int see(struct lonely *l, const char *circuit, const uint8_t key[LOOKUP_KEY_LEN], bool out,
	       uint64_t *epoch)
{
	int64_t now = env_mono_ms(l->env);
	int pair = pair_of(l, key, out, 0, epoch);
	char *known = l->circuit[pair][*epoch % KNOWN];

	/* A circuit of its own. */
	for (int i = 0; i < PAIRS; i++)
		for (unsigned j = 0; j < KNOWN; j++)
			if (l->circuit[i][j] != known && strcmp(l->circuit[i][j], circuit) == 0)
				fail_msg("two pairs or epochs share a circuit");
	strcpy(known, circuit);
	if (l->seen_ms > 0 && (pair != l->seen_pair || *epoch != l->seen_epoch)) {
		l->changes++;
		l->close += now - l->seen_ms < CLOSE_MS;
	}
	l->seen_ms = now;
	l->seen_pair = pair;
	l->seen_epoch = *epoch;
	return pair;
}

static struct registry_op *begin_op(struct lonely *l, void *arg)
{
	/* No two of them at once: this is only so often that one would have to wait. */
	if (l->published || l->looked_up)
		return NULL;
	l->arg = arg;
	l->op.registry = &l->base;
	timer_set(l->answer, 300);
	return &l->op;
}

static struct registry_op *publish(struct registry *registry, const char *isolation,
				   const struct registry_entry *entries, unsigned count,
				   void (*done)(void *, const struct registry_published *),
				   void *arg)
{
	struct lonely *l = (struct lonely *)registry;
	struct registry_op *op = begin_op(l, arg);
	uint64_t epoch, other;

	assert_int_equal(count, REPLICAS);
	if (!op)
		return NULL;
	l->published = done;
	int pair = see(l, isolation, entries[0].key, true, &epoch);
	for (unsigned i = 1; i < count; i++) {
		assert_int_equal(pair_of(l, entries[i].key, true, i, &other), pair);
		assert_true(other == epoch);
	}
	if (epoch + 1 == pair_epoch(&l->pairs[pair], env_wall_ms(l->env)))
		l->late[pair][epoch % KNOWN]++;
	else
		l->late[pair][epoch % KNOWN] = 0;
	l->put_ms[pair][epoch % KNOWN] = l->seen_ms;
	l->puts++;
	return op;
}

static struct registry_op *lookup(struct registry *registry, const char *isolation,
				  const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
				  bool (*value)(void *, unsigned, const uint8_t *),
				  void (*done)(void *, unsigned), void *arg)
{
	struct lonely *l = (struct lonely *)registry;
	struct registry_op *op = begin_op(l, arg);
	uint64_t epoch, other;

	(void)value;
	assert_int_equal(count, REPLICAS);
	if (!op)
		return NULL;
	l->looked_up = done;
	int pair = see(l, isolation, keys[0], false, &epoch);
	for (unsigned i = 1; i < count; i++) {
		assert_int_equal(pair_of(l, keys[i], false, i, &other), pair);
		assert_true(other == epoch);
	}
	l->gets++;
	return op;
}

static const struct registry_ops lonely_ops = {
    .name = "lonely", .publish = publish, .lookup = lookup, .cancel = cancel};

/* --- who asks --- */

static int64_t on_now(void *arg)
{
	return env_wall_ms(((struct lonely *)arg)->env);
}

static int on_endpoint(void *arg, struct endpoint *endpoint)
{
	(void)arg;
	*endpoint = (struct endpoint){.kind = ENDPOINT_ONION};
	return 0;
}

static int on_sequence(void *arg, int64_t now_ms, uint64_t *sequence)
{
	(void)now_ms;
	*sequence = ++((struct lonely *)arg)->sequence;
	return 0;
}

static bool on_found(void *arg, const struct record *record)
{
	(void)arg;
	(void)record;
	return false;
}

static void on_watched(void *arg, bool found)
{
	(void)arg;
	(void)found;
}

static void on_changed(void *arg)
{
	(void)arg;
}

static const struct rendezvous_handler handler = {
    .now = on_now,
    .endpoint = on_endpoint,
    .sequence = on_sequence,
    .found = on_found,
    .watched = on_watched,
    .changed = on_changed,
};

static struct lonely *begin(uint64_t seed, bool two_pairs)
{
	struct lonely *l = calloc(1, sizeof(*l));
	const struct key secrets[PAIRS] = {{{1}}, {{2}}};
	struct rendezvous_start start = {.registry = &l->base,
					 .owner = l,
					 .own = &l->own,
					 .contact = l->other.public_key,
					 .pair = &l->pairs[PAIR],
					 .replicas = REPLICAS,
					 .handler = &handler,
					 .arg = l};
	struct err err;

	assert_non_null(l);
	l->base.ops = &lonely_ops;
	l->clock = fake_clock_new(seed);
	l->fake = fake_env_new(l->clock);
	l->env = fake_env_env(l->fake);
	l->isolation = isolation_new(l->env, ISOLATION_BUDGET);
	l->answer = timer_new(l->env, answer, l);
	assert_int_equal(identity_generate(l->env, &l->own, &err), 0);
	assert_int_equal(identity_generate(l->env, &l->other, &err), 0);
	for (int i = 0; i < PAIRS; i++)
		assert_int_equal(
		    pair_derive(&l->own, l->other.public_key, &secrets[i], &l->pairs[i], &err), 0);
	start.env = l->env;
	start.isolation = l->isolation;
	l->rendezvous = rendezvous_new(&start);
	assert_non_null(l->rendezvous);
	if (two_pairs)
		assert_int_equal(rendezvous_reserve_next(l->rendezvous), 0);
	if (two_pairs)
		rendezvous_set_next(l->rendezvous, &l->pairs[NEXT]);
	fake_clock_run(l->clock, 1 + (int64_t)env_random_below(l->env, (uint64_t)EPOCH_MS));
	rendezvous_begin(l->rendezvous, 0);
	return l;
}

static void end(struct lonely **lonely)
{
	struct lonely *l = *lonely;

	rendezvous_free(&l->rendezvous);
	timer_free(&l->answer);
	isolation_free(&l->isolation);
	fake_env_free(&l->fake);
	fake_clock_free(&l->clock);
	free(l);
	*lonely = NULL;
}

/* Is there a record for a reader whose clock shows so much more? */
static bool is_there(const struct lonely *l, int pair, int64_t ahead_ms)
{
	uint64_t epoch = pair_epoch(&l->pairs[pair], env_wall_ms(l->env) + ahead_ms);
	int64_t put_ms = l->put_ms[pair][epoch % KNOWN];

	return put_ms > 0 && env_mono_ms(l->env) - put_ms < RECORD_LIFETIME_S * SECOND;
}

/* --- tests --- */

/* Whatever moment it is, who looks the present epoch up by his clock finds a record. */
static void a_reader_with_another_clock_finds_it(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct lonely *l = begin(seed, seed % 2);
		/* At first the present one, and after some minutes all that are to be there. */
		fake_clock_run(l->clock, seed % 2 ? 2 * APART_MAX_MS : 5 * SECOND);
		for (int pair = 0; pair <= (int)(seed % 2); pair++)
			assert_true(is_there(l, pair, 0));
		fake_clock_run(l->clock, APART_MAX_MS);
		for (int minutes = 0; minutes < 12 * 60; minutes++) {
			fake_clock_run(l->clock, MINUTE);
			for (int64_t ahead = -EPOCH_MARGIN_MS; ahead <= EPOCH_MARGIN_MS;
			     ahead += EPOCH_MARGIN_MS / 4)
				for (int pair = 0; pair <= (int)(seed % 2); pair++)
					if (!is_there(l, pair, ahead))
						fail_msg("seed %u, minute %d: nothing for a clock "
							 "that is %d s ahead",
							 (unsigned)seed, minutes,
							 (int)(ahead / SECOND));
		}
		end(&l);
	}
}

/* Two epochs, and two pairs of one contact, are never asked for together but by chance. */
static void epochs_and_pairs_are_kept_apart(void **state)
{
	unsigned changes = 0, close = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct lonely *l = begin(seed, seed % 2);
		fake_clock_run(l->clock, 12 * 60 * MINUTE);
		changes += l->changes;
		close += l->close;
		end(&l);
	}
	print_message("%u of %u requests are near one of another pair or epoch\n", close, changes);
	assert_true(changes > 500);
	assert_true(close * 20 < changes);
}

/* An epoch ends with the first publication after its end, also while its neighbour is renewed. */
static void the_last_publication_is_the_last(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct lonely *l = begin(seed, seed % 2);
		/* What begins near an edge has the neighbour besides. */
		fake_clock_run(l->clock, EPOCH_MS);
		for (int minutes = 0; minutes < 12 * 60; minutes++) {
			fake_clock_run(l->clock, MINUTE);
			for (int pair = 0; pair <= (int)(seed % 2); pair++)
				for (unsigned i = 0; i < KNOWN; i++)
					assert_in_range(l->late[pair][i], 0, 1);
		}
		end(&l);
	}
}

/* What it costs: 3 copies each 7 minutes, in the mean for 22 minutes more than an epoch. */
static void requests_are_few(void **state)
{
	unsigned puts = 0, gets = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct lonely *l = begin(seed, false);
		fake_clock_run(l->clock, 24 * 60 * MINUTE);
		puts += l->puts;
		gets += l->gets;
		assert_int_equal(l->sequence, 1);
		end(&l);
	}
	print_message("a day: %u publications and %u lookups\n", puts / RUNS, gets / RUNS);
	assert_in_range(puts / RUNS, 206, 206 * 3 / 2);
	assert_in_range(gets / RUNS, 48, 56);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_reader_with_another_clock_finds_it),
	    cmocka_unit_test(epochs_and_pairs_are_kept_apart),
	    cmocka_unit_test(the_last_publication_is_the_last),
	    cmocka_unit_test(requests_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
