/*
 * test_pair.c: the keys and the clock of a pair.
 */
#include "core/base/codec.h"
#include "core/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void filled_identity(uint8_t byte, struct identity *identity)
{
	struct key private_key;

	memset(private_key.bytes, byte, KEY_LEN);
	assert_int_equal(identity_load(&private_key, identity, NULL), 0);
}

/* Both views of the pair of the private keys 01… (the low side) and 02…, with a secret of 03…. */
static void known_pair(struct pair *low, struct pair *high)
{
	struct identity a, b;
	struct key secret;

	filled_identity(1, &a);
	filled_identity(2, &b);
	memset(secret.bytes, 3, KEY_LEN);
	assert_int_equal(pair_derive(&a, b.public_key, &secret, low, NULL), 0);
	assert_int_equal(pair_derive(&b, a.public_key, &secret, high, NULL), 0);
}

static void assert_hex(const void *bytes, size_t len, const char *expected)
{
	char text[2 * KEY_LEN + 1];

	hex_encode(bytes, len, text);
	assert_string_equal(text, expected);
}

/* Computed with Python's hmac, hashlib and cryptography from the formulas in pair.h. */
static void keys_are_those_of_the_formulas(void **state)
{
	static const struct {
		const char *record, *session, *lookup, *knock;
	} known[2] = {
	    {"c5360718602321346a3e32b488952365cc369bc375cbf6e00b75b139e2106ffc",
	     "a1194d1adf1f9a662388818d8187c310e6e2a8d2efa9e4ec5d11bdec2e9d804c",
	     "9e1579d41fba2c99dc02298eaf510cc1af24b9a5", "a9d9a24d75927b00794b219eea11bfc0"},
	    {"dee8bc7aefa102021fbc91ddb2a197cef4843c2322d1056af7c3d8d2284a8abd",
	     "a4df21deed73b7bf79a1d0e877084d8bf2d924d932aa67ba5f8fd0b07bd314c9",
	     "a98fd1253faece453e3a955bfeb80f9239a11a2b", "bcda475cd1dcea7673b9bd5ab2578e71"},
	};
	struct pair low, high;

	(void)state;
	known_pair(&low, &high);
	for (int i = 0; i < 2; i++) {
		const struct pair_direction *direction = i ? &low.in : &low.out;
		uint8_t lookup[LOOKUP_KEY_LEN], tag[KNOCK_TAG_LEN];
		struct key key;

		pair_key(direction, PAIR_RECORD, &key);
		assert_hex(key.bytes, KEY_LEN, known[i].record);
		pair_key(direction, PAIR_SESSION, &key);
		assert_hex(key.bytes, KEY_LEN, known[i].session);
		pair_lookup_key(direction, 5, 1, lookup);
		assert_hex(lookup, sizeof lookup, known[i].lookup);
		pair_knock_tag(direction, 5, tag);
		assert_hex(tag, sizeof tag, known[i].knock);
	}
	assert_int_equal(low.offset_ms, 3326000);
}

static void both_sides_have_the_same_keys(void **state)
{
	struct pair low, high;

	(void)state;
	known_pair(&low, &high);
	assert_true(low.low);
	assert_false(high.low);
	assert_int_equal(low.offset_ms, high.offset_ms);
	assert_memory_equal(low.out.dh.bytes, low.in.dh.bytes, KEY_LEN);
	assert_memory_equal(&low.out, &high.in, sizeof low.out);
	assert_memory_equal(&low.in, &high.out, sizeof low.in);
	assert_memory_not_equal(&low.in, &low.out, sizeof low.in);
	pair_wipe(&low);
	assert_true(secret_is_zero(&low, sizeof low));
}

static void all_keys_differ(void **state)
{
	struct pair a, b;
	struct identity one, other;
	struct key no_secret = {{0}};
	struct key keys[16];
	size_t count = 0;

	(void)state;
	known_pair(&a, &b);
	filled_identity(1, &one);
	filled_identity(2, &other);
	assert_int_equal(pair_derive(&one, other.public_key, &no_secret, &b, NULL), 0);
	for (int i = 0; i < 4; i++) {
		const struct pair *pair = i < 2 ? &a : &b;
		const struct pair_direction *direction = i % 2 ? &pair->in : &pair->out;

		for (int which = PAIR_RECORD; which <= PAIR_SESSION; which++)
			pair_key(direction, (enum pair_key)which, &keys[count++]);
	}
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(&keys[i], &keys[j], sizeof keys[i]);
}

static void lookup_keys_and_tags_differ(void **state)
{
	struct pair pair, other;
	uint8_t keys[20][LOOKUP_KEY_LEN], tags[20][KNOCK_TAG_LEN];
	size_t count = 0;

	(void)state;
	known_pair(&pair, &other);
	for (uint64_t epoch = 400000; epoch < 400010; epoch++) {
		for (uint8_t replica = 0; replica < 2; replica++) {
			pair_lookup_key(&pair.out, epoch, replica, keys[count]);
			pair_knock_tag(replica ? &pair.in : &pair.out, epoch, tags[count++]);
		}
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			assert_memory_not_equal(keys[i], keys[j], LOOKUP_KEY_LEN);
			assert_memory_not_equal(tags[i], tags[j], KNOCK_TAG_LEN);
		}
	}
}

static void bad_contacts_are_refused(void **state)
{
	static const uint8_t low_order[X25519_LEN] = {1};
	struct identity own;
	struct key secret = {{0}};
	struct pair pair;
	struct err err;

	(void)state;
	filled_identity(1, &own);
	assert_int_equal(pair_derive(&own, own.public_key, &secret, &pair, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(pair_derive(&own, low_order, &secret, &pair, &err), -1);
	assert_int_equal(err.code, ERR_CRYPTO);
	assert_true(secret_is_zero(&pair, sizeof pair));
}

static void epochs_and_their_edges(void **state)
{
	const int64_t e = EPOCH_MS;
	const struct {
		int64_t offset, now;
		uint64_t present;
		int64_t left;
	} rows[] = {
	    {0, 0, 0, e},
	    {0, -5, 0, e},
	    {0, e - 1, 0, 1},
	    {0, e, 1, e},
	    {0, e + e / 2, 1, e / 2},
	    /* the same with an offset */
	    {1000, e - 1001, 0, 1},
	    {1000, e - 1000, 1, e},
	    {4095000, 0, 0, 1000},
	    {4095000, 1000, 1, e},
	    /* the year 2100 */
	    {0, INT64_C(4102444800000), 1001573, 2304000},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pair pair = {.offset_ms = rows[i].offset};

		if (pair_epoch(&pair, rows[i].now) != rows[i].present ||
		    pair_epoch_left_ms(&pair, rows[i].now) != rows[i].left)
			fail_msg("row %zu: epoch %llu, %lld ms left", i,
				 (unsigned long long)pair_epoch(&pair, rows[i].now),
				 (long long)pair_epoch_left_ms(&pair, rows[i].now));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_those_of_the_formulas),
	    cmocka_unit_test(both_sides_have_the_same_keys),
	    cmocka_unit_test(all_keys_differ),
	    cmocka_unit_test(lookup_keys_and_tags_differ),
	    cmocka_unit_test(bad_contacts_are_refused),
	    cmocka_unit_test(epochs_and_their_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
