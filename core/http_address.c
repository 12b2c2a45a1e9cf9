/*
 * http_address.c: addresses of gateways and of the SOCKS proxy; see http_address.h.
 */
#include "core/http_address.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* Put an address in network form into out (NULL: only look); false: it is not "1.2.3.4" or, with
 * its brackets, "[::1]". */
static bool parse_host(const char *host, size_t len, struct sockaddr_storage *out)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	char text[INET6_ADDRSTRLEN];
	bool brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';

	if (brackets) {
		host++;
		len -= 2;
	}
	if (len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	if (brackets) {
		if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
			return false;
		memcpy(out, &in6, sizeof(in6));
		return true;
	}
	if (inet_pton(AF_INET, text, &in4.sin_addr) != 1)
		return false;
	memcpy(out, &in4, sizeof(in4));
	return true;
}

/* --- gateways --- */

static bool has_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

static bool is_http(CURLU *u, const char *url)
{
	const char *host = strstr(url, "://");

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return false;
	/* libcurl passes over more slashes than two. */
	return host[3] != '/' && strlen(url) <= HTTP_URL_MAX &&
	       curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	       !has_part(u, CURLUPART_USER) && !has_part(u, CURLUPART_PASSWORD) &&
	       !has_part(u, CURLUPART_QUERY) && !has_part(u, CURLUPART_FRAGMENT);
}

int http_url_check(const char *url, bool numeric, struct err *err)
{
	struct sockaddr_storage unused;
	CURLU *u = curl_url();
	char *host = NULL;
	int result = 0;

	if (!u)
		return err_set(err, ERR_MEMORY, "out of memory");
	if (!is_http(u, url) || curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    strlen(host) > HTTP_HOST_MAX)
		result = err_set(err, ERR_INPUT, "\"%s\" is not an http or https address", url);
	else if (numeric && !parse_host(host, strlen(host), &unused))
		result = err_set(err, ERR_INPUT, "\"%s\": names need a SOCKS proxy", url);
	curl_free(host);
	curl_url_cleanup(u);
	return result;
}

/* --- the proxy --- */

/* socks5h://localhost/PATH, with what is special in an URL escaped. */
static int parse_unix(const char *path, struct http_proxy *out, struct err *err)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int at = snprintf(out->url, sizeof(out->url), "socks5h://localhost");

	if (path[0] != '/' || strlen(path) >= sizeof(un.sun_path))
		return err_set(err, ERR_INPUT,
			       "\"%s\" is not an absolute path of at most %zu bytes", path,
			       sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, path, strlen(path));
	memcpy(&out->socket, &un, sizeof(un));
	for (; *path; path++)
		at += snprintf(out->url + at, sizeof(out->url) - (size_t)at,
			       strchr(plain, *path) ? "%c" : "%%%02X", (unsigned char)*path);
	return 0;
}

static bool parse_port(const char *text, in_port_t *out)
{
	char *end;
	unsigned long port;

	if (*text < '0' || *text > '9')
		return false;
	port = strtoul(text, &end, 10);
	*out = htons((uint16_t)port);
	return *end == '\0' && port >= 1 && port <= 65535;
}

static int parse_tcp(const char *text, struct http_proxy *out, struct err *err)
{
	const char *colon = strrchr(text, ':');
	in_port_t port;

	if (!colon || !parse_port(colon + 1, &port) ||
	    !parse_host(text, (size_t)(colon - text), &out->socket))
		return err_set(err, ERR_INPUT, "\"%s\" is not a numeric address and a port", text);
	if (out->socket.ss_family == AF_INET)
		((struct sockaddr_in *)&out->socket)->sin_port = port;
	else
		((struct sockaddr_in6 *)&out->socket)->sin6_port = port;
	snprintf(out->url, sizeof(out->url), "socks5h://%s", text);
	return 0;
}

int http_proxy_parse(const char *text, struct http_proxy *out, struct err *err)
{
	int result;

	memset(out, 0, sizeof(*out));
	if (strncmp(text, "unix:", 5) == 0)
		result = parse_unix(text + 5, out, err);
	else
		result = parse_tcp(text, out, err);
	return result ? err_wrap(err, "SOCKS proxy") : 0;
}
