/* Tests of registry.c and registry_memory.c, under the fake clock. */
#include "core/registry_memory.h"
#include "tests/scenario/fake_env.h"
#include "tests/unit/fail_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Most tests do not care for circuits. */
static const char as_user[] = "user";

static struct fake_clock *fake_clock;

static void advance(int64_t ms)
{
	fake_clock_run(fake_clock, ms);
}

/* --- what the callbacks saw --- */

struct seen {
	unsigned done, stored, confirmed, answered, values, per_key[REGISTRY_KEYS_MAX];
	uint8_t last[RECORD_LEN];
	unsigned content_after; /* value() is content at this many; 0: never */
	struct registry_op *cancel_in_value;
	struct registry **free_in_done;
};

static void on_published(void *arg, const struct registry_published *result)
{
	struct seen *seen = arg;

	seen->done++;
	seen->stored = result->stored;
	seen->confirmed = result->confirmed;
	if (seen->free_in_done)
		registry_free(seen->free_in_done);
}

static bool on_value(void *arg, unsigned index, const uint8_t value[RECORD_LEN])
{
	struct seen *seen = arg;

	seen->values++;
	seen->per_key[index]++;
	memcpy(seen->last, value, RECORD_LEN);
	if (seen->cancel_in_value)
		registry_cancel(&seen->cancel_in_value);
	return seen->values == seen->content_after;
}

static void on_looked_up(void *arg, unsigned answered)
{
	struct seen *seen = arg;

	seen->done++;
	seen->answered = answered;
	if (seen->free_in_done)
		registry_free(seen->free_in_done);
}

static struct registry_entry entry_of(uint8_t key, uint8_t value)
{
	struct registry_entry entry;

	memset(entry.key, key, sizeof(entry.key));
	memset(entry.value, value, sizeof(entry.value));
	return entry;
}

static void put(struct registry *registry, uint8_t key, uint8_t value)
{
	struct registry_entry entry = entry_of(key, value);
	struct seen seen = {0};

	assert_non_null(registry_publish(registry, as_user, &entry, 1, on_published, &seen));
	assert_int_equal(seen.done, 0);
	advance(1000);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.stored, 1);
	assert_int_equal(seen.confirmed, 1);
}

static struct registry_op *get(struct registry *registry, uint8_t first, unsigned count,
			       struct seen *seen)
{
	uint8_t keys[REGISTRY_KEYS_MAX][LOOKUP_KEY_LEN];
	struct registry_op *op;

	for (unsigned i = 0; i < count; i++)
		memset(keys[i], (int)(first + i), LOOKUP_KEY_LEN);
	op = registry_lookup(registry, as_user, (const uint8_t(*)[LOOKUP_KEY_LEN])keys, count,
			     on_value, on_looked_up, seen);
	assert_non_null(op);
	assert_int_equal(seen->done, 0);
	return op;
}

struct fixture {
	struct fake_env *env;
	struct registry_memory_store *store;
	struct registry *one, *two;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fake_clock = fake_clock_new(1);
	f->env = fake_env_new(fake_clock);
	f->store = registry_memory_store_new(fake_env_env(f->env));
	f->one = registry_memory_new(fake_env_env(f->env), f->store, 50);
	f->two = registry_memory_new(fake_env_env(f->env), f->store, 20);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	registry_free(&f->one);
	registry_free(&f->two);
	registry_memory_store_free(&f->store);
	fake_env_free(&f->env);
	fake_clock_free(&fake_clock);
	free(f);
	return 0;
}

/* --- the tests --- */

static void found_by_another(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	uint8_t expected[RECORD_LEN];

	put(f->one, 7, 0x55);
	get(f->two, 5, 4, &seen);
	advance(19);
	assert_int_equal(seen.done, 0);
	advance(1);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.answered, 4);
	assert_int_equal(seen.values, 1);
	assert_int_equal(seen.per_key[2], 1);
	memset(expected, 0x55, sizeof(expected));
	assert_memory_equal(seen.last, expected, RECORD_LEN);
}

static void gone_after_its_life(void **state)
{
	struct fixture *f = *state;
	struct seen before = {0}, after = {0};

	put(f->one, 1, 1); /* stored 950 ms ago when this returns */
	advance(REGISTRY_MEMORY_LIFE_MS - 950 - 20 - 1);
	get(f->two, 1, 1, &before);
	advance(20);
	assert_int_equal(before.values, 1);
	get(f->two, 1, 1, &after);
	advance(20);
	assert_int_equal(after.done, 1);
	assert_int_equal(after.answered, 1);
	assert_int_equal(after.values, 0);
}

static void values_of_a_key_pile_up_to_a_limit(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	for (unsigned i = 0; i < REGISTRY_VALUES_MAX + 5; i++)
		put(f->one, 1, (uint8_t)i);
	put(f->one, 2, 0x99);
	get(f->two, 1, 2, &seen);
	advance(20);
	assert_int_equal(seen.per_key[0], REGISTRY_VALUES_MAX);
	assert_int_equal(seen.per_key[1], 1);
}

