/*
 * feature_roster.c: RFC 6121 section 2. The roster itself is the host's; here it is shown, changes
 * are asked for, and what has changed is pushed.
 *
 * A version of the roster (section 2.6) is a hash of what is in it, so that nothing is kept: a
 * client that has the present one is sent an empty result, and any other the whole.
 */
#include "xmpp/feature.h"

#include "core/base/codec.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* Most groups of one item, and longest name of a group or an item in bytes: RFC 6121 section 2.3.3
 * lets a server set such limits. */
#define ROSTER_GROUPS_MAX 32
#define ROSTER_NAME_MAX   256

#define ROSTER_HASH_LEN 32
/* Of its bytes that make a version: two rosters of one account do not meet by chance. */
#define ROSTER_VERSION_LEN 16

static const char *const subscriptions[] = {
    [SUBSCRIPTION_NONE] = "none",
    [SUBSCRIPTION_TO] = "to",
    [SUBSCRIPTION_FROM] = "from",
    [SUBSCRIPTION_BOTH] = "both",
};

/* --- showing --- */

static struct xml *add_item(struct xml *query, const struct server *server, const char *contact)
{
	struct xml *element = xml_child_add(query, "item", NULL);
	char jid[JID_TEXT_SIZE];

	server_contact_jid(server, contact, jid);
	return xml_set(element, "jid", jid);
}

static void fill_item(struct xml *element, const struct roster_item *item)
{
	xml_set(element, "name", *item->name ? item->name : NULL);
	xml_set(element, "subscription", subscriptions[item->subscription]);
	xml_set(element, "ask", item->ask ? "subscribe" : NULL);
	for (const char *const *group = item->groups; group && *group; group++)
		xml_text_add(xml_child_add(element, "group", NULL), *group);
}

struct show {
	const struct server *server;
	struct xml *query;
	uint8_t sum[ROSTER_HASH_LEN]; /* of the items */
	bool failed;                  /* memory was short: the sum is none */
};

/* The order of the items does not count, and so does not change the version. */
static void sum_item(struct show *show, const struct xml *item)
{
	uint8_t hash[ROSTER_HASH_LEN];
	struct buf text;

	buf_init(&text, XML_LIMIT_BYTES);
	if (xml_write(item, NS_ROSTER, &text) == 0 &&
	    EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL) == 1)
		for (size_t i = 0; i < sizeof(hash); i++)
			show->sum[i] ^= hash[i];
	else
		show->failed = true;
	buf_free(&text);
}

static void show_item(void *arg, const struct roster_item *item)
{
	struct show *show = arg;
	struct xml *element = add_item(show->query, show->server, item->contact);

	fill_item(element, item);
	if (element)
		sum_item(show, element);
	else
		show->failed = true;
}

/* The whole roster as <query/>, with its version; NULL when memory is short. */
static struct xml *whole(const struct server *server, const char *user)
{
	struct show show = {.server = server, .query = xml_new("query", NS_ROSTER)};
	char ver[HEX_LEN(ROSTER_VERSION_LEN) + 1];

	server->host->roster(server->host_arg, user, show_item, &show);
	hex_encode(show.sum, ROSTER_VERSION_LEN, ver);
	if (show.failed || !xml_set(show.query, "ver", ver))
		xml_free(&show.query);
	return show.query;
}

static bool up_to_date(const struct xml *request, const struct xml *query)
{
	const char *has = xml_get(request, "ver");

	return has && query && strcmp(has, xml_get(query, "ver")) == 0;
}

void roster_get(struct request *request)
{
	struct xml *reply, *query;

	/* RFC 6121 section 2.1.3 */
	if (xml_child(request->payload, "item", NULL)) {
		request_error(request, STANZA_BAD_REQUEST, NULL);
		return;
	}
	request->resource->interested = true;
	/* libpurple drops a roster that comes from the domain; without a to it has no from. */
	reply = stanza_result(request->stanza);
	query = whole(request->server, request->resource->user->name);
	if (up_to_date(request->payload, query))
		xml_free(&query);
	else if (!xml_append(reply, query))
		xml_free(&reply);
	request_reply(request, reply);
}

void roster_push(struct user *user, const char *contact, const struct roster_item *item)
{
	struct server *server = user->server;
	struct xml *iq = xml_new("iq", NS_CLIENT);
	struct xml *query = xml_child_add(iq, "query", NS_ROSTER);
	struct xml *element = add_item(query, server, contact);
	struct xml *now = whole(server, user->name);
	char id[32];

	snprintf(id, sizeof(id), "push-%llu", (unsigned long long)++server->push_no);
	xml_set(iq, "type", "set");
	xml_set(iq, "id", id);
	xml_set(query, "ver", xml_get(now, "ver"));
	xml_free(&now);
	if (item)
		fill_item(element, item);
	else
		xml_set(element, "subscription", "remove");
	user_send(user, resource_interested, iq);
	xml_free(&iq);
}

