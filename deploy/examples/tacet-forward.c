/*
 * tacet-forward: TCP and Unix sockets between two contacts, as ssh -L does between two machines.
 *
 * One side offers services, each leading to an address of its own (-l NAME=TARGET); the other
 * listens and calls a service for each connection (LISTEN=NAME). Each connection is a stream of
 * libtacet that is joined to its socket. tacet-forward(1).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FORWARDS_MAX 64

static const char usage[] =
    "usage: tacet-forward [options] CONTACT LISTEN=SERVICE ...\n"
    "       tacet-forward [options] -l SERVICE=TARGET ... [-s CONTACT ...]\n"
    "  LISTEN, TARGET     PORT (of 127.0.0.1), ADDRESS:PORT, or unix:PATH\n"
    "  -l                 offer services to contacts, instead of calling one\n"
    "  -s CONTACT         … to this one (and others given so) only\n" PEER_USAGE_TEXT;

struct address {
	struct sockaddr_storage storage;
	socklen_t len;
};

struct program;

/* One NAME=ADDRESS. */
struct forward {
	struct program *program;
	const char *service;
	const char *text; /* the address, as it was given */
	struct address address;
	int listener; /* -1: we offer it */
};

struct program {
	struct peer peer;
	struct tacet_contact *contact; /* who is called */
	struct forward forwards[FORWARDS_MAX];
	unsigned count;
	struct tacet_contact *only[FORWARDS_MAX]; /* who may call; none: everybody */
	unsigned only_count;
};

/* --- addresses --- */

static int parse_unix(const char *path, struct address *address)
{
	struct sockaddr_un *unix_address = (struct sockaddr_un *)&address->storage;

	if (path[0] == '\0' || strlen(path) >= sizeof unix_address->sun_path)
		return -1;
	unix_address->sun_family = AF_UNIX;
	strcpy(unix_address->sun_path, path);
	address->len = sizeof *unix_address;
	return 0;
}

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || number > 65535)
		return -1;
	*port = htons((uint16_t)number);
	return 0;
}

/* "22", "127.0.0.1:22", "[::1]:22", "unix:/run/x" */
static int parse_address(const char *text, struct address *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address->storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->storage;
	const char *colon = strrchr(text, ':');
	char host[64] = "127.0.0.1";
	uint16_t port;

	memset(address, 0, sizeof *address);
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, address);
	if (parse_port(colon != NULL ? colon + 1 : text, &port) < 0)
		return -1;
	if (colon != NULL)
		snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		address->len = sizeof *v4;
		return 0;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = port;
	address->len = sizeof *v6;
	return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 ? 0 : -1;
}

/* NAME=ADDRESS, or ADDRESS=NAME when we listen. Cuts text in two. */
static int parse_forward(struct program *program, char *text, bool offers)
{
	char *equals = strrchr(text, '=');
	struct forward *forward = &program->forwards[program->count];

	if (equals == NULL || program->count == FORWARDS_MAX) {
		peer_say(&program->peer, "%s: %s", text,
			 equals == NULL ? "there is no \"=\"" : "too many");
		return -1;
	}
	*equals = '\0';
	*forward = (struct forward){.program = program,
				    .service = offers ? text : equals + 1,
				    .text = offers ? equals + 1 : text,
				    .listener = -1};
	if (parse_address(forward->text, &forward->address) < 0) {
		peer_say(&program->peer, "%s: not PORT, ADDRESS:PORT or unix:PATH", forward->text);
		return -1;
	}
	program->count++;
	return 0;
}

