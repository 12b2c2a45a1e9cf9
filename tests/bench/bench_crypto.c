/*
 * bench_crypto.c: how much of what OpenSSL can do here is left in handshakes, records and frames.
 *
 *     usage: bench_crypto [--json] [seconds a measurement, 0.5]
 *
 * Each line has a rate and its share of the limit that the same OpenSSL sets in the same run.
 *
 * For handshakes and records that limit is the bare X25519 exchange (as `openssl speed ecdhx25519`
 * does it) divided by the number of X25519 operations, making ephemeral keys included: first those
 * that the pattern names, then those that are left to be done, since a pair has the exchange of its
 * static keys at hand. For frames it is the bare ChaCha20-Poly1305 sealing of as many bytes, with a
 * key, a nonce and a tag each; "streams" have neither nonce nor tag, as in `openssl speed -evp`.
 * Things are measured in turn, ROUNDS times, and the best round counts.
 */
#include "core/base/loop.h"
#include "core/frame.h"
#include "core/record.h"
#include "tests/bench/figures.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 25 /* short ones: what disturbs a machine comes and goes */
/* Frames a message: as many as a long chat message or a status has. */
#define FRAMES 4

/* Everybody's state; measured functions do their work once and return how often that was. */
struct bench {
	const struct env *env;
	struct identity a, b;
	struct pair of_a, of_b;
	struct key session; /* of of_a */
	struct record record;
	uint8_t lookup[LOOKUP_KEY_LEN];
	uint8_t sealed[RECORD_LEN];
	EVP_PKEY_CTX *exchange;
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *cipher_ctx;
	struct noise_cipher send;
	struct frame_reader reader;
	struct buf wire;
	uint8_t message[FRAMES * FRAME_PAYLOAD_MAX];
};

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_crypto: %s failed\n", what);
	exit(1);
}

/* --- what OpenSSL can do --- */

static unsigned bare_exchange(struct bench *b)
{
	uint8_t shared[KEY_LEN];
	size_t len = sizeof shared;

	check(EVP_PKEY_derive(b->exchange, shared, &len) == 1, "derive");
	return 1;
}

static unsigned bare_seal(struct bench *b)
{
	static const uint8_t key[KEY_LEN] = {1}, nonce[12];
	uint8_t out[FRAME_LEN];
	int n;
	OSSL_PARAM tag[] = {
	    OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, out + FRAME_PLAIN_LEN,
					      AEAD_TAG_LEN),
	    OSSL_PARAM_construct_end(),
	};

	check(EVP_EncryptInit_ex2(b->cipher_ctx, NULL, key, nonce, NULL) == 1 &&
		  EVP_EncryptUpdate(b->cipher_ctx, out, &n, b->message, FRAME_PLAIN_LEN) == 1 &&
		  EVP_EncryptFinal_ex(b->cipher_ctx, out + n, &n) == 1 &&
		  EVP_CIPHER_CTX_get_params(b->cipher_ctx, tag) == 1,
	      "seal");
	return 1;
}

/* Only the stream: no nonce, no tag. What `openssl speed -evp chacha20-poly1305` measures. */
static unsigned bare_stream(struct bench *b)
{
	uint8_t out[FRAME_LEN];
	int n;

	check(EVP_EncryptUpdate(b->cipher_ctx, out, &n, b->message, FRAME_PLAIN_LEN) == 1,
	      "stream");
	return 1;
}

/* --- what tacet does with it --- */

static struct noise *start(struct bench *b, enum noise_role role)
{
	bool initiator = role == NOISE_INITIATOR;
	const struct identity *own = initiator ? &b->a : &b->b;
	struct noise_start s = {
	    .pattern = NOISE_KKPSK0,
	    .role = role,
	    .prologue = "tacet 1 session0123456789abcdef",
	    .prologue_len = 31,
	    .s = &own->private_key,
	    .s_public = own->public_key,
	    .rs = initiator ? b->b.public_key : b->a.public_key,
	    .psk = &b->session,
	    .ss = &b->of_a.out.dh,
	};

