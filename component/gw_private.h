/*
 * gw_private.h: what the parts of the gateway share.
 */
#ifndef COMPONENT_GW_PRIVATE_H
#define COMPONENT_GW_PRIVATE_H

#include "component/bridge_private.h"
#include "component/gw.h"
#include "xmpp/bucket.h"
#include "xmpp/remote.h"

#define NS_COMPONENT   "jabber:component:accept"
#define NS_GATEWAY     "jabber:iq:gateway"
#define NS_PRIVILEGE_1 "urn:xmpp:privilege:1"
#define NS_PRIVILEGE_2 "urn:xmpp:privilege:2"

/* Places of the table of users: some thousand users behind one daemon. */
#define GW_BUCKETS 1024
/* Resources of one user that are remembered; more are not looked at. */
#define GW_RESOURCES_MAX 32
/* Messages that are with the server and not known to be handled, for one user; then the rest waits
 * in the engine. */
#define GW_PARCELS_MAX 32
/* Contacts of one user that were shown another presence than the rest. */
#define GW_DIRECTED_MAX 64
/* Longest nonsense in a resource's status. */
#define GW_STATUS_MAX STATUS_TEXT_MAX
/* What a user's stanzas say is put together for so long before contacts are told: a broadcast comes
 * as one stanza to the gateway and one to each contact, in no order. */
#define GW_SETTLE_MS 300
/* After the stream is up, the server has so long to say what it grants. */
#define GW_GREET_MS 1000
/* Then users are asked whether they are there; who has not answered after so long is not. A server
 * that restarts has its users come back within seconds. */
#define GW_STALE_MS ((int64_t)60 * 1000)

/* What a user's resource, or a presence for one contact, says. */
struct gw_says {
	bool available;
	const char *show; /* a literal */
	char *status;     /* NULL: none */
	int priority;
};

struct gw_resource {
	struct gw_resource *next; /* the one that spoke last comes first */
	char *name;
	struct gw_says says;
	bool to_gateway;    /* it tells the gateway itself, so what it tells contacts is for them */
	bool stale;         /* from before the stream broke */
	uint64_t caps;      /* hash of what it has said of its features; 0: nothing */
	unsigned features;  /* that contacts are told (remote.h) */
	bool wants_avatars; /* events of contacts' photos */
	bool takes_items;   /* suggestions for the roster (XEP-0144) */
};

/* A presence for one contact. */
struct gw_directed {
	struct gw_directed *next;
	char contact[ID_LEN + 1];
	char *resource;
	struct gw_says says;
	bool shown; /* the contact is shown it */
};

/* How the roster at the user's server stands to a contact (gw_roster.c). */
enum {
	GW_TO = 1,       /* the user sees the contact */
	GW_FROM = 2,     /* the contact sees the user */
	GW_ASKED = 4,    /* the user would like to see the contact, who is not there yet */
	GW_OFFERED = 8,  /* the user was asked on the contact's behalf */
	GW_DENIED = 16,  /* and said no */
	GW_WRITTEN = 32, /* the gateway has written the item itself */
};

struct gw_item {
	struct gw_item *next;
	char contact[ID_LEN + 1];
	unsigned flags;
	char *name;     /* as written last; "" */
	uint64_t shown; /* hash of the presence that the user was shown last; 0: none */
	bool suggested; /* in the suggestion that has not left yet */
};

/* A message for the user, until the server has handled it. */
struct gw_parcel {
	struct gw_parcel *next;
	char contact[ID_LEN + 1];
	uint64_t token;
	struct xml *message;
	uint64_t batch;    /* it is handled when this barrier has passed; 0: it is to be sent */
	unsigned returned; /* how often it came back */
};

struct gw_user {
	struct gw_user *next; /* in its place of the table */
	struct gw *gw;
	char *jid; /* bare; the account's name */
	struct gw_resource *resources;
	struct gw_directed *directed;
	struct gw_item self; /* the gateway's own item: GW_FROM, GW_DENIED, GW_WRITTEN */
	struct gw_item *items;
	struct gw_parcel *parcels; /* oldest first */
	struct timer *timer;       /* GW_SETTLE_MS */
	struct bucket bucket;
	struct gw_says told; /* what contacts are told */
	bool there;          /* the last time that it settled */
	bool takes;          /* messages; likewise */
	bool sync;     /* what the server knows is to be gone through, from contact sync_at on */
	bool show_all; /* then all contacts that are there are shown */
	unsigned sync_at;
	bool refused;         /* the engine holds messages back: it is told when there is room */
	const char *removing; /* the contact that the user is removing just now */
	char photo[41];       /* hash of the photo that its presence names; "": none or not known */
	bool photo_asked;     /* the answer is still to come */
	struct bucket photos; /* how often that is asked for */
	unsigned features;    /* that contacts were told last */
	struct xml *suggestion; /* for a client; NULL: none */
	unsigned suggested;     /* contacts in it */
	bool unwritable;        /* writing its roster has failed since the stream is up */
};

/* A question of ours to a user's server. */
struct gw_question;

struct gw_grant; /* gw_privilege.c */

