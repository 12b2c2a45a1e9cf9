/*
 * introduction.c: see introduction.h.
 */
#include "core/introduction.h"

#include "core/base/cursor.h"
#include "core/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PROLOGUE     "tacet 1 introduction"
#define PROLOGUE_LEN (sizeof(PROLOGUE) - 1 + KNOCK_TAG_LEN)
/* The static key and its tag, then the payload and its tag. */
#define PAYLOAD_LEN (INTRODUCTION_LEN - X25519_LEN - 2 * AEAD_TAG_LEN)

static_assert(KEY_LEN + 8 + 2 + CONTACT_NAME_MAX + 2 + REQUEST_TEXT_MAX <= PAYLOAD_LEN,
	      "room for the longest introduction");

static bool is_plain(const char *text, const char *allowed)
{
	for (; *text != '\0'; text++)
		if (((uint8_t)*text < 0x20 && strchr(allowed, *text) == NULL) || *text == 0x7f)
			return false;
	return true;
}

int introduction_check(const char *name, const char *text, struct err *err)
{
	size_t name_len = strlen(name), text_len = strlen(text);

	if (name_len > CONTACT_NAME_MAX)
		return err_set(err, ERR_LIMIT, "introduction: the name is longer than %d bytes",
			       CONTACT_NAME_MAX);
	if (text_len > REQUEST_TEXT_MAX)
		return err_set(err, ERR_LIMIT, "introduction: the text is longer than %d bytes",
			       REQUEST_TEXT_MAX);
	if (utf8_cut(name, name_len, name_len) < 0 || utf8_cut(text, text_len, text_len) < 0)
		return err_set(err, ERR_INPUT, "introduction: name or text is not UTF-8");
	if (!is_plain(name, "") || !is_plain(text, "\t\n"))
		return err_set(err, ERR_INPUT, "introduction: control characters");
	return 0;
}

void introduction_mark(const struct key *secret, uint8_t mark[INSTANCE_LEN])
{
	static const char label[] = "tacet 1 guest";

	if (crypto_hkdf_expand(secret, label, sizeof(label) - 1, mark, INSTANCE_LEN) != 0)
		abort(); /* only for want of memory */
}

static struct noise *begin(const struct env *env, enum noise_role role, const struct identity *own,
			   const uint8_t *host, const struct pair_direction *direction,
			   const uint8_t tag[KNOCK_TAG_LEN], struct err *err)
{
	uint8_t prologue[PROLOGUE_LEN];
	SECRET struct key psk;
	struct noise_start start = {
	    .pattern = NOISE_XKPSK3,
	    .role = role,
	    .prologue = prologue,
	    .prologue_len = sizeof(prologue),
	    .s = &own->private_key,
	    .s_public = own->public_key,
	    .rs = host,
	    .psk = &psk,
	};

	pair_key(direction, PAIR_SESSION, &psk);
	memcpy(prologue, PROLOGUE, sizeof(PROLOGUE) - 1);
	memcpy(prologue + sizeof(PROLOGUE) - 1, tag, KNOCK_TAG_LEN);
	return noise_new(env, &start, err);
}

/* --- message 1 --- */

struct noise *introduction_knock(const struct env *env, const struct identity *own,
				 const uint8_t host[X25519_LEN], const struct pair *door,
				 uint64_t epoch, const struct hello *hello,
				 uint8_t knock[KNOCK_LEN], struct err *err)
{
	uint8_t payload[KNOCK_PAYLOAD_LEN];
	struct noise *noise = NULL;

	hello_write(hello, payload);
	pair_knock_tag(&door->out, epoch, knock);
	noise = begin(env, NOISE_INITIATOR, own, host, &door->out, knock, err);
	if (noise != NULL && noise_write(noise, payload, sizeof(payload), knock + KNOCK_TAG_LEN,
					 KNOCK_LEN - KNOCK_TAG_LEN, err) < 0)
		noise_free(&noise);
	return noise;
}

struct noise *introduction_admit(const struct env *env, const struct identity *own,
				 const struct pair *door, const uint8_t knock[KNOCK_LEN],
				 struct hello *hello, struct err *err)
{
	uint8_t payload[KNOCK_PAYLOAD_LEN];
	struct noise *noise = begin(env, NOISE_RESPONDER, own, NULL, &door->in, knock, err);

	if (noise == NULL)
		return NULL;
	if (noise_read(noise, knock + KNOCK_TAG_LEN, KNOCK_LEN - KNOCK_TAG_LEN, payload,
		       sizeof(payload), err) < 0 ||
	    hello_read(payload, hello, err) < 0)
		noise_free(&noise);
	return noise;
}

/* --- message 2 --- */

int introduction_answer(struct noise *noise, int64_t time_ms, unsigned bits,
			uint8_t answer[ANSWER_LEN], struct err *err)
{
	uint8_t payload[ANSWER_PAYLOAD_LEN];
	struct writer w;

	writer_init(&w, payload, sizeof(payload));
	write_u64(&w, (uint64_t)time_ms);
	write_u8(&w, SESSION_VERSION);
	write_u8(&w, (uint8_t)bits);
	write_padding(&w);
	return noise_write(noise, payload, sizeof(payload), answer, ANSWER_LEN, err) < 0 ? -1 : 0;
}

