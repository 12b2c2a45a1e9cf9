/* Tests of xmpp/guard.c: when a name is locked, for whom, and for how long. */
#include "tests/scenario/fake_env.h"
#include "xmpp/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ANN    1000
#define MALLET 1001

struct fixture {
	struct fake_clock *clock;
	struct fake_env *fake;
	struct guard guard;
};

static int setup(void **state)
{
	static const struct key secret = {{7}};
	struct fixture *f = calloc(1, sizeof(*f));

	f->clock = fake_clock_new(1);
	f->fake = fake_env_new(f->clock);
	guard_init(&f->guard, fake_env_env(f->fake), &secret);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	guard_wipe(&f->guard);
	fake_env_free(&f->fake);
	fake_clock_free(&f->clock);
	free(f);
	return 0;
}

/* Wrong passwords until the first lock; how long that is. */
static int64_t lock(struct fixture *f, const char *name, int64_t who)
{
	for (int i = 1; i < GUARD_FREE; i++) {
		assert_int_equal(guard_wrong(&f->guard, name, who), 0);
		assert_true(guard_allows(&f->guard, name, who));
	}
	return guard_wrong(&f->guard, name, who);
}

static void test_locks_grow(void **state)
{
	static const int64_t seconds[] = {60, 120, 240, 480, 600, 600, 600};
	struct fixture *f = *state;
	int64_t ms = lock(f, "ann", MALLET);

	assert_int_equal(ms, 30000);
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		assert_false(guard_allows(&f->guard, "ann", MALLET));
		fake_clock_run(f->clock, ms - 1);
		assert_false(guard_allows(&f->guard, "ann", MALLET));
		fake_clock_run(f->clock, 1);
		assert_true(guard_allows(&f->guard, "ann", MALLET));
		ms = guard_wrong(&f->guard, "ann", MALLET);
		assert_int_equal(ms, seconds[i] * 1000);
	}
}

/* Neither other users of the machine nor other names suffer from it. */
static void test_others_go_on(void **state)
{
	struct fixture *f = *state;

	lock(f, "ann", MALLET);
	assert_false(guard_allows(&f->guard, "ann", MALLET));
	assert_true(guard_allows(&f->guard, "ann", ANN));
	assert_true(guard_allows(&f->guard, "ann", GUARD_ANYBODY));
	assert_true(guard_allows(&f->guard, "bob", MALLET));
	lock(f, "ann", GUARD_ANYBODY);
	assert_true(guard_allows(&f->guard, "ann", ANN));
}

static void test_right_password(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++) {
		for (int j = 1; j < GUARD_FREE; j++)
			assert_int_equal(guard_wrong(&f->guard, "ann", ANN), 0);
		guard_right(&f->guard, "ann", ANN);
	}
	/* Ann's own success is no help to who guesses. */
	lock(f, "ann", MALLET);
	guard_right(&f->guard, "ann", ANN);
	assert_false(guard_allows(&f->guard, "ann", MALLET));
}

static void test_forgotten(void **state)
{
	struct fixture *f = *state;

	lock(f, "ann", MALLET);
	lock(f, "ann", ANN);
	lock(f, "bob", MALLET);
	guard_forget(&f->guard, "ann");
	assert_true(guard_allows(&f->guard, "ann", MALLET));
	assert_true(guard_allows(&f->guard, "ann", ANN));
	assert_false(guard_allows(&f->guard, "bob", MALLET));
	/* With time, too: an hour later all begins anew. */
	fake_clock_run(f->clock, GUARD_FORGET_MS);
	assert_int_equal(lock(f, "bob", MALLET), GUARD_LOCK_MS);
	/* One wrong password each half hour is never forgotten. */
	for (int i = 0; i < 10; i++) {
		fake_clock_run(f->clock, GUARD_FORGET_MS / 2);
		assert_true(guard_wrong(&f->guard, "bob", MALLET) >= 2 * GUARD_LOCK_MS);
	}
}

/* Any number of names, of any length, known or not: the same space, and the same answers. */
static void test_many_names(void **state)
{
	struct fixture *f = *state;
	char name[2000];
	unsigned locked = 0;

	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%0*d", 1 + i % 1500, i);
		guard_wrong(&f->guard, name, MALLET);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "other-%d", i);
		locked += !guard_allows(&f->guard, name, MALLET);
	}
	/* Who has tried so many is locked out everywhere; and who has not, is not. */
	assert_int_equal(locked, 1000);
	fake_clock_run(f->clock, GUARD_LOCK_MAX_MS);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "other-%d", i);
		assert_true(guard_allows(&f->guard, name, MALLET));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_locks_grow), TEST(test_others_go_on), TEST(test_right_password),
	    TEST(test_forgotten),  TEST(test_many_names),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
