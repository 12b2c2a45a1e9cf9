/* Tests of gateway.c: choice, score, clock. */
#include "core/gateway.h"
#include "tests/scenario/fake_env.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct fake_clock *fake_clock;
static struct fake_env *fake;
static const struct env *env;

static const char *const three[] = {"http://a.example:80", "http://b.example", "http://[::1]:80"};

static int set_up(void **state)
{
	fake_clock = fake_clock_new(1);
	fake = fake_env_new(fake_clock);
	env = fake_env_env(fake);
	*state = gateway_pool_new(env, three, 3);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	gateway_pool_free((struct gateway_pool **)state);
	assert_null(*state);
	fake_env_free(&fake);
	fake_clock_free(&fake_clock);
	return 0;
}

static double score(const struct gateway_pool *pool, int gateway)
{
	struct registry_gateway g;

	gateway_describe(pool, gateway, &g);
	return g.score;
}

/* How often each is chosen in 10,000 draws. */
static void draw(const struct gateway_pool *pool, const struct gateway_set *avoid, int *counts)
{
	memset(counts, 0, sizeof(*counts) * (size_t)gateway_pool_count(pool));
	for (int i = 0; i < 10000; i++) {
		int gateway = gateway_choose(pool, avoid);

		assert_in_range(gateway, 0, gateway_pool_count(pool) - 1);
		counts[gateway]++;
	}
}

static void never_the_same_twice(void **state)
{
	const struct gateway_pool *pool = *state;

	for (int run = 0; run < 1000; run++) {
		struct gateway_set asked = {0};

		for (int i = 0; i < 3; i++) {
			int gateway = gateway_choose(pool, &asked);

			assert_in_range(gateway, 0, 2);
			assert_false(gateway_set_has(&asked, gateway));
			gateway_set_add(&asked, gateway);
		}
		assert_int_equal(gateway_choose(pool, &asked), -1);
	}
}

static void unknown_ones_are_equal(void **state)
{
	const struct gateway_set none = {0};
	int counts[3];

	draw(*state, &none, counts);
	for (int i = 0; i < 3; i++)
		assert_in_range(counts[i], 3100, 3600);
}

static void the_better_is_likelier(void **state)
{
	struct gateway_pool *pool = *state;
	const struct gateway_set none = {0};
	int counts[3];

	for (int i = 0; i < 30; i++) {
		gateway_succeeded(pool, 0, 100);
		gateway_succeeded(pool, 1, i % 2 ? 100 : GATEWAY_SLOW_MS);
		gateway_failed(pool, 2);
	}
	assert_true(score(pool, 0) > 0.99);
	assert_true(score(pool, 1) > 0.6 && score(pool, 1) < 0.9);
	assert_true(score(pool, 2) < 0.01);
	draw(pool, &none, counts);
	assert_true(counts[0] > counts[1] && counts[1] > 10 * counts[2]);
	/* The dead one is still tried now and then. */
	assert_in_range(counts[2], 20, 400);
}

static void a_recovered_one_comes_back(void **state)
{
	struct gateway_pool *pool = *state;

	for (int i = 0; i < 100; i++)
		gateway_failed(pool, 0);
	for (int i = 0; i < 10; i++)
		gateway_succeeded(pool, 0, 100);
	assert_true(score(pool, 0) > 0.85);
}

static void three_failures_cost_half(void **state)
{
	struct gateway_pool *pool = *state;

	for (int i = 0; i < 50; i++)
		gateway_succeeded(pool, 1, 100);
	for (int i = 0; i < 3; i++)
		gateway_failed(pool, 1);
	assert_true(fabs(score(pool, 1) - 0.5) < 0.02);
}

static void latency_is_smoothed(void **state)
{
	struct gateway_pool *pool = *state;
	struct registry_gateway g;

	gateway_describe(pool, 1, &g);
	assert_string_equal(g.name, "http://b.example");
	assert_int_equal(g.latency_ms, -1);
	gateway_succeeded(pool, 1, 1000);
	gateway_describe(pool, 1, &g);
	assert_int_equal(g.latency_ms, 1000);
	gateway_succeeded(pool, 1, 2000);
	gateway_failed(pool, 1);
	gateway_describe(pool, 1, &g);
	assert_int_equal(g.latency_ms, 1200);
	assert_int_equal(g.answers, 2);
	assert_int_equal(g.failures, 1);
}

static void slow_counts_less_than_fast_and_more_than_failed(void **state)
{
	struct gateway_pool *pool = *state;

	for (int i = 0; i < 50; i++) {
		gateway_succeeded(pool, 0, GATEWAY_FAST_MS);
		gateway_succeeded(pool, 1, (GATEWAY_FAST_MS + GATEWAY_SLOW_MS) / 2);
		gateway_succeeded(pool, 2, 10 * GATEWAY_SLOW_MS);
	}
	assert_true(fabs(score(pool, 0) - 1) < 0.01);
	assert_true(fabs(score(pool, 1) - 0.75) < 0.01);
	assert_true(fabs(score(pool, 2) - 0.5) < 0.01);
}

