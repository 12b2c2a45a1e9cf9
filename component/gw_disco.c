/*
 * gw_disco.c: XEP-0030 and XEP-0199 for the gateway and its users' contacts. Nobody sees a list of
 * contacts here: a roster is the user's server's affair.
 */
#include "component/gw_private.h"

#include <string.h>

static void add_feature(struct xml *query, const char *ns)
{
	xml_set(xml_child_add(query, "feature", NULL), "var", ns);
}

static void add_identity(struct xml *query, const char *category, const char *type,
			 const char *name)
{
	struct xml *identity = xml_child_add(query, "identity", NULL);

	xml_set(identity, "category", category);
	xml_set(identity, "type", type);
	xml_set(identity, "name", name);
}

static const char *const features[] = {NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING,  NS_REGISTER,
				       NS_GATEWAY,    NS_COMMANDS,    NS_VCARD, NS_BLOCKING};

static void describe_command(struct gw_request *request, const char *node)
{
	const struct server_command *command = gw_command_find(request->gw, node);
	struct xml *reply, *query;
	bool list = strcmp(node, NS_COMMANDS) == 0;

	if (!request->user || (!command && !list)) {
		gw_error(request, STANZA_ITEM_NOT_FOUND, NULL);
		return;
	}
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_DISCO_INFO);
	xml_set(query, "node", node);
	add_identity(query, "automation", list ? "command-list" : "command-node",
		     list ? NULL : command->name);
	add_feature(query, NS_COMMANDS);
	add_feature(query, NS_FORM);
	gw_reply(request, reply);
}

void gw_disco_info(struct gw_request *request)
{
	const char *node = xml_get(request->payload, "node");
	struct xml *reply, *query;

	if (node) {
		describe_command(request, node);
		return;
	}
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_DISCO_INFO);
	add_identity(query, "gateway", "tacet", "tacet");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		add_feature(query, features[i]);
	gw_reply(request, reply);
}

void gw_disco_items(struct gw_request *request)
{
	const char *node = xml_get(request->payload, "node");
	const struct server_command *command;
	struct xml *reply, *query;

	if (node && (strcmp(node, NS_COMMANDS) != 0 || !request->user)) {
		gw_error(request, STANZA_ITEM_NOT_FOUND, NULL);
		return;
	}
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_DISCO_ITEMS);
	xml_set(query, "node", node);
	for (unsigned i = 0; node && (command = gw_command_at(request->gw, i)); i++) {
		struct xml *item = xml_child_add(query, "item", NULL);

		xml_set(item, "jid", request->gw->config->domain);
		xml_set(item, "node", command->node);
		xml_set(item, "name", command->name);
	}
	gw_reply(request, reply);
}

void gw_ping(struct gw_request *request)
{
	if (!request->to.local[0] || gw_request_contact(request))
		gw_result(request);
}

/* --- contacts --- */

void gw_disco_contact_info(struct gw_request *request)
{
	const char *node = xml_get(request->payload, "node");
	struct xml *reply, *query;

	if (!gw_request_contact(request))
		return;
	query = remote_contact_info(request->gw->server, request->user->jid, request->to.local,
				    request->to.resource[0] != '\0', node);
	if (!query) {
		gw_error(request, STANZA_ITEM_NOT_FOUND, NULL);
		return;
	}
	reply = stanza_result(request->stanza);
	if (!xml_append(reply, query))
		xml_free(&reply);
	gw_reply(request, reply);
}

void gw_disco_contact_items(struct gw_request *request)
{
	struct xml *reply;

	if (!gw_request_contact(request))
		return;
	reply = stanza_result(request->stanza);
	xml_child_add(reply, "query", NS_DISCO_ITEMS);
	gw_reply(request, reply);
}
