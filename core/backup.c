/*
 * backup.c: see backup.h.
 */
#include "core/backup.h"

#include "core/base/cursor.h"
#include "core/base/file.h"
#include "core/crypto.h"
#include "core/pair_secret.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC      "tacet backup 1\n"
#define MAGIC_LEN  (sizeof(MAGIC) - 1)
#define SALT_LEN   16
#define HEAD_LEN   (MAGIC_LEN + 3 + SALT_LEN)
#define LENGTH_LEN 4
#define PAD_TO     ((size_t)4096)
#define FILE_MAX   (HEAD_LEN + LENGTH_LEN + BACKUP_MAX + PAD_TO + AEAD_TAG_LEN)
#define SCRYPT_R   8
#define SCRYPT_P   1

struct head {
	uint8_t log_n, r, p;
	const uint8_t *salt;
};

static int make_key(const struct head *head, const char *passphrase, struct key *key,
		    struct err *err)
{
	size_t len = strlen(passphrase);

	if (len == 0 || len > PASSPHRASE_MAX)
		return err_set(err, ERR_INPUT, "a passphrase has 1 to %d bytes", PASSPHRASE_MAX);
	if (crypto_scrypt(passphrase, len, head->salt, SALT_LEN, head->log_n, head->r, head->p,
			  key) < 0)
		return err_set(err, ERR_CRYPTO, "scrypt failed: out of memory?");
	return 0;
}

/* --- writing --- */

static int lay_out(const struct buf *content, struct buf *padded)
{
	static const uint8_t zeros[PAD_TO];
	uint8_t length[LENGTH_LEN];
	struct writer w;
	size_t filled = LENGTH_LEN + content->len;

	writer_init(&w, length, sizeof(length));
	write_u32(&w, (uint32_t)content->len);
	if (buf_add(padded, length, sizeof(length)) < 0 ||
	    buf_add(padded, content->data, content->len) < 0)
		return -1;
	return buf_add(padded, zeros, (PAD_TO - filled % PAD_TO) % PAD_TO);
}

static int seal(const struct env *env, const char *passphrase, unsigned log_n,
		const struct buf *padded, struct buf *sealed, struct err *err)
{
	SECRET struct key key;
	uint8_t head[HEAD_LEN], salt[SALT_LEN];
	uint8_t tag[AEAD_TAG_LEN] = {0};
	struct head values = {(uint8_t)log_n, SCRYPT_R, SCRYPT_P, salt};
	struct writer w;

	env_random(env, salt, sizeof(salt));
	writer_init(&w, head, sizeof(head));
	write_bytes(&w, MAGIC, MAGIC_LEN);
	write_u8(&w, values.log_n);
	write_u8(&w, values.r);
	write_u8(&w, values.p);
	write_bytes(&w, salt, sizeof(salt));
	if (make_key(&values, passphrase, &key, err) < 0)
		return -1;
	if (buf_add(sealed, head, sizeof(head)) < 0 ||
	    buf_add(sealed, padded->data, padded->len) < 0 || buf_add(sealed, tag, sizeof(tag)) < 0)
		return err_set(err, ERR_MEMORY, "out of memory");
	if (crypto_aead_seal(&key, 0, head, sizeof(head), sealed->data + HEAD_LEN, padded->len,
			     sealed->data + HEAD_LEN) < 0)
		return err_set(err, ERR_CRYPTO, "sealing failed");
	return 0;
}

int backup_write(const struct env *env, const char *path, const char *passphrase, unsigned log_n,
		 const struct buf *content, struct err *err)
{
	struct buf padded, sealed;
	int result;

	if (content->len > BACKUP_MAX)
		return err_set(err, ERR_LIMIT, "backup: larger than %zu bytes", BACKUP_MAX);
	buf_init(&padded, FILE_MAX);
	buf_init(&sealed, FILE_MAX);
	if (lay_out(content, &padded) < 0)
		result = err_set(err, ERR_MEMORY, "out of memory");
	else
		result = seal(env, passphrase, log_n, &padded, &sealed, err);
	if (result == 0)
		result = file_replace(path, 0600, sealed.data, sealed.len, err);
	buf_free(&padded);
	buf_free(&sealed);
	return result == 0 ? 0 : err_wrap(err, "backup");
}

/* --- reading --- */

static int read_file(const char *path, struct buf *file, struct err *err)
{
	char block[4096];
	struct stat info;
	FILE *in = fopen(path, "rbe");
	size_t n = 0;
	int result = 0;

	if (in == NULL)
		return err_system(err, "open %s", path);
	/* A device or pipe could go on for ever. */
	if (fstat(fileno(in), &info) < 0 || !S_ISREG(info.st_mode))
		result = err_set(err, ERR_INPUT, "%s is not a file", path);
	while (result == 0 && (n = fread(block, 1, sizeof(block), in)) > 0)
		if (buf_add(file, block, n) < 0)
			result = file->starved ? err_set(err, ERR_MEMORY, "out of memory")
					       : err_set(err, ERR_INPUT, "%s is too large", path);
	if (result == 0 && ferror(in))
		result = err_system(err, "read %s", path);
	fclose(in);
	return result;
}

static int read_head(struct reader *r, struct head *head, struct err *err)
{
	const uint8_t *magic = read_view(r, MAGIC_LEN);

	head->log_n = read_u8(r);
	head->r = read_u8(r);
	head->p = read_u8(r);
	head->salt = read_view(r, SALT_LEN);
	if (r->bad || memcmp(magic, MAGIC, MAGIC_LEN) != 0)
		return err_set(err, ERR_INPUT, "the file is not one");
	if (head->log_n < 1 || head->log_n > BACKUP_LOG_N_MAX || head->r < 1 ||
	    head->r > BACKUP_R_MAX || head->p < 1 || head->p > BACKUP_P_MAX)
		return err_set(err, ERR_INPUT, "the file asks for too much work");
	if (r->left < LENGTH_LEN + AEAD_TAG_LEN || (r->left - AEAD_TAG_LEN) % PAD_TO != 0)
		return err_set(err, ERR_INPUT, "the file is cut short");
	return 0;
}

/* sealed is opened in its place. */
static int open_sealed(const char *passphrase, struct buf *sealed, struct buf *content,
		       struct err *err)
{
	SECRET struct key key;
	struct head head;
	struct reader r;
	uint8_t *plain = NULL;
	size_t len;

	reader_init(&r, sealed->data, sealed->len);
	if (read_head(&r, &head, err) < 0 || make_key(&head, passphrase, &key, err) < 0)
		return -1;
	plain = sealed->data + HEAD_LEN;
	if (crypto_aead_open(&key, 0, sealed->data, HEAD_LEN, plain, r.left, plain) < 0)
		return err_set(err, ERR_AUTH, "wrong passphrase, or the file is damaged");
	reader_init(&r, plain, r.left - AEAD_TAG_LEN);
	len = read_u32(&r);
	if (len > r.left)
		return err_set(err, ERR_INPUT, "the file is malformed");
	if (buf_add(content, r.at, len) < 0)
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

int backup_read(const char *path, const char *passphrase, struct buf *content, struct err *err)
{
	struct buf sealed;
	int result;

	buf_init(&sealed, FILE_MAX);
	buf_init(content, BACKUP_MAX);
	result = read_file(path, &sealed, err);
	if (result == 0)
		result = open_sealed(passphrase, &sealed, content, err);
	buf_free(&sealed);
	return result == 0 ? 0 : err_wrap(err, "backup");
}
