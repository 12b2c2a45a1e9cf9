/*
 * engine.h: accounts, their contacts, and all that goes on between them.
 *
 * The engine translates "this account has this status" and "send this to that contact" into
 * records, sessions and frames (protocol.md). It knows no XMPP: a message's payload is
 * opaque bytes. Everything is called from one thread, the loop's.
 */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/channel.h"
#include "core/identity.h"
#include "core/invitation.h"
#include "core/registry.h"
#include "core/transport.h"

struct engine;
struct account;
struct contact;

/* Longest name of an account (that of a user of a gateway is a bare JID) or contact, and longest
 * status text, in bytes. */
#define ACCOUNT_NAME_MAX 255
#define CONTACT_NAME_MAX 256
#define STATUS_TEXT_MAX  2048
/* Longest message payload, in bytes. */
#define PAYLOAD_MAX (64 * 1024)
/* Most messages that wait for one contact. */
#define OUTBOX_MAX 10000
/* Most contacts of an account. */
#define CONTACTS_MAX 10000

/* XMPP's show values; the papers' A, BRB, DND, XA (and NA), OFF. */
enum show { SHOW_OFFLINE, SHOW_AVAILABLE, SHOW_CHAT, SHOW_AWAY, SHOW_DND, SHOW_XA };

struct status {
	enum show show;
	int8_t priority;
	char text[STATUS_TEXT_MAX + 1]; /* UTF-8; cut at a character if it was longer */
};

enum contact_state {
	CONTACT_IDLE,       /* the engine is stopped or has no registry yet */
	CONTACT_LOOKING,    /* a lookup is under way */
	CONTACT_PUBLISHING, /* our record is being put */
	CONTACT_WAITING,    /* not found; our record is out, the next lookup is planned */
	CONTACT_DIALLING,   /* found, being dialled or shaking hands */
	CONTACT_LINKED,     /* a session is up */
};

/* How a message ended. */
enum delivery { DELIVERY_ACKED, DELIVERY_REJECTED };

/* What became of a message that the layer above was handed. */
enum reception {
	MESSAGE_REFUSED, /* not now: it stays, for engine_deliver_waiting */
	MESSAGE_TAKEN,   /* it is dealt with, and forgotten */
	/* It is under way to the user, and stays stored until contact_message_taken; handed over
	 * again by the next process only. */
	MESSAGE_HELD,
};

/* By what the layer above knows a message of its own again (engine_send_marked), in bytes. */
#define SENT_MARK_LEN 32
/* Marks that are kept for an account, and for how long a process that runs keeps them at least, in
 * ms; at most twice as long. */
#define SENT_MARKS_MAX 256
#define SENT_MARK_MS   ((int64_t)10 * 60 * 1000)

/* Longest text of a request, in bytes. */
#define REQUEST_TEXT_MAX 512
/* Most requests that wait for the user; when half of them are there, a new one costs the guest a
 * proof of work. */
#define REQUESTS_MAX 32
/* Most invitations that are open at once. */
#define INVITATIONS_MAX 64

/* Somebody who was invited and would like to be a contact. */
struct contact_request {
	char id[ID_LEN + 1];
	char name[CONTACT_NAME_MAX + 1]; /* as the guest calls itself; UTF-8, "" for none */
	char text[REQUEST_TEXT_MAX + 1]; /* UTF-8 */
	int64_t since_ms;                /* Unix time */
};

/* An invitation as its owner sees it. */
struct invitation_info {
	int64_t number; /* names it in account_invitation_revoke */
	bool reusable;
	int64_t expires_ms; /* Unix time */
	unsigned used;      /* guests that have come */
	char link[INVITATION_LINK_SIZE];
};

/* Whether an account can be found and linked (protocol.md, Finding each other). */
enum account_visibility {
	/* Publishes, listens, links: the default, "steady" and "follow" with a client. */
	ACCOUNT_SHOWN,
	/*
	 * Looks up whether contacts are there, shows itself to nobody: no service, no record, no
	 * dialling, no session, and so no messages either way. A contact is shown as SHOW_AVAILABLE
	 * without a text when it has left a record for us, which it does while it is online and not
	 * linked with us: its real status is not known, and it may have left up to 10 minutes ago.
	 */
	ACCOUNT_HIDDEN,
	/* Nothing at all: "follow" without a client. */
	ACCOUNT_DARK,
};

