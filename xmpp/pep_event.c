/*
 * pep_event.c: events of personal eventing, and which of a user's clients they go to: those that
 * are available and name the node with "+notify" among their features (XEP-0163 section 4).
 */
#include "xmpp/caps.h"
#include "xmpp/pep_private.h"

#include <string.h>

/* --- events --- */

static struct xml *items_event(const char *node, struct xml **items)
{
	struct xml *event = xml_new("event", NS_PUBSUB_EVENT);

	*items = xml_child_add(event, "items", NULL);
	if (!xml_set(*items, "node", node))
		xml_free(&event);
	return event;
}

struct xml *pep_event_item(const char *node, const struct pep_item *item)
{
	struct xml *items;
	struct xml *event = items_event(node, &items);
	struct xml *element = event ? xml_child_add(items, "item", NULL) : NULL;
	struct xml *payload = pep_payload(item->text);

	if (!xml_set(element, "id", item->id) || (payload && !xml_append(element, payload)))
		xml_free(&event);
	return event;
}

struct xml *pep_event_retract(const char *node, const char *id)
{
	struct xml *items;
	struct xml *event = items_event(node, &items);

	if (!event || !xml_set(xml_child_add(items, "retract", NULL), "id", id))
		xml_free(&event);
	return event;
}

struct xml *pep_event_node(const char *node, const char *what)
{
	struct xml *event = xml_new("event", NS_PUBSUB_EVENT);

	if (!xml_set(xml_child_add(event, what, NULL), "node", node))
		xml_free(&event);
	return event;
}

/* --- who gets them --- */

/* event is taken over. NULL when memory is short. */
static struct xml *headline(const char *from, struct xml *event)
{
	struct xml *message = xml_new("message", NS_CLIENT);

	if (xml_set(message, "from", from) && xml_set(message, "type", "headline") &&
	    xml_append(message, event))
		return message;
	xml_free(&message);
	return NULL;
}

static void send_to(struct resource *resource, struct xml *message)
{
	if (xml_set(message, "to", resource->jid))
		resource_send(resource, message);
}

void pep_notify(struct user *user, const char *from, const char *node, struct xml *event)
{
	struct xml *message = event ? headline(from, event) : NULL;

	for (struct resource *r = user->resources; message && r; r = r->next)
		if (resource_available(r) && caps_wants(r, node))
			send_to(r, message);
	xml_free(&message);
}

static void own_jid(const struct server *server, const char *user, char out[JID_TEXT_SIZE])
{
	server_contact_jid(server, user, out);
}

void pep_tell(struct server *server, const char *user_name, const char *node, struct xml *event,
	      bool was_public, bool changed)
{
	struct user *user = user_find(server, user_name);
	struct pep_record record;
	char from[JID_TEXT_SIZE];

	own_jid(server, user_name, from);
	if (user && event)
		pep_notify(user, from, node, event);
	else
		xml_free(&event);
	if (!changed)
		return;
	if (was_public || (pep_record_get(server, user_name, node, &record) == 0 &&
			   pep_config_public(&record.config)))
		server->host->pep->published(server->host_arg, user_name, node);
}

/* --- last items (XEP-0163 section 4.3.4) --- */

struct welcome {
	struct resource *resource;
	const struct caps *had; /* what the client could do before, NULL: nothing was known */
	const char *space;      /* whose nodes */
	const char *from;
};

static void send_last(const struct welcome *welcome, const char *node)
{
	struct resource *resource = welcome->resource;
	struct server *server = resource->user->server;
	struct pep_items items;
	struct xml *event, *message;

	if (!caps_wants(resource, node) || caps_had(welcome->had, node) ||
	    pep_items_load(server, resource->user->name, welcome->space, node, &items, NULL) < 0)
		return;
	event = items.count ? pep_event_item(node, &items.list[items.count - 1]) : NULL;
	message = event ? headline(welcome->from, event) : NULL;
	if (message)
		send_to(resource, message);
	xml_free(&message);
	pep_items_free(&items);
}

static void welcome_own(void *arg, const char *node, const struct pep_record *record)
{
	if (record->config.last == PEP_LAST_PRESENCE)
		send_last(arg, node);
}

static void welcome_known(void *arg, const char *node)
{
	send_last(arg, node);
}

static void welcome_contact(void *arg, const struct roster_item *item)
{
	struct welcome *own = arg;
	struct server *server = own->resource->user->server;
	char from[JID_TEXT_SIZE];
	struct welcome welcome = {own->resource, own->had, item->contact, from};

	server_contact_jid(server, item->contact, from);
	server_pep_known_nodes(server, own->resource->user->name, item->contact, welcome_known,
			       &welcome);
}

void pep_welcome(struct resource *resource, const struct caps *had)
{
	struct server *server = resource->user->server;
	char from[JID_TEXT_SIZE];
	struct welcome welcome = {resource, had, PEP_SPACE_OWN, from};

	if (!resource_available(resource))
		return;
	own_jid(server, resource->user->name, from);
	pep_records(server, resource->user->name, welcome_own, &welcome);
	server->host->roster(server->host_arg, resource->user->name, welcome_contact, &welcome);
}
