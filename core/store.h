/*
 * store.h: what must survive a restart, in one SQLite file: accounts, contacts, settings, and the
 * messages that wait.
 *
 * Rows in, rows out; what they mean is the engine's matter. store.c opens, checks and migrates the
 * file, store_rows.c has accounts, contacts and settings, store_message.c the two message boxes,
 * store_invite.c invitations and requests.
 *
 * Durability: an ordinary commit survives the death of the process; a durable one (store_begin with
 * durable set) also a power failure, and with it all commits before it.
 */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include "core/base/err.h"
#include "core/engine.h"

struct store;

/* Longest name of a setting, and its longest value, in bytes. */
#define SETTING_KEY_MAX   64
#define SETTING_VALUE_MAX (1024 * 1024)

/*
 * Open the database at path (":memory:" for tests), make it if there is none (mode 0600), and bring
 * its schema up to date. Values that tell something are sealed under store_key (seal.h); those of
 * an older database without are sealed now, all or none. No other process can use it until
 * store_free. A file that is damaged, truncated, empty, not a database or written by a newer tacet
 * gives ERR_INPUT with a text for the user, one that was sealed with another key ERR_AUTH, and is
 * not changed; one that cannot be opened, written or locked gives ERR_UNAVAILABLE.
 */
struct store *store_open(const char *path, const struct key *store_key, struct err *err);
/* Is the file there, and of no use without its key? */
bool store_is_sealed(const char *path);
void store_free(struct store **store);

/*
 * All functions below return -1 with *err when the file cannot be read or written: ERR_UNAVAILABLE
 * for a full disk, a read-only or failing file. Outside of store_begin … store_commit each is a
 * transaction of its own.
 */
int store_begin(struct store *store, bool durable, struct err *err);
/* After a failed commit nothing of the transaction is stored. */
int store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);
bool store_in_transaction(const struct store *store);
/* Why nothing can be written now, for the user ("the disk is full"); NULL: it can, as far as is
 * known. */
const char *store_trouble(const struct store *store);
/* Call changed(arg), from within the functions of the store, when that begins or ends. */
void store_watch(struct store *store, void (*changed)(void *arg), void *arg);
/* Write what changes nothing, to find out whether it goes again. */
void store_probe(struct store *store);
/* Make all commits so far durable. */
int store_flush(struct store *store, struct err *err);
/* Empty the write-ahead log, so that what was deleted is in none of the files. */
int store_scrub(struct store *store, struct err *err);

/* --- accounts --- */
/* ERR_EXISTS: the name is taken. */
int store_account_add(struct store *store, const char *name, const struct key *private_key,
		      int64_t *id, struct err *err);
/* With all that belongs to it. */
int store_account_remove(struct store *store, int64_t id, struct err *err);
/* each returning -1 ends the walk, which then returns -1; each fills *err of its own. */
int store_accounts(struct store *store,
		   int (*each)(void *arg, int64_t id, const char *name,
			       const struct key *private_key),
		   void *arg, struct err *err);

/* --- contacts --- */
struct store_contact {
	int64_t id;
	uint8_t public_key[X25519_LEN];
	const char *name;       /* somebody else's, who keeps it; at most CONTACT_NAME_MAX bytes */
	struct key secret;      /* the pair secret S */
	struct key next_secret; /* S', which takes its place; zeros: none */
	struct key
	    verification;   /* of the first S, for the phrase to compare; zeros: not made yet */
	int64_t renewed_ms; /* when S began */
	/* What only goes up, so that nothing old is taken for new: */
	uint64_t out_sequence;    /* of the last record that we published */
	uint64_t in_sequence;     /* of the contact's newest record that we have read, */
	int64_t in_issued_ms;     /* and when it was issued */
	int64_t out_handshake_ms; /* the time in our last handshake, */
	int64_t in_handshake_ms;  /* and in the last one accepted from the contact */
	uint64_t out_id;          /* of the last message sent, */
	uint64_t in_id;           /* and of the last one received and stored */
	uint64_t secret_serial;   /* of the last offer of an S' */
};

/* Fills contact->id. ERR_EXISTS: this account has the key already. */
int store_contact_add(struct store *store, int64_t account, struct store_contact *contact,
		      struct err *err);
/* As store_accounts, in the order in which they were added. The name is gone after each(). */
int store_contacts(struct store *store, int64_t account,
		   int (*each)(void *arg, const struct store_contact *contact), void *arg,
		   struct err *err);
/* Write all fields that can change: name, secrets and counters. */
int store_contact_save(struct store *store, const struct store_contact *contact, struct err *err);
/* With its settings and messages. */
int store_contact_remove(struct store *store, int64_t id, struct err *err);
void store_contact_wipe(struct store_contact *contact);

/* --- settings of an account or a contact --- */
enum store_owner { STORE_ACCOUNT, STORE_CONTACT };

/* value NULL deletes. ERR_LIMIT: key or value too long. */
int store_setting_set(struct store *store, enum store_owner kind, int64_t owner, const char *key,
		      const void *value, size_t len, struct err *err);
/* A copy, followed by a NUL that is not counted; free it with secret_free(*value, *len). 1; 0:
 * there is none (*value is NULL); -1: it cannot be read. */
