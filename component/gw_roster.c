/*
 * gw_roster.c: how the roster at the user's own server stands to the contacts. It is that server's;
 * here is kept what is known of it, so that nothing is asked or told twice, also after a restart:
 *
 *     item gateway / roster / ID in the local store:  "FLAGS NAME", FLAGS letters of the table
 * below; likewise of the gateway itself, whose ID is "gateway"
 *
 * A contact that the user adds with a client is in the roster already. One that comes by another
 * way (an invitation, a command) is written there where the server lets us (gw_privilege.c), else
 * it is suggested to a client that takes suggestions (gw_caps.c), else the user is asked once, in
 * the contact's name, with its name (XEP-0172). So is one who has asked.
 */
#include "component/gw_private.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

#define SPACE "gateway"
#define NODE  "roster"
/* In place of an id: the gateway itself. */
#define SELF "gateway"

static const struct {
	unsigned flag;
	char letter;
} letters[] = {{GW_TO, 't'},      {GW_FROM, 'f'},   {GW_ASKED, 'a'},
	       {GW_OFFERED, 'o'}, {GW_DENIED, 'd'}, {GW_WRITTEN, 'w'}};

#define LETTERS (sizeof(letters) / sizeof(letters[0]))

/* --- kept --- */

static void save(const struct gw_user *user, const struct gw_item *item)
{
	struct buf text;
	struct err err;

	if (!user->gw->local)
		return;
	buf_init(&text, LETTERS + CONTACT_NAME_MAX + 2);
	for (size_t i = 0; i < LETTERS; i++)
		if (item->flags & letters[i].flag)
			buf_add(&text, &letters[i].letter, 1);
	buf_printf(&text, " %s", item->name ? item->name : "");
	if (local_item_set(user->gw->local, user->jid, SPACE, NODE, item->contact, text.data,
			   text.len, &err) < 0)
		log_warn("gateway: the state of a contact is not kept: %s", err.text);
	buf_free(&text);
}

static int load(void *arg, const char *id, const void *value, size_t len)
{
	struct gw_user *user = arg;
	struct gw_item *item = strcmp(id, SELF) == 0 ? &user->self : gw_item_get(user, id);
	char *text = item ? strndup(value, len) : NULL;
	const char *at = text;

	for (; at && *at && *at != ' '; at++)
		for (size_t i = 0; i < LETTERS; i++)
			if (letters[i].letter == *at)
				item->flags |= letters[i].flag;
	if (at && *at)
		item->name = strdup(at + 1);
	free(text);
	return 0;
}

void gw_items_load(struct gw_user *user)
{
	struct err err;

	memcpy(user->self.contact, SELF, sizeof(SELF));
	if (user->gw->local &&
	    local_items(user->gw->local, user->jid, SPACE, NODE, load, user, &err) < 0)
		log_warn("gateway: the state of contacts cannot be read: %s", err.text);
}

struct gw_item *gw_item_find(const struct gw_user *user, const char *contact)
{
	struct gw_item *item = user->items;

	while (item && strcmp(item->contact, contact) != 0)
		item = item->next;
	return item;
}

struct gw_item *gw_item_get(struct gw_user *user, const char *contact)
{
	struct gw_item *item = gw_item_find(user, contact);

	if (item || strlen(contact) != ID_LEN)
		return item;
	item = calloc(1, sizeof(*item));
	if (!item)
		return NULL;
	memcpy(item->contact, contact, ID_LEN + 1);
	item->next = user->items;
	user->items = item;
	return item;
}

void gw_item_set(struct gw_user *user, struct gw_item *item, unsigned set, unsigned clear)
{
	unsigned flags = (item->flags & ~clear) | set;

	if (flags == item->flags)
		return;
	item->flags = flags;
	save(user, item);
}

static void item_free(struct gw_item **at)
{
	struct gw_item *item = *at;

	*at = item->next;
	free(item->name);
	free(item);
}

void gw_items_free(struct gw_user *user)
{
	while (user->items)
		item_free(&user->items);
	free(user->self.name);
}

/* --- told --- */

