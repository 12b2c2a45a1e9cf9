/*
 * config_check.c: what the values of the configuration may be, each by itself.
 *
 * What they may be together is said in config.c.
 */
#include "component/config_private.h"

#include "core/base/http_origin.h"
#include "xmpp/jid.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

int config_check_domain(const char *value, struct err *err)
{
	struct jid jid;

	if (jid_parse(value, &jid, err))
		return -1;
	if (jid.local[0] || jid.resource[0] || strcmp(jid.domain, value) != 0)
		return err_set(err, ERR_INPUT, "must be a domain in lower case, such as localhost");
	return 0;
}

static bool is_loopback(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

int config_check_listen(const char *value, struct err *err)
{
	if (!is_loopback(value))
		return err_set(err, ERR_INPUT,
			       "must be a numeric loopback address, 127.0.0.1 or ::1");
	return 0;
}

/* A decimal port at *text, which moves on; 0 when there is none. */
static unsigned port_at(const char **text)
{
	unsigned port = 0;

	for (; **text >= '0' && **text <= '9' && port <= 65535; (*text)++)
		port = port * 10 + (unsigned)(**text - '0');
	return port <= 65535 ? port : 0;
}

int config_check_optional_port(const char *value, struct err *err)
{
	const char *rest = value;

	if (strcmp(value, "0") == 0 || strcmp(value, "-1") == 0 || (port_at(&rest) && !*rest))
		return 0;
	return err_set(err, ERR_INPUT, "must be a port, 1 to 65535, or 0 for none");
}

int config_check_origin(const char *value, struct err *err)
{
	if (!http_origin_valid(value))
		return err_set(err, ERR_INPUT,
			       "must be http://HOST:PORT or https://HOST, in lower case");
	return 0;
}

/* unix:PATH or LOOPBACK:PORT, as tor.h wants them. */
int config_check_tor_address(const char *value, struct err *err)
{
	const char *colon = strrchr(value, ':');
	char address[64];

	if (strncmp(value, "unix:", 5) == 0) {
		if (value[5] != '/' || strlen(value + 5) > SOCKET_PATH_MAX)
			return err_set(err, ERR_INPUT,
				       "needs a full path after unix:, at most %d characters",
				       SOCKET_PATH_MAX);
		return 0;
	}
	if (colon && (size_t)(colon - value) < sizeof(address)) {
		const char *rest = colon + 1;

		snprintf(address, sizeof(address), "%.*s", (int)(colon - value), value);
		if (is_loopback(address) && port_at(&rest) && !*rest)
			return 0;
	}
	return err_set(err, ERR_INPUT,
		       "must be unix:PATH or a loopback address and port, "
		       "such as 127.0.0.1:9051");
}

int config_check_path(const char *value, struct err *err)
{
	if (value[0] != '/')
		return err_set(err, ERR_INPUT, "must be a full path, beginning with /");
	return 0;
}

int config_check_socket(const char *value, struct err *err)
{
	if (config_check_path(value, err))
		return -1;
	if (strlen(value) > SOCKET_PATH_MAX)
		return err_set(err, ERR_INPUT, "a socket's path has at most %d characters",
			       SOCKET_PATH_MAX);
	return 0;
}

/* A host that a resolver or inet_pton understands; letters, digits and what addresses have. */
int config_check_host(const char *value, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-:_";

	if (value[strspn(value, allowed)] || value[0] == '-')
		return err_set(err, ERR_INPUT, "must be an address or a name of a host");
	return 0;
}

int config_check_bare_jid(const char *value, struct err *err)
{
	char text[JID_TEXT_SIZE];
	struct jid jid;

	if (jid_parse(value, &jid, err))
		return -1;
	jid_format_bare(&jid, text);
	if (!jid.local[0] || strcmp(text, value) != 0)
		return err_set(err, ERR_INPUT,
			       "must be a bare JID in lower case, such as romeo@example.org");
	return 0;
}

int config_parse_gateway(const char *value, struct config_gateway_range *range, struct err *err)
{
	const char *host = strncmp(value, "http://", 7) == 0    ? value + 7
			   : strncmp(value, "https://", 8) == 0 ? value + 8
								: NULL;
	const char *end;

	*range = (struct config_gateway_range){0};
	if (!host || !*host || strpbrk(host, "/?#@ \"\\"))
		return err_set(err, ERR_INPUT, "must be http://HOST:PORT or http://HOST:PORT-PORT");
	/* An IPv6 address has its colons in brackets. */
	end = host[0] == '[' ? strchr(host, ']') : host + strcspn(host, ":");
	if (end && *end == ']')
		end++;
	if (!end || end == host || (*end && *end != ':'))
		return err_set(err, ERR_INPUT, "has no host");
	range->base_len = (int)(end - value);
	if (!*end)
		return 0;
	end++;
	range->first = range->last = port_at(&end);
	if (*end == '-') {
		end++;
		range->last = port_at(&end);
	}
	if (*end || range->first == 0 || range->last < range->first)
		return err_set(err, ERR_INPUT, "has no valid port");
	if (range->last - range->first >= CONFIG_LIST_MAX)
		return err_set(err, ERR_LIMIT, "has more than %d ports", CONFIG_LIST_MAX);
	return 0;
}

int config_check_gateway(const char *value, struct err *err)
{
	struct config_gateway_range range;

	return config_parse_gateway(value, &range, err);
}