/* All handlers are called from the loop, never from within an engine call (message() also from
 * engine_deliver_waiting), never after engine_free; they may call everything but engine_free. NULL:
 * not interested. */
struct engine_handler {
	/* A contact's status as it is to be shown (SHOW_OFFLINE when the link is gone). */
	void (*status)(void *arg, struct contact *contact, const struct status *status);
	/*
	 * A message has come and is stored. token names it among those of the contact, now and
	 * after a restart; sent_ms: the sender's clock. Messages of a contact come in order.
	 */
	enum reception (*message)(void *arg, struct contact *contact, uint64_t token,
				  const uint8_t *payload, size_t len, int64_t sent_ms);
	/* A message of ours was stored by the contact's daemon, or refused. token: as in
	 * engine_send. */
	void (*delivered)(void *arg, struct contact *contact, uint64_t token, enum delivery how,
			  const char *reason);
	/* A contact's state changed (for `status --watch`). */
	void (*state)(void *arg, struct contact *contact, enum contact_state state);
	/* A guest asks to become a contact; it is stored and waits for account_request_accept,
	 * _deny or account_block. Once for each request, not again after a restart
	 * (account_requests). */
	void (*request)(void *arg, struct account *account, const struct contact_request *request);
	/* The introduction that began with account_introduce has reached the host, or cannot any
	 * more (why: expired): whether the host accepts shows by itself. */
	void (*introduced)(void *arg, struct contact *contact, const struct err *why);
	/* Why nothing can be stored now (engine_trouble), once; NULL: it can be again. */
	void (*trouble)(void *arg, const char *why);
	/* Another daemon uses the account's identity (account_conflict); once, until that is over.
	 */
	void (*conflict)(void *arg, struct account *account);
};

struct engine_config {
	const struct env *env;
	struct registry *registry;   /* owned by the caller, outlives the engine */
	struct transport *transport; /* likewise */
	/* Instead of it, if there are several: accounts and dials are spread over them. */
	struct transport *const *transports;
	unsigned transport_count;
	unsigned services;    /* of each transport; 0: POOL_SERVICES (pool.h) */
	unsigned share;       /* most accounts at one address; 0: as many as it takes */
	const char *database; /* path of the SQLite file; ":memory:" in tests */
	const struct key
	    *store_key;     /* of the database's values (store.h); read in engine_new only */
	unsigned replicas;  /* 1 … REPLICAS_MAX; 0: 3 */
	int64_t renewal_ms; /* status renewal; 0: 120 s */
	unsigned circuits;  /* new ones in 10 minutes (isolation.h); 0: 60 */
	bool decoys;        /* pairs of nobody, so that contacts are not counted (decoy.h) */
};

/* Open or make the database and load all accounts; nothing is sent yet. */
struct engine *engine_new(const struct engine_config *config, const struct engine_handler *handler,
			  void *arg, struct err *err);
/* Close everything at once, and free. To say goodbye before: engine_stop, then let the loop run
 * until engine_quiet, or a second or two. Not from within a handler. */
void engine_free(struct engine **engine);
/* Go online: services are made, contacts looked up. Before it, and after engine_stop, nothing is
 * sent. engine_stop says goodbye and withdraws. */
void engine_start(struct engine *engine);
void engine_stop(struct engine *engine);
/* Has everything that was said been handed to the transport? */
bool engine_quiet(const struct engine *engine);
/* The network may be back (tor is ready, the machine has woken up): try again now what waits after
 * a failure. */
void engine_wake(struct engine *engine);
/* Correct the system clock by offset_ms for everything that is said to others. */
void engine_set_clock_offset(struct engine *engine, int64_t offset_ms);
/* Why the database cannot be written ("the disk is full"), or NULL. Meanwhile nothing that would
 * have to be stored is done: no message is taken from the user or from a contact, and sessions end,
 * so that contacts keep their messages. It is tried again all the time. */
const char *engine_trouble(const struct engine *engine);
int64_t engine_now_ms(const struct engine *engine);

