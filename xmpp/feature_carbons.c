/*
 * feature_carbons.c: XEP-0280: the user's other resources get a copy of what one of them sends, and
 * of what is sent to one of them alone. Neighbour: feature_message.c.
 */
#include "xmpp/feature.h"

#include <string.h>

void carbons_enable(struct request *request)
{
	request->resource->carbons = true;
	request_result(request);
}

void carbons_disable(struct request *request)
{
	request->resource->carbons = false;
	request_result(request);
}

/* Section 6.1: what belongs to a conversation, unless its sender does not want copies. */
static bool eligible(const struct xml *stanza)
{
	const char *type = xml_get(stanza, "type");

	if (xml_child(stanza, "private", NS_CARBONS) || xml_child(stanza, "no-copy", NS_HINTS) ||
	    xml_child(stanza, NULL, NS_CARBONS))
		return false;
	if (type && strcmp(type, "chat") == 0)
		return true;
	if (type && strcmp(type, "normal") != 0)
		return false;
	return xml_child(stanza, "body", NULL) || xml_child(stanza, NULL, NS_RECEIPTS) ||
	       xml_child(stanza, NULL, NS_MARKERS);
}

/* Section 7 and 8: from the bare JID of the account, so that clients can tell it from a forgery. */
static struct xml *wrap(const struct user *user, const struct xml *stanza, const char *direction)
{
	struct xml *carbon = xml_new("message", NS_CLIENT);
	struct xml *forwarded =
	    xml_child_add(xml_child_add(carbon, direction, NS_CARBONS), "forwarded", NS_FORWARD);
	char from[JID_TEXT_SIZE];

	server_contact_jid(user->server, user->name, from);
	if (xml_append(forwarded, xml_copy(stanza)) && xml_set(carbon, "from", from) &&
	    xml_set(carbon, "type", xml_get(stanza, "type")))
		return carbon;
	xml_free(&carbon);
	return NULL;
}

void carbons_send(const struct user *user, const struct xml *stanza, const char *direction,
		  bool (*has_it)(const struct resource *resource, const void *arg), const void *arg)
{
	struct xml *carbon = NULL;

	if (!eligible(stanza))
		return;
	for (struct resource *resource = user->resources; resource; resource = resource->next) {
		if (!resource->carbons || has_it(resource, arg))
			continue;
		if (!carbon)
			carbon = wrap(user, stanza, direction);
		if (xml_set(carbon, "to", resource->jid))
			resource_send(resource, carbon);
	}
	xml_free(&carbon);
}