/* --- looking up --- */

struct search {
	const char *contact;
	bool found;
	enum subscription subscription;
};

static void search_item(void *arg, const struct roster_item *item)
{
	struct search *search = arg;

	if (strcmp(item->contact, search->contact) != 0)
		return;
	search->found = true;
	search->subscription = item->subscription;
}

bool roster_has(const struct user *user, const char *contact, enum subscription *subscription)
{
	struct search search = {.contact = contact};
	struct server *server = user->server;

	server->host->roster(server->host_arg, user->name, search_item, &search);
	if (subscription)
		*subscription = search.subscription;
	return search.found;
}

/* --- changing --- */

/* The groups of an item, ending with NULL; they live as long as item. RFC 6121 section 2.3.3. */
static int read_groups(struct xml *item, const char *groups[ROSTER_GROUPS_MAX + 1],
		       enum stanza_error *error)
{
	size_t count = 0;

	for (struct xml *child = xml_first(item); child; child = xml_next(child)) {
		const char *text;

		if (!xml_is(child, "group", NS_ROSTER))
			continue;
		text = xml_text(child);
		*error = STANZA_NOT_ACCEPTABLE;
		if (count == ROSTER_GROUPS_MAX || !*text || strlen(text) > ROSTER_NAME_MAX)
			return -1;
		*error = STANZA_BAD_REQUEST;
		for (size_t i = 0; i < count; i++)
			if (strcmp(groups[i], text) == 0)
				return -1;
		groups[count++] = text;
	}
	groups[count] = NULL;
	return 0;
}

/* Whose item is it? -1 with the error already sent. */
static int read_contact(struct request *request, const struct xml *item, struct jid *jid)
{
	const char *text = xml_get(item, "jid");
	enum target target;

	if (!text) {
		request_error(request, STANZA_BAD_REQUEST, NULL);
		return -1;
	}
	if (router_target(request->resource->user, text, jid, &target) < 0) {
		request_error(request, STANZA_JID_MALFORMED, NULL);
		return -1;
	}
	if (target == TARGET_CONTACT)
		return 0;
	if (target == TARGET_ACCOUNT || target == TARGET_RESOURCE)
		request_error(request, STANZA_NOT_ALLOWED, "nobody is their own contact");
	else
		request_error(request, STANZA_NOT_ACCEPTABLE,
			      "contacts here have addresses like ID@DOMAIN, "
			      "with the domain of this server");
	return -1;
}

static void set_item(struct request *request, struct xml *item, const struct jid *jid)
{
	struct server *server = request->server;
	const char *groups[ROSTER_GROUPS_MAX + 1];
	const char *name = xml_get(item, "name");
	enum stanza_error error = STANZA_NOT_ACCEPTABLE;
	struct err err;

	if ((name && strlen(name) > ROSTER_NAME_MAX) || read_groups(item, groups, &error) < 0)
		request_error(request, error, NULL);
	else if (server->host->roster_set(server->host_arg, request->resource->user->name,
					  jid->local, name ? name : "", groups, &err) < 0)
		request_refused(request, &err);
	else
		request_result(request);
}

static void remove_item(struct request *request, const struct jid *jid)
{
	struct server *server = request->server;
	struct err err;

	if (server->host->roster_remove(server->host_arg, request->resource->user->name, jid->local,
					&err) < 0)
		request_refused(request, &err);
	else
		request_result(request);
}

void roster_set(struct request *request)
{
	struct xml *item = xml_first(request->payload);
	const char *subscription = xml_get(item, "subscription");
	struct jid jid;

	/* RFC 6121 section 2.1.5: exactly one item. */
	if (!xml_is(item, "item", NS_ROSTER) || xml_next(item)) {
		request_error(request, STANZA_BAD_REQUEST, NULL);
		return;
	}
	if (read_contact(request, item, &jid) < 0)
		return;
	/* Any other value is the server's to set and is ignored (section 2.1.2.5). */
	if (subscription && strcmp(subscription, "remove") == 0)
		remove_item(request, &jid);
	else
		set_item(request, item, &jid);
}

void roster_forbidden(struct request *request)
{
	request_error(request, STANZA_FORBIDDEN, NULL);
}
