/*
 * bridge_roster.c: contacts as roster items.
 *
 *     setting "groups": the groups' names, each followed by a NUL
 *     setting "met":    there when the two have been linked, or the contact has asked for it
 *
 * Adding is consent, and both sides must add each other to find each other at all. So an item's
 * subscription is "none" with a question open until the two have met, and then "both".
 */
#include "component/bridge_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Groups of one contact, and the bytes of all their names: more than a screen can show. */
#define GROUPS_MAX       32
#define GROUPS_BYTES_MAX 2048

#define SETTING_GROUPS "groups"
#define SETTING_MET    "met"

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

bool bridge_has_met(struct contact *contact)
{
	size_t len = 0;
	char *value = contact_setting_get(contact, SETTING_MET, &len);
	bool met = value != NULL;

	secret_free(value, met ? len : 0);
	return met;
}

void bridge_contact_item(struct contact *contact,
			 void (*each)(void *each_arg, const struct roster_item *item),
			 void *each_arg)
{
	const char *groups[GROUPS_MAX + 1];
	size_t len = 0;
	char *value = contact_setting_get(contact, SETTING_GROUPS, &len);
	bool met = bridge_has_met(contact);
	const struct roster_item item = {
	    .contact = contact_id(contact),
	    .name = contact_name(contact),
	    .subscription = met ? SUBSCRIPTION_BOTH : SUBSCRIPTION_NONE,
	    .ask = !met,
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

	bridge_push_item(push->bridge, bridge_user_of(push->contact), item->contact, item);
}

void bridge_contact_push(struct bridge *bridge, struct contact *contact)
{
	struct push push = {bridge, contact};
	struct server_presence presence;

	bridge_changed(bridge);
	bridge_contact_item(contact, push_item, &push);
	presence_of_status(contact_status(contact), &presence);
	if (presence.available)
		bridge_show_presence(bridge, bridge_user_of(contact), contact_id(contact),
				     &presence);
}

void bridge_contact_gone(struct bridge *bridge, const char *user, const char *id)
{
	static const struct server_presence gone = {.show = "", .status = ""};

	bridge_pep_forget_contact(bridge, user, id);
	bridge_show_presence(bridge, user, id, &gone);
	bridge_push_item(bridge, user, id, NULL);
	bridge_changed(bridge);
}

/* RFC 6121 section 3.1.5: the client that has asked is told that it was heard. */
static void push_subscribed(const struct bridge *bridge, const struct contact *contact)
{
	const char *user = bridge_user_of(contact);
	struct xml *stanza = xml_new("presence", "jabber:client");
	char from[ID_LEN + JID_PART_MAX + 2];

	snprintf(from, sizeof(from), "%s@%s", contact_id(contact), bridge_domain(bridge, user));
	if (xml_set(stanza, "from", from) && xml_set(stanza, "type", "subscribed"))
		bridge_deliver(bridge, user, stanza);
	else
		xml_free(&stanza);
}

void bridge_contact_met(struct bridge *bridge, struct contact *contact)
{
	struct err err = {0};

	if (bridge_has_met(contact))
		return;
	if (contact_setting_set(contact, SETTING_MET, "yes", strlen("yes"), &err))
		log_warn("roster: %s", err.text);
	push_subscribed(bridge, contact);
	bridge_contact_push(bridge, contact);
}

/* --- what the control socket does too --- */

struct contact *bridge_contact_add(struct bridge *bridge, struct account *account, const char *id,
				   const char *name, const struct bridge_introduction *words,
				   struct err *err)
{
	struct contact *contact = NULL;

	if (bridge_room_for_contact(bridge, account, err) == 0)
		contact = bridge_contact_make(account, id, name, words, err);
	if (contact)
		bridge_contact_push(bridge, contact);
	return contact;
}

int bridge_contact_remove(struct bridge *bridge, struct contact **contact, struct err *err)
{
	const struct contact *gone = *contact;
	const char *user = bridge_user_of(gone);
	char id[ID_LEN + 1];

	memcpy(id, contact_id(gone), sizeof(id));
	if (contact_remove(contact, err))
		return -1;
	bridge_sent_give_back(bridge, gone);
	bridge_archive_contact_gone(bridge, user, id);
	bridge_contact_gone(bridge, user, id);
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

	bridge_contact_item(contact, listing->each, listing->each_arg);
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

/* What was typed as the local part may be a link as well. */
static struct contact *find_or_add(struct bridge *bridge, const char *user, const char *word,
				   const char *name, struct err *err)
{
	struct account *account = bridge_account(bridge, user, err);
	struct contact *contact = account ? contact_find(account, word) : NULL;

	if (!account || contact || bridge_room_for_contact(bridge, account, err) < 0)
		return contact;
	return bridge_contact_make(account, word, name, NULL, err);
}

int bridge_roster_set(void *arg, const char *user, const char *id, const char *name,
		      const char *const *groups, struct err *err)
{
	struct contact *contact = find_or_add(arg, user, id, name, err);

	if (!contact)
		return -1;
	/* A client that adds without a name does not mean to take away the guest's. */
	if (((name && name[0]) || bridge_has_met(contact)) &&
	    contact_set_name(contact, name ? name : "", err))
		return -1;
	if (groups_store(contact, groups, err))
		return -1;
	bridge_contact_push(arg, contact);
	return 0;
}

int bridge_roster_remove(void *arg, const char *user, const char *id, struct err *err)
{
	struct contact *contact = bridge_lookup(arg, user, id, err);

	return contact ? bridge_contact_remove(arg, &contact, err) : -1;
}

int bridge_subscribe(void *arg, const char *user, const char *id, struct err *err)
{
	struct account *account = bridge_account(arg, user, err);
	struct contact *contact;

	if (!account)
		return -1;
	if (bridge_request_pending(account, id))
		return bridge_request_accept(arg, account, id, NULL, err) ? 0 : -1;
	contact = find_or_add(arg, user, id, NULL, err);
	if (!contact)
		return -1;
	bridge_contact_push(arg, contact);
	return 0;
}
