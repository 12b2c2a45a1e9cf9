/*
 * feature_blocking.c: XEP-0191: show the block list, block, unblock, and push what has changed to
 * the user's resources that asked for the list. The list is the host's; it also keeps away what
 * comes from those on it. Neighbour: feature_message.c refuses messages to them.
 */
#include "xmpp/feature.h"

#include <stdio.h>
#include <string.h>

bool blocking_offered(const struct server_host *host)
{
	return host->block && host->block_list;
}

/* --- the list --- */

struct listing {
	const struct server *server;
	struct xml *list;
};

static void list_item(void *arg, const char *contact)
{
	const struct listing *listing = arg;
	struct xml *item = xml_child_add(listing->list, "item", NULL);
	char jid[JID_TEXT_SIZE];

	server_contact_jid(listing->server, contact, jid);
	xml_set(item, "jid", jid);
}

static void add_list(const struct user *user, struct xml *list)
{
	struct server *server = user->server;
	struct listing listing = {.server = server, .list = list};

	server->host->block_list(server->host_arg, user->name, list_item, &listing);
}

void blocking_get(struct request *request)
{
	struct xml *reply;

	if (!request_offered(request, blocking_offered(request->server->host)))
		return;
	request->resource->blocklist = true;
	reply = stanza_result(request->stanza);
	add_list(request->resource->user, xml_child_add(reply, "blocklist", NS_BLOCKING));
	request_reply(request, reply);
}

struct search {
	const char *contact;
	bool found;
};

static void search_item(void *arg, const char *contact)
{
	struct search *search = arg;

	search->found |= strcmp(search->contact, contact) == 0;
}

bool blocking_has(const struct user *user, const char *contact)
{
	struct server *server = user->server;
	struct search search = {.contact = contact};

	if (blocking_offered(server->host))
		server->host->block_list(server->host_arg, user->name, search_item, &search);
	return search.found;
}

/* --- changing it --- */

static bool wants_changes(const struct resource *resource)
{
	return resource->blocklist;
}

/* Takes payload, <block/> or <unblock/>, over. */
static void push(const struct user *user, struct xml *payload)
{
	struct xml *iq = xml_new("iq", NS_CLIENT);
	char id[32];

	snprintf(id, sizeof(id), "push-%llu", (unsigned long long)++user->server->push_no);
	xml_set(iq, "type", "set");
	xml_set(iq, "id", id);
	if (xml_append(iq, payload))
		user_send(user, wants_changes, iq);
	xml_free(&iq);
}

/* Whom does an item mean? Only people can be blocked here, and as a whole. -1 with the error. */
static int read_item(const struct user *user, const struct xml *item, struct jid *jid,
		     enum stanza_error *error)
{
	const char *text = xml_get(item, "jid");
	enum target target;

	*error = STANZA_BAD_REQUEST;
	if (!xml_is(item, "item", NS_BLOCKING) || !text)
		return -1;
	*error = STANZA_JID_MALFORMED;
	if (router_target(user, text, jid, &target) < 0)
		return -1;
	*error = STANZA_NOT_ACCEPTABLE;
	return target == TARGET_CONTACT ? 0 : -1;
}

/* So that a list with a bad item changes nothing. */
static int check_items(struct request *request, struct xml *list)
{
	enum stanza_error error;
	struct jid jid;

	for (struct xml *item = xml_first(list); item; item = xml_next(item)) {
		if (read_item(request->resource->user, item, &jid, &error) == 0)
			continue;
		request_error(request, error, NULL);
		return -1;
	}
	return 0;
}

/* Ask the host for each item of the list; those done stand in done afterwards. */
static int change_items(const struct user *user, struct xml *list, bool blocked, struct xml *done,
			struct err *err)
{
	struct server *server = user->server;
	struct listing listing = {.server = server, .list = done};
	enum stanza_error error;
	struct jid jid;

	for (struct xml *item = xml_first(list); item; item = xml_next(item)) {
		if (read_item(user, item, &jid, &error) < 0)
			continue;
		if (server->host->block(server->host_arg, user->name, jid.local, blocked, err) < 0)
			return -1;
		list_item(&listing, jid.local);
	}
	return 0;
}

/* The answer goes before the push, so that its sender knows what the push is about. */
static void change(struct request *request, struct xml *list, bool blocked)
{
	const struct user *user = request->resource->user;
	struct xml *done = xml_new(blocked ? "block" : "unblock", NS_BLOCKING);
	struct err err;

	if (change_items(user, list, blocked, done, &err) < 0)
		request_refused(request, &err);
	else
		request_result(request);
	if (xml_first(done))
		push(user, done);
	else
		xml_free(&done);
}

void blocking_block(struct request *request)
{
	if (!request_offered(request, blocking_offered(request->server->host)))
		return;
	if (!xml_first(request->payload))
		request_error(request, STANZA_BAD_REQUEST, NULL);
	else if (check_items(request, request->payload) == 0)
		change(request, request->payload, true);
}

/* The host's list may change while it is walked through, so all of it is noted first. */
static void unblock_all(struct request *request)
{
	struct xml *list = xml_new("unblock", NS_BLOCKING);

	add_list(request->resource->user, list);
	change(request, list, false);
	xml_free(&list);
}

void blocking_unblock(struct request *request)
{
	if (!request_offered(request, blocking_offered(request->server->host)))
		return;
	if (!xml_first(request->payload))
		unblock_all(request);
	else if (check_items(request, request->payload) == 0)
		change(request, request->payload, false);
}
