/*
 * backup.h: one file, sealed with a passphrase.
 *
 *     "tacet backup 1\n" ‖ log2(N) 1 ‖ r 1 ‖ p 1 ‖ salt 16       the head
 *     ‖ ChaCha20-Poly1305(key, nonce 0, head, content)
 *
 *     key     = scrypt(passphrase, salt, N, r, p), 32 bytes
 *     content = length 4 ‖ that many bytes ‖ zeros up to a multiple of 4096
 *
 * The salt is random for each file, and so is the key; that is why one nonce will do. The zeros
 * keep the size from telling how many contacts somebody has, but for large steps. The numbers for
 * scrypt stand in the file so that they can be raised; on reading they are bounded, so that a
 * hostile file takes neither all memory nor all day.
 *
 * What is inside is account_backup.c's matter.
 */
#ifndef CORE_BACKUP_H
#define CORE_BACKUP_H

#include "core/base/buf.h"
#include "core/base/env.h"
#include "core/base/err.h"

/* N = 2^17, r = 8: about 0.4 s and 128 MiB for each guess. */
#define BACKUP_LOG_N 17
/* What a file may ask for on reading: at most 1 GiB and some seconds. */
#define BACKUP_LOG_N_MAX 20
#define BACKUP_R_MAX     8
#define BACKUP_P_MAX     2
/* Longest content, in bytes: ten thousand contacts with long names need 10 MB. */
#define BACKUP_MAX ((size_t)64 * 1024 * 1024)

/* Seal the content and write it (file_replace), mode 0600. log_n: BACKUP_LOG_N, but in tests.
 * ERR_INPUT: the passphrase is empty or longer than PASSPHRASE_MAX; ERR_SYSTEM: not written. */
int backup_write(const struct env *env, const char *path, const char *passphrase, unsigned log_n,
		 const struct buf *content, struct err *err);
/* Read it into content, an empty buf whose limit is set here. ERR_INPUT: not a backup, cut, or it
 * asks for too much; ERR_AUTH: the passphrase is wrong, or the file was changed; ERR_SYSTEM: it
 * cannot be read. */
int backup_read(const char *path, const char *passphrase, struct buf *content, struct err *err);

#endif
