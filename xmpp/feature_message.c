/*
 * feature_message.c: messages to contacts, to the user's own account and from contacts
 * (RFC 6121 sections 5 and 8.5). What a message says is not looked at.
 */
#include "xmpp/feature.h"

#include "xmpp/parcel.h"
#include "xmpp/taken.h"

#include <string.h>

/* RFC 6121 section 5.2.2: no or an unknown type is "normal". */
static const char *message_type(const struct xml *stanza)
{
	const char *type = xml_get(stanza, "type");

	return type ? type : "normal";
}

static bool is_type(const struct xml *stanza, const char *type)
{
	return strcmp(message_type(stanza), type) == 0;
}

/* While those that take messages all wait for their clients to come back, the host keeps what
 * comes, which is safer than here. */
static bool somebody_listens(const struct user *user)
{
	for (const struct resource *resource = user->resources; resource; resource = resource->next)
		if (resource->c2s && resource_takes_messages(resource))
			return true;
	return false;
}

static unsigned deliver_to_listeners(struct user *user, struct xml *stanza, struct parcel *parcel)
{
	unsigned count = 0;

	if (!somebody_listens(user))
		return 0;
	for (struct resource *resource = user->resources; resource; resource = resource->next)
		if (resource_takes_messages(resource) && xml_set(stanza, "to", resource->jid) &&
		    resource_deliver(resource, stanza, parcel))
			count++;
	return count;
}

/* Who did not get it is told so, or keeps it. */
static void parcel_done(struct parcel **parcel, unsigned count)
{
	if (count > 0)
		parcel_drop(parcel);
	else
		parcel_cancel(parcel);
}

static unsigned deliver_to_all(struct user *user, struct xml *stanza)
{
	struct parcel *parcel = NULL;
	unsigned count;

	if (parcel_wanted(stanza)) {
		parcel = parcel_new(user, stanza);
		if (!parcel)
			return 0;
	}
	count = deliver_to_listeners(user, stanza, parcel);
	parcel_done(&parcel, count);
	return count;
}

static unsigned deliver_to_one(struct resource *resource, struct xml *stanza)
{
	struct parcel *parcel = NULL;
	unsigned count;

	if (parcel_wanted(stanza)) {
		parcel = parcel_new(resource->user, stanza);
		if (!parcel)
			return 0;
	}
	count = resource_deliver(resource, stanza, parcel) ? 1 : 0;
	parcel_done(&parcel, count);
	return count;
}

/* To the bare JID: RFC 6121 section 8.5.2.1.1. Of the two ways it leaves open for chat and normal
 * this is "all non-negative resources". */
static unsigned deliver_bare(struct user *user, struct xml *stanza)
{
	if (xml_is(stanza, "presence", NULL))
		return user_send(user, resource_available, stanza);
	if (is_type(stanza, "groupchat") || is_type(stanza, "error"))
		return 0;
	return deliver_to_all(user, stanza);
}

/* The connected resource that stanza's to names, or NULL. */
static struct resource *addressee(const struct user *user, const struct xml *stanza)
{
	const char *to = xml_get(stanza, "to");
	enum target target;
	struct jid jid;

	if (!to || router_target(user, to, &jid, &target) < 0 || target != TARGET_RESOURCE)
		return NULL;
	return user_resource(user, jid.resource);
}

/* Who has a message already and needs no copy? */
static bool is_resource(const struct resource *resource, const void *arg)
{
	return resource == arg;
}

static bool is_either(const struct resource *resource, const void *arg)
{
	const struct resource *const *both = arg;

	return resource == both[0] || resource == both[1];
}

static bool takes_messages(const struct resource *resource, const void *arg)
{
	(void)arg;
	return resource_takes_messages(resource);
}

unsigned message_deliver(struct user *user, struct xml *stanza)
{
	struct resource *resource = addressee(user, stanza);
	unsigned count = resource ? deliver_to_one(resource, stanza) : deliver_bare(user, stanza);

	if (count == 0 || !xml_is(stanza, "message", NULL))
		return count;
	if (resource)
		carbons_send(user, stanza, "received", is_resource, resource);
	else
		carbons_send(user, stanza, "received", takes_messages, NULL);
	return count;
}

bool message_deliver_stored(struct user *user, struct xml *stanza, const char *contact,
			    uint64_t token)
{
	struct parcel *parcel;
	unsigned count;

	if (!somebody_listens(user))
		return false;
	parcel = parcel_new_stored(user, stanza, contact, token);
	if (!parcel)
		return false;
	count = deliver_to_listeners(user, stanza, parcel);
	parcel_done(&parcel, count);
	if (count > 0)
		carbons_send(user, stanza, "received", takes_messages, NULL);
	return count > 0;
}

void message_deliver_again(struct user *user, struct xml *stanza, struct parcel *parcel)
{
	if (deliver_to_listeners(user, stanza, parcel) > 0)
		carbons_send(user, stanza, "received", takes_messages, NULL);
}