	return noise_new(b->env, &s, NULL);
}

/* Both sides of a session's handshake. */
static unsigned handshake(struct bench *b)
{
	static const uint8_t payload[16];
	struct noise *sides[2] = {start(b, NOISE_INITIATOR), start(b, NOISE_RESPONDER)};
	struct noise_cipher send, receive;
	uint8_t message[256], out[256], hash[SHA256_LEN];

	check(sides[0] && sides[1], "noise_new");
	for (int n = 0; n < 2; n++) {
		int len =
		    noise_write(sides[n], payload, sizeof payload, message, sizeof message, NULL);

		check(len > 0 && noise_read(sides[1 - n], message, (size_t)len, out, sizeof out,
					    NULL) == sizeof payload,
		      "handshake");
	}
	for (int n = 0; n < 2; n++) {
		check(noise_split(sides[n], &send, &receive, hash, NULL) == 0, "split");
		noise_free(&sides[n]);
	}
	return 1;
}

static unsigned seal_record(struct bench *b)
{
	check(record_seal(b->env, &b->a, b->b.public_key, &b->of_a.out, b->lookup, &b->record,
			  b->sealed, NULL) == 0,
	      "record_seal");
	return 1;
}

static unsigned open_record(struct bench *b)
{
	struct record record;

	check(record_open(b->env, &b->b, b->a.public_key, &b->of_b.in, b->lookup, b->sealed,
			  &record, NULL) == 0,
	      "record_open");
	return 1;
}

static unsigned seal_frames(struct bench *b)
{
	buf_clear(&b->wire);
	check(frame_seal(&b->send, FRAME_DATA, b->message, sizeof b->message, &b->wire, NULL) == 0,
	      "frame_seal");
	return FRAMES;
}

static int ignore(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)type;
	(void)data;
	(void)len;
	return 0;
}

/* Always the same frames, with the key they were sealed with. */
static unsigned open_frames(struct bench *b)
{
	struct noise_cipher first = {.k = {{3}}};

	b->reader.cipher = first;
	check(frame_read(&b->reader, b->wire.data, b->wire.len, ignore, NULL, NULL) == 0,
	      "frame_read");
	return FRAMES;
}

/* --- measuring --- */

/* Of this process's own time, since others may use the machine too. */
static double seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* How often a second? Many calls go between two looks at the clock. */
static double rate(struct bench *b, unsigned (*work)(struct bench *b), double duration)
{
	double begin = seconds(), now = begin;
	double count = 0;

	while (now < begin + duration) {
		for (int i = 0; i < 64; i++)
			count += work(b);
		now = seconds();
	}
	return count / (now - begin);
}

/* reference: index of the line that sets the limit; how many of those one of these has by the
 * pattern, and how many are done; the target of the ratio to the limit by what is done. */
static const struct line {
	const char *name;
	unsigned (*work)(struct bench *b);
	int reference;
	double named, done;
	const char *target;
} lines[] = {
    {"bare X25519 exchanges", bare_exchange, -1, 0, 0, NULL},
    {"bare seals of 472 bytes", bare_seal, -1, 0, 0, NULL},
    {"bare streams of 472 bytes", bare_stream, -1, 0, 0, NULL},
    {"session handshakes, both sides", handshake, 0, 10, 8, "ratio >= 0.8"},
    {"records sealed", seal_record, 0, 3, 2, "ratio >= 0.8"},
    {"records opened", open_record, 0, 2, 1, "ratio >= 0.8"},
    {"frames sealed, rekeying", seal_frames, 1, 1, 1, "ratio >= 0.5"},
    {"frames opened, rekeying", open_frames, 1, 1, 1, "ratio >= 0.5"},
};
#define LINES (sizeof lines / sizeof *lines)

