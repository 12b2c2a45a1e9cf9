/*
 * feature_last.c: XEP-0012. Only what is no secret: how long the server has run, and of contacts
 * what their presence says already, that they are there (section 4: 0 seconds). Since when a
 * contact has been away, and how long it has not touched its keyboard, nobody is told; that is
 * refused as for an account that does not exist.
 */
#include "xmpp/feature.h"

#include <stdio.h>

static void answer(const struct request *request, int64_t ms)
{
	struct xml *reply = stanza_result(request->stanza);
	char seconds[24];

	snprintf(seconds, sizeof(seconds), "%lld", (long long)(ms / 1000));
	if (!xml_set(xml_child_add(reply, "query", NS_LAST), "seconds", seconds))
		xml_free(&reply);
	request_reply(request, reply);
}

/* Section 5: how long it has been up. */
void last_server(struct request *request)
{
	answer(request, env_mono_ms(request->server->env) - request->server->started_ms);
}

/* Whoever asks this is there. */
void last_account(struct request *request)
{
	answer(request, 0);
}

void last_contact(struct request *request)
{
	const struct server *server = request->server;
	const struct user *user = request->resource->user;
	struct server_presence presence = {.available = false};
	enum subscription subscription;

	if (!*request->to.resource && roster_has(user, request->to.local, &subscription) &&
	    (subscription == SUBSCRIPTION_TO || subscription == SUBSCRIPTION_BOTH))
		server->host->contact_presence(server->host_arg, user->name, request->to.local,
					       &presence);
	if (request_offered(request, presence.available))
		answer(request, 0);
}
