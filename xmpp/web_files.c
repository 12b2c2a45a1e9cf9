/*
 * web_files.c: the files of one directory, and of those below it, over HTTP: nothing that begins
 * with a dot, no link, nothing but files.
 */
#include "xmpp/web_private.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest name of a file or folder. */
#define NAME_MAX_LEN 127

static const struct {
	const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".map", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".gif", "image/gif"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff", "font/woff"},
    {".woff2", "font/woff2"},
    {".ttf", "font/ttf"},
    {".mp3", "audio/mpeg"},
    {".ogg", "audio/ogg"},
    {".wasm", "application/wasm"},
    {".txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = strlen(types[i].ending);

		if (len > n && strcmp(name + len - n, types[i].ending) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

int web_files_open(struct web *web, const char *path, struct err *err)
{
	web->files = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return web->files >= 0 ? 0 : err_system(err, "files for the web: %s", path);
}

/* One step down, with directory closed unless it is the first; -1: not there, or not for others. */
static int step(const struct web *web, int directory, const char *name, size_t len, int flags)
{
	char text[NAME_MAX_LEN + 1];
	int next = -1;

	if (len > 0 && len <= NAME_MAX_LEN && name[0] != '.') {
		memcpy(text, name, len);
		text[len] = '\0';
		next =
		    openat(directory, text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags);
	}
	if (directory != web->files)
		close(directory);
	return next;
}

/* path begins with '/'. */
static int open_file(const struct web *web, const char *path)
{
	int at = web->files;
	const char *name = path + 1;
	size_t len;

	for (; at >= 0 && name[len = strcspn(name, "/")] == '/'; name += len + 1)
		at = step(web, at, name, len, O_DIRECTORY);
	return at >= 0 ? step(web, at, name, len, 0) : -1;
}

void web_files_get(struct web *web, struct http_request *request, const char *path)
{
	struct http_header headers[] = {{"Content-Type", NULL},
					{"Content-Security-Policy", web->policy},
					/* The page may be renewed at any time. */
					{"Cache-Control", "no-cache"},
					{NULL, NULL}};
	struct stat st;
	int fd;

	if (strcmp(path, "/") == 0)
		path = "/index.html";
	fd = open_file(web, path);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		http_reply_status(request, 404);
		return;
	}
	headers[0].value = type_of(path);
	http_reply_file(request, 200, headers, fd, (uint64_t)st.st_size);
}
