/*
 * store_key.c: see store_key.h.
 */
#include "core/store_key.h"

#include "core/backup.h"
#include "core/base/cursor.h"
#include "core/base/file.h"
#include "core/crypto.h"
#include "core/pair_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAGIC     "tacet key 1\n"
#define MAGIC_LEN (sizeof(MAGIC) - 1)
#define SALT_LEN  16
#define PLAIN_LEN (MAGIC_LEN + 1 + KEY_LEN)
#define HEAD_LEN  (MAGIC_LEN + 1 + 3 + SALT_LEN)
#define FILE_LEN  (HEAD_LEN + KEY_LEN + AEAD_TAG_LEN)
#define SCRYPT_R  8
#define SCRYPT_P  1

enum { KIND_PLAIN, KIND_WRAPPED };

/* data takes one byte more than a file has at most, to notice one that is too long. */
static int read_file(const char *path, uint8_t data[FILE_LEN + 1], size_t *len, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "%s is missing", path);
	if (fd < 0)
		return err_system(err, "open %s", path);
	n = read(fd, data, FILE_LEN + 1);
	if (n < 0)
		err_system(err, "read %s", path);
	close(fd);
	if (n < 0)
		return -1;
	*len = (size_t)n;
	if ((*len == PLAIN_LEN && data[MAGIC_LEN] == KIND_PLAIN) ||
	    (*len == FILE_LEN && data[MAGIC_LEN] == KIND_WRAPPED))
		if (memcmp(data, MAGIC, MAGIC_LEN) == 0)
			return 0;
	secret_wipe(data, FILE_LEN + 1);
	return err_set(err, ERR_INPUT, "%s is damaged, or not the key of a store", path);
}

int store_key_look(const char *path, enum store_key_kind *kind, struct err *err)
{
	uint8_t data[FILE_LEN + 1];
	struct err why;
	size_t len;

	if (read_file(path, data, &len, &why)) {
		*kind = STORE_KEY_MISSING;
		if (why.code == ERR_NOT_FOUND)
			return 0;
		return err_set(err, why.code, "%s", why.text);
	}
	*kind = data[MAGIC_LEN] == KIND_PLAIN ? STORE_KEY_PLAIN : STORE_KEY_WRAPPED;
	secret_wipe(data, sizeof(data));
	return 0;
}

static int unwrap(const uint8_t data[FILE_LEN], const char *passphrase, struct key *key,
		  struct err *err)
{
	SECRET struct key wrapping;
	struct reader r;
	uint8_t log_n, block, lanes;
	const uint8_t *salt;

	reader_init(&r, data + MAGIC_LEN + 1, HEAD_LEN - MAGIC_LEN - 1);
	log_n = read_u8(&r);
	block = read_u8(&r);
	lanes = read_u8(&r);
	salt = read_view(&r, SALT_LEN);
	if (log_n < 1 || log_n > BACKUP_LOG_N_MAX || block < 1 || block > BACKUP_R_MAX ||
	    lanes < 1 || lanes > BACKUP_P_MAX)
		return err_set(err, ERR_INPUT, "the key's file asks for too much work");
	if (crypto_scrypt(passphrase, strlen(passphrase), salt, SALT_LEN, log_n, block, lanes,
			  &wrapping))
		return err_set(err, ERR_CRYPTO, "scrypt failed: out of memory?");
	if (crypto_aead_open(&wrapping, 0, data, HEAD_LEN, data + HEAD_LEN, KEY_LEN + AEAD_TAG_LEN,
			     key->bytes))
		return err_set(err, ERR_AUTH, "wrong passphrase, or the key's file is damaged");
	return 0;
}

int store_key_read(const char *path, const char *passphrase, struct key *key, struct err *err)
{
	uint8_t data[FILE_LEN + 1];
	size_t len;
	int result = 0;

	if (read_file(path, data, &len, err))
		return -1;
	if (data[MAGIC_LEN] == KIND_PLAIN)
		memcpy(key->bytes, data + MAGIC_LEN + 1, KEY_LEN);
	else if (!passphrase)
		result = err_set(err, ERR_WRONG_STATE, "%s is locked by a passphrase", path);
	else
		result = unwrap(data, passphrase, key, err);
	secret_wipe(data, sizeof(data));
	return result;
}

static void write_plain(const struct key *key, uint8_t data[PLAIN_LEN])
{
	struct writer w;

	writer_init(&w, data, PLAIN_LEN);
	write_bytes(&w, MAGIC, MAGIC_LEN);
	write_u8(&w, KIND_PLAIN);
	write_bytes(&w, key->bytes, KEY_LEN);
}

int store_key_make(const struct env *env, const char *path, struct key *key, struct err *err)
{
	uint8_t data[PLAIN_LEN];
	char fresh[4096];
	int result;

	if (snprintf(fresh, sizeof(fresh), "%s.%ld", path, (long)getpid()) >= (int)sizeof(fresh))
		return err_set(err, ERR_LIMIT, "the path is too long");
	env_random(env, key->bytes, KEY_LEN);
	write_plain(key, data);
	result = file_replace(fresh, 0600, data, sizeof(data), err);
	secret_wipe(data, sizeof(data));
	if (result)
		return -1;
	/* Unlike a rename, this never replaces the key of a process that was faster. */
	if (link(fresh, path))
		result = errno == EEXIST ? err_set(err, ERR_EXISTS, "%s is there", path)
					 : err_system(err, "make %s", path);
	unlink(fresh);
	return result;
}

/* What the file held before must not stay readable on the disk, as far as that can be done. */
static void overwrite(int fd)
{
	static const uint8_t zeros[FILE_LEN];

	if (fd < 0)
		return;
	if (pwrite(fd, zeros, sizeof(zeros), 0) == (ssize_t)sizeof(zeros))
		fsync(fd);
	close(fd);
}

/* file_replace, and overwrite the file that was there. */
static int replace(const char *path, const uint8_t *data, size_t len, struct err *err)
{
	int old = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	int result = file_replace(path, 0600, data, len, err);

	if (result == 0)
		overwrite(old);
	else if (old >= 0)
		close(old);
	return result;
}

int store_key_write(const struct env *env, const char *path, const struct key *key,
		    const char *passphrase, unsigned log_n, struct err *err)
{
	SECRET struct key wrapping;
	uint8_t data[FILE_LEN], salt[SALT_LEN];
	struct writer w;
	size_t len = passphrase ? strlen(passphrase) : 0;
	int result;

	if (!passphrase) {
		write_plain(key, data);
		result = replace(path, data, PLAIN_LEN, err);
		secret_wipe(data, sizeof(data));
		return result;
	}
	if (len == 0 || len > PASSPHRASE_MAX)
		return err_set(err, ERR_INPUT, "a passphrase has 1 to %d bytes", PASSPHRASE_MAX);
	env_random(env, salt, sizeof(salt));
	writer_init(&w, data, sizeof(data));
	write_bytes(&w, MAGIC, MAGIC_LEN);
	write_u8(&w, KIND_WRAPPED);
	write_u8(&w, (uint8_t)log_n);
	write_u8(&w, SCRYPT_R);
	write_u8(&w, SCRYPT_P);
	write_bytes(&w, salt, sizeof(salt));
	if (crypto_scrypt(passphrase, len, salt, SALT_LEN, log_n, SCRYPT_R, SCRYPT_P, &wrapping) ||
	    crypto_aead_seal(&wrapping, 0, data, HEAD_LEN, key->bytes, KEY_LEN, data + HEAD_LEN))
		return err_set(err, ERR_CRYPTO, "scrypt failed: out of memory?");
	return replace(path, data, sizeof(data), err);
}