static void content_ends_a_lookup(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {.content_after = 2};

	for (uint8_t i = 0; i < 4; i++)
		put(f->one, i, i);
	get(f->two, 0, 4, &seen);
	advance(20);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.values, 2);
	assert_int_equal(seen.answered, 2);
}

static void nothing_after_cancel(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0}, late = {0}, third = {0};
	struct registry_entry entry = entry_of(3, 3);
	struct registry_op *put_op =
	    registry_publish(f->one, as_user, &entry, 1, on_published, &seen);
	struct registry_op *get_op = get(f->two, 3, 1, &late);
	struct registry_op *none = NULL;

	get(f->two, 3, 1, &third);
	registry_cancel(&put_op);
	registry_cancel(&get_op);
	registry_cancel(&none);
	assert_null(put_op);
	advance(1000);
	assert_int_equal(seen.done + late.done, 0);
	assert_int_equal(third.done, 1);
	assert_int_equal(third.values, 0);
}

static void cancel_while_values_come(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	put(f->one, 1, 1);
	put(f->one, 1, 2);
	seen.cancel_in_value = get(f->two, 1, 1, &seen);
	advance(1000);
	assert_int_equal(seen.values, 1);
	assert_int_equal(seen.done, 0);
}

static void free_cancels(void **state)
{
	struct fixture *f = *state;
	struct seen put_seen = {0}, get_seen = {0}, other = {.free_in_done = &f->two};
	struct registry_entry entry = entry_of(3, 3);

	registry_publish(f->one, as_user, &entry, 1, on_published, &put_seen);
	get(f->one, 3, 1, &get_seen);
	registry_free(&f->one);
	assert_null(f->one);
	get(f->two, 3, 1, &other);
	get(f->two, 3, 1, &get_seen);
	advance(1000);
	assert_int_equal(put_seen.done, 0);
	assert_int_equal(other.done + get_seen.done, 1);
	assert_null(f->two);
}

static void failing_store(void **state)
{
	struct fixture *f = *state;
	struct seen put_seen = {0}, get_seen = {0};
	struct registry_entry entry = entry_of(1, 2);

	put(f->one, 1, 1);
	registry_memory_store_fail(f->store, 100);
	registry_publish(f->one, as_user, &entry, 1, on_published, &put_seen);
	get(f->one, 1, 1, &get_seen);
	advance(50);
	assert_int_equal(put_seen.done, 1);
	assert_int_equal(put_seen.stored + put_seen.confirmed, 0);
	assert_int_equal(get_seen.done, 1);
	assert_int_equal(get_seen.answered + get_seen.values, 0);

	registry_memory_store_fail(f->store, 0);
	get_seen = (struct seen){0};
	get(f->one, 1, 1, &get_seen);
	advance(50);
	assert_int_equal(get_seen.values, 1);
}

static void count_entry(void *arg, const struct registry_entry *entry)
{
	assert_int_equal(entry->key[0], 9);
	(*(unsigned *)arg)++;
}

static void watched_store(void **state)
{
	struct fixture *f = *state;
	unsigned count = 0;

	registry_memory_store_watch(f->store, count_entry, &count);
	put(f->one, 9, 1);
	put(f->two, 9, 1);
	assert_int_equal(count, 2);
}

static void no_gateway(void *arg, const struct registry_gateway *gateway)
{
	(void)arg;
	(void)gateway;
	fail();
}

static void has_no_gateways(void **state)
{
	struct fixture *f = *state;
	int64_t offset;

	registry_gateways(f->one, no_gateway, NULL);
	assert_int_equal(registry_clock_offset(f->one, &offset), -1);
}

static void no_keys_at_all(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	get(f->one, 0, 0, &seen);
	advance(50);
	assert_int_equal(seen.done, 1);
}

static void short_memory(void **state)
{
	struct fixture *f = *state;
	struct registry_entry entry = entry_of(1, 1);
	struct seen seen = {0};

	fail_malloc_arm(0);
	assert_null(registry_publish(f->one, as_user, &entry, 1, on_published, &seen));
	assert_true(fail_malloc_disarm());
	assert_non_null(registry_publish(f->one, as_user, &entry, 1, on_published, &seen));
	fail_malloc_arm(0);
	advance(50);
	assert_true(fail_malloc_disarm());
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.stored + seen.confirmed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(found_by_another, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(gone_after_its_life, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(values_of_a_key_pile_up_to_a_limit, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(content_ends_a_lookup, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_after_cancel, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(cancel_while_values_come, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(free_cancels, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(failing_store, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(watched_store, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(has_no_gateways, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_keys_at_all, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(short_memory, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
