/*
 * bridge_private.h: what the parts of the bridge share.
 */
#ifndef COMPONENT_BRIDGE_PRIVATE_H
#define COMPONENT_BRIDGE_PRIVATE_H

#include "component/bridge.h"
#include "component/bridge_front.h"
#include "component/bridge_program.h"
#include "component/local_store.h"
#include "xmpp/pep.h"

/* Messages whose sender and stanza id are remembered until the contact's daemon has taken them, so
 * that a refusal can be reported. Bounded, since contacts may be away for long: refusals of older
 * ones go to the log only. */
#define SENT_MAX 1024
/* Longest stanza id and longest full JID of a client that are remembered; others are not. */
#define SENT_ID_MAX   128
#define SENT_FROM_MAX 256

struct sent {
	struct contact *contact; /* NULL: a free place */
	uint64_t token;
	char id[SENT_ID_MAX + 1];
	char from[SENT_FROM_MAX + 1];
};

/* What the clients of an account have said last (bridge_mode.c), and what they are to be told
 * (bridge_notice.c). */
struct bridge_user {
	struct bridge_user *next;
	struct account *account;
	struct status status;
	bool invisible;
	bool conflict_untold; /* another daemon has the identity, and no client was there to hear */
	bool trouble_told;    /* they know that nothing can be stored */
};

/* A front and the domain at which its users see their contacts. */
struct bridge_place {
	const struct bridge_front *front; /* NULL: not there */
	void *arg;
	char *domain;
};

struct bridge {
	const struct env *env;
	struct engine *engine;
	struct server *server;           /* keeps the nodes of all users, too (pep.h) */
	struct bridge_place local_place; /* the server as a front */
	unsigned remote_contacts;        /* bridge_limit_remote */
	struct bridge_place gateway;     /* its front is NULL: none */
	struct timer *archive_erase;     /* bridge_archive_settings.c */
	struct local_store *local;       /* NULL: nothing is kept for the users */
	struct server_host host;         /* what the server is given */
	void (*changed)(void *arg);
	void *changed_arg;
	const struct program_host *program; /* NULL: no programs */
	void *program_arg;
	struct bridge_user *users;
	struct bridge_peer *peers; /* bridge_peer.c */
	struct sent *sent;         /* SENT_MAX places, used in a circle */
	unsigned sent_next;
};

/* ERR_NOT_FOUND. */
struct account *bridge_account(const struct bridge *bridge, const char *user, struct err *err);
/* Find both; ERR_NOT_FOUND says which is missing. */
struct contact *bridge_lookup(struct bridge *bridge, const char *user, const char *contact,
			      struct err *err);
const char *bridge_user_of(const struct contact *contact);

/* Add a contact as bridge_contact_add does, but tell nobody. */
struct contact *bridge_contact_make(struct account *account, const char *word, const char *name,
				    const struct bridge_introduction *words, struct err *err);

/* May the account have one more contact? ERR_LIMIT. */
int bridge_room_for_contact(const struct bridge *bridge, const struct account *account,
			    struct err *err);

/* bridge_front.c: what goes to the front of the user, as bridge_front.h says. */
bool bridge_has_front(const struct bridge *bridge, const char *user);
/* The domain of the user's contacts' JIDs. */
const char *bridge_domain(const struct bridge *bridge, const char *user);
void bridge_user_jid(const struct bridge *bridge, const char *user, char out[JID_TEXT_SIZE]);
unsigned bridge_deliver(const struct bridge *bridge, const char *user, struct xml *stanza);
bool bridge_deliver_stored(const struct bridge *bridge, const char *user, const char *contact,
			   uint64_t token, struct xml *message);
void bridge_show_presence(const struct bridge *bridge, const char *user, const char *contact,
			  const struct server_presence *presence);
void bridge_show_request(const struct bridge *bridge, const char *user,
			 const struct server_request *request);
void bridge_push_item(const struct bridge *bridge, const char *user, const char *contact,
		      const struct roster_item *item);
void bridge_end_user(const struct bridge *bridge, const char *user);
void bridge_learned(const struct bridge *bridge, const char *user, const char *contact,
		    const char *node);

/* bridge_account.c */
int bridge_credentials(void *arg, const char *user, struct sasl_credentials *out);
int bridge_tokens_get(void *arg, const char *user, struct buf *out);
int bridge_tokens_set(void *arg, const char *user, const uint8_t *data, size_t len,
		      struct err *err);
int bridge_account_create(void *arg, const char *user, const char *password, struct err *err);
int bridge_account_password(void *arg, const char *user, const char *password, struct err *err);
int bridge_account_end(void *arg, const char *user, struct err *err);

/* bridge_roster.c */
void bridge_roster(void *arg, const char *user,
		   void (*each)(void *each_arg, const struct roster_item *item), void *each_arg);
