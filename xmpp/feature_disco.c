/*
 * feature_disco.c: XEP-0030 for the server, the user's own account and the contacts.
 *
 * Contacts are answered for here. What their clients can do is known from their daemons (pep.h),
 * cut down to what works between two people (caps.h).
 */
#include "xmpp/caps.h"
#include "xmpp/caps_hash.h"
#include "xmpp/pep_private.h"
#include "xmpp/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What names the features of contacts in their presence (XEP-0115). */
#define CAPS_NODE "tacet:contact"

/* One entity: XEP-0030 section 3.1 wants at least one identity. */
struct entity {
	const char *category;
	const char *type;
	const char *name; /* NULL: none */
	const char *const *features;
};

static const struct entity own_server = {
    .category = "server",
    .type = "im",
    .name = "tacet",
    .features = (const char *const[]){NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING, NS_ROSTER, NS_CARBONS,
				      NS_VERSION, NS_TIME, NS_LAST, NULL},
};

static const struct entity account = {
    .category = "account",
    .type = "registered",
    .features = (const char *const[]){NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING, NS_STANZA_ID, NULL},
};

static const struct entity contact_bare = {
    .category = "account",
    .type = "registered",
    .features = (const char *const[]){NS_DISCO_INFO, NS_DISCO_ITEMS, NULL},
};

/* Dino asks the full JID before it sends receipts and chat states. */
static const struct entity contact_full = {
    .category = "client",
    .type = "pc",
    .name = "tacet",
    .features = (const char *const[]){NS_DISCO_INFO, NS_DISCO_ITEMS, NULL},
};

/* XEP-0163 section 6.1: what of XEP-0060 the user's own account knows. */
static const char *const pep_features[] = {
    NS_PUBSUB "#access-open",
    NS_PUBSUB "#access-presence",
    NS_PUBSUB "#access-whitelist",
    NS_PUBSUB "#auto-create",
    NS_PUBSUB "#auto-subscribe",
    NS_PUBSUB "#config-node",
    NS_PUBSUB "#config-node-max",
    NS_PUBSUB "#create-and-configure",
    NS_PUBSUB "#create-nodes",
    NS_PUBSUB "#delete-items",
    NS_PUBSUB "#delete-nodes",
    NS_PUBSUB "#filtered-notifications",
    NS_PUBSUB "#item-ids",
    NS_PUBSUB "#last-published",
    NS_PUBSUB "#multi-items",
    NS_PUBSUB "#persistent-items",
    NS_PUBSUB "#publish",
    NS_PUBSUB "#publish-options",
    NS_PUBSUB "#purge-nodes",
    NS_PUBSUB "#retract-items",
    NS_PUBSUB "#retrieve-default",
    NS_PUBSUB "#retrieve-items",
    NS_PEP_VCARD,
    NS_VCARD,
    NS_PRIVATE,
    NS_BOOKMARKS "#compat",
    NS_BOOKMARKS "#compat-pep",
    NS_BOOKMARKS_CONVERSION,
    NULL,
};

/* What of it can be had of a contact. */
static const char *const contact_pep_features[] = {
    NS_PUBSUB "#access-presence",
    NS_PUBSUB "#last-published",
    NS_PUBSUB "#retrieve-items",
    NS_PEP_VCARD,
    NS_VCARD,
    NULL,
};

static const char *const archive_features[] = {NS_MAM, NS_MAM_EXTENDED, NULL};

/* What the server knows if its host does. */
static const struct {
	const char *ns;
	bool (*offered)(const struct server_host *host);
} optional[] = {
    {NS_COMMANDS, commands_offered},
    {NS_BOB, bob_offered},
    {NS_REGISTER, register_offered},
    {NS_BLOCKING, blocking_offered},
    {NS_INVISIBLE, invisible_offered},
    {NS_PRIVATE, pep_has_host},
    {NS_VCARD, pep_has_host},
    /* These two belong to accounts, but Profanity looks for them here, as it finds them at
     * Prosody and ejabberd, before it lets anybody encrypt. */
    {NS_PUBSUB "#publish", pep_has_host},
    {NS_PUBSUB "#publish-options", pep_has_host},
};

