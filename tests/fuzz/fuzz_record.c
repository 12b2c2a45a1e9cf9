/*
 * fuzz_record.c: records, sealed (what a stranger can put into the registry) and unsealed (what
 * only the contact can).
 *
 *     input: 0: sealed bytes follow | 1: a plaintext follows, which is sealed first
 */
#include "core/noise.h"
#include "core/record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/known_random.h"

#include <string.h>

#define PLAIN_LEN (RECORD_LEN - X25519_LEN - AEAD_TAG_LEN)

struct world {
	struct known_random random;
	struct identity a, b; /* a publishes for b */
	struct pair of_a, of_b;
	uint8_t lookup[LOOKUP_KEY_LEN];
};

/* Made once, always the same. */
static struct world *the_world(void)
{
	static const struct key secret = {{1}};
	static struct world w;

	if (w.random.env.ops)
		return &w;
	known_random_init(&w.random, 1);
	FUZZ_CHECK(identity_generate(&w.random.env, &w.a, NULL) == 0);
	FUZZ_CHECK(identity_generate(&w.random.env, &w.b, NULL) == 0);
	FUZZ_CHECK(pair_derive(&w.a, w.b.public_key, &secret, &w.of_a, NULL) == 0);
	FUZZ_CHECK(pair_derive(&w.b, w.a.public_key, &secret, &w.of_b, NULL) == 0);
	pair_lookup_key(&w.of_a.out, 1, 0, w.lookup);
	return &w;
}

static int open_record(struct world *w, const uint8_t sealed[RECORD_LEN], struct record *record,
		       struct err *err)
{
	return record_open(&w->random.env, &w->b, w->a.public_key, &w->of_b.in, w->lookup, sealed,
			   record, err);
}

static void seal_plain(struct world *w, const uint8_t plain[PLAIN_LEN], uint8_t out[RECORD_LEN])
{
	static const char label[] = "tacet 1 record";
	uint8_t prologue[sizeof label - 1 + LOOKUP_KEY_LEN];
	struct key psk;
	struct noise_start start = {
	    .pattern = NOISE_KPSK0,
	    .role = NOISE_INITIATOR,
	    .prologue = prologue,
	    .prologue_len = sizeof prologue,
	    .s = &w->a.private_key,
	    .s_public = w->a.public_key,
	    .rs = w->b.public_key,
	    .psk = &psk,
	};
	struct noise *noise;

	pair_key(&w->of_a.out, PAIR_RECORD, &psk);
	memcpy(prologue, label, sizeof label - 1);
	memcpy(prologue + sizeof label - 1, w->lookup, LOOKUP_KEY_LEN);
	noise = noise_new(&w->random.env, &start, NULL);
	FUZZ_CHECK(noise != NULL);
	FUZZ_CHECK(noise_write(noise, plain, PLAIN_LEN, out, RECORD_LEN, NULL) == RECORD_LEN);
	noise_free(&noise);
}

/* What opens must come back the same when it is sealed again. */
static void check_round_trip(struct world *w, const struct record *record)
{
	uint8_t sealed[RECORD_LEN];
	struct record again;

	FUZZ_CHECK(record_seal(&w->random.env, &w->a, w->b.public_key, &w->of_a.out, w->lookup,
			       record, sealed, NULL) == 0);
	FUZZ_CHECK(open_record(w, sealed, &again, NULL) == 0);
	FUZZ_CHECK(again.issued_ms == record->issued_ms && again.issued_ms >= 0);
	FUZZ_CHECK(again.sequence == record->sequence);
	FUZZ_CHECK(again.lifetime_s == record->lifetime_s);
	FUZZ_CHECK(endpoint_equal(&again.endpoint, &record->endpoint));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = the_world();
	uint8_t sealed[RECORD_LEN] = {0}, plain[PLAIN_LEN] = {0};
	struct record record;
	struct err err = {0};

	if (size == 0)
		return 0;
	if (data[0] % 2 == 0) {
		memcpy(sealed, data + 1, size - 1 < RECORD_LEN ? size - 1 : RECORD_LEN);
	} else {
		memcpy(plain, data + 1, size - 1 < PLAIN_LEN ? size - 1 : PLAIN_LEN);
		seal_plain(w, plain, sealed);
	}
	if (open_record(w, sealed, &record, &err) == 0)
		check_round_trip(w, &record);
	else
		FUZZ_CHECK(err.code == (data[0] % 2 == 0 ? ERR_CRYPTO : ERR_INPUT));
	return 0;
}
