/*
 * http_address.c: addresses of gateways; see http_address.h.
 */
#include "core/http_address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS     "0123456789"
#define HOST_CHARS DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_"
/* What RFC 3986 allows in a path. */
#define PATH_CHARS DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/-._~%!$&'()*+,;=:@"

static const struct {
	const char *text;
	bool tls;
	uint16_t port;
} schemes[] = {{"http://", false, 80}, {"https://", true, 443}};

/* What follows the scheme; NULL when it is none of ours. */
static const char *parse_scheme(const char *url, struct http_url *out)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i].text);

		if (strncmp(url, schemes[i].text, len) != 0)
			continue;
		out->tls = schemes[i].tls;
		out->port = schemes[i].port;
		return url + len;
	}
	return NULL;
}

/* What follows the host; NULL when it is none. */
static const char *parse_host(const char *at, struct http_url *out)
{
	bool brackets = *at == '[';
	size_t len = brackets ? strcspn(++at, "]") : strspn(at, HOST_CHARS);
	uint8_t binary[sizeof(struct in6_addr)];

	if (len == 0 || len > HTTP_HOST_MAX || (brackets && at[len] != ']'))
		return NULL;
	memcpy(out->host, at, len);
	out->host[len] = '\0';
	out->numeric = inet_pton(brackets ? AF_INET6 : AF_INET, out->host, binary) == 1;
	if (brackets && !out->numeric)
		return NULL;
	return at + len + brackets;
}

static const char *parse_port(const char *at, struct http_url *out)
{
	size_t len;
	unsigned long port;

	if (*at != ':')
		return at;
	len = strspn(++at, DIGITS);
	port = strtoul(at, NULL, 10);
	if (len == 0 || len > 5 || port == 0 || port > UINT16_MAX)
		return NULL;
	out->port = (uint16_t)port;
	return at + len;
}

static int parse_path(const char *at, struct http_url *out)
{
	size_t len = strspn(at, PATH_CHARS);

	if ((len > 0 && at[0] != '/') || at[len] != '\0')
		return -1;
	memcpy(out->path, len > 0 ? at : "/", len > 0 ? len + 1 : 2);
	return 0;
}

int http_url_parse(const char *url, struct http_url *out, struct err *err)
{
	const char *host = strlen(url) <= HTTP_QUESTION_MAX ? parse_scheme(url, out) : NULL;
	const char *at = host ? parse_host(host, out) : NULL;

	if (at)
		at = parse_port(at, out);
	if (!at || (size_t)(at - host) >= sizeof(out->authority) || parse_path(at, out))
		return err_set(err, ERR_INPUT, "\"%s\" is not an http or https address", url);
	memcpy(out->authority, host, (size_t)(at - host));
	out->authority[at - host] = '\0';
	return 0;
}

int http_url_check(const char *url, bool numeric, struct err *err)
{
	struct http_url parsed;

	if (strlen(url) > HTTP_URL_MAX)
		return err_set(err, ERR_INPUT, "\"%s\" is longer than %d bytes", url, HTTP_URL_MAX);
	if (http_url_parse(url, &parsed, err))
		return -1;
	if (numeric && !parsed.numeric)
		return err_set(err, ERR_INPUT, "\"%s\": names need a SOCKS proxy", url);
	return 0;
}
