/*
 * bridge.h: joins the XMPP server (xmpp/server.h) and the engine (core/engine.h).
 *
 *     user of the server     account of the engine; the local part is the account's name
 *     contact@domain         contact; the local part is its id, its roster name the petname
 *     roster groups          contact setting "groups"
 *     SCRAM credentials      account setting "sasl"
 *     presence               status
 *     message                payload (inner_stanza.h)
 *
 * Adding a contact is consent both ways, so a subscription is "both" from the first link on, and
 * until then it is being asked for. It knows no sockets
 * and no Tor. Its parts: bridge_account.c, bridge_people.c, bridge_mode.c, bridge_shown.c,
 * bridge_commands.c, bridge_roster.c, bridge_presence.c, bridge_message.c, bridge_outbox.c; the
 * control socket (control_commands.c) uses the functions below too.
 */
#ifndef COMPONENT_BRIDGE_H
#define COMPONENT_BRIDGE_H

#include "core/engine.h"
#include "xmpp/server.h"

struct bridge;
struct local_store;

/* domain is copied. NULL with *err when memory is short. */
struct bridge *bridge_new(const struct env *env, const char *domain, struct err *err);
/* After server and engine have gone. */
void bridge_free(struct bridge **bridge);

/* What the two sides are made with; arg is the bridge. The second lives as long as the bridge. */
const struct engine_handler *bridge_engine_handler(void);
const struct server_host *bridge_server_host(const struct bridge *bridge);

/* May clients make accounts (XEP-0077)? They may when nothing was said. To be called before the
 * server is made. */
void bridge_set_registration(struct bridge *bridge, bool allowed);

/* Who is on the two sides. Either may be NULL: what would go there is then dropped. The engine must
 * be set before the server is made. */
void bridge_set_engine(struct bridge *bridge, struct engine *engine);
void bridge_set_server(struct bridge *bridge, struct server *server);
struct engine *bridge_engine(const struct bridge *bridge);
/* Where to keep what users have at their own server; it must outlive the bridge's use of it. NULL,
 * as at first: nothing is kept. To be set before the server is made. */
void bridge_set_local(struct bridge *bridge, struct local_store *local);

/* Call changed(arg) after each change of an account, a contact, a status or a state. */
void bridge_watch(struct bridge *bridge, void (*changed)(void *arg), void *arg);
/* Tell who watches. */
void bridge_changed(struct bridge *bridge);

/* A new account that can log in with password (UTF-8; NULL: it cannot). ERR_INPUT: the name cannot
 * be the local part of a JID as it is written, or looks like an id, or the password cannot be one;
 * ERR_EXISTS. */
struct account *bridge_account_add(struct bridge *bridge, const char *name, const char *password,
				   struct err *err);
/* A new account of a user behind the gateway: jid is their bare JID, as normalised. ERR_INPUT,
 * ERR_EXISTS. */
struct account *bridge_remote_add(struct bridge *bridge, const char *jid, struct err *err);
/* A new password; the account's clients are disconnected. */
int bridge_account_passwd(struct bridge *bridge, struct account *account, const char *password,
			  struct err *err);
/* An account from a backup, as name (NULL: as it was called), with its password. A name with an
 * '@' is that of a user behind the gateway. */
struct account *bridge_account_restore(struct bridge *bridge, const char *path,
				       const char *passphrase, const char *name, struct err *err);
/* Remove an account for good (engine_account_remove); its clients are disconnected. *account
 * becomes NULL. */
int bridge_account_remove(struct bridge *bridge, struct account **account, struct err *err);
/* How an account is present: "steady" or "follow" (tacetctl(1)); ERR_INPUT. */
int bridge_set_mode(struct bridge *bridge, struct account *account, const char *mode,
		    struct err *err);
/* *follows: else steady. -1: it cannot be read. */
int bridge_mode_read(struct account *account, bool *follows, struct err *err);
/* The same; what cannot be read counts as "follow". */
bool bridge_follows(struct account *account);
/* What a contact is told, or agreed on, when it is added. All may be NULL: nothing. */
struct bridge_introduction {
	const char *own_name;   /* with an invitation's link: shown to the host's user */
	const char *text;       /* likewise */
	const char *passphrase; /* with an id alone: the pair secret comes from it (pair_secret.h)
				   after SASLprep */
};

/*
 * A new contact. id: an id or a link in any form (invitation_parse); with an invitation's secret,
 * the host is asked; with the id of one who has asked, that is accepted. name NULL: the link's or
 * the guest's, or none. words may be NULL. The user's clients are told.
 */
struct contact *bridge_contact_add(struct bridge *bridge, struct account *account, const char *id,
				   const char *name, const struct bridge_introduction *words,
				   struct err *err);
/* Accept who has asked to be a contact. ERR_NOT_FOUND. name NULL: the guest's own. */
struct contact *bridge_request_accept(struct bridge *bridge, struct account *account,
				      const char *id, const char *name, struct err *err);
/* Remove the contact or request, if there is one, and never hear of it again; or take that back. */
int bridge_account_block(struct bridge *bridge, struct account *account, const char *id,
			 bool blocked, struct err *err);
int bridge_contact_remove(struct bridge *bridge, struct contact **contact, struct err *err);
/* Show this contact another presence than the others see: "offline", "available", "away", "chat",
 * "dnd", "xa"; or "same": as to everybody. Kept over a restart; a client's directed presence goes
 * before it. ERR_INPUT. */
int bridge_contact_show(struct bridge *bridge, struct contact *contact, const char *word,
			struct err *err);
/* The word for it. -1: it cannot be read; *word is then "offline". */
int bridge_contact_shown(struct contact *contact, const char **word, struct err *err);
/* May contacts that see the user there ask for the daemon's version and time (XEP-0092, XEP-0202)?
 * Not unless set; kept over a restart. ERR_UNAVAILABLE: nothing is kept here, and nobody is
 * answered. */
bool bridge_answers(const struct bridge *bridge, const char *user);
int bridge_answers_set(struct bridge *bridge, const char *user, bool on, struct err *err);
/* As contact_cancel; the client that has sent the message is told. */
int bridge_cancel(struct bridge *bridge, struct contact *contact, uint64_t token, struct err *err);
/* The contact that someone means by its id (as above) or its petname. ERR_NOT_FOUND; ERR_INPUT when
 * several have that petname. */
struct contact *bridge_contact_find(const struct account *account, const char *word,
				    struct err *err);

#endif
