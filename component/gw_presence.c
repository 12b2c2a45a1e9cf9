/*
 * gw_presence.c: what users' servers say of them: who is there, and who may see whom.
 *
 * A server that broadcasts a user's presence sends it to the gateway, if that is in the roster, and
 * to each contact there. So a presence for one contact is meant for it alone (RFC 6121 section 4.6)
 * only if it differs from what the same resource tells the gateway once all have come; if the
 * gateway is told nothing, contacts' copies are all there is.
 *
 *     subscribe      the user would like to see the contact, who becomes one; or has asked
 *     subscribed     the user accepts the contact's request, or what the gateway has offered
 *     unsubscribe    the user removes the contact
 *     unsubscribed   the user denies, or does not want to be seen by the contact any more
 */
#include "component/gw_private.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

/* --- what is said --- */

/* -1: nonsense. */
static int read_says(struct xml *stanza, struct gw_says *says)
{
	struct server_presence presence;
	const char *type = xml_get(stanza, "type");

	*says = (struct gw_says){.show = ""};
	if (type)
		return 0;
	if (remote_presence_read(stanza, &presence) < 0)
		return -1;
	*says = (struct gw_says){true, presence.show, NULL, presence.priority};
	if (presence.status[0])
		says->status = strndup(presence.status, GW_STATUS_MAX);
	return 0;
}

static struct server_presence shown(const struct gw_says *says)
{
	return (struct server_presence){says->available, says->show,
					says->status ? says->status : "", says->priority};
}

static void settle_soon(struct gw_user *user)
{
	if (!timer_pending(user->timer))
		timer_set(user->timer, GW_SETTLE_MS);
}

/* --- resources --- */

static void resource_free(struct gw_resource **at)
{
	struct gw_resource *resource = *at;

	*at = resource->next;
	gw_says_clear(&resource->says);
	free(resource->name);
	free(resource);
}

void gw_resources_drop(struct gw_user *user)
{
	while (user->resources)
		resource_free(&user->resources);
}

/* Out of the list, or new. NULL: too many. */
static struct gw_resource *take_resource(struct gw_user *user, const char *name)
{
	struct gw_resource **at = &user->resources;
	struct gw_resource *resource;
	unsigned count = 0;

	for (; *at && strcmp((*at)->name, name) != 0; at = &(*at)->next)
		count++;
	resource = *at;
	if (resource) {
		*at = resource->next;
		return resource;
	}
	resource = count < GW_RESOURCES_MAX ? calloc(1, sizeof(*resource)) : NULL;
	if (resource && !(resource->name = strdup(name))) {
		free(resource);
		resource = NULL;
	}
	return resource;
}

static void resource_gone(struct gw_user *user, const char *name)
{
	struct gw_resource **at = &user->resources;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at)
		resource_free(at);
}

/* says is taken over. */
static void resource_says(struct gw_user *user, const char *name, struct gw_says *says,
			  bool to_gateway)
{
	struct gw_resource *resource;

	if (!says->available) {
		resource_gone(user, name);
		gw_says_clear(says);
		return;
	}
	resource = take_resource(user, name);
	if (!resource) {
		gw_says_clear(says);
		return;
	}
	gw_says_clear(&resource->says);
	resource->says = *says;
	resource->to_gateway = resource->to_gateway || to_gateway;
	resource->stale = false;
	resource->next = user->resources;
	user->resources = resource;
}

void gw_user_stale(struct gw_user *user)
{
	for (struct gw_resource *r = user->resources; r; r = r->next) {
		r->stale = true;
		/* What was asked and not answered is asked again. */
		if (r->features == 0)
			r->caps = 0;
	}
	if (user->photo_asked)
		user->photo[0] = '\0';
	user->photo_asked = false;
	user->there = user->takes = user->unwritable = false;
	gw_shown_forget(user);
	gw_parcels_rewind(user);
}