int bridge_roster_set(void *arg, const char *user, const char *contact, const char *name,
		      const char *const *groups, struct err *err);
int bridge_roster_remove(void *arg, const char *user, const char *contact, struct err *err);
int bridge_subscribe(void *arg, const char *user, const char *contact, struct err *err);

/* Call each with the contact's item. */
void bridge_contact_item(struct contact *contact,
			 void (*each)(void *each_arg, const struct roster_item *item),
			 void *each_arg);
/* The clients learn the item, and that the contact is there if it is. */
void bridge_contact_push(struct bridge *bridge, struct contact *contact);
/* They learn that it is gone. */
void bridge_contact_gone(struct bridge *bridge, const char *user, const char *id);
/* Has it ever been linked, or asked for it? */
bool bridge_has_met(struct contact *contact);
void bridge_contact_met(struct bridge *bridge, struct contact *contact);

/* bridge_people.c */
bool bridge_request_pending(const struct account *account, const char *id);
void bridge_contact_request(void *arg, struct account *account,
			    const struct contact_request *request);
void bridge_introduced(void *arg, struct contact *contact, const struct err *why);
void bridge_requests(void *arg, const char *user,
		     void (*each)(void *each_arg, const struct server_request *request),
		     void *each_arg);
int bridge_deny(void *arg, const char *user, const char *id, struct err *err);
int bridge_block(void *arg, const char *user, const char *id, bool blocked, struct err *err);
void bridge_block_list(void *arg, const char *user,
		       void (*each)(void *each_arg, const char *contact), void *each_arg);

/* bridge_mode.c */
void bridge_users_free(struct bridge *bridge);
/* Make all accounts present as they should be; before the engine starts. */
void bridge_modes_apply(struct bridge *bridge);
/* Make one account so. */
void bridge_mode_apply(struct bridge *bridge, struct account *account);
/* NULL when memory is short. */
struct bridge_user *bridge_user_get(struct bridge *bridge, struct account *account);
/* The account is going. */
void bridge_user_forget(struct bridge *bridge, struct account *account);
/* Are all clients of the account invisible? */
bool bridge_invisible(const struct account *account);
void bridge_presence(void *arg, const char *name, const struct server_presence *presence);
void bridge_set_invisible(void *arg, const char *name, bool invisible);

/* bridge_bot.c */
bool bridge_is_bot(const struct account *account);
/* A guest asks to be a contact: answer by the rule. False: it is for a person to say. */
bool bridge_bot_decides(struct bridge *bridge, struct account *account,
			const struct contact_request *request);
/* Answer those who have asked before. */
void bridge_bot_settle(struct bridge *bridge, struct account *account);

/* bridge_program.c */
/* A lasting message from a contact. False: it is not for a program; else *reception is its fate. */
bool bridge_program_message(struct bridge *bridge, struct contact *contact, uint64_t token,
			    struct xml *message, int64_t sent_ms, enum reception *reception);
void bridge_program_ended(struct bridge *bridge, const struct contact *contact, uint64_t token,
			  enum program_delivery how, const char *reason);
void bridge_program_presence(struct bridge *bridge, const struct contact *contact,
			     const struct status *status);
void bridge_program_request(struct bridge *bridge, const struct account *account,
			    const struct contact_request *request);

/* bridge_notice.c */
/* Another daemon has the account's identity: tell its user. */
void bridge_conflict(void *arg, struct account *account);
/* The database cannot be written, or can be again: tell all users. */
void bridge_trouble(void *arg, const char *why);
/* A client has come: tell it what nobody has heard yet. */
void bridge_warn(struct bridge *bridge, struct account *account);

/* bridge_shown.c */
void bridge_directed(void *arg, const char *user, const char *id,
		     const struct server_presence *presence);
/* Show the account's contacts what their settings say. */
void bridge_shown_apply(struct account *account);
/* Is the user not there for this contact, though a client is? */
bool bridge_hides_from(const struct contact *contact);

/* bridge_commands.c; ends with a NULL node. */
extern const struct server_command bridge_commands[];

/* bridge_presence.c */
void bridge_contact_presence(void *arg, const char *user, const char *contact,
			     struct server_presence *presence);
void bridge_contact_status(void *arg, struct contact *contact, const struct status *status);
/* XMPP's words for a status, and back; strings of the first live as long as status. */
void presence_of_status(const struct status *status, struct server_presence *presence);
void status_of_presence(const struct server_presence *presence, struct status *status);

/* bridge_archive_query.c */
extern const struct archive_host bridge_archive_host;

/* bridge_archive_settings.c */
/* Erase what is too old, from now on. */
void bridge_archive_start(struct bridge *bridge);
/* Erase what is kept of a contact who was removed. */
void bridge_archive_contact_gone(struct bridge *bridge, const char *user, const char *id);

