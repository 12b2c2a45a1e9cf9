/*
 * secret.h: keys that wipe themselves, and comparisons that take constant time.
 *
 *     SECRET struct key dh;        wiped when it goes out of scope
 */
#ifndef CORE_BASE_SECRET_H
#define CORE_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_LEN 32

/* A secret of 32 bytes: private key, symmetric key, pair secret. */
struct key {
	uint8_t bytes[KEY_LEN];
};

/* Overwrite in a way that the compiler does not remove. */
void secret_wipe(void *data, size_t len);
/* Wipe and free a string or block of len bytes; NULL is fine. */
void secret_free(void *data, size_t len);
/* Equal? The time depends on len only. */
bool secret_equal(const void *a, const void *b, size_t len);
/* All bytes zero? Constant time. */
bool secret_is_zero(const void *data, size_t len);

void key_wipe(struct key *key);

/* For automatic variables of type struct key. */
#define SECRET __attribute__((cleanup(key_wipe)))

#endif
