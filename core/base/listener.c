/*
 * listener.c: listening sockets; see stream_socket.h.
 */
#include "core/base/log.h"
#include "core/base/loop_private.h"
#include "core/base/stream_socket_private.h"

#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Rest after accept() failed, in ms: long enough not to spin while there are no descriptors. */
#define LISTENER_REST_MS 1000
#define LISTENER_BACKLOG 128

struct listener {
	struct loop *loop;
	struct evconnlistener *socket;
	struct timer *rest;
	listener_accept accept;
	void *arg;
	char *path; /* of a Unix socket; else NULL */
};

static void on_accept(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *peer,
		      int len, void *arg)
{
	struct listener *listener = arg;
	struct stream *stream = stream_of_socket(listener->loop, fd);

	(void)socket;
	(void)peer;
	(void)len;
	if (stream == NULL)
		close(fd);
	else
		listener->accept(listener->arg, stream);
}

static void on_error(struct evconnlistener *socket, void *arg)
{
	struct listener *listener = arg;

	log_warn("cannot accept a connection: %s; resting", strerror(errno));
	evconnlistener_disable(socket);
	timer_set(listener->rest, LISTENER_REST_MS);
}

static void rested(void *arg)
{
	struct listener *listener = arg;

	evconnlistener_enable(listener->socket);
}

static struct listener *listener_new(struct loop *loop, const struct sockaddr *address,
				     socklen_t len, listener_accept accept, void *arg)
{
	struct listener *listener = calloc(1, sizeof *listener);
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;

	if (listener == NULL)
		return NULL;
	listener->loop = loop;
	listener->accept = accept;
	listener->arg = arg;
	listener->rest = timer_new(loop_env(loop), rested, listener);
	if (address->sa_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	listener->socket = evconnlistener_new_bind(loop_base(loop), on_accept, listener, flags,
						   LISTENER_BACKLOG, address, (int)len);
	if (listener->socket == NULL || listener->rest == NULL)
		listener_free(&listener);
	else
		evconnlistener_set_error_cb(listener->socket, on_error);
	return listener;
}

struct listener *listener_new_unix(struct loop *loop, const char *path, mode_t mode,
				   listener_accept accept, void *arg, struct err *err)
{
	struct sockaddr_un address;
	struct listener *listener;
	struct stat old;
	mode_t mask;

	if (socket_unix_address(path, &address, err) != 0)
		return NULL;
	if (lstat(path, &old) == 0 && S_ISSOCK(old.st_mode))
		unlink(path);
	mask = umask((mode_t)(~mode & 0777));
	listener = listener_new(loop, (struct sockaddr *)&address, sizeof address, accept, arg);
	umask(mask);
	if (listener == NULL) {
		err_system(err, "listen on %s", path);
		return NULL;
	}
	listener->path = strdup(path);
	if (listener->path == NULL) {
		listener_free(&listener);
		unlink(path);
		err_set(err, ERR_MEMORY, "listen: out of memory");
	}
	return listener;
}

struct listener *listener_new_tcp(struct loop *loop, const char *address, uint16_t port,
				  listener_accept accept, void *arg, struct err *err)
{
	struct sockaddr_storage storage;
	socklen_t len;
	struct listener *listener;

	if (socket_tcp_address(address, port, &storage, &len, err) != 0)
		return NULL;
	listener = listener_new(loop, (struct sockaddr *)&storage, len, accept, arg);
	if (listener == NULL)
		err_system(err, "listen on %s port %u", address, (unsigned)port);
	return listener;
}

uint16_t listener_port(const struct listener *listener)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;

	if (getsockname(evconnlistener_get_fd(listener->socket), (struct sockaddr *)&address,
			&len) != 0)
		return 0;
	if (address.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&address)->sin_port);
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return 0;
}

void listener_free(struct listener **listener)
{
	int saved = errno;

	if (*listener == NULL)
		return;
	if ((*listener)->socket != NULL)
		evconnlistener_free((*listener)->socket);
	timer_free(&(*listener)->rest);
	if ((*listener)->path != NULL)
		unlink((*listener)->path);
	free((*listener)->path);
	free(*listener);
	*listener = NULL;
	errno = saved;
}
