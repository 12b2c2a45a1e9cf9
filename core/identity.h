/*
 * identity.h: a long-term X25519 key pair, and its id, which is the whole name of a person.
 *
 *     id = base32( public key 32 ‖ checksum 2 ‖ version 1 ), 56 characters, lower case
 *     checksum = first 2 bytes of SHA-256( "tacet id" ‖ version ‖ public key )
 */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/crypto.h"

#define ID_LEN     56
#define ID_VERSION 1

struct identity {
	struct key private_key;
	uint8_t public_key[X25519_LEN];
};

/* A new identity from env's random numbers. Wipe it with identity_wipe. */
int identity_generate(const struct env *env, struct identity *identity, struct err *err);
/* The identity of a stored private key. */
int identity_load(const struct key *private_key, struct identity *identity, struct err *err);
void identity_wipe(struct identity *identity);

/* The id of a public key, with a NUL. */
void id_encode(const uint8_t public_key[X25519_LEN], char id[ID_LEN + 1]);
/* The public key of an id in upper or lower case. ERR_INPUT with a text for the user that says
 * what is wrong: length, character, checksum (a mistyped id), version, or a key of low order. */
int id_decode(const char *id, uint8_t public_key[X25519_LEN], struct err *err);

#endif
