/*
 * feature_private.c: XEP-0049: what clients keep for themselves, an element a name and namespace.
 *
 *     space "private", node "", id "NAMESPACE NAME"     the element
 *
 * Without a store it is empty, which clients that look there at login take as such.
 */
#include "xmpp/pep_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most elements of a user, and the longest id. */
#define PRIVATE_MAX    200
#define PRIVATE_ID_MAX PEP_NAME_MAX

/* One element, in a namespace of its own. NULL: an error was sent. */
static struct xml *element_of(const struct request *request, char id[PRIVATE_ID_MAX + 1])
{
	struct xml *element = xml_first(request->payload);

	if (!element || xml_next(element) || xml_is(element, NULL, NS_PRIVATE) ||
	    snprintf(id, PRIVATE_ID_MAX + 1, "%s %s", xml_ns(element), xml_name(element)) >
		PRIVATE_ID_MAX) {
		request_error(request, STANZA_BAD_REQUEST, NULL);
		return NULL;
	}
	return element;
}

/* Section 3.2: what was never stored is an empty element. */
void private_get(struct request *request)
{
	struct server *server = request->server;
	char id[PRIVATE_ID_MAX + 1];
	struct xml *wanted = element_of(request, id);
	struct xml *reply, *query;
	char *text = NULL;

	if (!wanted)
		return;
	if (pep_offered(server))
		text = server->host->pep->get(server->host_arg, request->resource->user->name,
					      PEP_SPACE_PRIVATE, "", id);
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_PRIVATE);
	xml_append(query, text ? pep_payload(text) : xml_new(xml_name(wanted), xml_ns(wanted)));
	free(text);
	request_reply(request, reply);
}

static int store(struct server *server, const char *user, const char *id, const struct xml *element,
		 struct err *err)
{
	const struct pep_host *host = server->host->pep;
	char *text = pep_text(element);
	struct pep_items all;
	bool full;
	int result;

	if (!text)
		return err_set(err, ERR_LIMIT, "the element is too long");
	if (pep_items_load(server, user, PEP_SPACE_PRIVATE, "", &all, err) < 0) {
		free(text);
		return -1;
	}
	full = (all.count >= PRIVATE_MAX && !pep_items_find(&all, id)) ||
	       all.bytes + strlen(text) > PEP_BYTES_MAX;
	pep_items_free(&all);
	result = full ? err_set(err, ERR_LIMIT, "too much is stored already")
		      : host->put(server->host_arg, user, PEP_SPACE_PRIVATE, "", id, text, err);
	free(text);
	return result;
}

void private_set(struct request *request)
{
	char id[PRIVATE_ID_MAX + 1];
	struct xml *element;
	struct err err;

	if (!request_offered(request, pep_offered(request->server)))
		return;
	element = element_of(request, id);
	if (!element)
		return;
	if (store(request->server, request->resource->user->name, id, element, &err) < 0)
		request_refused(request, &err);
	else {
		request_result(request);
		bookmarks_stored(request->server, request->resource->user->name, element);
	}
}
