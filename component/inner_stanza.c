/*
 * inner_stanza.c: see inner_stanza.h.
 */
#include "component/inner_stanza.h"

#include "core/engine.h"

#include <string.h>

#define NS_CLIENT "jabber:client"

/* What may not cross: {namespace, element or NULL for all of them}. */
static const struct {
	const char *ns;
	const char *name;
} held_back[] = {
    /* A server's word, which a contact could forge. */
    {"urn:xmpp:carbons:2", NULL},
    {"urn:xmpp:carbons:1", NULL},
    {"urn:xmpp:mam:2", NULL},
    {"urn:xmpp:mam:1", NULL},
    {"urn:xmpp:delay", NULL},
    {"jabber:x:delay", NULL},
    {"urn:xmpp:sid:0", "stanza-id"},
    {"http://jabber.org/protocol/pubsub#event", NULL},
    {"http://jabber.org/protocol/muc#user", NULL},
    {"urn:xmpp:privilege:1", NULL},
    {"urn:xmpp:privilege:2", NULL},
    {"urn:xmpp:delegation:1", NULL},
    {"urn:xmpp:delegation:2", NULL},
    /* Full of addresses: they would tell the local names of the sender and of others. */
    {"urn:xmpp:forward:0", NULL},
    {"http://jabber.org/protocol/address", NULL},
    {"http://jabber.org/protocol/rosterx", NULL},
    {"jabber:x:roster", NULL},
    {"http://jabber.org/protocol/http-auth", NULL},
    /* Makes clients open connections past Tor: calls, and pictures fetched unasked. */
    {"urn:xmpp:jingle-message:0", NULL},
    {"urn:xmpp:jingle-message:1", NULL},
    {"urn:xmpp:call-invites:0", NULL},
    {"jabber:x:oob", NULL},
    {"urn:xmpp:reference:0", NULL},
    {"urn:xmpp:sfs:0", NULL},
    {"http://jabber.org/protocol/xhtml-im", NULL},
};

/* Of the stream's own namespace only these cross: <error/> does not, nor what may come one day. */
static const char *const client_elements[] = {"body", "subject", "thread", NULL};

/* Types that cross as they are; one that is unknown is as none (RFC 6121 section 5.2.2). */
static const char *const plain_types[] = {"chat", "normal", "headline", NULL};

/* Attributes of the message that cross besides its type. */
static const char *const attributes[] = {"id", "xml:lang", NULL};