/* Buckets for all who are not registered: one of them slows down one in so many. */
#define GW_STRANGERS 64

struct gw {
	const struct env *env;
	struct bridge *bridge;
	const struct server_host *host;
	struct server *server;
	struct local_store *local;
	const struct gw_config *config;
	const struct gw_link *link;
	void *link_arg;
	struct gw_user *users[GW_BUCKETS];
	unsigned user_count;
	struct gw_question *questions;
	unsigned question_count;
	uint64_t question_no;
	struct gw_grant *grants;
	struct timer *greet; /* after up: GW_GREET_MS, then GW_STALE_MS */
	bool greeted;
	bool up;
	bool barrier;                          /* one is under way */
	uint64_t batch;                        /* the number of the next barrier */
	struct bucket strangers[GW_STRANGERS]; /* of those who are not registered */
	uint8_t salt[16];                      /* says who has which */
	struct bucket heavy; /* what takes half a second of CPU: sealing and opening backups */
};

/* A stanza on its way to a handler. */
struct gw_request {
	struct gw *gw;
	struct gw_user *user; /* NULL: not registered */
	struct xml *stanza;
	struct xml *payload; /* of an iq get or set: its one child; else NULL */
	struct jid from, to;
	char bare[JID_TEXT_SIZE]; /* from, without the resource */
};

/* --- gw.c --- */
/* Send the stanza, which is freed. -1: not now. */
int gw_send(struct gw *gw, struct xml *stanza);
/* Is there room for another of what can wait? */
bool gw_has_room(const struct gw *gw);
/* A stanza from a contact (NULL: the gateway itself) to a JID. NULL when memory is short. */
struct xml *gw_new_stanza(const struct gw *gw, const char *name, const char *type,
			  const char *contact, const char *to);
void gw_reply(const struct gw_request *request, struct xml *reply);
void gw_result(const struct gw_request *request);
void gw_error(const struct gw_request *request, enum stanza_error error, const char *text);
void gw_refused(const struct gw_request *request, const struct err *err);
/* The sender's contact that the stanza is for. NULL: it is none, and the sender was told what is
 * told of those that do not exist. */
struct contact *gw_request_contact(const struct gw_request *request);
/* Take from a bucket, if there is anything in it. */
bool gw_take(const struct gw *gw, struct bucket *bucket, int64_t amount);

/* FNV-1a (the authors' offset basis and prime for 64 bits) of data behind what hash is of,
 * GW_HASH_NEW: of nothing. No secret: who wants to can make two alike. */
