/*
 * stream_socket.c: streams over libevent's bufferevents. Listeners are in listener.c.
 *
 * bufferevents are made with deferred callbacks, which gives the promise of stream.h that no
 * handler runs within a stream_* call.
 */
#include "core/base/stream_socket.h"
#include "core/base/loop_private.h"
#include "core/base/stream_private.h"
#include "core/base/stream_socket_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Handed to received() at most at once. */
#define CHUNK_SIZE (16 * 1024)
/* How long an ended stream waits for the other side's end, in seconds, so that what was sent last
 * is not lost by a reset. */
#define FINISH_WAIT_S 2

struct socket_stream {
	struct stream stream;
	struct loop *loop;
	struct bufferevent *bev;
	struct bufferevent *raw; /* below TLS; NULL without TLS */
	bool client;             /* of that TLS */
	bool paused;
	bool wrote;     /* since the last drained() */
	bool finishing; /* stream_finish was called */
	bool ended;     /* closed() was called, or waits for a handler */
	struct err why; /* once the end has come */
	bool *freed;    /* set by free while a handler runs */
};

static struct socket_stream *socket_of(struct stream *stream)
{
	return (struct socket_stream *)stream;
}

static void socket_end(struct socket_stream *s, const struct err *why)
{
	if (s->ended)
		return;
	s->ended = true;
	/* Keep the first reason when nobody was there to be told of it. */
	if (s->why.code == ERR_NONE)
		s->why = *why;
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	if (s->stream.handler != NULL && s->stream.handler->closed != NULL)
		s->stream.handler->closed(s->stream.arg, &s->why);
}

static void discard(struct socket_stream *s)
{
	struct evbuffer *input = bufferevent_get_input(s->bev);

	evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct socket_stream *s = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	uint8_t chunk[CHUNK_SIZE];
	bool freed = false;
	int len;

	if (s->finishing) {
		discard(s);
		return;
	}
	s->freed = &freed;
	while (!s->paused && !s->ended && s->stream.handler != NULL &&
	       (len = evbuffer_remove(input, chunk, sizeof chunk)) > 0) {
		if (s->stream.handler->received != NULL)
			s->stream.handler->received(s->stream.arg, chunk, (size_t)len);
		if (freed)
			return;
		/* The handler may have put TLS on top. */
		input = bufferevent_get_input(s->bev);
	}
	s->freed = NULL;
}

/* All was sent and stream_finish was called: tell the other side, wait for its end. */
static void send_end(struct socket_stream *s)
{
	struct timeval wait = {.tv_sec = FINISH_WAIT_S};

	if (s->raw != NULL)
		SSL_shutdown(bufferevent_openssl_get_ssl(s->bev));
	else
		shutdown(bufferevent_getfd(s->bev), SHUT_WR);
	bufferevent_set_timeouts(s->bev, &wait, NULL);
	bufferevent_enable(s->bev, EV_READ);
}

static size_t socket_queued(const struct stream *stream)
{
	const struct socket_stream *s = (const struct socket_stream *)stream;
	size_t queued = evbuffer_get_length(bufferevent_get_output(s->bev));

	if (s->raw != NULL)
		queued += evbuffer_get_length(bufferevent_get_output(s->raw));
	return queued;
}

static void on_writable(struct bufferevent *bev, void *arg)
{
	struct socket_stream *s = arg;

	(void)bev;
	/* A call from before the last write may have been under way. */
	if (socket_queued(&s->stream) > 0)
		return;
	if (s->finishing) {
		send_end(s);
	} else if (s->wrote) {
		/* libevent also calls when the queue was empty all along. */
		s->wrote = false;
		if (!s->ended && s->stream.handler != NULL && s->stream.handler->drained != NULL)
			s->stream.handler->drained(s->stream.arg);
	}
}

/* The encrypted bytes have left, too: libevent calls on_writable only when TLS has taken the plain
 * ones, and then they are still below. */
