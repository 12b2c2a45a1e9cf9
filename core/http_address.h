/*
 * http_address.h: addresses of gateways: judged and split, never resolved.
 *
 * Pure; http_client.c connects.
 */
#ifndef CORE_HTTP_ADDRESS_H
#define CORE_HTTP_ADDRESS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Longest URL of a gateway, in bytes; of a question to it, with its path. */
#define HTTP_URL_MAX      255
#define HTTP_QUESTION_MAX 400
/* Longest host name (RFC 1035 section 2.3.4); SOCKS 5 has room for 255. */
#define HTTP_HOST_MAX 253

struct http_url {
	bool tls;                          /* https */
	bool numeric;                      /* the host is an address */
	char host[HTTP_HOST_MAX + 1];      /* without the brackets of an IPv6 address */
	char authority[HTTP_HOST_MAX + 9]; /* host[:port] as it stood there, for the Host header */
	uint16_t port;
	char path[HTTP_QUESTION_MAX + 1]; /* begins with '/' */
};

/* Split "http[s]://host[:port][/path]" without user, query or fragment, of at most
 * HTTP_QUESTION_MAX bytes. Host: letters, digits, '-', '.', '_', or an IPv6 address in brackets.
 * ERR_INPUT. */
int http_url_parse(const char *url, struct http_url *out, struct err *err);
/* Is url one of a gateway, at most HTTP_URL_MAX bytes long? numeric: the host must be an IPv4
 * address or an IPv6 address in brackets. ERR_INPUT if not. */
int http_url_check(const char *url, bool numeric, struct err *err);

#endif