static void start_bare(struct bench *b)
{
	static const uint8_t key[KEY_LEN] = {1}, nonce[12];
	EVP_PKEY *own =
	    EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, b->a.private_key.bytes, KEY_LEN);
	EVP_PKEY *peer =
	    EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, b->b.public_key, X25519_LEN);

	b->exchange = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	check(b->exchange && EVP_PKEY_derive_init(b->exchange) == 1 &&
		  EVP_PKEY_derive_set_peer(b->exchange, peer) == 1,
	      "X25519");
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	b->cipher = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	b->cipher_ctx = EVP_CIPHER_CTX_new();
	check(EVP_EncryptInit_ex2(b->cipher_ctx, b->cipher, key, nonce, NULL) == 1, "cipher");
}

static void bench_init(struct bench *b)
{
	static const struct key secret = {{1}};
	const struct noise_cipher first = {.k = {{3}}};

	check(identity_generate(b->env, &b->a, NULL) == 0, "identity");
	check(identity_generate(b->env, &b->b, NULL) == 0, "identity");
	check(pair_derive(&b->a, b->b.public_key, &secret, &b->of_a, NULL) == 0, "pair");
	pair_key(&b->of_a.out, PAIR_SESSION, &b->session);
	check(pair_derive(&b->b, b->a.public_key, &secret, &b->of_b, NULL) == 0, "pair");
	pair_lookup_key(&b->of_a.out, 1, 0, b->lookup);
	b->record.endpoint.kind = ENDPOINT_ONION;
	buf_init(&b->wire, FRAMES * FRAME_LEN);
	frame_reader_init(&b->reader, &first);
	start_bare(b);
}

static void bench_free(struct bench *b)
{
	buf_free(&b->wire);
	frame_reader_wipe(&b->reader);
	EVP_CIPHER_CTX_free(b->cipher_ctx);
	EVP_CIPHER_free(b->cipher);
	EVP_PKEY_CTX_free(b->exchange);
}

static void report(const double best[LINES])
{
	for (size_t i = 0; i < LINES; i++) {
		const struct line *line = &lines[i];

		printf("%-32s %10.0f /s", line->name, best[i]);
		if (strstr(line->name, "frame") || strstr(line->name, "472"))
			printf("  %7.1f MB/s", best[i] * FRAME_PLAIN_LEN / 1e6);
		if (line->reference >= 0)
			printf("  %.2f of the limit",
			       best[i] * line->named / best[line->reference]);
		if (line->done < line->named)
			printf(" by the pattern, %.2f of what is left to be done",
			       best[i] * line->done / best[line->reference]);
		printf("\n");
	}
}

static void report_json(const double best[LINES])
{
	for (size_t i = 0; i < LINES; i++) {
		const struct line *line = &lines[i];
		char name[64];
		struct figure figure = {"crypto", line->name, best[i], "/s", 0, line->target};

		if (line->reference >= 0)
			figure.reference = best[line->reference] / line->named;
		figure_print(&figure);
		if (line->done == line->named)
			continue;
		snprintf(name, sizeof(name), "%s, by what is done", line->name);
		figure.name = name;
		figure.reference = best[line->reference] / line->done;
		figure_print(&figure);
	}
}

int main(int argc, char **argv)
{
	bool json = figures_wanted(&argc, argv);
	double duration = argc > 1 ? atof(argv[1]) : 0.5;
	double best[LINES] = {0};
	static struct bench b;
	struct loop *loop = loop_new(NULL);

	check(loop != NULL, "loop_new");
	b.env = loop_env(loop);
	bench_init(&b);
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < LINES; i++) {
			double r;

			/* Frames that are opened again and again must have been sealed with the key
			 * that the reader is given. */
			b.send = (struct noise_cipher){.k = {{3}}};
			if (lines[i].work == open_frames)
				seal_frames(&b);
			r = rate(&b, lines[i].work, duration / ROUNDS);
			best[i] = r > best[i] ? r : best[i];
		}
	}
	(json ? report_json : report)(best);
	bench_free(&b);
	loop_free(&loop);
	return 0;
}