/* bridge_archive.c */
/* keep of struct archive_host. */
int bridge_archive_own(void *arg, const char *user, const struct xml *message,
		       char id[ARCHIVE_ID_MAX + 1], struct err *err);
/* The message that was given to the engine under this token; or, by the retraction, the one that it
 * will not send. */
void bridge_archive_sent(struct bridge *bridge, struct contact *contact, uint64_t token,
			 const struct xml *message);
void bridge_archive_taken_back(struct bridge *bridge, struct contact *contact,
			       const struct xml *retraction);
/* The message that has come under this token, each time that it is tried to deliver it. */
void bridge_archive_got(struct bridge *bridge, struct contact *contact, uint64_t token,
			struct xml *message);

/* bridge_message.c */
/* A stanza-id (XEP-0359): the beginning of the contact's id, 80 bits that tell it from all others,
 * "-" or, of a message to the contact, "+", and the message's number in hexadecimal. */
#define STANZA_ID_CONTACT 16
#define STANZA_ID_SIZE    (STANZA_ID_CONTACT + 1 + 16 + 1)
void bridge_stanza_id(const struct contact *contact, uint64_t token, bool sent,
		      char out[STANZA_ID_SIZE]);
int bridge_message(void *arg, const char *user, const char *contact, struct xml *message,
		   const uint8_t *mark, struct err *err);
int bridge_flush(void *arg, struct err *err);
void bridge_marks(void *arg, const char *user, void (*each)(void *each_arg, const uint8_t *mark),
		  void *each_arg);
void bridge_arrived(void *arg, const char *user, const char *contact, uint64_t token);
void bridge_ready(void *arg, const char *user);
enum reception bridge_contact_message(void *arg, struct contact *contact, uint64_t token,
				      const uint8_t *payload, size_t len, int64_t sent_ms);
/* bridge_chat.c: a client has written to the server itself: a command, an id or a link. */
void bridge_told(void *arg, const char *user, const char *text);
/* Say something to the user in the server's own name. Returns how many clients have got it. */
unsigned bridge_say(const struct bridge *bridge, const char *user, const char *text);
/* The address that a contact's messages come from. */
#define CONTACT_RESOURCE "tacet"
#define CONTACT_JID_SIZE (ID_LEN + JID_PART_MAX + sizeof(CONTACT_RESOURCE) + 3)
void bridge_contact_jid(const struct bridge *bridge, const struct contact *contact,
			char out[CONTACT_JID_SIZE]);

/* bridge_outbox.c */
void bridge_delivered(void *arg, struct contact *contact, uint64_t token, enum delivery how,
		      const char *reason);
void bridge_sent_remember(struct bridge *bridge, struct contact *contact, uint64_t token,
			  const struct xml *message);
/* The contact is going: its messages come back to the clients that have sent them. */
void bridge_sent_give_back(struct bridge *bridge, const struct contact *contact);
/* The account is going, and its clients with it. */
void bridge_sent_forget(struct bridge *bridge, const struct account *account);
/* A retraction (XEP-0424): take back what it means as far as it waits. True: nothing of it has
 * left, so that the contact need not know; false, too, when it is no retraction. */
bool bridge_take_back(struct bridge *bridge, struct contact *contact, const struct xml *retraction);

/* bridge_pep.c */
extern const struct pep_host bridge_pep_host;
/* The contact is gone: with it goes what is known of it. */
void bridge_pep_forget_contact(struct bridge *bridge, const char *user, const char *id);

/* bridge_live.c: answer a contact that asks for software or time; NULL: the
 * user does not allow it. The caller owns the answer. */
struct xml *bridge_live_serve(struct bridge *bridge, const char *user, const struct xml *question);

/* bridge_peer.c */
void bridge_published(void *arg, const char *user, const char *node);
void bridge_ask(void *arg, const char *user, const char *id, const struct xml *question,
		uint64_t token);
/* A payload that is no message (inner_iq_is). */
void bridge_peer_said(struct bridge *bridge, struct contact *contact, const uint8_t *payload,
		      size_t len);
/* The contact may see the user now, or no longer; all contacts of the account. */
void bridge_peer_meet(struct bridge *bridge, struct contact *contact);
void bridge_peers_meet(struct bridge *bridge, const struct account *account);
/* Take back what was to be asked or answered in a session that has ended: in the next both sides
 * begin anew. arg is not used (account_contacts). */
void bridge_peer_drop_stale(void *arg, struct contact *contact);
/* The contact is linked, or no longer. */
void bridge_peer_state(struct bridge *bridge, struct contact *contact);
/* NULL: any. */
void bridge_peer_forget(struct bridge *bridge, const char *user, const char *id);

#endif
