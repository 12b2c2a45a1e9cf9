/*
 * resource.c: see resource.h. Neighbours: user.c; feature_presence.c sets the presence.
 */
#include "xmpp/resource.h"

#include "xmpp/caps.h"
#include "xmpp/csi.h"
#include "xmpp/feature.h"
#include "xmpp/sm.h"
#include "xmpp/unacked.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(C2S_QUEUE_MAX + UNACKED_BYTES_MAX + CSI_HELD_BYTES_MAX + XML_LIMIT_BYTES <=
		  RESOURCE_MEMORY_MAX,
	      "the parts do not come to more than the whole");

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
	if (resource->unwritten)
		unacked_return(resource->unwritten);
}

void resource_free(struct resource **resource)
{
	struct resource *old = *resource;

	if (!old)
		return;
	csi_free(&old->csi);
	sm_free(&old->sm);
	unacked_free(&old->unwritten);
	xml_free(&old->presence);
	directed_forget(old);
	commands_forget(old);
	caps_forget(old);
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

/* Nothing better than the socket is known of a client without stream management. */
static bool hold_until_written(struct resource *resource, struct parcel *parcel)
{
	const struct buf no_text = {0};

	if (!resource->unwritten)
		resource->unwritten = unacked_new(0);
	if (!resource->unwritten)
		return false;
	/* Behind so many others one more is not waited for, unless the host does. */
	if (unacked_count(resource->unwritten) == UNACKED_STANZAS_MAX && !parcel_stored(parcel)) {
		parcel_settle(parcel);
		return true;
	}
	return unacked_add(resource->unwritten, &no_text, parcel) == 0;
}

bool resource_deliver(struct resource *resource, const struct xml *stanza, struct parcel *parcel)
{
	if (!resource->ended && csi_hold(resource, stanza))
		return true;
	if (resource->sm)
		return sm_send(resource->sm, stanza, parcel);
	if (resource->ended || (parcel && !hold_until_written(resource, parcel)))
		return false;
	c2s_send(resource->c2s, stanza);
	return true;
}

bool resource_holds(const struct resource *resource, const struct parcel *parcel)
{
	return (resource->sm && sm_holds(resource->sm, parcel)) ||
	       (resource->unwritten && unacked_holds(resource->unwritten, parcel));
}

void resource_drained(struct resource *resource)
{
	if (!resource->unwritten || unacked_count(resource->unwritten) == 0)
		return;
	unacked_acknowledge(resource->unwritten, unacked_sent(resource->unwritten));
	parcel_room(resource->user);
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
