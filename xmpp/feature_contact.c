/*
 * feature_contact.c: what clients ask about contacts (their nodes, XEP-0060; their vCards,
 * XEP-0054; their software and clock, XEP-0092 and 0202): answered from what is known if the host
 * says that it is up to date, or by the contact's daemon, through the host. Who is no contact looks
 * like an account that does not exist (RFC 6121 section 8.5.1). Service discovery of contacts
 * stands in feature_disco.c.
 */
#include "xmpp/pep_private.h"

#include <stdlib.h>
#include <string.h>

/* Most questions of one user's clients under way; a client that fetches the photos of a large
 * roster asks a few at a time. */
#define ASKED_MAX 200

/* A question under way. */
struct asked {
	struct asked *next;
	uint64_t token;
	char *user;
	struct xml *iq; /* without content, to be answered */
};

static unsigned count(const struct server *server, const char *user)
{
	unsigned number = 0;

	for (const struct asked *asked = server->asked; asked; asked = asked->next)
		if (strcmp(asked->user, user) == 0)
			number++;
	return number;
}

static void asked_free(struct asked *asked)
{
	xml_free(&asked->iq);
	free(asked->user);
	free(asked);
}

void contact_forget_asked(struct server *server)
{
	while (server->asked) {
		struct asked *asked = server->asked;

		server->asked = asked->next;
		asked_free(asked);
	}
}

static struct asked *asked_new(const struct request *request)
{
	struct server *server = request->server;
	struct asked *asked = calloc(1, sizeof(*asked));

	if (!asked)
		return NULL;
	asked->token = ++server->asked_no;
	asked->user = strdup(request->resource->user->name);
	asked->iq = xml_new("iq", NS_CLIENT);
	if (!asked->user || !xml_set(asked->iq, "id", xml_get(request->stanza, "id")) ||
	    !xml_set(asked->iq, "from", xml_get(request->stanza, "from")) ||
	    !xml_set(asked->iq, "to", xml_get(request->stanza, "to"))) {
		asked_free(asked);
		return NULL;
	}
	asked->next = server->asked;
	server->asked = asked;
	return asked;
}

static void ask(struct request *request)
{
	struct server *server = request->server;
	const char *user = request->resource->user->name;
	const struct asked *asked = count(server, user) < ASKED_MAX ? asked_new(request) : NULL;

	if (asked)
		server->host->pep->ask(server->host_arg, user, request->to.local, request->payload,
				       asked->token);
	else
		request_error(request, STANZA_RESOURCE_CONSTRAINT, NULL);
}

/* The resource that has asked, if it is there still. */
static struct resource *asker(const struct server *server, const struct asked *asked)
{
	const struct user *user = user_find(server, asked->user);
	const char *slash = strchr(xml_get(asked->iq, "from"), '/');

	return user && slash ? user_resource(user, slash + 1) : NULL;
}

void server_pep_answer(struct server *server, uint64_t token, struct xml *answer,
		       enum stanza_error error)
{
	struct asked **at = &server->asked;
	struct resource *resource;
	struct asked *asked;
	struct xml *reply;

	while (*at && (*at)->token != token)
		at = &(*at)->next;
	asked = *at;
	if (!asked) {
		xml_free(&answer);
		return;
	}
	*at = asked->next;
	resource = asker(server, asked);
	if (answer) {
		reply = stanza_result(asked->iq);
		if (!xml_append(reply, answer))
			xml_free(&reply);
	} else {
		reply = stanza_error_new(asked->iq, error, NULL);
	}
	if (resource && reply)
		resource_send(resource, reply);
	xml_free(&reply);
	asked_free(asked);
}

/* --- handlers --- */

static bool refuse_stranger(struct request *request)
{
	if (roster_has(request->resource->user, request->to.local, NULL))
		return false;
	request_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	return true;
}

void vcard_contact_get(struct request *request)
{
	if (refuse_stranger(request))
		return;
	if (pep_offered(request->server))
		ask(request);
	else
		request_error(request, STANZA_ITEM_NOT_FOUND, NULL);
}

void pep_contact_get(struct request *request)
{
	const char *node;

	if (refuse_stranger(request) || !request_offered(request, pep_offered(request->server)))
		return;
	if (!xml_child(request->payload, "items", NS_PUBSUB))
		request_error(request, STANZA_FEATURE_NOT_IMPLEMENTED, NULL);
	else if (!pep_question_read(request->payload, &node))
		request_error_detail(request, STANZA_BAD_REQUEST, NULL, "nodeid-required",
				     NS_PUBSUB_ERRORS);
	else
		ask(request);
}

/* Software and clock: whether the contact allows it or is there at all, no client can tell. */
void live_contact_get(struct request *request)
{
	if (!refuse_stranger(request) && request_offered(request, pep_offered(request->server)))
		ask(request);
}

/* To publish, configure or the like is for the contact's own clients. */
void pep_contact_set(struct request *request)
{
	if (!refuse_stranger(request))
		request_error(request, STANZA_FORBIDDEN, NULL);
}
