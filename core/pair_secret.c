/*
 * pair_secret.c: see pair_secret.h.
 */
#include "core/pair_secret.h"

#include <stdbool.h>
#include <string.h>

#define SALT_LABEL     "tacet 1 passphrase"
#define SALT_LABEL_LEN (sizeof(SALT_LABEL) - 1)
#define SCRYPT_LOG_N   15
#define SCRYPT_R       8
#define SCRYPT_P       1

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
