/*
 * http_origin.h: who may ask our HTTP server for something, by the headers of the request.
 *
 * The server is for programs of this machine and for the web page that it serves itself. Every web
 * page that the user visits can make the browser send requests to localhost, too; browsers tell on
 * whose behalf by Origin (RFC 6454) and Sec-Fetch-Site (Fetch Metadata), and a page that has made
 * its own name point to this machine ("DNS rebinding") shows by Host. Programs that are no browsers
 * send neither of the first two. Pure: no I/O.
 */
#ifndef CORE_BASE_HTTP_ORIGIN_H
#define CORE_BASE_HTTP_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

struct http_origin_rules {
	uint16_t port;               /* ours: http://localhost:PORT and the like are our own */
	const char *const *accepted; /* further origins, ends with NULL; NULL: none */
};

/* Is it one that a configuration may accept: "http://HOST[:PORT]" or "https://…", in lower case and
 * with nothing behind it? "null" is not: any page can be made to send it. */
bool http_origin_valid(const char *origin);

/* localhost, 127.0.0.1 or [::1], with any port or none (a port may have been forwarded). */
bool http_host_accepted(const char *host);
/* One of the rules', or our own: http://localhost:PORT, http://127.0.0.1:PORT, http://[::1]:PORT.
 */
bool http_origin_accepted(const struct http_origin_rules *rules, const char *origin);
/* The value of Sec-Fetch-Site in a request without Origin: "same-origin", or "none" (typed in by
 * the user). */
bool http_fetch_site_accepted(const char *site);

#endif
