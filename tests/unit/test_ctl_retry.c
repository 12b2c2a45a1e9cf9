/*
 * test_ctl_retry.c: when a daemon that has ended is tried again.
 */
#include "component/ctl_retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_not_before_it_was_there(void **state)
{
	struct ctl_retry retry = {0};

	(void)state;
	assert_int_equal(ctl_retry_next(&retry, 5), -1);
	ctl_retry_met(&retry);
	assert_true(ctl_retry_begins(&retry));
	assert_int_equal(ctl_retry_next(&retry, 5), CTL_RETRY_FIRST_MS);
	assert_false(ctl_retry_begins(&retry));
}

static void test_never(void **state)
{
	struct ctl_retry retry = {.never = true};

	(void)state;
	ctl_retry_met(&retry);
	assert_int_equal(ctl_retry_next(&retry, 5), -1);
}

/* Pauses grow to a limit, and end. */
static void test_backs_off_and_gives_up(void **state)
{
	struct ctl_retry retry = {0};
	int64_t now_ms = 1000, pause_ms, last_ms = 0;
	unsigned tries = 0;

	(void)state;
	ctl_retry_met(&retry);
	while ((pause_ms = ctl_retry_next(&retry, now_ms)) > 0) {
		assert_true(pause_ms >= last_ms && pause_ms <= CTL_RETRY_PAUSE_MS);
		last_ms = pause_ms;
		now_ms += pause_ms;
		tries++;
	}
	assert_int_equal(last_ms, CTL_RETRY_PAUSE_MS);
	assert_in_range(tries, 40, 50);
	assert_in_range(now_ms - 1000, CTL_RETRY_TOTAL_MS, CTL_RETRY_TOTAL_MS + CTL_RETRY_PAUSE_MS);
	/* From the beginning, when it was there again. */
	ctl_retry_met(&retry);
	assert_int_equal(ctl_retry_next(&retry, now_ms), CTL_RETRY_FIRST_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_not_before_it_was_there),
	    cmocka_unit_test(test_never),
	    cmocka_unit_test(test_backs_off_and_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
