/*
 * secret_file.c: see secret_file.h.
 */
#include "xmpp/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

static int read_secret(int fd, const char *path, struct key *secret, struct err *err)
{
	/* One byte more, to notice a file that is too long. */
	uint8_t data[KEY_LEN + 1];
	ssize_t len = read(fd, data, sizeof(data));

	if (len < 0)
		return err_system(err, "read %s", path);
	if (len != KEY_LEN)
		return err_set(err, ERR_INPUT, "%s: does not hold %d bytes; remove it", path,
			       KEY_LEN);
	for (size_t i = 0; i < KEY_LEN; i++)
		secret->bytes[i] = data[i];
	secret_wipe(data, sizeof(data));
	return 0;
}

static int write_secret(const char *path, const struct key *secret, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int failed;

	if (fd < 0)
		return err_system(err, "make %s", path);
	failed =
	    fchmod(fd, 0600) < 0 || write(fd, secret->bytes, KEY_LEN) != KEY_LEN || fsync(fd) < 0;
	if (failed)
		err_system(err, "write %s", path);
	close(fd);
	return failed ? -1 : 0;
}

static int make_secret(const struct env *env, const char *path, struct key *secret, struct err *err)
{
	char fresh[PATH_SIZE];
	int len = snprintf(fresh, sizeof(fresh), "%s.new", path);

	if (len < 0 || (size_t)len >= sizeof(fresh))
		return err_set(err, ERR_LIMIT, "path too long");
	env_random(env, secret->bytes, sizeof(secret->bytes));
	if (write_secret(fresh, secret, err) < 0)
		return -1;
	if (rename(fresh, path) < 0)
		return err_system(err, "rename %s", fresh);
	return 0;
}

int secret_file_load(const struct env *env, const char *path, struct key *secret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result;

	if (fd < 0 && errno == ENOENT)
		return make_secret(env, path, secret, err);
	if (fd < 0)
		return err_system(err, "open %s", path);
	result = read_secret(fd, path, secret, err);
	close(fd);
	return result;
}
