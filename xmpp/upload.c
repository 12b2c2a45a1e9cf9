/*
 * upload.c: see upload.h.
 *
 *     file on disk: OWNER-ID, holding  tag 16 ‖ sealed file
 *     OWNER = HMAC(server's secret, user)[0..8), ID = HMAC(token, "id/" ‖ name)[0..20), in hex
 *     key   = HMAC(token, "key/" ‖ name); it seals one file, so the nonce is zero
 */
#include "xmpp/upload.h"

#include "core/base/file.h"
#include "core/base/log.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER_LEN 8
#define ID_LEN    20
#define TAG_LEN   16
#define NONCE_LEN 12
/* "OWNER-ID" with its NUL. */
#define FILE_NAME_SIZE (HEX_LEN(OWNER_LEN) + 1 + HEX_LEN(ID_LEN) + 1)
/* Old files are looked for so often. */
#define SWEEP_MS (INT64_C(3600) * 1000)

/* A file, or a slot that waits for one. */
struct entry {
	struct entry *next;
	uint8_t owner[OWNER_LEN], id[ID_LEN];
	size_t size;
	bool stored;
	int64_t until_ms; /* a file: by the system clock; a slot: by the monotonic one */
};

struct upload {
	const struct env *env;
	char *directory;
	struct key secret;
	struct entry *entries;
	struct timer *sweep;
};

/* What a path says. */
struct address {
	uint8_t token[UPLOAD_TOKEN_LEN];
	char name[UPLOAD_NAME_MAX + 1];
	uint8_t id[ID_LEN];
};

/* --- names and keys --- */

static void mac(const void *key, size_t len, const char *label, const char *text,
		uint8_t out[KEY_LEN])
{
	char message[16 + UPLOAD_NAME_MAX + 1024];
	unsigned size;
	int n = snprintf(message, sizeof(message), "%s%s", label, text);

	if (n < 0 || (size_t)n >= sizeof(message) ||
	    !HMAC(EVP_sha256(), key, (int)len, (const uint8_t *)message, (size_t)n, out, &size)) {
		log_error("the cryptographic library failed");
		abort();
	}
}

static void owner_of(const struct upload *upload, const char *user, uint8_t owner[OWNER_LEN])
{
	uint8_t hash[KEY_LEN];

	mac(upload->secret.bytes, KEY_LEN, "upload/", user, hash);
	memcpy(owner, hash, OWNER_LEN);
}

/* -1: it is none of ours. */
static int read_path(const char *path, struct address *address)
{
	const char *slash = strchr(path, '/');
	uint8_t hash[KEY_LEN];

	if (!slash || slash[1] == '\0' || strlen(slash + 1) > UPLOAD_NAME_MAX ||
	    base32_decode(path, (size_t)(slash - path), address->token, UPLOAD_TOKEN_LEN) !=
		UPLOAD_TOKEN_LEN)
		return -1;
	snprintf(address->name, sizeof(address->name), "%s", slash + 1);
	mac(address->token, UPLOAD_TOKEN_LEN, "id/", address->name, hash);
	memcpy(address->id, hash, ID_LEN);
	return 0;
}

/* What stands behind the last '/', without what a URL or a reader may stumble over. */
static void clean_name(const char *name, char out[UPLOAD_NAME_MAX + 1])
{
	const char *last = strrchr(name, '/');
	size_t len = 0;

	for (name = last ? last + 1 : name; *name && len < UPLOAD_NAME_MAX; name++) {
		bool good = isalnum((unsigned char)*name) || strchr("-_.", *name);

		/* One for a whole character of UTF-8. */
		if (((unsigned char)*name & 0xc0) == 0x80)
			continue;
		out[len++] = good ? *name : '_';
	}
	if (len == 0)
		out[len++] = '_';
	out[len] = '\0';
	if (out[0] == '.')
		out[0] = '_';
}

/* --- entries --- */

static struct entry *find(const struct upload *upload, const uint8_t id[ID_LEN], bool stored)
{
	struct entry *e = upload->entries;

	while (e && (e->stored != stored || memcmp(e->id, id, ID_LEN) != 0))
		e = e->next;
	return e;
}

static struct entry *add(struct upload *upload)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e) {
		e->next = upload->entries;
		upload->entries = e;
	}
	return e;
}

/* DIRECTORY/OWNER-ID; the caller frees it. */
static char *file_path(const struct upload *upload, const struct entry *e)
{
	char owner[HEX_LEN(OWNER_LEN) + 1], id[HEX_LEN(ID_LEN) + 1];
	size_t size = strlen(upload->directory) + 1 + FILE_NAME_SIZE;
	char *path = malloc(size);

	hex_encode(e->owner, OWNER_LEN, owner);
	hex_encode(e->id, ID_LEN, id);
	if (path)
		snprintf(path, size, "%s/%s-%s", upload->directory, owner, id);
	return path;
}

