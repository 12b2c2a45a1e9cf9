/*
 * feature.h: the protocol features, one file each (feature_NAME.c), as the router's table and the
 * server see them. A handler answers its request or drops it; it keeps nothing of it.
 */
#ifndef XMPP_FEATURE_H
#define XMPP_FEATURE_H

#include "xmpp/router.h"

/* feature_roster.c: RFC 6121 section 2. */
void roster_get(struct request *request);
void roster_set(struct request *request);
void roster_forbidden(struct request *request); /* another's roster */
/* Find contact in the user's roster; *subscription may be NULL. */
bool roster_has(const struct user *user, const char *contact, enum subscription *subscription);
/* item NULL: removed. */
void roster_push(struct user *user, const char *contact, const struct roster_item *item);

/* feature_presence.c: RFC 6121 sections 3 and 4. */
void presence_available(struct request *request);
void presence_unavailable(struct request *request);
void presence_subscribe(struct request *request);
void presence_subscribed(struct request *request);
void presence_unsubscribed(struct request *request);
void presence_probe(struct request *request);
void presence_refuse(struct request *request);
void presence_drop(struct request *request);
/* The resource takes messages, for the first time or again: deliver what waits. */
void presence_ready(struct resource *resource);
/* The resource is not available any more: tell the user's other resources and the host. stanza is
 * what the client said, NULL if it said nothing. */
void presence_end(struct resource *resource, struct xml *stanza);
/* Tell the user's available resources about contact. */
void presence_of_contact(struct user *user, const char *contact,
			 const struct server_presence *presence);

/* Take an available presence of the resource; tell the others, and the host; welcome it if welcomed
 * is true. -1 with *error leaves everything as it was. */
int presence_take(struct resource *resource, struct xml *stanza, bool welcomed,
		  enum stanza_error *error);
/* Show the resource who of the contacts is there, once as long as it is available. */
void presence_welcome(struct resource *resource);
/* Tell the user's other resources that this one is not available; stanza as for presence_end. */
void presence_hide(struct resource *resource, struct xml *stanza);
/* "" for none; NULL for what RFC 6121 section 4.7.2.1 does not know; else a literal. */
const char *presence_show(const char *text);
/* What an available presence says; its status lives as long as the stanza. -1: nonsense. */
int presence_read(struct xml *stanza, struct server_presence *presence);

/* feature_register.c: XEP-0077. */
bool register_offered(const struct server_host *host);
void register_init(struct server *server);
/* The answer to one who has not logged in; NULL when memory is short. */
struct xml *register_stranger(struct server *server, struct xml *iq);
void register_get(struct request *request);
void register_set(struct request *request);

/* feature_invisible.c: XEP-0186. */
bool invisible_offered(const struct server_host *host);
void invisible_set(struct request *request);
void invisible_unset(struct request *request);

/* feature_directed.c: RFC 6121 section 4.6. */
void directed_available(struct request *request);
void directed_unavailable(struct request *request);
/* The resource has told all contacts its presence: whom it had shown itself to sees that, too. */
void directed_overtaken(struct resource *resource);
/* The resource is gone: whatever it showed to single contacts goes with it. */
void directed_end(struct resource *resource);
/* The same, telling nobody. */
void directed_forget(struct resource *resource);

/* feature_requests.c: RFC 6121 section 3.1.3, strangers who would like to be contacts. */
void requests_show(struct resource *resource);
void requests_show_one(struct user *user, const struct server_request *request);

/* feature_message.c: RFC 6121 sections 5 and 8.5. */
void message_to_account(struct request *request);
void message_to_resource(struct request *request);
void message_to_contact(struct request *request);
void message_to_server(struct request *request);
/* What server_deliver promises; stanza stays the caller's. */
unsigned message_deliver(struct user *user, struct xml *stanza);
bool message_deliver_stored(struct user *user, struct xml *stanza, const char *contact,
			    uint64_t token);
/* A message that a resource which has gone did not get; its parcel stays the caller's. */
void message_deliver_again(struct user *user, struct xml *stanza, struct parcel *parcel);

/* feature_carbons.c: XEP-0280. */
void carbons_enable(struct request *request);
void carbons_disable(struct request *request);
/* Send copies of a message to the user's resources that want them, except those that have it.
 * direction: "sent" or "received". */
