/*
 * gw_vcard.c: photos and vCards (XEP-0054, 0153, 0084): of contacts, from what is known of them,
 * for the users who have them; and the users' own, which their servers keep, for the contacts. And
 * XEP-0191 at the gateway.
 */
#include "component/gw_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

void gw_vcard_gateway(struct gw_request *request)
{
	struct xml *reply = stanza_result(request->stanza);
	struct xml *vcard = xml_child_add(reply, "vCard", NS_VCARD);

	xml_text_add(xml_child_add(vcard, "FN", NULL), "tacet");
	gw_reply(request, reply);
}

void gw_vcard_contact(struct gw_request *request)
{
	enum stanza_error error = STANZA_ITEM_NOT_FOUND;
	struct xml *answer, *reply;

	if (!gw_request_contact(request))
		return;
	answer = server_pep_recall(request->gw->server, request->user->jid, request->to.local,
				   request->payload, &error);
	if (!answer) {
		gw_error(request, error, NULL);
		return;
	}
	reply = stanza_result(request->stanza);
	if (!xml_append(reply, answer))
		xml_free(&reply);
	gw_reply(request, reply);
}

/* --- the user's own --- */

static void vcard_came(struct gw_user *user, const char *contact, struct xml *vcard)
{
	struct err err;

	(void)contact;
	user->photo_asked = false;
	if (!vcard || !xml_is(vcard, "vCard", NS_VCARD))
		return;
	if (remote_vcard_set(user->gw->server, user->jid, vcard, &err) < 0)
		log_info("gateway: a user's vCard is not shown: %s", err.text);
}

void gw_vcard_ask(struct gw_user *user)
{
	gw_ask(user, "get", xml_new("vCard", NS_VCARD), NULL, vcard_came);
}

/* The few bytes of a presence cost a whole vCard, or a look at all contacts: so many at once, then
 * one in PHOTO_COST seconds. */
#define PHOTO_BURST 60
#define PHOTO_COST  20

void gw_photo_init(struct gw_user *user)
{
	bucket_init(&user->photos, PHOTO_BURST, 1, env_mono_ms(user->gw->env));
}

bool gw_photo_pay(struct gw_user *user)
{
	return gw_take(user->gw, &user->photos, PHOTO_COST);
}

/* One that is not asked for now is asked for at the next presence that names it. */
void gw_photo_named(struct gw_user *user, const char *hash)
{
	if (strcmp(user->photo, hash) == 0 || !gw_photo_pay(user))
		return;
	snprintf(user->photo, sizeof(user->photo), "%s", hash);
	user->photo_asked = true;
	gw_vcard_ask(user);
}

/* --- blocking --- */

static void list(void *arg, const char *id)
{
	struct gw_request *request = arg;
	char jid[JID_TEXT_SIZE];

	snprintf(jid, sizeof(jid), "%s@%s", id, request->gw->config->domain);
	xml_set(xml_child_add(request->payload, "item", NULL), "jid", jid);
}

static void answer_list(struct gw_request *request)
{
	struct gw *gw = request->gw;
	struct xml *reply = stanza_result(request->stanza);

	request->payload = xml_child_add(reply, "blocklist", NS_BLOCKING);
	gw->host->block_list(gw->bridge, request->user->jid, list, request);
	gw_reply(request, reply);
}

static bool read_item(const struct gw *gw, const struct xml *item, struct jid *jid)
{
	const char *text = xml_is(item, "item", NS_BLOCKING) ? xml_get(item, "jid") : NULL;

	return text && jid_parse(text, jid, NULL) == 0 && jid->local[0] &&
	       strcmp(jid->domain, gw->config->domain) == 0;
}

/* Section 3.5: <unblock/> without items. */
static void unblock_all(struct gw_request *request)
{
	struct gw *gw = request->gw;
	struct xml *reply = stanza_result(request->stanza);
	struct xml *all = xml_new("blocklist", NS_BLOCKING);
	struct gw_request listing = *request;
	struct err err = {0};
	struct jid jid;

	/* The list changes while it is gone through: first the names. */
	listing.payload = all;
	gw->host->block_list(gw->bridge, request->user->jid, list, &listing);
	for (struct xml *item = xml_first(all); item; item = xml_next(item))
		if (read_item(gw, item, &jid))
			gw->host->block(gw->bridge, request->user->jid, jid.local, false, &err);
	xml_free(&all);
	gw_reply(request, reply);
}

void gw_blocking(struct gw_request *request)
{
	struct gw *gw = request->gw;
	bool block = xml_is(request->payload, "block", NULL);
	struct xml *item = xml_first(request->payload);
	struct err err = {0};
	struct jid jid;

	if (xml_is(request->payload, "blocklist", NULL)) {
		answer_list(request);
		return;
	}
	if (!item && block)
		gw_error(request, STANZA_BAD_REQUEST, NULL);
	else if (!item)
		unblock_all(request);
	if (!item)
		return;
	/* All or none. */
	for (; item; item = xml_next(item))
		if (!read_item(gw, item, &jid)) {
			gw_error(request, STANZA_JID_MALFORMED, NULL);
			return;
		}
	for (item = xml_first(request->payload); item; item = xml_next(item)) {
		read_item(gw, item, &jid);
		if (gw->host->block(gw->bridge, request->user->jid, jid.local, block, &err) < 0) {
			gw_refused(request, &err);
			return;
		}
	}
	gw_result(request);
}
