/*
 * engine_private.h: what the files of the engine share.
 *
 *     engine.c           the whole: database, clock, going online, telling the layer above
 *     account.c          an identity, its address, its contacts
 *     contact.c          what the layer above asks of a contact
 *     contact_outbox.c   its messages that wait
 *     sent_marks.c       by what messages that were sent lately are known again
 *     contact_secret.c   its pair secrets, and their renewal (renewal.c)
 *     contact_search.c   how a contact is found and dialled
 *     contact_session.c  how its sessions come and go
 *     account_reach.c    dialling its own service
 *     account_backup.c   an account out of and into a sealed file
 *     link.c             what is said in the session that counts: status, messages
 *     link_channels.c    its byte streams
 *     door.c, visit.c    invitations of ours, and guests who come with them
 *     request.c          guests who wait for the user's word; who is blocked
 *     guest.c            our introduction to a host
 *
 * Nobody above is called from within these: what has changed is noted with engine_tell, and told
 * from a timer (engine.c), so that a handler may do what it likes.
 */
#ifndef CORE_ENGINE_PRIVATE_H
#define CORE_ENGINE_PRIVATE_H

#include "core/channel_mux.h"
#include "core/decoy.h"
#include "core/dialler.h"
#include "core/engine.h"
#include "core/farewell.h"
#include "core/link.h"
#include "core/pool.h"
#include "core/ration.h"
#include "core/rendezvous.h"
#include "core/services.h"
#include "core/session.h"
#include "core/store.h"

/* Lookups and publications of many contacts do not begin in one moment, nor in the order of the
 * roster: each some time in this window, which is so much longer for each of them, in ms. */
#define START_WINDOW_MS ((uint64_t)300)
#define START_SPREAD_MS ((uint64_t)20)
/* Epochs whose knock is accepted: the present one and its neighbours. */
#define TAG_EPOCHS 3

struct door;
struct guest;
struct request;
struct sent_marks;
struct visit;

struct engine {
	struct engine_config config;
	struct engine_handler handler;
	void *arg;
	const struct env *env;
	struct store *store;
	uint8_t instance[INSTANCE_LEN];
	int64_t clock_offset_ms;
	bool running;
	struct account **accounts;
	unsigned account_count;
	struct transport *transports[POOL_TRANSPORTS_MAX];
	unsigned transport_count;
	struct pool *pool;
	struct farewells *farewells;
	struct isolation *isolation;
	struct channel_budget channels;
	struct contact *untold; /* contacts whose news the layer above does not know yet */
	struct account *gone;   /* removed, to be freed when nobody can hold them */
	struct timer *tell;
	bool trouble_told;
	struct timer *probe; /* whether the database can be written again */
	struct timer *clock_watch;
	int64_t clock_ms;   /* the time when the monotonic clock began, as it was seen last */
	int64_t watched_ms; /* when it was looked last, on the monotonic clock */
};

struct account {
	struct engine *engine;
	int64_t id;
	char name[ACCOUNT_NAME_MAX + 1];
	struct identity identity;
	char id_text[ID_LEN + 1];
	void *user;
	enum account_visibility visibility;
	bool conflict;       /* another daemon has our identity: we were told so at */
	int64_t conflict_ms; /* env_mono_ms */
	bool tell_conflict;
	struct account *next_gone; /* in the list of those who were removed */
	int64_t cover_ms;
	unsigned queue_max;   /* 0: none */
	struct status status; /* what contacts are shown */
	struct contact **contacts;
	unsigned contact_count, contact_size;
	struct decoys *decoys;     /* NULL: none are wanted */
	struct resident *resident; /* where it is dialled */
	unsigned place;            /* as it is stored */
	unsigned deliver_next; /* place of the contact that engine_deliver_waiting begins with */
	struct sent_marks *marks;
	struct door *doors; /* open invitations, newest first */
	unsigned door_count;
	struct visit *visits; /* guests at the doors */
	unsigned visit_count;
	struct request *requests; /* of guests, oldest first */
	unsigned request_count;
	struct services *services; /* that contacts may open channels to; NULL: none */
};

