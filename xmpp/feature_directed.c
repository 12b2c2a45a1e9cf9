/*
 * feature_directed.c: RFC 6121 section 4.6: presence that a resource shows to a single contact.
 *
 * Available: shown to that contact until the resource tells its presence to all. Unavailable: the
 * contact is to see nobody, and that stays so (where RFC 6121 would show the next presence again)
 * until the resource shows itself to the contact or goes, because one who hides does not expect to
 * be given away by going to lunch. When a resource goes, all that it has shown goes with it.
 */
#include "xmpp/feature.h"

#include <stdlib.h>
#include <string.h>

/* Most contacts that a resource shows something of their own: a client that does so for each of a
 * large roster is told. */
#define DIRECTED_MAX 1000

struct directed {
	struct directed *next;
	char *contact;
	struct server_presence shown; /* its status is owned */
};

static struct directed **find(struct resource *resource, const char *contact)
{
	struct directed **at = &resource->directed;

	while (*at && strcmp((*at)->contact, contact) != 0)
		at = &(*at)->next;
	return at;
}

static void directed_free(struct directed *directed)
{
	free((char *)(uintptr_t)directed->shown.status);
	free(directed->contact);
	free(directed);
}

static struct directed *directed_new(const char *contact, const struct server_presence *presence)
{
	struct directed *directed = calloc(1, sizeof(*directed));

	if (!directed)
		return NULL;
	directed->shown = *presence;
	directed->shown.status = strdup(presence->status);
	directed->contact = strdup(contact);
	if (directed->contact && directed->shown.status)
		return directed;
	directed_free(directed);
	return NULL;
}

static unsigned count(const struct resource *resource)
{
	unsigned number = 0;

	for (const struct directed *d = resource->directed; d; d = d->next)
		number++;
	return number;
}

/* --- showing --- */

static bool offered(const struct server *server)
{
	return server->host->directed != NULL;
}

static void show(struct request *request, const struct server_presence *presence)
{
	struct resource *resource = request->resource;
	struct server *server = request->server;
	struct directed **at = find(resource, request->to.local);
	struct directed *old = *at;
	struct directed *new = NULL;

	if (old || count(resource) < DIRECTED_MAX)
		new = directed_new(request->to.local, presence);
	if (!new) {
		request_error(request, STANZA_RESOURCE_CONSTRAINT, NULL);
		return;
	}
	new->next = old ? old->next : NULL;
	*at = new;
	if (old)
		directed_free(old);
	server->host->directed(server->host_arg, resource->user->name, request->to.local, presence);
}

void directed_available(struct request *request)
{
	struct server_presence presence;

	/* To strangers nothing can be shown. */
	if (!offered(request->server) ||
	    !roster_has(request->resource->user, request->to.local, NULL))
		return;
	if (presence_read(request->stanza, &presence) < 0)
		request_error(request, STANZA_BAD_REQUEST, NULL);
	else
		show(request, &presence);
}

void directed_unavailable(struct request *request)
{
	struct server_presence presence = {.available = false, .show = "", .status = ""};
	const char *status = xml_child_text(request->stanza, "status", NS_CLIENT);

	if (!offered(request->server) ||
	    !roster_has(request->resource->user, request->to.local, NULL))
		return;
	if (status)
		presence.status = status;
	show(request, &presence);
}

/* --- withdrawing --- */

/* What another resource of the user shows the contact, or NULL. */
static const struct server_presence *shown_elsewhere(const struct resource *resource,
						     const char *contact)
{
	for (struct resource *other = resource->user->resources; other; other = other->next) {
		const struct directed *directed = other == resource ? NULL : *find(other, contact);

		if (directed)
			return &directed->shown;
	}
	return NULL;
}

/* Takes the entry at *at out of the list. What the host is given are copies, since it may come back
 * here and change any list. */
static void withdraw(struct resource *resource, struct directed **at)
{
	const struct server *server = resource->user->server;
	struct directed *old = *at;
	const struct server_presence *other = shown_elsewhere(resource, old->contact);
	struct directed *copy = other ? directed_new(old->contact, other) : NULL;

	*at = old->next;
	server->host->directed(server->host_arg, resource->user->name, old->contact,
			       copy ? &copy->shown : NULL);
	directed_free(old);
	if (copy)
		directed_free(copy);
}

void directed_overtaken(struct resource *resource)
{
	struct directed **at = &resource->directed;

	while (*at)
		if ((*at)->shown.available) {
			withdraw(resource, at);
			at = &resource->directed;
		} else {
			at = &(*at)->next;
		}
}

void directed_end(struct resource *resource)
{
	while (resource->directed)
		withdraw(resource, &resource->directed);
}

void directed_forget(struct resource *resource)
{
	while (resource->directed) {
		struct directed *old = resource->directed;

		resource->directed = old->next;
		directed_free(old);
	}
}
