/*
 * tacet.h: libtacet, the engine of tacet for programs of your own.
 *
 * A person is an id of 56 characters. Two people who have added each other's id see each other's
 * presence and send each other messages; nobody else learns who they are, that they know each
 * other, or when they are online. All traffic goes through Tor.
 *
 * How a program goes:
 *
 *     struct tacet_options options = {.size = sizeof options};
 *     struct tacet_handlers handlers = {.size = sizeof handlers};
 *     struct tacet_err err;
 *     options.state_dir = "/home/me/.local/share/mybot";
 *     handlers.message = on_message;
 *     struct tacet *tacet = tacet_open(&options, &handlers, NULL, &err);
 *     if (!tacet)
 *             …err.text says why…
 *     tacet_run(tacet);
 *
 * Threads: a struct tacet and all that belongs to it are used by one thread at a time, and handlers
 * are called in that thread, from within tacet_run, tacet_run_once (and tacet_deliver_waiting),
 * never from within another call. Two struct tacet with different state directories do not know of
 * each other. The process ignores SIGPIPE from tacet_open on. Tor ends with the thread that has
 * called tacet_open, at the latest.
 *
 * Ownership: strings and structs that are passed in are copied; those that are handed out belong
 * to the library and are valid until the object they describe changes or goes, those that a handler
 * is given until it returns. Accounts and contacts live as long as the struct tacet, or until they
 * are removed.
 *
 * Units: times are milliseconds, those that end in _at since 1970-01-01 UTC. Text is UTF-8.
 *
 * Errors: a function that can fail returns -1 or NULL and fills the struct tacet_err, which may be
 * NULL. Functions without one cannot fail.
 *
 * New fields are added at the end of structs that begin with their size, new values at the end of
 * enums: handle a value that you do not know.
 */
#ifndef TACET_H
#define TACET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TACET_PUBLIC __attribute__((visibility("default")))
#else
#define TACET_PUBLIC
#endif

/* Length of an id, without its NUL; longest passphrase; longest message payload, in bytes. */
#define TACET_ID_LEN         56
#define TACET_PASSPHRASE_MAX 1024
#define TACET_PAYLOAD_MAX    65536
/* Longest name of a service, in bytes; size of an invitation's link and of a phrase, with the NUL.
 */
#define TACET_SERVICE_MAX 64
#define TACET_LINK_SIZE   320
#define TACET_PHRASE_SIZE 36

struct tacet;
struct tacet_account;
struct tacet_contact;
struct tacet_stream;

/* --- errors --- */

enum tacet_code {
	TACET_OK = 0,
	TACET_SYSTEM = 1, /* a system call failed */
	TACET_MEMORY = 2,
	TACET_INPUT = 3, /* what was passed in is malformed */
	TACET_LIMIT = 4, /* too long, or too many */
	TACET_NOT_FOUND = 5,
	TACET_EXISTS = 6,      /* what is to be added is there already */
	TACET_UNAVAILABLE = 7, /* not now (disk full, time-out); later it may go */
	TACET_STATE = 8,       /* not possible as things are; the state directory is in use */
	TACET_INTERNAL = 9,    /* a cryptographic library refused, or a defect of this one */
	TACET_RESET = 10,      /* the contact's program has reset the stream */
	TACET_AGAIN = 11,      /* nothing to read, or no room to write, right now */
};

struct tacet_err {
	enum tacet_code code;
	char text[256]; /* for people: "open store: database is locked" */
};

/* "0.1.0": the library that runs, which may be newer than this header. */
TACET_PUBLIC const char *tacet_version(void);

/* --- open, run, close --- */

