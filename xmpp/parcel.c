/*
 * parcel.c: see parcel.h. Neighbours: unacked.c holds parcels; feature_message.c delivers.
 */
#include "xmpp/parcel.h"

#include "xmpp/feature.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct parcel {
	struct parcel *next, **at; /* among those of the user, oldest first; at NULL: it is not */
	struct user *user;
	struct xml *stanza;
	int64_t wall_ms; /* when it was to be delivered first */
	unsigned holders;
	size_t kept_bytes; /* while nobody holds one that the host does not keep */
	bool stored;       /* by the host, which knows it by: */
	char *contact;
	uint64_t token;
};

bool parcel_wanted(const struct xml *stanza)
{
	const char *type = xml_get(stanza, "type");

	if (!xml_is(stanza, "message", NULL) ||
	    (type && strcmp(type, "chat") != 0 && strcmp(type, "normal") != 0))
		return false;
	if (xml_child(stanza, "no-store", NS_HINTS) ||
	    xml_child(stanza, "no-permanent-store", NS_HINTS))
		return false;
	for (const struct xml *child = xml_first(stanza); child; child = xml_next(child))
		if (!xml_is(child, NULL, NS_CHATSTATES) && !xml_is(child, "thread", NULL))
			return true;
	return false;
}

/* --- the list of those that have not arrived --- */

static void enlist(struct parcel *parcel)
{
	struct user *user = parcel->user;

	if (!user->parcels)
		user->parcels_end = &user->parcels;
	parcel->at = user->parcels_end;
	*parcel->at = parcel;
	user->parcels_end = &parcel->next;
	if (parcel->stored)
		user->parcels_stored++;
}

static void count_out(const struct parcel *parcel)
{
	parcel->user->parcels_kept--;
	parcel->user->parcels_kept_bytes -= parcel->kept_bytes;
}

static void unlist(struct parcel *parcel)
{
	struct user *user = parcel->user;

	*parcel->at = parcel->next;
	if (parcel->next)
		parcel->next->at = parcel->at;
	else
		user->parcels_end = parcel->at;
	parcel->at = NULL;
	if (parcel->stored)
		user->parcels_stored--;
	else if (parcel->holders == 0)
		count_out(parcel);
}

static void free_parcel(struct parcel *parcel)
{
	if (parcel->at)
		unlist(parcel);
	xml_free(&parcel->stanza);
	free(parcel->contact);
	free(parcel);
}

/* --- life --- */

static struct parcel *new_parcel(struct user *user, const struct xml *stanza)
{
	struct parcel *parcel = calloc(1, sizeof(*parcel));

	if (!parcel)
		return NULL;
	parcel->user = user;
	parcel->holders = 1;
	parcel->wall_ms = env_wall_ms(user->server->env);
	parcel->stanza = xml_copy(stanza);
	if (!parcel->stanza) {
		free(parcel);
		return NULL;
	}
	return parcel;
}

struct parcel *parcel_new(struct user *user, const struct xml *stanza)
{
	struct parcel *parcel = new_parcel(user, stanza);

	if (parcel)
		enlist(parcel);
	return parcel;
}

struct parcel *parcel_new_stored(struct user *user, const struct xml *stanza, const char *contact,
				 uint64_t token)
{
	struct parcel *parcel;

	if (user->parcels_stored >= PARCEL_WINDOW) {
		user->wants_room = true;
		return NULL;
	}
	parcel = new_parcel(user, stanza);
	if (!parcel)
		return NULL;
	parcel->stored = true;
	parcel->token = token;
	parcel->contact = strdup(contact);
	if (!parcel->contact) {
		free_parcel(parcel);
		return NULL;
	}
	enlist(parcel);
	return parcel;
}

bool parcel_stored(const struct parcel *parcel)
{
	return parcel->stored;
}

struct parcel *parcel_hold(struct parcel *parcel)
{
	if (parcel && parcel->holders++ == 0 && !parcel->stored)
		count_out(parcel);
	return parcel;
}

void parcel_settle(struct parcel *parcel)
{
	const struct server *server;

	if (!parcel || !parcel->at)
		return;
	server = parcel->user->server;
	unlist(parcel);
	if (parcel->stored)
		server->host->arrived(server->host_arg, parcel->user->name, parcel->contact,
				      parcel->token);
}

static void forget_oldest_kept(const struct user *user)
{
	struct parcel *parcel = user->parcels;

	while (parcel->holders > 0 || parcel->stored)
		parcel = parcel->next;
	log_warn("a message is lost: too many wait for a client");
	free_parcel(parcel);
}

static void keep(struct parcel *parcel)
{
	struct user *user = parcel->user;
	struct buf text;

	buf_init(&text, 2 * XML_LIMIT_BYTES);
	/* Without memory to write it, it counts as the largest. */
	parcel->kept_bytes =
	    xml_write(parcel->stanza, NS_CLIENT, &text) == 0 ? text.len : XML_LIMIT_BYTES;
	buf_free(&text);
	user->parcels_kept++;
	user->parcels_kept_bytes += parcel->kept_bytes;
	while (user->parcels_kept > PARCEL_KEPT_MAX ||
	       user->parcels_kept_bytes > PARCEL_KEPT_BYTES_MAX)
		forget_oldest_kept(user);
}

/* One that has not arrived stays, without holders. */
void parcel_drop(struct parcel **parcel)
{
	struct parcel *old = *parcel;

	*parcel = NULL;
	if (!old || --old->holders > 0)
		return;
	if (!old->at)
		free_parcel(old);
	else if (!old->stored)
		keep(old);
}

void parcel_cancel(struct parcel **parcel)
{
	if (*parcel && (*parcel)->at)
		unlist(*parcel);
	parcel_drop(parcel);
}

/* --- what has not arrived --- */

/* XEP-0203: since it comes late now. */
static void add_delay(struct parcel *parcel)
{
	time_t then = (time_t)(parcel->wall_ms / 1000);
	struct xml *delay;
	char stamp[32];
	struct tm tm;

	if (xml_child(parcel->stanza, "delay", NS_DELAY) || !gmtime_r(&then, &tm) ||
	    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return;
	delay = xml_child_add(parcel->stanza, "delay", NS_DELAY);
	xml_set(delay, "from", parcel->user->server->domain);
	xml_set(delay, "stamp", stamp);
}

void parcel_return(struct parcel **parcel)
{
	struct parcel *old = *parcel;

	if (old && old->holders == 1 && old->at) {
		/* It was for a resource; now it is for whoever is there. */
		xml_set(old->stanza, "to", NULL);
		add_delay(old);
		message_deliver_again(old->user, old->stanza, old);
	}
	parcel_drop(parcel);
}

void parcels_deliver(struct resource *resource)
{
	struct user *user = resource->user;

	for (struct parcel *parcel = user->parcels; parcel; parcel = parcel->next) {
		if (parcel->holders > 0 && (!parcel->stored || resource_holds(resource, parcel)))
			continue;
		add_delay(parcel);
		if (!xml_set(parcel->stanza, "to", resource->jid) ||
		    !resource_deliver(resource, parcel->stanza, parcel))
			return;
	}
}

void parcel_room(struct user *user)
{
	const struct server *server = user->server;

	if (!user->wants_room || user->parcels_stored >= PARCEL_WINDOW)
		return;
	user->wants_room = false;
	server->host->ready(server->host_arg, user->name);
}

void parcels_forget(struct user *user)
{
	while (user->parcels) {
		struct parcel *parcel = user->parcels;

		if (parcel->holders == 0)
			free_parcel(parcel);
		else
			unlist(parcel);
	}
}
