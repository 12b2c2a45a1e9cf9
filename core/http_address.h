/*
 * http_address.h: addresses of gateways and of the SOCKS proxy: judged and split, never resolved.
 *
 * Pure; http_client.c connects.
 */
#ifndef CORE_HTTP_ADDRESS_H
#define CORE_HTTP_ADDRESS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <sys/socket.h>

/* Longest URL of a gateway, in bytes. */
#define HTTP_URL_MAX 255
/* Longest host name (RFC 1035 section 2.3.4); SOCKS 5 has room for 255. */
#define HTTP_HOST_MAX 253
/* A Unix path of 107 bytes, each as %XX, and what stands before it. */
#define HTTP_PROXY_URL_SIZE 352

/* Is url "http[s]://host[:port][/path]" without user, query or fragment? numeric: the host must be
 * an IPv4 address or an IPv6 address in brackets. ERR_INPUT if not. */
int http_url_check(const char *url, bool numeric, struct err *err);

struct http_proxy {
	char url[HTTP_PROXY_URL_SIZE];  /* for libcurl: it sends names to the proxy unresolved */
	struct sockaddr_storage socket; /* where to connect; zeros behind the end */
};

/* "unix:/path", "127.0.0.1:9050" or "[::1]:9050". ERR_INPUT: none of these. */
int http_proxy_parse(const char *text, struct http_proxy *out, struct err *err);

#endif
