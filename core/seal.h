/*
 * seal.h: the values in a database file, sealed so that the file alone tells nobody what they are.
 *
 *     key     = HKDF-Expand(store key, "tacet 1 seal " ‖ use), 64 bytes
 *     sealed  = AES-256-SIV(key, place, 1 ‖ value)                    (RFC 5297)
 *     place   = column ‖ 0 ‖ owner 8 ‖ row 8 ‖ name
 *
 * The 1 is the version of this format. A value opens at its own place only, so that whoever can
 * write to the file cannot move it elsewhere. Equal values at an equal place give equal bytes: that
 * is how a sealed name can still be looked up and be unique, and what it costs is that a thief sees
 * whether a value was written again unchanged.
 */
#ifndef CORE_SEAL_H
#define CORE_SEAL_H

#include "core/base/secret.h"

/* By how many bytes a sealed value is longer. */
#define SEAL_EXTRA 17
/* Longest value, in bytes: that of a row in SQLite is bounded too, and this is far below. */
#define SEAL_VALUE_MAX ((size_t)8 * 1024 * 1024)
/* Longest name in a place, in bytes. */
#define SEAL_NAME_MAX 4096

struct seal;

/* Where a value belongs. What a column does not need is 0 or NULL. */
struct seal_place {
	const char *column; /* "table.column" */
	int64_t owner, row;
	const void *name;
	size_t name_len;
};

/* use: which file, "core" or "local". NULL when memory is short. */
struct seal *seal_new(const struct key *store_key, const char *use);
/* NULL is fine. */
void seal_free(struct seal **seal);

/* out takes len + SEAL_EXTRA bytes. -1: value or name too long, memory is short. */
int seal_value(const struct seal *seal, const struct seal_place *place, const void *value,
	       size_t len, uint8_t *out);
/* out takes len - SEAL_EXTRA bytes, and at least 1. -1: it is not what was sealed at this place
 * with this key; SEAL_NO_MEMORY. */
#define SEAL_NO_MEMORY (-2)
int unseal_value(const struct seal *seal, const struct seal_place *place, const void *sealed,
		 size_t len, uint8_t *out);

#endif
