/*
 * user.c: see user.h. Neighbours: resource.c (one resource), feature_presence.c.
 */
#include "xmpp/user.h"

#include "xmpp/caps.h"
#include "xmpp/feature.h"
#include "xmpp/parcel.h"
#include "xmpp/taken.h"

#include <stdlib.h>
#include <string.h>

struct user *user_find(const struct server *server, const char *name)
{
	struct user *user = server->users;

	while (user && strcmp(user->name, name) != 0)
		user = user->next;
	return user;
}

struct user *user_get(struct server *server, const char *name)
{
	struct user *user = user_find(server, name);

	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->server = server;
	user->name = strdup(name);
	if (!user->name) {
		free(user);
		return NULL;
	}
	user->told.show = "";
	user->caps_told = caps_shared_default();
	user->next = server->users;
	server->users = user;
	return user;
}

void user_free(struct user **user)
{
	struct user *old = *user;

	if (!old)
		return;
	bob_forget(old);
	parcels_forget(old);
	taken_free(&old->taken);
	free((char *)(uintptr_t)old->told.status);
	free(old->name);
	free(old);
	*user = NULL;
}

struct resource *user_resource(const struct user *user, const char *name)
{
	struct resource *resource = user->resources;

	while (resource && strcmp(resource->name, name) != 0)
		resource = resource->next;
	return resource;
}

unsigned user_resource_count(const struct user *user)
{
	unsigned count = 0;

	for (const struct resource *resource = user->resources; resource; resource = resource->next)
		count++;
	return count;
}

unsigned user_send(const struct user *user, bool (*wanted)(const struct resource *resource),
		   struct xml *stanza)
{
	unsigned count = 0;

	for (struct resource *resource = user->resources; resource; resource = resource->next) {
		if (!wanted(resource) || !xml_set(stanza, "to", resource->jid))
			continue;
		resource_send(resource, stanza);
		count++;
	}
	return count;
}

/* The resource that speaks for the user: the highest priority, and among equals the latest word. */
static const struct resource *speaker(const struct user *user)
{
	const struct resource *best = NULL;

	for (const struct resource *resource = user->resources; resource;
	     resource = resource->next) {
		if (!resource_visible(resource))
			continue;
		if (!best || resource->priority > best->priority ||
		    (resource->priority == best->priority &&
		     resource->presence_no > best->presence_no))
			best = resource;
	}
	return best;
}

static bool presence_equal(const struct server_presence *a, const struct server_presence *b)
{
	if (!a->available || !b->available)
		return a->available == b->available;
	return a->priority == b->priority && strcmp(a->show, b->show) == 0 &&
	       strcmp(a->status, b->status) == 0;
}

static void set_told(struct user *user, const struct server_presence *presence, char *status)
{
	free((char *)(uintptr_t)user->told.status);
	user->told = *presence;
	user->told.status = status;
}

static void tell_shown(struct user *user)
{
	const struct resource *resource = speaker(user);
	struct server_presence now = {.show = "", .status = ""};
	char *given, *kept;

	if (resource) {
		now.available = true;
		now.show = resource->show;
		now.status = resource->status ? resource->status : "";
		now.priority = resource->priority;
	}
	if (presence_equal(&now, &user->told))
		return;
	/* Two copies: the host may come back here before it has done with what it was given. */
	given = strdup(now.status);
	kept = strdup(now.status);
	if (given && kept) {
		set_told(user, &now, kept);
		kept = NULL;
		now.status = given;
		user->server->host->presence(user->server->host_arg, user->name, &now);
	}
	free(given);
	free(kept);
}

static bool all_invisible(const struct user *user)
{
	bool available = false;

	for (const struct resource *resource = user->resources; resource;
	     resource = resource->next) {
		if (resource_visible(resource))
			return false;
		available |= resource_available(resource);
	}
	return available;
}

/* Invisible first and visible last, so that no contact sees the steps between. */
void user_tell_presence(struct user *user)
{
	const struct server *server = user->server;

	if (all_invisible(user) && !user->told_invisible) {
		user->told_invisible = true;
		server->host->invisible(server->host_arg, user->name, true);
	}
	tell_shown(user);
	if (!all_invisible(user) && user->told_invisible) {
		user->told_invisible = false;
		server->host->invisible(server->host_arg, user->name, false);
	}
}