/* A message of ours that has come to its end. */
struct receipt {
	struct receipt *next;
	uint64_t id;
	enum delivery how;
	char reason[REJECT_REASON_MAX + 1];
};

struct contact_tags {
	int64_t from_ms,
	    until_ms; /* when the middle one is that of the present epoch; 0: none yet */
	uint8_t tag[TAG_EPOCHS][KNOCK_TAG_LEN];
};

/* What belongs to a pair secret that has not taken the place of the other yet: for the seconds of
 * an agreement mostly. */
struct contact_next {
	struct pair pair;
	struct contact_tags tags;
};

struct contact {
	struct account *account;
	struct store_contact row; /* as it is stored */
	char id_text[ID_LEN + 1];
	char *name;               /* row.name; memory of its own, since most are short */
	struct pair pair;         /* from its secret */
	struct contact_tags tags; /* that the contact may knock with */
	struct contact_next
	    *next;      /* of the secret that is to take its place; NULL: there is none */
	bool dial_next; /* the newest record is under next: so the contact has it */
	unsigned slot;  /* of our service, for this contact */
	struct rendezvous *rendezvous;
	struct dialler *dialler;
	struct session *calling;   /* dialled by us, in its handshake */
	struct session *answering; /* dialled by the contact; its first frame has not come */
	struct link *link;         /* the session that counts */
	struct timer *rest;      /* neither linked nor looking until it fires (contact_rest_over) */
	bool held;               /* … and deaf to knocks */
	struct ration elsewhere; /* live sessions that another process has replaced */
	struct guest *guest;     /* our introduction, while it has not arrived */
	uint64_t gone_sequence;  /* records up to this one lead nowhere: the contact has left */
	int64_t status_ms;       /* time in our last STATUS */
	struct status *shown;    /* it is shown this one, and not the account's; NULL: it is */
	struct status
	    *own_status; /* the contact's, if there is more to it than a show; else NULL */
	const struct status *status; /* that, or one of a table */
	enum contact_state state;
	int64_t since_ms;
	unsigned outbox_count, inbox_count;
	/* Messages of the inbox that were taken when nothing could be erased. */
	uint64_t *unforgotten;
	unsigned unforgotten_count, unforgotten_size;
	uint64_t left_id;   /* messages of ours up to this one have left, or may have */
	uint64_t handed_id; /* of the last message that the layer above took or holds */
	bool delivering;

	/* What is to be told, and the list of those who have news. */
	bool tell_state, tell_status, tell_messages, tell_introduced;
	struct err *introduced; /* why our introduction failed; NULL: it did not */
	struct receipt *receipts, **receipts_end;
	bool untold, gone;
	struct contact *next_untold;
};

/* --- engine.c --- */
/* There is news about this contact: it will be told from the loop. */
void engine_tell(struct contact *contact);
/* A new account with this key; fill (or NULL) adds what belongs to it to the store, in the same
 * transaction, and fills *err itself. Errors as engine_account_add. */
struct account *engine_make_account(struct engine *engine, const char *name,
				    const struct key *private_key,
				    int (*fill)(void *arg, int64_t account), void *arg,
				    struct err *err);
/* A delay for one of so many that something begins for. */
int64_t engine_spread(const struct engine *engine, unsigned count);

/* --- account.c --- */
/* Does as much wait for this contact, or from it, as its account may have (account_limit_queue)? */
bool account_outbox_is_full(const struct contact *contact);
bool account_inbox_is_full(const struct contact *contact);
/* Is more than half of this contact's share left in its inbox? */
bool account_inbox_is_half_full(const struct contact *contact);
struct account *account_load(struct engine *engine, int64_t id, const char *name,
			     const struct key *private_key, struct err *err);
void account_free(struct account **account);
void account_start(struct account *account);
void account_stop(struct account *account);
void account_wake(struct account *account);
/* The clock shows another time than a moment ago, or the machine has slept: look anew for all who
 * may not be linked any more. */
