/*
 * bridge_people.c: strangers: who asks to be a contact, who is let in, turned away, or blocked.
 *
 * A guest's request becomes a subscription request; the client's answer comes through subscribe
 * (bridge_roster.c) or deny. Turning away and blocking look like silence to the guest.
 */
#include "component/bridge_private.h"

#include "core/base/log.h"

#include <string.h>

/* --- requests --- */

struct pending {
	const char *id;
	bool found;
};

static void match_request(void *arg, const struct contact_request *request)
{
	struct pending *pending = arg;

	if (strcmp(request->id, pending->id) == 0)
		pending->found = true;
}

bool bridge_request_pending(const struct account *account, const char *id)
{
	struct pending pending = {.id = id};

	account_requests(account, match_request, &pending);
	return pending.found;
}

static struct server_request shown_request(const struct contact_request *request)
{
	return (struct server_request){
	    .contact = request->id, .name = request->name, .text = request->text};
}

void bridge_contact_request(void *arg, struct account *account,
			    const struct contact_request *request)
{
	const struct server_request shown = shown_request(request);
	struct bridge *bridge = arg;

	if (bridge_bot_decides(bridge, account, request))
		return;
	bridge_program_request(bridge, account, request);
	bridge_show_request(bridge, account_name(account), &shown);
	bridge_changed(bridge);
}

struct listing {
	void (*each)(void *each_arg, const struct server_request *request);
	void *each_arg;
};

static void list_request(void *arg, const struct contact_request *request)
{
	const struct server_request shown = shown_request(request);
	const struct listing *listing = arg;

	listing->each(listing->each_arg, &shown);
}

void bridge_requests(void *arg, const char *user,
		     void (*each)(void *each_arg, const struct server_request *request),
		     void *each_arg)
{
	const struct account *account = bridge_account(arg, user, NULL);
	struct listing listing = {each, each_arg};

	if (account)
		account_requests(account, list_request, &listing);
}

struct contact *bridge_request_accept(struct bridge *bridge, struct account *account,
				      const char *id, const char *name, struct err *err)
{
	struct contact *contact = NULL;

	if (bridge_room_for_contact(bridge, account, err) == 0)
		contact = account_request_accept(account, id, name, err);

	if (contact && bridge_has_met(contact))
		bridge_contact_push(bridge, contact);
	else if (contact)
		bridge_contact_met(bridge, contact);
	return contact;
}

int bridge_deny(void *arg, const char *user, const char *id, struct err *err)
{
	struct account *account = bridge_account(arg, user, err);

	if (!account)
		return -1;
	/* A contact's consent is taken back by removing it. */
	if (!bridge_request_pending(account, id))
		return 0;
	if (account_request_deny(account, id, err))
		return -1;
	bridge_changed(arg);
	return 0;
}

void bridge_introduced(void *arg, struct contact *contact, const struct err *why)
{
	if (why)
		log_notice("an introduction has not reached the host: %s", why->text);
	bridge_contact_push(arg, contact);
}

/* --- blocking --- */

int bridge_account_block(struct bridge *bridge, struct account *account, const char *id,
			 bool blocked, struct err *err)
{
	const struct contact *contact = contact_find(account, id);
	char own[ID_LEN + 1] = ""; /* id may be the contact's, which goes */

	if (!blocked)
		return account_unblock(account, id, err);
	if (contact)
		memcpy(own, contact_id(contact), sizeof(own));
	if (account_block(account, id, err))
		return -1;
	if (contact)
		bridge_sent_give_back(bridge, contact);
	if (contact)
		bridge_contact_gone(bridge, account_name(account), own);
	bridge_changed(bridge);
	return 0;
}

int bridge_block(void *arg, const char *user, const char *id, bool blocked, struct err *err)
{
	struct account *account = bridge_account(arg, user, err);

	return account ? bridge_account_block(arg, account, id, blocked, err) : -1;
}

void bridge_block_list(void *arg, const char *user,
		       void (*each)(void *each_arg, const char *contact), void *each_arg)
{
	const struct account *account = bridge_account(arg, user, NULL);
	struct err err = {0};

	if (account && account_blocked(account, each, each_arg, &err))
		log_warn("not all who are blocked are shown: %s", err.text);
}
