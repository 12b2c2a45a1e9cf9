/*
 * feature_time.c: XEP-0202.
 */
#include "xmpp/feature.h"
#include "xmpp/live.h"

void time_answer(struct request *request)
{
	struct xml *reply = stanza_result(request->stanza);

	if (!xml_append(reply, live_answer(request->server->env, NS_TIME)))
		xml_free(&reply);
	request_reply(request, reply);
}
