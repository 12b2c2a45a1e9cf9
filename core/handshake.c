/*
 * handshake.c: see handshake.h.
 */
#include "core/handshake.h"

#include "core/base/cursor.h"

#include <string.h>

#define PROLOGUE     "tacet 1 session"
#define PROLOGUE_LEN (sizeof(PROLOGUE) - 1 + KNOCK_TAG_LEN)

static struct noise *begin(const struct env *env, enum noise_role role, const struct identity *own,
			   const uint8_t contact[X25519_LEN],
			   const struct pair_direction *direction, const uint8_t tag[KNOCK_TAG_LEN],
			   struct err *err)
{
	uint8_t prologue[PROLOGUE_LEN];
	SECRET struct key psk;
	struct noise_start start = {
	    .pattern = NOISE_KKPSK0,
	    .role = role,
	    .prologue = prologue,
	    .prologue_len = sizeof(prologue),
	    .s = &own->private_key,
	    .s_public = own->public_key,
	    .rs = contact,
	    .psk = &psk,
	    .ss = &direction->dh,
	};

	pair_key(direction, PAIR_SESSION, &psk);
	memcpy(prologue, PROLOGUE, sizeof(PROLOGUE) - 1);
	memcpy(prologue + sizeof(PROLOGUE) - 1, tag, KNOCK_TAG_LEN);
	return noise_new(env, &start, err);
}

void hello_write(const struct hello *hello, uint8_t payload[KNOCK_PAYLOAD_LEN])
{
	struct writer w;

	writer_init(&w, payload, KNOCK_PAYLOAD_LEN);
	write_u64(&w, (uint64_t)hello->time_ms);
	write_u8(&w, hello->version_min);
	write_u8(&w, hello->version_max);
	write_bytes(&w, hello->instance, INSTANCE_LEN);
}

struct noise *knock_write(const struct env *env, const struct identity *own,
			  const uint8_t contact[X25519_LEN], const struct pair *pair,
			  uint64_t epoch, const struct hello *hello, uint8_t knock[KNOCK_LEN],
			  struct err *err)
{
	uint8_t payload[KNOCK_PAYLOAD_LEN];
	struct noise *noise = NULL;

	hello_write(hello, payload);
	pair_knock_tag(&pair->out, epoch, knock);
	noise = begin(env, NOISE_INITIATOR, own, contact, &pair->out, knock, err);
	if (noise == NULL)
		return NULL;
	if (noise_write(noise, payload, sizeof(payload), knock + KNOCK_TAG_LEN,
			KNOCK_LEN - KNOCK_TAG_LEN, err) < 0)
		noise_free(&noise);
	return noise;
}

int hello_read(const uint8_t payload[KNOCK_PAYLOAD_LEN], struct hello *hello, struct err *err)
{
	struct reader r;
	uint64_t time_ms;

	reader_init(&r, payload, KNOCK_PAYLOAD_LEN);
	time_ms = read_u64(&r);
	hello->version_min = read_u8(&r);
	hello->version_max = read_u8(&r);
	read_bytes(&r, hello->instance, INSTANCE_LEN);
	if (time_ms > INT64_MAX)
		return err_set(err, ERR_INPUT, "handshake: impossible time");
	if (hello->version_min > SESSION_VERSION || hello->version_max < SESSION_VERSION)
		return err_set(err, ERR_PROTOCOL,
			       "handshake: speaks versions %u to %u, we speak %u",
			       hello->version_min, hello->version_max, SESSION_VERSION);
	hello->time_ms = (int64_t)time_ms;
	return 0;
}

struct noise *knock_read(const struct env *env, const struct identity *own,
			 const uint8_t contact[X25519_LEN], const struct pair *pair,
			 const uint8_t knock[KNOCK_LEN], struct hello *hello, struct err *err)
{
	uint8_t payload[KNOCK_PAYLOAD_LEN];
	struct noise *noise = begin(env, NOISE_RESPONDER, own, contact, &pair->in, knock, err);

	if (noise == NULL)
		return NULL;
	if (noise_read(noise, knock + KNOCK_TAG_LEN, KNOCK_LEN - KNOCK_TAG_LEN, payload,
		       sizeof(payload), err) < 0 ||
	    hello_read(payload, hello, err) < 0)
		noise_free(&noise);
	return noise;
}

int answer_write(struct noise *noise, const struct hello *hello, uint8_t answer[ANSWER_LEN],
		 struct err *err)
{
	uint8_t payload[ANSWER_PAYLOAD_LEN];
	struct writer w;

	writer_init(&w, payload, sizeof(payload));
	write_u64(&w, (uint64_t)hello->time_ms);
	write_u8(&w, hello->version_max);
	write_bytes(&w, hello->instance, INSTANCE_LEN);
	return noise_write(noise, payload, sizeof(payload), answer, ANSWER_LEN, err) < 0 ? -1 : 0;
}

int answer_read(struct noise *noise, const uint8_t answer[ANSWER_LEN], struct hello *hello,
		struct err *err)
{
	uint8_t payload[ANSWER_PAYLOAD_LEN];
	struct reader r;
	uint64_t time_ms;

	if (noise_read(noise, answer, ANSWER_LEN, payload, sizeof(payload), err) < 0)
		return -1;
	reader_init(&r, payload, sizeof(payload));
	time_ms = read_u64(&r);
	hello->version_min = hello->version_max = read_u8(&r);
	read_bytes(&r, hello->instance, INSTANCE_LEN);
	if (time_ms > INT64_MAX || hello->version_max != SESSION_VERSION)
		return err_set(err, ERR_PROTOCOL, "handshake: malformed answer");
	hello->time_ms = (int64_t)time_ms;
	return 0;
}
