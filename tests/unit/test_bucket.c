/* Tests of xmpp/bucket.c: what fits at once, how long to wait, any stretch of time. */
#include "xmpp/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_burst_then_rate(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 1000, 100, 5000);
	assert_int_equal(bucket_take(&bucket, 600, 5000), 0);
	assert_int_equal(bucket_take(&bucket, 400, 5000), 0);
	/* One more than there is: 10 ms at 100 a second. */
	assert_int_equal(bucket_take(&bucket, 1, 5000), 10);
	assert_int_equal(bucket_take(&bucket, 99, 5000), 1000);
	assert_int_equal(bucket_take(&bucket, 0, 5999), 1);
	assert_int_equal(bucket_take(&bucket, 0, 6000), 0);
	/* In the long run the rate is all there is. */
	for (int64_t at = 6000; at < 100000; at += 500) {
		assert_int_equal(bucket_take(&bucket, 50, at), 500);
		assert_int_equal(bucket_take(&bucket, 0, at + 500), 0);
	}
}

static void test_fills_to_its_brim(void **state)
{
	static const int64_t waits[] = {10000, 10001, 86400000, INT64_MAX / 2};

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct bucket bucket;

		bucket_init(&bucket, 1000, 100, 0);
		assert_int_equal(bucket_take(&bucket, 1000, 0), 0);
		assert_int_equal(bucket_take(&bucket, 1000, waits[i]), 0);
		assert_int_equal(bucket_take(&bucket, 1, waits[i]), 10);
	}
}

static void test_another_size(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 10, 1, 0);
	bucket_set(&bucket, 1000, 100);
	assert_int_equal(bucket_take(&bucket, 1000, 0), 0);
	/* What is overdrawn is not forgiven. */
	assert_int_equal(bucket_take(&bucket, 500, 0), 5000);
	bucket_set(&bucket, 100000, 1000);
	assert_int_equal(bucket_take(&bucket, 0, 0), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_burst_then_rate),
	    cmocka_unit_test(test_fills_to_its_brim),
	    cmocka_unit_test(test_another_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