static void no_delay(int fd)
{
	int on = 1;

	/* Fails on Unix sockets, which have no such delay. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* --- streams --- */

static void on_closed(void *arg, struct tacet_stream *stream, const struct tacet_err *why)
{
	const struct forward *forward = arg;

	(void)stream;
	peer_note(&forward->program->peer, "%s: %s", forward->service,
		  why != NULL ? why->text : "ended");
}

static const struct tacet_stream_handlers handlers = {.size = sizeof handlers, .closed = on_closed};

/* Both own the socket only when this succeeds. */
static int join(struct forward *forward, struct tacet_stream *stream, int fd)
{
	struct tacet_err err;

	no_delay(fd);
	if (tacet_stream_attach(stream, fd, &err) == 0)
		return 0;
	peer_say(&forward->program->peer, "%s: %s", forward->service, err.text);
	return -1;
}

/* --- calling --- */

static void refuse(int fd)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

static void take_connection(struct forward *forward)
{
	struct program *program = forward->program;
	struct tacet_stream *stream;
	struct tacet_err err;
	int fd = accept4(forward->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	stream = tacet_connect(program->contact, forward->service, &handlers, forward, &err);
	if (stream == NULL) {
		peer_say(&program->peer, "%s: %s", forward->service, err.text);
		refuse(fd);
	} else if (join(forward, stream, fd) < 0) {
		tacet_stream_reset(&stream);
		refuse(fd);
	}
}

static int listen_at(struct forward *forward)
{
	const struct address *address = &forward->address;
	struct address bound = {.len = sizeof bound.storage};
	int family = address->storage.ss_family, on = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address->storage, address->len) < 0 ||
	    listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&bound.storage, &bound.len) < 0) {
		peer_say(&forward->program->peer, "%s: %s", forward->text, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	forward->listener = fd;
	/* Port 0 is any: say which. */
	if (family == AF_INET)
		printf("%s %s:%u\n", forward->service,
		       inet_ntoa(((struct sockaddr_in *)&bound.storage)->sin_addr),
		       ntohs(((struct sockaddr_in *)&bound.storage)->sin_port));
	else
		printf("%s %s\n", forward->service, forward->text);
	return fflush(stdout);
}

static int serve_calls(struct program *program)
{
	struct pollfd fds[FORWARDS_MAX];

	if (!peer_meet(&program->peer, program->contact))
		return PEER_FAILED;
	for (unsigned i = 0; i < program->count; i++)
		if (listen_at(&program->forwards[i]) < 0)
			return PEER_FAILED;
	for (;;) {
		for (unsigned i = 0; i < program->count; i++)
			fds[i] =
			    (struct pollfd){.fd = program->forwards[i].listener, .events = POLLIN};
		if (!peer_round(&program->peer, fds, program->count, -1))
			return PEER_OK;
		for (unsigned i = 0; i < program->count; i++)
			if (fds[i].revents != 0)
				take_connection(&program->forwards[i]);
	}
}

/* --- offering --- */

static bool may_call(const struct program *program, const struct tacet_contact *contact)
{
	for (unsigned i = 0; i < program->only_count; i++)
		if (program->only[i] == contact)
			return true;
	return program->only_count == 0;
}

static bool on_stream(void *arg, struct tacet_stream *stream)
{
	struct forward *forward = arg;
	const struct address *address = &forward->address;
	int fd;

	if (!may_call(forward->program, tacet_stream_contact(stream)))
		return false;
	fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    (connect(fd, (const struct sockaddr *)&address->storage, address->len) == 0 ||
	     errno == EINPROGRESS) &&
	    tacet_stream_handle(stream, &handlers, forward, NULL) == 0 &&
	    join(forward, stream, fd) == 0)
		return true;
	peer_say(&forward->program->peer, "%s: %s", forward->text, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

static int offer(struct program *program)
{
	struct tacet_err err;

	for (unsigned i = 0; i < program->count; i++) {
		struct forward *forward = &program->forwards[i];

		if (tacet_listen(program->peer.account, forward->service, on_stream, forward,
				 &err) < 0) {
			peer_say(&program->peer, "%s: %s", forward->service, err.text);
			return PEER_FAILED;
		}
	}
	while (peer_round(&program->peer, NULL, 0, -1))
		;
	return PEER_OK;
}

/* --- the command line --- */

static int only(struct program *program, const char *who)
{
	struct tacet_contact *contact = peer_contact(&program->peer, who);

	if (contact == NULL || program->only_count == FORWARDS_MAX)
		return PEER_FAILED;
	program->only[program->only_count++] = contact;
	return PEER_OK;
}

static int run(struct program *program, int argc, char **argv)
{
	bool offers = false;
	int result = PEER_OK, first = 1;

	for (int i = 1; i < argc; i++)
		offers |= strcmp(argv[i], "-l") == 0;
	if (!offers && argc > 1) {
		program->contact = peer_contact(&program->peer, argv[first++]);
		if (program->contact == NULL)
			return PEER_FAILED;
	}
	for (int i = first; i < argc && result == PEER_OK; i++) {
		if (strcmp(argv[i], "-s") == 0)
			result = offers ? only(program, argv[++i]) : PEER_USAGE;
		else if (strcmp(argv[i], "-l") != 0)
			result = parse_forward(program, argv[i], offers) < 0 ? PEER_USAGE : PEER_OK;
	}
	if (result == PEER_OK && program->count == 0)
		result = PEER_USAGE;
	if (result == PEER_USAGE)
		fputs(usage, stderr);
	if (result != PEER_OK)
		return result;
	return offers ? offer(program) : serve_calls(program);
}

static void remove_sockets(const struct program *program)
{
	for (unsigned i = 0; i < program->count; i++) {
		const struct forward *forward = &program->forwards[i];

		if (forward->listener < 0)
			continue;
		close(forward->listener);
		if (strncmp(forward->text, "unix:", 5) == 0)
			unlink(forward->text + 5);
	}
}

int main(int argc, char **argv)
{
	static struct program program = {.peer = {.program = "tacet-forward"}};
	int result;

	if (peer_open(&program.peer, &argc, argv, usage, &result))
		result = run(&program, argc, argv);
	remove_sockets(&program);
	peer_close(&program.peer);
	return result;
}
