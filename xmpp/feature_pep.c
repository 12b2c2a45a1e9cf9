/*
 * feature_pep.c: XEP-0060 on the user's own account, as XEP-0163 has it: publish, retract, items,
 * create. Neighbours: feature_pep_owner.c (configure, delete, purge), feature_contact.c (others').
 */
#include "xmpp/pep_private.h"

#include "core/base/codec.h"

#include <stdlib.h>
#include <string.h>

/* Most items in one request; clients publish one. */
#define PUBLISH_MAX 100
/* Random bytes of an item's id that is made up. */
#define ITEM_ID_LEN 10

static void refuse(const struct request *request, enum stanza_error error, const char *condition)
{
	request_error_detail(request, error, NULL, condition, NS_PUBSUB_ERRORS);
}

const char *pep_request_node(const struct request *request, const struct xml *element)
{
	const char *node = xml_get(element, "node");

	if (!node || !*node) {
		refuse(request, STANZA_BAD_REQUEST, "nodeid-required");
		return NULL;
	}
	if (strlen(node) > PEP_NAME_MAX) {
		request_error(request, STANZA_NOT_ACCEPTABLE, "the node's name is too long");
		return NULL;
	}
	/* The server's own (pep.h). */
	if (strcmp(node, NS_VCARD) == 0 || strcmp(node, NS_DISCO_INFO) == 0) {
		request_error(request, STANZA_NOT_ALLOWED, NULL);
		return NULL;
	}
	return node;
}

