/*
 * ctl_client.c: see ctl_client.h.
 */
#include "component/ctl_client.h"

#include "component/config.h"

#include "core/base/buf.h"
#include "core/base/secret.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Longest answer, in bytes: the status of the most contacts an account can have, and some room. */
#define ANSWER_MAX (64 * 1024 * 1024)

/* What is read at once. */
#define PIECE 65536

struct ctl_client {
	int fd;
	struct buf received; /* and not given out yet */
	int64_t limit_ms;    /* 0: none */
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

	if (!client) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	buf_init(&client->received, ANSWER_MAX);
	client->fd = connect_to(path, err);
	if (client->fd < 0)
		ctl_client_free(&client);
	return client;
}

char *ctl_client_path(const char *socket, const char *config_file, struct err *err)
{
	struct config config;
	char *path;

	if (!socket && config_read(config_file, &config, err)) {
		err->code = ERR_INPUT;
		return NULL;
	}
	path = strdup(socket ? socket : config.control_socket);
	if (!socket)
		config_wipe(&config);
	if (!path)
		err_set(err, ERR_MEMORY, "out of memory");
	return path;
}

struct ctl_client *ctl_client_reach(const char *socket, const char *config_file, struct err *err)
{
	char *path = ctl_client_path(socket, config_file, err);
	struct ctl_client *client = path ? ctl_client_new(path, err) : NULL;

	free(path);
	return client;
}

enum err_code ctl_client_refusal(const json_t *answer, bool was_there)
{
	const char *code = json_string_value(json_object_get(answer, "code"));

	if (!code)
		return ERR_PROTOCOL;
	/* It waits for its passphrase: no more there than one that does not run yet. */
	if (was_there && strcmp(code, err_code_name(ERR_WRONG_STATE)) == 0)
		return ERR_UNAVAILABLE;
	return ERR_EXISTS;
}

void ctl_client_limit(struct ctl_client *client, int64_t ms)
{
	client->limit_ms = ms;
}

void ctl_client_free(struct ctl_client **client)
{
	if (!*client)
		return;
	if ((*client)->fd >= 0)
		close((*client)->fd);
	buf_free(&(*client)->received);
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
	int fd = client->fd;
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

int64_t ctl_client_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait for more, until then (0: for ever). */
static int receive(struct ctl_client *client, int64_t until_ms, struct err *err)
{
	struct pollfd wait = {.fd = client->fd, .events = POLLIN};
	int64_t left_ms = until_ms ? until_ms - ctl_client_now_ms() : -1;
	uint8_t piece[PIECE];
	ssize_t got;
	int ready = poll(&wait, 1, until_ms && left_ms < 0 ? 0 : (int)left_ms);

	if (ready < 0 && errno == EINTR)
		return 0;
	if (ready == 0)
		return err_set(err, ERR_TIMEOUT, "no answer in time");
	got = read(client->fd, piece, sizeof(piece));
	if (got < 0 && errno == EINTR)
		return 0;
	if (got <= 0)
		return err_set(err, ERR_CLOSED, "tacetd has closed the connection");
	if (buf_add(&client->received, piece, (size_t)got))
		return err_set(err, ERR_LIMIT, "the answer is too long");
	return 0;
}

json_t *ctl_client_answer(struct ctl_client *client, struct err *err)
{
	int64_t until_ms = client->limit_ms ? ctl_client_now_ms() + client->limit_ms : 0;
	struct buf *have = &client->received;
	size_t searched = 0, len;
	const uint8_t *end;
	json_t *answer;

	while (have->len == 0 ||
	       !(end = memchr(have->data + searched, '\n', have->len - searched))) {
		searched = have->len;
		if (receive(client, until_ms, err))
			return NULL;
	}
	len = (size_t)(end - have->data);
	answer = json_loadb((const char *)have->data, len, JSON_REJECT_DUPLICATES, NULL);
	buf_drain(have, len + 1);
	if (!json_is_object(answer)) {
		json_decref(answer);
		answer = NULL;
		err_set(err, ERR_PROTOCOL, "what answered is not tacetd");
	}
	return answer;
}
