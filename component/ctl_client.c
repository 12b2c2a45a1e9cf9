/*
 * ctl_client.c: see ctl_client.h.
 */
#include "component/ctl_client.h"

#include "core/base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Longest answer, in bytes: the status of the most contacts an account can have, and some room. */
#define ANSWER_MAX (64 * 1024 * 1024)

struct ctl_client {
	FILE *stream; /* for reading; writing goes to its descriptor */
};

static int connect_to(const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, ERR_UNAVAILABLE, "%s: path too long", path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_system(err, "socket");
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		err_set(err, ERR_UNAVAILABLE, "tacetd is not running (nobody listens at %s)", path);
	else if (errno == EACCES)
		err_set(err, ERR_UNAVAILABLE, "%s belongs to another user: run this as that user",
			path);
	else
		err_set(err, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
	close(fd);
	return -1;
}

struct ctl_client *ctl_client_new(const char *path, struct err *err)
{
	struct ctl_client *client = calloc(1, sizeof(*client));
	int fd = client ? connect_to(path, err) : err_set(err, ERR_MEMORY, "out of memory");

	if (fd >= 0) {
		client->stream = fdopen(fd, "r");
		if (!client->stream) {
			err_system(err, "%s", path);
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0)
		ctl_client_free(&client);
	return client;
}

void ctl_client_free(struct ctl_client **client)
{
	if (!*client)
		return;
	if ((*client)->stream)
		fclose((*client)->stream);
	free(*client);
	*client = NULL;
}

static int send_all(int fd, const char *data, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return err_set(err, ERR_CLOSED, "tacetd has closed the connection");
		data += sent;
		len -= (size_t)sent;
	}
	return 0;
}

int ctl_client_ask(struct ctl_client *client, const char *command, json_t *args, struct err *err)
{
	json_t *request = json_pack("{s:s, s:O*}", "cmd", command, "args", args);
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
	int fd = fileno(client->stream);
	int result;

	json_decref(request);
	if (!line)
		return err_set(err, ERR_INPUT, "an argument is not UTF-8");
	result = send_all(fd, line, strlen(line), err);
	if (!result)
		result = send_all(fd, "\n", 1, err);
	secret_free(line, strlen(line));
	return result;
}

json_t *ctl_client_answer(struct ctl_client *client, struct err *err)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len = getline(&line, &size, client->stream);
	json_t *answer = len > 0 && len <= ANSWER_MAX
			     ? json_loadb(line, (size_t)len, JSON_REJECT_DUPLICATES, NULL)
			     : NULL;

	free(line);
	if (len <= 0)
		err_set(err, ERR_CLOSED, "tacetd has closed the connection");
	else if (!json_is_object(answer)) {
		json_decref(answer);
		answer = NULL;
		err_set(err, ERR_PROTOCOL, "what answered is not tacetd");
	}
	return answer;
}
