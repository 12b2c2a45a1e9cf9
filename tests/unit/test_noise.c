/*
 * test_noise.c: core/noise's own rules: turns, missing keys, and everything that must not open.
 * The published vectors are in test_noise_vectors.c.
 */
#include "core/identity.h"
#include "core/noise.h"
#include "tests/unit/known_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGES_MAX 3
#define MESSAGE_SIZE 256

/* Two people who are about to shake hands; tests change what the starts say. */
struct world {
	struct known_random random;
	struct identity a, b;
	struct key psk;
	struct noise_start starts[2]; /* a is the initiator */
	struct noise *sides[2];
	uint8_t messages[MESSAGES_MAX][MESSAGE_SIZE];
	size_t lengths[MESSAGES_MAX];
};

static void world_init(struct world *w, enum noise_pattern pattern)
{
	memset(w, 0, sizeof *w);
	known_random_init(&w->random, 5);
	assert_int_equal(identity_generate(&w->random.env, &w->a, NULL), 0);
	assert_int_equal(identity_generate(&w->random.env, &w->b, NULL), 0);
	env_random(&w->random.env, w->psk.bytes, KEY_LEN);
	for (int i = 0; i < 2; i++)
		w->starts[i] = (struct noise_start){
		    .pattern = pattern,
		    .role = i ? NOISE_RESPONDER : NOISE_INITIATOR,
		    .prologue = "test",
		    .prologue_len = 4,
		    .s = i ? &w->b.private_key : &w->a.private_key,
		    .s_public = i ? NULL : w->a.public_key,
		    .rs = i ? w->a.public_key : w->b.public_key,
		    .psk = &w->psk,
		};
}

static void world_open(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		w->sides[i] = noise_new(&w->random.env, &w->starts[i], NULL);
		assert_non_null(w->sides[i]);
	}
}

static void world_close(struct world *w)
{
	noise_free(&w->sides[0]);
	noise_free(&w->sides[1]);
	assert_null(w->sides[0]);
}

/* Pass message n from one side to the other; the result of reading it. */
static int pass(struct world *w, unsigned n, struct err *err)
{
	struct noise *writer = w->sides[n % 2], *reader = w->sides[1 - n % 2];
	uint8_t payload[MESSAGE_SIZE];
	int len = noise_write(writer, "payload", 7, w->messages[n], MESSAGE_SIZE, err);

	assert_true(len > 7);
	w->lengths[n] = (size_t)len;
	len = noise_read(reader, w->messages[n], w->lengths[n], payload, sizeof payload, err);
	if (len >= 0) {
		assert_int_equal(len, 7);
		assert_memory_equal(payload, "payload", 7);
	}
	return len;
}

static unsigned pattern_messages(enum noise_pattern pattern)
{
	return pattern == NOISE_KPSK0 ? 1 : pattern == NOISE_KKPSK0 ? 2 : 3;
}

static void every_pattern_comes_to_its_end(void **state)
{
	(void)state;
	for (int pattern = NOISE_KPSK0; pattern <= NOISE_XX; pattern++) {
		unsigned count = pattern_messages((enum noise_pattern)pattern);
		struct noise_cipher send[2], receive[2];
		uint8_t hash[2][SHA256_LEN], sealed[21], plain[5];
		struct world w;

		world_init(&w, (enum noise_pattern)pattern);
		world_open(&w);
		for (unsigned n = 0; n < count; n++)
			assert_true(pass(&w, n, NULL) >= 0);
		assert_memory_equal(noise_remote_static(w.sides[0]), w.b.public_key, X25519_LEN);
		assert_memory_equal(noise_remote_static(w.sides[1]), w.a.public_key, X25519_LEN);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(noise_overhead(w.sides[i]), 0);
			assert_int_equal(
			    noise_split(w.sides[i], &send[i], &receive[i], hash[i], NULL), 0);
			assert_int_equal(
			    noise_split(w.sides[i], &send[i], &receive[i], hash[i], NULL), -1);
		}
		assert_memory_equal(hash[0], hash[1], SHA256_LEN);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(noise_cipher_seal(&send[i], "hello", 5, sealed), 0);
			assert_int_equal(noise_cipher_open(&receive[1 - i], sealed, 21, plain), 0);
			assert_memory_equal(plain, "hello", 5);
		}
		world_close(&w);
	}
}

