/*
 * gw_shown.c: what users are shown of their contacts, and bringing a server that was away up to
 * date, as far as the stream has room, without saying anything twice.
 */
#include "component/gw_private.h"

#include <stdlib.h>
#include <string.h>

/* Who could make two presences alike would keep its own from being seen. 0: memory was short. */
static uint64_t hash_of(const struct xml *stanza)
{
	uint64_t hash = 0;
	struct buf text;

	buf_init(&text, XML_LIMIT_BYTES);
	if (xml_write(stanza, "", &text) == 0)
		hash = gw_hash(GW_HASH_NEW, text.data, text.len);
	buf_free(&text);
	return hash;
}

void gw_shown_forget(const struct gw_user *user)
{
	for (struct gw_item *item = user->items; item; item = item->next)
		item->shown = 0;
}

void gw_show_contact(struct gw_user *user, const char *contact,
		     const struct server_presence *presence, const char *to)
{
	struct gw *gw = user->gw;
	struct gw_item *item = gw_item_find(user, contact);
	bool all = strcmp(to, user->jid) == 0;
	struct xml *stanza;
	uint64_t hash;

	if (!item || !(item->flags & GW_TO))
		return;
	stanza =
	    remote_contact_presence(gw->server, user->jid, contact, gw->config->domain, presence);
	hash = stanza ? hash_of(stanza) : 0;
	if (!xml_set(stanza, "to", to) || (all && hash && hash == item->shown)) {
		xml_free(&stanza);
		return;
	}
	if (all)
		item->shown = hash;
	/* What does not leave now leaves with all the others when there is room. */
	if (gw_send(gw, stanza) < 0 && gw->up) {
		item->shown = 0;
		user->sync = user->show_all = true;
		user->sync_at = 0;
	}
}

void gw_show_self(const struct gw *gw, const char *to, const char *type)
{
	gw_send((struct gw *)(uintptr_t)gw, gw_new_stanza(gw, "presence", type, NULL, to));
}

/* Prosody 0.12 answers the probe of one who may not see the user with "unsubscribed", and takes its
 * own answer for the user's: a request that waits for the user is then no more, and what the user
 * says to it leads to nothing. So who is not let see asks for that first; a server whose user has
 * allowed it before says so at once (RFC 6121 section 3.1.3). */
void gw_ask_presence(const struct gw_user *user)
{
	const struct gw_item *item = user->items;
	struct gw *gw = user->gw;

	if (user->self.flags & GW_FROM) {
		gw_send(gw, gw_new_stanza(gw, "presence", "probe", NULL, user->jid));
		return;
	}
	if (!(user->self.flags & GW_DENIED))
		gw_send(gw, gw_new_stanza(gw, "presence", "subscribe", NULL, user->jid));
	/* A user who does not let the gateway see it may let a contact. */
	while (item && !(item->flags & GW_FROM))
		item = item->next;
	if (item)
		gw_send(gw, gw_new_stanza(gw, "presence", "probe", item->contact, user->jid));
}

/* --- after the stream was down --- */

struct walk {
	struct gw_user *user;
	unsigned at; /* contacts that were passed */
	bool full;
};

static void push(void *arg, const struct roster_item *item)
{
	gw_item_push(arg, item->contact, item);
}

static void sync_contact(void *arg, struct contact *contact)
{
	struct walk *walk = arg;
	struct gw_user *user = walk->user;
	struct server_presence presence;
	const struct gw_item *item;

	if (walk->at++ < user->sync_at || walk->full)
		return;
	if (!gw_has_room(user->gw)) {
		walk->full = true;
		return;
	}
	user->sync_at = walk->at;
	bridge_contact_item(contact, push, user);
	item = gw_item_find(user, contact_id(contact));
	/* The two have met while the server was not there to hear it. */
	if (item && (item->flags & GW_ASKED) && bridge_has_met(contact)) {
		gw_send(user->gw, gw_new_stanza(user->gw, "presence", "subscribed",
						contact_id(contact), user->jid));
		gw_item_set(user, (struct gw_item *)(uintptr_t)item, GW_TO, GW_ASKED);
	}
	presence_of_status(contact_status(contact), &presence);
	if (user->there && user->show_all && presence.available)
		gw_show_contact(user, contact_id(contact), &presence, user->jid);
}

/* Items of contacts that went meanwhile. */
static void drop_gone(struct gw_user *user, const struct account *account)
{
	struct gw_item *item = user->items, *next;

	for (; item; item = next) {
		next = item->next;
		if (!contact_find(account, item->contact) &&
		    !bridge_request_pending(account, item->contact))
			gw_item_drop(user, item->contact, true);
	}
}

void gw_sync(struct gw_user *user)
{
	struct walk walk = {.user = user};
	const struct account *account = gw_account(user);
	bool there = user->there;

	if (!account || !user->gw->greeted)
		return;
	if (!user->sync || !gw_has_room(user->gw))
		return;
	if (user->sync_at == 0) {
		if (gw_may_write(user) && !(user->self.flags & GW_WRITTEN))
			gw_write_self(user);
		else if (!there)
			gw_ask_presence(user);
		drop_gone(user, account);
		gw_requests_push(user);
	}
	/* A presence that does not leave begins the walk anew. */
	user->sync = false;
	account_contacts(account, sync_contact, &walk);
	gw_suggest_send(user);
	if (walk.full) {
		user->sync = true;
	} else if (!user->sync) {
		user->sync_at = 0;
		user->show_all = user->show_all && !there;
	}
}

void gw_sync_all(struct gw *gw)
{
	gw_users(gw, gw_sync);
}
