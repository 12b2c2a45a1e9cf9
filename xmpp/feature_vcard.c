/*
 * feature_vcard.c: XEP-0054, the user's own vCard. Its photo is the avatar (avatar.c); of the
 * contacts' vCards feature_contact.c knows.
 */
#include "xmpp/pep_private.h"
#include "xmpp/remote.h"

#include <stdlib.h>

/* Section 3.1: an empty element when there is none. */
void vcard_get(struct request *request)
{
	struct server *server = request->server;
	const char *user = request->resource->user->name;
	struct xml *reply = stanza_result(request->stanza);
	struct xml *vcard = NULL;
	char *text = NULL;

	if (pep_offered(server))
		text = server->host->pep->get(server->host_arg, user, PEP_SPACE_OWN, NS_VCARD,
					      PEP_ITEM_CURRENT);
	vcard = xml_append(reply, text ? pep_payload(text) : xml_new("vCard", NS_VCARD));
	if (pep_offered(server))
		avatar_add_photo(server, user, PEP_SPACE_OWN, vcard);
	free(text);
	request_reply(request, reply);
}

static int store(struct server *server, const char *user, const struct xml *vcard, struct err *err)
{
	struct pep_config config = pep_config_default(NS_VCARD);
	char *text = pep_text(vcard);
	bool changed = false;
	int result = -1;

	if (!text)
		return err_set(err, ERR_LIMIT, "the vCard is too long");
	if (pep_node_set(server, user, NS_VCARD, &config, err) == 0)
		result =
		    pep_item_put(server, user, NS_VCARD, PEP_ITEM_CURRENT, text, &changed, err);
	free(text);
	if (result == 0 && changed)
		pep_tell(server, user, NS_VCARD, NULL, false, true);
	return result;
}

int remote_vcard_set(struct server *server, const char *user, struct xml *vcard, struct err *err)
{
	struct xml *photo = xml_child(vcard, "PHOTO", NS_VCARD);
	int result;

	if (photo)
		photo = xml_detach(photo);
	result =
	    store(server, user, vcard, err) < 0 ? -1 : avatar_of_photo(server, user, photo, err);
	xml_free(&photo);
	return result;
}

void vcard_set(struct request *request)
{
	struct err err;

	if (!request_offered(request, pep_offered(request->server)))
		return;
	if (remote_vcard_set(request->server, request->resource->user->name, request->payload,
			     &err) < 0)
		request_refused(request, &err);
	else
		request_result(request);
}
