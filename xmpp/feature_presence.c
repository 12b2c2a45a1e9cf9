/*
 * feature_presence.c: RFC 6121 sections 3 (subscriptions) and 4 (presence).
 *
 * A client's presence goes to the user's other resources and, over all resources, to the host; what
 * contacts are shown of it is the host's business. Neighbours: feature_invisible.c,
 * feature_directed.c, feature_requests.c.
 */
#include "xmpp/caps.h"
#include "xmpp/parcel.h"
#include "xmpp/pep_private.h"
#include "xmpp/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 6121 section 4.7.2.1 */
static const char *const shows[] = {"away", "chat", "dnd", "xa"};

const char *presence_show(const char *text)
{
	if (!text || !*text)
		return "";
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++)
		if (strcmp(shows[i], text) == 0)
			return shows[i];
	return NULL;
}

/* RFC 6121 section 4.7.2.3: -128 to +127, 0 when it is missing. */
static int priority_parse(const char *text, int *priority)
{
	char *end;
	long value;

	*priority = 0;
	if (!text)
		return 0;
	value = strtol(text, &end, 10);
	if (end == text || end[strspn(end, " \t\r\n")] || value < -128 || value > 127)
		return -1;
	*priority = (int)value;
	return 0;
}

int remote_presence_read(struct xml *stanza, struct server_presence *presence)
{
	return presence_read(stanza, presence);
}

int presence_read(struct xml *stanza, struct server_presence *presence)
{
	const char *status = xml_child_text(stanza, "status", NS_CLIENT);

	presence->available = true;
	presence->show = presence_show(xml_child_text(stanza, "show", NS_CLIENT));
	presence->status = status ? status : "";
	if (!presence->show)
		return -1;
	return priority_parse(xml_child_text(stanza, "priority", NS_CLIENT), &presence->priority);
}

/* --- contacts' presence --- */

struct xml *remote_contact_presence(const struct server *server, const char *user,
				    const char *contact, const char *domain,
				    const struct server_presence *presence)
{
	struct xml *stanza = xml_new("presence", NS_CLIENT);
	const char *show = presence_show(presence->show);
	char from[JID_TEXT_SIZE];
	char priority[8];

	snprintf(from, sizeof(from), "%.*s@%s/" SERVER_CONTACT_RESOURCE, JID_PART_MAX, contact,
		 domain);
	xml_set(stanza, "from", from);
	if (!presence->available)
		xml_set(stanza, "type", "unavailable");
	if (show && *show && presence->available)
		xml_text_add(xml_child_add(stanza, "show", NULL), show);
	if (presence->status && *presence->status)
		xml_text_add(xml_child_add(stanza, "status", NULL), presence->status);
	if (presence->available && presence->priority) {
		snprintf(priority, sizeof(priority), "%d", presence->priority);
		xml_text_add(xml_child_add(stanza, "priority", NULL), priority);
	}
	if (presence->available) {
		disco_contact_caps(server, user, contact, stanza);
		avatar_stamp(server, user, contact, stanza);
	}
	return stanza;
}

/* NULL when memory is short. */
static struct xml *contact_stanza(const struct user *user, const char *contact,
				  const struct server_presence *presence)
{
	const struct server *server = user->server;

	return remote_contact_presence(server, user->name, contact, server->domain, presence);
}

void presence_of_contact(struct user *user, const char *contact,
			 const struct server_presence *presence)
{
	struct xml *stanza = contact_stanza(user, contact, presence);

	user_send(user, resource_available, stanza);
	xml_free(&stanza);
}

static void send_contact_presence(struct resource *resource, const char *contact, bool even_absent)
{
	struct server *server = resource->user->server;
	struct server_presence presence = {.show = "", .status = ""};
	struct xml *stanza;

	server->host->contact_presence(server->host_arg, resource->user->name, contact, &presence);
	if (!presence.available && !even_absent)
		return;
	stanza = contact_stanza(resource->user, contact, &presence);
	if (xml_set(stanza, "to", resource->jid))
		resource_send(resource, stanza);
	xml_free(&stanza);
}

static void probe_item(void *arg, const struct roster_item *item)
{
	if (item->subscription == SUBSCRIPTION_TO || item->subscription == SUBSCRIPTION_BOTH)
		send_contact_presence(arg, item->contact, false);
}

/* --- the user's own presence --- */

/* Take what stanza says. -1 leaves the resource as it was. */
static int take_presence(struct resource *resource, struct xml *stanza, enum stanza_error *error)
{
	struct server_presence presence;
	struct xml *copy;
	char *status_copy;

	*error = STANZA_BAD_REQUEST;
	if (presence_read(stanza, &presence) < 0)
		return -1;
	*error = STANZA_RESOURCE_CONSTRAINT;
	copy = xml_copy(stanza);
	status_copy = strdup(presence.status);
	if (!copy || !status_copy) {
		xml_free(&copy);
		free(status_copy);
		return -1;
	}
	xml_free(&resource->presence);
	free(resource->status);
	resource->presence = copy;
	resource->status = status_copy;
	resource->show = presence.show;
	resource->priority = presence.priority;
	resource->presence_no = ++resource->user->server->presence_no;
	return 0;
}

/* The presence of the user's other resources. */
static void send_own_presence(struct resource *resource)
{
	for (struct resource *other = resource->user->resources; other; other = other->next)
		if (other != resource && resource_visible(other) &&
		    xml_set(other->presence, "to", resource->jid))
			resource_send(resource, other->presence);
}

