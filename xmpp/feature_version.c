/*
 * feature_version.c: XEP-0092. The operating system is left out: nobody needs it here.
 */
#include "config.h"

#include "xmpp/feature.h"

void version_answer(struct request *request)
{
	struct xml *reply = stanza_result(request->stanza);
	struct xml *query = xml_child_add(reply, "query", NS_VERSION);

	xml_text_add(xml_child_add(query, "name", NULL), PACKAGE_NAME);
	xml_text_add(xml_child_add(query, "version", NULL), PACKAGE_VERSION);
	request_reply(request, reply);
}