/* --- accounts --- */
/* A new identity. name: 1 … ACCOUNT_NAME_MAX bytes, unique (ERR_EXISTS). */
struct account *engine_account_add(struct engine *engine, const char *name, struct err *err);
/*
 * Remove the account for good: contacts are said goodbye to, its service is withdrawn, and all that
 * belongs to it is erased from the database's files. *account becomes NULL; until the loop goes on
 * it and its contacts can still be compared, and asked for id, name and account. On failure
 * (ERR_UNAVAILABLE: the database cannot be written) all is as before. Within engine_accounts only
 * the account at hand may be removed.
 */
int engine_account_remove(struct account **account, struct err *err);
struct account *engine_account_find(const struct engine *engine, const char *name);
void engine_accounts(const struct engine *engine, void (*each)(void *arg, struct account *account),
		     void *arg);
const char *account_name(const struct account *account);
/* The account's id (identity.h), with a NUL; lives as long as the account. */
const char *account_id(const struct account *account);
/* What the contacts are shown while they are linked. Known again after a restart: no. -1: no such
 * show, or the text is not UTF-8. */
int account_set_status(struct account *account, const struct status *status);
/* Is the account's service reachable (its descriptor uploaded)? */
bool account_published(const struct account *account);
/* Accounts that have this one's address, itself included; 0: it has none. */
unsigned account_neighbours(const struct account *account);
/*
 * Dial the account's own service as a contact would, to see whether it can be reached. done comes
 * once from the loop, why NULL when it can; never after account_reach_free, which may be called in
 * it, and is to be called before engine_free. ERR_WRONG_STATE: it is not published.
 */
struct account_reach;
struct account_reach *account_reach(struct account *account,
				    void (*done)(void *arg, const struct err *why), void *arg,
				    struct err *err);
void account_reach_free(struct account_reach **reach);
/* Small values that the layer above keeps with the account (credentials, roster version). set with
 * NULL deletes. get: a copy that the caller frees with secret_free(value, *len), or NULL. */
int account_setting_set(struct account *account, const char *key, const void *value, size_t len,
			struct err *err);
void *account_setting_get(struct account *account, const char *key, size_t *len);
/* The same where a missing value and one that cannot be read are not alike. 1; 0: there is none
 * (*value is NULL); -1: it cannot be read. */
int account_setting_read(struct account *account, const char *key, void **value, size_t *len,
			 struct err *err);
/* A pointer that the layer above keeps with the account. */
void account_set_user(struct account *account, void *user);
void *account_user(const struct account *account);
/* Hand over what waits in the account's inbox: message() is called for each, the oldest of a
 * contact first, until one is refused; the next call begins with another contact. */
void engine_deliver_waiting(struct account *account);
/* The same for one contact. */
void contact_deliver_waiting(struct contact *contact);
/* A message that was held or refused has reached the user: forget it. Not to be called from
 * message(). */
void contact_message_taken(struct contact *contact, uint64_t token);

/* --- backup --- */
/*
 * Write the account to a file sealed with the passphrase (backup.h): identity, settings, blocked
 * ids, contacts with their pair secrets and counters. Not the messages that wait, nor open
 * invitations, requests and introductions. Takes about half a second. Pair secrets are renewed once
 * a day at most: a contact whose secret was renewed after the backup was made must be added anew.
 */
int account_export(const struct account *account, const char *passphrase, const char *path,
		   struct err *err);
/*
 * Put it back, as name (NULL: as it was called). ERR_EXISTS: an account of this name, or with this
 * id, is here already; ERR_AUTH: wrong passphrase, or the file was changed; ERR_INPUT: no backup.
 * The old daemon must not run any more: see account_conflict.
 */
struct account *engine_account_import(struct engine *engine, const char *path,
				      const char *passphrase, const char *name, struct err *err);

/*
 * "Another daemon uses this identity": a contact has said within the last 24 h that two of our
 * processes keep replacing each other's sessions. Any contact can say so, true or not: it is for
 * the user to know, and nothing else depends on it.
 */
bool account_conflict(const struct account *account);

/* --- contacts --- */
/* secret: the pair secret, NULL for none (zeros). ERR_INPUT: bad id or one's own; ERR_EXISTS. */
struct contact *contact_add(struct account *account, const char *id, const char *name,
			    const struct key *secret, struct err *err);
