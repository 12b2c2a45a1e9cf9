/*
 * http_server.c: see http_server.h.
 *
 * A libmicrohttpd daemon for each address, without threads: its epoll descriptor is watched by our
 * loop, and a timer wakes it when it wants to be. All answers are given from within its callbacks.
 */
#include "core/base/http_server.h"

#include "core/base/log.h"
#include "core/base/stream_socket_private.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESSES_MAX 8
#define BACKLOG       64

/* A connection that was accepted. */
struct connection {
	struct connection *older, *newer;
	int fd; /* libmicrohttpd's */
};

/* One address. */
struct site {
	struct http_server *server;
	struct MHD_Daemon *daemon;
	struct watch *watch;
	struct timer *timer;
	struct connection *oldest, *newest;
	unsigned connections;
	bool again; /* libmicrohttpd has something to do that it does not tell */
};

struct http_server {
	struct loop *loop;
	struct http_origin_rules rules;
	const struct http_handler *handler;
	void *arg;
	struct site sites[ADDRESSES_MAX];
	unsigned site_count;
};

struct http_request {
	struct site *site;
	struct MHD_Connection *connection;
	const char *method, *path;
	const char *origin; /* accepted; NULL: the request has none */
	bool answered;
	const struct http_body *body; /* NULL: not taken */
	void *body_arg;
	void (*taken)(void *arg, struct stream *stream);
	void *taken_arg;
};

/* --- what a request says --- */

const char *http_method(const struct http_request *request)
{
	return request->method;
}

const char *http_path(const struct http_request *request)
{
	return request->path;
}

const char *http_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

bool http_header_has(const struct http_request *request, const char *name, const char *word)
{
	const char *at = http_header(request, name);
	size_t len = strlen(word);

	while (at != NULL && *at != '\0') {
		at += strspn(at, " \t,");
		if (strncasecmp(at, word, len) == 0 && (at[len] == '\0' || strchr(" \t,", at[len])))
			return true;
		at += strcspn(at, ",");
	}
	return false;
}

/* --- answers --- */

/* CORS: to an accepted origin, and to no other (Fetch standard, section 3.2). */
static void add_origin(const struct http_request *request, struct MHD_Response *response)
{
	MHD_add_response_header(response, "Vary", "Origin, Sec-Fetch-Site");
	if (request->origin == NULL)
		return;
	MHD_add_response_header(response, "Access-Control-Allow-Origin", request->origin);
	if (strcmp(request->method, "OPTIONS") != 0)
		return;
	MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, HEAD, PUT");
	MHD_add_response_header(response, "Access-Control-Allow-Headers", "Content-Type");
}

static void queue(struct http_request *request, unsigned status, const struct http_header *headers,
		  struct MHD_Response *response)
{
	if (response == NULL)
		return;
	for (const struct http_header *h = headers; h != NULL && h->name != NULL; h++)
		MHD_add_response_header(response, h->name, h->value);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	add_origin(request, response);
	request->answered = MHD_queue_response(request->connection, status, response) == MHD_YES;
	MHD_destroy_response(response);
}

void http_reply(struct http_request *request, unsigned status, const struct http_header *headers,
		const void *body, size_t len)
{
	queue(request, status, headers,
	      MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY));
}

void http_reply_status(struct http_request *request, unsigned status)
{
	static const struct http_header plain[] = {{"Content-Type", "text/plain; charset=utf-8"},
						   {"Cache-Control", "no-store"},
						   {NULL, NULL}};
	char text[64];

	snprintf(text, sizeof(text), "%u %s\n", status, MHD_get_reason_phrase_for(status));
	http_reply(request, status, plain, text, strlen(text));
}

void http_reply_file(struct http_request *request, unsigned status,
		     const struct http_header *headers, int fd, uint64_t size)
{
	struct MHD_Response *response = MHD_create_response_from_fd64(size, fd);

	if (response == NULL)
		close(fd);
	queue(request, status, headers, response);
}

void http_receive(struct http_request *request, const struct http_body *body, void *arg)
{
	request->body = body;
	request->body_arg = arg;
}

/* --- a connection that becomes something else --- */

/* libmicrohttpd wants to close its descriptor itself, so the stream gets one of its own. */
static void on_upgraded(void *arg, struct MHD_Connection *connection, void *context,
			const char *extra, size_t extra_len, MHD_socket fd,
			struct MHD_UpgradeResponseHandle *handle)
{
	struct http_request *request = context;
	struct stream *stream = NULL;
	int own = -1;

