/*
 * inner_stanza.h: what of a client's <message/> goes to the contact, and the way back.
 *
 *     client:   <message to='ID@localhost' from='ann@localhost/x' type='chat' id='1'>…</message>
 *     payload:  <message xmlns='jabber:client' type='chat' id='1'>…</message>
 *
 * Only type, id and xml:lang of the message itself cross, and those children that a table does not
 * hold back: a message must carry no address of its sender, and a contact must not be able to pass
 * for a server or to make a client fetch something past Tor. The table is applied on both sides,
 * since the other daemon may not be ours. Pure: no I/O, no engine. bridge_message.c is its caller.
 */
#ifndef COMPONENT_INNER_STANZA_H
#define COMPONENT_INNER_STANZA_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "xmpp/xml.h"

#include <stdbool.h>

/* Elements and attributes in one message from a contact: far more than any client sends. */
#define INNER_CHILDREN_MAX 1024

enum inner_kind {
	INNER_NOTHING,   /* nothing is left that may cross: drop it in silence */
	INNER_TRANSIENT, /* only worth something now, as a chat state: not to be kept (XEP-0160
			    section 3) */
	INNER_LASTING,
};

/*
 * Append the payload for a client's message to out (whose limit is PAYLOAD_MAX; ERR_LIMIT when it
 * is passed). An error report (type='error') is INNER_NOTHING; type='groupchat' is ERR_INPUT: a
 * contact is no room. message stays as it is. Returns an enum inner_kind, or -1.
 */
int inner_write(const struct xml *message, struct buf *out, struct err *err);

/*
 * OMEMO (XEP-0384, urn:xmpp:omemo:2) says beside each list of keys whose devices they are for, by
 * bare address, and the two know each other by other addresses than themselves. On the way these
 * are "from" and "to" (inner_write puts them, from the message's own addresses; others do not
 * cross); this puts the addresses of the receiver's side in their place. -1: memory is short.
 */
int inner_address_keys(struct xml *message, const char *sender, const char *recipient);

/* Does the message tell no more than that its sender is there, or has read something: receipts
 * (XEP-0184), markers (XEP-0333), chat states (XEP-0085), and hints and threads that go with them?
 */
bool inner_gives_away(const struct xml *message);

/* The id of the message that this one takes back (XEP-0424, 0.3 and 0.4), or NULL; it lives as long
 * as the message. */
const char *inner_retracts(const struct xml *message);

enum inner_match {
	INNER_OTHER,
	INNER_SAME,      /* the message with this id, its stanza's or its origin's (XEP-0359) */
	INNER_CORRECTED, /* a correction of that one (XEP-0308) */
};
enum inner_match inner_is(const void *payload, size_t len, const char *id);

/*
 * The message in a payload from a contact, without from and to; the caller owns it. NULL with *err:
 * ERR_INPUT when it is not a message that may come from a contact (also when nothing is left of
 * it), or as xml_parse_element.
 */
struct xml *inner_read(const void *payload, size_t len, enum inner_kind *kind, struct err *err);

#endif
