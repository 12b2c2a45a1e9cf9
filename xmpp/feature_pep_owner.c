/*
 * feature_pep_owner.c: XEP-0060 section 8 on the user's own account: configuration, deletion and
 * purge of nodes. Who the owner is, is never a question: only the user's own clients come here.
 */
#include "xmpp/pep_private.h"

#include <string.h>

/* Find the node that element names. False: an error was sent. */
static bool find_node(const struct request *request, const struct xml *element, const char **node,
		      struct pep_record *record)
{
	*node = pep_request_node(request, element);
	if (!*node)
		return false;
	if (pep_record_get(request->server, request->resource->user->name, *node, record) == 0)
		return true;
	request_error(request, STANZA_ITEM_NOT_FOUND, NULL);
	return false;
}

static void show_config(struct request *request, const char *name, const char *node,
			const struct pep_config *config)
{
	struct xml *reply = stanza_result(request->stanza);
	struct xml *element =
	    xml_child_add(xml_child_add(reply, "pubsub", NS_PUBSUB_OWNER), name, NULL);

	xml_set(element, "node", node);
	pep_config_form(config, element, "form");
	request_reply(request, reply);
}

void pep_owner_get(struct request *request)
{
	struct xml *configure = xml_child(request->payload, "configure", NS_PUBSUB_OWNER);
	struct pep_config config = pep_config_default("");
	struct pep_record record;
	const char *node;

	if (!request_offered(request, pep_offered(request->server)))
		return;
	if (xml_child(request->payload, "default", NS_PUBSUB_OWNER))
		show_config(request, "default", NULL, &config);
	else if (!configure)
		request_error(request, STANZA_FEATURE_NOT_IMPLEMENTED, NULL);
	else if (find_node(request, configure, &node, &record))
		show_config(request, "configure", node, &record.config);
}

static void configure(struct request *request, struct xml *element)
{
	const char *user = request->resource->user->name;
	struct xml *form = xml_child(element, "x", NS_FORM);
	const char *type = xml_get(form, "type");
	struct pep_record record;
	struct pep_config config;
	const char *node;
	struct err err;

	if (!find_node(request, element, &node, &record))
		return;
	config = record.config;
	if (type && strcmp(type, "cancel") == 0)
		request_result(request);
	else if (!form || pep_config_apply(&config, form) < 0)
		request_error(request, STANZA_NOT_ACCEPTABLE, NULL);
	else if (pep_node_set(request->server, user, node, &config, &err) < 0)
		request_refused(request, &err);
	else {
		request_result(request);
		if (!pep_config_equal(&config, &record.config))
			pep_tell(request->server, user, node, NULL,
				 pep_config_public(&record.config), true);
	}
}

/* was_public: as for pep_tell. */
static void drop(struct request *request, const char *node,
		 int (*drop_it)(struct server *server, const char *user, const char *node,
				struct err *err),
		 const char *what, bool was_public)
{
	const char *user = request->resource->user->name;
	struct err err;

	if (drop_it(request->server, user, node, &err) < 0) {
		request_refused(request, &err);
		return;
	}
	request_result(request);
	pep_tell(request->server, user, node, pep_event_node(node, what), was_public, true);
	bookmarks_published(request->server, user, node);
}

static void delete_node(struct request *request, struct xml *element)
{
	struct pep_record record;
	const char *node;

	if (find_node(request, element, &node, &record))
		drop(request, node, pep_node_delete, "delete", pep_config_public(&record.config));
}

static void purge(struct request *request, struct xml *element)
{
	struct pep_record record;
	const char *node;

	if (find_node(request, element, &node, &record))
		drop(request, node, pep_node_purge, "purge", false);
}

static const struct {
	const char *name;
	void (*set)(struct request *request, struct xml *element);
} actions[] = {{"configure", configure}, {"delete", delete_node}, {"purge", purge}};

void pep_owner_set(struct request *request)
{
	if (!request_offered(request, pep_offered(request->server)))
		return;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct xml *element = xml_child(request->payload, actions[i].name, NS_PUBSUB_OWNER);

		if (element) {
			actions[i].set(request, element);
			return;
		}
	}
	request_error(request, STANZA_FEATURE_NOT_IMPLEMENTED, NULL);
}
