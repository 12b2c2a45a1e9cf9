/*
 * upload.h: files that users put at the HTTP server to be fetched by their own clients (XEP-0363):
 * slots that wait for a file, the files, how much and how long.
 *
 * A file is known by TOKEN/NAME alone: the token is random, and the key that the file is sealed
 * with (AES-256-GCM) and its name on disk are made of both. So whoever has the directory can read
 * nothing, and whose a file is can be told by who holds the server's secret only. Neighbours:
 * web_upload.c (PUT and GET), feature_upload.c (who may, and what leaves).
 */
#ifndef XMPP_UPLOAD_H
#define XMPP_UPLOAD_H

#include "core/base/codec.h"
#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/secret.h"

/* Largest file: photos and documents; it is held in memory as a whole. */
#define UPLOAD_FILE_MAX ((size_t)10 * 1024 * 1024)
/* What the files of a user may come to. */
#define UPLOAD_QUOTA ((uint64_t)100 * 1024 * 1024)
/* How long a file is kept: for clients that are away over a weekend. */
#define UPLOAD_KEEP_MS (INT64_C(7) * 24 * 3600 * 1000)
/* How long a slot waits for its file, and how many do, of all users. */
#define UPLOAD_SLOT_MS   (INT64_C(5) * 60 * 1000)
#define UPLOAD_SLOTS_MAX 64

#define UPLOAD_NAME_MAX  64
#define UPLOAD_TOKEN_LEN 32
/* Of "TOKEN/NAME" with its NUL. */
#define UPLOAD_PATH_SIZE (BASE32_LEN(UPLOAD_TOKEN_LEN) + 1 + UPLOAD_NAME_MAX + 1)

struct upload;

/* The directory is made if need be (0700), the files in it are 0600; secret is the server's own.
 * NULL with *err. */
struct upload *upload_new(const struct env *env, const char *directory, const struct key *secret,
			  struct err *err);
void upload_free(struct upload **upload);

/* A slot for a file of size bytes, good for UPLOAD_SLOT_MS. Of name stays what can stand in a URL
 * as it is. ERR_LIMIT: the user's files or all slots would be too many; size is at most
 * UPLOAD_FILE_MAX. */
int upload_slot(struct upload *upload, const char *user, const char *name, size_t size,
		char path[UPLOAD_PATH_SIZE], struct err *err);
/* How long the file must be that the slot waits for; 0: there is no such slot. */
size_t upload_slot_size(struct upload *upload, const char *path);
/* Put the file there; the slot is gone afterwards. */
int upload_put(struct upload *upload, const char *path, const void *data, size_t len,
	       struct err *err);
/* A copy, to be freed by secret_free(data, *len); NULL: there is none. */
void *upload_get(struct upload *upload, const char *path, size_t *len);
/* The user's account has ended: its files and slots go. */
void upload_forget(struct upload *upload, const char *user);

#endif
