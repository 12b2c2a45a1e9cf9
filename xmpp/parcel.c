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
	struct user *user;
	struct xml *stanza;
	int64_t wall_ms; /* when it was to be delivered first */
	unsigned holders;
	bool settled;
};

struct kept {
	struct kept *next;
	struct xml *stanza;
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

struct parcel *parcel_new(struct user *user, const struct xml *stanza)
{
	struct parcel *parcel = calloc(1, sizeof(*parcel));

	if (!parcel)
		return NULL;
	parcel->user = user;
	parcel->holders = 1;
	parcel->wall_ms = env_wall_ms(user->server->env);
	parcel->stanza = xml_copy(stanza);
	if (!parcel->stanza)
		parcel_drop(&parcel);
	return parcel;
}

struct parcel *parcel_hold(struct parcel *parcel)
{
	if (parcel)
		parcel->holders++;
	return parcel;
}

void parcel_settle(struct parcel *parcel)
{
	if (parcel)
		parcel->settled = true;
}

void parcel_drop(struct parcel **parcel)
{
	struct parcel *old = *parcel;

	*parcel = NULL;
	if (!old || --old->holders > 0)
		return;
	xml_free(&old->stanza);
	free(old);
}

/* --- what has not arrived --- */

static void forget_oldest(struct user *user)
{
	struct kept *kept = user->kept;

	user->kept = kept->next;
	user->kept_count--;
	xml_free(&kept->stanza);
	free(kept);
}

static void keep(struct user *user, struct xml *stanza)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept) {
		log_warn("a message is lost: no memory for it");
		xml_free(&stanza);
		return;
	}
	if (user->kept_count == PARCEL_KEPT_MAX) {
		log_warn("a message is lost: too many wait for a client");
		forget_oldest(user);
	}
	kept->stanza = stanza;
	if (!user->kept)
		user->kept_end = &user->kept;
	*user->kept_end = kept;
	user->kept_end = &kept->next;
	user->kept_count++;
}

static void deliver_or_keep(struct user *user, struct xml *stanza)
{
	if (message_deliver(user, stanza) > 0)
		xml_free(&stanza);
	else
		keep(user, stanza);
}

/* XEP-0203: since it comes late now. */
static void add_delay(const struct parcel *parcel, struct xml *stanza)
{
	time_t then = (time_t)(parcel->wall_ms / 1000);
	struct xml *delay;
	char stamp[32];
	struct tm tm;

	if (xml_child(stanza, "delay", NS_DELAY) || !gmtime_r(&then, &tm) ||
	    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return;
	delay = xml_child_add(stanza, "delay", NS_DELAY);
	xml_set(delay, "from", parcel->user->server->domain);
	xml_set(delay, "stamp", stamp);
}

void parcel_return(struct parcel **parcel)
{
	struct parcel *old = *parcel;
	struct xml *stanza;

	if (old && old->holders == 1 && !old->settled) {
		stanza = old->stanza;
		old->stanza = NULL;
		/* It was for a resource; now it is for whoever is there. */
		xml_set(stanza, "to", NULL);
		add_delay(old, stanza);
		deliver_or_keep(old->user, stanza);
	}
	parcel_drop(parcel);
}

void parcel_deliver_kept(struct user *user)
{
	struct kept *list = user->kept, *kept;

	user->kept = NULL;
	user->kept_count = 0;
	while ((kept = list)) {
		list = kept->next;
		deliver_or_keep(user, kept->stanza);
		free(kept);
	}
}

void parcel_forget_kept(struct user *user)
{
	while (user->kept)
		forget_oldest(user);
}
