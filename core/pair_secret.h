/*
 * pair_secret.h: pair secrets: from a passphrase, renewed, and compared.
 *
 * From a passphrase that two people have agreed on:
 *
 *     S = scrypt(passphrase, salt = "tacet 1 passphrase" ‖ pk_low ‖ pk_high,
 *                N = 2^15, r = 8, p = 1), 32 bytes
 *
 * Why a slow and memory-hard function (RFC 7914): S guards the pair even against someone who has
 * come to know one of its private keys, and whether a guess of S is right can be told from records
 * that anyone may fetch. With a fast function such a person would try a whole dictionary against
 * one record; here each guess costs about 0.1 s and 32 MiB. The salt makes the work done for one
 * pair useless for any other.
 *
 * Renewed in a session (renewal.h):
 *
 *     S' = HKDF-Extract(salt = S, fresh 32 ‖ handshake hash 32 ‖ "tacet 1 renew")
 *
 * The phrase that two people read to each other comes from their first secret, and stays:
 *
 *     V      = HKDF-Extract(salt = S, pk_low ‖ pk_high ‖ "tacet 1 verify")
 *     group  = HKDF-Expand(V, "phrase"), 5 bytes each, mod 100000        six of them
 */
#ifndef CORE_PAIR_SECRET_H
#define CORE_PAIR_SECRET_H

#include "core/identity.h"

/* Longest passphrase, in bytes. */
#define PASSPHRASE_MAX 1024

/*
 * own and contact in either order: both sides get the same secret. The passphrase is taken byte for
 * byte; normalise it before. Takes about 0.1 s. ERR_INPUT: empty, or longer than PASSPHRASE_MAX;
 * ERR_CRYPTO: OpenSSL refused (no memory for it).
 */
int pair_secret_from_passphrase(const char *passphrase, const uint8_t own[X25519_LEN],
				const uint8_t contact[X25519_LEN], struct key *secret,
				struct err *err);

/* Bytes that the low side adds. */
#define FRESH_LEN 32
/* Six groups of five digits with blanks between, and a NUL. */
#define PHRASE_SIZE 36

int pair_secret_renew(const struct key *secret, const uint8_t fresh[FRESH_LEN],
		      const uint8_t handshake_hash[SHA256_LEN], struct key *next, struct err *err);
/* V; own and contact in either order. */
int pair_secret_verification(const struct key *secret, const uint8_t own[X25519_LEN],
			     const uint8_t contact[X25519_LEN], struct key *verification,
			     struct err *err);
void pair_secret_phrase(const struct key *verification, char phrase[PHRASE_SIZE]);

#endif