void carbons_send(const struct user *user, const struct xml *stanza, const char *direction,
		  bool (*has_it)(const struct resource *resource, const void *arg),
		  const void *arg);

/* feature_blocking.c: XEP-0191. */
bool blocking_offered(const struct server_host *host);
void blocking_get(struct request *request);
void blocking_block(struct request *request);
void blocking_unblock(struct request *request);
/* Is contact blocked? */
bool blocking_has(const struct user *user, const char *contact);

/* feature_commands.c: XEP-0050. */
bool commands_offered(const struct server_host *host);
void command_execute(struct request *request);
/* Answer service discovery if it is about commands. */
bool commands_info(struct request *request);
bool commands_items(struct request *request);
/* Forget the forms that the resource has open. */
void commands_forget(struct resource *resource);

/* feature_archive.c: XEP-0313, XEP-0441. */
bool archive_offered(const struct server_host *host);
void archive_query(struct request *request);
void archive_form(struct request *request);
void archive_metadata(struct request *request);
/* Add <metadata/> of the user's archive; only if it is offered. */
int archive_metadata_add(const struct user *user, struct xml *parent, struct err *err);
/* A time, in ms of the wall clock, as XEP-0082 writes it. */
#define ARCHIVE_STAMP_SIZE 32
void archive_stamp(int64_t ms, char out[ARCHIVE_STAMP_SIZE]);
void archive_prefs_get(struct request *request);
void archive_prefs_set(struct request *request);

/* feature_bob.c: XEP-0231. */
bool bob_offered(const struct server_host *host);
void bob_get(struct request *request);
/* Keep a PNG for the user's clients for a while. Its content id, which lives until the next call;
 * NULL when it is too large or memory is short. */
const char *bob_keep(struct user *user, const void *data, size_t len);
/* Add it to parent as <data/>. -1: there is none of that id. */
int bob_add(struct user *user, const char *cid, struct xml *parent);
void bob_forget(struct user *user);

/* feature_private.c: XEP-0049. */
void private_get(struct request *request);
void private_set(struct request *request);

/* feature_vcard.c: XEP-0054. */
void vcard_get(struct request *request);
void vcard_set(struct request *request);

/* feature_pep.c, feature_pep_owner.c: XEP-0163, XEP-0060. */
void pep_get(struct request *request);
void pep_set(struct request *request);
void pep_owner_get(struct request *request);
void pep_owner_set(struct request *request);

/* feature_contact.c: contacts' nodes and vCards, software and time. */
void vcard_contact_get(struct request *request);
void pep_contact_get(struct request *request);
void live_contact_get(struct request *request);
void pep_contact_set(struct request *request);
/* Forget all questions under way. */
void contact_forget_asked(struct server *server);

/* feature_own.c: what one resource of a user sends to another. */
void own_iq(struct request *request);
void own_presence(struct request *request);

/* feature_session.c: RFC 3921 section 3. */
void session_start(struct request *request);
void session_bind_again(struct request *request);

/* feature_disco.c: XEP-0030. */
void disco_server_info(struct request *request);
void disco_account_info(struct request *request);
void disco_contact_info(struct request *request);
void disco_items(struct request *request);
void disco_contact_items(struct request *request);
/* Name the contact's features in its presence (XEP-0115), if they are known. */
void disco_contact_caps(const struct server *server, const char *user, const char *contact,
			struct xml *presence);
/* Does the host keep items? */
bool pep_has_host(const struct server_host *host);

/* feature_upload.c: XEP-0363. */
void upload_request(struct request *request);
bool upload_offered(const struct server *server);
/* Add to the server's disco#info that and how much can be uploaded, if so. */
void upload_describe(const struct server *server, struct xml *query);
/* Has the message to a contact such a file's address in it? Then it was refused. */
bool upload_refuses(const struct request *request);
void upload_user_gone(struct server *server, const char *user);

/* feature_ping.c: XEP-0199. */
void ping_answer(struct request *request);

/* feature_last.c: XEP-0012. */
void last_server(struct request *request);
void last_account(struct request *request);
void last_contact(struct request *request);

/* feature_version.c: XEP-0092. */
void version_answer(struct request *request);

/* feature_time.c: XEP-0202. */
void time_answer(struct request *request);

#endif
