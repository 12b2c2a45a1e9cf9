/*
 * http_server.h: an HTTP server on loopback addresses, on our loop. libmicrohttpd does the
 * protocol; no other file includes it.
 *
 * What a request may be answered at all is decided here, by http_origin.h, and by 403 for the rest:
 * the handler sees only requests of programs, of our own page and of accepted origins. To the last
 * two it says so in the CORS headers, and answers their preflight requests itself. Every answer
 * forbids to be framed, sniffed and read by other origins.
 */
#ifndef CORE_BASE_HTTP_SERVER_H
#define CORE_BASE_HTTP_SERVER_H

#include "core/base/err.h"
#include "core/base/http_origin.h"
#include "core/base/loop.h"
#include "core/base/stream.h"

/* Most connections an address that have not become something else (http_upgrade); with one more
 * the oldest is closed. A browser opens 6. */
#define HTTP_CONNECTIONS_MAX 64
/* A connection on which nothing comes is closed after so many seconds. */
#define HTTP_IDLE_S 30
/* Memory of a connection, and so the longest head of a request: browsers send the cookies of all
 * that runs on localhost. */
#define HTTP_MEMORY (32 * 1024)

struct http_server;
struct http_request;

struct http_header {
	const char *name, *value; /* a list ends with a NULL name */
};

/* Where the body of a request goes. */
struct http_body {
	/* The next bytes; -1 ends the connection without an answer. */
	int (*data)(void *arg, const void *data, size_t len);
	/* All has come: answer it. */
	void (*end)(void *arg, struct http_request *request);
	/* The request is over, after end() or without it: nothing else comes. */
	void (*gone)(void *arg);
};

struct http_handler {
	/* The head of a request has come. Call one of http_reply, http_reply_file, http_receive and
	 * http_upgrade before it returns. */
	void (*request)(void *arg, struct http_request *request);
};

/*
 * Listen on numeric loopback addresses (ends with NULL; one that this machine has not is passed
 * over) and a port (0: any free one, the same for all). accepted as in http_origin_rules; it and
 * handler outlive the server. NULL with *err.
 */
struct http_server *http_server_new(struct loop *loop, const char *const *listen, uint16_t port,
				    const char *const *accepted, const struct http_handler *handler,
				    void *arg, struct err *err);
/* Closes what is open; gone() is called for what was under way. Not from within a handler. */
void http_server_free(struct http_server **server);
uint16_t http_server_port(const struct http_server *server);

/* --- a request, valid until it is answered --- */
const char *http_method(const struct http_request *request); /* "GET" */
/* Begins with '/', without the query, %XX decoded. */
const char *http_path(const struct http_request *request);
/* NULL when there is none. The first when there are several. */
const char *http_header(const struct http_request *request, const char *name);
/* Is word one of the comma-separated words of the header, in any case? */
bool http_header_has(const struct http_request *request, const char *name, const char *word);

/* Answer with len bytes of body (copied); headers may be NULL. A HEAD gets the head of it. */
void http_reply(struct http_request *request, unsigned status, const struct http_header *headers,
		const void *body, size_t len);
/* Answer with a short text for people: what the status means. */
void http_reply_status(struct http_request *request, unsigned status);
/* Answer with size bytes of a file; fd becomes the server's. */
void http_reply_file(struct http_request *request, unsigned status,
		     const struct http_header *headers, int fd, uint64_t size);
/* Take the body; end() answers. Without this a body is not read. */
void http_receive(struct http_request *request, const struct http_body *body, void *arg);
/* Answer 101 with these headers (Connection is added); then the connection is a stream and the
 * callee's. taken() is not called when the connection breaks before, or when the client has sent
 * more than the request. */
void http_upgrade(struct http_request *request, const struct http_header *headers,
		  void (*taken)(void *arg, struct stream *stream), void *arg);

#endif