/* Take out those that gone says, with their files. */
static void drop(struct upload *upload, bool (*gone)(const struct entry *e, const void *arg),
		 const void *arg)
{
	struct entry **at = &upload->entries, *e;
	char *path;

	while ((e = *at)) {
		if (!gone(e, arg)) {
			at = &e->next;
			continue;
		}
		path = e->stored ? file_path(upload, e) : NULL;
		if (path && unlink(path) < 0 && errno != ENOENT)
			log_warn("an uploaded file cannot be removed: %s", strerror(errno));
		free(path);
		*at = e->next;
		free(e);
	}
}

static bool is_old(const struct entry *e, const void *arg)
{
	const struct upload *upload = arg;

	return e->until_ms <= (e->stored ? env_wall_ms(upload->env) : env_mono_ms(upload->env));
}

static bool is_owned(const struct entry *e, const void *owner)
{
	return memcmp(e->owner, owner, OWNER_LEN) == 0;
}

static void on_sweep(void *arg)
{
	struct upload *upload = arg;

	drop(upload, is_old, upload);
	timer_set(upload->sweep, SWEEP_MS);
}

void upload_forget(struct upload *upload, const char *user)
{
	uint8_t owner[OWNER_LEN];

	owner_of(upload, user, owner);
	drop(upload, is_owned, owner);
}

/* --- slots --- */

static bool has_room(const struct upload *upload, const uint8_t owner[OWNER_LEN], size_t size)
{
	uint64_t bytes = size;
	unsigned slots = 0;

	for (const struct entry *e = upload->entries; e; e = e->next) {
		slots += !e->stored;
		if (is_owned(e, owner))
			bytes += e->size;
	}
	return bytes <= UPLOAD_QUOTA && slots < UPLOAD_SLOTS_MAX;
}

int upload_slot(struct upload *upload, const char *user, const char *name, size_t size,
		char path[UPLOAD_PATH_SIZE], struct err *err)
{
	uint8_t token[UPLOAD_TOKEN_LEN], owner[OWNER_LEN];
	char text[BASE32_LEN(UPLOAD_TOKEN_LEN) + 1], clean[UPLOAD_NAME_MAX + 1];
	struct address address;
	struct entry *e;

	drop(upload, is_old, upload);
	owner_of(upload, user, owner);
	if (!has_room(upload, owner, size))
		return err_set(err, ERR_LIMIT, "too many files; the oldest go after a week");
	env_random(upload->env, token, sizeof(token));
	base32_encode(token, sizeof(token), text);
	clean_name(name, clean);
	snprintf(path, UPLOAD_PATH_SIZE, "%s/%s", text, clean);
	e = add(upload);
	if (!e || read_path(path, &address) < 0)
		return err_set(err, ERR_MEMORY, "out of memory");
	memcpy(e->owner, owner, OWNER_LEN);
	memcpy(e->id, address.id, ID_LEN);
	e->size = size;
	e->until_ms = env_mono_ms(upload->env) + UPLOAD_SLOT_MS;
	secret_wipe(&address, sizeof(address));
	secret_wipe(token, sizeof(token));
	return 0;
}

size_t upload_slot_size(struct upload *upload, const char *path)
{
	struct address address;
	struct entry *e;

	drop(upload, is_old, upload);
	e = read_path(path, &address) == 0 ? find(upload, address.id, false) : NULL;
	return e ? e->size : 0;
}

/* --- files --- */

/* Seal (or open) len bytes in place; tag is made (or checked). */
static int run_cipher(const struct address *address, bool seal, uint8_t *data, size_t len,
		      uint8_t tag[TAG_LEN])
{
	static const uint8_t nonce[NONCE_LEN];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	SECRET struct key key;
	int n, good;

	mac(address->token, UPLOAD_TOKEN_LEN, "key/", address->name, key.bytes);
	good = ctx &&
	       EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key.bytes, nonce, seal) == 1 &&
	       EVP_CipherUpdate(ctx, data, &n, data, (int)len) == 1 &&
	       (seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1) &&
	       EVP_CipherFinal_ex(ctx, data + n, &n) == 1 &&
	       (!seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) == 1);
	EVP_CIPHER_CTX_free(ctx);
	return good ? 0 : -1;
}

int upload_put(struct upload *upload, const char *path, const void *data, size_t len,
	       struct err *err)
{
	struct address address;
	struct entry *e = read_path(path, &address) == 0 ? find(upload, address.id, false) : NULL;
	uint8_t *sealed = e && e->size == len ? malloc(TAG_LEN + len) : NULL;
	char *file = e ? file_path(upload, e) : NULL;
	int result = -1;