static void the_other_side_is_known_when_it_has_spoken(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NOISE_XKPSK3);
	w.starts[1].rs = NULL;
	world_open(&w);
	assert_non_null(noise_remote_static(w.sides[0]));
	for (unsigned n = 0; n < 3; n++) {
		assert_null(noise_remote_static(w.sides[1]));
		assert_true(pass(&w, n, NULL) >= 0);
	}
	assert_memory_equal(noise_remote_static(w.sides[1]), w.a.public_key, X25519_LEN);
	world_close(&w);
}

static void missing_keys_are_noticed(void **state)
{
	struct world w;
	struct err err;

	(void)state;
	for (int pattern = NOISE_KPSK0; pattern <= NOISE_XX; pattern++) {
		for (int i = 0; i < 2; i++) {
			bool rs_needed = pattern <= NOISE_KKPSK0 || (pattern == NOISE_XKPSK3 && !i);
			struct noise_start start;

			world_init(&w, (enum noise_pattern)pattern);
			start = w.starts[i];
			start.s = NULL;
			assert_null(noise_new(&w.random.env, &start, &err));
			assert_int_equal(err.code, ERR_WRONG_STATE);
			start = w.starts[i];
			start.psk = NULL;
			w.sides[0] = noise_new(&w.random.env, &start, &err);
			assert_int_equal(w.sides[0] == NULL, pattern != NOISE_XX);
			noise_free(&w.sides[0]);
			start = w.starts[i];
			start.rs = NULL;
			w.sides[0] = noise_new(&w.random.env, &start, &err);
			assert_int_equal(w.sides[0] == NULL, rs_needed);
			noise_free(&w.sides[0]);
		}
	}
}

/* The other side computes it, so a wrong or unused one would not go unnoticed. */
static void a_static_secret_at_hand_is_used(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 3; wrong++) {
		struct key ss = {{0}}; /* 2: zeros are as good as none */
		struct world w;

		world_init(&w, NOISE_KKPSK0);
		if (wrong < 2)
			assert_int_equal(crypto_x25519(&w.a.private_key, w.b.public_key, &ss), 0);
		ss.bytes[0] ^= (uint8_t)(wrong == 1);
		w.starts[0].ss = &ss;
		world_open(&w);
		assert_int_equal(pass(&w, 0, NULL), wrong == 1 ? -1 : 7);
		world_close(&w);
	}
}

static void turns_are_kept(void **state)
{
	struct noise_cipher send, receive;
	uint8_t out[MESSAGE_SIZE], hash[SHA256_LEN];
	struct world w;
	struct err err;

	(void)state;
	world_init(&w, NOISE_KKPSK0);
	world_open(&w);
	assert_int_equal(noise_write(w.sides[1], NULL, 0, out, sizeof out, &err), -1);
	assert_int_equal(err.code, ERR_WRONG_STATE);
	assert_int_equal(noise_read(w.sides[0], out, sizeof out, out, sizeof out, &err), -1);
	assert_int_equal(err.code, ERR_WRONG_STATE);
	assert_int_equal(noise_split(w.sides[0], &send, &receive, hash, &err), -1);
	assert_int_equal(err.code, ERR_WRONG_STATE);
	/* No harm was done. */
	assert_true(pass(&w, 0, &err) >= 0);
	assert_true(pass(&w, 1, &err) >= 0);
	assert_int_equal(noise_write(w.sides[0], NULL, 0, out, sizeof out, &err), -1);
	assert_int_equal(err.code, ERR_WRONG_STATE);
	world_close(&w);
}

