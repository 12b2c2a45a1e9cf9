/* Tests of seal.c and store_key.c: values open at their place only; the key's file, plain and
 * behind a passphrase. */
#include "core/seal.h"
#include "core/store_key.h"
#include "tests/unit/known_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LOG_N_SHORT 4

static char directory[64];
static char path[128];

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/tacet-key-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/store.key", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

/* --- seal --- */

static void values_open_at_their_place_only(void **state)
{
	static const struct key key = {{1}};
	static const struct seal_place place = {"a.b", 1, 2, "name", 4};
	static const struct seal_place others[] = {
	    {"a.c", 1, 2, "name", 4}, {"a.b", 2, 2, "name", 4}, {"a.b", 1, 3, "name", 4},
	    {"a.b", 1, 2, "nam", 3},  {"a.b", 1, 2, "nama", 4},
	};
	struct seal *seal = seal_new(&key, "core"), *other = seal_new(&key, "local");
	uint8_t sealed[6 + SEAL_EXTRA], again[sizeof(sealed)], plain[6];

	(void)state;
	assert_int_equal(seal_value(seal, &place, "secret", 6, sealed), 0);
	assert_int_equal(seal_value(seal, &place, "secret", 6, again), 0);
	assert_memory_equal(sealed, again, sizeof(sealed));
	assert_int_equal(unseal_value(seal, &place, sealed, sizeof(sealed), plain), 0);
	assert_memory_equal(plain, "secret", 6);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(unseal_value(seal, &others[i], sealed, sizeof(sealed), plain), -1);
	assert_int_equal(unseal_value(other, &place, sealed, sizeof(sealed), plain), -1);
	for (size_t i = 0; i < sizeof(sealed) * 8; i++) {
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(unseal_value(seal, &place, sealed, sizeof(sealed), plain), -1);
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_int_equal(unseal_value(seal, &place, sealed, len, plain), -1);
	seal_free(&seal);
	seal_free(&other);
	seal_free(&seal);
}

static void lengths_are_bounded(void **state)
{
	static const struct key key = {{1}};
	struct seal_place place = {.column = "a.b"};
	struct seal *seal = seal_new(&key, "core");
	uint8_t sealed[SEAL_EXTRA], plain[1];
	char name[SEAL_NAME_MAX + 100] = "";

	(void)state;
	assert_int_equal(seal_value(seal, &place, NULL, 0, sealed), 0);
	assert_int_equal(unseal_value(seal, &place, sealed, sizeof(sealed), plain), 0);
	assert_int_equal(unseal_value(seal, &place, NULL, 0, plain), -1);
	assert_int_equal(seal_value(seal, &place, "", SEAL_VALUE_MAX + 1, sealed), -1);
	place.name = name;
	place.name_len = sizeof(name);
	assert_int_equal(seal_value(seal, &place, NULL, 0, sealed), -1);
	seal_free(&seal);
}

/* --- the key's file --- */

static void assert_kind(enum store_key_kind expected)
{
	enum store_key_kind kind;

	assert_int_equal(store_key_look(path, &kind, NULL), 0);
	assert_int_equal(kind, expected);
}

static void a_key_is_made_once(void **state)
{
	struct known_random random;
	struct key made, again;
	struct stat info;
	struct err err = {0};

	(void)state;
	known_random_init(&random, 1);
	assert_kind(STORE_KEY_MISSING);
	assert_int_equal(store_key_read(path, NULL, &again, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(store_key_make(&random.env, path, &made, &err), 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_kind(STORE_KEY_PLAIN);
	assert_int_equal(store_key_make(&random.env, path, &again, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(store_key_read(path, NULL, &again, &err), 0);
	assert_memory_equal(&made, &again, sizeof(made));
	/* A passphrase that nobody needs does no harm. */
	assert_int_equal(store_key_read(path, "x", &again, &err), 0);
}

static void a_passphrase_locks_it(void **state)
{
	static const struct key key = {{7, 8, 9}};
	struct known_random random;
	struct key read = {{0}};
	struct err err = {0};

	(void)state;
	known_random_init(&random, 1);
	assert_int_equal(store_key_write(&random.env, path, &key, "open", LOG_N_SHORT, &err), 0);
	assert_kind(STORE_KEY_WRAPPED);
	assert_int_equal(store_key_read(path, NULL, &read, &err), -1);
	assert_int_equal(err.code, ERR_WRONG_STATE);
	assert_int_equal(store_key_read(path, "opem", &read, &err), -1);
	assert_int_equal(err.code, ERR_AUTH);
	assert_int_equal(store_key_read(path, "", &read, &err), -1);
	assert_int_equal(err.code, ERR_AUTH);
	assert_int_equal(store_key_read(path, "open", &read, &err), 0);
	assert_memory_equal(&read, &key, sizeof(key));
	assert_int_equal(store_key_write(&random.env, path, &key, "", LOG_N_SHORT, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_kind(STORE_KEY_WRAPPED);
	assert_int_equal(store_key_write(&random.env, path, &key, NULL, LOG_N_SHORT, &err), 0);
	assert_int_equal(store_key_read(path, NULL, &read, &err), 0);
	assert_memory_equal(&read, &key, sizeof(key));
}

static void damage_is_told(void **state)
{
	static const struct key key = {{7, 8, 9}};
	struct known_random random;
	struct key read;
	uint8_t data[128];
	size_t len;
	FILE *file;

	(void)state;
	known_random_init(&random, 1);
	assert_int_equal(store_key_write(&random.env, path, &key, "open", LOG_N_SHORT, NULL), 0);
	file = fopen(path, "rb");
	len = fread(data, 1, sizeof(data), file);
	fclose(file);
	for (size_t at = 0; at <= len; at++) {
		struct err err = {0};
		/* Any byte turned; and last the file cut by one. */
		if (at < len)
			data[at] ^= 0x40;
		file = fopen(path, "wb");
		fwrite(data, 1, at < len ? len : len - 1, file);
		fclose(file);
		assert_int_equal(store_key_read(path, "open", &read, &err), -1);
		assert_true(err.code == ERR_AUTH || err.code == ERR_INPUT);
		if (at < len)
			data[at] ^= 0x40;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_open_at_their_place_only),
	    cmocka_unit_test(lengths_are_bounded),
	    cmocka_unit_test_setup_teardown(a_key_is_made_once, make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(a_passphrase_locks_it, make_directory,
					    remove_directory),
	    cmocka_unit_test_setup_teardown(damage_is_told, make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