	if (!e || e->size != len)
		err_set(err, ERR_NOT_FOUND, "no such slot");
	else if (!sealed || !file)
		err_set(err, ERR_MEMORY, "out of memory");
	else {
		memcpy(sealed + TAG_LEN, data, len);
		result = run_cipher(&address, true, sealed + TAG_LEN, len, sealed);
		if (result < 0)
			err_set(err, ERR_CRYPTO, "the file cannot be sealed");
		else
			result = file_replace(file, 0600, sealed, TAG_LEN + len, err);
	}
	if (result == 0) {
		e->stored = true;
		e->until_ms = env_wall_ms(upload->env) + UPLOAD_KEEP_MS;
	}
	free(sealed);
	free(file);
	secret_wipe(&address, sizeof(address));
	return result;
}

/* All of the file, with its tag in front. */
static uint8_t *read_file(const char *path, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t *data = fd >= 0 ? malloc(len) : NULL;
	size_t got = 0;
	ssize_t n = 1;

	while (data && got < len && (n = read(fd, data + got, len - got)) > 0)
		got += (size_t)n;
	if (fd >= 0)
		close(fd);
	if (got == len)
		return data;
	free(data);
	return NULL;
}

void *upload_get(struct upload *upload, const char *path, size_t *len)
{
	struct address address;
	struct entry *e = read_path(path, &address) == 0 ? find(upload, address.id, true) : NULL;
	char *file = e && !is_old(e, upload) ? file_path(upload, e) : NULL;
	uint8_t *data = file ? read_file(file, TAG_LEN + e->size) : NULL;
	uint8_t tag[TAG_LEN];

	free(file);
	if (data) {
		*len = e->size;
		memcpy(tag, data, TAG_LEN);
		memmove(data, data + TAG_LEN, *len);
		if (run_cipher(&address, false, data, *len, tag) < 0) {
			log_warn("an uploaded file was changed on the disk");
			secret_free(data, *len);
			data = NULL;
		}
	}
	secret_wipe(&address, sizeof(address));
	return data;
}

/* --- life --- */

/* A file that was there before. What is no file of ours is left alone. */
static void take_file(struct upload *upload, const char *name, int directory)
{
	uint8_t owner[OWNER_LEN], id[ID_LEN];
	struct entry *e;
	struct stat st;

	/* One that file_replace had begun when the process ended. */
	if (strlen(name) == FILE_NAME_SIZE + 3 && strcmp(name + FILE_NAME_SIZE - 1, ".new") == 0)
		unlinkat(directory, name, 0);
	if (strlen(name) != FILE_NAME_SIZE - 1 || name[HEX_LEN(OWNER_LEN)] != '-' ||
	    hex_decode(name, HEX_LEN(OWNER_LEN), owner, sizeof(owner)) < 0 ||
	    hex_decode(name + HEX_LEN(OWNER_LEN) + 1, HEX_LEN(ID_LEN), id, sizeof(id)) < 0 ||
	    fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size <= TAG_LEN || (size_t)st.st_size > UPLOAD_FILE_MAX + TAG_LEN)
		return;
	e = add(upload);
	if (!e)
		return;
	memcpy(e->owner, owner, OWNER_LEN);
	memcpy(e->id, id, ID_LEN);
	e->size = (size_t)st.st_size - TAG_LEN;
	e->stored = true;
	e->until_ms = (int64_t)st.st_mtime * 1000 + UPLOAD_KEEP_MS;
}

static int read_directory(struct upload *upload, struct err *err)
{
	struct dirent *entry;
	DIR *directory;

	if (mkdir(upload->directory, 0700) < 0 && errno != EEXIST)
		return err_system(err, "make %s", upload->directory);
	directory = opendir(upload->directory);
	if (!directory)
		return err_system(err, "open %s", upload->directory);
	while ((entry = readdir(directory)))
		take_file(upload, entry->d_name, dirfd(directory));
	closedir(directory);
	return 0;
}

struct upload *upload_new(const struct env *env, const char *directory, const struct key *secret,
			  struct err *err)
{
	struct upload *upload = calloc(1, sizeof(*upload));

	if (upload) {
		upload->env = env;
		upload->secret = *secret;
		upload->directory = strdup(directory);
		upload->sweep = timer_new(env, on_sweep, upload);
	}
	if (!upload || !upload->directory || !upload->sweep)
		err_set(err, ERR_MEMORY, "out of memory");
	else if (read_directory(upload, err) == 0) {
		on_sweep(upload);
		return upload;
	}
	upload_free(&upload);
	return NULL;
}

void upload_free(struct upload **upload)
{
	struct upload *old = *upload;
	struct entry *e;

	if (!old)
		return;
	while ((e = old->entries)) {
		old->entries = e->next;
		free(e);
	}
	timer_free(&old->sweep);
	key_wipe(&old->secret);
	free(old->directory);
	free(old);
	*upload = NULL;
}
