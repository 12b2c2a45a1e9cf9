/*
 * pep_question.c: the questions that people's daemons ask each other about nodes (pep.h). Pure.
 */
#include "xmpp/pep.h"

#include <string.h>

bool pep_question_read(const struct xml *payload, const char **node)
{
	*node = NULL;
	if (xml_is(payload, "pubsub", NS_PUBSUB) && xml_child(payload, "items", NS_PUBSUB))
		*node = xml_get(xml_child(payload, "items", NS_PUBSUB), "node");
	else if (xml_is(payload, "vCard", NS_VCARD))
		*node = NS_VCARD;
	else if (xml_is(payload, "query", NS_DISCO_INFO))
		*node = NS_DISCO_INFO;
	return *node && **node && strlen(*node) <= PEP_NAME_MAX;
}

struct xml *pep_question(const char *node)
{
	struct xml *pubsub;

	if (strcmp(node, NS_VCARD) == 0)
		return xml_new("vCard", NS_VCARD);
	if (strcmp(node, NS_DISCO_INFO) == 0)
		return xml_new("query", NS_DISCO_INFO);
	pubsub = xml_new("pubsub", NS_PUBSUB);
	if (!xml_set(xml_child_add(pubsub, "items", NULL), "node", node))
		xml_free(&pubsub);
	return pubsub;
}
