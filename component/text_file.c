/*
 * text_file.c: see text_file.h.
 */
#include "component/text_file.h"

#include "core/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fill text up to TEXT_FILE_MAX + 1 bytes. read(2) and not stdio, which would keep a copy. */
static ssize_t read_all(int fd, char *text)
{
	size_t len = 0;
	ssize_t got = 1;

	while (len <= TEXT_FILE_MAX && got != 0) {
		got = read(fd, text + len, TEXT_FILE_MAX + 1 - len);
		if (got < 0 && errno != EINTR)
			return -1;
		len += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)len;
}

/* path is for messages. fd is the caller's. */
static char *read_text(const char *path, int fd, struct err *err)
{
	char *text = malloc(TEXT_FILE_MAX + 2);
	ssize_t len = -1;

	if (fd < 0) {
		err_system(err, "%s", path);
	} else if (!text) {
		err_set(err, ERR_MEMORY, "%s: out of memory", path);
	} else if ((len = read_all(fd, text)) < 0) {
		err_system(err, "%s", path);
	} else if (len > TEXT_FILE_MAX || memchr(text, '\0', (size_t)len)) {
		err_set(err, ERR_INPUT, "%s: not a text file of at most %d bytes", path,
			TEXT_FILE_MAX);
		len = -1;
	}
	if (len < 0) {
		secret_free(text, text ? TEXT_FILE_MAX + 2 : 0);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

char *text_file_read(const char *path, struct err *err)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char *text = read_text(path, fd, err);

	if (fd > STDERR_FILENO)
		close(fd);
	return text;
}

/* The first line of text, which it takes. */
static char *first_line(const char *path, char *text, struct err *err)
{
	char *end;

	if (!text)
		return NULL;
	end = text + strcspn(text, "\r\n");
	secret_wipe(end, strlen(end));
	if (end == text) {
		err_set(err, ERR_INPUT, "%s: the first line is empty", path);
		text_wipe(text);
		return NULL;
	}
	return text;
}

char *text_file_read_line(const char *path, struct err *err)
{
	return first_line(path, text_file_read(path, err), err);
}

char *text_file_read_secret(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = {0};
	char *text = NULL;

	if (fd >= 0 && !fstat(fd, &st) && st.st_mode & (S_IRWXO | S_IWGRP))
		err_set(err, ERR_AUTH, "%s: others can read or change it; chmod g-w,o= %s", path,
			path);
	else
		text = read_text(path, fd, err);
	if (fd >= 0)
		close(fd);
	return first_line(path, text, err);
}

void text_wipe(char *text)
{
	secret_free(text, text ? strlen(text) : 0);
}
