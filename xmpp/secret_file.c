/*
 * secret_file.c: see secret_file.h.
 */
#include "xmpp/secret_file.h"
#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

static int make_secret(const struct env *env, const char *path, struct key *secret, struct err *err)
{
	env_random(env, secret->bytes, sizeof(secret->bytes));
	return file_replace(path, 0600, secret->bytes, sizeof(secret->bytes), err);
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