	(void)arg;
	(void)connection;
	(void)extra;
	/* RFC 6455 section 4.1: the client waits for the answer. */
	if (extra_len == 0)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own >= 0)
		stream = stream_of_socket(request->site->server->loop, own);
	if (own >= 0 && stream == NULL)
		close(own);
	if (stream != NULL)
		request->taken(request->taken_arg, stream);
	MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
	request->site->again = true;
}

void http_upgrade(struct http_request *request, const struct http_header *headers,
		  void (*taken)(void *arg, struct stream *stream), void *arg)
{
	request->taken = taken;
	request->taken_arg = arg;
	queue(request, MHD_HTTP_SWITCHING_PROTOCOLS, headers,
	      MHD_create_response_for_upgrade(on_upgraded, NULL));
}

/* --- who may ask --- */

struct judgement {
	struct http_request *request;
	unsigned hosts, origins;
	bool refused;
};

static enum MHD_Result judge(void *arg, enum MHD_ValueKind kind, const char *name,
			     const char *value)
{
	struct judgement *j = arg;

	(void)kind;
	if (value == NULL)
		value = "";
	if (strcasecmp(name, "Host") == 0) {
		j->hosts++;
		j->refused |= !http_host_accepted(value);
	} else if (strcasecmp(name, "Origin") == 0) {
		j->origins++;
		j->refused |= !http_origin_accepted(&j->request->site->server->rules, value);
		j->request->origin = value;
	}
	return MHD_YES;
}

static bool accepted(struct http_request *request)
{
	struct judgement j = {.request = request};
	const char *site = http_header(request, "Sec-Fetch-Site");

	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, judge, &j);
	if (j.hosts != 1 || j.origins > 1)
		j.refused = true;
	if (j.origins == 0 && site != NULL && !http_fetch_site_accepted(site))
		j.refused = true;
	if (j.refused)
		request->origin = NULL;
	return !j.refused;
}

static void answer(struct http_request *request)
{
	if (!accepted(request)) {
		log_info("a request from another origin or for another host is refused");
		http_reply_status(request, MHD_HTTP_FORBIDDEN);
	} else if (request->path[0] != '/') {
		http_reply_status(request, MHD_HTTP_BAD_REQUEST);
	} else if (strcmp(request->method, "OPTIONS") == 0) {
		http_reply(request, MHD_HTTP_NO_CONTENT, NULL, "", 0);
	} else {
		request->site->server->handler->request(request->site->server->arg, request);
	}
}

/* --- what libmicrohttpd calls --- */

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **context)
{
	struct site *site = arg;
	struct http_request *request = *context;

	(void)version;
	if (request == NULL) {
		request = calloc(1, sizeof(*request));
		if (request == NULL)
			return MHD_NO;
		*context = request;
		request->site = site;
		request->connection = connection;
		request->method = method;
		request->path = path;
		answer(request);
		return request->answered || request->body != NULL ? MHD_YES : MHD_NO;
	}
	if (request->body == NULL)
		return MHD_NO;
	if (*len > 0) {
		if (request->body->data(request->body_arg, data, *len) < 0)
			return MHD_NO;
		*len = 0;
		return MHD_YES;
	}
	request->body->end(request->body_arg, request);
	return request->answered ? MHD_YES : MHD_NO;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode how)
{
	struct http_request *request = *context;

	(void)arg;
	(void)connection;
	(void)how;
	if (request == NULL)
		return;
	if (request->body != NULL)
		request->body->gone(request->body_arg);
	free(request);
	*context = NULL;
}

static void unlink_connection(struct site *site, struct connection *c)
{
	if (c->older != NULL)
		c->older->newer = c->newer;
	else
		site->oldest = c->newer;
	if (c->newer != NULL)
		c->newer->older = c->older;
	else
		site->newest = c->older;
	site->connections--;
}

