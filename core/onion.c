/*
 * onion.c: see onion.h.
 */
#include "core/onion.h"

#include "core/base/codec.h"

#include <openssl/evp.h>
#include <string.h>

#define ONION_VERSION  3
#define CHECKSUM_LEN   2
#define CHECKSUM_WORDS ".onion checksum"
#define ADDRESS_LEN    (ONION_KEY_LEN + CHECKSUM_LEN + 1)

static int checksum(const uint8_t public_key[ONION_KEY_LEN], uint8_t out[CHECKSUM_LEN])
{
	uint8_t input[sizeof CHECKSUM_WORDS - 1 + ONION_KEY_LEN + 1];
	uint8_t hash[EVP_MAX_MD_SIZE];
	struct writer w;

	writer_init(&w, input, sizeof input);
	write_bytes(&w, CHECKSUM_WORDS, sizeof CHECKSUM_WORDS - 1);
	write_bytes(&w, public_key, ONION_KEY_LEN);
	write_u8(&w, ONION_VERSION);
	if (EVP_Digest(input, sizeof input, hash, NULL, EVP_sha3_256(), NULL) != 1)
		return -1;
	memcpy(out, hash, CHECKSUM_LEN);
	return 0;
}

int onion_name(const uint8_t public_key[ONION_KEY_LEN], char name[ONION_NAME_LEN + 1])
{
	uint8_t address[ADDRESS_LEN];

	memcpy(address, public_key, ONION_KEY_LEN);
	if (checksum(public_key, address + ONION_KEY_LEN) != 0)
		return -1;
	address[ADDRESS_LEN - 1] = ONION_VERSION;
	base32_encode(address, sizeof address, name);
	return 0;
}

int onion_parse(const char *name, uint8_t public_key[ONION_KEY_LEN])
{
	uint8_t address[ADDRESS_LEN];
	uint8_t expected[CHECKSUM_LEN];

	if (strlen(name) != ONION_NAME_LEN ||
	    base32_decode(name, ONION_NAME_LEN, address, sizeof address) != ADDRESS_LEN ||
	    address[ADDRESS_LEN - 1] != ONION_VERSION)
		return -1;
	if (checksum(address, expected) != 0 ||
	    memcmp(address + ONION_KEY_LEN, expected, CHECKSUM_LEN) != 0)
		return -1;
	memcpy(public_key, address, ONION_KEY_LEN);
	return 0;
}
