/*
 * feature_time.c: XEP-0202. Always in UTC: a time zone tells where someone is.
 */
#include "xmpp/feature.h"

#include <time.h>

void time_answer(struct request *request)
{
	struct xml *reply = stanza_result(request->stanza);
	struct xml *element = xml_child_add(reply, "time", NS_TIME);
	time_t now = (time_t)(env_wall_ms(request->server->env) / 1000);
	char text[sizeof("2006-12-19T17:58:35Z") + 8] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	xml_text_add(xml_child_add(element, "tzo", NULL), "+00:00");
	xml_text_add(xml_child_add(element, "utc", NULL), text);
	request_reply(request, reply);
}
