/*
 * state_dir.c: see state_dir.h.
 */
#include "component/state_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Make each directory on the way to path and path itself. */
static int make_all(const char *path, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return err_set(err, ERR_INPUT, "%.60s…: path too long", path);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return err_system(err, "make %s", part);
	}
	return 0;
}

int state_dir_prepare(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) && (make_all(path, err) || stat(path, &st)))
		return err_wrap(err, "state directory");
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT, "state directory: %s is no directory", path);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_AUTH,
			       "state directory: %s belongs to user %u, not to user %u", path,
			       (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(err, ERR_AUTH,
			       "state directory: others may use %s (mode %04o); run: chmod 700 %s",
			       path, (unsigned)(st.st_mode & 07777), path);
	return 0;
}

char *state_dir_path(const char *path, const char *name, struct err *err)
{
	size_t size = strlen(path) + strlen(name) + 2;
	char *full = malloc(size);

	if (full)
		snprintf(full, size, "%s/%s", path, name);
	else
		err_set(err, ERR_MEMORY, "out of memory");
	return full;
}
