/*
 * invitation.c: see invitation.h.
 */
#include "core/invitation.h"

#include "core/base/codec.h"
#include "core/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Longest text that is read: a link with some parameters that a later tacet may add. */
#define TEXT_MAX 2048

static_assert(sizeof("tacet:") + ID_LEN + sizeof("?s=") + BASE32_LEN(INVITATION_SECRET_LEN) +
		      sizeof("&n=") + 3 * INVITATION_NAME_MAX <=
		  INVITATION_LINK_SIZE,
	      "room for the longest link");

/* --- writing --- */

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-._~", c) != NULL;
}

static void percent_encode(const char *name, char *out)
{
	for (; *name != '\0'; name++) {
		if (is_unreserved(*name))
			*out++ = *name;
		else
			out += sprintf(out, "%%%02X", (unsigned)(uint8_t)*name);
	}
	*out = '\0';
}

void invitation_format(const struct invitation *invitation, char link[INVITATION_LINK_SIZE])
{
	char id[ID_LEN + 1], secret[BASE32_LEN(INVITATION_SECRET_LEN) + 1] = "";
	char name[3 * INVITATION_NAME_MAX + 1];
	const char *before_name = invitation->with_secret ? "&n=" : "?n=";

	id_encode(invitation->host, id);
	if (invitation->with_secret)
		base32_encode(invitation->secret, INVITATION_SECRET_LEN, secret);
	percent_encode(invitation->name, name);
	snprintf(link, INVITATION_LINK_SIZE, "tacet:%s%s%s%s%s", id,
		 invitation->with_secret ? "?s=" : "", secret, *name != '\0' ? before_name : "",
		 name);
	secret_wipe(secret, sizeof(secret));
}

/* --- reading --- */

/* The text without blanks, line ends, and the marks that mail programs and people put around a
 * link. */
static char *strip(const char *text, char out[TEXT_MAX + 1], struct err *err)
{
	static const char marks[] = "<>\"'";
	size_t len = 0, start;

	for (; *text != '\0'; text++) {
		if (strchr(" \t\r\n\f\v", *text) != NULL)
			continue;
		if (len == TEXT_MAX) {
			err_set(err, ERR_INPUT, "this is too long for a link");
			return NULL;
		}
		out[len++] = *text;
	}
	out[len] = '\0';
	start = strspn(out, marks);
	while (len > start && strchr(marks, out[len - 1]) != NULL)
		len--;
	out[len] = '\0';
	if (len > start)
		return out + start;
	err_set(err, ERR_INPUT, "there is no link and no id");
	return NULL;
}

static char *skip_scheme(char *at)
{
	static const char *const schemes[] = {"xmpp:", "tacet:"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncasecmp(at, schemes[i], strlen(schemes[i])) == 0)
			at += strlen(schemes[i]);
	return strncmp(at, "//", 2) == 0 ? at + 2 : at;
}

/* The text with its %XX decoded; cut at INVITATION_NAME_MAX. A name that is no text is none: it is
 * only a proposal. */
static void read_name(const char *value, char name[INVITATION_NAME_MAX + 1])
{
	char decoded[TEXT_MAX];
	size_t len = 0;
	int keep;

	/* Nothing is left of a name before it. */
	memset(name, 0, INVITATION_NAME_MAX + 1);
	while (*value != '\0') {
		uint8_t c = (uint8_t)*value++;
		if (c == '%') {
			if (hex_decode(value, strnlen(value, 2), &c, 1) != 1)
				return;
			value += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return;
		decoded[len++] = (char)c;
	}
	keep = utf8_cut(decoded, len, INVITATION_NAME_MAX);
	if (keep <= 0)
		return;
	memcpy(name, decoded, (size_t)keep);
}

static int read_parameter(const char *text, struct invitation *invitation, struct err *err)
{
	if (strncasecmp(text, "n=", 2) == 0)
		read_name(text + 2, invitation->name);
	if (strncasecmp(text, "s=", 2) != 0)
		return 0;
	if (base32_decode(text + 2, strlen(text + 2), invitation->secret, INVITATION_SECRET_LEN) !=
	    INVITATION_SECRET_LEN)
		return err_set(err, ERR_INPUT,
			       "the link's secret is not whole: was the link cut or mistyped?");
	invitation->with_secret = true;
	return 0;
}

static int read_link(char *at, struct invitation *invitation, struct err *err)
{
	char *query = NULL, *next = NULL;

	at = skip_scheme(at);
	query = strchr(at, '?');
	if (query != NULL)
		*query++ = '\0';
	at[strcspn(at, "@/#")] = '\0';
	if (id_decode(at, invitation->host, err) < 0)
		return -1;
	for (; query != NULL; query = next) {
		/* ';' as in xmpp: links, and after the "&amp" of a page's source. */
		next = strpbrk(query, "&;#");
		if (next != NULL)
			*next++ = '\0';
		if (read_parameter(query, invitation, err) < 0)
			return -1;
	}
	return 0;
}

int invitation_parse(const char *text, struct invitation *invitation, struct err *err)
{
	char copy[TEXT_MAX + 1];
	char *link = strip(text, copy, err);
	int result = -1;

	memset(invitation, 0, sizeof(*invitation));
	if (link != NULL)
		result = read_link(link, invitation, err);
	secret_wipe(copy, sizeof(copy));
	if (result < 0)
		invitation_wipe(invitation);
	return result;
}

void invitation_wipe(struct invitation *invitation)
{
	secret_wipe(invitation, sizeof(*invitation));
}

/* --- keys --- */

int invitation_door(const struct invitation *invitation, struct identity *door, struct key *secret,
		    struct err *err)
{
	static const char label[] = "tacet 1 invitation";
	struct crypto_part parts[] = {{invitation->secret, INVITATION_SECRET_LEN},
				      {invitation->host, X25519_LEN}};
	SECRET struct key root;
	SECRET struct key private_key;

	if (crypto_hkdf_extract(label, sizeof(label) - 1, parts, 2, &root) != 0 ||
	    crypto_hkdf_expand(&root, "door", 4, private_key.bytes, KEY_LEN) != 0 ||
	    crypto_hkdf_expand(&root, "secret", 6, secret->bytes, KEY_LEN) != 0)
		return err_set(err, ERR_CRYPTO, "cannot derive the keys of an invitation");
	return identity_load(&private_key, door, err);
}