/* All but size and state_dir may be zero. */
struct tacet_options {
	size_t size;           /* sizeof(struct tacet_options) */
	const char *state_dir; /* keys, contacts, messages; made with mode 0700 when missing */
	const char *const *gateways; /* "http://host:port" of OpenDHT proxies */
	size_t gateway_count;
	unsigned replicas;  /* copies of each record, 1 … 8; 0: 3 */
	int64_t renewal_ms; /* of the status within a session; 0: 120000 */
	/* Our own tor: the program (NULL: the one found when the library was built) and more lines
	 * for its torrc. */
	const char *tor_program;
	const char *tor_extra;
	/* Or a tor that runs: "unix:PATH" or "127.0.0.1:PORT", both; the password or NULL for a
	 * cookie. */
	const char *tor_control;
	const char *tor_socks;
	const char *tor_password;
};

enum tacet_show {
	TACET_OFFLINE = 0,
	TACET_AVAILABLE = 1,
	TACET_CHAT = 2,
	TACET_AWAY = 3,
	TACET_DND = 4,
	TACET_XA = 5,
};

struct tacet_presence {
	enum tacet_show show;
	int priority;     /* -128 … 127 */
	const char *text; /* at most 2048 bytes; "" for none */
};

/* What goes on with a contact. */
enum tacet_link {
	TACET_IDLE = 0,       /* not online ourselves */
	TACET_LOOKING = 1,    /* looking for the contact's record */
	TACET_PUBLISHING = 2, /* leaving one of ours */
	TACET_WAITING = 3,    /* not found; ours is there to be found */
	TACET_DIALLING = 4,
	TACET_LINKED = 5,
};

enum tacet_delivery {
	TACET_DELIVERED = 0, /* the contact's daemon has stored it */
	TACET_REFUSED = 1,
};

enum tacet_tor {
	TACET_TOR_STARTING = 0,
	TACET_TOR_BOOTSTRAPPING = 1,
	TACET_TOR_READY = 2,
	TACET_TOR_DOWN = 3, /* will be tried again */
};

struct tacet_network {
	enum tacet_tor tor;
	int progress;            /* of tor's bootstrap, 0 … 100 */
	const char *summary;     /* tor's own words for where it is */
	const char *problem;     /* why tor is down; "" when it is not */
	int64_t clock_offset_ms; /* what is added to the system clock, which is wrong by so much */
};

/* Somebody who was invited and would like to be a contact. */
struct tacet_request {
	const char *id;
	const char *name; /* as the guest calls itself; "" for none */
	const char *text; /* at most 512 bytes */
	int64_t since_at;
};

/* Any of them may be NULL. arg is that of tacet_open. */
struct tacet_handlers {
	size_t size; /* sizeof(struct tacet_handlers) */
	/* What a contact shows us; TACET_OFFLINE when the link is gone. */
	void (*presence)(void *arg, struct tacet_contact *contact,
			 const struct tacet_presence *presence);
	/*
	 * A message has come; those of one contact in order and once. Return true when it is dealt
	 * with; false keeps it for tacet_deliver_waiting. sent_at: by the sender's clock.
	 */
	bool (*message)(void *arg, struct tacet_contact *contact, const void *payload, size_t len,
			int64_t sent_at);
	/* A message of ours has come to its end. reason: "" or why it was refused. */
	void (*delivered)(void *arg, struct tacet_contact *contact, uint64_t token,
			  enum tacet_delivery how, const char *reason);
	void (*link)(void *arg, struct tacet_contact *contact, enum tacet_link link);
	/* Tor's state or bootstrap progress has changed. */
	void (*network)(void *arg, const struct tacet_network *network);
	/* A guest asks to become a contact: once for each request. It is kept, and waits for
	 * tacet_request_accept, tacet_request_deny or tacet_block. */
	void (*request)(void *arg, struct tacet_account *account,
			const struct tacet_request *request);
	/* What tacet_introduce has begun: the host has our request (why NULL), or cannot get it any
	 * more. Whether it accepts shows by its presence. */
	void (*introduced)(void *arg, struct tacet_contact *contact, const struct tacet_err *why);
	/* Why nothing can be stored now ("the disk is full"); NULL: it can be again. */
	void (*trouble)(void *arg, const char *why);
	/* Another process uses this account's identity, a contact says. */
	void (*conflict)(void *arg, struct tacet_account *account);
};

