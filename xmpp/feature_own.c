/*
 * feature_own.c: IQs between the resources of one user (RFC 6121 section 8.5.3): handed on as they
 * are, results and errors too.
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