static void add_features(struct xml *query, const char *const *features)
{
	for (; *features; features++)
		xml_set(xml_child_add(query, "feature", NULL), "var", *features);
}

static void add_identity(struct xml *query, const char *category, const char *type,
			 const char *name)
{
	struct xml *identity = xml_child_add(query, "identity", NULL);

	xml_set(identity, "category", category);
	xml_set(identity, "type", type);
	xml_set(identity, "name", name);
}

static struct xml *describe(struct xml *reply, const struct entity *entity)
{
	struct xml *query = xml_child_add(reply, "query", NS_DISCO_INFO);

	add_identity(query, entity->category, entity->type, entity->name);
	add_features(query, entity->features);
	return query;
}

/* An account with personal eventing, if it is offered. */
static struct xml *describe_account(const struct server *server, struct xml *reply,
				    const struct entity *entity, const char *const *features)
{
	struct xml *query = xml_child_add(reply, "query", NS_DISCO_INFO);

	add_identity(query, entity->category, entity->type, entity->name);
	if (pep_offered(server))
		add_identity(query, "pubsub", "pep", NULL);
	add_features(query, entity->features);
	if (pep_offered(server))
		add_features(query, features);
	return query;
}

/* XEP-0030 section 3.2: no node exists here but those of commands. */
static bool refuse_node(struct request *request)
{
	if (!xml_get(request->payload, "node"))
		return false;
	request_error(request, STANZA_ITEM_NOT_FOUND, NULL);
	return true;
}

/* Who is no contact looks like an account that does not exist (RFC 6121 section 8.5.1). */
static bool refuse_stranger(struct request *request)
{
	if (roster_has(request->resource->user, request->to.local, NULL))
		return false;
	request_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	return true;
}

void disco_server_info(struct request *request)
{
	struct xml *reply, *query;

	if (commands_info(request) || refuse_node(request))
		return;
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_DISCO_INFO);
	add_identity(query, own_server.category, own_server.type, own_server.name);
	/* XEP-0363 section 3: by this slixmpp finds where to upload. */
	if (upload_offered(request->server))
		add_identity(query, "store", "file", NULL);
	/* By this libpurple finds personal eventing. */
	if (pep_offered(request->server))
		add_identity(query, "pubsub", "pep", NULL);
	add_features(query, own_server.features);
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (optional[i].offered(request->server->host))
			xml_set(xml_child_add(query, "feature", NULL), "var", optional[i].ns);
	upload_describe(request->server, query);
	request_reply(request, reply);
}

void disco_account_info(struct request *request)
{
	struct xml *reply;

	if (refuse_node(request))
		return;
	reply = stanza_result(request->stanza);
	describe_account(request->server, reply, &account, pep_features);
	if (archive_offered(request->server->host))
		add_features(xml_first(reply), archive_features);
	request_reply(request, reply);
}

/* --- contacts --- */

/* What the contact's clients can do, as far as it is known. */
static unsigned contact_mask(const struct server *server, const char *user, const char *contact)
{
	char *text = pep_offered(server) ? server->host->pep->get(server->host_arg, user, contact,
								  NS_DISCO_INFO, PEP_ITEM_CURRENT)
					 : NULL;
	struct xml *query = text ? pep_payload(text) : NULL;
	unsigned mask = query ? caps_shared_of(query) : caps_shared_default();

	xml_free(&query);
	free(text);
	return mask;
}

static struct xml *describe_client(struct xml *reply, const struct server *server, const char *user,
				   const char *contact)
{
	struct xml *query = describe(reply, &contact_full);

	caps_shared_add(contact_mask(server, user, contact), query);
	return query;
}