/*
 * Open the state directory and go online by itself as soon as tor is ready; only then others can
 * see or reach us. TACET_STATE: another process uses the directory. That there is no network or no
 * tor is no error: see network().
 */
TACET_PUBLIC struct tacet *tacet_open(const struct tacet_options *options,
				      const struct tacet_handlers *handlers, void *arg,
				      struct tacet_err *err);
/* Say goodbye to whom we are linked with (takes up to half a second), end tor, free everything. Not
 * from within a handler: there, tacet_stop. NULL is fine. */
TACET_PUBLIC void tacet_close(struct tacet **tacet);

/* Run until tacet_stop, which may be called from a handler. */
TACET_PUBLIC void tacet_run(struct tacet *tacet);
TACET_PUBLIC void tacet_stop(struct tacet *tacet);
/*
 * For a loop of your own: poll the descriptor for reading and call tacet_run_once(tacet, 0) when it
 * is ready. tacet_run_once waits at most timeout_ms for something to do, and does it. The
 * descriptor is closed by tacet_close. -1 with *err.
 */
TACET_PUBLIC int tacet_fd(struct tacet *tacet, struct tacet_err *err);
TACET_PUBLIC void tacet_run_once(struct tacet *tacet, int64_t timeout_ms);

TACET_PUBLIC struct tacet_network tacet_network(const struct tacet *tacet);

/* --- accounts: an identity with its contacts --- */

/* Make a new identity. name: 1 … 255 bytes, seen by nobody else. TACET_EXISTS. */
TACET_PUBLIC struct tacet_account *tacet_account_add(struct tacet *tacet, const char *name,
						     struct tacet_err *err);
/*
 * The account as a file sealed with the passphrase: identity and contacts, not what waits. Takes
 * half a second. An account that is used in two places at once is of no use in either (see
 * conflict): import it where the old one does not run any more, and soon, for the secrets of
 * contacts change.
 */
TACET_PUBLIC int tacet_account_export(const struct tacet_account *account, const char *passphrase,
				      const char *path, struct tacet_err *err);
/* name: NULL, or another one. TACET_EXISTS: an account of this name or identity is here;
 * TACET_STATE: wrong passphrase; TACET_INPUT: no backup. */
TACET_PUBLIC struct tacet_account *tacet_account_import(struct tacet *tacet, const char *path,
							const char *passphrase, const char *name,
							struct tacet_err *err);
/* Erase it for good, with all that belongs to it. *account becomes NULL. */
TACET_PUBLIC int tacet_account_remove(struct tacet_account **account, struct tacet_err *err);
/* NULL: there is none of that name. */
TACET_PUBLIC struct tacet_account *tacet_account_find(const struct tacet *tacet, const char *name);
TACET_PUBLIC void tacet_accounts(const struct tacet *tacet,
				 void (*each)(void *arg, struct tacet_account *account), void *arg);
TACET_PUBLIC const char *tacet_account_name(const struct tacet_account *account);
/* TACET_ID_LEN characters: what others add. */
TACET_PUBLIC const char *tacet_account_id(const struct tacet_account *account);
/* What the contacts are shown from now on; TACET_OFFLINE at first, also after a restart.
 * TACET_INPUT: no such show, the text is too long or not UTF-8. */
TACET_PUBLIC int tacet_account_present(struct tacet_account *account,
				       const struct tacet_presence *presence,
				       struct tacet_err *err);
/* Can contacts reach us? */
TACET_PUBLIC bool tacet_account_reachable(const struct tacet_account *account);
/*
 * From now on let frames leave at random moments only, this long apart in the mean (50 ms … 30 s),
 * so that who watches the line does not see when and how much is said; 0: at once. It costs 488
 * bytes a moment, way and contact, and slows streams down to as much. Kept over a restart.
 * TACET_LIMIT.
 */
TACET_PUBLIC int tacet_account_cover(struct tacet_account *account, int64_t mean_ms,
				     struct tacet_err *err);
/* Call message() for what was not dealt with before, oldest first. */
TACET_PUBLIC void tacet_deliver_waiting(struct tacet_account *account);

