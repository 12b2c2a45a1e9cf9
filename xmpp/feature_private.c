/*
 * feature_private.c: XEP-0049 and XEP-0054, for clients that look there at login: nothing is
 * stored, and that is said in the way that they take as such, not as a fault. Setting is refused by
 * the router.
 */
#include "xmpp/feature.h"

/* XEP-0049 section 3.2: what was never stored is an empty element. */
void private_get(struct request *request)
{
	struct xml *wanted = xml_first(request->payload);
	struct xml *reply;

	/* One element, in a namespace of its own. */
	if (!wanted || xml_next(wanted) || xml_is(wanted, NULL, NS_PRIVATE)) {
		request_error(request, STANZA_BAD_REQUEST, NULL);
		return;
	}
	reply = stanza_result(request->stanza);
	xml_child_add(xml_child_add(reply, "query", NS_PRIVATE), xml_name(wanted), xml_ns(wanted));
	request_reply(request, reply);
}

/* XEP-0054 section 3.1: one's own, when there is none. */
void vcard_get(struct request *request)
{
	struct xml *reply = stanza_result(request->stanza);

	xml_child_add(reply, "vCard", NS_VCARD);
	request_reply(request, reply);
}

/* Who is no contact looks like an account that does not exist (RFC 6121 section 8.5.1). */
void vcard_contact_get(struct request *request)
{
	bool contact = roster_has(request->resource->user, request->to.local, NULL);

	request_error(request, contact ? STANZA_ITEM_NOT_FOUND : STANZA_SERVICE_UNAVAILABLE, NULL);
}
