/*
 * seal.c: see seal.h.
 */
#include "core/seal.h"

#include "core/base/cursor.h"
#include "core/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_VERSION 1
/* Names of columns are ours, and short. */
#define COLUMN_MAX 64
#define PLACE_MAX  (COLUMN_MAX + 1 + 8 + 8 + SEAL_NAME_MAX)

struct seal {
	struct crypto_siv *siv;
};

struct seal *seal_new(const struct key *store_key, const char *use)
{
	struct seal *seal = calloc(1, sizeof(*seal));
	uint8_t key[SIV_KEY_LEN];
	char info[64];

	if (!seal)
		return NULL;
	snprintf(info, sizeof(info), "tacet 1 seal %s", use);
	if (!crypto_hkdf_expand(store_key, info, strlen(info), key, sizeof(key)))
		seal->siv = crypto_siv_new(key);
	secret_wipe(key, sizeof(key));
	if (!seal->siv)
		seal_free(&seal);
	return seal;
}

void seal_free(struct seal **seal)
{
	if (!*seal)
		return;
	crypto_siv_free(&(*seal)->siv);
	free(*seal);
	*seal = NULL;
}

static int write_place(const struct seal_place *place, uint8_t out[PLACE_MAX], size_t *len)
{
	struct writer w;

	writer_init(&w, out, PLACE_MAX);
	write_bytes(&w, place->column, strlen(place->column) + 1);
	write_u64(&w, (uint64_t)place->owner);
	write_u64(&w, (uint64_t)place->row);
	if (place->name_len > 0)
		write_bytes(&w, place->name, place->name_len);
	*len = w.len;
	return w.bad ? -1 : 0;
}

int seal_value(const struct seal *seal, const struct seal_place *place, const void *value,
	       size_t len, uint8_t *out)
{
	uint8_t where[PLACE_MAX];
	uint8_t *plain = NULL;
	size_t where_len;
	int result;

	if (len > SEAL_VALUE_MAX || write_place(place, where, &where_len))
		return -1;
	plain = malloc(len + 1);
	if (!plain)
		return -1;
	plain[0] = FORMAT_VERSION;
	if (len > 0)
		memcpy(plain + 1, value, len);
	result = crypto_siv_seal(seal->siv, where, where_len, plain, len + 1, out);
	secret_free(plain, len + 1);
	return result;
}

int unseal_value(const struct seal *seal, const struct seal_place *place, const void *sealed,
		 size_t len, uint8_t *out)
{
	uint8_t where[PLACE_MAX];
	uint8_t *plain = NULL;
	size_t where_len;
	int result;

	if (!sealed || len < SEAL_EXTRA || len > SEAL_VALUE_MAX + SEAL_EXTRA ||
	    write_place(place, where, &where_len))
		return -1;
	plain = malloc(len - SEAL_EXTRA + 1);
	if (!plain)
		return SEAL_NO_MEMORY;
	result = crypto_siv_open(seal->siv, where, where_len, sealed, len, plain);
	if (!result && plain[0] != FORMAT_VERSION)
		result = -1;
	if (!result)
		memcpy(out, plain + 1, len - SEAL_EXTRA);
	secret_free(plain, len - SEAL_EXTRA + 1);
	return result == CRYPTO_SIV_REFUSED ? SEAL_NO_MEMORY : result;
}
