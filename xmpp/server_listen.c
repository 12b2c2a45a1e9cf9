/*
 * server_listen.c: where clients come in: TCP, TCP that is TLS from the first byte (XEP-0368), a
 * Unix socket for programs of the daemon's own user.
 * Neighbours: server.c takes the streams.
 */
#include "xmpp/server_private.h"

#include "core/base/log.h"
#include "core/base/stream_socket.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void on_tcp(void *arg, struct stream *stream)
{
	server_accept(arg, stream, SERVER_DOOR_TCP);
}

static void on_tls(void *arg, struct stream *stream)
{
	server_accept(arg, stream, SERVER_DOOR_TLS);
}

/* The mode of the socket says the same; but a path may have been opened wider, or handed on. */
static void on_socket(void *arg, struct stream *stream)
{
	uid_t uid;

	if (stream_peer_uid(stream, &uid) == 0 && (uid == geteuid() || uid == 0)) {
		server_accept(arg, stream, SERVER_DOOR_SOCKET);
		return;
	}
	log_warn("another user's program has tried the Jabber socket");
	stream_free(&stream);
}

/* Has the system no such address? err_system puts the system's words at the end. */
static bool address_missing(const struct err *err)
{
	return strstr(err->text, strerror(EADDRNOTAVAIL)) ||
	       strstr(err->text, strerror(EAFNOSUPPORT));
}

/* *port: 0 for any free one, and then the one that it is. */
static int listen_on(struct server *server, const char *address, uint16_t *port,
		     listener_accept accept, struct err *err)
{
	struct listener *listener =
	    listener_new_tcp(server->loop, address, *port, accept, server, err);

	if (!listener && strchr(address, ':') && address_missing(err)) {
		log_notice("no IPv6 here: not listening on %s", address);
		return 0;
	}
	if (!listener && strstr(err->text, strerror(EADDRINUSE)))
		return err_wrap(err, "another Jabber server runs on this port; stop it or choose "
				     "another port");
	if (!listener)
		return -1;
	server->listeners[server->listener_count++] = listener;
	*port = listener_port(listener);
	return 0;
}

static int listen_all(struct server *server, const char *const *addresses, uint16_t *port,
		      listener_accept accept, struct err *err)
{
	for (const char *const *address = addresses; *address; address++)
		if (listen_on(server, *address, port, accept, err) < 0)
			return -1;
	return 0;
}

static int listen_on_socket(struct server *server, const char *path, struct err *err)
{
	struct listener *listener =
	    listener_new_unix(server->loop, path, 0600, on_socket, server, err);

	if (!listener)
		return err_wrap(err, "socket for Jabber clients");
	server->listeners[server->listener_count++] = listener;
	return 0;
}

int server_listen(struct server *server, const struct server_config *config, struct err *err)
{
	size_t count = 0;

	if (!config->listen)
		return 0;
	while (config->listen[count])
		if (++count > SERVER_LISTEN_MAX)
			return err_set(err, ERR_LIMIT, "more than %d addresses to listen on",
				       SERVER_LISTEN_MAX);
	server->port = config->port;
	if (listen_all(server, config->listen, &server->port, on_tcp, err) < 0)
		return err_wrap(err, "listen for Jabber clients");
	if (server->listener_count == 0)
		return err_set(err, ERR_INPUT, "no address to listen on for Jabber clients");
	if (config->socket && listen_on_socket(server, config->socket, err) < 0)
		return -1;
	if (!server->certificate || config->tls_port < 0)
		return 0;
	server->tls_port = (uint16_t)config->tls_port;
	if (listen_all(server, config->listen, &server->tls_port, on_tls, err) < 0)
		return err_wrap(err, "listen for Jabber clients with TLS");
	return 0;
}

void server_stop_listening(struct server *server)
{
	while (server->listener_count > 0)
		listener_free(&server->listeners[--server->listener_count]);
}
