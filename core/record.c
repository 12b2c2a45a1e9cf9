/*
 * record.c: see record.h.
 *
 *     plaintext:  0 version 1 | 1 issued_at 8 | 9 sequence 8 | 17 lifetime 4 | 21 endpoint 67 |
 *                 88 zeros up to 464
 */
#include "core/record.h"

#include "core/noise.h"

#include <string.h>

#define RECORD_VERSION 1
/* What Noise adds: the ephemeral public key and a tag. */
#define OVERHEAD  (X25519_LEN + AEAD_TAG_LEN)
#define PLAIN_LEN (RECORD_LEN - OVERHEAD)

static const char label[] = "tacet 1 record";
#define LABEL_LEN    (sizeof label - 1)
#define PROLOGUE_LEN (LABEL_LEN + LOOKUP_KEY_LEN)

static struct noise *start_noise(const struct env *env, enum noise_role role,
				 const struct identity *own, const uint8_t contact[X25519_LEN],
				 const struct pair_direction *direction,
				 const uint8_t lookup_key[LOOKUP_KEY_LEN], struct err *err)
{
	uint8_t prologue[PROLOGUE_LEN];
	SECRET struct key psk;
	struct noise_start start = {
	    .pattern = NOISE_KPSK0,
	    .role = role,
	    .prologue = prologue,
	    .prologue_len = sizeof prologue,
	    .s = &own->private_key,
	    .s_public = own->public_key,
	    .rs = contact,
	    .psk = &psk,
	    .ss = &direction->dh,
	};

	pair_key(direction, PAIR_RECORD, &psk);
	memcpy(prologue, label, LABEL_LEN);
	memcpy(prologue + LABEL_LEN, lookup_key, LOOKUP_KEY_LEN);
	return noise_new(env, &start, err);
}

static void write_plain(uint8_t plain[PLAIN_LEN], const struct record *record)
{
	struct writer w;

	writer_init(&w, plain, PLAIN_LEN);
	write_u8(&w, RECORD_VERSION);
	write_u64(&w, (uint64_t)record->issued_ms);
	write_u64(&w, record->sequence);
	write_u32(&w, record->lifetime_s);
	endpoint_write(&w, &record->endpoint);
	write_padding(&w);
}

static int read_plain(const uint8_t plain[PLAIN_LEN], struct record *record, struct err *err)
{
	struct reader r;
	uint64_t issued_ms;

	reader_init(&r, plain, PLAIN_LEN);
	if (read_u8(&r) != RECORD_VERSION)
		return err_set(err, ERR_INPUT, "a record of an unknown version");
	issued_ms = read_u64(&r);
	record->issued_ms = (int64_t)issued_ms;
	record->sequence = read_u64(&r);
	record->lifetime_s = read_u32(&r);
	if (issued_ms > INT64_MAX)
		return err_set(err, ERR_INPUT, "a record from an impossible time");
	if (endpoint_read(&r, &record->endpoint) != 0)
		return err_set(err, ERR_INPUT, "a record with an endpoint of an unknown kind");
	if (!secret_is_zero(r.at, r.left))
		return err_set(err, ERR_INPUT, "a record with something in its padding");
	return 0;
}

int record_seal(const struct env *env, const struct identity *own,
		const uint8_t contact[X25519_LEN], const struct pair_direction *direction,
		const uint8_t lookup_key[LOOKUP_KEY_LEN], const struct record *record,
		uint8_t out[RECORD_LEN], struct err *err)
{
	struct noise *noise =
	    start_noise(env, NOISE_INITIATOR, own, contact, direction, lookup_key, err);
	uint8_t plain[PLAIN_LEN];
	int len = -1;

	if (noise) {
		write_plain(plain, record);
		len = noise_write(noise, plain, sizeof plain, out, RECORD_LEN, err);
		secret_wipe(plain, sizeof plain);
	}
	noise_free(&noise);
	return len == RECORD_LEN ? 0 : err_wrap(err, "seal a record");
}

int record_open(const struct env *env, const struct identity *own,
		const uint8_t contact[X25519_LEN], const struct pair_direction *direction,
		const uint8_t lookup_key[LOOKUP_KEY_LEN], const uint8_t sealed[RECORD_LEN],
		struct record *record, struct err *err)
{
	struct noise *noise =
	    start_noise(env, NOISE_RESPONDER, own, contact, direction, lookup_key, err);
	uint8_t plain[PLAIN_LEN];
	int result = -1;

	if (noise && noise_read(noise, sealed, RECORD_LEN, plain, sizeof plain, err) == PLAIN_LEN)
		result = read_plain(plain, record, err);
	secret_wipe(plain, sizeof plain);
	noise_free(&noise);
	if (result == 0)
		return 0;
	secret_wipe(record, sizeof *record);
	return err_wrap(err, "open a record");
}
