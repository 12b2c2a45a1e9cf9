/*
 * web_upload.c: PUT and GET of XEP-0363, for upload.h.
 *
 * What was uploaded is served from the origin of our own page, so a browser must not take it for a
 * part of that page: it is sandboxed (XEP-0363 section 8), and nothing but pictures, sound, video
 * and plain text is shown at all.
 */
#include "xmpp/upload.h"
#include "xmpp/web_private.h"

#include <stdlib.h>
#include <string.h>

/* Files that come in at the same time: each is held in memory. */
#define AT_ONCE 4

struct incoming {
	struct web *web;
	struct buf data;
	char path[UPLOAD_PATH_SIZE];
};

static const struct {
	const char *ending, *type;
} shown[] = {
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},
    {".webp", "image/webp"},
    {".mp3", "audio/mpeg"},
    {".ogg", "audio/ogg"},
    {".opus", "audio/ogg"},
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
    {".txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(shown) / sizeof(shown[0]); i++)
		if (strcasecmp(dot, shown[i].ending) == 0)
			return shown[i].type;
	return NULL;
}

static void get(struct web *web, struct http_request *request, const char *path)
{
	const char *type = type_of(path);
	const struct http_header headers[] = {
	    {"Content-Type", type ? type : "application/octet-stream"},
	    {"Content-Disposition", type ? "inline" : "attachment"},
	    {"Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'"},
	    {"Cache-Control", "no-store"},
	    {NULL, NULL}};
	size_t len;
	void *data = upload_get(web->upload, path, &len);

	if (data)
		http_reply(request, 200, headers, data, len);
	else
		http_reply_status(request, 404);
	if (data)
		secret_free(data, len);
}

/* --- PUT --- */

static int on_data(void *arg, const void *data, size_t len)
{
	return buf_add(&((struct incoming *)arg)->data, data, len);
}

static void on_end(void *arg, struct http_request *request)
{
	struct incoming *in = arg;
	struct err err;

	if (upload_put(in->web->upload, in->path, in->data.data, in->data.len, &err) == 0)
		http_reply_status(request, 201);
	else
		http_reply_status(request, err.code == ERR_NOT_FOUND ? 404 : 507);
}

static void on_gone(void *arg)
{
	struct incoming *in = arg;

	in->web->uploading--;
	buf_free(&in->data);
	free(in);
}

static const struct http_body on_body = {.data = on_data, .end = on_end, .gone = on_gone};

static void put(struct web *web, struct http_request *request, const char *path)
{
	const char *length = http_header(request, "Content-Length");
	size_t size = upload_slot_size(web->upload, path);
	struct incoming *in;

	if (size == 0) {
		http_reply_status(request, 404);
	} else if (!length) {
		http_reply_status(request, 411);
	} else if (strtoull(length, NULL, 10) != size) {
		http_reply_status(request, 413);
	} else if (web->uploading == AT_ONCE || !(in = calloc(1, sizeof(*in)))) {
		http_reply_status(request, 503);
	} else {
		web->uploading++;
		in->web = web;
		buf_init(&in->data, size);
		strcpy(in->path, path); /* a slot's is not longer */
		http_receive(request, &on_body, in);
	}
}

void web_upload(struct web *web, struct http_request *request, const char *path)
{
	if (strcmp(http_method(request), "PUT") == 0)
		put(web, request, path);
	else
		get(web, request, path);
}
