/*
 * bridge_archive.c: what of the messages goes into the archive, and what a retraction leaves of it.
 * They come from bridge_message.c. Neighbours: bridge_archive_settings.c (what is wanted, erasing),
 * bridge_archive_query.c (what clients are given).
 */
#include "component/bridge_archive.h"

#include "component/archive_store.h"
#include "component/bridge_private.h"
#include "component/inner_stanza.h"
#include "core/base/log.h"
#include "xmpp/ns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Who sent it, and the stanza's id. */
#define MARK_SIZE (LOCAL_NAME_MAX + 1)

static bool has(char *const *list, const char *id)
{
	for (; *list; list++)
		if (strcmp(*list, id) == 0)
			return true;
	return false;
}

/* What is with the contact id, or ARCHIVE_OWN. */
static bool wanted(struct bridge *bridge, const char *user, const char *id)
{
	struct archive_settings settings;
	struct err err;
	bool wants = false;

	if (bridge_archive_settings(bridge, user, &settings, &err))
		log_warn("a message is not archived: %s", err.text);
	else if (has(settings.prefs.never, id))
		wants = false;
	else
		wants = settings.prefs.preset != ARCHIVE_NEVER || has(settings.prefs.always, id);
	archive_prefs_free(&settings.prefs);
	return wants;
}

static bool hinted(const struct xml *message, const char *hint)
{
	return xml_child(message, hint, NS_HINTS) != NULL;
}

/* XEP-0313 section 5.1: what has a body, and what a client needs that was away. Not what a hint
 * (XEP-0334) keeps out, nor chat states. */
static bool worth_keeping(const struct xml *message)
{
	static const char *const elements[][2] = {
	    {NULL, NS_RECEIPTS},
	    {"displayed", NS_MARKERS},
	    {"acknowledged", NS_MARKERS},
	    {"reactions", "urn:xmpp:reactions:0"},
	    {"retract", "urn:xmpp:message-retract:1"},
	    {"retract", "urn:xmpp:message-retract:0"},
	    {"apply-to", "urn:xmpp:fasten:0"},
	    {"encrypted", NULL},
	    {"x", "jabber:x:encrypted"},
	};
	const char *type = xml_get(message, "type");

	if (hinted(message, "no-store") || hinted(message, "no-permanent-store"))
		return false;
	if (type && (strcmp(type, "error") == 0 || strcmp(type, "headline") == 0 ||
		     strcmp(type, "groupchat") == 0))
		return false;
	if (hinted(message, "store") || xml_child(message, "body", NULL))
		return true;
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (xml_child(message, elements[i][0], elements[i][1]))
			return true;
	return false;
}

/* XEP-0424 section 4: the origin's id, which is the stanza's unless it says otherwise. */
static void make_mark(bool sent, const char *id, char out[MARK_SIZE])
{
	if (snprintf(out, MARK_SIZE, "%c%s", sent ? 'o' : 'i', id ? id : "") >= MARK_SIZE || !id)
		out[0] = '\0';
}

static const char *id_of(const struct xml *message)
{
	const char *origin = xml_get(xml_child(message, "origin-id", NS_STANZA_ID), "id");
	/* A correction (XEP-0308) goes with what it corrects. */
	const char *corrected =
	    xml_get(xml_child(message, "replace", "urn:xmpp:message-correct:0"), "id");

	if (corrected)
		return corrected;
	return origin ? origin : xml_get(message, "id");
}

static int store(struct bridge *bridge, const char *user, const char *contact, const char *id,
		 bool sent, const struct xml *message, struct err *err)
{
	char mark[MARK_SIZE];
	struct archive_row row = {
	    .id = id,
	    .contact = contact,
	    .mark = mark,
	    .stamp_ms = env_wall_ms(bridge->env),
	};
	struct buf text;
	int result;

	make_mark(sent, id_of(message), mark);
	buf_init(&text, LOCAL_VALUE_MAX);
	if (xml_write(message, "", &text))
		result = err_set(err, ERR_LIMIT, "it is too long, or memory is short");
	else {
		row.message = text.data;
		row.len = text.len;
		result = archive_add(bridge->local, user, &row, err);
	}
	buf_free(&text);
	return result;
}

