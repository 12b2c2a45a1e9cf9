/*
 * test_noise_vectors.c: core/noise against published vectors, message by message, as both roles.
 *
 * The vectors are those of flynn/noise, from Debian's golang-github-flynn-noise-dev; NOISE_VECTORS
 * names another file of that form. Without one the test is skipped, and says so. A vector is a
 * paragraph of lines name=hex, "handshake" first; messages after the handshake are transport
 * messages, the initiator's and the responder's in turn. (They hold no handshake hash.)
 */
#include "core/base/codec.h"
#include "core/noise.h"
#include "tests/unit/known_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEBIANS_FILE "/usr/share/gocode/src/github.com/flynn/noise/vectors.txt"
#define SKIPPED      77 /* what automake takes for "skipped" */
#define LINE_MAX_LEN 4096
#define MESSAGE_SIZE 512
#define MESSAGES_MAX 8

struct bytes {
	uint8_t data[MESSAGE_SIZE];
	size_t len;
};

struct vector {
	char handshake[64];
	struct bytes init_static, resp_static, init_ephemeral, resp_ephemeral, prologue, psk;
	struct bytes payload[MESSAGES_MAX], ciphertext[MESSAGES_MAX];
	unsigned messages;
};

static const char *path;

static void parse_hex(const char *text, struct bytes *out)
{
	int len = hex_decode(text, strlen(text), out->data, sizeof out->data);

	assert_true(len >= 0);
	out->len = (size_t)len;
}

static void parse_message(const char *name, const char *value, struct vector *v)
{
	unsigned n;
	char what[16];

	if (sscanf(name, "msg_%u_%15s", &n, what) != 2 || n >= MESSAGES_MAX)
		fail_msg("unknown line %s", name);
	parse_hex(value, strcmp(what, "payload") == 0 ? &v->payload[n] : &v->ciphertext[n]);
	if (n >= v->messages)
		v->messages = n + 1;
}

static void parse_line(char *line, struct vector *v)
{
	const struct {
		const char *name;
		struct bytes *out;
	} fields[] = {
	    {"init_static", &v->init_static},
	    {"resp_static", &v->resp_static},
	    {"gen_init_ephemeral", &v->init_ephemeral},
	    {"gen_resp_ephemeral", &v->resp_ephemeral},
	    {"prologue", &v->prologue},
	    {"preshared_key", &v->psk},
	};
	char *value = strchr(line, '=');

	assert_non_null(value);
	*value++ = '\0';
	if (strcmp(line, "handshake") == 0) {
		snprintf(v->handshake, sizeof v->handshake, "%s", value);
		return;
	}
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (strcmp(line, fields[i].name) == 0) {
			parse_hex(value, fields[i].out);
			return;
		}
	}
	parse_message(line, value, v);
}

/* The next vector of the file; false at its end. */
static bool next_vector(FILE *file, struct vector *v)
{
	char line[LINE_MAX_LEN];

	memset(v, 0, sizeof *v);
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0')
			parse_line(line, v);
		else if (v->handshake[0] != '\0')
			return true;
	}
	return v->handshake[0] != '\0';
}

struct side {
	struct known_random random;
	struct noise *noise;
	struct noise_cipher send, receive;
	uint8_t hash[SHA256_LEN];
};

static const struct key *as_key(const struct bytes *bytes)
{
	return bytes->len == KEY_LEN ? (const struct key *)(const void *)bytes->data : NULL;
}

static void side_start(struct side *side, enum noise_role role, enum noise_pattern pattern,
		       const struct vector *v)
{
	bool initiator = role == NOISE_INITIATOR;
	const struct bytes *own = initiator ? &v->init_static : &v->resp_static;
	const struct bytes *other = initiator ? &v->resp_static : &v->init_static;
	const struct bytes *ephemeral = initiator ? &v->init_ephemeral : &v->resp_ephemeral;
	uint8_t rs[X25519_LEN];
	struct noise_start start = {
	    .pattern = pattern,
	    .role = role,
	    .prologue = v->prologue.data,
	    .prologue_len = v->prologue.len,
	    .s = as_key(own),
	    .psk = as_key(&v->psk),
	};
	struct err err;

	assert_int_equal(crypto_x25519_public(as_key(other), rs), 0);
	if (pattern == NOISE_KPSK0 || pattern == NOISE_KKPSK0 ||
	    (pattern == NOISE_XKPSK3 && initiator))
		start.rs = rs;
	known_random_init(&side->random, 0);
	known_random_queue(&side->random, ephemeral->data, ephemeral->len);
	side->noise = noise_new(&side->random.env, &start, &err);
	assert_non_null(side->noise);
}

