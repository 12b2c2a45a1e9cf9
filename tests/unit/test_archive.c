/* Tests of archive_store.c: rows come back in order, are found, replaced and erased, are sealed in
 * the file, and cost little. */
#include "component/archive_store.h"
#include "tests/unit/database_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct key store_key = {{1, 2, 3}};
static struct database_file database;
static const char *const path = database.path;

static int set_path(void **state)
{
	(void)state;
	return database_file_make(&database);
}

static int remove_file(void **state)
{
	(void)state;
	return database_file_remove(&database);
}

static struct local_store *open_store(void)
{
	struct err err = {0};
	struct local_store *store = local_store_open(path, &store_key, &err);

	if (!store)
		fail_msg("%s", err.text);
	return store;
}

static void add(struct local_store *store, const char *user, const char *id, const char *contact,
		int64_t stamp_ms, const char *text)
{
	char mark[64];
	const struct archive_row row = {id, contact, mark, stamp_ms, text, strlen(text)};
	struct err err = {0};

	snprintf(mark, sizeof(mark), "i%s", text);
	if (archive_add(store, user, &row, &err))
		fail_msg("%s", err.text);
}

/* Five of anna's with two contacts, and one of ben's. */
static struct local_store *filled(void)
{
	struct local_store *store = open_store();

	add(store, "anna", "1", "carl", 100, "one");
	add(store, "anna", "2", "dora", 200, "two");
	add(store, "ben", "1", "carl", 250, "other");
	add(store, "anna", "3", "carl", 300, "three");
	add(store, "anna", "4", "dora", 400, "four");
	add(store, "anna", "5", "carl", 500, "five");
	/* Again: nothing happens. */
	add(store, "anna", "3", "carl", 600, "again");
	return store;
}

struct seen {
	char text[256];
	int left;
};

static int see(void *arg, const struct archive_row *row)
{
	struct seen *seen = arg;
	size_t at = strlen(seen->text);

	snprintf(seen->text + at, sizeof(seen->text) - at, "%s:%s:%.*s ", row->id, row->contact,
		 (int)row->len, (const char *)row->message);
	return --seen->left == 0 ? 1 : 0;
}

static const struct archive_span all = {
    .start_ms = INT64_MIN, .end_ms = INT64_MAX, .before = INT64_MAX};

static void assert_walk(struct local_store *store, const char *user,
			const struct archive_span *span, bool backwards, int max,
			const char *expected)
{
	struct seen seen = {.left = max};
	struct err err = {0};

	assert_int_equal(archive_walk(store, user, span, backwards, see, &seen, &err), 0);
	assert_string_equal(seen.text, expected);
}

static void rows_come_back(void **state)
{
	struct local_store *store = filled();
	struct archive_span span = all;
	struct err err = {0};
	uint64_t count;

	(void)state;
	local_store_free(&store);
	store = open_store();
	assert_walk(store, "anna", &all, false, 9,
		    "1:carl:one 2:dora:two 3:carl:three 4:dora:four 5:carl:five ");
	assert_walk(store, "anna", &all, true, 2, "5:carl:five 4:dora:four ");
	span.skip = 3;
	assert_walk(store, "anna", &span, false, 9, "4:dora:four 5:carl:five ");
	span.skip = INT64_MAX;
	assert_walk(store, "anna", &span, false, 9, "");
	span.skip = 0;
	assert_walk(store, "ben", &all, false, 9, "1:carl:other ");
	assert_walk(store, "nobody", &all, false, 9, "");
	span.contact = "carl";
	assert_walk(store, "anna", &span, false, 9, "1:carl:one 3:carl:three 5:carl:five ");
	span.skip = 1;
	assert_walk(store, "anna", &span, false, 9, "3:carl:three 5:carl:five ");
	span.skip = 0;
	assert_walk(store, "anna", &span, true, 1, "5:carl:five ");
	span.start_ms = 300;
	assert_walk(store, "anna", &span, false, 9, "3:carl:three 5:carl:five ");
	assert_int_equal(archive_count(store, "anna", &span, &count, &err), 0);
	assert_int_equal(count, 2);
	span.end_ms = 499;
	assert_walk(store, "anna", &span, false, 9, "3:carl:three ");
	assert_int_equal(archive_find(store, "anna", "2", &span.after, &err), 1);
	assert_int_equal(archive_find(store, "anna", "5", &span.before, &err), 1);
	assert_int_equal(archive_find(store, "anna", "6", &span.before, &err), 0);
	assert_int_equal(archive_find(store, "nobody", "1", &span.before, &err), 0);
	span.contact = NULL;
	span.start_ms = INT64_MIN;
	span.end_ms = INT64_MAX;
	assert_walk(store, "anna", &span, false, 9, "3:carl:three 4:dora:four ");
	local_store_free(&store);
}

