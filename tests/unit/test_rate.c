/* Tests of xmpp/rate.c: never more than the limit in any window, and as many as it allows. */
#include "xmpp/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_moments(void **state)
{
	static const struct {
		int64_t now_ms;
		bool allowed;
	} table[] = {
	    {-5, true},   {0, true},    {10, true},   {10, false},   {94, false}, {95, true},
	    {99, false},  {100, true},  {100, false}, {109, false},  {110, true}, {194, false},
	    {1000, true}, {1000, true}, {1000, true}, {1000, false},
	};
	struct rate rate;

	(void)state;
	rate_init(&rate, 3, 100);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(rate_allows(&rate, table[i].now_ms), table[i].allowed);
		if (table[i].allowed)
			rate_take(&rate, table[i].now_ms);
	}
}

/* Asking takes nothing. */
static void test_asking(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 1, 10);
	assert_true(rate_allows(&rate, 0));
	assert_true(rate_allows(&rate, 0));
	rate_take(&rate, 0);
	assert_false(rate_allows(&rate, 9));
	assert_true(rate_allows(&rate, 10));
}

static void test_largest(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, RATE_LIMIT_MAX, 1);
	for (int64_t round = 0; round < 3; round++) {
		for (unsigned i = 0; i < RATE_LIMIT_MAX; i++) {
			assert_true(rate_allows(&rate, round));
			rate_take(&rate, round);
		}
		assert_false(rate_allows(&rate, round));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_moments),
	    cmocka_unit_test(test_asking),
	    cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
