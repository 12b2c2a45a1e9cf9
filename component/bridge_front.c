/*
 * bridge_front.c: see bridge_front.h. What is for a front that is not there is dropped.
 */
#include "component/bridge_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the server on this machine --- */

static unsigned local_deliver(void *arg, const char *user, struct xml *stanza)
{
	return server_deliver(arg, user, stanza);
}

static bool local_deliver_stored(void *arg, const char *user, const char *contact, uint64_t token,
				 struct xml *message)
{
	return server_deliver_stored(arg, user, contact, token, message);
}

static void local_contact_presence(void *arg, const char *user, const char *contact,
				   const struct server_presence *presence)
{
	server_contact_presence(arg, user, contact, presence);
}

static void local_request(void *arg, const char *user, const struct server_request *request)
{
	server_request(arg, user, request);
}

static void local_roster_push(void *arg, const char *user, const char *contact,
			      const struct roster_item *item)
{
	server_roster_push(arg, user, contact, item);
}

static void local_user_end(void *arg, const char *user)
{
	server_user_end(arg, user);
}

const struct bridge_front bridge_front_local = {
    .deliver = local_deliver,
    .deliver_stored = local_deliver_stored,
    .contact_presence = local_contact_presence,
    .request = local_request,
    .roster_push = local_roster_push,
    .user_end = local_user_end,
};

/* --- which one --- */

bool bridge_name_is_remote(const char *user)
{
	return strchr(user, '@') != NULL;
}

int bridge_set_gateway(struct bridge *bridge, const char *domain, const struct bridge_front *front,
		       void *arg)
{
	char *copy = front ? strdup(domain) : NULL;

	if (front && !copy)
		return -1;
	free(bridge->gateway.domain);
	bridge->gateway = (struct bridge_place){front, arg, copy};
	return 0;
}

static const struct bridge_place *place(const struct bridge *bridge, const char *user)
{
	return bridge_name_is_remote(user) ? &bridge->gateway : &bridge->local_place;
}

void bridge_limit_remote(struct bridge *bridge, unsigned contacts)
{
	bridge->remote_contacts = contacts;
}

static void count(void *arg, struct contact *contact)
{
	unsigned *number = arg;

	(void)contact;
	(*number)++;
}

int bridge_room_for_contact(const struct bridge *bridge, const struct account *account,
			    struct err *err)
{
	unsigned number = 0;

	if (bridge->remote_contacts == 0 || !bridge_name_is_remote(account_name(account)))
		return 0;
	account_contacts(account, count, &number);
	if (number < bridge->remote_contacts)
		return 0;
	return err_set(err, ERR_LIMIT, "no more than %u contacts", bridge->remote_contacts);
}

bool bridge_has_front(const struct bridge *bridge, const char *user)
{
	return place(bridge, user)->front != NULL;
}

const char *bridge_domain(const struct bridge *bridge, const char *user)
{
	const struct bridge_place *at = place(bridge, user);

	return at->domain ? at->domain : bridge->local_place.domain;
}

void bridge_user_jid(const struct bridge *bridge, const char *user, char out[JID_TEXT_SIZE])
{
	if (bridge_name_is_remote(user))
		snprintf(out, JID_TEXT_SIZE, "%s", user);
	else
		snprintf(out, JID_TEXT_SIZE, "%s@%s", user, bridge->local_place.domain);
}

/* --- passing on --- */

unsigned bridge_deliver(const struct bridge *bridge, const char *user, struct xml *stanza)
{
	const struct bridge_place *at = place(bridge, user);

	if (at->front)
		return at->front->deliver(at->arg, user, stanza);
	xml_free(&stanza);
	return 0;
}

bool bridge_deliver_stored(const struct bridge *bridge, const char *user, const char *contact,
			   uint64_t token, struct xml *message)
{
	const struct bridge_place *at = place(bridge, user);

	if (at->front)
		return at->front->deliver_stored(at->arg, user, contact, token, message);
	xml_free(&message);
	return false;
}

void bridge_show_presence(const struct bridge *bridge, const char *user, const char *contact,
			  const struct server_presence *presence)
{
	const struct bridge_place *at = place(bridge, user);

	if (at->front)
		at->front->contact_presence(at->arg, user, contact, presence);
}

void bridge_show_request(const struct bridge *bridge, const char *user,
			 const struct server_request *request)
{
	const struct bridge_place *at = place(bridge, user);

	if (at->front)
		at->front->request(at->arg, user, request);
}

void bridge_push_item(const struct bridge *bridge, const char *user, const char *contact,
		      const struct roster_item *item)
{
	const struct bridge_place *at = place(bridge, user);

	if (at->front)
		at->front->roster_push(at->arg, user, contact, item);
}

void bridge_end_user(const struct bridge *bridge, const char *user)
{
	const struct bridge_place *at = place(bridge, user);

	if (at->front)
		at->front->user_end(at->arg, user);
}

void bridge_learned(const struct bridge *bridge, const char *user, const char *contact,
		    const char *node)
{
	const struct bridge_place *at = place(bridge, user);

	if (at->front && at->front->learned)
		at->front->learned(at->arg, user, contact, node);
}
