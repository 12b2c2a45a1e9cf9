/*
 * http_origin.c: see http_origin.h.
 */
#include "core/base/http_origin.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const own_names[] = {"localhost", "127.0.0.1", "[::1]"};

#define OWN_NAMES (sizeof(own_names) / sizeof(own_names[0]))

/* "" or ":" and up to five digits. */
static bool is_port(const char *text)
{
	size_t digits = *text == ':' ? strspn(text + 1, "0123456789") : 0;

	return *text == '\0' || (digits >= 1 && digits <= 5 && text[1 + digits] == '\0');
}

bool http_origin_valid(const char *origin)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	const char *host = strncmp(origin, "http://", 7) == 0    ? origin + 7
			   : strncmp(origin, "https://", 8) == 0 ? origin + 8
								 : "";
	size_t len =
	    *host == '[' ? strspn(host + 1, "0123456789abcdef:") + 2 : strspn(host, letters);

	if (*host == '[' && (strlen(host) < len || host[len - 1] != ']'))
		return false;
	return len > 0 && is_port(host + len);
}

bool http_host_accepted(const char *host)
{
	for (size_t i = 0; i < OWN_NAMES; i++) {
		size_t len = strlen(own_names[i]);

		if (strncasecmp(host, own_names[i], len) == 0 && is_port(host + len))
			return true;
	}
	return false;
}

static bool is_own(const struct http_origin_rules *rules, const char *origin)
{
	char text[64];

	for (size_t i = 0; i < OWN_NAMES; i++) {
		snprintf(text, sizeof(text), "http://%s:%u", own_names[i], (unsigned)rules->port);
		if (strcmp(origin, text) == 0)
			return true;
	}
	return false;
}

bool http_origin_accepted(const struct http_origin_rules *rules, const char *origin)
{
	if (!http_origin_valid(origin))
		return false;
	for (const char *const *a = rules->accepted; a != NULL && *a != NULL; a++)
		if (strcmp(origin, *a) == 0)
			return true;
	return is_own(rules, origin);
}

bool http_fetch_site_accepted(const char *site)
{
	return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}
