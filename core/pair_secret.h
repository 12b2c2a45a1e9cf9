/*
 * pair_secret.h: the pair secret of two people who have agreed on a passphrase.
 *
 *     S = scrypt(passphrase, salt = "tacet 1 passphrase" ‖ pk_low ‖ pk_high,
 *                N = 2^15, r = 8, p = 1), 32 bytes
 *
 * Why a slow and memory-hard function (RFC 7914): S guards the pair even against someone who has
 * come to know one of its private keys, and whether a guess of S is right can be told from records
 * that anyone may fetch. With a fast function such a person would try a whole dictionary against
 * one record; here each guess costs about 0.1 s and 32 MiB. The salt makes the work done for one
 * pair useless for any other.
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

#endif