/* Close the session, forget the pair and its messages. *contact becomes NULL; until the loop goes
 * on it can still be asked for its id and account. */
int contact_remove(struct contact **contact, struct err *err);
struct contact *contact_find(const struct account *account, const char *id);
void account_contacts(const struct account *account,
		      void (*each)(void *arg, struct contact *contact), void *arg);
struct account *contact_account(const struct contact *contact);
const char *contact_id(const struct contact *contact);
const char *contact_name(const struct contact *contact);
int contact_set_name(struct contact *contact, const char *name, struct err *err);
/* As account_setting_*, for what the layer above keeps with a contact (groups). */
int contact_setting_set(struct contact *contact, const char *key, const void *value, size_t len,
			struct err *err);
void *contact_setting_get(struct contact *contact, const char *key, size_t *len);
int contact_setting_read(struct contact *contact, const char *key, void **value, size_t *len,
			 struct err *err);
enum contact_state contact_state(const struct contact *contact);
/* Unix time in ms since when it is in that state. */
int64_t contact_since_ms(const struct contact *contact);
const struct status *contact_status(const struct contact *contact);
/* Messages that wait to be acknowledged. */
unsigned contact_outbox(const struct contact *contact);

const char *show_name(enum show show);
const char *contact_state_name(enum contact_state state);

/*
 * Send payload (1 … PAYLOAD_MAX bytes): stored, then sent as soon as there is a session, repeated
 * until it is acknowledged, in order, once. *token names it in delivered(). ERR_LIMIT: too long or
 * the outbox is full; ERR_UNAVAILABLE: it could not be stored (the text says why).
 */
int engine_send(struct contact *contact, const void *payload, size_t len, uint64_t *token,
		struct err *err);

/* The same; mark is stored with the message, in one transaction. */
int engine_send_marked(struct contact *contact, const void *payload, size_t len,
		       const uint8_t mark[SENT_MARK_LEN], uint64_t *token, struct err *err);
/* What was sent survives the death of the process, and after this call a power failure as well. -1:
 * it may not. */
int engine_flush(struct engine *engine, struct err *err);
/* The marks that are stored, oldest first: of what was sent lately, also by the process before this
 * one, however long ago that ended. */
void account_sent_marks(struct account *account,
			void (*each)(void *arg, const uint8_t mark[SENT_MARK_LEN]), void *arg);

/* --- invitations and requests (protocol.md, Invitation) --- */
/* A new invitation, one-time or reusable; lifetime_ms > 0. name: as the link shall call the
 * account. ERR_LIMIT: INVITATIONS_MAX are open. */
int account_invite(struct account *account, const char *name, bool reusable, int64_t lifetime_ms,
		   char link[INVITATION_LINK_SIZE], struct err *err);
void account_invitations(const struct account *account,
			 void (*each)(void *arg, const struct invitation_info *invitation),
			 void *arg);
/* ERR_NOT_FOUND. */
int account_invitation_revoke(struct account *account, int64_t number, struct err *err);
/*
 * The guest's side: add the host of a link with a secret as a contact with a fresh pair secret, and
 * introduce ourselves to it until it has acknowledged or the attempt expires (30 days); survives
 * restarts. own_name and text are shown to the host's user. petname: ours for the host; NULL: the
 * link's. A link without a secret is as contact_add.
 */
struct contact *account_introduce(struct account *account, const struct invitation *invitation,
				  const char *petname, const char *own_name, const char *text,
				  struct err *err);
/* Is the introduction still under way? */
bool contact_introducing(const struct contact *contact);

void account_requests(const struct account *account,
		      void (*each)(void *arg, const struct contact_request *request), void *arg);
/* Make the guest a contact; ERR_NOT_FOUND. petname NULL: the guest's own name. */
struct contact *account_request_accept(struct account *account, const char *id, const char *petname,
				       struct err *err);
/* Forget the request; the guest sees nothing. It may ask again with another invitation. */
int account_request_deny(struct account *account, const char *id, struct err *err);
/* Remove the contact or request with this id, if there is one, and never hear of it again. */
int account_block(struct account *account, const char *id, struct err *err);
int account_unblock(struct account *account, const char *id, struct err *err);
/* -1: they are not all. */
int account_blocked(const struct account *account, void (*each)(void *arg, const char *id),
		    void *arg, struct err *err);

