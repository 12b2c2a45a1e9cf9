/*
 * gw_caps.c: what users' clients can do (XEP-0115), and what depends on it: what contacts are told
 * of it, events of contacts' photos (XEP-0084, 0163), suggestions for the roster (XEP-0144).
 *
 * Each client is asked itself, once for each thing that it says in its presence: what one says of
 * a hash is then not believed of another.
 */
#include "component/gw_private.h"

#include <stdio.h>
#include <string.h>

#define NS_ROSTERX "http://jabber.org/protocol/rosterx"
/* Contacts in one suggestion: with long names some 50 KB, which servers let through. */
#define SUGGESTED_MAX 32

/* Who makes two alike deceives itself only. */
static uint64_t hash_of(const char *node, const char *ver)
{
	const char *const texts[] = {node, "#", ver};
	uint64_t hash = GW_HASH_NEW;

	for (size_t i = 0; i < 3; i++)
		hash = gw_hash(hash, texts[i], strlen(texts[i]));
	return hash ? hash : 1;
}

static bool has(const struct xml *query, const char *feature)
{
	for (const struct xml *f = xml_first(query); f; f = xml_next(f)) {
		const char *var = xml_is(f, "feature", NULL) ? xml_get(f, "var") : NULL;

		if (var && strcmp(var, feature) == 0)
			return true;
	}
	return false;
}

/* --- contacts are told --- */

void gw_caps_tell(struct gw_user *user)
{
	unsigned features = 0;

	for (const struct gw_resource *r = user->resources; r; r = r->next)
		features |= r->stale ? 0 : r->features;
	/* With the last client goes the presence; what it could do is nobody's business then. */
	if (features == 0 || features == user->features)
		return;
	user->features = features;
	remote_features_set(user->gw->server, user->jid, features);
}

/* --- photos --- */

static void send_event(const struct gw_user *user, const char *resource, const char *contact,
		       const struct xml *items)
{
	struct gw *gw = user->gw;
	char to[JID_TEXT_SIZE];
	struct xml *message, *event, *copy = xml_copy(items);

	snprintf(to, sizeof(to), "%s/%s", user->jid, resource);
	message = gw_new_stanza(gw, "message", "headline", contact, to);
	event = xml_child_add(message, "event", NS_PUBSUB_EVENT);
	if (copy && xml_rename_ns(copy, NS_PUBSUB, NS_PUBSUB_EVENT) == 0 && xml_append(event, copy))
		gw_send(gw, message);
	else
		xml_free(&message);
}

/* What is known of the contact's photo; NULL: nothing. The caller frees it. */
static struct xml *metadata_of(const struct gw_user *user, const char *contact)
{
	struct xml *question = pep_question(NS_AVATAR_METADATA);
	enum stanza_error error;
	struct xml *answer =
	    question ? server_pep_recall(user->gw->server, user->jid, contact, question, &error)
		     : NULL;

	xml_free(&question);
	return answer;
}

/* To one resource, or (NULL) to all that want it. */
static void tell_photo(const struct gw_user *user, const char *resource, const char *contact)
{
	const struct gw_item *item = gw_item_find(user, contact);
	struct xml *answer, *items;

	if (!item || !(item->flags & GW_TO) || !gw_has_room(user->gw))
		return;
	answer = metadata_of(user, contact);
	items = answer ? xml_child(answer, "items", NS_PUBSUB) : NULL;
	for (const struct gw_resource *r = user->resources; items && xml_first(items) && r;
	     r = r->next)
		if (r->wants_avatars && !r->stale && (!resource || strcmp(r->name, resource) == 0))
			send_event(user, r->name, contact, items);
	xml_free(&answer);
}

void gw_avatar_event(const struct gw_user *user, const char *contact)
{
	bool wanted = false;

	for (const struct gw_resource *r = user->resources; r; r = r->next)
		wanted = wanted || (r->wants_avatars && !r->stale);
	if (wanted)
		tell_photo(user, NULL, contact);
}

/* XEP-0163 section 4.3.4: who begins to want events gets the last one of each. */
static void tell_photos(const struct gw_user *user, const char *resource)
{
	for (const struct gw_item *item = user->items; item; item = item->next)
		tell_photo(user, resource, item->contact);
}

