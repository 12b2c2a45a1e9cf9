/*
 * feature_own.c: IQs and presence between the resources of one user (RFC 6121 sections 8.5.2 and
 * 8.5.3): handed on as they are, results and errors too. Such presence says nothing to contacts.
 */
#include "xmpp/feature.h"

#include <string.h>

void own_iq(struct request *request)
{
	struct resource *other = user_resource(request->resource->user, request->to.resource);
	const char *type = xml_get(request->stanza, "type");

	if (other)
		resource_send(other, request->stanza);
	else if (strcmp(type, "result") != 0)
		request_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
}

void own_presence(struct request *request)
{
	struct resource *resource = request->resource;
	const char *type = xml_get(request->stanza, "type");
	struct resource *other;

	/* So that one who was shown only in this way is seen to go. */
	if (!type)
		resource->shown_own = true;
	if (request->target == TARGET_ACCOUNT) {
		user_send(resource->user, resource_available, request->stanza);
		return;
	}
	other = user_resource(resource->user, request->to.resource);
	if (other)
		resource_send(other, request->stanza);
}
