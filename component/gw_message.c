/*
 * gw_message.c: messages both ways.
 *
 * To a user: the engine keeps a message until it is told that it has arrived. Here that is when the
 * server has handled it: everything that was sent before a barrier (component_stream.h) has been
 * handled when the barrier has passed. Until then it is a parcel, which goes out again when the
 * stream was down in between; messages go only to users who are there, so that the server never has
 * to keep one. One that comes back because the user has just left is a parcel again.
 *
 * From a user: what the engine has stored is safe; a component cannot acknowledge more than that.
 */
#include "component/gw_private.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

/* A message that comes back so often is not wanted there. */
#define RETURNED_MAX 3

/* --- to a user --- */

static void parcel_free(struct gw_parcel **at)
{
	struct gw_parcel *parcel = *at;

	*at = parcel->next;
	xml_free(&parcel->message);
	free(parcel);
}

void gw_parcels_free(struct gw_user *user)
{
	while (user->parcels)
		parcel_free(&user->parcels);
}

void gw_parcels_rewind(struct gw_user *user)
{
	for (struct gw_parcel *parcel = user->parcels; parcel; parcel = parcel->next)
		parcel->batch = 0;
}

static void arrived(struct gw_user *user, struct gw_parcel **at)
{
	struct gw *gw = user->gw;

	gw->host->arrived(gw->bridge, user->jid, (*at)->contact, (*at)->token);
	parcel_free(at);
}

static void on_barrier(void *arg);

/* One barrier at a time: it is for all that was sent before it. */
static void set_barrier(struct gw *gw)
{
	struct err err;

	if (gw->barrier)
		return;
	if (gw->link->barrier(gw->link_arg, on_barrier, gw, &err) < 0) {
		log_debug("gateway: no barrier: %s", err.text);
		return;
	}
	gw->barrier = true;
	gw->batch++;
}

static bool handle_passed(struct gw_user *user, uint64_t batch)
{
	struct gw_parcel **at = &user->parcels;
	bool left = false;

	while (*at)
		if ((*at)->batch && (*at)->batch < batch) {
			arrived(user, at);
		} else {
			left = left || (*at)->batch;
			at = &(*at)->next;
		}
	return left;
}

static void on_barrier(void *arg)
{
	struct gw *gw = arg;
	uint64_t batch = gw->batch;
	bool left = false;

	gw->barrier = false;
	for (size_t i = 0; i < GW_BUCKETS; i++)
		for (struct gw_user *user = gw->users[i]; user; user = user->next) {
			left = handle_passed(user, batch) || left;
			if (user->refused && user->takes) {
				user->refused = false;
				gw->host->ready(gw->bridge, user->jid);
			}
		}
	if (left)
		set_barrier(gw);
}

static void send_parcel(struct gw_user *user, struct gw_parcel *parcel)
{
	struct gw *gw = user->gw;

	if (gw_send(gw, xml_copy(parcel->message)) < 0)
		return;
	/* Handled when the barrier that comes after it has passed. */
	parcel->batch = gw->batch;
	set_barrier(gw);
}

void gw_parcels_send(struct gw_user *user)
{
	for (struct gw_parcel *parcel = user->parcels; parcel; parcel = parcel->next)
		if (parcel->batch)
			set_barrier(user->gw);
		else if (user->takes && gw_has_room(user->gw))
			send_parcel(user, parcel);
	if (user->refused && user->takes && gw_has_room(user->gw)) {
		user->refused = false;
		user->gw->host->ready(user->gw->bridge, user->jid);
	}
}

unsigned gw_deliver(void *arg, const char *name, struct xml *stanza)
{
	struct gw *gw = arg;
	struct gw_user *user = gw_user_find(gw, name);
	const char *type = xml_get(stanza, "type");
	bool subscription = xml_is(stanza, "presence", NULL);
	const char *from = xml_get(stanza, "from");
	char contact[ID_LEN + 1] = "";
	struct gw_item *item;

	if (from && strlen(from) > ID_LEN && from[ID_LEN] == '@')
		memcpy(contact, from, ID_LEN);
	if (!user || (!subscription && !user->there) ||
	    (!xml_get(stanza, "to") && !xml_set(stanza, "to", user->jid))) {
		xml_free(&stanza);
		return 0;
	}
	if (subscription && type && strcmp(type, "subscribed") == 0) {
		/* For who has asked: the server of another would drop it. */
		item = gw_item_find(user, contact);
		if (!item || !(item->flags & GW_ASKED) || !gw->up) {
			xml_free(&stanza);
			return 0;
		}
		gw_item_set(user, item, GW_TO, GW_ASKED);
	}
	return gw_send(gw, stanza) == 0 ? 1 : 0;
}

bool gw_deliver_stored(void *arg, const char *name, const char *contact, uint64_t token,
		       struct xml *message)
{
	struct gw_user *user = gw_user_find(arg, name);
	struct gw_parcel *parcel, **at;
	unsigned count = 0;

	if (!user) {
		xml_free(&message);
		return false;
	}
	for (at = &user->parcels; *at; at = &(*at)->next)
		count++;
	parcel = user->takes && count < GW_PARCELS_MAX && gw_has_room(user->gw) &&
			 strlen(contact) == ID_LEN && xml_set(message, "to", user->jid)
		     ? calloc(1, sizeof(*parcel))
		     : NULL;
	if (!parcel) {
		user->refused = true;
		xml_free(&message);
		return false;
	}
	memcpy(parcel->contact, contact, ID_LEN + 1);
	parcel->token = token;
	parcel->message = message;
	*at = parcel;
	send_parcel(user, parcel);
	return true;
}

/* --- from a user --- */

static bool same_id(const struct xml *a, const struct xml *b)
{
	const char *id = xml_get(a, "id"), *other = xml_get(b, "id");

	return id && other && strcmp(id, other) == 0;
}

/* The server gives a message back (RFC 6121 section 8.5.2.2). */
static void came_back(struct gw_request *request)
{
	struct gw_user *user = request->user;
	const struct xml *error = xml_child(request->stanza, "error", NULL);
	const char *type = xml_get(error, "type");
	bool absent = xml_child(error, "service-unavailable", NS_STANZAS) ||
		      xml_child(error, "recipient-unavailable", NS_STANZAS) ||
		      (type && strcmp(type, "wait") == 0);

	for (struct gw_parcel **at = &user->parcels; *at; at = &(*at)->next) {
		struct gw_parcel *parcel = *at;

		if (!parcel->batch || strcmp(parcel->contact, request->to.local) != 0 ||
		    !same_id(parcel->message, request->stanza))
			continue;
		if (absent && ++parcel->returned < RETURNED_MAX) {
			parcel->batch = 0;
			return;
		}
		log_info("gateway: a user's server refuses a message");
		arrived(user, at);
		return;
	}
}

void gw_message_contact(struct gw_request *request)
{
	struct gw *gw = request->gw;
	const char *type = xml_get(request->stanza, "type");
	struct err err = {0};

	if (stanza_is_error(request->stanza))
		came_back(request);
	else if (type && strcmp(type, "groupchat") == 0)
		gw_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	else if (gw->host->message(gw->bridge, request->user->jid, request->to.local,
				   request->stanza, NULL, &err) < 0)
		gw_refused(request, &err);
}

void gw_message_gateway(struct gw_request *request)
{
	const char *text = xml_child_text(request->stanza, "body", NS_CLIENT);
	struct gw *gw = request->gw;

	if (!request->user)
		gw_register_chat(request, text);
	else if (text && !stanza_is_error(request->stanza))
		gw->host->told(gw->bridge, request->user->jid, text);
}
