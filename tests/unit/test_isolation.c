/* Tests of isolation.c: who shares a circuit with whom, and how many there are. */
#include "core/isolation.h"
#include "core/pair.h"
#include "tests/scenario/check_circuits.h"
#include "tests/scenario/fake_env.h"
#include "tests/unit/fail_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE ((int64_t)60000)
#define PAIRS  500

struct fixture {
	struct fake_clock *clock;
	struct fake_env *fake;
	const struct env *env;
	struct isolation *isolation;
};

static void begin(struct fixture *f, unsigned budget)
{
	f->clock = fake_clock_new(1);
	f->fake = fake_env_new(f->clock);
	f->env = fake_env_env(f->fake);
	f->isolation = isolation_new(f->env, budget);
	assert_non_null(f->isolation);
}

static void end(struct fixture *f)
{
	isolation_free(&f->isolation);
	assert_null(f->isolation);
	fake_env_free(&f->fake);
	fake_clock_free(&f->clock);
}

struct name {
	char text[ISOLATION_NAME_SIZE];
};

static struct name ask(struct fixture *f, struct isolation_seat *seat, const void *owner,
		       uint64_t epoch)
{
	struct name name;

	assert_int_equal(isolation_name(f->isolation, seat, owner, epoch, name.text), 0);
	assert_int_equal(strlen(name.text), ISOLATION_NAME_SIZE - 1);
	return name;
}

static bool same(struct name a, struct name b)
{
	return strcmp(a.text, b.text) == 0;
}

static void each_pair_and_epoch_has_its_own(void **state)
{
	struct fixture f;
	struct isolation_seat seats[ISOLATION_BUDGET] = {0};
	struct name names[ISOLATION_BUDGET];

	(void)state;
	begin(&f, ISOLATION_BUDGET);
	for (unsigned i = 0; i < ISOLATION_BUDGET; i++) {
		names[i] = ask(&f, &seats[i], &f, 7);
		for (unsigned j = 0; j < i; j++)
			assert_false(same(names[i], names[j]));
	}
	assert_int_equal(isolation_used(f.isolation), ISOLATION_BUDGET);
	/* It keeps it through its epoch, as long as it is used. */
	for (unsigned round = 0; round < 8; round++) {
		fake_clock_run(f.clock, 8 * MINUTE);
		for (unsigned i = 0; i < ISOLATION_BUDGET; i++)
			assert_true(same(ask(&f, &seats[i], &f, 7), names[i]));
	}
	assert_int_equal(isolation_used(f.isolation), 0);
	/* At the edge it has two, one for each epoch. */
	struct name next = ask(&f, &seats[0], &f, 8);
	assert_false(same(next, names[0]));
	assert_true(same(ask(&f, &seats[0], &f, 7), names[0]));
	assert_true(same(ask(&f, &seats[0], &f, 8), next));
	assert_int_equal(isolation_used(f.isolation), 1);
	/* Nobody can be followed along a name for longer than keys live. */
	for (unsigned minute = 0; minute < 104; minute += 8) {
		fake_clock_run(f.clock, 8 * MINUTE);
		ask(&f, &seats[0], &f, 8);
	}
	assert_false(same(ask(&f, &seats[0], &f, 8), next));
	end(&f);
}

/* What is not used for ten minutes is a new circuit, under the same name. */
static void idle_circuits_count_again(void **state)
{
	struct fixture f;
	struct isolation_seat a = {0}, b[3] = {0};

	(void)state;
	begin(&f, 4);
	struct name name = ask(&f, &a, &f, 1);
	assert_int_equal(isolation_used(f.isolation), 1);
	fake_clock_run(f.clock, ISOLATION_WINDOW_MS);
	assert_int_equal(isolation_used(f.isolation), 0);
	assert_true(same(ask(&f, &a, &f, 1), name));
	assert_int_equal(isolation_used(f.isolation), 1);
	/* When there is none left for it, it goes where one is open. */
	fake_clock_run(f.clock, ISOLATION_WINDOW_MS - 1);
	for (unsigned i = 0; i < 3; i++)
		ask(&f, &b[i], &f, 1);
	fake_clock_run(f.clock, 1);
	ask(&f, &b[0], &f, 2);
	assert_int_equal(isolation_used(f.isolation), 4);
	struct name shared = ask(&f, &a, &f, 1);
	assert_false(same(shared, name));
	assert_int_equal(isolation_used(f.isolation), 4);
	assert_true(same(ask(&f, &a, &f, 1), shared));
	end(&f);
}

static void owners_share_nothing(void **state)
{
	enum { OWNERS = 6, EACH = 20 };
	struct fixture f;
	static const char owner[OWNERS];
	struct isolation_seat seats[OWNERS][EACH] = {0};
	struct name names[OWNERS][EACH];
	unsigned kinds = 0;

	(void)state;
	begin(&f, 4);
	for (unsigned i = 0; i < EACH; i++)
		for (unsigned o = 0; o < OWNERS; o++)
			names[o][i] = ask(&f, &seats[o][i], &owner[o], 1);
	for (unsigned o = 0; o < OWNERS; o++) {
		for (unsigned i = 0; i < EACH; i++) {
			bool first = true;
			for (unsigned p = 0; p < OWNERS; p++)
				for (unsigned j = 0; j < EACH; j++)
					assert_true(p == o || !same(names[o][i], names[p][j]));
			for (unsigned j = 0; j < i; j++)
				first = first && !same(names[o][i], names[o][j]);
			kinds += first;
		}
	}
	/* Six owners cannot do with four circuits. */
	assert_int_equal(kinds, OWNERS);
	end(&f);
}