static bool is_true(const char *value)
{
	return value && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* --- publish (XEP-0060 section 7.1) --- */

/* The node as the publish-options want it; made if it is not there. False: an error was sent. */
static bool prepare_node(const struct request *request, const char *node)
{
	struct server *server = request->server;
	const char *user = request->resource->user->name;
	struct xml *options = xml_child(request->payload, "publish-options", NS_PUBSUB);
	struct xml *form = xml_child(options, "x", NS_FORM);
	struct pep_record record;
	struct pep_config wanted;
	struct err err;
	bool there = pep_record_get(server, user, node, &record) == 0;

	wanted = there ? record.config : pep_config_default(node);
	if (pep_config_apply(&wanted, form) < 0 ||
	    (there && !pep_config_equal(&wanted, &record.config))) {
		refuse(request, STANZA_CONFLICT, "precondition-not-met");
		return false;
	}
	if (there || pep_node_set(server, user, node, &wanted, &err) == 0)
		return true;
	request_refused(request, &err);
	return false;
}

/* Check all before any is stored. False: an error was sent. */
static bool check_items(const struct request *request, const struct xml *publish)
{
	unsigned count = 0;

	for (const struct xml *item = xml_first(publish); item; item = xml_next(item)) {
		const char *id = xml_get(item, "id");
		char *text;

		if (!xml_is(item, "item", NS_PUBSUB) || ++count > PUBLISH_MAX ||
		    (id && strlen(id) > PEP_NAME_MAX)) {
			request_error(request, STANZA_BAD_REQUEST, NULL);
			return false;
		}
		if (!xml_first(item) || xml_next(xml_first(item))) {
			refuse(request, STANZA_BAD_REQUEST,
			       xml_first(item) ? "invalid-payload" : "payload-required");
			return false;
		}
		text = pep_text(xml_first(item));
		free(text);
		if (!text) {
			refuse(request, STANZA_NOT_ACCEPTABLE, "payload-too-big");
			return false;
		}
	}
	if (count == 0)
		refuse(request, STANZA_BAD_REQUEST, "item-required");
	return count > 0;
}

static int publish_item(struct server *server, const char *user, const char *node, struct xml *item,
			struct err *err)
{
	uint8_t random[ITEM_ID_LEN];
	char made[BASE32_LEN(ITEM_ID_LEN) + 1];
	struct pep_item stored;
	bool changed;
	int result;

	if (!xml_get(item, "id") || !*xml_get(item, "id")) {
		env_random(server->env, random, sizeof(random));
		base32_encode(random, sizeof(random), made);
		xml_set(item, "id", made);
	}
	stored.id = (char *)(uintptr_t)xml_get(item, "id");
	stored.text = pep_text(xml_first(item));
	if (!stored.id || !stored.text) {
		free(stored.text);
		return err_set(err, ERR_MEMORY, "no memory for an item");
	}
	result = pep_item_put(server, user, node, stored.id, stored.text, &changed, err);
	if (result == 0)
		pep_changed(server, user, node, pep_event_item(node, &stored), changed);
	free(stored.text);
	return result;
}

static void publish(struct request *request, struct xml *element)
{
	const char *node = pep_request_node(request, element);
	const char *user = request->resource->user->name;
	struct xml *reply, *done;
	struct err err;

	if (!node || !check_items(request, element) || !prepare_node(request, node))
		return;
	reply = stanza_result(request->stanza);
	done = xml_child_add(xml_child_add(reply, "pubsub", NS_PUBSUB), "publish", NULL);
	xml_set(done, "node", node);
	for (struct xml *item = xml_first(element); item; item = xml_next(item)) {
		if (publish_item(request->server, user, node, item, &err) < 0) {
			xml_free(&reply);
			request_refused(request, &err);
			return;
		}
		xml_set(xml_child_add(done, "item", NULL), "id", xml_get(item, "id"));
	}
	request_reply(request, reply);
	bookmarks_published(request->server, user, node);
}

/* --- retract (section 7.2) --- */

static void retract(struct request *request, struct xml *element)
{
	const char *node = pep_request_node(request, element);
	const char *user = request->resource->user->name;
	struct xml *item = xml_child(element, "item", NS_PUBSUB);
	const char *id = xml_get(item, "id");
	bool notify = is_true(xml_get(element, "notify"));
	struct err err;

	if (!node)
		return;
	if (!id || !*id) {
		refuse(request, STANZA_BAD_REQUEST, "item-required");
		return;
	}
	if (pep_item_remove(request->server, user, node, id, &err) < 0) {
		request_refused(request, &err);
		return;
	}
	request_result(request);
	pep_changed(request->server, user, node, notify ? pep_event_retract(node, id) : NULL, true);
	bookmarks_published(request->server, user, node);
}

/* --- create (section 8.1) --- */

static void create(struct request *request, struct xml *element)
{
	const char *node = pep_request_node(request, element);
	const char *user = request->resource->user->name;
	struct xml *configure = xml_child(request->payload, "configure", NS_PUBSUB);
	struct pep_record record;
	struct pep_config config;
	struct err err;

	if (!node)
		return;
	config = pep_config_default(node);
	if (pep_record_get(request->server, user, node, &record) == 0)
		request_error(request, STANZA_CONFLICT, NULL);
	else if (pep_config_apply(&config, xml_child(configure, "x", NS_FORM)) < 0)
		request_error(request, STANZA_NOT_ACCEPTABLE, NULL);
	else if (pep_node_set(request->server, user, node, &config, &err) < 0)
		request_refused(request, &err);
	else
		request_result(request);
}

static const struct {
	const char *name;
	void (*set)(struct request *request, struct xml *element);
} actions[] = {{"publish", publish}, {"retract", retract}, {"create", create}};

void pep_set(struct request *request)
{
	if (!request_offered(request, pep_offered(request->server)))
		return;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct xml *element = xml_child(request->payload, actions[i].name, NS_PUBSUB);

		if (element) {
			actions[i].set(request, element);
			return;
		}
	}
	request_error(request, STANZA_FEATURE_NOT_IMPLEMENTED, NULL);
}

/* --- items (section 6.5) --- */

/* Profanity 0.13 makes its list of OMEMO devices only when the absence of one has this number,
 * which RFC 3920 gave to the error (XEP-0086). */
static void no_such_node(const struct request *request)
{
	struct xml *reply = stanza_error_new(request->stanza, STANZA_ITEM_NOT_FOUND, NULL);

	xml_set(xml_child(reply, "error", NULL), "code", "404");
	request_reply(request, reply);
}

void pep_get(struct request *request)
{
	struct xml *element = xml_child(request->payload, "items", NS_PUBSUB);
	const char *user = request->resource->user->name;
	struct pep_record record;
	struct pep_items items;
	struct xml *reply;
	const char *node;
	struct err err;

	if (!request_offered(request, pep_offered(request->server)))
		return;
	if (!element) {
		request_error(request, STANZA_FEATURE_NOT_IMPLEMENTED, NULL);
		return;
	}
	node = pep_request_node(request, element);
	if (!node)
		return;
	if (pep_record_get(request->server, user, node, &record) < 0) {
		no_such_node(request);
		return;
	}
	if (pep_items_load(request->server, user, PEP_SPACE_OWN, node, &items, &err) < 0) {
		request_refused(request, &err);
		return;
	}
	reply = stanza_result(request->stanza);
	xml_append(reply, pep_answer_items(&items, request->payload));
	pep_items_free(&items);
	request_reply(request, reply);
}