/* XEP-0424 section 5: that there was a message, and no more. */
static struct xml *make_tombstone(const struct xml *retraction, const char *retracted)
{
	struct xml *tombstone = xml_new("message", "jabber:client");
	struct xml *element = xml_child_add(tombstone, "retracted", "urn:xmpp:message-retract:1");
	static const char *const kept[] = {"from", "to", "type"};

	for (size_t i = 0; i < 3; i++)
		xml_set(tombstone, kept[i], xml_get(retraction, kept[i]));
	xml_set(element, "id", xml_get(retraction, "id"));
	if (!xml_set(tombstone, "id", retracted) || !element)
		xml_free(&tombstone);
	return tombstone;
}

static int retract(struct bridge *bridge, const char *user, const char *contact, bool sent,
		   const struct xml *retraction, struct err *err)
{
	const char *retracted = inner_retracts(retraction);
	struct xml *tombstone;
	char mark[MARK_SIZE];
	struct buf text;
	int result;

	make_mark(sent, retracted, mark);
	if (!mark[0])
		return 0;
	tombstone = make_tombstone(retraction, retracted);
	buf_init(&text, LOCAL_VALUE_MAX);
	if (!tombstone || xml_write(tombstone, "", &text))
		result = err_set(err, ERR_MEMORY, "out of memory");
	else
		result =
		    archive_replace(bridge->local, user, contact, mark, text.data, text.len, err);
	buf_free(&text);
	xml_free(&tombstone);
	return result > 0 ? bridge_archive_erased(bridge, result, err) : result;
}

/* 1: it is archived under id; 0: it is none that is; -1. */
static int add(struct bridge *bridge, const char *user, const char *contact, const char *id,
	       bool sent, const struct xml *message)
{
	struct err err;
	int result = 0;

	if (!bridge->local)
		return 0;
	/* Also when the archive is off now: it may have been on. */
	if (inner_retracts(message))
		result = retract(bridge, user, contact, sent, message, &err);
	if (result >= 0 && worth_keeping(message) && wanted(bridge, user, contact))
		result = store(bridge, user, contact, id, sent, message, &err) < 0 ? -1 : 1;
	else if (result > 0)
		result = 0;
	if (result < 0)
		log_warn("a message is not archived: %s", err.text);
	return result;
}

void bridge_archive_sent(struct bridge *bridge, struct contact *contact, uint64_t token,
			 const struct xml *message)
{
	char id[STANZA_ID_SIZE];

	bridge_stanza_id(contact, token, true, id);
	add(bridge, bridge_user_of(contact), contact_id(contact), id, true, message);
}

void bridge_archive_taken_back(struct bridge *bridge, struct contact *contact,
			       const struct xml *retraction)
{
	struct err err;

	if (bridge->local && retract(bridge, bridge_user_of(contact), contact_id(contact), true,
				     retraction, &err) < 0)
		log_warn("a message that was taken back is still archived: %s", err.text);
}

void bridge_archive_got(struct bridge *bridge, struct contact *contact, uint64_t token,
			struct xml *message)
{
	char id[STANZA_ID_SIZE], to[JID_TEXT_SIZE];

	if (!bridge->local)
		return;
	bridge_user_jid(bridge, bridge_user_of(contact), to);
	bridge_stanza_id(contact, token, false, id);
	if (xml_set(message, "to", to))
		add(bridge, bridge_user_of(contact), contact_id(contact), id, false, message);
	/* To whom it is delivered is the server's affair. */
	xml_set(message, "to", NULL);
}

/* Like bridge_stanza_id's, but for a number that is drawn: the engine knows nothing of it. */
int bridge_archive_own(void *arg, const char *user, const struct xml *message,
		       char id[ARCHIVE_ID_MAX + 1], struct err *err)
{
	struct bridge *bridge = arg;
	const struct account *account = bridge_account(bridge, user, err);
	uint64_t number;
	int result;

	if (!account)
		return -1;
	env_random(bridge->env, &number, sizeof(number));
	snprintf(id, ARCHIVE_ID_MAX + 1, "%.*s=%016" PRIx64, STANZA_ID_CONTACT, account_id(account),
		 number);
	result = add(bridge, user, ARCHIVE_OWN, id, true, message);
	return result < 0 ? err_set(err, ERR_UNAVAILABLE, "the message is not archived") : result;
}
