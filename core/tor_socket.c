/*
 * tor_socket.c: see tor_socket.h.
 */
#include "core/tor_socket.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define UNIX_PREFIX "unix:"

struct address {
	const char *path;            /* of a Unix socket, or NULL */
	char host[INET6_ADDRSTRLEN]; /* else this */
	uint16_t port;
};

static int bad_address(const char *text, struct err *err)
{
	return err_set(err, ERR_INPUT, "%s: must be unix:PATH or a numeric ADDRESS:PORT", text);
}

static int parse_unix(const char *text, struct address *address, struct err *err)
{
	size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;

	address->path = text + strlen(UNIX_PREFIX);
	if (address->path[0] != '/' || strlen(address->path) > max)
		return err_set(err, ERR_INPUT,
			       "%s: the path must be absolute and have at most %zu bytes", text,
			       max);
	return 0;
}

static int parse_port(const char *text, uint16_t *port)
{
	size_t len = strspn(text, "0123456789");
	unsigned long number = strtoul(text, NULL, 10);

	if (len == 0 || len > 5 || text[len] != '\0' || number == 0 || number > UINT16_MAX)
		return -1;
	*port = (uint16_t)number;
	return 0;
}

static int parse_tcp(const char *text, struct address *address, struct err *err)
{
	const char *colon = strrchr(text, ':');
	bool brackets = text[0] == '[';
	const char *host = text + (brackets ? 1 : 0);
	uint8_t binary[sizeof(struct in6_addr)];
	size_t len;

	if (colon == NULL || colon <= host || parse_port(colon + 1, &address->port) != 0)
		return bad_address(text, err);
	len = (size_t)(colon - host);
	if (brackets && host[--len] != ']')
		return bad_address(text, err);
	if (len == 0 || len >= sizeof address->host)
		return bad_address(text, err);
	memcpy(address->host, host, len);
	address->host[len] = '\0';
	if (inet_pton(brackets ? AF_INET6 : AF_INET, address->host, binary) != 1)
		return bad_address(text, err);
	return 0;
}

static int parse(const char *text, struct address *address, struct err *err)
{
	*address = (struct address){0};
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(text, address, err);
	return parse_tcp(text, address, err);
}

int tor_socket_check(const char *text, struct err *err)
{
	struct address address;

	return parse(text, &address, err);
}

struct stream *tor_socket_connect(struct loop *loop, const char *text, struct err *err)
{
	struct address address;

	if (parse(text, &address, err) != 0)
		return NULL;
	if (address.path != NULL)
		return stream_connect_unix(loop, address.path, err);
	return stream_connect_tcp(loop, address.host, address.port, err);
}