static void check_handshake_message(struct side *writer, struct side *reader,
				    const struct bytes *payload, const struct bytes *ciphertext)
{
	uint8_t out[MESSAGE_SIZE];
	size_t overhead = noise_overhead(writer->noise);
	struct err err;
	int len;

	assert_int_equal(noise_next(writer->noise), NOISE_WRITE);
	assert_int_equal(noise_next(reader->noise), NOISE_READ);
	assert_int_equal(noise_overhead(reader->noise), overhead);
	len = noise_write(writer->noise, payload->data, payload->len, out, sizeof out, &err);
	assert_int_equal(len, ciphertext->len);
	assert_int_equal(len, payload->len + overhead);
	assert_memory_equal(out, ciphertext->data, ciphertext->len);
	len = noise_read(reader->noise, ciphertext->data, ciphertext->len, out, sizeof out, &err);
	assert_int_equal(len, payload->len);
	assert_memory_equal(out, payload->data, payload->len);
}

static void check_transport_message(struct noise_cipher *send, struct noise_cipher *receive,
				    const struct bytes *payload, const struct bytes *ciphertext)
{
	uint8_t out[MESSAGE_SIZE];

	assert_int_equal(payload->len + AEAD_TAG_LEN, ciphertext->len);
	assert_int_equal(noise_cipher_seal(send, payload->data, payload->len, out), 0);
	assert_memory_equal(out, ciphertext->data, ciphertext->len);
	assert_int_equal(noise_cipher_open(receive, ciphertext->data, ciphertext->len, out), 0);
	assert_memory_equal(out, payload->data, payload->len);
}

static void check_vector(enum noise_pattern pattern, const struct vector *v)
{
	struct side sides[2];
	unsigned done = 0;

	side_start(&sides[0], NOISE_INITIATOR, pattern, v);
	side_start(&sides[1], NOISE_RESPONDER, pattern, v);
	for (; noise_next(sides[0].noise) != NOISE_SPLIT; done++)
		check_handshake_message(&sides[done % 2], &sides[1 - done % 2], &v->payload[done],
					&v->ciphertext[done]);
	for (int i = 0; i < 2; i++) {
		struct side *side = &sides[i];

		assert_int_equal(
		    noise_split(side->noise, &side->send, &side->receive, side->hash, NULL), 0);
		noise_free(&side->noise);
	}
	assert_memory_equal(sides[0].hash, sides[1].hash, SHA256_LEN);
	assert_true(v->messages >= done + 2);
	for (unsigned turn = 0; done < v->messages; done++, turn = 1 - turn)
		check_transport_message(&sides[turn].send, &sides[1 - turn].receive,
					&v->payload[done], &v->ciphertext[done]);
}

static void check_pattern(const char *name, enum noise_pattern pattern)
{
	FILE *file = fopen(path, "r");
	static struct vector v;
	unsigned checked = 0;

	assert_non_null(file);
	while (next_vector(file, &v)) {
		if (strcmp(v.handshake, name) == 0) {
			check_vector(pattern, &v);
			checked++;
		}
	}
	fclose(file);
	/* With and without a prologue, with and without payloads. */
	assert_int_equal(checked, 4);
}

static void kpsk0(void **state)
{
	(void)state;
	check_pattern("Noise_Kpsk0_25519_ChaChaPoly_SHA256", NOISE_KPSK0);
}

static void kkpsk0(void **state)
{
	(void)state;
	check_pattern("Noise_KKpsk0_25519_ChaChaPoly_SHA256", NOISE_KKPSK0);
}

static void xkpsk3(void **state)
{
	(void)state;
	check_pattern("Noise_XKpsk3_25519_ChaChaPoly_SHA256", NOISE_XKPSK3);
}

static void xx(void **state)
{
	(void)state;
	check_pattern("Noise_XX_25519_ChaChaPoly_SHA256", NOISE_XX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kpsk0),
	    cmocka_unit_test(kkpsk0),
	    cmocka_unit_test(xkpsk3),
	    cmocka_unit_test(xx),
	};
	FILE *file;

	path = getenv("NOISE_VECTORS");
	if (!path)
		path = DEBIANS_FILE;
	file = fopen(path, "r");
	if (!file) {
		fprintf(stderr,
			"SKIPPED: no Noise vectors at %s; install "
			"golang-github-flynn-noise-dev or set NOISE_VECTORS\n",
			path);
		return SKIPPED;
	}
	fclose(file);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