static int contact_ver(const struct server *server, const char *user, const char *contact,
		       char ver[CAPS_VER_SIZE])
{
	struct xml *reply = xml_new("iq", NS_CLIENT);
	struct xml *query = describe_client(reply, server, user, contact);
	int result = query ? caps_ver(query, "sha-1", ver) : -1;

	xml_free(&reply);
	return result;
}

void disco_contact_caps(const struct server *server, const char *user, const char *contact,
			struct xml *presence)
{
	char known[PEP_VERSION_SIZE], ver[CAPS_VER_SIZE];
	struct xml *c;

	if (server_pep_known(server, user, contact, NS_DISCO_INFO, known) < 0 ||
	    contact_ver(server, user, contact, ver) < 0)
		return;
	c = xml_child_add(presence, "c", NS_CAPS);
	xml_set(c, "hash", "sha-1");
	xml_set(c, "node", CAPS_NODE);
	xml_set(c, "ver", ver);
}

/* Clients ask for the node that was named in presence; what is answered is what is so now. */
static bool is_caps_node(const char *node)
{
	return strncmp(node, CAPS_NODE "#", sizeof(CAPS_NODE)) == 0;
}

struct xml *remote_contact_info(const struct server *server, const char *user, const char *contact,
				bool client, const char *node)
{
	struct xml *reply = xml_new("iq", NS_CLIENT);
	struct xml *query = NULL;

	if (client && (!node || is_caps_node(node)))
		query = describe_client(reply, server, user, contact);
	else if (!client && !node)
		query = describe_account(server, reply, &contact_bare, contact_pep_features);
	if (query && node)
		xml_set(query, "node", node);
	query = query ? xml_detach(query) : NULL;
	xml_free(&reply);
	return query;
}

static void answer_client(struct request *request)
{
	const char *node = xml_get(request->payload, "node");
	struct xml *reply, *query;

	if ((!node || !is_caps_node(node)) && refuse_node(request))
		return;
	reply = stanza_result(request->stanza);
	query = describe_client(reply, request->server, request->resource->user->name,
				request->to.local);
	xml_set(query, "node", node);
	request_reply(request, reply);
}

void disco_contact_info(struct request *request)
{
	struct xml *reply;

	if (refuse_stranger(request))
		return;
	if (*request->to.resource) {
		answer_client(request);
		return;
	}
	if (refuse_node(request))
		return;
	reply = stanza_result(request->stanza);
	describe_account(request->server, reply, &contact_bare, contact_pep_features);
	request_reply(request, reply);
}

/* --- items: XEP-0060 section 5.2 --- */

struct item_list {
	struct xml *query;
	char jid[JID_TEXT_SIZE];
};

static void add_known_node(void *arg, const char *node)
{
	struct item_list *list = arg;
	struct xml *item;

	if (strcmp(node, NS_VCARD) == 0 || strcmp(node, NS_DISCO_INFO) == 0)
		return;
	item = xml_child_add(list->query, "item", NULL);
	xml_set(item, "jid", list->jid);
	xml_set(item, "node", node);
}

static void add_own_node(void *arg, const char *node, const struct pep_record *record)
{
	(void)record;
	add_known_node(arg, node);
}

void disco_items(struct request *request)
{
	const char *user = request->resource->user->name;
	struct item_list list;
	struct xml *reply;

	if ((request->target == TARGET_SERVER && commands_items(request)) || refuse_node(request))
		return;
	reply = stanza_result(request->stanza);
	list.query = xml_child_add(reply, "query", NS_DISCO_ITEMS);
	if (request->target == TARGET_ACCOUNT && pep_offered(request->server)) {
		server_contact_jid(request->server, user, list.jid);
		pep_records(request->server, user, add_own_node, &list);
	} else if (request->target == TARGET_CONTACT && !*request->to.resource) {
		server_contact_jid(request->server, request->to.local, list.jid);
		server_pep_known_nodes(request->server, user, request->to.local, add_known_node,
				       &list);
	}
	request_reply(request, reply);
}

void disco_contact_items(struct request *request)
{
	if (!refuse_stranger(request))
		disco_items(request);
}
