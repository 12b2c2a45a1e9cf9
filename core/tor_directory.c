/*
 * tor_directory.c: see tor_directory.h.
 */
#include "core/tor_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The longest name of a socket in the directory, "/service-NNN". */
#define SOCKET_NAME_MAX 12
#define COOKIE          "cookie"

static int check_path(const char *path, struct err *err)
{
	size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1 - SOCKET_NAME_MAX;

	if (strlen(path) > max)
		return err_set(err, ERR_INPUT,
			       "%.100s…: longer than %zu bytes, too long for sockets", path, max);
	for (const char *at = path; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ' || strchr("\"'\\#,%", *at) != NULL || *at == 127)
			return err_set(err, ERR_INPUT,
				       "%s: a blank, quote, backslash, comma, # or %% cannot be in "
				       "the path of tor's directory",
				       path);
	return 0;
}

static int check_owner(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return err_system(err, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT, "%s: is not a directory", path);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_INPUT, "%s: belongs to another user", path);
	if ((st.st_mode & 077) != 0)
		return err_set(err, ERR_INPUT, "%s: must be open to its owner only (mode 0700)",
			       path);
	return 0;
}

char *tor_directory_make(const char *directory, struct err *err)
{
	char *path;

	if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
		err_system(err, "cannot make %s", directory);
		return NULL;
	}
	path = realpath(directory, NULL);
	if (path == NULL) {
		err_system(err, "%s", directory);
		return NULL;
	}
	if (check_path(path, err) != 0 || check_owner(path, err) != 0) {
		free(path);
		return NULL;
	}
	return path;
}

static int remove_old(const char *directory, const char *name, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	if (unlink(path) != 0 && errno != ENOENT)
		return err_system(err, "cannot remove %s", path);
	return 0;
}

/*
 * What the lines are for:
 * - Isolate…, KeepAlive…: circuits are kept apart by SOCKS user name, and live as long as they are
 *   used;
 * - ExtendedErrors: SOCKS says why an onion service cannot be reached;
 * - __OwningControllerProcess, with TAKEOWNERSHIP on the control connection: it does not outlive
 * us;
 * - DormantCanceledByStartup: whoever starts us wants to be reached;
 * - the log goes to a pipe, for the last words of a tor that ends.
 */
static int print_torrc(FILE *file, const char *directory, const char *extra)
{
	return fprintf(file,
		       "DataDirectory %s/data\n"
		       "SocksPort unix:%s/" TOR_SOCKS_SOCKET
		       " IsolateSOCKSAuth KeepAliveIsolateSOCKSAuth ExtendedErrors\n"
		       "ControlSocket %s/" TOR_CONTROL_SOCKET "\n"
		       "CookieAuthentication 1\n"
		       "CookieAuthFile %s/" COOKIE "\n"
		       "__OwningControllerProcess %ld\n"
		       "ClientOnly 1\n"
		       "AvoidDiskWrites 1\n"
		       "DormantCanceledByStartup 1\n"
		       "SafeLogging 1\n"
		       "Log notice stdout\n"
		       "%s\n",
		       directory, directory, directory, directory, (long)getpid(),
		       extra != NULL ? extra : "");
}

static int write_torrc(const char *directory, const char *extra, struct err *err)
{
	char path[PATH_MAX];
	FILE *file;
	int fd, printed;

	snprintf(path, sizeof path, "%s/torrc", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (file == NULL) {
		err_system(err, "cannot write %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	printed = print_torrc(file, directory, extra);
	if (fclose(file) != 0 || printed < 0)
		return err_system(err, "cannot write %s", path);
	return 0;
}

int tor_directory_fill(const char *directory, const char *extra, struct err *err)
{
	if (remove_old(directory, TOR_CONTROL_SOCKET, err) != 0 ||
	    remove_old(directory, TOR_SOCKS_SOCKET, err) != 0 ||
	    remove_old(directory, COOKIE, err) != 0)
		return -1;
	return write_torrc(directory, extra, err);
}