/* --- presence modes (tacetctl(1), mode) --- */
/* At once, with a goodbye in the sessions. Not kept over a restart. */
void account_set_visibility(struct account *account, enum account_visibility visibility);
enum account_visibility account_visibility(const struct account *account);
/* Show this contact another status than the account's, whatever becomes of that; NULL: the
 * account's again. Not kept over a restart. SHOW_OFFLINE hides the user, not the daemon: whoever
 * looks at the contact's own daemon sees that a session is up. -1: as account_set_status. */
int contact_show(struct contact *contact, const struct status *status);
/* That status; NULL: the account's. */
const struct status *contact_shown(const struct contact *contact);
/*
 * Send a frame in every session at random (Poisson) moments, this long apart in the mean, into
 * which waiting messages slip; 0: no cover, messages leave at once. Kept over a restart. It hides
 * when and how much is said from who watches the line, if the contact does the same: else its
 * answers tell. What it costs is in cover.h. ERR_LIMIT: below 50 ms or above 30 s.
 */
int account_set_cover(struct account *account, int64_t mean_ms, struct err *err);
int64_t account_cover(const struct account *account);
/*
 * So many messages may wait for all contacts together, and as many from them for the layer above;
 * 0, as at first: only OUTBOX_MAX and its like for each contact count. When it is reached each
 * contact still has its share of it (most divided by their number), so that one who floods keeps no
 * other out: at worst twice as many wait. Not kept over a restart. engine_send refuses what is more
 * (ERR_LIMIT); what contacts send waits at the contacts.
 */
void account_limit_queue(struct account *account, unsigned most);

/* --- channels (channel.h) --- */
/*
 * Take channels that contacts of the account open to this service, as long as accept says so; all
 * others are refused, without a reason. accept is called from the loop; it calls channel_take and
 * returns true, or returns false; it may not close the channel. free_arg, if it is
 * not NULL, is called when arg is not needed any more. ERR_INPUT: no proper name;
 * ERR_EXISTS; ERR_LIMIT.
 */
int account_listen(struct account *account, const char *service,
		   bool (*accept)(void *arg, struct contact *contact, struct channel *channel),
		   void *arg, void (*free_arg)(void *arg), struct err *err);
/* Channels that are open stay. ERR_NOT_FOUND. */
int account_unlisten(struct account *account, const char *service, struct err *err);
/* Open a channel. ERR_UNAVAILABLE: no session is up; else as channel_mux_open. */
struct channel *contact_connect(struct contact *contact, const char *service,
				const struct channel_handler *handler, void *arg, struct err *err);

/* --- verification --- */
/* Six groups of five digits with blanks between, the same on both sides, and a NUL. */
#define VERIFICATION_SIZE 36
/* From both ids and the pair's first secret, so that it does not change when that is renewed. Two
 * people who read the same have each other's ids, and nobody between them. Whether they have done
 * so is kept with the contact, and forgotten when it is removed. */
void contact_verification(const struct contact *contact, char phrase[VERIFICATION_SIZE]);
int contact_set_verified(struct contact *contact, bool verified, struct err *err);
bool contact_verified(const struct contact *contact);

/* --- messages that wait --- */
/* A message of ours that the contact has not acknowledged. */
struct waiting {
	uint64_t token;
	int64_t since_ms; /* Unix time */
	bool on_its_way;  /* it was sent in the present session, and cannot be taken back */
	const uint8_t *payload;
	size_t len;
};

/* Oldest first, as long as each returns true; each may not send or take back. -1: the database
 * cannot be read. */
int contact_waiting(struct contact *contact, bool (*each)(void *arg, const struct waiting *waiting),
		    void *arg, struct err *err);
/* Take back a message that is not acknowledged: ERR_NOT_FOUND when it is no longer waiting,
 * ERR_WRONG_STATE when it is on its way. 0: it has never left; 1: it was on its way when a session
 * broke, or was left by an earlier process, and may have come all the same. */
int contact_cancel(struct contact *contact, uint64_t token, struct err *err);

#endif