static bool is_among(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static bool may_cross(const struct xml *child)
{
	if (strcmp(xml_ns(child), NS_CLIENT) == 0)
		return is_among(xml_name(child), client_elements);
	for (size_t i = 0; i < sizeof(held_back) / sizeof(held_back[0]); i++)
		if (xml_is(child, held_back[i].name, held_back[i].ns))
			return false;
	return true;
}

/* An answer's <reply/> (XEP-0461) names the author of what is answered, by an address that is only
 * known on one side: the id says enough. */
static void without_addresses(struct xml *child)
{
	if (xml_is(child, "reply", "urn:xmpp:reply:0"))
		xml_set(child, "to", NULL);
}

/* Chat states alone (XEP-0085), hints for them (XEP-0334) and headlines are not worth keeping. */
static enum inner_kind kind_of(const struct xml *message)
{
	const char *type = xml_get(message, "type");
	bool chat_state = false;

	if (!xml_first(message))
		return INNER_NOTHING;
	if (type && strcmp(type, "headline") == 0)
		return INNER_TRANSIENT;
	for (const struct xml *child = xml_first(message); child; child = xml_next(child)) {
		if (xml_is(child, NULL, "http://jabber.org/protocol/chatstates"))
			chat_state = true;
		else if (!xml_is(child, "thread", NS_CLIENT) &&
			 !xml_is(child, NULL, "urn:xmpp:hints"))
			return INNER_LASTING;
	}
	return chat_state ? INNER_TRANSIENT : INNER_NOTHING;
}

bool inner_gives_away(const struct xml *message)
{
	bool signal = false;

	for (const struct xml *child = xml_first(message); child; child = xml_next(child)) {
		if (xml_is(child, "received", "urn:xmpp:receipts") ||
		    (xml_is(child, NULL, "urn:xmpp:chat-markers:0") &&
		     !xml_is(child, "markable", NULL)) ||
		    xml_is(child, NULL, "http://jabber.org/protocol/chatstates"))
			signal = true;
		else if (!xml_is(child, "thread", NS_CLIENT) &&
			 !xml_is(child, NULL, "urn:xmpp:hints"))
			return false;
	}
	return signal;
}

/* --- taking back --- */

const char *inner_retracts(const struct xml *message)
{
	for (const struct xml *child = xml_first(message); child; child = xml_next(child)) {
		if (xml_is(child, "retract", "urn:xmpp:message-retract:1"))
			return xml_get(child, "id");
		if (xml_is(child, "apply-to", "urn:xmpp:fasten:0") && xml_first(child) &&
		    xml_is(xml_first(child), "retract", "urn:xmpp:message-retract:0"))
			return xml_get(child, "id");
	}
	return NULL;
}

static bool is_id(const char *value, const char *id)
{
	return value && strcmp(value, id) == 0;
}

static enum inner_match match(const struct xml *message, const char *id)
{
	if (is_id(xml_get(message, "id"), id))
		return INNER_SAME;
	for (const struct xml *child = xml_first(message); child; child = xml_next(child)) {
		if (xml_is(child, "origin-id", "urn:xmpp:sid:0") && is_id(xml_get(child, "id"), id))
			return INNER_SAME;
		if (xml_is(child, "replace", "urn:xmpp:message-correct:0") &&
		    is_id(xml_get(child, "id"), id))
			return INNER_CORRECTED;
	}
	return INNER_OTHER;
}

enum inner_match inner_is(const void *payload, size_t len, const char *id)
{
	const struct xml_limits limits = {PAYLOAD_MAX, XML_LIMIT_DEPTH, INNER_CHILDREN_MAX};
	enum inner_match result = INNER_OTHER;
	struct xml *message;

	/* Most are not; an id without anything to escape stands there as it is. */
	if (!strpbrk(id, "&<>'\"\r\n\t") && !memmem(payload, len, id, strlen(id)))
		return INNER_OTHER;
	message = xml_parse_element(payload, len, &limits, NULL);
	if (message)
		result = match(message, id);
	xml_free(&message);
	return result;
}

/* --- cleaning --- */

/* --- whose keys --- */

#define NS_OMEMO "urn:xmpp:omemo:2"

static bool is_bare_of(const char *bare, const char *address)
{
	size_t len = strlen(bare);

	return address && strncmp(address, bare, len) == 0 &&
	       (address[len] == '\0' || address[len] == '/');
}

/* What stands for the address on the way; NULL: it is neither's, and does not cross. */
static const char *side_of(const struct xml *message, const char *jid)
{
	if (!jid || strcmp(jid, "from") == 0 || strcmp(jid, "to") == 0)
		return jid;
	if (is_bare_of(jid, xml_get(message, "from")))
		return "from";
	return is_bare_of(jid, xml_get(message, "to")) ? "to" : NULL;
}

static void name_sides(const struct xml *message, struct xml *child)
{
	struct xml *header =
	    xml_is(child, "encrypted", NS_OMEMO) ? xml_child(child, "header", NS_OMEMO) : NULL;

	for (struct xml *keys = xml_first(header); keys; keys = xml_next(keys))
		xml_set(keys, "jid", side_of(message, xml_get(keys, "jid")));
}

int inner_address_keys(struct xml *message, const char *sender, const char *recipient)
{
	struct xml *encrypted = xml_child(message, "encrypted", NS_OMEMO);
	struct xml *header = encrypted ? xml_child(encrypted, "header", NS_OMEMO) : NULL;

	for (struct xml *keys = xml_first(header); keys; keys = xml_next(keys)) {
		const char *jid = xml_get(keys, "jid");

		if (jid && !xml_set(keys, "jid", strcmp(jid, "from") == 0 ? sender : recipient))
			return -1;
	}
	return 0;
}

/* --- cleaning --- */

/* NULL when memory is short. */
static struct xml *append_clean(const struct xml *message, struct xml *inner,
				const struct xml *child)
{
	struct xml *copy = xml_append(inner, xml_copy(child));

	if (copy) {
		without_addresses(copy);
		name_sides(message, copy);
	}
	return copy;
}

/* A new message with what may cross of the given one. */
static struct xml *sanitise(const struct xml *message, struct err *err)
{
	struct xml *inner = xml_new("message", NS_CLIENT);
	struct xml *ok = inner;
	const char *type = xml_get(message, "type");

	if (type && is_among(type, plain_types))
		ok = ok ? xml_set(inner, "type", type) : NULL;
	for (const char *const *name = attributes; *name && ok; name++)
		if (xml_get(message, *name))
			ok = xml_set(inner, *name, xml_get(message, *name));
	for (const struct xml *child = xml_first(message); child && ok; child = xml_next(child))
		if (may_cross(child))
			ok = append_clean(message, inner, child);
	if (!ok) {
		xml_free(&inner);
		err_set(err, ERR_MEMORY, "no memory for a message");
	}
	return inner;
}

static bool has_type(const struct xml *message, const char *type)
{
	const char *actual = xml_get(message, "type");

	return actual && strcmp(actual, type) == 0;
}

int inner_write(const struct xml *message, struct buf *out, struct err *err)
{
	struct xml *inner;
	enum inner_kind kind;

	if (has_type(message, "error"))
		return INNER_NOTHING;
	if (has_type(message, "groupchat"))
		return err_set(err, ERR_INPUT, "a contact is no room");
	inner = sanitise(message, err);
	if (!inner)
		return -1;
	kind = kind_of(inner);
	if (kind != INNER_NOTHING && xml_write(inner, "", out)) {
		xml_free(&inner);
		if (out->starved)
			return err_set(err, ERR_MEMORY, "out of memory");
		return err_set(err, ERR_LIMIT, "the message is longer than %zu bytes", out->limit);
	}
	xml_free(&inner);
	return (int)kind;
}

struct xml *inner_read(const void *payload, size_t len, enum inner_kind *kind, struct err *err)
{
	const struct xml_limits limits = {PAYLOAD_MAX, XML_LIMIT_DEPTH, INNER_CHILDREN_MAX};
	struct xml *outer = xml_parse_element(payload, len, &limits, err);
	struct xml *inner = NULL;

	if (!outer)
		return NULL;
	if (!xml_is(outer, "message", NS_CLIENT) || has_type(outer, "error") ||
	    has_type(outer, "groupchat"))
		err_set(err, ERR_INPUT, "not a message from a contact");
	else
		inner = sanitise(outer, err);
	xml_free(&outer);
	if (!inner)
		return NULL;
	*kind = kind_of(inner);
	if (*kind == INNER_NOTHING) {
		xml_free(&inner);
		err_set(err, ERR_INPUT, "nothing in the message may come from a contact");
	}
	return inner;
}