/* --- a crowd --- */

struct crowd {
	struct isolation_seat seats[PAIRS];
	int64_t offset_ms[PAIRS];
	int64_t due_ms[PAIRS];
	struct name name[PAIRS];
	uint64_t epoch[PAIRS];
	unsigned moves, repeats; /* into another epoch; and where the pair has been before */
};

/* 500 pairs whose contacts are away republish for so many minutes. */
static void live(struct fixture *f, struct crowd *crowd, struct check_circuits *check,
		 unsigned minutes)
{
	int64_t until = fake_clock_now(f->clock) + minutes * MINUTE;

	while (fake_clock_now(f->clock) < until) {
		int64_t now = fake_clock_now(f->clock);
		for (unsigned i = 0; i < PAIRS; i++) {
			if (crowd->due_ms[i] > now)
				continue;
			uint64_t epoch = (uint64_t)((now + crowd->offset_ms[i]) / EPOCH_MS);
			struct name name = ask(f, &crowd->seats[i], f, epoch);
			uint8_t key[LOOKUP_KEY_LEN] = {(uint8_t)(i >> 8), (uint8_t)i,
						       (uint8_t)epoch};
			check_circuits_use(check, now, name.text, key);
			if (now > 0 && epoch != crowd->epoch[i]) {
				crowd->moves++;
				crowd->repeats += same(name, crowd->name[i]);
			}
			crowd->name[i] = name;
			crowd->epoch[i] = epoch;
			crowd->due_ms[i] = now + env_jitter(f->env, 7 * MINUTE, 14);
		}
		fake_clock_run(f->clock, 1000);
	}
}

static unsigned count_names(const struct crowd *crowd)
{
	unsigned count = 0;

	for (unsigned i = 0; i < PAIRS; i++) {
		bool first = true;
		for (unsigned j = 0; j < i; j++)
			first = first && !same(crowd->name[i], crowd->name[j]);
		count += first;
	}
	return count;
}

static void a_crowd_keeps_the_budget(void **state)
{
	struct fixture f;
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct check_circuits *check = check_circuits_new();

	(void)state;
	assert_non_null(crowd);
	begin(&f, ISOLATION_BUDGET);
	for (unsigned i = 0; i < PAIRS; i++) {
		crowd->offset_ms[i] = (int64_t)env_random_below(f.env, (uint64_t)EPOCH_MS);
		crowd->due_ms[i] = (int64_t)env_random_below(f.env, 10000);
	}
	live(&f, crowd, check, 5);
	assert_int_equal(count_names(crowd), ISOLATION_BUDGET);
	/* Groups by chance: 500 in 60 places are 8 in the mean, more than 24 in one never. */
	assert_in_range(check_circuits_keys(check), 10, 24);
	live(&f, crowd, check, 12 * 60);
	assert_in_range(check_circuits_most(check), 50, ISOLATION_BUDGET);
	/* An epoch lets 410 begin: most pairs have one of their own by then. */
	assert_in_range(count_names(crowd), 300, 450);
	assert_in_range(crowd->moves, 10 * PAIRS, 11 * PAIRS);
	assert_int_equal(crowd->repeats, 0);
	end(&f);
	check_circuits_free(&check);
	free(crowd);
}

/* Those who have shared in one epoch are strangers in the next. */
static void groups_change(void **state)
{
	enum { CROWD = 80, BUDGET = 8 };
	struct fixture f;
	struct isolation_seat seats[CROWD] = {0};
	struct name before[CROWD], after[CROWD];
	unsigned together = 0, again = 0;

	(void)state;
	begin(&f, BUDGET);
	for (unsigned i = 0; i < CROWD; i++)
		before[i] = ask(&f, &seats[i], &f, 1);
	fake_clock_run(f.clock, 5 * MINUTE);
	for (unsigned i = 0; i < CROWD; i++)
		after[i] = ask(&f, &seats[i], &f, 2);
	for (unsigned i = 0; i < CROWD; i++) {
		assert_false(same(before[i], after[i]));
		for (unsigned j = 0; j < i; j++) {
			together += same(before[i], before[j]);
			again += same(before[i], before[j]) && same(after[i], after[j]);
		}
	}
	/* 80 · 79 / 2 / 8 = 395, and one in seven of them by chance. */
	assert_in_range(together, 330, 560);
	assert_in_range(again, together / 14, together / 4);
	end(&f);
}

static void memory_may_be_short(void **state)
{
	struct fixture f;
	struct isolation_seat seat = {0};
	char name[ISOLATION_NAME_SIZE];

	(void)state;
	begin(&f, 4);
	fail_malloc_arm(0);
	assert_int_equal(isolation_name(f.isolation, &seat, &f, 1, name), -1);
	assert_true(fail_malloc_disarm());
	fail_malloc_arm(0);
	assert_null(isolation_new(f.env, 4));
	assert_true(fail_malloc_disarm());
	assert_int_equal(isolation_used(f.isolation), 0);
	ask(&f, &seat, &f, 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_pair_and_epoch_has_its_own),
	    cmocka_unit_test(idle_circuits_count_again),
	    cmocka_unit_test(owners_share_nothing),
	    cmocka_unit_test(a_crowd_keeps_the_budget),
	    cmocka_unit_test(groups_change),
	    cmocka_unit_test(memory_may_be_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