/* To the server: there is no such contact (XEP-0100 section 4.6). */
static void tell_gone(struct gw_user *user, const struct gw_item *item)
{
	static const char *const types[] = {"unavailable", "unsubscribed", "unsubscribe"};
	struct gw *gw = user->gw;

	if (gw_may_write(user)) {
		gw_write_item(user, item->contact, NULL, NULL);
		return;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		gw_send(gw, gw_new_stanza(gw, "presence", types[i], item->contact, user->jid));
}

void gw_item_drop(struct gw_user *user, const char *contact, bool told)
{
	struct gw_item **at = &user->items;
	struct err err;

	while (*at && strcmp((*at)->contact, contact) != 0)
		at = &(*at)->next;
	if (!*at)
		return;
	/* While the server is not there it cannot be told: the next time (gw_shown.c). */
	if (told && !user->gw->up)
		return;
	if (told)
		tell_gone(user, *at);
	if (user->gw->local &&
	    local_item_remove(user->gw->local, user->jid, SPACE, NODE, (*at)->contact, &err) < 0)
		log_warn("gateway: the state of a contact stays: %s", err.text);
	item_free(at);
}

void gw_items_end(struct gw_user *user)
{
	static const char *const types[] = {"unavailable", "unsubscribed", "unsubscribe"};
	struct gw *gw = user->gw;

	for (const struct gw_item *item = user->items; item; item = item->next)
		tell_gone(user, item);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		gw_send(gw, gw_new_stanza(gw, "presence", types[i], NULL, user->jid));
}

/* Ask the user in the contact's name. */
static void offer(struct gw_user *user, struct gw_item *item, const char *name, const char *text)
{
	struct gw *gw = user->gw;
	struct xml *stanza = gw_new_stanza(gw, "presence", "subscribe", item->contact, user->jid);

	if (text && *text)
		xml_text_add(xml_child_add(stanza, "status", NULL), text);
	if (name && *name)
		xml_text_add(xml_child_add(stanza, "nick", NS_NICK), name);
	if (gw_send(gw, stanza) == 0)
		gw_item_set(user, item, GW_OFFERED, 0);
}

static void write_item(struct gw_user *user, struct gw_item *gw_item,
		       const struct roster_item *item)
{
	struct gw *gw = user->gw;
	struct server_presence presence = {.show = "", .status = ""};
	bool seen = gw_item->flags & GW_TO;

	if ((gw_item->flags & GW_WRITTEN) && gw_item->name &&
	    strcmp(gw_item->name, item->name) == 0)
		return;
	/* A name that the user has given there is not taken away. */
	if (seen && !item->name[0])
		return;
	free(gw_item->name);
	gw_item->name = strdup(item->name);
	gw_item->flags |= GW_TO | GW_FROM | GW_WRITTEN;
	gw_item->flags &= ~(unsigned)GW_ASKED;
	save(user, gw_item);
	gw_write_item(user, gw_item->contact, item->name, item->groups);
	if (seen)
		return;
	gw->host->contact_presence(gw->bridge, user->jid, gw_item->contact, &presence);
	if (user->there && presence.available)
		gw_show_contact(user, gw_item->contact, &presence, user->jid);
}

void gw_item_push(struct gw_user *user, const char *contact, const struct roster_item *item)
{
	struct gw_item *gw_item = gw_item_get(user, contact);

	/* Before the server has said what it grants, and while it is away, it waits (gw_sync). */
	if (!gw_item || !user->gw->up || !user->gw->greeted)
		return;
	if (gw_may_write(user))
		write_item(user, gw_item, item);
	else if (gw_item->flags == 0 && !gw_suggest(user, gw_item, item->name, item->groups))
		offer(user, gw_item, item->name, NULL);
}

/* --- requests --- */

static void push_request(void *arg, const struct server_request *request)
{
	struct gw_user *user = arg;
	struct gw_item *item = gw_item_get(user, request->contact);

	if (item && user->gw->up && user->gw->greeted && item->flags == 0)
		offer(user, item, request->name, request->text);
}

void gw_requests_push(struct gw_user *user)
{
	user->gw->host->requests(user->gw->bridge, user->jid, push_request, user);
}