/* RFC 6121 section 4.2.2: what a resource that has just come is shown. */
void presence_welcome(struct resource *resource)
{
	struct server *server = resource->user->server;

	if (resource->welcomed)
		return;
	resource->welcomed = true;
	send_own_presence(resource);
	server->host->roster(server->host_arg, resource->user->name, probe_item, resource);
}

void presence_ready(struct resource *resource)
{
	struct user *user = resource->user;

	resource->ready = true;
	parcels_deliver(resource);
	user->server->host->ready(user->server->host_arg, user->name);
}

int presence_take(struct resource *resource, struct xml *stanza, bool welcomed,
		  enum stanza_error *error)
{
	bool first = !resource_available(resource);

	if (take_presence(resource, stanza, error) < 0)
		return -1;
	avatar_stamp(resource->user->server, resource->user->name, PEP_SPACE_OWN,
		     resource->presence);
	/* To all resources, this one too (RFC 6121 section 4.2.2, 4.4.2). */
	if (resource_visible(resource))
		user_send(resource->user, resource_available, resource->presence);
	if (welcomed)
		presence_welcome(resource);
	user_tell_presence(resource->user);
	if (first)
		requests_show(resource);
	if (!resource->ready && resource_takes_messages(resource))
		presence_ready(resource);
	caps_presence(resource, stanza);
	caps_shared_tell(resource->user);
	return 0;
}

void presence_available(struct request *request)
{
	struct resource *resource = request->resource;
	enum stanza_error error;

	if (xml_get(request->stanza, "to"))
		own_presence(request);
	else if (presence_take(resource, request->stanza, true, &error) < 0)
		request_error(request, error, NULL);
	else if (resource_visible(resource))
		directed_overtaken(resource);
}

/* NULL when memory is short. */
static struct xml *unavailable_stanza(const struct resource *resource, struct xml *said)
{
	struct xml *stanza;

	if (said)
		return xml_copy(said);
	stanza = xml_new("presence", NS_CLIENT);
	xml_set(stanza, "type", "unavailable");
	if (!xml_set(stanza, "from", resource->jid))
		xml_free(&stanza);
	return stanza;
}

void presence_hide(struct resource *resource, struct xml *stanza)
{
	struct xml *farewell = unavailable_stanza(resource, stanza);

	for (struct resource *other = resource->user->resources; other; other = other->next)
		if (other != resource && resource_available(other) &&
		    xml_set(farewell, "to", other->jid))
			resource_send(other, farewell);
	xml_free(&farewell);
}

void presence_end(struct resource *resource, struct xml *stanza)
{
	bool visible = resource_visible(resource);

	if (!resource_available(resource)) {
		if (resource->shown_own)
			presence_hide(resource, stanza);
		resource->shown_own = false;
		return;
	}
	resource->shown_own = false;
	xml_free(&resource->presence);
	caps_forget(resource);
	resource->ready = false;
	resource->welcomed = false;
	if (visible)
		presence_hide(resource, stanza);
	user_tell_presence(resource->user);
	caps_shared_tell(resource->user);
}

void presence_unavailable(struct request *request)
{
	if (xml_get(request->stanza, "to")) {
		own_presence(request);
		return;
	}
	presence_end(request->resource, request->stanza);
	directed_end(request->resource);
}

/* --- subscriptions --- */

static int ask_host(struct request *request)
{
	struct server *server = request->server;
	struct err err;

	if (server->host->subscribe(server->host_arg, request->resource->user->name,
				    request->to.local, &err) == 0)
		return 0;
	request_refused(request, &err);
	return -1;
}

/* Section 3.1.3: one who is subscribed already is told so at once; otherwise the host speaks when
 * the contact has answered. */
void presence_subscribe(struct request *request)
{
	enum subscription subscription;
	char from[JID_TEXT_SIZE];
	struct xml *stanza;

	if (ask_host(request) < 0 ||
	    !roster_has(request->resource->user, request->to.local, &subscription) ||
	    (subscription != SUBSCRIPTION_TO && subscription != SUBSCRIPTION_BOTH))
		return;
	server_contact_jid(request->server, request->to.local, from);
	stanza = xml_new("presence", NS_CLIENT);
	xml_set(stanza, "type", "subscribed");
	if (xml_set(stanza, "from", from))
		user_send(request->resource->user, resource_interested, stanza);
	xml_free(&stanza);
}

void presence_subscribed(struct request *request)
{
	ask_host(request);
}

void presence_unsubscribed(struct request *request)
{
	struct server *server = request->server;
	struct err err;

	if (server->host->deny &&
	    server->host->deny(server->host_arg, request->resource->user->name, request->to.local,
			       &err) < 0)
		request_refused(request, &err);
}

/* Servers probe, clients need not; section 4.3 answers anyway. */
void presence_probe(struct request *request)
{
	if (roster_has(request->resource->user, request->to.local, NULL))
		send_contact_presence(request->resource, request->to.local, true);
}

/* --- the rest --- */

/* So that a client that joins a room on another server learns that there is none. */
void presence_refuse(struct request *request)
{
	request_error(request, STANZA_REMOTE_SERVER_NOT_FOUND, NULL);
}

void presence_drop(struct request *request)
{
	(void)request;
}
