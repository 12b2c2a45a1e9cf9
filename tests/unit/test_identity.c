/*
 * test_identity.c: ids and identities, and what is said about a bad id.
 */
#include "core/identity.h"
#include "tests/unit/known_random.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The id of the private key 01 01 … 01, computed with Python's hashlib and cryptography. */
static const char known_id[] = "utqjfevwkhbhrolxfrlj6x5jxmj5sbvunk3izhpz3qvuicpyuiezqbyb";

static void known_identity(struct identity *identity)
{
	struct key private_key;

	memset(private_key.bytes, 1, KEY_LEN);
	assert_int_equal(identity_load(&private_key, identity, NULL), 0);
}

static void ids_come_back(void **state)
{
	struct identity identity;
	uint8_t public_key[X25519_LEN];
	char id[ID_LEN + 1], upper[ID_LEN + 1];

	(void)state;
	known_identity(&identity);
	id_encode(identity.public_key, id);
	assert_string_equal(id, known_id);
	assert_int_equal(id_decode(id, public_key, NULL), 0);
	assert_memory_equal(public_key, identity.public_key, X25519_LEN);
	for (size_t i = 0; i <= ID_LEN; i++)
		upper[i] = (char)toupper((unsigned char)id[i]);
	memset(public_key, 0, sizeof public_key);
	assert_int_equal(id_decode(upper, public_key, NULL), 0);
	assert_memory_equal(public_key, identity.public_key, X25519_LEN);
}

static void identities_are_generated_and_wiped(void **state)
{
	struct known_random random;
	struct identity a, b, again;

	(void)state;
	known_random_init(&random, 1);
	assert_int_equal(identity_generate(&random.env, &a, NULL), 0);
	assert_int_equal(identity_generate(&random.env, &b, NULL), 0);
	assert_memory_not_equal(a.public_key, b.public_key, X25519_LEN);
	assert_int_equal(identity_load(&a.private_key, &again, NULL), 0);
	assert_memory_equal(a.public_key, again.public_key, X25519_LEN);
	identity_wipe(&a);
	assert_true(secret_is_zero(&a, sizeof a));
}

static void every_single_mistake_is_noticed(void **state)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t public_key[X25519_LEN];
	unsigned tried = 0;

	(void)state;
	for (size_t i = 0; i < ID_LEN; i++) {
		for (const char *c = alphabet; *c; c++) {
			char id[ID_LEN + 1];
			struct err err;

			memcpy(id, known_id, sizeof id);
			if (id[i] == *c)
				continue;
			id[i] = *c;
			assert_int_equal(id_decode(id, public_key, &err), -1);
			assert_int_equal(err.code, ERR_INPUT);
			tried++;
		}
	}
	assert_int_equal(tried, ID_LEN * 31);
}

static void bad_ids_are_explained(void **state)
{
	static const struct {
		const char *id, *word; /* word: what the text for the user must have */
	} bad[] = {
	    {"", "56 characters"},
	    {"utqjfevwkhbhrolxfrlj6x5jxmj5sbvunk3izhpz3qvuicpyuiezqby", "56 characters"},
	    {"utqjfevwkhbhrolxfrlj6x5jxmj5sbvunk3izhpz3qvuicpyuiezqbybb", "56 characters"},
	    {"1tqjfevwkhbhrolxfrlj6x5jxmj5sbvunk3izhpz3qvuicpyuiezqbyb", "letters"},
	    {"utqjfevwkhbhrolxfrlj6x5jxmj5sbvunk3izhpz3qvuicpyuiezqb=b", "letters"},
	    {"utqjfevwkhbhrolxfrlj6x5jxmj5sbvunk3izhpz3qvuicpyuiezqb\xc3\xa4", "letters"},
	    {"tuqjfevwkhbhrolxfrlj6x5jxmj5sbvunk3izhpz3qvuicpyuiezqbyb", "checksum"},
	    {"utqjfevwkhbhrolxfrlj6x5jxmj5sbvunk3izhpz3qvuicpyuieqz2ac", "version 2"},
	    /* keys of low order: 0, 1, the two of order 8, p-1 */
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaamo4yb", "key"},
	    {"aeaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaalczib", "key"},
	    {"4dvxu7b3ig4k4fsw4p5pdh6enlnatdpltqzld7mgmicrmx2jxaachxqb", "key"},
	    {"l6ojlpfdkcgcjmoqwfkzza7plmceixgelaoi5bwyejhn3ue7cflytuab", "key"},
	    {"5t7777777777777777777777777777777777777777777777757yasib", "key"},
	    /* the base point 9 in other forms: p+9, and with the highest bit set; and p itself */
	    {"637777777777777777777777777777777777777777777777757t5oqb", "key"},
	    {"beaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaacafhpyb", "key"},
	    {"5x7777777777777777777777777777777777777777777777757z7oib", "key"},
	};
	/* Large keys, which are good: p-2, p-20, and one with many bits set. */
	static const char *const good[] = {
	    "5p77777777777777777777777777777777777777777777777576ycab",
	    "3h777777777777777777777777777777777777777777777775747aab",
	    "77777777777777777777777777777777ah777777777777777574xbab",
	};
	uint8_t public_key[X25519_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};

		assert_int_equal(id_decode(bad[i].id, public_key, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		if (!strstr(err.text, bad[i].word))
			fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].id, err.text, bad[i].word);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(id_decode(good[i], public_key, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_come_back),
	    cmocka_unit_test(identities_are_generated_and_wiped),
	    cmocka_unit_test(every_single_mistake_is_noticed),
	    cmocka_unit_test(bad_ids_are_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
