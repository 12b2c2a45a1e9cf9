/* Tests of local_store.c: items come back in order, are sealed in the file, bounded, and go with
 * their space or user; another key and a changed byte are told. */
#include "component/local_store.h"
#include "tests/unit/database_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct key store_key = {{1, 2, 3}};
static const struct key other_key = {{1, 2, 4}};
static struct database_file database;
static const char *const path = database.path;

static int make_directory(void **state)
{
	(void)state;
	return database_file_make(&database);
}

static int remove_directory(void **state)
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

static void set(struct local_store *store, const char *user, const char *space, const char *node,
		const char *id, const char *value)
{
	struct err err = {0};

	if (local_item_set(store, user, space, node, id, value, strlen(value), &err))
		fail_msg("%s", err.text);
}

static void assert_value(struct local_store *store, const char *user, const char *space,
			 const char *node, const char *id, const char *expected)
{
	size_t len;
	char *value = local_item_get(store, user, space, node, id, &len);

	if (!expected) {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(value, expected);
	secret_free(value, len);
}

/* What a walk has seen: "id=value " or "node " each. */
struct seen {
	char text[256];
	int left; /* returns -1 when this comes down to 0 */
};

static int see_item(void *arg, const char *id, const void *value, size_t len)
{
	struct seen *seen = arg;
	size_t at = strlen(seen->text);

	snprintf(seen->text + at, sizeof(seen->text) - at, "%s=%.*s ", id, (int)len,
		 (const char *)value);
	return --seen->left == 0 ? -1 : 0;
}

static int see_node(void *arg, const char *node)
{
	struct seen *seen = arg;
	size_t at = strlen(seen->text);

	snprintf(seen->text + at, sizeof(seen->text) - at, "%s ", node);
	return 0;
}

static void assert_items(struct local_store *store, const char *user, const char *space,
			 const char *node, const char *expected)
{
	struct seen seen = {.left = 100};
	struct err err = {0};

	assert_int_equal(local_items(store, user, space, node, see_item, &seen, &err), 0);
	assert_string_equal(seen.text, expected);
}

static void items_come_back_in_order(void **state)
{
	struct local_store *store = open_store();
	struct seen seen = {.left = 1};
	struct err err = {0};

	(void)state;
	set(store, "anna", "pep", "n", "1", "a");
	set(store, "anna", "pep", "n", "2", "b");
	set(store, "anna", "pep", "m", "1", "c");
	set(store, "ben", "pep", "n", "1", "d");
	set(store, "anna", "pep", "n", "3", "");
	set(store, "anna", "pep", "n", "1", "e");
	local_store_free(&store);
	assert_null(store);

	store = open_store();
	assert_items(store, "anna", "pep", "n", "2=b 3= 1=e ");
	assert_items(store, "ben", "pep", "n", "1=d ");
	assert_items(store, "carl", "pep", "n", "");
	assert_items(store, "anna", "pep", "x", "");
	assert_value(store, "anna", "pep", "n", "3", "");
	assert_value(store, "anna", "pep", "m", "1", "c");
	assert_value(store, "anna", "pep", "m", "2", NULL);
	assert_value(store, "carl", "pep", "m", "2", NULL);
	assert_int_equal(local_nodes(store, "anna", "pep", see_node, &seen, &err), 0);
	assert_true(strcmp(seen.text, "n m ") == 0 || strcmp(seen.text, "m n ") == 0);
	seen.text[0] = '\0';
	assert_int_equal(local_items(store, "anna", "pep", "n", see_item, &seen, &err), -1);
	assert_string_equal(seen.text, "2=b ");
	local_store_free(&store);
}

static void items_are_removed(void **state)
{
	struct local_store *store = open_store();
	struct err err = {0};

	(void)state;
	set(store, "anna", "pep", "n", "1", "a");
	set(store, "anna", "pep", "n", "2", "b");
	set(store, "anna", "pep", "m", "1", "c");
	set(store, "anna", "contact", "n", "1", "d");
	set(store, "ben", "pep", "n", "1", "e");
	assert_int_equal(local_item_remove(store, "anna", "pep", "n", "1", &err), 1);
	assert_int_equal(local_item_remove(store, "anna", "pep", "n", "1", &err), 0);
	assert_int_equal(local_item_remove(store, "carl", "pep", "n", "1", &err), 0);
	assert_items(store, "anna", "pep", "n", "2=b ");
	assert_int_equal(local_node_remove(store, "anna", "pep", "n", &err), 0);
	assert_items(store, "anna", "pep", "n", "");
	assert_items(store, "anna", "pep", "m", "1=c ");
	assert_int_equal(local_space_remove(store, "anna", "pep", &err), 0);
	assert_items(store, "anna", "pep", "m", "");
	assert_items(store, "anna", "contact", "n", "1=d ");
	assert_int_equal(local_user_remove(store, "anna", &err), 0);
	assert_items(store, "anna", "contact", "n", "");
	assert_items(store, "ben", "pep", "n", "1=e ");
	local_store_free(&store);
}

static void transactions_are_whole(void **state)
{
	struct local_store *store = open_store();
	struct err err = {0};

	(void)state;
	assert_int_equal(local_store_begin(store, &err), 0);
	set(store, "anna", "pep", "n", "1", "a");
	local_store_rollback(store);
	assert_items(store, "anna", "pep", "n", "");
	assert_int_equal(local_store_begin(store, &err), 0);
	set(store, "anna", "pep", "n", "1", "a");
	set(store, "anna", "pep", "n", "2", "b");
	assert_int_equal(local_store_commit(store, &err), 0);
	assert_items(store, "anna", "pep", "n", "1=a 2=b ");
	local_store_free(&store);
}

static void too_much_is_refused(void **state)
{
	struct local_store *store = local_store_open(":memory:", &store_key, NULL);
	char *large = calloc(1, LOCAL_VALUE_MAX + 1);
	char name[LOCAL_NAME_MAX + 2];
	struct err err = {0};
	int result = 0;

	(void)state;
	assert_non_null(large);
	memset(name, 'n', sizeof(name));
	name[LOCAL_NAME_MAX + 1] = '\0';
	assert_int_equal(local_item_set(store, "a", "s", "n", name, "", 0, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	name[LOCAL_NAME_MAX] = '\0';
	set(store, "a", name, name, name, "v");
	assert_value(store, "a", name, name, name, "v");
	memset(large, 0, LOCAL_VALUE_MAX);
	assert_int_equal(
	    local_item_set(store, "a", "s", "n", "i", large, LOCAL_VALUE_MAX + 1, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	/* One address again and again does not fill it. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    local_item_set(store, "a", "s", "n", "i", large, LOCAL_VALUE_MAX, &err), 0);
	assert_int_equal(local_store_begin(store, &err), 0);
	for (int i = 0; i < LOCAL_ITEMS_MAX && result == 0; i++) {
		snprintf(name, sizeof(name), "%d", i);
		result = local_item_set(store, "a", "s", "m", name, "", 0, &err);
	}
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_LIMIT);
	/* The other users are not touched by that. */
	set(store, "b", "s", "n", "i", "v");
	assert_int_equal(local_store_commit(store, &err), 0);
	assert_int_equal(local_space_remove(store, "a", "s", &err), 0);
	set(store, "a", "s", "n", "i", "v");
	local_store_free(&store);
	free(large);
}

/* --- the file --- */

static size_t read_whole(const char *name, char **data)
{
	FILE *file = fopen(name, "rb");
	size_t len;

	if (!file)
		return 0;
	fseek(file, 0, SEEK_END);
	len = (size_t)ftell(file);
	rewind(file);
	*data = malloc(len + 1);
	assert_non_null(*data);
	assert_int_equal(fread(*data, 1, len, file), len);
	fclose(file);
	return len;
}

static bool files_have(const char *needle)
{
	static const char *const endings[] = {"", "-wal"};
	bool found = false;

	for (size_t i = 0; i < 2; i++) {
		char name[160], *data = NULL;
		size_t len;

		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		len = read_whole(name, &data);
		found = found || (len > 0 && memmem(data, len, needle, strlen(needle)));
		free(data);
	}
	return found;
}

static void nothing_is_readable_in_the_file(void **state)
{
	struct local_store *store = open_store();

	(void)state;
	set(store, "NEEDLE-user", "NEEDLE-space", "NEEDLE-node", "NEEDLE-id", "NEEDLE-value");
	assert_false(files_have("NEEDLE"));
	/* The search itself works. */
	assert_true(files_have("CREATE TABLE owner"));
	local_store_free(&store);
	assert_false(files_have("NEEDLE"));
}

static void another_key_is_told_and_changes_nothing(void **state)
{
	struct local_store *store = open_store();
	char *before = NULL, *after = NULL;
	size_t len;
	struct err err = {0};

	(void)state;
	set(store, "anna", "pep", "n", "1", "a");
	local_store_free(&store);
	len = read_whole(path, &before);
	assert_null(local_store_open(path, &other_key, &err));
	assert_int_equal(err.code, ERR_AUTH);
	assert_non_null(strstr(err.text, "another key"));
	assert_int_equal(read_whole(path, &after), len);
	assert_memory_equal(before, after, len);
	free(before);
	free(after);
	store = open_store();
	assert_value(store, "anna", "pep", "n", "1", "a");
	local_store_free(&store);
}

/* Each byte of the pages is turned; the store may open or not, give the value or not, but never a
 * wrong one. */
static void changed_bytes_are_told(void **state)
{
	struct local_store *store = open_store();
	char *data = NULL;
	size_t len, damaged = 0;

	(void)state;
	set(store, "anna", "pep", "n", "1", "a value of some length");
	local_store_free(&store);
	len = read_whole(path, &data);
	for (size_t at = 100; at < len; at += 7) {
		FILE *file;
		size_t value_len;
		char *value = NULL;
		struct err err = {0};

		data[at] ^= 0x20;
		file = fopen(path, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(data, 1, len, file), len);
		fclose(file);
		store = local_store_open(path, &store_key, &err);
		if (store)
			value = local_item_get(store, "anna", "pep", "n", "1", &value_len);
		if (value)
			assert_string_equal(value, "a value of some length");
		else
			damaged++;
		secret_free(value, value ? value_len : 0);
		local_store_free(&store);
		data[at] ^= 0x20;
	}
	assert_true(damaged > 10);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(items_come_back_in_order, make_directory,
					    remove_directory),
	    cmocka_unit_test_setup_teardown(items_are_removed, make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(transactions_are_whole, make_directory,
					    remove_directory),
	    cmocka_unit_test(too_much_is_refused),
	    cmocka_unit_test_setup_teardown(nothing_is_readable_in_the_file, make_directory,
					    remove_directory),
	    cmocka_unit_test_setup_teardown(another_key_is_told_and_changes_nothing, make_directory,
					    remove_directory),
	    cmocka_unit_test_setup_teardown(changed_bytes_are_told, make_directory,
					    remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