#define GW_HASH_NEW UINT64_C(14695981039346656037)
static inline uint64_t gw_hash(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

/* --- gw_ask.c --- */
/* word is what was given to the question; payload the answer's (NULL: an error). */
typedef void (*gw_answer)(struct gw_user *user, const char *word, struct xml *payload);
/* Ask the user's server: payload is freed. answered is called once, unless the stream breaks
 * before; contact may be NULL. */
void gw_ask(struct gw_user *user, const char *type, struct xml *payload, const char *contact,
	    gw_answer answered);
/* The same of a client; word is then the resource. */
void gw_ask_client(struct gw_user *user, const char *resource, const char *type,
		   struct xml *payload, gw_answer answered);
/* A registered user's answer, from where it was asked for; anything else is dropped. */
void gw_answered(struct gw_request *request);
/* Of this user; NULL: all. */
void gw_questions_drop(struct gw *gw, const struct gw_user *user);

/* --- gw_user.c --- */
/* Add everybody who has an account. */
int gw_users_load(struct gw *gw);
struct gw_user *gw_user_find(const struct gw *gw, const char *jid);
struct gw_user *gw_user_add(struct gw *gw, const char *jid);
void gw_user_free(struct gw *gw, struct gw_user *user);
void gw_users(struct gw *gw, void (*each)(struct gw_user *user));
struct account *gw_account(const struct gw_user *user);
void gw_says_clear(struct gw_says *says);
bool gw_says_same(const struct gw_says *a, const struct gw_says *b);
/* NULL: not there. */
struct gw_resource *gw_resource_find(const struct gw_user *user, const char *name);
/* The one that speaks: of highest priority, then the one that spoke last. NULL: none is there. */
const struct gw_resource *gw_user_speaker(const struct gw_user *user);
/* Is a resource there, known since the stream is up, that takes messages? */
bool gw_user_takes(const struct gw_user *user);

/* --- gw_presence.c: from users --- */
void gw_presence(struct gw_request *request);
void gw_presence_gateway(struct gw_request *request);
void gw_presence_contact(struct gw_request *request);
void gw_subscription_gateway(struct gw_request *request);
void gw_subscription_contact(struct gw_request *request);
void gw_probe(struct gw_request *request);
/* Let contacts know what has changed. */
void gw_settle(struct gw_user *user);
/* All resources are from before now; or those that are have gone. */
void gw_user_stale(struct gw_user *user);
void gw_user_drop_stale(struct gw_user *user);
void gw_resources_drop(struct gw_user *user);
void gw_directed_drop(struct gw_user *user);

/* --- gw_shown.c: to users --- */
void gw_show_contact(struct gw_user *user, const char *contact,
		     const struct server_presence *presence, const char *to);
/* The gateway's own presence; type NULL: available. */
void gw_show_self(const struct gw *gw, const char *to, const char *type);
/* Go on with what a user's server is to know, as far as there is room. */
void gw_sync(struct gw_user *user);
void gw_sync_all(struct gw *gw);
/* The user has gone: who comes is shown all again. */
void gw_shown_forget(const struct gw_user *user);
/* Ask the user's server who of the user's clients is there, or the user to let the gateway see it.
 */
void gw_ask_presence(const struct gw_user *user);

/* --- gw_roster.c --- */
void gw_items_load(struct gw_user *user);
void gw_items_free(struct gw_user *user);
struct gw_item *gw_item_find(const struct gw_user *user, const char *contact);
/* The item, made if need be. NULL when memory is short. */
struct gw_item *gw_item_get(struct gw_user *user, const char *contact);
/* Change the flags, and keep that. */
void gw_item_set(struct gw_user *user, struct gw_item *item, unsigned set, unsigned clear);
/* Forget it; tell: the server is told that there is no such contact. */
void gw_item_drop(struct gw_user *user, const char *contact, bool tell);
/* The contact is as item says: tell the server what it does not know. */
void gw_item_push(struct gw_user *user, const char *contact, const struct roster_item *item);
void gw_requests_push(struct gw_user *user);
/* The user's server is told that the account is no more. */
void gw_items_end(struct gw_user *user);

/* --- gw_privilege.c: XEP-0356 --- */
void gw_privileges(struct gw_request *request);
void gw_grants_free(struct gw *gw);
/* May the gateway write the user's roster? */
bool gw_may_write(const struct gw_user *user);
/* name NULL: remove the item. */
void gw_write_item(struct gw_user *user, const char *contact, const char *name,
		   const char *const *groups);
/* The gateway itself belongs into the roster, once. */
void gw_write_self(struct gw_user *user);

/* --- gw_register.c --- */
void gw_register_get(struct gw_request *request);
void gw_register_set(struct gw_request *request);
/* What somebody who is not registered writes to the gateway. */
void gw_register_chat(struct gw_request *request, const char *text);

/* --- gw_backup.c --- */
/* A new account of the user, from the text of a backup. */
struct account *gw_backup_take(struct gw *gw, const char *jid, const char *text,
			       const char *passphrase, struct err *err);
/* Its arg is the gateway. */
extern const struct server_command gw_backup_command;

/* --- gw_caps.c: what users' clients can do (XEP-0115) --- */
/* The resource has said this available presence. */
void gw_caps_presence(struct gw_user *user, const char *resource, const struct xml *presence);
/* Contacts are told what the clients that are there can do together. */
void gw_caps_tell(struct gw_user *user);
/* Tell clients that want to know of the contact's photo (XEP-0084). */
void gw_avatar_event(const struct gw_user *user, const char *contact);
/* Suggest the contact to a client, in place of a subscription request. False: there is none that
 * takes suggestions. They go out with gw_suggest_send, and count as offered when they have left. */
bool gw_suggest(struct gw_user *user, struct gw_item *item, const char *name,
		const char *const *groups);
void gw_suggest_send(struct gw_user *user);

/* --- gw_message.c --- */
void gw_message_gateway(struct gw_request *request);
void gw_message_contact(struct gw_request *request);
unsigned gw_deliver(void *arg, const char *user, struct xml *stanza);
bool gw_deliver_stored(void *arg, const char *user, const char *contact, uint64_t token,
		       struct xml *message);
/* There may be room, or somebody there. */
void gw_parcels_send(struct gw_user *user);
/* What was under way is to be sent again. */
void gw_parcels_rewind(struct gw_user *user);
void gw_parcels_free(struct gw_user *user);

/* --- gw_disco.c --- */
void gw_disco_info(struct gw_request *request);
void gw_disco_items(struct gw_request *request);
void gw_disco_contact_info(struct gw_request *request);
void gw_disco_contact_items(struct gw_request *request);
void gw_ping(struct gw_request *request);

/* --- gw_prompt.c: jabber:iq:gateway --- */
void gw_prompt_get(struct gw_request *request);
void gw_prompt_set(struct gw_request *request);

/* --- gw_commands.c --- */
void gw_command(struct gw_request *request);
/* NULL: no such command. */
const struct server_command *gw_command_find(const struct gw *gw, const char *node);
/* The i-th; NULL at their end. */
const struct server_command *gw_command_at(const struct gw *gw, unsigned i);

/* --- gw_vcard.c --- */
void gw_vcard_gateway(struct gw_request *request);
void gw_vcard_contact(struct gw_request *request);
void gw_blocking(struct gw_request *request);
/* Learn the user's own vCard from the user's server. */
void gw_vcard_ask(struct gw_user *user);
void gw_photo_init(struct gw_user *user);
/* May the user cause work with photos now? It is paid for then. */
bool gw_photo_pay(struct gw_user *user);
/* The user's presence names this photo ("": none). */
void gw_photo_named(struct gw_user *user, const char *hash);

#endif
