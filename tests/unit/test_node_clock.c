/* Tests of node_clock.c: which clock is believed. */
#include "core/node_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
/* Any moment; the consensus of the cases is valid from an hour before to two hours after it. */
#define NOW INT64_C(1800000000000)

static void test_corrections(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int64_t wall; /* less NOW */
		bool consensus, told;
		int64_t gateways;
		int64_t later; /* asked again after */
		int64_t offset;
		const char *by;
	} cases[] = {
	    {"nothing is known", -5 * HOUR, false, false, 0, 0, 0, ""},
	    {"right", 0, true, true, 0, 0, 0, ""},
	    {"right, by a second", 0, true, true, -4999, 0, 0, ""},
	    {"gateways: behind", 0, true, true, 10 * MINUTE, 0, 10 * MINUTE,
	     "behind, by the gateways"},
	    {"gateways: ahead", 0, true, true, -10 * MINUTE, 0, -10 * MINUTE,
	     "ahead, by the gateways"},
	    {"gateways alone", -9 * HOUR, false, true, 9 * HOUR, 0, 9 * HOUR,
	     "behind, by the gateways"},
	    {"behind the consensus", -3 * HOUR, true, false, 0, 0, 2 * HOUR, "behind, by tor's"},
	    {"gateways save it", -3 * HOUR, true, true, 3 * HOUR, 0, 3 * HOUR, "by the gateways"},
	    {"gateways lie: behind", 0, true, true, -3 * HOUR, 0, -1 * HOUR, "ahead, by tor's"},
	    {"past it, at first", 5 * HOUR, true, false, 0, 4 * MINUTE, 0, ""},
	    {"past it, for long", 5 * HOUR, true, false, 0, 6 * MINUTE, -3 * HOUR,
	     "ahead, by tor's"},
	    {"gateways lie: ahead", 0, true, true, 3 * HOUR, 0, 2 * HOUR, "behind, by tor's"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct node_clock clock;
		struct node_clock_facts facts = {
		    .wall_ms = NOW + cases[i].wall,
		    .mono_ms = 1000,
		    .told = cases[i].told,
		    .gateways_ms = cases[i].gateways,
		};
		if (cases[i].consensus) {
			facts.valid_after_ms = NOW - HOUR;
			facts.valid_until_ms = NOW + 2 * HOUR;
		}
		node_clock_init(&clock);
		print_message("%s\n", cases[i].name);
		node_clock_update(&clock, &facts);
		facts.mono_ms += cases[i].later; /* the consensus is then as old as the clock */
		node_clock_update(&clock, &facts);
		assert_int_equal(clock.offset_ms, cases[i].offset);
		assert_non_null(strstr(clock.why, cases[i].by));
		assert_int_equal(clock.why[0] == 0, cases[i].offset == 0);
	}
}

/* A change is told once, and once when it is over. */
static void test_tells_changes(void **state)
{
	(void)state;
	struct node_clock clock;
	struct node_clock_facts facts = {
	    .wall_ms = NOW, .valid_after_ms = NOW + HOUR, .valid_until_ms = NOW + 4 * HOUR};
	node_clock_init(&clock);
	assert_true(node_clock_update(&clock, &facts));
	assert_false(node_clock_update(&clock, &facts));
	facts.wall_ms += 1000;
	assert_false(node_clock_update(&clock, &facts));
	assert_int_equal(clock.offset_ms, HOUR - 1000);
	facts.wall_ms += HOUR;
	assert_true(node_clock_update(&clock, &facts));
	assert_int_equal(clock.offset_ms, 0);
	assert_false(node_clock_update(&clock, &facts));
}

/* A new consensus within the grace, as after a suspend: nothing happens. */
static void test_new_consensus(void **state)
{
	(void)state;
	struct node_clock clock;
	struct node_clock_facts facts = {.wall_ms = NOW,
					 .mono_ms = 1,
					 .valid_after_ms = NOW - 9 * HOUR,
					 .valid_until_ms = NOW - 6 * HOUR};
	node_clock_init(&clock);
	assert_false(node_clock_update(&clock, &facts));
	facts.valid_after_ms = NOW - HOUR;
	facts.valid_until_ms = NOW + 2 * HOUR;
	assert_false(node_clock_update(&clock, &facts));
	/* Past the next one: the grace begins anew. */
	facts.wall_ms += 3 * HOUR;
	facts.mono_ms += 3 * HOUR;
	assert_false(node_clock_update(&clock, &facts));
	assert_int_equal(clock.offset_ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_corrections),
	    cmocka_unit_test(test_tells_changes),
	    cmocka_unit_test(test_new_consensus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
