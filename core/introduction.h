/*
 * introduction.h: the three messages in which a guest shows a host who it is, byte by byte.
 *
 *     guest -> tag 16 ‖ Noise message 1    payload: time ms 8 ‖ version min 1 ‖ max 1 ‖ mark 8
 *     host  <- Noise message 2             payload: time ms 8 ‖ version 1 ‖ work bits 1 ‖ zeros 7
 *     guest -> Noise message 3             payload: S 32 ‖ nonce 8 ‖ name length 2 ‖ name ‖
 *                                                   text length 2 ‖ text ‖ zero padding, 912
 *     host  <- one frame, ACK, empty       (frame.h): the request is stored
 *
 *     Noise_XKpsk3_25519_ChaChaPoly_SHA256, prologue = "tacet 1 introduction" ‖ tag,
 *     psk = K("session") of the direction from the door to the host (invitation.h)
 *     work: SHA-256( SHA-256("tacet 1 work" ‖ message 2) ‖ nonce ) begins with so many zero bits
 *     mark = HKDF-Expand(S, "tacet 1 guest")[0..7]
 *
 * The tag is that of the door in this epoch. On the wire an introduction looks like a session:
 * message 1 with its tag is as long as a knock, message 2 as an answer, message 3 as two frames.
 * The host learns the guest's key in message 3 only; by the mark it tells before whether it is the
 * guest who has used a one-time invitation already, so that everybody else gets no answer then.
 *
 * Bytes in, bytes out. Neighbours: invitation.h (the door), guest.c and door.c (the two sides).
 */
#ifndef CORE_INTRODUCTION_H
#define CORE_INTRODUCTION_H

#include "core/engine.h"
#include "core/frame.h"
#include "core/handshake.h"

#define INTRODUCTION_LEN (2 * FRAME_LEN)
/* Work that a host asks for when its queue is half full: about a quarter of a second of a desktop
 * machine, and the most that a guest does (a minute of a small one). */
#define WORK_BITS     18
#define WORK_BITS_MAX 22

/* What the guest says about itself. */
struct introduction {
	struct key secret; /* the pair secret S from now on */
	uint64_t nonce;
	char name[CONTACT_NAME_MAX + 1]; /* UTF-8 without control characters */
	char text[REQUEST_TEXT_MAX + 1]; /* UTF-8; of control characters only tab and line feed */
};

/* Can name and text go into an introduction? ERR_INPUT, ERR_LIMIT. */
int introduction_check(const char *name, const char *text, struct err *err);
void introduction_mark(const struct key *secret, uint8_t mark[INSTANCE_LEN]);

/* --- the guest's side --- */
/* own: the guest's real identity. door: the pair with the door's identity as own. hello->instance:
 * the mark. */
struct noise *introduction_knock(const struct env *env, const struct identity *own,
				 const uint8_t host[X25519_LEN], const struct pair *door,
				 uint64_t epoch, const struct hello *hello,
				 uint8_t knock[KNOCK_LEN], struct err *err);
/* bits: the work that the host asks for. ERR_CRYPTO, ERR_PROTOCOL (too much work, other version).
 */
int introduction_read_answer(struct noise *noise, const uint8_t answer[ANSWER_LEN], unsigned *bits,
			     struct err *err);
int introduction_write(struct noise *noise, const struct introduction *introduction,
		       uint8_t message[INTRODUCTION_LEN], struct err *err);

/* --- the host's side --- */
/* door: the pair with the host's identity as own. As knock_read. */
struct noise *introduction_admit(const struct env *env, const struct identity *own,
				 const struct pair *door, const uint8_t knock[KNOCK_LEN],
				 struct hello *hello, struct err *err);
int introduction_answer(struct noise *noise, int64_t time_ms, unsigned bits,
			uint8_t answer[ANSWER_LEN], struct err *err);
/* guest: its public key. ERR_CRYPTO; ERR_INPUT: malformed. */
int introduction_read(struct noise *noise, const uint8_t message[INTRODUCTION_LEN],
		      uint8_t guest[X25519_LEN], struct introduction *introduction,
		      struct err *err);

/* --- work --- */
void work_challenge(const uint8_t answer[ANSWER_LEN], uint8_t challenge[SHA256_LEN]);
bool work_good(const uint8_t challenge[SHA256_LEN], uint64_t nonce, unsigned bits);
/* Try so many nonces, from *nonce on; true: *nonce is a good one, else the next to try. */
bool work_try(const uint8_t challenge[SHA256_LEN], unsigned bits, unsigned tries, uint64_t *nonce);

#endif
