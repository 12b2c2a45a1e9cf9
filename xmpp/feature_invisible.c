/*
 * feature_invisible.c: XEP-0186: a resource whose presence neither contacts nor the user's other
 * resources are told. It still gets messages, and sees who is there.
 *
 * Nobody's client is probed: what is known of the contacts is known here. Neighbours: user.c (who
 * is told what), feature_directed.c (showing oneself to single contacts all the same).
 */
#include "xmpp/feature.h"

#include "core/base/log.h"

#include <string.h>

bool invisible_offered(const struct server_host *host)
{
	return host->invisible != NULL;
}

/* Boolean of XML schema. */
static bool wants_probes(const struct xml *payload)
{
	const char *probe = xml_get(payload, "probe");

	return probe && (strcmp(probe, "true") == 0 || strcmp(probe, "1") == 0);
}

/* XEP-0186 section 3.1.1: without a presence of its own it gets messages, too. */
static void become_available(struct resource *resource, bool welcomed)
{
	struct xml *stanza = xml_new("presence", NS_CLIENT);
	enum stanza_error error;

	if (!xml_set(stanza, "from", resource->jid) ||
	    presence_take(resource, stanza, welcomed, &error) < 0)
		log_warn("an invisible client is not available: no memory for it");
	xml_free(&stanza);
}

static void hide(struct resource *resource, bool welcomed)
{
	presence_hide(resource, NULL);
	user_tell_presence(resource->user);
	if (welcomed)
		presence_welcome(resource);
}

void invisible_set(struct request *request)
{
	struct resource *resource = request->resource;
	bool probes = wants_probes(request->payload);

	if (!request_offered(request, invisible_offered(request->server->host)))
		return;
	request_result(request);
	if (resource->invisible)
		return;
	resource->invisible = true;
	if (resource_available(resource))
		hide(resource, probes);
	else
		become_available(resource, probes);
}

/* Section 3.2: as if it had not sent its first presence yet; the client sends it when it likes. */
void invisible_unset(struct request *request)
{
	struct resource *resource = request->resource;

	if (!request_offered(request, invisible_offered(request->server->host)))
		return;
	request_result(request);
	if (!resource->invisible)
		return;
	presence_end(resource, NULL);
	resource->invisible = false;
}
