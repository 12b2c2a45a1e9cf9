/*
 * stanza.h: replies to stanzas, and the table of stanza errors (RFC 6120 section 8.3.3).
 *
 * Pure: it makes elements out of elements and sends nothing.
 */
#ifndef XMPP_STANZA_H
#define XMPP_STANZA_H

#include "core/base/err.h"
#include "xmpp/ns.h"
#include "xmpp/xml.h"

enum stanza_error {
	STANZA_BAD_REQUEST,
	STANZA_CONFLICT,
	STANZA_FEATURE_NOT_IMPLEMENTED,
	STANZA_FORBIDDEN,
	STANZA_INTERNAL_SERVER_ERROR,
	STANZA_ITEM_NOT_FOUND,
	STANZA_JID_MALFORMED,
	STANZA_NOT_ACCEPTABLE,
	STANZA_NOT_ALLOWED,
	STANZA_NOT_AUTHORIZED,
	STANZA_POLICY_VIOLATION,
	STANZA_RECIPIENT_UNAVAILABLE,
	STANZA_REGISTRATION_REQUIRED,
	STANZA_REMOTE_SERVER_NOT_FOUND,
	STANZA_REMOTE_SERVER_TIMEOUT,
	STANZA_RESOURCE_CONSTRAINT,
	STANZA_SERVICE_UNAVAILABLE,
	STANZA_SUBSCRIPTION_REQUIRED,
	STANZA_UNEXPECTED_REQUEST,
	STANZA_ERRORS, /* how many there are */
};

/* "bad-request" … */
const char *stanza_error_condition(enum stanza_error error);
/* What the sender can do about it: "auth", "cancel", "modify" or "wait". */
const char *stanza_error_type(enum stanza_error error);
/* The stanza error for an error of the layer above, as server.h promises. */
enum stanza_error stanza_error_of(const struct err *err);

/* Has it type='error'? Such stanzas are never answered with an error. */
bool stanza_is_error(const struct xml *stanza);

/*
 * All three make a stanza of the same name and id with from and to swapped; the caller sends and
 * frees it. NULL when memory is short.
 */
struct xml *stanza_reply(const struct xml *stanza, const char *type);
/* <iq type='result'/> without content. */
struct xml *stanza_result(const struct xml *iq);
/* text NULL or "": none. */
struct xml *stanza_error_new(const struct xml *stanza, enum stanza_error error, const char *text);

#endif
