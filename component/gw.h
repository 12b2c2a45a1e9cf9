/*
 * gw.h: the gateway for the users of a Jabber server (XEP-0100), behind an external component
 * (component_stream.h): each has an account of this daemon, named by their bare JID, and sees its
 * contacts as ID@component.
 *
 *     user of the server     account; its name is the bare JID that the server stamps as "from"
 *     ID@component           contact of whoever sends a stanza there
 *     component              the gateway itself: registration, commands, the prompt
 *
 * The stamped JID is the only authority. Who is not registered can register, if that is open to
 * them, and learns nothing else; a contact that is not the sender's own looks like one that does
 * not exist.
 *
 * It knows no sockets: stanzas come in through the functions below and go out through struct
 * gw_link. Its parts: gw.c (routes), gw_user.c, gw_register.c, gw_ask.c, gw_backup.c, gw_caps.c,
 * gw_presence.c, gw_shown.c,
 * gw_roster.c, gw_privilege.c, gw_message.c, gw_disco.c, gw_commands.c, gw_vcard.c.
 */
#ifndef COMPONENT_GW_H
#define COMPONENT_GW_H

#include "component/bridge.h"

struct gw;
struct local_store;

enum gw_registration {
	GW_REGISTRATION_OPEN,   /* every user of the domains */
	GW_REGISTRATION_LIST,   /* those who are named */
	GW_REGISTRATION_CLOSED, /* nobody new */
};

struct gw_config {
	const char *domain;         /* of the component */
	const char *const *domains; /* whose users may come; ends with NULL */
	enum gw_registration registration;
	const char *const *users; /* bare JIDs, for GW_REGISTRATION_LIST; ends with NULL */
	const char *directory;    /* for backups while they are read or written; 0700 */
	unsigned accounts;        /* most accounts of users behind the gateway */
	unsigned contacts;        /* most contacts of one */
	unsigned queue;           /* messages of one that may wait for its contacts, and for it */
	unsigned per_minute;      /* stanzas that one user may send in a minute in the long run, and
				     at once; presence does not count */
};

/* The stream, as component_stream.h has it. */
struct gw_link {
	int (*send)(void *arg, const struct xml *stanza, struct err *err);
	bool (*room)(void *arg);
	int (*barrier)(void *arg, void (*passed)(void *passed_arg), void *passed_arg,
		       struct err *err);
};

/* config, with all it points to, server (whose store keeps the nodes of all users), local and link
 * outlive the gateway, which becomes the bridge's front. NULL with *err when memory is short. */
struct gw *gw_new(const struct env *env, struct bridge *bridge, struct server *server,
		  struct local_store *local, const struct gw_config *config,
		  const struct gw_link *link, void *link_arg, struct err *err);
void gw_free(struct gw **gw);

/* What the stream tells: arg is the gateway. */
void gw_up(void *arg);
void gw_down(void *arg);
void gw_room(void *arg);
/* The stanza is freed. */
void gw_stanza(void *arg, struct xml *stanza);

struct gw_counts {
	unsigned users, there; /* registered; of those, with a client that is known to be there */
	unsigned parcels; /* messages to users that their server is not known to have handled */
};
struct gw_counts gw_count(const struct gw *gw);

/* Before the stream ends in order: nobody is there any more. */
void gw_goodbye(struct gw *gw);

#endif
