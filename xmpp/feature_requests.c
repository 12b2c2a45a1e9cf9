/*
 * feature_requests.c: strangers who would like to be contacts, as subscription requests with their
 * name (XEP-0172). They are kept by the host; the answer is a presence, see feature_presence.c.
 */
#include "xmpp/feature.h"

/* NULL when memory is short. */
static struct xml *request_stanza(const struct server *server, const struct server_request *request)
{
	struct xml *stanza = xml_new("presence", NS_CLIENT);
	char from[JID_TEXT_SIZE];

	server_contact_jid(server, request->contact, from);
	if (!xml_set(stanza, "from", from) || !xml_set(stanza, "type", "subscribe"))
		goto fail;
	if (request->text && *request->text &&
	    !xml_text_add(xml_child_add(stanza, "status", NULL), request->text))
		goto fail;
	if (request->name && *request->name &&
	    !xml_text_add(xml_child_add(stanza, "nick", NS_NICK), request->name))
		goto fail;
	return stanza;
fail:
	xml_free(&stanza);
	return NULL;
}

static void show_to_resource(void *arg, const struct server_request *request)
{
	struct resource *resource = arg;
	struct xml *stanza = request_stanza(resource->user->server, request);

	if (xml_set(stanza, "to", resource->jid))
		resource_send(resource, stanza);
	xml_free(&stanza);
}

/* RFC 6121 section 3.1.3: again each time until the user has answered. */
void requests_show(struct resource *resource)
{
	const struct server *server = resource->user->server;

	if (server->host->requests)
		server->host->requests(server->host_arg, resource->user->name, show_to_resource,
				       resource);
}

void requests_show_one(struct user *user, const struct server_request *request)
{
	struct xml *stanza = request_stanza(user->server, request);

	if (stanza)
		user_send(user, resource_available, stanza);
	xml_free(&stanza);
}
