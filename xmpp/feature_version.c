/*
 * feature_version.c: XEP-0092. The operating system is left out: nobody needs it here.
 */
#include "xmpp/feature.h"
#include "xmpp/live.h"

void version_answer(struct request *request)
{
	struct xml *reply = stanza_result(request->stanza);

	if (!xml_append(reply, live_answer(request->server->env, NS_VERSION)))
		xml_free(&reply);
	request_reply(request, reply);
}