static void what_is_not_shared_does_not_open(void **state)
{
	static const struct key other_psk = {{1}};

	(void)state;
	for (int what = 0; what < 4; what++) {
		struct world w;
		struct err err = {0};

		world_init(&w, NOISE_KKPSK0);
		if (what == 0)
			w.starts[1].psk = &other_psk;
		else if (what == 1)
			w.starts[1].prologue = "tesT";
		else if (what == 2)
			w.starts[1].rs = w.b.public_key;
		else
			w.starts[0].rs = w.a.public_key;
		world_open(&w);
		assert_int_equal(pass(&w, 0, &err), -1);
		assert_int_equal(err.code, ERR_CRYPTO);
		/* It is dead now. */
		assert_null(noise_remote_static(w.sides[1]));
		assert_int_equal(noise_read(w.sides[1], w.messages[0], w.lengths[0], w.messages[1],
					    MESSAGE_SIZE, &err),
				 -1);
		assert_int_equal(err.code, ERR_WRONG_STATE);
		world_close(&w);
	}
}

/* Read message n, changed, in a fresh handshake that went well up to there. */
static void read_changed(enum noise_pattern pattern, unsigned n, size_t bit, size_t cut,
			 enum err_code expected)
{
	struct world w;
	struct err err = {0};
	uint8_t payload[MESSAGE_SIZE];
	int len;

	world_init(&w, pattern);
	world_open(&w);
	for (unsigned i = 0; i < n; i++)
		assert_true(pass(&w, i, &err) >= 0);
	len = noise_write(w.sides[n % 2], "x", 1, w.messages[n], MESSAGE_SIZE, &err);
	assert_true(len > 0 && cut <= (size_t)len);
	if (bit < (size_t)len * 8)
		w.messages[n][bit / 8] ^= (uint8_t)(1 << bit % 8);
	assert_int_equal(noise_read(w.sides[1 - n % 2], w.messages[n], (size_t)len - cut, payload,
				    sizeof payload, &err),
			 -1);
	assert_int_equal(err.code, expected);
	world_close(&w);
}

static void no_bit_may_be_changed(void **state)
{
	(void)state;
	for (int pattern = NOISE_KPSK0; pattern <= NOISE_XKPSK3; pattern++) {
		for (unsigned n = 0; n < pattern_messages((enum noise_pattern)pattern); n++) {
			/* The last message of XKpsk3 has no ephemeral but a sealed static key. */
			size_t len = n == 2 ? 32 + 16 + 1 + 16 : 32 + 1 + 16;

			for (size_t bit = 0; bit < len * 8; bit += 3)
				read_changed((enum noise_pattern)pattern, n, bit, 0, ERR_CRYPTO);
		}
	}
}

static void nothing_may_be_cut_off(void **state)
{
	(void)state;
	for (size_t cut = 1; cut <= 49; cut++)
		read_changed(NOISE_KKPSK0, 0, SIZE_MAX, cut, cut > 1 ? ERR_INPUT : ERR_CRYPTO);
	for (size_t cut = 1; cut <= 65; cut++)
		read_changed(NOISE_XKPSK3, 2, SIZE_MAX, cut, cut > 1 ? ERR_INPUT : ERR_CRYPTO);
}

static void a_low_order_ephemeral_is_refused(void **state)
{
	uint8_t message[48] = {0}, out[MESSAGE_SIZE];
	struct world w;
	struct err err;

	(void)state;
	world_init(&w, NOISE_KKPSK0);
	world_open(&w);
	assert_int_equal(noise_read(w.sides[1], message, sizeof message, out, sizeof out, &err),
			 -1);
	assert_int_equal(err.code, ERR_CRYPTO);
	world_close(&w);
}