static void a_row_is_replaced(void **state)
{
	struct local_store *store = filled();
	struct err err = {0};

	(void)state;
	assert_int_equal(archive_replace(store, "anna", "carl", "ithree", "gone", 4, &err), 1);
	assert_int_equal(archive_replace(store, "anna", "dora", "ithree", "gone", 4, &err), 0);
	assert_int_equal(archive_replace(store, "anna", "carl", "othree", "gone", 4, &err), 0);
	assert_int_equal(archive_replace(store, "ben", "carl", "ithree", "gone", 4, &err), 0);
	/* It is not found again. */
	assert_int_equal(archive_replace(store, "anna", "carl", "ithree", "more", 4, &err), 0);
	assert_walk(store, "anna", &all, false, 9,
		    "1:carl:one 2:dora:two 3:carl:gone 4:dora:four 5:carl:five ");
	local_store_free(&store);
}

static void rows_are_erased(void **state)
{
	struct local_store *store = filled();
	struct err err = {0};

	(void)state;
	assert_int_equal(archive_erase_before(store, "anna", 200, &err), 1);
	assert_int_equal(archive_erase_before(store, "anna", 200, &err), 0);
	assert_int_equal(archive_erase_surplus(store, "anna", 4, &err), 0);
	assert_int_equal(archive_erase_surplus(store, "anna", 3, &err), 1);
	assert_walk(store, "anna", &all, false, 9, "3:carl:three 4:dora:four 5:carl:five ");
	assert_int_equal(archive_erase_contact(store, "anna", "carl", &err), 2);
	assert_walk(store, "anna", &all, false, 9, "4:dora:four ");
	assert_int_equal(archive_erase_surplus(store, "anna", 0, &err), 1);
	assert_walk(store, "anna", &all, false, 9, "");
	assert_walk(store, "ben", &all, false, 9, "1:carl:other ");
	/* An id that was erased is free again; a place never is. */
	add(store, "anna", "5", "carl", 700, "new");
	assert_walk(store, "anna", &all, false, 9, "5:carl:new ");
	assert_int_equal(local_user_remove(store, "anna", &err), 0);
	assert_walk(store, "anna", &all, false, 9, "");
	local_store_free(&store);
}

static bool file_has(const char *name, const char *needle)
{
	FILE *file = fopen(name, "rb");
	static char data[1 << 20];
	size_t len;

	if (!file)
		return false;
	len = fread(data, 1, sizeof(data), file);
	fclose(file);
	return memmem(data, len, needle, strlen(needle)) != NULL;
}

static void nothing_is_readable_in_the_file(void **state)
{
	struct local_store *store = open_store();
	char log[sizeof(database.path) + 8];

	(void)state;
	snprintf(log, sizeof(log), "%s-wal", path);
	add(store, "NEEDLE-anna", "NEEDLE-id", "NEEDLE-contact", 100, "NEEDLE-text");
	assert_int_equal(archive_replace(store, "NEEDLE-anna", "NEEDLE-contact", "iNEEDLE-text",
					 "NEEDLE-tombstone", 16, NULL),
			 1);
	assert_false(file_has(path, "NEEDLE") || file_has(log, "NEEDLE"));
	assert_true(file_has(path, "archive_all"));
	local_store_free(&store);
	assert_false(file_has(path, "NEEDLE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(rows_come_back, set_path, remove_file),
	    cmocka_unit_test_setup_teardown(a_row_is_replaced, set_path, remove_file),
	    cmocka_unit_test_setup_teardown(rows_are_erased, set_path, remove_file),
	    cmocka_unit_test_setup_teardown(nothing_is_readable_in_the_file, set_path, remove_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