int introduction_read_answer(struct noise *noise, const uint8_t answer[ANSWER_LEN], unsigned *bits,
			     struct err *err)
{
	uint8_t payload[ANSWER_PAYLOAD_LEN];
	struct reader r;

	if (noise_read(noise, answer, ANSWER_LEN, payload, sizeof(payload), err) < 0)
		return -1;
	reader_init(&r, payload, sizeof(payload));
	/* The host's time says nothing that we need: the answer belongs to our ephemeral key. */
	read_u64(&r);
	if (read_u8(&r) != SESSION_VERSION)
		return err_set(err, ERR_PROTOCOL, "introduction: the host speaks another version");
	*bits = read_u8(&r);
	if (*bits > WORK_BITS_MAX)
		return err_set(err, ERR_PROTOCOL, "introduction: the host asks for too much work");
	return 0;
}

/* --- message 3 --- */

static void write_text(struct writer *w, const char *text)
{
	write_u16(w, (uint16_t)strlen(text));
	write_bytes(w, text, strlen(text));
}

int introduction_write(struct noise *noise, const struct introduction *introduction,
		       uint8_t message[INTRODUCTION_LEN], struct err *err)
{
	uint8_t payload[PAYLOAD_LEN];
	struct writer w;
	int len;

	writer_init(&w, payload, sizeof(payload));
	write_bytes(&w, introduction->secret.bytes, KEY_LEN);
	write_u64(&w, introduction->nonce);
	write_text(&w, introduction->name);
	write_text(&w, introduction->text);
	write_padding(&w);
	assert(!w.bad);
	len = noise_write(noise, payload, sizeof(payload), message, INTRODUCTION_LEN, err);
	secret_wipe(payload, sizeof(payload));
	return len < 0 ? -1 : 0;
}

static int read_text(struct reader *r, char *text, size_t max)
{
	size_t len = read_u16(r);
	const uint8_t *bytes = len <= max ? read_view(r, len) : NULL;

	if (bytes == NULL || utf8_cut(bytes, len, len) != (int)len)
		return -1;
	memcpy(text, bytes, len);
	text[len] = '\0';
	return 0;
}

static int read_payload(const uint8_t payload[PAYLOAD_LEN], struct introduction *introduction,
			struct err *err)
{
	struct reader r;

	memset(introduction, 0, sizeof(*introduction));
	reader_init(&r, payload, PAYLOAD_LEN);
	read_bytes(&r, introduction->secret.bytes, KEY_LEN);
	introduction->nonce = read_u64(&r);
	if (read_text(&r, introduction->name, CONTACT_NAME_MAX) < 0 ||
	    read_text(&r, introduction->text, REQUEST_TEXT_MAX) < 0)
		return err_set(err, ERR_INPUT, "introduction: malformed");
	if (r.left > 0 && !secret_is_zero(r.at, r.left))
		return err_set(err, ERR_INPUT, "introduction: padding that is not zero");
	return introduction_check(introduction->name, introduction->text, err);
}

int introduction_read(struct noise *noise, const uint8_t message[INTRODUCTION_LEN],
		      uint8_t guest[X25519_LEN], struct introduction *introduction, struct err *err)
{
	uint8_t payload[PAYLOAD_LEN];
	int result = noise_read(noise, message, INTRODUCTION_LEN, payload, sizeof(payload), err) < 0
			 ? -1
			 : 0;

	if (result == 0)
		result = read_payload(payload, introduction, err);
	if (result == 0)
		memcpy(guest, noise_remote_static(noise), X25519_LEN);
	secret_wipe(payload, sizeof(payload));
	return result;
}

/* --- work --- */

void work_challenge(const uint8_t answer[ANSWER_LEN], uint8_t challenge[SHA256_LEN])
{
	static const char label[] = "tacet 1 work";
	struct crypto_part parts[] = {{label, sizeof(label) - 1}, {answer, ANSWER_LEN}};

	if (crypto_sha256(parts, 2, challenge) != 0)
		abort(); /* only for want of memory */
}

bool work_good(const uint8_t challenge[SHA256_LEN], uint64_t nonce, unsigned bits)
{
	uint8_t number[8], hash[SHA256_LEN];
	struct crypto_part parts[] = {{challenge, SHA256_LEN}, {number, sizeof(number)}};
	struct writer w;
	struct reader r;

	writer_init(&w, number, sizeof(number));
	write_u64(&w, nonce);
	if (crypto_sha256(parts, 2, hash) != 0)
		abort(); /* only for want of memory */
	reader_init(&r, hash, sizeof(hash));
	return bits == 0 || read_u32(&r) >> (32 - bits) == 0;
}

bool work_try(const uint8_t challenge[SHA256_LEN], unsigned bits, unsigned tries, uint64_t *nonce)
{
	for (; tries > 0; tries--, ++*nonce)
		if (work_good(challenge, *nonce, bits))
			return true;
	return false;
}