/* --- to the user's own account --- */

/* XEP-0359 section 6: an id in the account's name is the account's to give. */
static void drop_ids(struct xml *message, const char *by)
{
	struct xml *child = xml_first(message), *next;

	for (; child; child = next) {
		const char *named = xml_get(child, "by");

		next = xml_next(child);
		if (xml_is(child, "stanza-id", NS_STANZA_ID) && named && strcmp(named, by) == 0) {
			child = xml_detach(child);
			xml_free(&child);
		}
	}
}

/* Archive it once, whoever of the account gets it, and say under which id (XEP-0313 section 5.1).
 */
static bool archive_own(const struct request *request, struct xml *message)
{
	const struct server *server = request->server;
	const char *user = request->resource->user->name;
	char by[JID_TEXT_SIZE], id[ARCHIVE_ID_MAX + 1];
	struct xml *stanza_id;
	struct err err;

	server_contact_jid(server, user, by);
	drop_ids(message, by);
	if (!server->host->archive ||
	    server->host->archive->keep(server->host_arg, user, message, id, &err) <= 0)
		return false;
	stanza_id = xml_child_add(message, "stanza-id", NS_STANZA_ID);
	xml_set(stanza_id, "by", by);
	xml_set(stanza_id, "id", id);
	return true;
}

static bool takes_or_sent(const struct resource *resource, const void *arg)
{
	return resource == arg || resource_takes_messages(resource);
}

/* False: refused. */
static bool to_account(struct request *request)
{
	struct user *user = request->resource->user;
	/* An error comes from the address that it was sent to, so the request keeps its to. */
	struct xml *copy = xml_copy(request->stanza);
	bool kept = copy && archive_own(request, copy);
	unsigned count = copy ? deliver_bare(user, copy) : 0;
	/* RFC 6121 section 8.5.2.2: with nobody there, what is not worth keeping is dropped. */
	bool ok = count > 0 || kept || is_type(request->stanza, "headline");

	if (count > 0)
		carbons_send(user, copy, "sent", takes_or_sent, request->resource);
	if (!ok)
		request_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	xml_free(&copy);
	return ok;
}

static bool to_resource(struct request *request, struct resource *other)
{
	const struct resource *both[] = {request->resource, other};
	bool kept = archive_own(request, request->stanza);

	if (deliver_to_one(other, request->stanza) > 0)
		carbons_send(request->resource->user, request->stanza, "sent", is_either, both);
	else if (!kept) {
		request_error(request, STANZA_RESOURCE_CONSTRAINT, NULL);
		return false;
	}
	return true;
}

/* What a client says again after a session that it could not resume is not taken twice. other NULL:
 * to the account. */
static void to_own(struct request *request, struct resource *other)
{
	uint8_t hash[SERVER_MARK_LEN];
	const uint8_t *mark = taken_mark(request->stanza, hash) == 0 ? hash : NULL;

	if (taken_before(request->resource, mark))
		return;
	if (other ? to_resource(request, other) : to_account(request))
		taken_note(request->resource, mark);
}

void message_to_account(struct request *request)
{
	to_own(request, NULL);
}

void message_to_resource(struct request *request)
{
	struct resource *other = user_resource(request->resource->user, request->to.resource);

	if (!other && !is_type(request->stanza, "chat"))
		request_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	else
		to_own(request, other);
}

/* --- to contacts --- */

/* copy NULL: memory is short. */
static void message_taken(const struct request *request, const struct xml *copy,
			  const uint8_t *mark)
{
	taken_note(request->resource, mark);
	if (copy)
		carbons_send(request->resource->user, copy, "sent", is_resource, request->resource);
}

void message_to_contact(struct request *request)
{
	struct server *server = request->server;
	uint8_t hash[SERVER_MARK_LEN];
	const uint8_t *mark = NULL;
	struct xml *copy;
	struct err err;

	if (blocking_has(request->resource->user, request->to.local)) {
		request_error_detail(request, STANZA_NOT_ACCEPTABLE, NULL, "blocked",
				     NS_BLOCKING_ERRORS);
		return;
	}
	if (upload_refuses(request))
		return;
	if (taken_mark(request->stanza, hash) == 0)
		mark = hash;
	if (taken_before(request->resource, mark))
		return;
	/* The host may change what it is given. */
	copy = xml_copy(request->stanza);
	if (server->host->message(server->host_arg, request->resource->user->name,
				  request->to.local, request->stanza,
				  request->resource->sm ? mark : NULL, &err) < 0)
		request_refused(request, &err);
	else
		message_taken(request, copy, mark);
	xml_free(&copy);
}

void message_to_server(struct request *request)
{
	const struct server *server = request->server;
	const char *text = xml_child_text(request->stanza, "body", NS_CLIENT);

	if (!server->host->told)
		request_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	else if (text && !is_type(request->stanza, "error") &&
		 !is_type(request->stanza, "groupchat"))
		server->host->told(server->host_arg, request->resource->user->name, text);
}
