/* Tests of pair_secret.c. */
#include "core/pair_secret.h"

#include "core/base/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t low[X25519_LEN] = {1};
static const uint8_t high[X25519_LEN] = {2};

static void make(const char *passphrase, const uint8_t *own, const uint8_t *contact,
		 char hex[HEX_LEN(KEY_LEN) + 1])
{
	SECRET struct key key;
	struct err err;

	assert_int_equal(pair_secret_from_passphrase(passphrase, own, contact, &key, &err), 0);
	hex_encode(key.bytes, KEY_LEN, hex);
}

static void same_on_both_sides(void **state)
{
	char one[HEX_LEN(KEY_LEN) + 1], other[HEX_LEN(KEY_LEN) + 1];

	(void)state;
	make("correct horse", low, high, one);
	make("correct horse", high, low, other);
	assert_string_equal(one, other);
	/* From Python's hashlib.scrypt with the same parameters, so that the format stays. */
	assert_string_equal(one,
			    "2b2ac812962cc3ee61973f24002ae1a1aa261c5f083d0d3accea4f4d169b1073");
}

static void differs(void **state)
{
	static const uint8_t third[X25519_LEN] = {3};
	char one[HEX_LEN(KEY_LEN) + 1], other[HEX_LEN(KEY_LEN) + 1];

	(void)state;
	make("correct horse", low, high, one);
	make("correct horsf", low, high, other);
	assert_string_not_equal(one, other);
	make("correct horse", low, third, other);
	assert_string_not_equal(one, other);
}

static void refuses(void **state)
{
	char *longest = calloc(1, PASSPHRASE_MAX + 2);
	struct key key;
	struct err err;

	(void)state;
	assert_int_equal(pair_secret_from_passphrase("", low, high, &key, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	memset(longest, 'a', PASSPHRASE_MAX + 1);
	assert_int_equal(pair_secret_from_passphrase(longest, low, high, &key, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	longest[PASSPHRASE_MAX] = '\0';
	assert_int_equal(pair_secret_from_passphrase(longest, low, high, &key, &err), 0);
	free(longest);
}

/* Against Python's hmac. */
static void renewed(void **state)
{
	uint8_t fresh[FRESH_LEN], hash[SHA256_LEN];
	char hex[HEX_LEN(KEY_LEN) + 1];
	struct key secret, next;

	(void)state;
	for (unsigned i = 0; i < KEY_LEN; i++)
		secret.bytes[i] = (uint8_t)i;
	memset(fresh, 0x11, sizeof(fresh));
	memset(hash, 0x22, sizeof(hash));
	assert_int_equal(pair_secret_renew(&secret, fresh, hash, &next, NULL), 0);
	hex_encode(next.bytes, KEY_LEN, hex);
	assert_string_equal(hex,
			    "5ebd0baf6a852b080fe1d5c584d0c9ffa4d27fc37080f1d475d55a51ad5ae816");
}

static void phrase(void **state)
{
	uint8_t one[X25519_LEN], two[X25519_LEN];
	char text[PHRASE_SIZE];
	struct key secret, key;

	(void)state;
	for (unsigned i = 0; i < KEY_LEN; i++)
		secret.bytes[i] = (uint8_t)i;
	memset(one, 1, sizeof(one));
	memset(two, 2, sizeof(two));
	assert_int_equal(pair_secret_verification(&secret, one, two, &key, NULL), 0);
	pair_secret_phrase(&key, text);
	assert_string_equal(text, "26264 35300 43726 35617 68233 71280");
	assert_int_equal(pair_secret_verification(&secret, two, one, &key, NULL), 0);
	pair_secret_phrase(&key, text);
	assert_string_equal(text, "26264 35300 43726 35617 68233 71280");
	secret.bytes[0] = 1;
	assert_int_equal(pair_secret_verification(&secret, one, two, &key, NULL), 0);
	pair_secret_phrase(&key, text);
	assert_string_not_equal(text, "26264 35300 43726 35617 68233 71280");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_on_both_sides),
	    cmocka_unit_test(differs),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(renewed),
	    cmocka_unit_test(phrase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
