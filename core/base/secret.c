/*
 * secret.c: see secret.h.
 */
#include "core/base/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>

void secret_wipe(void *data, size_t len)
{
	if (len > 0)
		OPENSSL_cleanse(data, len);
}

void secret_free(void *data, size_t len)
{
	if (data == NULL)
		return;
	secret_wipe(data, len);
	free(data);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

bool secret_is_zero(const void *data, size_t len)
{
	const volatile uint8_t *bytes = data;
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any = (uint8_t)(any | bytes[i]);
	return any == 0;
}

void key_wipe(struct key *key)
{
	secret_wipe(key, sizeof *key);
}
