/*
 * http_client.h: HTTP requests through tor's SOCKS port, on the loop.
 *
 * It resolves no name: the proxy does, and without a proxy only numeric addresses may be given.
 * Every request goes over a connection of its own, which is closed afterwards: a connection that
 * carried two requests would tell the gateway that they come from one person. It knows nothing of
 * what is asked; registry_opendht.c does.
 */
#ifndef CORE_HTTP_CLIENT_H
#define CORE_HTTP_CLIENT_H

#include "core/base/loop.h"

struct http_client;
struct http_request;

/* Longest isolation string, in bytes: a SOCKS user name has 255 (RFC 1929), ours a prefix. */
#define HTTP_ISOLATION_MAX 200
/* Requests under way at once; the others wait in a queue. Each has a descriptor, and sessions need
 * theirs. */
#define HTTP_ACTIVE_MAX 128
/* As many as there can be tor processes of ours. */
#define HTTP_PROXIES_MAX 16

/*
 * socks: a SOCKS 5 proxy as in tor_socket.h, or NULL to connect directly (tests). ERR_INPUT: it
 * is no such address. The client is to be freed before the loop.
 */
struct http_client *http_client_new(struct loop *loop, const char *socks, struct err *err);
/* Another proxy, beside the one of http_client_new: which of them a question goes through depends
 * on its isolation. ERR_INPUT: no such address, or HTTP_PROXIES_MAX are there. */
int http_client_add_proxy(struct http_client *client, const char *socks, struct err *err);
/* The number-th proxy, from 0, can be used, or not now: then questions go through the others. */
void http_client_set_usable(struct http_client *client, unsigned number, bool usable);
/* Cancels all requests. */
void http_client_free(struct http_client **client);

enum http_end {
	HTTP_COMPLETE,   /* an answer, whatever its status */
	HTTP_CONTENT,    /* received() wanted no more */
	HTTP_CUT,        /* the body passed its limit; what came before was handed on */
	HTTP_TIMEOUT,    /* not complete in time */
	HTTP_FAILED,     /* not reached, closed too early, not HTTP */
	HTTP_PROXY_DOWN, /* the SOCKS proxy itself was not reached, or has no way out */
};

struct http_result {
	enum http_end end;
	int status;          /* 0: none came */
	bool reached;        /* there was a connection to the server, not only to the proxy */
	int64_t date_ms;     /* what the Date header's clock shows now (Unix time); -1: none came */
	int64_t duration_ms; /* from the beginning of the connection */
};

struct http_question {
	const char *url;       /* that passes http_url_check, numeric when there is no proxy */
	const char *isolation; /* questions with different ones never share a circuit */
	const char *json;      /* POST this; NULL: GET */
	size_t body_limit;
	int64_t timeout_ms; /* counted from the beginning of the connection */
	/* A body of which more than long_bytes have come by then has until long_timeout_ms. 0: it
	 * has not. */
	size_t long_bytes;
	int64_t long_timeout_ms;
	/* A piece of the body of an answer with status 200; false: enough. Must not call http_*.
	 * NULL: the body is of no interest. */
	bool (*received)(void *arg, const uint8_t *data, size_t len);
	/* The end, from the loop, exactly once, never after http_request_cancel; the request is
	 * gone. */
	void (*done)(void *arg, const struct http_result *result);
	void *arg;
};

/* Begin. All that question points to is copied. NULL: memory is short, done will not come. */
struct http_request *http_client_ask(struct http_client *client,
				     const struct http_question *question);
/* Give up; NULL is fine. */
void http_request_cancel(struct http_request **request);

#endif
