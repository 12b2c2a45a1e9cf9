/*
 * Tests of what the local server keeps, its archive, and the settings of tacetd when memory is
 * short: each allocation of ours and of SQLite fails in turn. What was said to be kept is kept,
 * what was not is as it was.
 */
#include "component/archive_store.h"
#include "component/config.h"
#include "component/local_store.h"
#include "tests/unit/fail_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

static const struct key store_key = {{1, 2, 3}};

/* --- SQLite's allocator --- */

static sqlite3_mem_methods usual;

/* One of ours is asked for, so that it is counted. */
static bool fails(void)
{
	void *block = malloc(1);

	free(block);
	return !block;
}

static void *sqlite_alloc(int size)
{
	return fails() ? NULL : usual.xMalloc(size);
}

static void *sqlite_realloc(void *block, int size)
{
	return fails() ? NULL : usual.xRealloc(block, size);
}

static int use_allocator(void **state)
{
	sqlite3_mem_methods methods;

	(void)state;
	sqlite3_shutdown();
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual), SQLITE_OK);
	methods = usual;
	methods.xMalloc = sqlite_alloc;
	methods.xRealloc = sqlite_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
	assert_int_equal(sqlite3_initialize(), SQLITE_OK);
	return 0;
}

/* --- the store --- */

static struct local_store *open_store(void)
{
	struct err err = {0};
	struct local_store *store = local_store_open(":memory:", &store_key, &err);

	if (!store)
		fail_msg("%s", err.text);
	return store;
}

static void assert_value(struct local_store *store, const char *expected)
{
	struct err err = {0};
	size_t len;
	void *value;
	int found = local_item_read(store, "anna", "pep", "n", "1", &value, &len, &err);

	assert_int_equal(found, expected != NULL);
	if (expected)
		assert_string_equal(value, expected);
	secret_free(value, len);
}

static void opening(void **state)
{
	struct local_store *store = NULL;
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		struct err err = {0};

		fail_malloc_arm(n);
		store = local_store_open(":memory:", &store_key, &err);
		failed = fail_malloc_disarm();
		assert_true(store || failed);
		assert_true(store || err.code != ERR_NONE);
		/* SQLite does without some. */
		if (failed)
			local_store_free(&store);
	}
	local_store_free(&store);
}

static void an_item_is_set_or_not(void **state)
{
	struct local_store *store = open_store();
	char last[24] = "", next[24];
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		struct err err = {0};
		int result;

		snprintf(next, sizeof(next), "%ld", n);
		fail_malloc_arm(n);
		result = local_item_set(store, "anna", "pep", "n", "1", next, strlen(next), &err);
		failed = fail_malloc_disarm();
		assert_true(result == 0 || failed);
		assert_true(result == 0 || err.code != ERR_NONE);
		if (result == 0)
			strcpy(last, next);
		assert_value(store, last[0] ? last : NULL);
	}
	local_store_free(&store);
}

static void an_item_is_read_or_an_error(void **state)
{
	struct local_store *store = open_store();
	struct err err = {0};
	bool failed = true;

	(void)state;
	assert_int_equal(local_item_set(store, "anna", "pep", "n", "1", "a", 1, &err), 0);
	for (long n = 0; failed; n++) {
		size_t len;
		void *value;
		int found;

		fail_malloc_arm(n);
		found = local_item_read(store, "anna", "pep", "n", "1", &value, &len, &err);
		failed = fail_malloc_disarm();
		/* Never "there is none". */
		assert_true(found == 1 || (failed && found == -1));
		assert_int_equal(value != NULL, found == 1);
		secret_free(value, len);
	}
	local_store_free(&store);
}

static void an_item_is_removed_or_not(void **state)
{
	struct local_store *store = open_store();
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		struct err err = {0};
		int found;

		assert_int_equal(local_item_set(store, "anna", "pep", "n", "1", "a", 1, &err), 0);
		fail_malloc_arm(n);
		found = local_item_remove(store, "anna", "pep", "n", "1", &err);
		failed = fail_malloc_disarm();
		assert_true(found == 1 || (failed && found == -1));
		assert_value(store, found == 1 ? NULL : "a");
	}
	local_store_free(&store);
}

