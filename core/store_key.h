/*
 * store_key.h: the file that holds the key of the databases (seal.h). Without it they are noise.
 *
 *     "tacet key 1\n" ‖ 0 ‖ key 32                                            as it is
 *     "tacet key 1\n" ‖ 1 ‖ log2(N) 1 ‖ r 1 ‖ p 1 ‖ salt 16                   behind a passphrase
 *                     ‖ ChaCha20-Poly1305(scrypt(passphrase, salt), nonce 0, all before, key)
 *
 * The salt is random each time, and so is the key that wraps; that is why one nonce will do. On
 * reading, the numbers for scrypt are bounded as those of a backup are (backup.h).
 */
#ifndef CORE_STORE_KEY_H
#define CORE_STORE_KEY_H

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/secret.h"

/* N = 2^17, r = 8: about 0.4 s and 128 MiB for each guess. */
#define STORE_KEY_LOG_N 17

enum store_key_kind { STORE_KEY_MISSING, STORE_KEY_PLAIN, STORE_KEY_WRAPPED };

/* What is at path. ERR_INPUT: no such file of ours, ERR_SYSTEM: it cannot be read. */
int store_key_look(const char *path, enum store_key_kind *kind, struct err *err);
/* Read it. passphrase may be NULL. ERR_NOT_FOUND: no file; ERR_WRONG_STATE: it is wrapped, and
 * there is no passphrase; ERR_AUTH: the passphrase is wrong, or the file was changed. */
int store_key_read(const char *path, const char *passphrase, struct key *key, struct err *err);
/* Make a key and its file (mode 0600), whole or not at all. ERR_EXISTS: there is one, which is not
 * touched. */
int store_key_make(const struct env *env, const char *path, struct key *key, struct err *err);
/* Write the key in place of the file (file_replace), behind the passphrase or, with NULL, as it is.
 * log_n: STORE_KEY_LOG_N, but in tests. ERR_INPUT: the passphrase is empty or longer than
 * PASSPHRASE_MAX. */
int store_key_write(const struct env *env, const char *path, const struct key *key,
		    const char *passphrase, unsigned log_n, struct err *err);

#endif