static void lengths_have_limits(void **state)
{
	uint8_t *big = calloc(1, NOISE_MESSAGE_MAX + 1), *out = calloc(1, NOISE_MESSAGE_MAX + 1);
	const int overhead = 48;
	struct world w;
	struct err err;

	(void)state;
	assert_non_null(big);
	assert_non_null(out);
	for (int i = 0; i < 3; i++) {
		/* A byte too long for Noise, for the output, and just right. */
		size_t len = NOISE_MESSAGE_MAX - (size_t)overhead + (i == 0);
		size_t size = i == 1 ? NOISE_MESSAGE_MAX - 1 : NOISE_MESSAGE_MAX + 1;

		world_init(&w, NOISE_KKPSK0);
		world_open(&w);
		assert_int_equal(noise_write(w.sides[0], big, len, out, size, &err),
				 i == 2 ? NOISE_MESSAGE_MAX : -1);
		if (i < 2)
			assert_int_equal(err.code, ERR_LIMIT);
		world_close(&w);
	}
	for (int i = 0; i < 3; i++) {
		size_t len = NOISE_MESSAGE_MAX + (i == 0);
		size_t size = NOISE_MESSAGE_MAX - (size_t)overhead - (i == 1);

		world_open(&w);
		assert_int_equal(noise_read(w.sides[1], out, len, big, size, &err),
				 i == 2 ? NOISE_MESSAGE_MAX - overhead : -1);
		if (i < 2)
			assert_int_equal(err.code, i == 0 ? ERR_INPUT : ERR_LIMIT);
		world_close(&w);
	}
	free(big);
	free(out);
}

static void ciphers_count(void **state)
{
	struct noise_cipher send = {.k = {{1}}}, receive = {.k = {{1}}};
	uint8_t sealed[17], second[17], plain[1];

	(void)state;
	assert_int_equal(noise_cipher_seal(&send, "x", 1, sealed), 0);
	assert_int_equal(noise_cipher_seal(&send, "x", 1, second), 0);
	assert_memory_not_equal(sealed, second, 17);
	/* Out of order: n stays. */
	assert_int_equal(noise_cipher_open(&receive, second, 17, plain), -1);
	assert_int_equal(receive.n, 0);
	assert_int_equal(noise_cipher_open(&receive, sealed, 17, plain), 0);
	assert_int_equal(noise_cipher_open(&receive, second, 17, plain), 0);
	assert_int_equal(receive.n, 2);
	/* The last number is kept for rekeying. */
	send.n = receive.n = UINT64_MAX - 1;
	assert_int_equal(noise_cipher_seal(&send, "x", 1, sealed), 0);
	assert_int_equal(noise_cipher_open(&receive, sealed, 17, plain), 0);
	assert_int_equal(noise_cipher_seal(&send, "x", 1, sealed), -1);
	assert_int_equal(crypto_aead_seal(&send.k, UINT64_MAX, NULL, 0, "x", 1, sealed), 0);
	assert_int_equal(noise_cipher_open(&receive, sealed, 17, plain), -1);
	noise_cipher_wipe(&send);
	assert_true(secret_is_zero(&send, sizeof send));
}

static void rekeying_changes_the_key_and_not_the_number(void **state)
{
	struct noise_cipher send = {.k = {{1}}, .n = 7}, receive = send, old = send;
	uint8_t sealed[17], plain[1];

	(void)state;
	assert_int_equal(noise_cipher_rekey(&send), 0);
	assert_int_equal(send.n, 7);
	assert_memory_not_equal(send.k.bytes, old.k.bytes, KEY_LEN);
	assert_int_equal(noise_cipher_seal(&send, "x", 1, sealed), 0);
	assert_int_equal(noise_cipher_open(&receive, sealed, 17, plain), -1);
	assert_int_equal(noise_cipher_rekey(&receive), 0);
	assert_int_equal(noise_cipher_open(&receive, sealed, 17, plain), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_pattern_comes_to_its_end),
	    cmocka_unit_test(the_other_side_is_known_when_it_has_spoken),
	    cmocka_unit_test(missing_keys_are_noticed),
	    cmocka_unit_test(a_static_secret_at_hand_is_used),
	    cmocka_unit_test(turns_are_kept),
	    cmocka_unit_test(what_is_not_shared_does_not_open),
	    cmocka_unit_test(no_bit_may_be_changed),
	    cmocka_unit_test(nothing_may_be_cut_off),
	    cmocka_unit_test(a_low_order_ephemeral_is_refused),
	    cmocka_unit_test(lengths_have_limits),
	    cmocka_unit_test(ciphers_count),
	    cmocka_unit_test(rekeying_changes_the_key_and_not_the_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