/* libmicrohttpd alone may close it, which it does when it sees the end. */
static void drop_oldest(struct site *site)
{
	struct connection *c = site->oldest;

	shutdown(c->fd, SHUT_RDWR);
	unlink_connection(site, c);
	c->older = c->newer = c;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct site *site = arg;
	struct connection *c = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (c != NULL && c->older != c)
			unlink_connection(site, c);
		free(c);
		return;
	}
	c = calloc(1, sizeof(*c));
	*context = c;
	if (c == NULL)
		return;
	c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	c->older = site->newest;
	if (site->newest != NULL)
		site->newest->newer = c;
	else
		site->oldest = c;
	site->newest = c;
	if (++site->connections > HTTP_CONNECTIONS_MAX)
		drop_oldest(site);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *arg, const char *format,
							 va_list values)
{
	char text[256];

	(void)arg;
	vsnprintf(text, sizeof(text), format, values);
	text[strcspn(text, "\r\n")] = '\0';
	log_debug("HTTP: %s", log_private(text));
}

/* --- the loop --- */

static void run(struct site *site)
{
	MHD_UNSIGNED_LONG_LONG ms;

	do {
		site->again = false;
		MHD_run(site->daemon);
	} while (site->again);
	if (MHD_get_timeout(site->daemon, &ms) == MHD_YES)
		timer_set(site->timer, (int64_t)ms);
	else
		timer_stop(site->timer);
}

static void on_ready(void *arg, unsigned what)
{
	(void)what;
	run(arg);
}

static void on_timer(void *arg)
{
	run(arg);
}

/* --- life --- */

static int listen_at(const char *address, uint16_t port, struct err *err)
{
	struct sockaddr_storage storage;
	socklen_t len;
	int fd, on = 1;

	if (socket_tcp_address(address, port, &storage, &len, err) != 0)
		return -1;
	fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_system(err, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (storage.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&storage, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err_system(err, "listen on %s port %u", address, (unsigned)port);
	close(fd);
	return -1;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						   : ((struct sockaddr_in *)&address)->sin_port);
}

static int start(struct site *site, int fd, struct err *err)
{
	const union MHD_DaemonInfo *info;

	site->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, site,
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
	    /* Those that were told to go are still there for a moment. */
	    MHD_OPTION_CONNECTION_LIMIT, 2u * HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, site, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, site, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_STRICT_FOR_CLIENT,
	    1, MHD_OPTION_END);
	if (site->daemon == NULL) {
		close(fd);
		return err_set(err, ERR_SYSTEM, "HTTP server: cannot start");
	}
	info = MHD_get_daemon_info(site->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info != NULL)
		site->watch =
		    watch_fd(site->server->loop, info->epoll_fd, WATCH_READ, on_ready, site);
	site->timer = timer_new(loop_env(site->server->loop), on_timer, site);
	if (site->watch == NULL || site->timer == NULL)
		return err_set(err, ERR_MEMORY, "HTTP server: out of memory");
	return 0;
}

static bool address_missing(void)
{
	return errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
}

static int add_site(struct http_server *server, const char *address, struct err *err)
{
	struct site *site = &server->sites[server->site_count];
	int fd;

	if (server->site_count == ADDRESSES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d addresses to listen on",
			       ADDRESSES_MAX);
	fd = listen_at(address, server->rules.port, err);
	if (fd < 0)
		return strchr(address, ':') != NULL && address_missing() ? 0 : -1;
	server->rules.port = port_of(fd);
	site->server = server;
	server->site_count++;
	return start(site, fd, err);
}

struct http_server *http_server_new(struct loop *loop, const char *const *listen, uint16_t port,
				    const char *const *accepted, const struct http_handler *handler,
				    void *arg, struct err *err)
{
	struct http_server *server = calloc(1, sizeof(*server));

	if (server == NULL) {
		err_set(err, ERR_MEMORY, "HTTP server: out of memory");
		return NULL;
	}
	server->loop = loop;
	server->rules = (struct http_origin_rules){.port = port, .accepted = accepted};
	server->handler = handler;
	server->arg = arg;
	for (const char *const *address = listen; *address != NULL; address++) {
		if (add_site(server, *address, err) < 0) {
			http_server_free(&server);
			return NULL;
		}
	}
	return server;
}

void http_server_free(struct http_server **server)
{
	struct http_server *old = *server;

	if (old == NULL)
		return;
	for (unsigned i = 0; i < old->site_count; i++) {
		struct site *site = &old->sites[i];

		watch_free(&site->watch);
		if (site->daemon != NULL)
			MHD_stop_daemon(site->daemon);
		timer_free(&site->timer);
	}
	free(old);
	*server = NULL;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->rules.port;
}
