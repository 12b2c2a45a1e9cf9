/*
 * jid.c: takes addresses apart, normalises their parts, and puts them together again.
 *
 *     [ local "@" ] domain [ "/" resource ]        the first "/", then the first "@" in front of it
 *
 * The stringprep profiles are libidn's. Domains are compared as Unicode: labels in punycode stay as
 * they are, since tacet serves names of its own only.
 */
#include "xmpp/jid.h"

#include <arpa/inet.h>
#include <stringprep.h>

#include <string.h>

/* RFC 1035 section 2.3.4. */
#define LABEL_MAX 63

/* Normalise part in place; -1 if it is empty, not UTF-8, too long, or has forbidden characters.
 * Code points newer than Unicode 3.2 pass, or no resource could have an emoji in it. */
static int prepare(char *part, size_t size, const Stringprep_profile *profile)
{
	return stringprep(part, size, 0, profile) == STRINGPREP_OK && *part ? 0 : -1;
}

/* Copy len bytes of text to part and normalise them. */
static int take_part(const char *text, size_t len, const Stringprep_profile *profile,
		     char part[JID_PART_MAX + 1])
{
	if (len > JID_PART_MAX)
		return -1;
	memcpy(part, text, len);
	part[len] = 0;
	return prepare(part, JID_PART_MAX + 1, profile);
}

/* --- domains --- */

/* Nameprep leaves the ideographic full stop alone, which IDNA counts as a dot (RFC 3490
 * section 3.1). */
static void fold_dots(char *domain)
{
	char *dot;

	while ((dot = strstr(domain, "\xe3\x80\x82"))) {
		*dot = '.';
		memmove(dot + 1, dot + 3, strlen(dot + 3) + 1);
	}
}

static bool is_domain_byte(char c)
{
	/* Bytes of other characters were checked by nameprep. */
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       (c & 0x80);
}

static bool labels_valid(const char *domain)
{
	size_t label = 0;

	for (; *domain; domain++) {
		if (*domain != '.' && !is_domain_byte(*domain))
			return false;
		if (*domain == '.' && label == 0)
			return false;
		label = *domain == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label > 0;
}

/* "[::1]" */
static bool ipv6_valid(const char *domain)
{
	char address[INET6_ADDRSTRLEN];
	unsigned char binary[16];
	size_t len = strlen(domain);

	if (len < 2 || domain[0] != '[' || domain[len - 1] != ']' || len - 2 >= sizeof(address))
		return false;
	memcpy(address, domain + 1, len - 2);
	address[len - 2] = 0;
	return inet_pton(AF_INET6, address, binary) == 1;
}

static int take_domain(const char *text, size_t len, char domain[JID_PART_MAX + 1])
{
	size_t end;

	if (take_part(text, len, stringprep_nameprep, domain) < 0)
		return -1;
	fold_dots(domain);
	/* RFC 7622 section 3.2: a final dot does not count. */
	end = strlen(domain);
	if (domain[end - 1] == '.')
		domain[end - 1] = 0;
	return labels_valid(domain) || ipv6_valid(domain) ? 0 : -1;
}

/* --- whole addresses --- */

int jid_parse(const char *text, struct jid *jid, struct err *err)
{
	const char *slash = strchr(text, '/');
	size_t bare_len = slash ? (size_t)(slash - text) : strlen(text);
	const char *at = memchr(text, '@', bare_len);
	const char *domain = at ? at + 1 : text;

	memset(jid, 0, sizeof(*jid));
	if (at && take_part(text, (size_t)(at - text), stringprep_xmpp_nodeprep, jid->local) < 0)
		err_set(err, ERR_INPUT, "bad local part of an address");
	else if (take_domain(domain, bare_len - (size_t)(domain - text), jid->domain) < 0)
		err_set(err, ERR_INPUT, "bad domain of an address");
	else if (slash && jid_resource_prepare(slash + 1, jid->resource) < 0)
		err_set(err, ERR_INPUT, "bad resource of an address");
	else
		return 0;
	memset(jid, 0, sizeof(*jid));
	return -1;
}

static char *put(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len + 1);
	return at + len;
}

static char *put_bare(const struct jid *jid, char *at)
{
	if (*jid->local) {
		at = put(at, jid->local);
		at = put(at, "@");
	}
	return put(at, jid->domain);
}

void jid_format(const struct jid *jid, char out[JID_TEXT_SIZE])
{
	char *at = put_bare(jid, out);

	if (*jid->resource) {
		at = put(at, "/");
		put(at, jid->resource);
	}
}

void jid_format_bare(const struct jid *jid, char out[JID_TEXT_SIZE])
{
	put_bare(jid, out);
}

bool jid_is_bare(const struct jid *jid)
{
	return !*jid->resource;
}

bool jid_equal_bare(const struct jid *a, const struct jid *b)
{
	return strcmp(a->local, b->local) == 0 && strcmp(a->domain, b->domain) == 0;
}

bool jid_equal(const struct jid *a, const struct jid *b)
{
	return jid_equal_bare(a, b) && strcmp(a->resource, b->resource) == 0;
}

/* --- single strings --- */

int jid_local_prepare(const char *text, char out[JID_PART_MAX + 1])
{
	return take_part(text, strnlen(text, JID_PART_MAX + 1), stringprep_xmpp_nodeprep, out);
}

int jid_resource_prepare(const char *text, char out[JID_PART_MAX + 1])
{
	return take_part(text, strnlen(text, JID_PART_MAX + 1), stringprep_xmpp_resourceprep, out);
}

int jid_saslprep(const char *text, char *out, size_t size)
{
	size_t len = strlen(text);

	if (len >= size)
		return -1;
	memcpy(out, text, len + 1);
	return prepare(out, size, stringprep_saslprep);
}
