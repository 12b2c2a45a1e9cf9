/*
 * resource.c: see resource.h. Neighbours: user.c; feature_presence.c sets the presence.
 */
#include "xmpp/resource.h"

#include "xmpp/feature.h"
#include "xmpp/sm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *full_jid(const struct user *user, const char *name)
{
	size_t size = strlen(user->name) + strlen(user->server->domain) + strlen(name) + 3;
	char *jid = malloc(size);

	if (jid)
		snprintf(jid, size, "%s@%s/%s", user->name, user->server->domain, name);
	return jid;
}

struct resource *resource_new(struct user *user, struct c2s *c2s, const char *name)
{
	struct resource *resource = calloc(1, sizeof(*resource));

	if (!resource)
		return NULL;
	resource->user = user;
	resource->c2s = c2s;
	resource->show = "";
	resource->name = strdup(name);
	resource->jid = full_jid(user, name);
	if (!resource->name || !resource->jid) {
		resource_free(&resource);
		return NULL;
	}
	resource->next = user->resources;
	user->resources = resource;
	return resource;
}

void resource_end(struct resource *resource)
{
	struct resource **at = &resource->user->resources;

	if (resource->ended)
		return;
	resource->ended = true;
	while (*at != resource)
		at = &(*at)->next;
	*at = resource->next;
	presence_end(resource, NULL);
	/* Last, so that one who was not to see the resource does not see it go. */
	directed_end(resource);
	sm_end(resource->sm);
}

void resource_free(struct resource **resource)
{
	struct resource *old = *resource;

	if (!old)
		return;
	sm_free(&old->sm);
	xml_free(&old->presence);
	directed_forget(old);
	commands_forget(old);
	free(old->status);
	free(old->name);
	free(old->jid);
	free(old);
	*resource = NULL;
}

void resource_send(struct resource *resource, const struct xml *stanza)
{
	resource_deliver(resource, stanza, NULL);
}

bool resource_deliver(struct resource *resource, const struct xml *stanza, struct parcel *parcel)
{
	if (resource->sm)
		return sm_send(resource->sm, stanza, parcel);
	c2s_send(resource->c2s, stanza);
	parcel_settle(parcel);
	return true;
}

bool resource_available(const struct resource *resource)
{
	return resource->presence != NULL;
}

bool resource_visible(const struct resource *resource)
{
	return resource->presence && !resource->invisible;
}

bool resource_interested(const struct resource *resource)
{
	return resource->interested;
}

bool resource_takes_messages(const struct resource *resource)
{
	return resource->presence && resource->priority >= 0;
}