/* --- contacts --- */

/* 0: well-formed; else *err says what is wrong with it (TACET_INPUT). */
TACET_PUBLIC int tacet_id_check(const char *id, struct tacet_err *err);

/*
 * The two meet when both have done this. name: what you call the contact. passphrase: NULL, or the
 * same at both sides, agreed on outside (up to TACET_PASSPHRASE_MAX bytes; takes 0.1 s).
 * TACET_INPUT: a bad id, or the account's own; TACET_EXISTS.
 */
TACET_PUBLIC struct tacet_contact *tacet_contact_add(struct tacet_account *account, const char *id,
						     const char *name, const char *passphrase,
						     struct tacet_err *err);
/* Forget the contact and the messages that wait; he sees us go offline and learns nothing more.
 * *contact becomes NULL. */
TACET_PUBLIC int tacet_contact_remove(struct tacet_contact **contact, struct tacet_err *err);
TACET_PUBLIC struct tacet_contact *tacet_contact_find(const struct tacet_account *account,
						      const char *id);
TACET_PUBLIC void tacet_contacts(const struct tacet_account *account,
				 void (*each)(void *arg, struct tacet_contact *contact), void *arg);
TACET_PUBLIC struct tacet_account *tacet_contact_account(const struct tacet_contact *contact);
TACET_PUBLIC const char *tacet_contact_id(const struct tacet_contact *contact);
TACET_PUBLIC const char *tacet_contact_name(const struct tacet_contact *contact);
TACET_PUBLIC int tacet_contact_rename(struct tacet_contact *contact, const char *name,
				      struct tacet_err *err);
TACET_PUBLIC struct tacet_presence tacet_contact_presence(const struct tacet_contact *contact);
TACET_PUBLIC enum tacet_link tacet_contact_link(const struct tacet_contact *contact);
/* Since when it is so, by our corrected clock. */
TACET_PUBLIC int64_t tacet_contact_since_at(const struct tacet_contact *contact);
/* Messages of ours that wait for the contact. */
TACET_PUBLIC unsigned tacet_contact_waiting(const struct tacet_contact *contact);

/*
 * Send 1 … TACET_PAYLOAD_MAX bytes: stored, then sent when there is a link, until the contact's
 * daemon has stored them. *token, if token is not NULL, names the message in delivered(), also
 * after a restart. What the bytes mean is between the two programs. TACET_LIMIT: too long, or too
 * many wait; TACET_UNAVAILABLE: cannot be stored.
 */
TACET_PUBLIC int tacet_send(struct tacet_contact *contact, const void *payload, size_t len,
			    uint64_t *token, struct tacet_err *err);

/* --- becoming contacts by invitation --- */

/* An open invitation. */
struct tacet_invitation {
	int64_t number; /* names it in tacet_invitation_revoke */
	bool reusable;
	int64_t expires_at;
	unsigned used; /* guests that have come */
	const char *link;
};

/* A link for one guest, or for any number: whoever has it can send a request while we are online.
 * name: what the link calls us, or NULL. TACET_LIMIT: 64 are open. */
TACET_PUBLIC int tacet_invite(struct tacet_account *account, const char *name, bool reusable,
			      int64_t lifetime_ms, char link[TACET_LINK_SIZE],
			      struct tacet_err *err);
TACET_PUBLIC void
tacet_invitations(const struct tacet_account *account,
		  void (*each)(void *arg, const struct tacet_invitation *invitation), void *arg);
/* TACET_NOT_FOUND. */
TACET_PUBLIC int tacet_invitation_revoke(struct tacet_account *account, int64_t number,
					 struct tacet_err *err);
/*
 * The guest's side: make the host of a link a contact, and ask it to do the same, for 30 days or
 * until it has heard it (introduced()). name: ours for the host, NULL: the link's; own_name and
 * text are shown to the host. A link without a secret, or an id, is as tacet_contact_add.
 * TACET_INPUT: no link; TACET_EXISTS.
 */