static void another_host_is_preferred(void **state)
{
	static const char *const urls[] = {"http://many.example:80", "http://many.example:81",
					   "https://MANY.example:82/x", "http://one.example"};
	struct gateway_pool *pool = gateway_pool_new(env, urls, 4);
	struct gateway_set asked = {0};
	int counts[4];

	(void)state;
	assert_non_null(pool);
	gateway_set_add(&asked, 1);
	draw(pool, &asked, counts);
	assert_int_equal(counts[1], 0);
	assert_in_range(counts[3], 8500, 9900);
	/* A dead host must not be asked first each time because of that. */
	for (int i = 0; i < 50; i++)
		gateway_failed(pool, 3);
	draw(pool, &asked, counts);
	assert_in_range(counts[3], 1, 6000);
	gateway_pool_free(&pool);
}

static void doubles_and_slashes_are_dropped(void **state)
{
	static const char *const urls[] = {"http://a", "http://a/", "http://b/path//", "http://a"};
	struct gateway_pool *pool = gateway_pool_new(env, urls, 4);

	(void)state;
	assert_non_null(pool);
	assert_int_equal(gateway_pool_count(pool), 2);
	assert_string_equal(gateway_url(pool, 0), "http://a");
	assert_string_equal(gateway_url(pool, 1), "http://b/path");
	gateway_pool_free(&pool);
}

static void none_at_all(void **state)
{
	struct gateway_pool *pool = gateway_pool_new(env, NULL, 0);
	const struct gateway_set none = {0};

	(void)state;
	assert_non_null(pool);
	assert_int_equal(gateway_choose(pool, &none), -1);
	gateway_pool_free(&pool);
}

static void as_many_as_can_be(void **state)
{
	static char text[GATEWAYS_MAX][32];
	const char *urls[GATEWAYS_MAX];
	struct gateway_pool *pool;
	struct gateway_set asked = {0};

	(void)state;
	for (int i = 0; i < GATEWAYS_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "http://h%d", i);
		urls[i] = text[i];
	}
	pool = gateway_pool_new(env, urls, GATEWAYS_MAX);
	assert_non_null(pool);
	for (int i = 0; i < GATEWAYS_MAX; i++) {
		int gateway = gateway_choose(pool, &asked);

		assert_true(gateway >= 0 && !gateway_set_has(&asked, gateway));
		gateway_set_add(&asked, gateway);
	}
	assert_int_equal(gateway_choose(pool, &asked), -1);
	gateway_pool_free(&pool);
}

static void the_clock_is_the_median(void **state)
{
	struct gateway_pool *pool = *state;
	int64_t offset = 1, wall = env_wall_ms(env);

	gateway_told_date(pool, 0, wall + 2000);
	gateway_told_date(pool, 1, wall + 3000);
	assert_int_equal(gateway_clock_offset(pool, &offset), -1);
	gateway_told_date(pool, 2, wall - 1000000000);
	assert_int_equal(gateway_clock_offset(pool, &offset), 0);
	assert_int_equal(offset, 2000);
	/* Time passes; the user sets the clock right: nothing is left to correct. */
	fake_clock_run(fake_clock, 60000);
	fake_env_jump(fake, 2000);
	assert_int_equal(gateway_clock_offset(pool, &offset), 0);
	assert_int_equal(offset, 0);
}

static void a_host_has_one_vote_on_the_clock(void **state)
{
	static const char *const urls[] = {"http://x:1", "http://x:2", "http://x:3", "http://y",
					   "http://z"};
	struct gateway_pool *pool = gateway_pool_new(env, urls, 5);
	int64_t offset, wall = env_wall_ms(env);

	(void)state;
	assert_non_null(pool);
	for (int i = 0; i < 3; i++)
		gateway_told_date(pool, i, wall + 1000000);
	assert_int_equal(gateway_clock_offset(pool, &offset), -1);
	gateway_told_date(pool, 3, wall + 10);
	gateway_told_date(pool, 4, wall + 20);
	assert_int_equal(gateway_clock_offset(pool, &offset), 0);
	assert_int_equal(offset, 20);
	gateway_pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(never_the_same_twice, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unknown_ones_are_equal, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_better_is_likelier, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_recovered_one_comes_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(three_failures_cost_half, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(latency_is_smoothed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(slow_counts_less_than_fast_and_more_than_failed, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(another_host_is_preferred, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(doubles_and_slashes_are_dropped, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(none_at_all, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(as_many_as_can_be, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_clock_is_the_median, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_host_has_one_vote_on_the_clock, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
