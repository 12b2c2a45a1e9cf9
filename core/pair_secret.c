/*
 * pair_secret.c: see pair_secret.h.
 */
#include "core/pair_secret.h"

#include "core/base/cursor.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SALT_LABEL     "tacet 1 passphrase"
#define SALT_LABEL_LEN (sizeof(SALT_LABEL) - 1)
#define SCRYPT_LOG_N   15
#define SCRYPT_R       8
#define SCRYPT_P       1
/* Of the phrase; 40 bits make each five digits equally likely, but for a ten-millionth. */
#define GROUPS    6
#define GROUP_LEN 5

int pair_secret_from_passphrase(const char *passphrase, const uint8_t own[X25519_LEN],
				const uint8_t contact[X25519_LEN], struct key *secret,
				struct err *err)
{
	uint8_t salt[SALT_LABEL_LEN + 2 * X25519_LEN];
	size_t len = strlen(passphrase);
	bool own_low = memcmp(own, contact, X25519_LEN) < 0;

	if (len == 0 || len > PASSPHRASE_MAX)
		return err_set(err, ERR_INPUT, "a passphrase has 1 to %d bytes", PASSPHRASE_MAX);
	memcpy(salt, SALT_LABEL, SALT_LABEL_LEN);
	memcpy(salt + SALT_LABEL_LEN, own_low ? own : contact, X25519_LEN);
	memcpy(salt + SALT_LABEL_LEN + X25519_LEN, own_low ? contact : own, X25519_LEN);
	if (crypto_scrypt(passphrase, len, salt, sizeof(salt), SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P,
			  secret) < 0)
		return err_set(err, ERR_CRYPTO, "scrypt failed");
	return 0;
}

int pair_secret_renew(const struct key *secret, const uint8_t fresh[FRESH_LEN],
		      const uint8_t handshake_hash[SHA256_LEN], struct key *next, struct err *err)
{
	static const char label[] = "tacet 1 renew";
	struct crypto_part parts[] = {
	    {fresh, FRESH_LEN}, {handshake_hash, SHA256_LEN}, {label, sizeof(label) - 1}};

	if (crypto_hkdf_extract(secret->bytes, KEY_LEN, parts, 3, next) == 0)
		return 0;
	return err_set(err, ERR_CRYPTO, "cannot derive a new pair secret");
}

int pair_secret_verification(const struct key *secret, const uint8_t own[X25519_LEN],
			     const uint8_t contact[X25519_LEN], struct key *verification,
			     struct err *err)
{
	static const char label[] = "tacet 1 verify";
	bool own_low = memcmp(own, contact, X25519_LEN) < 0;
	struct crypto_part parts[] = {{own_low ? own : contact, X25519_LEN},
				      {own_low ? contact : own, X25519_LEN},
				      {label, sizeof(label) - 1}};

	if (crypto_hkdf_extract(secret->bytes, KEY_LEN, parts, 3, verification) == 0)
		return 0;
	return err_set(err, ERR_CRYPTO, "cannot derive the phrase to compare");
}

void pair_secret_phrase(const struct key *verification, char phrase[PHRASE_SIZE])
{
	uint8_t bytes[GROUPS * GROUP_LEN];
	struct reader r;

	if (crypto_hkdf_expand(verification, "phrase", 6, bytes, sizeof(bytes)) != 0)
		abort(); /* only for want of memory */
	reader_init(&r, bytes, sizeof(bytes));
	for (unsigned i = 0; i < GROUPS; i++) {
		uint64_t number = (uint64_t)read_u8(&r) << 32;
		number |= read_u32(&r);
		snprintf(phrase + (size_t)6 * i, PHRASE_SIZE - (size_t)6 * i, "%05u%s",
			 (unsigned)(number % 100000), i + 1 < GROUPS ? " " : "");
	}
	secret_wipe(bytes, sizeof(bytes));
}