TACET_PUBLIC struct tacet_contact *tacet_introduce(struct tacet_account *account, const char *link,
						   const char *name, const char *own_name,
						   const char *text, struct tacet_err *err);
TACET_PUBLIC bool tacet_contact_introducing(const struct tacet_contact *contact);

/* Requests that wait for an answer. */
TACET_PUBLIC void tacet_requests(const struct tacet_account *account,
				 void (*each)(void *arg, const struct tacet_request *request),
				 void *arg);
/* Make the guest a contact; name NULL: its own. TACET_NOT_FOUND. */
TACET_PUBLIC struct tacet_contact *tacet_request_accept(struct tacet_account *account,
							const char *id, const char *name,
							struct tacet_err *err);
/* Forget the request; the guest sees nothing. TACET_NOT_FOUND. */
TACET_PUBLIC int tacet_request_deny(struct tacet_account *account, const char *id,
				    struct tacet_err *err);
/* Remove the contact or request of this id, if there is one, and never hear of it again. */
TACET_PUBLIC int tacet_block(struct tacet_account *account, const char *id, struct tacet_err *err);
TACET_PUBLIC int tacet_unblock(struct tacet_account *account, const char *id,
			       struct tacet_err *err);
TACET_PUBLIC void tacet_blocked(const struct tacet_account *account,
				void (*each)(void *arg, const char *id), void *arg);
/* Thirty digits that are the same at both sides if, and only if, nobody is between them. */
TACET_PUBLIC void tacet_contact_phrase(const struct tacet_contact *contact,
				       char phrase[TACET_PHRASE_SIZE]);

/* --- streams: byte streams between the programs of two contacts --- */
/*
 * A stream is to two contacts what a TCP connection is to two machines, without address, port or
 * server: one side opens it to a service of the other, by a name of 1 … TACET_SERVICE_MAX visible
 * ASCII characters. Bytes arrive in order; each way is ended by itself; who does not read holds up
 * who writes. It lives in the session in which it was opened: when that ends (a break of the
 * network, another process of the contact, tacet_close) the stream is over with TACET_UNAVAILABLE,
 * and what was under way is lost. Open another one when the contact is linked again.
 *
 * Read and write it with tacet_stream_read and tacet_stream_write from the handlers, or get a
 * descriptor of it (tacet_stream_fd), or join it to a socket of yours (tacet_stream_attach).
 *
 * A stream is the program's until tacet_stream_close or tacet_stream_reset, which may be called in
 * any handler. Streams that are left are reset by tacet_close, without closed().
 */

/* Any of them may be NULL. */
struct tacet_stream_handlers {
	size_t size; /* sizeof(struct tacet_stream_handlers) */
	/* The contact's program has taken a stream that we have opened. Writing is possible before.
	 */
	void (*opened)(void *arg, struct tacet_stream *stream);
	/* Something has come, or the end: read until TACET_AGAIN or 0, it is not said twice. */
	void (*readable)(void *arg, struct tacet_stream *stream);
	/* There is room again after a write that took less than it was given. */
	void (*writable)(void *arg, struct tacet_stream *stream);
	/*
	 * It is over; to be closed. why NULL: both sides have ended it, and the contact's program
	 * has read all that was written. Else TACET_NOT_FOUND: the contact does not listen for
	 * this, or not for us; TACET_LIMIT: too many streams are open there, from us or in
	 * all; TACET_RESET: its program has reset the stream, or has left without
	 * reading all; TACET_UNAVAILABLE: no session any more, or no answer within a minute;
	 * TACET_MEMORY; TACET_INTERNAL; TACET_SYSTEM: the socket that it was joined to is broken.
	 */
	void (*closed)(void *arg, struct tacet_stream *stream, const struct tacet_err *why);
};

/* Open a stream. handlers may be NULL. TACET_UNAVAILABLE: the contact is not linked now;
 * TACET_INPUT: no proper name; TACET_LIMIT: 32 are open to this contact, or
 * 256 to all and from all. */