/* --- asking --- */

static void learned(struct gw_user *user, const char *name, struct xml *query)
{
	struct gw_resource *resource = gw_resource_find(user, name);
	bool wants = has(query, NS_AVATAR_METADATA "+notify"), begins;

	if (!resource)
		return;
	begins = wants && !resource->wants_avatars;
	/* Too often: it is asked again when it says something again. */
	if (begins && !gw_photo_pay(user)) {
		resource->caps = 0;
		wants = begins = false;
	}
	resource->features = xml_is(query, "query", NS_DISCO_INFO) ? remote_features_read(query)
								   : remote_features_usual();
	resource->wants_avatars = wants;
	resource->takes_items = has(query, NS_ROSTERX);
	gw_caps_tell(user);
	if (begins)
		tell_photos(user, name);
}

void gw_caps_presence(struct gw_user *user, const char *name, const struct xml *presence)
{
	struct gw_resource *resource = gw_resource_find(user, name);
	struct xml *c = xml_child(presence, "c", NS_CAPS), *query;
	const char *node = xml_get(c, "node"), *ver = xml_get(c, "ver");
	uint64_t caps = node && ver ? hash_of(node, ver) : 0;
	char text[512];

	if (!resource)
		return;
	if (caps == 0 || strlen(node) + strlen(ver) + 2 > sizeof(text)) {
		/* Section 8.4: a server may leave out what has not changed. */
		if (resource->caps == 0)
			resource->features = remote_features_usual();
		return;
	}
	if (caps == resource->caps)
		return;
	/* It is the user's own stanza that makes the gateway ask. */
	if (!gw_take(user->gw, &user->bucket, 1))
		return;
	resource->caps = caps;
	query = xml_new("query", NS_DISCO_INFO);
	snprintf(text, sizeof(text), "%s#%s", node, ver);
	xml_set(query, "node", text);
	gw_ask_client(user, name, "get", query, learned);
}

/* --- suggestions --- */

static const struct gw_resource *suggestible(const struct gw_user *user)
{
	const struct gw_resource *resource = user->resources;

	while (resource && (!resource->takes_items || resource->stale))
		resource = resource->next;
	return resource;
}

bool gw_suggest(struct gw_user *user, struct gw_item *gw_item, const char *name,
		const char *const *groups)
{
	const struct gw_resource *resource = suggestible(user);
	char jid[JID_TEXT_SIZE];
	struct xml *x, *item;

	if (!resource || gw_item->suggested)
		return resource != NULL;
	if (user->suggested == SUGGESTED_MAX)
		gw_suggest_send(user);
	if (!user->suggestion) {
		snprintf(jid, sizeof(jid), "%s/%s", user->jid, resource->name);
		user->suggestion = gw_new_stanza(user->gw, "message", NULL, NULL, jid);
		xml_child_add(user->suggestion, "x", NS_ROSTERX);
	}
	x = xml_child(user->suggestion, "x", NS_ROSTERX);
	item = xml_child_add(x, "item", NULL);
	snprintf(jid, sizeof(jid), "%s@%s", gw_item->contact, user->gw->config->domain);
	xml_set(item, "action", "add");
	xml_set(item, "jid", jid);
	xml_set(item, "name", name && *name ? name : NULL);
	for (; groups && *groups; groups++)
		xml_text_add(xml_child_add(item, "group", NULL), *groups);
	gw_item->suggested = item != NULL;
	user->suggested += item != NULL;
	return item != NULL;
}

void gw_suggest_send(struct gw_user *user)
{
	bool left;

	if (!user->suggestion)
		return;
	left = gw_send(user->gw, user->suggestion) == 0;
	user->suggestion = NULL;
	user->suggested = 0;
	for (struct gw_item *item = user->items; item; item = item->next) {
		if (item->suggested && left)
			gw_item_set(user, item, GW_OFFERED, 0);
		item->suggested = false;
	}
	/* When there is room. */
	if (!left) {
		user->sync = true;
		user->sync_at = 0;
	}
}
