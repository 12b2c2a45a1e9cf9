/*
 * gw_prompt.c: jabber:iq:gateway (XEP-0100 section 6.3): the user pastes an id or a link, and gets
 * the JID of the contact; a link with an invitation introduces the user, too.
 */
#include "component/gw_private.h"

#include <stdio.h>

void gw_prompt_get(struct gw_request *request)
{
	struct xml *reply = stanza_result(request->stanza);
	struct xml *query = xml_child_add(reply, "query", NS_GATEWAY);

	xml_text_add(xml_child_add(query, "desc", NULL),
		     "Paste the id of the one you would like to talk to, or the link that you were "
		     "given.");
	xml_text_add(xml_child_add(query, "prompt", NULL), "Id or link");
	gw_reply(request, reply);
}

/* The id that is meant; an invitation's host becomes a contact. */
static int take(const struct gw_request *request, const char *text, char id[ID_LEN + 1],
		struct err *err)
{
	struct account *account = gw_account(request->user);
	struct invitation invitation;
	bool secret;

	if (!account)
		return err_set(err, ERR_NOT_FOUND, "no such account");
	if (invitation_parse(text, &invitation, err))
		return -1;
	id_encode(invitation.host, id);
	secret = invitation.with_secret;
	invitation_wipe(&invitation);
	if (!secret || contact_find(account, id))
		return 0;
	return bridge_contact_add(request->gw->bridge, account, text, NULL, NULL, err) ? 0 : -1;
}

void gw_prompt_set(struct gw_request *request)
{
	const char *text = xml_child_text(request->payload, "prompt", NS_GATEWAY);
	struct xml *reply, *query;
	char id[ID_LEN + 1], jid[JID_TEXT_SIZE];
	struct err err = {0};

	if (!text) {
		gw_error(request, STANZA_BAD_REQUEST, NULL);
		return;
	}
	if (take(request, text, id, &err) < 0) {
		gw_refused(request, &err);
		return;
	}
	snprintf(jid, sizeof(jid), "%s@%s", id, request->gw->config->domain);
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_GATEWAY);
	xml_text_add(xml_child_add(query, "jid", NULL), jid);
	gw_reply(request, reply);
}