static void on_raw_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct socket_stream *s = arg;

	if (info->n_deleted > 0 && evbuffer_get_length(output) == 0)
		bufferevent_trigger(s->bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct socket_stream *s = arg;
	struct err why = {.code = ERR_CLOSED, .text = "connection closed"};
	unsigned long tls_error;

	if (what & BEV_EVENT_CONNECTED) {
		/* TLS also reports its handshake here, which a server does not ask for. */
		if ((s->raw == NULL || s->client) && s->stream.handler != NULL &&
		    s->stream.handler->opened != NULL)
			s->stream.handler->opened(s->stream.arg);
		return;
	}
	if (s->finishing || (what & BEV_EVENT_EOF)) {
		socket_end(s, &why);
	} else if (what & BEV_EVENT_ERROR) {
		tls_error = s->raw != NULL ? bufferevent_get_openssl_error(bev) : 0;
		if (tls_error != 0)
			err_set(&why, ERR_PROTOCOL, "TLS: %s", ERR_reason_error_string(tls_error));
		else
			err_set(&why, ERR_SYSTEM, "%s",
				evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
		socket_end(s, &why);
	}
}

static int socket_write(struct stream *stream, const void *data, size_t len)
{
	struct socket_stream *s = socket_of(stream);

	if (s->ended || s->finishing)
		return 0;
	s->wrote = true;
	return bufferevent_write(s->bev, data, len);
}

static void socket_pause(struct stream *stream, bool pause)
{
	struct socket_stream *s = socket_of(stream);

	s->paused = pause;
	if (s->ended || s->stream.handler == NULL)
		return;
	if (pause) {
		bufferevent_disable(s->bev, EV_READ);
	} else {
		bufferevent_enable(s->bev, EV_READ);
		bufferevent_trigger(s->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
	}
}

static void socket_finish(struct stream *stream)
{
	struct socket_stream *s = socket_of(stream);

	if (s->finishing || s->ended)
		return;
	s->finishing = true;
	if (socket_queued(stream) == 0)
		bufferevent_trigger(s->bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

static void socket_handler_set(struct stream *stream)
{
	struct socket_stream *s = socket_of(stream);

	if (s->ended) {
		/* The end came before there was anybody to tell. */
		s->ended = false;
		bufferevent_trigger_event(s->bev, BEV_EVENT_EOF, BEV_TRIG_DEFER_CALLBACKS);
	} else if (!s->paused) {
		bufferevent_enable(s->bev, EV_READ);
		bufferevent_trigger(s->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
	}
}

static void socket_free(struct stream *stream)
{
	struct socket_stream *s = socket_of(stream);

	if (s->freed != NULL)
		*s->freed = true;
	if (s->raw != NULL)
		evbuffer_remove_cb(bufferevent_get_output(s->raw), on_raw_output, s);
	bufferevent_free(s->bev);
	free(s);
}

static int socket_stream_peer_uid(struct stream *stream, uid_t *uid)
{
	return socket_peer_uid(bufferevent_getfd(socket_of(stream)->bev), uid);
}

static const struct stream_ops socket_ops = {
    .write = socket_write,
    .queued = socket_queued,
    .pause = socket_pause,
    .finish = socket_finish,
    .handler_set = socket_handler_set,
    .free = socket_free,
    .peer_uid = socket_stream_peer_uid,
};

static struct socket_stream *socket_new(struct loop *loop, int fd)
{
	struct socket_stream *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->stream.ops = &socket_ops;
	s->loop = loop;
	s->bev = bufferevent_socket_new(loop_base(loop), fd,
					BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (s->bev == NULL) {
		free(s);
		return NULL;
	}
	bufferevent_setcb(s->bev, on_readable, on_writable, on_event, s);
	return s;
}

struct stream *stream_of_socket(struct loop *loop, int fd)
{
	struct socket_stream *s = socket_new(loop, fd);
	int on = 1;

	if (s == NULL)
		return NULL;
	/* Fails on Unix sockets, which have no such delay. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	bufferevent_enable(s->bev, EV_WRITE);
	return &s->stream;
}

static struct stream *connect_to(struct loop *loop, const struct sockaddr *address, socklen_t len,
				 const char *name, struct err *err)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stream *stream;

	if (fd < 0) {
		err_system(err, "socket");
		return NULL;
	}
	stream = stream_of_socket(loop, fd);
	if (stream == NULL) {
		close(fd);
		err_set(err, ERR_MEMORY, "connect: out of memory");
		return NULL;
	}
	if (bufferevent_socket_connect(socket_of(stream)->bev, address, (int)len) != 0) {
		err_system(err, "connect to %s", name);
		stream_free(&stream);
	}
	return stream;
}

int socket_unix_address(const char *path, struct sockaddr_un *address, struct err *err)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (path[0] == '\0' || strlen(path) >= sizeof address->sun_path)
		return err_set(err, ERR_INPUT, "%s: a socket's path has 1 to %zu characters", path,
			       sizeof address->sun_path - 1);
	memcpy(address->sun_path, path, strlen(path));
	return 0;
}

int socket_tcp_address(const char *text, uint16_t port, struct sockaddr_storage *address,
		       socklen_t *len, struct err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*len = sizeof *v4;
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*len = sizeof *v6;
	} else {
		return err_set(err, ERR_INPUT, "%s: not a numeric address", text);
	}
	return 0;
}

struct stream *stream_connect_unix(struct loop *loop, const char *path, struct err *err)
{
	struct sockaddr_un address;

	if (socket_unix_address(path, &address, err) != 0)
		return NULL;
	return connect_to(loop, (struct sockaddr *)&address, sizeof address, path, err);
}

struct stream *stream_connect_tcp(struct loop *loop, const char *address, uint16_t port,
				  struct err *err)
{
	struct sockaddr_storage storage;
	socklen_t len;

	if (socket_tcp_address(address, port, &storage, &len, err) != 0)
		return NULL;
	return connect_to(loop, (struct sockaddr *)&storage, len, address, err);
}

/* Put TLS on top; ssl becomes the stream's, also when this fails. */
static int start_tls(struct socket_stream *s, SSL *ssl, enum bufferevent_ssl_state side,
		     struct err *err)
{
	struct evbuffer *output = bufferevent_get_output(s->bev);
	struct bufferevent *tls;

	if (evbuffer_add_cb(output, on_raw_output, s) == NULL) {
		SSL_free(ssl);
		return err_set(err, ERR_MEMORY, "TLS: out of memory");
	}
	tls = bufferevent_openssl_filter_new(loop_base(s->loop), s->bev, ssl, side,
					     BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (tls == NULL) {
		evbuffer_remove_cb(output, on_raw_output, s);
		SSL_free(ssl);
		return err_set(err, ERR_MEMORY, "TLS: out of memory");
	}
	s->raw = s->bev;
	s->bev = tls;
	s->client = side == BUFFEREVENT_SSL_CONNECTING;
	/* Clients drop the connection without a close_notify all the time. */
	bufferevent_openssl_set_allow_dirty_shutdown(tls, 1);
	bufferevent_setcb(tls, on_readable, on_writable, on_event, s);
	bufferevent_enable(tls, EV_READ | EV_WRITE);
	return 0;
}

int stream_start_tls(struct stream *stream, SSL_CTX *ctx, struct err *err)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl == NULL)
		return err_set(err, ERR_MEMORY, "TLS: out of memory");
	return start_tls(socket_of(stream), ssl, BUFFEREVENT_SSL_ACCEPTING, err);
}

/* Who the server must be: SNI has names only (RFC 6066 section 3). */
static int expect_host(SSL *ssl, const char *host)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return 0;
	ERR_clear_error();
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1 ? 0 : -1;
}

int stream_start_tls_client(struct stream *stream, SSL_CTX *ctx, const char *host, struct err *err)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl == NULL || expect_host(ssl, host) != 0) {
		SSL_free(ssl);
		return err_set(err, ERR_MEMORY, "TLS: out of memory");
	}
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return start_tls(socket_of(stream), ssl, BUFFEREVENT_SSL_CONNECTING, err);
}

SSL *stream_tls(struct stream *stream)
{
	struct socket_stream *s = socket_of(stream);

	return s->raw != NULL ? bufferevent_openssl_get_ssl(s->bev) : NULL;
}

int stream_peer_uid(struct stream *stream, uid_t *uid)
{
	return stream->ops->peer_uid ? stream->ops->peer_uid(stream, uid) : -1;
}
