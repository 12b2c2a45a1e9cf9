/*
 * jid.h: XMPP addresses (RFC 6122: nodeprep, nameprep and resourceprep by libidn).
 */
#ifndef XMPP_JID_H
#define XMPP_JID_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Longest part, in bytes (RFC 6122 section 2.1). */
#define JID_PART_MAX 1023

/* Parts are normalised; local and resource are "" when there is none. */
struct jid {
	char local[JID_PART_MAX + 1];
	char domain[JID_PART_MAX + 1];
	char resource[JID_PART_MAX + 1];
};

/* ERR_INPUT for what is no JID. */
int jid_parse(const char *text, struct jid *jid, struct err *err);
/* Longest text of a JID with its NUL. */
#define JID_TEXT_SIZE (3 * JID_PART_MAX + 3)
void jid_format(const struct jid *jid, char out[JID_TEXT_SIZE]);
void jid_format_bare(const struct jid *jid, char out[JID_TEXT_SIZE]);
bool jid_is_bare(const struct jid *jid);
bool jid_equal(const struct jid *a, const struct jid *b);
bool jid_equal_bare(const struct jid *a, const struct jid *b);
/* Normalise a local part; -1 if it cannot be one. */
int jid_local_prepare(const char *text, char out[JID_PART_MAX + 1]);
/* Normalise a resource (RFC 6120 section 7.7); -1 if it cannot be one. */
int jid_resource_prepare(const char *text, char out[JID_PART_MAX + 1]);
/* Normalise a password or user name by SASLprep (RFC 4013), for SCRAM and PLAIN; -1 if it cannot
 * be. */
int jid_saslprep(const char *text, char *out, size_t size);

#endif
