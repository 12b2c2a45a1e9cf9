/*
 * record.h: what one side of a pair leaves in the registry for the other: sealed, 512 bytes.
 *
 *     Noise_Kpsk0_25519_ChaChaPoly_SHA256, prologue = "tacet 1 record" ‖ lookup key,
 *     psk = K("record") of the publisher's direction
 *     plaintext: version 1 ‖ issued_at ms 8 ‖ sequence 8 ‖ lifetime s 4 ‖ endpoint (endpoint.h)
 *                ‖ zero padding, RECORD_LEN - 48 bytes in all
 *
 * A fresh ephemeral key for each copy makes the copies look unrelated (paper 000 section 3.3,
 * "index"); the static-static DH authenticates the publisher to the reader and to nobody else.
 */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include "core/endpoint.h"
#include "core/pair.h"

#define RECORD_LEN 512

struct record {
	int64_t issued_ms; /* Unix time */
	uint64_t sequence; /* goes up with each new content */
	uint32_t lifetime_s;
	struct endpoint endpoint;
};

/* Seal for the contact under one lookup key. direction: the pair's out. */
int record_seal(const struct env *env, const struct identity *own,
		const uint8_t contact[X25519_LEN], const struct pair_direction *direction,
		const uint8_t lookup_key[LOOKUP_KEY_LEN], const struct record *record,
		uint8_t out[RECORD_LEN], struct err *err);
/* Open what was found under one lookup key. direction: the pair's in. ERR_CRYPTO: not from the
 * contact, or for another key; ERR_INPUT: from the contact, but malformed. Times are not judged
 * here. */
int record_open(const struct env *env, const struct identity *own,
		const uint8_t contact[X25519_LEN], const struct pair_direction *direction,
		const uint8_t lookup_key[LOOKUP_KEY_LEN], const uint8_t sealed[RECORD_LEN],
		struct record *record, struct err *err);

#endif
