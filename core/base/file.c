/*
 * file.c: see file.h.
 */
#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* Without this a rename may be forgotten when the power fails. */
static int sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd, result;

	/* The root itself keeps its slash. */
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash == path ? 1 : slash - path),
			 path);
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = fsync(fd);
	close(fd);
	return result;
}

static int write_fresh(const char *fresh, mode_t mode, const void *data, size_t len)
{
	int fd, result;

	/* One may be left from a crash. */
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -1;
	result = write_all(fd, data, len);
	return close(fd) < 0 ? -1 : result;
}

int file_replace(const char *path, mode_t mode, const void *data, size_t len, struct err *err)
{
	char fresh[PATH_MAX];

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return err_set(err, ERR_INPUT, "a path is longer than %d bytes", PATH_MAX - 5);
	if (write_fresh(fresh, mode, data, len) == 0 && rename(fresh, path) == 0 &&
	    sync_folder_of(path) == 0)
		return 0;
	err_system(err, "write %s", path);
	unlink(fresh);
	return -1;
}
