/*
 * identity.c: see identity.h.
 *
 *     id, decoded:  0 public key 32 | 32 checksum 2 | 34 version 1
 */
#include "core/identity.h"

#include "core/base/codec.h"
#include "core/base/cursor.h"

#include <stdlib.h>
#include <string.h>

#define CHECKSUM_LEN 2
#define ID_BYTES     (X25519_LEN + CHECKSUM_LEN + 1)

int identity_load(const struct key *private_key, struct identity *identity, struct err *err)
{
	/* cppcheck-suppress uninitvar ; as identity_generate's */
	identity->private_key = *private_key;
	if (crypto_x25519_public(private_key, identity->public_key) == 0)
		return 0;
	identity_wipe(identity);
	return err_set(err, ERR_CRYPTO, "cannot derive the public key");
}

int identity_generate(const struct env *env, struct identity *identity, struct err *err)
{
	SECRET struct key private_key;

	env_random(env, private_key.bytes, KEY_LEN);
	/* cppcheck-suppress uninitvar ; env_random fills it */
	return identity_load(&private_key, identity, err);
}

void identity_wipe(struct identity *identity)
{
	secret_wipe(identity, sizeof *identity);
}

static void checksum(const uint8_t public_key[X25519_LEN], uint8_t version,
		     uint8_t out[CHECKSUM_LEN])
{
	static const char label[] = "tacet id";
	struct crypto_part parts[] = {
	    {label, sizeof label - 1}, {&version, 1}, {public_key, X25519_LEN}};
	uint8_t hash[SHA256_LEN];

	if (crypto_sha256(parts, 3, hash) != 0)
		abort(); /* only for want of memory */
	memcpy(out, hash, CHECKSUM_LEN);
}

void id_encode(const uint8_t public_key[X25519_LEN], char id[ID_LEN + 1])
{
	uint8_t bytes[ID_BYTES];
	uint8_t sum[CHECKSUM_LEN];
	struct writer w;

	checksum(public_key, ID_VERSION, sum);
	writer_init(&w, bytes, sizeof bytes);
	write_bytes(&w, public_key, X25519_LEN);
	write_bytes(&w, sum, CHECKSUM_LEN);
	write_u8(&w, ID_VERSION);
	base32_encode(bytes, sizeof bytes, id);
}

/* Is the key below 2^255-19, as a daemon of ours makes it? Another form would be a second id of the
 * same key. */
static bool key_is_canonical(const uint8_t public_key[X25519_LEN])
{
	if (public_key[X25519_LEN - 1] != 0x7f)
		return public_key[X25519_LEN - 1] < 0x7f;
	for (size_t i = X25519_LEN - 2; i > 0; i--)
		if (public_key[i] != 0xff)
			return true;
	return public_key[0] < 0xed;
}

/* With a key of low order the shared secret of every exchange is zero (RFC 7748 section 6.1). */
static bool key_has_low_order(const uint8_t public_key[X25519_LEN])
{
	static const struct key any = {{1}};
	struct key shared;

	return crypto_x25519(&any, public_key, &shared) != 0;
}

int id_decode(const char *id, uint8_t public_key[X25519_LEN], struct err *err)
{
	uint8_t bytes[ID_BYTES], sum[CHECKSUM_LEN];
	uint8_t version;
	size_t len = strlen(id);

	if (len != ID_LEN)
		return err_set(err, ERR_INPUT, "an id has %d characters, not %zu", ID_LEN, len);
	if (base32_decode(id, ID_LEN, bytes, sizeof bytes) != ID_BYTES)
		return err_set(err, ERR_INPUT, "an id has only the letters a-z and the digits 2-7");
	version = bytes[ID_BYTES - 1];
	checksum(bytes, version, sum);
	if (memcmp(sum, bytes + X25519_LEN, CHECKSUM_LEN) != 0)
		return err_set(err, ERR_INPUT, "the id is mistyped (its checksum is wrong)");
	if (version != ID_VERSION)
		return err_set(err, ERR_INPUT, "the id is of version %u, which is not known here",
			       version);
	if (!key_is_canonical(bytes) || key_has_low_order(bytes))
		return err_set(err, ERR_INPUT, "the id holds a key that nobody can have");
	memcpy(public_key, bytes, X25519_LEN);
	return 0;
}