int store_setting_read(struct store *store, enum store_owner kind, int64_t owner, const char *key,
		       void **value, size_t *len, struct err *err);
/* The same where it does not matter why there is nothing: NULL. */
void *store_setting_get(struct store *store, enum store_owner kind, int64_t owner, const char *key,
			size_t *len);
/* All of them; as store_accounts. */
int store_settings(struct store *store, enum store_owner kind, int64_t owner,
		   int (*each)(void *arg, const char *key, const uint8_t *value, size_t len),
		   void *arg, struct err *err);

/* --- messages --- */
enum store_box { STORE_OUTBOX, STORE_INBOX };

struct store_message {
	uint64_t id; /* 1 … INT64_MAX */
	int64_t sent_ms;
	uint8_t *payload;
	size_t len;
};

int store_message_add(struct store *store, enum store_box box, int64_t contact,
		      const struct store_message *message, struct err *err);
/* The message with the smallest id above after. 1: found, wipe it with store_message_wipe; 0: none.
 */
int store_message_next(struct store *store, enum store_box box, int64_t contact, uint64_t after,
		       struct store_message *message, struct err *err);
void store_message_wipe(struct store_message *message);
/* 1: removed; 0: there was none. */
int store_message_remove(struct store *store, enum store_box box, int64_t contact, uint64_t id,
			 struct err *err);
int store_message_count(struct store *store, enum store_box box, int64_t contact, unsigned *count,
			struct err *err);

/* --- marks of messages that were sent lately (sent_marks.h) --- */
/* Numbers of an account go up, from 1. */
int store_mark_add(struct store *store, int64_t account, int64_t number,
		   const uint8_t mark[SENT_MARK_LEN], struct err *err);
/* By number; as store_accounts. */
int store_marks(struct store *store, int64_t account,
		int (*each)(void *arg, int64_t number, const uint8_t mark[SENT_MARK_LEN]),
		void *arg, struct err *err);
/* Those up to this number. */
int store_marks_remove(struct store *store, int64_t account, int64_t number, struct err *err);

/* --- invitations --- */
/* By what a guest is known again in its first message (introduction.h). */
#define STORE_MARK_LEN 8

struct store_invitation {
	int64_t id;
	uint8_t secret[INVITATION_SECRET_LEN];
	char name[INVITATION_NAME_MAX + 1];
	bool reusable;
	int64_t expires_ms;
	unsigned used;
	/* A one-time invitation that was used: by whom. */
	uint8_t guest[X25519_LEN], mark[STORE_MARK_LEN];
	uint64_t sequence; /* of the last record that we published for it */
};

/* Fills invitation->id. */
int store_invitation_add(struct store *store, int64_t account, struct store_invitation *invitation,
			 struct err *err);
int store_invitations(struct store *store, int64_t account,
		      int (*each)(void *arg, const struct store_invitation *invitation), void *arg,
		      struct err *err);
/* Write all fields that can change: expiry, use, guest and sequence. */
int store_invitation_save(struct store *store, const struct store_invitation *invitation,
			  struct err *err);
int store_invitation_remove(struct store *store, int64_t id, struct err *err);

/* --- requests of guests --- */
struct store_request {
	uint8_t public_key[X25519_LEN];
	char name[CONTACT_NAME_MAX + 1];
	char text[REQUEST_TEXT_MAX + 1];
	struct key secret; /* the pair secret S that the guest has made */
	int64_t since_ms;
};

/* Add it, or put it in the place of the one with the same key. */
int store_request_set(struct store *store, int64_t account, const struct store_request *request,
		      struct err *err);
/* Oldest first. */
int store_requests(struct store *store, int64_t account,
		   int (*each)(void *arg, const struct store_request *request), void *arg,
		   struct err *err);
int store_request_remove(struct store *store, int64_t account, const uint8_t public_key[X25519_LEN],
			 struct err *err);

/* --- who is blocked --- */
int store_block(struct store *store, int64_t account, const uint8_t public_key[X25519_LEN],
		struct err *err);
/* 1: it was blocked; 0: it was not. */
int store_unblock(struct store *store, int64_t account, const uint8_t public_key[X25519_LEN],
		  struct err *err);
/* 1: it is; 0: it is not. */
int store_is_blocked(struct store *store, int64_t account, const uint8_t public_key[X25519_LEN],
		     struct err *err);
int store_blocked(struct store *store, int64_t account,
		  int (*each)(void *arg, const uint8_t public_key[X25519_LEN]), void *arg,
		  struct err *err);

/* --- our introductions to hosts --- */
struct store_introduction {
	uint8_t secret[INVITATION_SECRET_LEN]; /* of the invitation */
	char own_name[CONTACT_NAME_MAX + 1];
	char text[REQUEST_TEXT_MAX + 1];
	int64_t expires_ms;
};

int store_introduction_set(struct store *store, int64_t contact,
			   const struct store_introduction *introduction, struct err *err);
/* 1: there is one; 0: none. */
int store_introduction_get(struct store *store, int64_t contact,
			   struct store_introduction *introduction, struct err *err);
int store_introduction_remove(struct store *store, int64_t contact, struct err *err);

#endif