void gw_user_drop_stale(struct gw_user *user)
{
	struct gw_resource **at = &user->resources;
	bool changed = false;

	while (*at)
		if ((*at)->stale) {
			resource_free(at);
			changed = true;
		} else {
			at = &(*at)->next;
		}
	if (changed)
		gw_settle(user);
	/* Who comes from now on has a server that asks for each contact. */
	if (!user->there)
		user->show_all = false;
}

/* --- directed presence --- */

static void directed_free(struct gw_directed **at)
{
	struct gw_directed *directed = *at;

	*at = directed->next;
	gw_says_clear(&directed->says);
	free(directed->resource);
	free(directed);
}

void gw_directed_drop(struct gw_user *user)
{
	while (user->directed)
		directed_free(&user->directed);
}

static void directed_set(struct gw_user *user, const char *contact, const char *resource,
			 struct gw_says *says)
{
	struct gw_directed **at = &user->directed;
	unsigned count = 0;

	for (; *at && strcmp((*at)->contact, contact) != 0; at = &(*at)->next)
		count++;
	if (!*at && count < GW_DIRECTED_MAX && strlen(contact) == ID_LEN) {
		struct gw_directed *directed = calloc(1, sizeof(*directed));

		if (directed) {
			memcpy(directed->contact, contact, ID_LEN + 1);
			*at = directed;
		}
	}
	if (!*at) {
		gw_says_clear(says);
		return;
	}
	free((*at)->resource);
	(*at)->resource = strdup(resource);
	gw_says_clear(&(*at)->says);
	(*at)->says = *says;
}

/* A presence for a contact that is what all are told is nothing special. */
static void settle_directed(struct gw_user *user)
{
	struct gw_directed **at = &user->directed;
	struct gw *gw = user->gw;

	while (*at) {
		struct gw_directed *directed = *at;
		const struct gw_resource *resource =
		    directed->resource ? gw_resource_find(user, directed->resource) : NULL;
		const struct server_presence presence = shown(&directed->says);

		if (!resource || gw_says_same(&resource->says, &directed->says)) {
			if (directed->shown)
				gw->host->directed(gw->bridge, user->jid, directed->contact, NULL);
			directed_free(at);
			continue;
		}
		gw->host->directed(gw->bridge, user->jid, directed->contact, &presence);
		directed->shown = true;
		at = &directed->next;
	}
}

/* --- settling --- */

/* Contacts are told what has changed. */
static void tell(struct gw_user *user)
{
	static const struct gw_says nobody = {.show = ""};
	const struct gw_resource *speaker = gw_user_speaker(user);
	const struct gw_says *says = speaker ? &speaker->says : &nobody;
	const struct server_presence presence = shown(says);

	if (gw_says_same(says, &user->told))
		return;
	gw_says_clear(&user->told);
	user->told = *says;
	user->told.status = says->status ? strdup(says->status) : NULL;
	user->gw->host->presence(user->gw->bridge, user->jid, &presence);
}

/* Somebody has come. */
static void welcome(struct gw_user *user)
{
	gw_show_self(user->gw, user->jid, NULL);
	if (!user->show_all)
		return;
	user->sync = true;
	user->sync_at = 0;
	gw_sync(user);
}

void gw_settle(struct gw_user *user)
{
	bool was_there = user->there, took = user->takes;

	user->there = false;
	for (const struct gw_resource *r = user->resources; r; r = r->next)
		user->there = user->there || !r->stale;
	user->takes = gw_user_takes(user);
	tell(user);
	gw_caps_tell(user);
	settle_directed(user);
	if (!user->there)
		gw_shown_forget(user);
	if (user->there && !was_there)
		welcome(user);
	if (user->takes && !took) {
		gw_parcels_send(user);
		user->gw->host->ready(user->gw->bridge, user->jid);
	}
}

/* --- presence --- */

