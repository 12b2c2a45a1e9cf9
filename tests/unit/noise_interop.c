/*
 * noise_interop.c: core/noise as a program on stdin and stdout, for noise_peer.py to talk to.
 *
 *     usage: noise_interop PATTERN ROLE OWN-PRIVATE REMOTE-PUBLIC PSK   (keys in hex, "-" for none)
 *     each message on the pipes: length 2 ‖ bytes
 *
 * First the handshake, each payload the text "handshake N". Then ROUNDS times one transport message
 * each way ("transport N"; one way only after Kpsk0), with a rekey after each. Last, it writes the
 * handshake hash in the clear. Any mismatch ends it with status 1 and a word on stderr.
 */
#include "core/base/codec.h"
#include "core/base/loop.h"
#include "core/noise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS       5
#define MESSAGE_SIZE 1024

static const struct {
	const char *name;
	enum noise_pattern pattern;
} names[] = {
    {"Kpsk0", NOISE_KPSK0}, {"KKpsk0", NOISE_KKPSK0}, {"XKpsk3", NOISE_XKPSK3}, {"XX", NOISE_XX}};

static void die(const char *what)
{
	fprintf(stderr, "noise_interop: %s\n", what);
	exit(1);
}

static void put_message(const uint8_t *data, size_t len)
{
	uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};

	if (fwrite(head, 1, 2, stdout) != 2 || fwrite(data, 1, len, stdout) != len ||
	    fflush(stdout) != 0)
		die("cannot write");
}

static size_t get_message(uint8_t out[MESSAGE_SIZE])
{
	uint8_t head[2];
	size_t len;

	if (fread(head, 1, 2, stdin) != 2)
		die("no message came");
	len = (size_t)(head[0] << 8 | head[1]);
	if (len > MESSAGE_SIZE || fread(out, 1, len, stdin) != len)
		die("a bad message came");
	return len;
}

static void expect(const uint8_t *data, size_t len, const char *what, unsigned n)
{
	char text[32];
	int text_len = snprintf(text, sizeof text, "%s %u", what, n);

	if (len != (size_t)text_len || memcmp(data, text, len) != 0)
		die("another payload than expected");
}

static void handshake(struct noise *noise)
{
	uint8_t in[MESSAGE_SIZE], out[MESSAGE_SIZE];
	char text[32];
	struct err err;
	int len;

	for (unsigned n = 0; noise_next(noise) != NOISE_SPLIT; n++) {
		if (noise_next(noise) == NOISE_WRITE) {
			len = snprintf(text, sizeof text, "handshake %u", n);
			len = noise_write(noise, text, (size_t)len, out, sizeof out, &err);
			if (len < 0)
				die(err.text);
			put_message(out, (size_t)len);
		} else {
			len = noise_read(noise, in, get_message(in), out, sizeof out, &err);
			if (len < 0)
				die(err.text);
			expect(out, (size_t)len, "handshake", n);
		}
	}
}

static void send_one(struct noise_cipher *cipher, unsigned n)
{
	uint8_t out[64];
	char text[32];
	size_t len = (size_t)snprintf(text, sizeof text, "transport %u", n);

	if (noise_cipher_seal(cipher, text, len, out) != 0 || noise_cipher_rekey(cipher) != 0)
		die("cannot seal");
	put_message(out, len + AEAD_TAG_LEN);
}

static void receive_one(struct noise_cipher *cipher, unsigned n)
{
	uint8_t in[MESSAGE_SIZE];
	size_t len = get_message(in);

	if (noise_cipher_open(cipher, in, len, in) != 0 || noise_cipher_rekey(cipher) != 0)
		die("a transport message does not open");
	expect(in, len - AEAD_TAG_LEN, "transport", n);
}

static void transport(struct noise *noise, bool initiator, bool one_way)
{
	struct noise_cipher send, receive;
	uint8_t hash[SHA256_LEN];

	if (noise_split(noise, &send, &receive, hash, NULL) != 0)
		die("cannot split");
	for (unsigned n = 0; n < ROUNDS; n++) {
		if (initiator)
			send_one(&send, n);
		if (!initiator || !one_way)
			receive_one(&receive, n);
		if (!initiator && !one_way)
			send_one(&send, n);
	}
	put_message(hash, sizeof hash);
}

/* NULL for "-". */
static const struct key *parse_key(const char *text, struct key *key)
{
	if (strcmp(text, "-") == 0)
		return NULL;
	if (hex_decode(text, strlen(text), key->bytes, KEY_LEN) != KEY_LEN)
		die("a key must have 64 hexadecimal digits");
	return key;
}

int main(int argc, char **argv)
{
	struct noise_start start = {.prologue = "tacet interop", .prologue_len = 13};
	struct key own, psk, remote;
	const struct key *rs;
	struct loop *loop;
	struct noise *noise;
	struct err err;
	bool known = false;

	if (argc != 6)
		die("usage: noise_interop PATTERN ROLE OWN-PRIVATE REMOTE-PUBLIC PSK");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(argv[1], names[i].name) == 0) {
			start.pattern = names[i].pattern;
			known = true;
		}
	}
	if (!known)
		die("unknown pattern");
	start.role = strcmp(argv[2], "initiator") == 0 ? NOISE_INITIATOR : NOISE_RESPONDER;
	start.s = parse_key(argv[3], &own);
	rs = parse_key(argv[4], &remote);
	start.rs = rs ? rs->bytes : NULL;
	start.psk = parse_key(argv[5], &psk);
	loop = loop_new(&err); /* for its random numbers */
	noise = loop ? noise_new(loop_env(loop), &start, &err) : NULL;
	if (!noise)
		die(err.text);
	handshake(noise);
	transport(noise, start.role == NOISE_INITIATOR, start.pattern == NOISE_KPSK0);
	noise_free(&noise);
	loop_free(&loop);
	return 0;
}
