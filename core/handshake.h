/*
 * handshake.h: the two messages that make a session.
 *
 *     dialler  -> tag 16 ‖ Noise message 1     payload: time ms 8 ‖ version min 1 ‖ max 1 ‖
 * instance 8 listener <- Noise message 2              payload: time ms 8 ‖ version 1 ‖ instance 8
 *
 *     Noise_KKpsk0_25519_ChaChaPoly_SHA256, prologue = "tacet 1 session" ‖ tag,
 *     psk = K("session") of the dialler's direction
 *
 * The tag (pair.h) tells the listener which contact it is, and strangers nothing. After message 2
 * both sides have forward secrecy and know each other, without a signature. Equations (7) and (8)
 * of paper 001. Bytes in, bytes out: sockets are lobby.c's and session.c's matter, and whether a
 * time is acceptable is the contact's.
 */
#ifndef CORE_HANDSHAKE_H
#define CORE_HANDSHAKE_H

#include "core/noise.h"
#include "core/pair.h"

#define INSTANCE_LEN       8
#define KNOCK_PAYLOAD_LEN  (8 + 1 + 1 + INSTANCE_LEN)
#define ANSWER_PAYLOAD_LEN (8 + 1 + INSTANCE_LEN)
/* Tag, ephemeral key, payload and its tag. */
#define KNOCK_LEN  (KNOCK_TAG_LEN + X25519_LEN + KNOCK_PAYLOAD_LEN + AEAD_TAG_LEN)
#define ANSWER_LEN (X25519_LEN + ANSWER_PAYLOAD_LEN + AEAD_TAG_LEN)
/* The version of what is said in a session, both the oldest and the newest that we speak. */
#define SESSION_VERSION 1

struct hello {
	int64_t time_ms;
	uint8_t version_min, version_max; /* equal in an answer */
	uint8_t instance[INSTANCE_LEN];   /* random for each start of a process */
};

/* The payload of a knock. read: ERR_INPUT: malformed; ERR_PROTOCOL: no common version. */
void hello_write(const struct hello *hello, uint8_t payload[KNOCK_PAYLOAD_LEN]);
int hello_read(const uint8_t payload[KNOCK_PAYLOAD_LEN], struct hello *hello, struct err *err);

/* The dialler begins, in the epoch that it believes in. NULL with *err. */
struct noise *knock_write(const struct env *env, const struct identity *own,
			  const uint8_t contact[X25519_LEN], const struct pair *pair,
			  uint64_t epoch, const struct hello *hello, uint8_t knock[KNOCK_LEN],
			  struct err *err);
/* The listener reads it. ERR_CRYPTO: not from this contact; ERR_INPUT: malformed; ERR_PROTOCOL: no
 * common version. */
struct noise *knock_read(const struct env *env, const struct identity *own,
			 const uint8_t contact[X25519_LEN], const struct pair *pair,
			 const uint8_t knock[KNOCK_LEN], struct hello *hello, struct err *err);
/* The listener answers; then noise can be split. */
int answer_write(struct noise *noise, const struct hello *hello, uint8_t answer[ANSWER_LEN],
		 struct err *err);
int answer_read(struct noise *noise, const uint8_t answer[ANSWER_LEN], struct hello *hello,
		struct err *err);

#endif