/* XEP-0153: "" when the user has no photo; absent: nothing is said. */
static void look_at_photo(struct gw_user *user, const struct xml *stanza)
{
	struct xml *x = xml_child(stanza, "x", NS_VCARD_UPDATE);
	const char *hash = xml_child_text(x, "photo", NS_VCARD_UPDATE);

	if (hash)
		gw_photo_named(user, hash);
}

void gw_presence_gateway(struct gw_request *request)
{
	struct gw_says says;

	if (read_says(request->stanza, &says) < 0)
		return;
	if (says.available)
		look_at_photo(request->user, request->stanza);
	resource_says(request->user, request->from.resource, &says, true);
	gw_caps_presence(request->user, request->from.resource, request->stanza);
	settle_soon(request->user);
}

void gw_presence_contact(struct gw_request *request)
{
	struct gw_user *user = request->user;
	const struct gw_resource *resource = gw_resource_find(user, request->from.resource);
	struct gw_says says;

	if (read_says(request->stanza, &says) < 0)
		return;
	/* A resource that is going says so to all, and is then not known any more. */
	if (resource && resource->to_gateway)
		directed_set(user, request->to.local, request->from.resource, &says);
	else
		resource_says(user, request->from.resource, &says, false);
	gw_caps_presence(user, request->from.resource, request->stanza);
	settle_soon(user);
}

/* RFC 6121 section 4.3.2: the answer goes to who has asked. */
void gw_probe(struct gw_request *request)
{
	struct gw *gw = request->gw;
	struct gw_user *user = request->user;
	struct server_presence presence = {.show = "", .status = ""};
	const char *from = xml_get(request->stanza, "from");
	const struct gw_item *item;

	if (!request->to.local[0]) {
		gw_show_self(gw, from, NULL);
		return;
	}
	item = gw_item_find(user, request->to.local);
	if (item && (item->flags & GW_TO)) {
		gw->host->contact_presence(gw->bridge, user->jid, request->to.local, &presence);
		gw_show_contact(user, request->to.local, &presence, from);
	} else if (!item || !(item->flags & GW_ASKED)) {
		gw_send(gw, gw_new_stanza(gw, "presence", "unsubscribed", request->to.local,
					  user->jid));
	}
}

/* --- subscriptions --- */

void gw_subscription_gateway(struct gw_request *request)
{
	struct gw *gw = request->gw;
	struct gw_user *user = request->user;
	const char *type = xml_get(request->stanza, "type");

	if (strcmp(type, "subscribe") == 0) {
		gw_send(gw, gw_new_stanza(gw, "presence", "subscribed", NULL, request->bare));
		if (user->there)
			gw_show_self(gw, request->bare, NULL);
		/* Who has taken the gateway out of the roster, and adds it again. */
		if (user->self.flags & GW_DENIED)
			gw_send(gw, gw_new_stanza(gw, "presence", "subscribe", NULL, user->jid));
		gw_item_set(user, &user->self, 0, GW_DENIED);
	} else if (strcmp(type, "subscribed") == 0) {
		gw_item_set(user, &user->self, GW_FROM, GW_DENIED);
	} else if (strcmp(type, "unsubscribed") == 0) {
		gw_item_set(user, &user->self, GW_DENIED, GW_FROM);
	} else if (strcmp(type, "unsubscribe") == 0) {
		gw_send(gw, gw_new_stanza(gw, "presence", "unsubscribed", NULL, request->bare));
	}
}

static void refuse(struct gw_request *request, const char *contact, const struct err *err)
{
	struct xml *stanza =
	    gw_new_stanza(request->gw, "presence", "unsubscribed", contact, request->bare);

	xml_text_add(xml_child_add(stanza, "status", NULL), err->text);
	gw_reply(request, stanza);
}

/* The contact sees the user, who sees it: tell the server what it does not know of that. */
static void let_see(struct gw_user *user, const char *contact, struct gw_item *item)
{
	struct gw *gw = user->gw;
	struct server_presence presence = {.show = "", .status = ""};

	gw_send(gw, gw_new_stanza(gw, "presence", "subscribed", contact, user->jid));
	gw_item_set(user, item, GW_TO, GW_ASKED);
	gw->host->contact_presence(gw->bridge, user->jid, contact, &presence);
	if (user->there && presence.available)
		gw_show_contact(user, contact, &presence, user->jid);
}