void account_jumped(struct account *account);
/* A delay for one of all pairs that the account looks up. */
int64_t account_spread(const struct account *account);
/* A contact says that another daemon uses our identity. */
void account_note_conflict(struct account *account);
/* Is it to be found and dialled now? */
bool account_online(const struct account *account);
/* What its dials go through. */
struct transport *account_transport(const struct account *account);
/* Move to a new address: who knows the present one must not even see that it is there. */
void account_flee(struct account *account);
int account_add_contact(struct account *account, struct contact *contact, struct err *err);
void account_drop_contact(struct account *account, const struct contact *contact);

/* --- contact.c --- */
/* From a stored row; it has an id already. */
struct contact *contact_load(struct account *account, const struct store_contact *row,
			     struct err *err);
/* Close what it has open and take it out of use; its memory is freed when nobody can hold it. */
void contact_retire(struct contact *contact);
/* Free it now. */
void contact_free(struct contact **contact);
/* Call message() for what is in the inbox, oldest first, until one is refused: then false. */
bool contact_deliver(struct contact *contact);
/* The database can be written again: do what could not be done. */
void contact_recover(struct contact *contact);
/* Write the row, or say in the log that it could not be done. */
int contact_save(struct contact *contact);

/* --- contact_secret.c --- */
/* Make the pairs, and what is missing in the row. */
int contact_derive(struct contact *contact, struct err *err);
/* Wipe and free the next one; the rendezvous must not use it any more. */
void contact_drop_next(struct contact *contact);
/* What renewed_ms of a new contact is, so that its first secret does not last for long. */
int64_t contact_first_renewal(const struct engine *engine);
/* From now on the pair secret is another, that the contact has made anew. */
int contact_set_secret(struct contact *contact, const struct key *secret, struct err *err);
/* Store, for good, the secret that is to take the place of the present one; and that it came with
 * this offer. */
int contact_set_next(struct contact *contact, const struct key *next, uint64_t serial,
		     struct err *err);
/* The contact has shown that it has the secret of this pair id. If that is the next one it becomes
 * the only one, as far as it can be stored. -1: we do not have it (any more). */
int contact_agree(struct contact *contact, const uint8_t id[PAIR_ID_LEN]);

/* --- contact_search.c --- */
/* Make what it is found with. */
int contact_open(struct contact *contact, struct err *err);
/* As far as the account's visibility wants it. */
void contact_start(struct contact *contact, int64_t delay_ms);

/* --- contact_session.c --- */
/* What a session with this contact begins with, and how we introduce ourselves in it. */
struct session_start contact_session_start(struct contact *contact, const struct pair *pair);
struct hello contact_hello(const struct contact *contact, int64_t time_ms);
/* Say goodbye and stop everything. */
void contact_stop(struct contact *contact);
/* The same without a word. */
void contact_hush(struct contact *contact);
/* End the link as if it were broken; both sides then meet again. */
void contact_break(struct contact *contact);
/* The clock has jumped, or the machine has slept: look delay_ms from now unless there is a link
 * that may live. */
void contact_jumped(struct contact *contact, int64_t delay_ms);
/* Is this tag one that the contact knocks with now? */
bool contact_knows_tag(struct contact *contact, const uint8_t tag[KNOCK_TAG_LEN]);
/* As lobby_knock, for a knock with such a tag. */
bool contact_knocked(struct contact *contact, struct stream *stream,
		     const uint8_t knock[KNOCK_LEN]);
/* The account's status has changed: say it in all sessions. */
void contact_show_status(struct contact *contact);
/* The contact's status has changed. Its text is lost where memory is short. */
void contact_set_status(struct contact *contact, const struct status *status);
/* The end of a rest: begin as after a broken link. */
void contact_rest_over(void *contact);
/* Find out the state, and tell it when it is another. */
void contact_update(struct contact *contact);

#endif