static int sum(void *arg, const char *id, const void *value, size_t len)
{
	(void)id;
	(void)value;
	*(size_t *)arg += len;
	return 0;
}

static void a_walk_sees_all_or_says_so(void **state)
{
	struct local_store *store = open_store();
	struct err err = {0};
	bool failed = true;

	(void)state;
	for (int i = 0; i < 5; i++) {
		char id[4];

		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(local_item_set(store, "anna", "pep", "n", id, "abc", 3, &err), 0);
	}
	for (long n = 0; failed; n++) {
		size_t total = 0;
		int result;

		fail_malloc_arm(n);
		result = local_items(store, "anna", "pep", "n", sum, &total, &err);
		failed = fail_malloc_disarm();
		assert_true(result == 0 ? total == 15 : failed);
	}
	local_store_free(&store);
}

/* --- the archive --- */

static uint64_t archived(struct local_store *store)
{
	struct err err = {0};
	uint64_t count = 0;

	assert_int_equal(archive_count(store, "anna", &archive_everything, &count, &err), 0);
	return count;
}

static int count_row(void *arg, const struct archive_row *row)
{
	assert_int_equal(row->len, 5);
	assert_memory_equal(row->message, "hello", 5);
	++*(uint64_t *)arg;
	return 0;
}

static void the_archive(void **state)
{
	struct local_store *store = open_store();
	uint64_t rows = 0;
	struct err err = {0};
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		char id[24];
		const struct archive_row row = {id, "ben", "i1", n, "hello", 5};
		int result;

		snprintf(id, sizeof(id), "%ld", n);
		fail_malloc_arm(n);
		result = archive_add(store, "anna", &row, &err);
		failed = fail_malloc_disarm();
		assert_true(result == 0 || failed);
		rows += result == 0;
		assert_int_equal(archived(store), rows);
	}
	failed = true;
	for (long n = 0; failed; n++) {
		uint64_t seen = 0;
		int result;

		fail_malloc_arm(n);
		result =
		    archive_walk(store, "anna", &archive_everything, false, count_row, &seen, &err);
		failed = fail_malloc_disarm();
		assert_true(result == 0 ? seen == rows : failed);
	}
	failed = true;
	for (long n = 0; failed; n++) {
		int erased;

		fail_malloc_arm(n);
		erased = archive_erase_contact(store, "anna", "ben", &err);
		failed = fail_malloc_disarm();
		assert_true(erased >= 0 || failed);
		if (erased >= 0)
			rows = 0;
		assert_int_equal(archived(store), rows);
	}
	local_store_free(&store);
}

/* --- settings --- */

static void settings(void **state)
{
	static const char text[] = "state-dir = /tmp/state\n"
				   "domain = example.org\n"
				   "listen = 127.0.0.1\n"
				   "listen = ::1\n"
				   "gateway = http://[::1]:80-85\n"
				   "gateway = https://example.org\n"
				   "http-origin = https://example.org\n";
	struct config config;
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		struct err err = {0};
		int result;

		fail_malloc_arm(n);
		result = config_read_text("x", text, &config, &err);
		failed = fail_malloc_disarm();
		assert_int_equal(result, failed ? -1 : 0);
		if (result && err.code != ERR_MEMORY)
			fail_msg("allocation %ld: %s", n, err.text);
		if (!result) {
			assert_int_equal(config.gateways.count, 7);
			assert_string_equal(config.control_socket, "/tmp/state/control");
			config_wipe(&config);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opening),
	    cmocka_unit_test(an_item_is_set_or_not),
	    cmocka_unit_test(an_item_is_read_or_an_error),
	    cmocka_unit_test(an_item_is_removed_or_not),
	    cmocka_unit_test(a_walk_sees_all_or_says_so),
	    cmocka_unit_test(the_archive),
	    cmocka_unit_test(settings),
	};

	return cmocka_run_group_tests_name("local memory", tests, use_allocator, NULL);
}
