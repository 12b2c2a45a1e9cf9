/*
 * fuzz_noise.c: a handshake that goes well up to some message, and then gets any bytes instead.
 *
 *     input: what 1 ‖ the rest
 *     what:  bits 0–1 pattern, bits 2–3 number of the message, bit 4: the rest is not a message
 *            but the payload of a good one
 */
#include "core/identity.h"
#include "core/noise.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/known_random.h"

#include <string.h>

#define MESSAGE_SIZE 4096

struct world {
	struct known_random random;
	struct identity people[2];
	struct key psk;
	struct noise *sides[2];
};

static void world_open(struct world *w, enum noise_pattern pattern)
{
	known_random_init(&w->random, 1);
	for (int i = 0; i < 2; i++)
		FUZZ_CHECK(identity_generate(&w->random.env, &w->people[i], NULL) == 0);
	env_random(&w->random.env, w->psk.bytes, KEY_LEN);
	for (int i = 0; i < 2; i++) {
		struct noise_start start = {
		    .pattern = pattern,
		    .role = i ? NOISE_RESPONDER : NOISE_INITIATOR,
		    .s = &w->people[i].private_key,
		    .s_public = w->people[i].public_key,
		    .rs = w->people[1 - i].public_key,
		    .psk = &w->psk,
		};

		w->sides[i] = noise_new(&w->random.env, &start, NULL);
		FUZZ_CHECK(w->sides[i] != NULL);
	}
}

/* A good message n with this payload. */
static void pass(struct world *w, unsigned n, const uint8_t *payload, size_t len)
{
	uint8_t message[MESSAGE_SIZE], out[MESSAGE_SIZE];
	size_t overhead = noise_overhead(w->sides[n % 2]);
	int message_len = noise_write(w->sides[n % 2], payload, len, message, sizeof message, NULL);

	FUZZ_CHECK(message_len == (int)(len + overhead));
	FUZZ_CHECK(noise_read(w->sides[1 - n % 2], message, (size_t)message_len, out, sizeof out,
			      NULL) == (int)len);
	FUZZ_CHECK(len == 0 || memcmp(out, payload, len) == 0);
}

static void read_any(struct noise *noise, const uint8_t *message, size_t len)
{
	uint8_t out[MESSAGE_SIZE];
	struct err err = {0};
	size_t overhead = noise_overhead(noise);
	int result = noise_read(noise, message, len, out, sizeof out, &err);

	if (result >= 0) {
		FUZZ_CHECK((size_t)result + overhead == len);
		return;
	}
	FUZZ_CHECK(err.code == ERR_CRYPTO || err.code == ERR_INPUT || err.code == ERR_LIMIT);
	/* A handshake that has failed does nothing any more. */
	FUZZ_CHECK(noise_read(noise, message, len, out, sizeof out, &err) == -1);
	FUZZ_CHECK(err.code == ERR_WRONG_STATE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;
	unsigned n, wanted;

	if (size == 0 || size > MESSAGE_SIZE / 2)
		return 0;
	wanted = data[0] >> 2 & 3;
	world_open(&w, (enum noise_pattern)(data[0] & 3));
	for (n = 0; n < wanted && noise_next(w.sides[0]) != NOISE_SPLIT; n++)
		pass(&w, n, NULL, 0);
	if (noise_next(w.sides[0]) != NOISE_SPLIT) {
		if (data[0] & 16)
			pass(&w, n, data + 1, size - 1);
		else
			read_any(w.sides[1 - n % 2], data + 1, size - 1);
	}
	noise_free(&w.sides[0]);
	noise_free(&w.sides[1]);
	return 0;
}
