/*
 * user.h: a user of the server and the resources they have bound.
 *
 * Users are made when someone logs in, and stay until the server goes: a few bytes each, and no
 * handler finds its user gone.
 */
#ifndef XMPP_USER_H
#define XMPP_USER_H

#include "xmpp/server_private.h"

struct resource;
struct parcel;
struct taken;

/* How many sessions that have ended a user's clients can still ask about (sm.h). */
#define SM_PAST_MAX 8
/* Characters of a session's id, with the end. */
#define SM_ID_SIZE 33

/* How much of a session that has ended had come from the client. */
struct sm_past {
	char id[SM_ID_SIZE]; /* "": none */
	uint32_t handled;
};

struct user {
	struct user *next;
	struct server *server;
	char *name; /* local part */
	struct resource *resources;
	struct parcel *parcels, **parcels_end; /* that have not arrived, oldest first */
	unsigned parcels_stored;               /* of them: those that the host keeps, */
	unsigned parcels_kept;                 /* and the others, when nobody holds them, */
	size_t parcels_kept_bytes;             /* as they were said */
	bool wants_room;     /* the host was refused, for too many have not arrived */
	struct taken *taken; /* messages that were taken lately; NULL: none */
	struct sm_past past[SM_PAST_MAX];
	unsigned past_next;
	struct server_presence told; /* what the host was told last; its status is owned */
	bool told_invisible;
	unsigned caps_told; /* the features that the host was told of last (caps.h) */
	struct bob *bobs;   /* pictures for the clients, the latest first */
};

/* NULL when the user has not logged in. */
struct user *user_find(const struct server *server, const char *name);
/* Found or made; NULL when memory is short. */
struct user *user_get(struct server *server, const char *name);
/* All resources must have ended. */
void user_free(struct user **user);

/* The resource of that name, or NULL. */
struct resource *user_resource(const struct user *user, const char *name);
/* How many resources there are. */
unsigned user_resource_count(const struct user *user);
/* Send to every resource that is wanted, with its to. Returns how many that were. */
unsigned user_send(const struct user *user, bool (*wanted)(const struct resource *resource),
		   struct xml *stanza);
/* Tell the host the presence over all visible resources, and whether all that are available are
 * invisible, if that differs from what it was told last. */
void user_tell_presence(struct user *user);

#endif
