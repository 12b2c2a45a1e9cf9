/*
 * bridge_roster.c: contacts as roster items.
 *
 *     setting "groups": the groups' names, each followed by a NUL
 *
 * Adding is consent (both sides must add each other to find each other at all), so an item's
 * subscription is "both" from the start; a contact who has not added the user looks offline.
 */
#include "component/bridge_private.h"

#include <stdlib.h>
#include <string.h>

/* Groups of one contact, and the bytes of all their names: more than a screen can show. */
#define GROUPS_MAX       32
#define GROUPS_BYTES_MAX 2048

#define SETTING_GROUPS "groups"

/* Split a setting into out (GROUPS_MAX + 1 places, NULL at the end); what is no whole name is left.
 */
static void groups_split(const char *value, size_t len, const char **out)
{
	size_t count = 0;

	while (len > 0 && count < GROUPS_MAX) {
		const char *end = memchr(value, '\0', len);

		if (!end)
			break;
		out[count++] = value;
		len -= (size_t)(end - value) + 1;
		value = end + 1;
	}
	out[count] = NULL;
}

static int groups_store(struct contact *contact, const char *const *groups, struct err *err)
{
	char value[GROUPS_BYTES_MAX];
	size_t used = 0, count = 0;

	for (; groups && *groups; groups++) {
		size_t len = strlen(*groups) + 1;

		if (++count > GROUPS_MAX || len > sizeof(value) - used)
			return err_set(err, ERR_LIMIT, "too many groups, or too long names");
		memcpy(value + used, *groups, len);
		used += len;
	}
	return contact_setting_set(contact, SETTING_GROUPS, used ? value : NULL, used, err);
}

/* Call each with the contact's item. */
static void with_item(struct contact *contact,
		      void (*each)(void *each_arg, const struct roster_item *item), void *each_arg)
{
	const char *groups[GROUPS_MAX + 1];
	size_t len = 0;
	char *value = contact_setting_get(contact, SETTING_GROUPS, &len);
	const struct roster_item item = {
	    .contact = contact_id(contact),
	    .name = contact_name(contact),
	    .subscription = SUBSCRIPTION_BOTH,
	    .ask = false,
	    .groups = groups,
	};

	groups_split(value, value ? len : 0, groups);
	each(each_arg, &item);
	secret_free(value, value ? len : 0);
}

/* --- pushes --- */

struct push {
	struct bridge *bridge;
	struct contact *contact;
};

static void push_item(void *arg, const struct roster_item *item)
{
	struct push *push = arg;

	server_roster_push(push->bridge->server, bridge_user_of(push->contact), item->contact,
			   item);
}

/* The clients learn the item, and that the contact is there if it is. */
static void push_contact(struct bridge *bridge, struct contact *contact)
{
	struct push push = {bridge, contact};
	struct server_presence presence;

	bridge_changed(bridge);
	if (!bridge->server)
		return;
	with_item(contact, push_item, &push);
	presence_of_status(contact_status(contact), &presence);
	if (presence.available)
		server_contact_presence(bridge->server, bridge_user_of(contact),
					contact_id(contact), &presence);
}

/* --- what the control socket does too --- */

struct contact *bridge_contact_add(struct bridge *bridge, struct account *account, const char *id,
				   const char *name, const char *passphrase, struct err *err)
{
	struct contact *contact = bridge_contact_make(account, id, name, passphrase, err);

	if (contact)
		push_contact(bridge, contact);
	return contact;
}

int bridge_contact_remove(struct bridge *bridge, struct contact **contact, struct err *err)
{
	static const struct server_presence gone = {.show = "", .status = ""};
	const char *user = bridge_user_of(*contact);
	char id[ID_LEN + 1];

	memcpy(id, contact_id(*contact), sizeof(id));
	bridge_sent_forget(bridge, *contact);
	if (contact_remove(contact, err))
		return -1;
	if (bridge->server) {
		server_contact_presence(bridge->server, user, id, &gone);
		server_roster_push(bridge->server, user, id, NULL);
	}
	bridge_changed(bridge);
	return 0;
}

/* --- what the server asks for --- */

struct listing {
	void (*each)(void *each_arg, const struct roster_item *item);
	void *each_arg;
};

static void list_contact(void *arg, struct contact *contact)
{
	struct listing *listing = arg;

	with_item(contact, listing->each, listing->each_arg);
}

void bridge_roster(void *arg, const char *user,
		   void (*each)(void *each_arg, const struct roster_item *item), void *each_arg)
{
	struct bridge *bridge = arg;
	struct account *account = engine_account_find(bridge->engine, user);
	struct listing listing = {each, each_arg};

	if (account)
		account_contacts(account, list_contact, &listing);
}

/* The contact, added when it is new; *made tells. */
static struct contact *find_or_add(struct bridge *bridge, const char *user, const char *id,
				   const char *name, struct err *err)
{
	struct account *account = bridge_account(bridge, user, err);
	struct contact *contact = account ? contact_find(account, id) : NULL;

	return !account || contact ? contact : bridge_contact_make(account, id, name, NULL, err);
}

int bridge_roster_set(void *arg, const char *user, const char *id, const char *name,
		      const char *const *groups, struct err *err)
{
	struct contact *contact = find_or_add(arg, user, id, name, err);

	if (!contact)
		return -1;
	if (contact_set_name(contact, name ? name : "", err) || groups_store(contact, groups, err))
		return -1;
	push_contact(arg, contact);
	return 0;
}

int bridge_roster_remove(void *arg, const char *user, const char *id, struct err *err)
{
	struct contact *contact = bridge_lookup(arg, user, id, err);

	return contact ? bridge_contact_remove(arg, &contact, err) : -1;
}

int bridge_subscribe(void *arg, const char *user, const char *id, struct err *err)
{
	struct contact *contact = find_or_add(arg, user, id, NULL, err);

	if (!contact)
		return -1;
	push_contact(arg, contact);
	return 0;
}
