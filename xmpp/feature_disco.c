/*
 * feature_disco.c: XEP-0030 for the server, the user's own account and the contacts.
 *
 * Contacts are answered for here: what their clients can do does not come over the network. The
 * features named for them are those that travel within messages.
 */
#include "xmpp/feature.h"

/* One entity: XEP-0030 section 3.1 wants at least one identity. */
struct entity {
	const char *category;
	const char *type;
	const char *name; /* NULL: none */
	const char *const *features;
};

static const struct entity server = {
    .category = "server",
    .type = "im",
    .name = "tacet",
    .features = (const char *const[]){NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING, NS_ROSTER, NS_CARBONS,
				      NS_VERSION, NS_TIME, NULL},
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
    .features = (const char *const[]){NS_DISCO_INFO, NS_DISCO_ITEMS, NS_CHATSTATES, NS_RECEIPTS,
				      NS_MARKERS, NULL},
};

/* What the server knows if its host does. */
static const struct {
	const char *ns;
	bool (*offered)(const struct server_host *host);
} optional[] = {
    {NS_COMMANDS, commands_offered},   {NS_BOB, bob_offered},
    {NS_REGISTER, register_offered},   {NS_BLOCKING, blocking_offered},
    {NS_INVISIBLE, invisible_offered},
};

static struct xml *describe(struct xml *reply, const struct entity *entity)
{
	struct xml *query = xml_child_add(reply, "query", NS_DISCO_INFO);
	struct xml *identity = xml_child_add(query, "identity", NULL);

	xml_set(identity, "category", entity->category);
	xml_set(identity, "type", entity->type);
	xml_set(identity, "name", entity->name);
	for (const char *const *feature = entity->features; *feature; feature++)
		xml_set(xml_child_add(query, "feature", NULL), "var", *feature);
	return query;
}

static void answer_info(struct request *request, const struct entity *entity)
{
	struct xml *reply = stanza_result(request->stanza);

	describe(reply, entity);
	request_reply(request, reply);
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
	query = describe(reply, &server);
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (optional[i].offered(request->server->host))
			xml_set(xml_child_add(query, "feature", NULL), "var", optional[i].ns);
	request_reply(request, reply);
}

void disco_account_info(struct request *request)
{
	if (!refuse_node(request))
		answer_info(request, &account);
}

void disco_contact_info(struct request *request)
{
	if (!refuse_stranger(request) && !refuse_node(request))
		answer_info(request, *request->to.resource ? &contact_full : &contact_bare);
}

void disco_items(struct request *request)
{
	struct xml *reply;

	if ((request->target == TARGET_SERVER && commands_items(request)) || refuse_node(request))
		return;
	reply = stanza_result(request->stanza);
	xml_child_add(reply, "query", NS_DISCO_ITEMS);
	request_reply(request, reply);
}

void disco_contact_items(struct request *request)
{
	if (!refuse_stranger(request))
		disco_items(request);
}
