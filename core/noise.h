/*
 * noise.h: Noise protocol handshakes and cipher states (Noise specification revision 34).
 *
 * Suite: 25519, ChaChaPoly, SHA256. No I/O: bytes in, bytes out, and noise_next() says what is to
 * be done. After an error a handshake is dead: free it.
 */
#ifndef CORE_NOISE_H
#define CORE_NOISE_H

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/crypto.h"

#include <stdbool.h>

/* Section 7.5 and 9.4. */
enum noise_pattern {
	NOISE_KPSK0,  /* records */
	NOISE_KKPSK0, /* sessions */
	NOISE_XKPSK3, /* introductions */
	NOISE_XX,     /* no psk; here for the vectors and for rooms */
};
enum noise_role { NOISE_INITIATOR, NOISE_RESPONDER };
enum noise_next { NOISE_WRITE, NOISE_READ, NOISE_SPLIT };

/* Longest Noise message (section 3). */
#define NOISE_MESSAGE_MAX 65535

/* What a handshake begins with; fields that the pattern does not use are NULL. Only read in the
 * call. */
struct noise_start {
	enum noise_pattern pattern;
	enum noise_role role;
	const void *prologue;
	size_t prologue_len;
	const struct key *s;     /* own static private key */
	const uint8_t *s_public; /* its public key; NULL: derived, for the price of one exchange */
	const uint8_t *rs;       /* the other side's static public key, if known before */
	const struct key *psk;
	const struct key *ss; /* DH(s, rs) if it is at hand; NULL or zeros: computed */
};

/* Section 5.1. k and n of one direction after the handshake. */
struct noise_cipher {
	struct key k;
	uint64_t n;
};

struct noise;

/* NULL with *err (ERR_MEMORY, ERR_CRYPTO, ERR_WRONG_STATE for a missing key). env gives the
 * ephemeral. */
struct noise *noise_new(const struct env *env, const struct noise_start *start, struct err *err);
void noise_free(struct noise **noise);
enum noise_next noise_next(const struct noise *noise);

/* Write the next message with payload into out (size bytes). Returns its length, or -1. */
int noise_write(struct noise *noise, const void *payload, size_t payload_len, uint8_t *out,
		size_t size, struct err *err);
/* Read the next message and put its payload into out (size bytes). Returns the payload's length, or
 * -1: ERR_CRYPTO when it does not open, ERR_INPUT when it is too short. */
int noise_read(struct noise *noise, const uint8_t *message, size_t len, uint8_t *out, size_t size,
	       struct err *err);
/* The bytes a message has besides its payload, for the message that is next. */
size_t noise_overhead(const struct noise *noise);

/* The other side's static public key once it is known; else NULL. */
const uint8_t *noise_remote_static(const struct noise *noise);

/* After NOISE_SPLIT, once: the two ciphers and the handshake hash (section 11.2). After
 * NOISE_KPSK0, which goes one way, only the initiator's send and the responder's receive may be
 * used. */
int noise_split(struct noise *noise, struct noise_cipher *send, struct noise_cipher *receive,
		uint8_t hash[SHA256_LEN], struct err *err);

/* Section 5.1 EncryptWithAd and DecryptWithAd with empty ad; n goes up by one. out: len + 16, or
 * len - 16 bytes. -1 when n is used up or the tag is wrong (n then stays). */
int noise_cipher_seal(struct noise_cipher *cipher, const void *plain, size_t len, uint8_t *out);
int noise_cipher_open(struct noise_cipher *cipher, const void *sealed, size_t len, uint8_t *out);
/* Section 4.2 REKEY; n goes on (section 11.3). */
int noise_cipher_rekey(struct noise_cipher *cipher);
void noise_cipher_wipe(struct noise_cipher *cipher);

#endif