static void subscribe(struct gw_request *request, const char *contact)
{
	struct gw_user *user = request->user;
	struct gw *gw = request->gw;
	struct gw_item *item = gw_item_get(user, contact);
	struct contact *found;
	struct err err = {0};

	if (!item) {
		err_set(&err, ERR_INPUT, "this is no id");
		refuse(request, contact, &err);
		return;
	}
	/* First, so that the bridge's push does not offer what the user has asked for. */
	gw_item_set(user, item, GW_ASKED, GW_DENIED);
	if (gw->host->subscribe(gw->bridge, user->jid, contact, &err) < 0) {
		gw_item_drop(user, contact, false);
		refuse(request, contact, &err);
		return;
	}
	item = gw_item_find(user, contact);
	found = bridge_lookup(gw->bridge, user->jid, contact, NULL);
	if (item && found && bridge_has_met(found))
		let_see(user, contact, item);
}

static void subscribed(struct gw_request *request, const char *contact)
{
	struct gw_user *user = request->user;
	struct gw *gw = request->gw;
	const struct account *account = gw_account(user);
	struct gw_item *item = gw_item_find(user, contact);
	struct err err = {0};

	if (!item || !account)
		return;
	gw_item_set(user, item, GW_FROM, GW_DENIED);
	if (bridge_request_pending(account, contact) &&
	    gw->host->subscribe(gw->bridge, user->jid, contact, &err) < 0)
		log_notice("gateway: a request could not be accepted: %s", err.text);
}

static void unsubscribe(struct gw_request *request, const char *contact)
{
	struct gw_user *user = request->user;
	struct gw *gw = request->gw;
	struct err err = {0};

	gw_send(gw, gw_new_stanza(gw, "presence", "unsubscribed", contact, user->jid));
	user->removing = contact;
	if (bridge_lookup(gw->bridge, user->jid, contact, NULL) &&
	    gw->host->roster_remove(gw->bridge, user->jid, contact, &err) < 0)
		log_notice("gateway: a contact could not be removed: %s", err.text);
	user->removing = NULL;
	gw_item_drop(user, contact, false);
}

static void unsubscribed(struct gw_request *request, const char *contact)
{
	struct gw_user *user = request->user;
	struct gw *gw = request->gw;
	const struct account *account = gw_account(user);
	struct contact *found = bridge_lookup(gw->bridge, user->jid, contact, NULL);
	struct gw_item *item = gw_item_find(user, contact);
	struct err err = {0};

	if (account && bridge_request_pending(account, contact)) {
		gw->host->deny(gw->bridge, user->jid, contact, &err);
		gw_item_drop(user, contact, false);
	} else if (found && item && (item->flags & (GW_TO | GW_FROM)) == GW_FROM) {
		unsubscribe(request, contact);
	} else if (found && item && (item->flags & GW_FROM)) {
		/* Seen no more; the contact is removed if "unsubscribe" comes, too. */
		gw_item_set(user, item, 0, GW_FROM);
		bridge_contact_show(gw->bridge, found, "offline", &err);
	} else if (item && (item->flags & GW_OFFERED)) {
		gw_item_set(user, item, GW_DENIED, GW_OFFERED);
	}
}

void gw_subscription_contact(struct gw_request *request)
{
	static const struct {
		const char *type;
		void (*handler)(struct gw_request *request, const char *contact);
	} types[] = {{"subscribe", subscribe},
		     {"subscribed", subscribed},
		     {"unsubscribe", unsubscribe},
		     {"unsubscribed", unsubscribed}};
	const char *type = xml_get(request->stanza, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].type, type) == 0)
			types[i].handler(request, request->to.local);
}