TACET_PUBLIC struct tacet_stream *tacet_connect(struct tacet_contact *contact, const char *service,
						const struct tacet_stream_handlers *handlers,
						void *arg, struct tacet_err *err);
/*
 * Take streams to this service from contacts of the account: accept() is called for each, may look
 * at tacet_stream_contact, and returns true after it has set handlers (tacet_stream_handle) or a
 * descriptor; it may not close the stream, but returns false for one that is not wanted: the
 * contact sees the same as if nobody listened. A contact may open 64 at once and then 20 a second,
 * and have 32; more are refused (TACET_LIMIT there). TACET_EXISTS; TACET_LIMIT: 64 services.
 */
TACET_PUBLIC int tacet_listen(struct tacet_account *account, const char *service,
			      bool (*accept)(void *arg, struct tacet_stream *stream), void *arg,
			      struct tacet_err *err);
/* No more of them; those that are open stay. TACET_NOT_FOUND. */
TACET_PUBLIC int tacet_unlisten(struct tacet_account *account, const char *service,
				struct tacet_err *err);

/* Set (other) handlers. TACET_INPUT: their size is not set. */
TACET_PUBLIC int tacet_stream_handle(struct tacet_stream *stream,
				     const struct tacet_stream_handlers *handlers, void *arg,
				     struct tacet_err *err);
/* Not valid when the contact has been removed. */
TACET_PUBLIC struct tacet_contact *tacet_stream_contact(const struct tacet_stream *stream);
TACET_PUBLIC const char *tacet_stream_service(const struct tacet_stream *stream);

/* Up to len bytes that have come; 0: the contact has ended its way; -1: TACET_AGAIN, or it is over.
 * Of what comes in 512 KiB are kept for a program that does not read. */
TACET_PUBLIC ssize_t tacet_stream_read(struct tacet_stream *stream, void *data, size_t len,
				       struct tacet_err *err);
/* How many of len bytes were taken; -1: TACET_AGAIN, or it is over. 256 KiB are kept at most. */
TACET_PUBLIC ssize_t tacet_stream_write(struct tacet_stream *stream, const void *data, size_t len,
					struct tacet_err *err);
/* Nothing more will be written; the other way stays open. */
TACET_PUBLIC void tacet_stream_shutdown(struct tacet_stream *stream);
/* As close() of a socket: what was written is still sent, then the end; if something that has come
 * was not read, or comes now, the contact's program sees a reset. *stream becomes NULL. */
TACET_PUBLIC void tacet_stream_close(struct tacet_stream **stream);
/* At once, both ways. */
TACET_PUBLIC void tacet_stream_reset(struct tacet_stream **stream);

/*
 * Join the stream to a connected stream socket, which is the library's from then on: what comes
 * from one goes to the other, and so do ends; a TCP socket is reset when the stream breaks. From
 * then on the stream is neither read nor written; of its handlers opened() and closed() are called,
 * and it goes by itself after closed(). TACET_SYSTEM, TACET_MEMORY: fd is still yours.
 */
TACET_PUBLIC int tacet_stream_attach(struct tacet_stream *stream, int fd, struct tacet_err *err);
/* The same with one end of a new pair of sockets. Returns the other end, for the program to read,
 * write, poll, shut down and close, in any thread; the loop must go on meanwhile. A stream that
 * breaks is an end of file there: closed() knows better. */
TACET_PUBLIC int tacet_stream_fd(struct tacet_stream *stream, struct tacet_err *err);

/* --- log, for the whole process --- */

enum tacet_log_level {
	TACET_LOG_ERROR = 0,
	TACET_LOG_WARN = 1,
	TACET_LOG_NOTICE = 2,
	TACET_LOG_INFO = 3,
	TACET_LOG_DEBUG = 4,
};

/* Lines of level or below go to sink; NULL: to standard error, as at first (notice). They never
 * tell who or whom. */
TACET_PUBLIC void tacet_log(enum tacet_log_level level,
			    void (*sink)(void *arg, enum tacet_log_level level, const char *line),
			    void *arg);

#ifdef __cplusplus
}
#endif

#endif
