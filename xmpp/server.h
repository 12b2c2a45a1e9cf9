/*
 * server.h: the XMPP server on localhost, as the layer above sees it.
 *
 * The server knows streams, resources, stanzas and protocol features; who the users and their
 * contacts are, and what becomes of a message, it asks through struct server_host. Users are
 * USER@domain, contacts are CONTACT@domain too, told apart by the host.
 */
#ifndef XMPP_SERVER_H
#define XMPP_SERVER_H

#include "core/base/loop.h"
#include "xmpp/archive.h"
#include "xmpp/jid.h"
#include "xmpp/sasl.h"
#include "xmpp/xml.h"

struct server;
struct pep_host; /* pep.h */

/* Of a mark of a message, in bytes. */
#define SERVER_MARK_LEN 32

/* RFC 6121 section 2.1.2.5, without "remove". */
enum subscription { SUBSCRIPTION_NONE, SUBSCRIPTION_TO, SUBSCRIPTION_FROM, SUBSCRIPTION_BOTH };

/* One contact as a client's roster shows it. */
struct roster_item {
	const char *contact; /* local part of its JID: the id */
	const char *name;    /* petname, "" for none */
	enum subscription subscription;
	bool ask;                  /* subscribe sent, not answered */
	const char *const *groups; /* ends with NULL; NULL: none */
};

/* A contact's presence as clients are shown it. */
struct server_presence {
	bool available;
	const char *show;   /* "", "away", "chat", "dnd", "xa" */
	const char *status; /* "" for none */
	int priority;
};

/* A stranger who would like to be a contact. */
struct server_request {
	const char *contact; /* local part of its JID: the id */
	const char *name;    /* as it calls itself, "" for none (XEP-0172 nick) */
	const char *text;    /* "" for none */
};

/* A field of an ad-hoc command's form (XEP-0004). */
struct server_field {
	const char *name;
	const char *label;
	const char *type;  /* "text-single", "text-private", "boolean", "list-single", "fixed",
			      "jid-single" */
	const char *value; /* initial, or of a result; NULL: none */
	const char *const *options; /* of list-single: value, label, …, NULL; else NULL */
	bool required;
};

/* What a command answers. Strings are copied before the call of answer returns. */
struct server_answer {
	const char *note;                  /* for the user; NULL: none */
	bool error;                        /* the note says what went wrong */
	const struct server_field *fields; /* ends with a NULL name; NULL: none */
	const void *png; /* a picture (QR code) for the form, XEP-0221 and XEP-0231; NULL: none */
	size_t png_len;
};

struct server_command {
	const char *node;                /* "invite" */
	const char *name;                /* "Invite somebody" */
	const struct server_field *form; /* to be filled in first; NULL: none */
	/* Run it: get(name) gives the submitted value of a field, or NULL; call answer once, within
	 * the call. */
	void (*run)(void *arg, const char *user, const char *(*get)(void *form, const char *name),
		    void *form,
		    void (*answer)(void *answer_arg, const struct server_answer *answer),
		    void *answer_arg);
};

/* What the layer above does for the server. user is a user's local part, contact a contact's. Any
 * of these functions may call the server back, server_user_end included; only server_free may not
 * be called. Functions that give int return 0, or -1 with err filled: its code decides the stanza
 * error (ERR_NOT_FOUND item-not-found, ERR_INPUT not-acceptable/jid-malformed, ERR_EXISTS conflict,
 * ERR_LIMIT and ERR_UNAVAILABLE resource-constraint, ERR_AUTH not-allowed, else
 * internal-server-error), its text is shown. */
struct server_host {
	/* Credentials of a user; -1: no such user. */
	int (*credentials)(void *arg, const char *user, struct sasl_credentials *credentials);
	/* The tokens that the user's clients log in with (XEP-0484), as tokens_set has given them,
	 * appended to out; -1: there are none. To be kept like the credentials. NULL: no tokens. */
	int (*tokens_get)(void *arg, const char *user, struct buf *out);
	/* len 0: none any more; with them nothing is done to a user that does not exist. */
	int (*tokens_set)(void *arg, const char *user, const uint8_t *data, size_t len,
			  struct err *err);
	/* Call each(each_arg, item) for every contact of user; each may call contact_presence. */
	void (*roster)(void *arg, const char *user,
		       void (*each)(void *each_arg, const struct roster_item *item),
		       void *each_arg);
	/* Add the contact, or set its name and groups (NULL-terminated). This one, roster_remove
	 * and subscribe tell what has changed by server_roster_push, at once or later. */
	int (*roster_set)(void *arg, const char *user, const char *contact, const char *name,
			  const char *const *groups, struct err *err);
	int (*roster_remove)(void *arg, const char *user, const char *contact, struct err *err);
	/* The client wants to see the contact (adds it if need be), or gives consent. */
	int (*subscribe)(void *arg, const char *user, const char *contact, struct err *err);
	/* The client refuses the contact's request, or takes its consent back. NULL: ignored. */
	int (*deny)(void *arg, const char *user, const char *contact, struct err *err);
	/* The presence of a contact now. Strings live until the next call. */
	void (*contact_presence)(void *arg, const char *user, const char *contact,
				 struct server_presence *presence);
	/* The user's own presence, over all resources, changed: the highest priority speaks; not
	 * available when the last resource has gone. */
	void (*presence)(void *arg, const char *user, const struct server_presence *presence);
	/* A message to a contact (or to a user's own bare JID: not given here, the server does it).
	 * The callee may change, not keep, the stanza. mark: SERVER_MARK_LEN bytes by which the
	 * server knows the message if a client that was not told that it was taken says it again;
	 * to be stored together with it. NULL: none. */
	int (*message)(void *arg, const char *user, const char *contact, struct xml *message,
		       const uint8_t *mark, struct err *err);
	/* What message() has taken is to survive a power failure, too: called before the server
	 * acknowledges it to a client. -1: it is not acknowledged now. NULL: it does so already. */
	int (*flush)(void *arg, struct err *err);
	/* Call each(each_arg, mark) for the marks of what the user sent lately, oldest first, at
	 * least those of the last minutes in which a daemon ran. NULL: none are stored. */
	void (*marks)(void *arg, const char *user,
		      void (*each)(void *each_arg, const uint8_t *mark), void *each_arg);
	/* A message of server_deliver_stored has arrived: a client with stream management has
	 * acknowledged it, or it was written to the socket of one without. Once for each, unless
	 * the server ends or the user goes before; not from within server_deliver_stored. It must
	 * not call the server. */
	void (*arrived)(void *arg, const char *user, const char *contact, uint64_t token);
	/* A chat message to the server's own JID. An answer goes through server_deliver. NULL:
	 * refused. */
	void (*told)(void *arg, const char *user, const char *text);
	/* A resource became available with priority >= 0 and had not been before, or its client has
	 * come back after its connection broke, or there is room again after
	 * server_deliver_stored had refused a message: deliver what waits. */
	void (*ready)(void *arg, const char *user);
	/* A new account by XEP-0077, from a loopback connection. NULL: not offered. */
	int (*account_create)(void *arg, const char *user, const char *password, struct err *err);
	/* The logged-in user's own account, by XEP-0077: another password, or the end of it. The
	 * server itself ends the user's streams afterwards: after a new password all others, after
	 * the end of the account all. */
	int (*account_password)(void *arg, const char *user, const char *password, struct err *err);
	int (*account_remove)(void *arg, const char *user, struct err *err);
	/* XEP-0191: block (blocked true) or unblock a contact or stranger. */
	int (*block)(void *arg, const char *user, const char *contact, bool blocked,
		     struct err *err);
	void (*block_list)(void *arg, const char *user,
			   void (*each)(void *each_arg, const char *contact), void *each_arg);
	/* XEP-0186: all of the user's resources are invisible now, or no longer. */
	void (*invisible)(void *arg, const char *user, bool invisible);
	/* Directed presence (RFC 6121 section 4.6): show this contact another presence than the
	 * others see; NULL: as the others again. */
	void (*directed)(void *arg, const char *user, const char *contact,
			 const struct server_presence *presence);
	/* Requests that wait for the user's answer, to be shown as subscription requests. */
	void (*requests)(void *arg, const char *user,
			 void (*each)(void *each_arg, const struct server_request *request),
			 void *each_arg);
	/* The users' archives (XEP-0313); NULL: there are none. */
	const struct archive_host *archive;
	/* Ad-hoc commands (XEP-0050) on the server's own JID; ends with a NULL node. NULL: none. */
	const struct server_command *commands;
	/* Personal eventing, vCards and private storage (pep.h). NULL: none. */
	const struct pep_host *pep;
};

/* The HTTP side, on the same addresses: RFC 7395, XEP-0156 and a web page. Web pages of others are
 * refused (core/base/http_origin.h). */
struct server_web {
	uint16_t port;              /* 5280; 0: any free one */
	const char *const *origins; /* whose pages may come, besides our own; ends with NULL */
	const char *files;          /* directory of the page that is served at /; NULL: none */
	const char *uploads;        /* directory for files of XEP-0363; NULL: none are taken */
};

struct server_config {
	const char *domain;        /* "localhost" */
	const char *const *listen; /* numeric loopback addresses, ends with NULL; NULL: nobody
				      comes, and only what is kept for users is of use (pep.h) */
	uint16_t port;             /* 5222; 0: any free one (the same for all addresses) */
	/* For TLS from the first byte (XEP-0368), on the same addresses: 5223; 0: any free one;
	 * -1: none. There is none without tls_directory either. */
	int32_t tls_port;
	/* Path of a Unix socket (mode 0600, replaced if it is there) on which the same is spoken,
	 * for programs of our own user and root; NULL: none. PLAIN is always offered there. */
	const char *socket;
	const struct server_web *web; /* NULL: no HTTP, no WebSocket */
	/* Offer PLAIN on a connection without TLS, too: mcabber and BitlBee know nothing else
	 * there, and on loopback only root could listen. The daemon's default is true. */
	bool plain_without_tls;
	const char *tls_directory; /* for CA, certificate and key, made at first start, 0600; NULL:
				      no TLS */
	/* Path of a 0600 file with the secret for made-up SCRAM salts; made at first start. NULL: a
	 * new secret at each start. */
	const char *state_secret;
};

/* NULL with *err: an address cannot be bound (the text says which and what to do), certificate
 * cannot be made. host must outlive the server. */
struct server *server_new(struct loop *loop, const struct server_config *config,
			  const struct server_host *host, void *arg, struct err *err);
/* Stop listening, end all streams with system-shutdown; what they still have to send leaves while
 * the loop runs on (server_counts says how many are left). */
void server_stop(struct server *server);
/* Close what is left at once. The host is not called any more. */
void server_free(struct server **server);
uint16_t server_port(const struct server *server);
/* The port for HTTP; 0: none. */
uint16_t server_web_port(const struct server *server);
/* The port for direct TLS; 0: none. */
uint16_t server_tls_port(const struct server *server);

/* --- what the layer above tells the server --- */
/*
 * Deliver a message or a presence (subscribe, subscribed and the like) to the user's resources;
 * stanza is owned by the callee, its from is the caller's, its to is set here. Returns how many
 * resources got it; none do while the clients of all that would wait to resume their sessions
 * (XEP-0198). RFC 6121 section 8.5.2.1.1: a message goes to every available resource of
 * priority >= 0, one of type groupchat or error to none; a presence to every available resource. If
 * to is a full JID of user already, it goes to that resource alone while that is connected; the way
 * for a message of type error.
 */
unsigned server_deliver(struct server *server, const char *user, struct xml *stanza);
/*
 * The same for a message to the user's bare JID that the host keeps until it is told that it has
 * arrived (arrived(), with this contact and token): until then the server passes it on from
 * resource to resource, as long as this process lives. False: not now; nobody is there, or too many
 * have not arrived yet. ready() says when to try again.
 */
bool server_deliver_stored(struct server *server, const char *user, const char *contact,
			   uint64_t token, struct xml *message);
/* A contact's presence has changed: tell the user's available resources. */
void server_contact_presence(struct server *server, const char *user, const char *contact,
			     const struct server_presence *presence);
/* A stranger has asked to be a contact: show the request to the user's available resources; those
 * that come later ask host->requests. */
void server_request(struct server *server, const char *user, const struct server_request *request);
/* The roster item has changed or was added (item), or removed (item NULL): push it to the
 * interested resources. To be called before the roster changes again, since the push names the
 * version of the whole. */
void server_roster_push(struct server *server, const char *user, const char *contact,
			const struct roster_item *item);
/* The user is gone or has a new password: end its streams. */
void server_user_end(struct server *server, const char *user);
/* Connected streams, authenticated ones among them; for `tacetctl status`. */
void server_counts(const struct server *server, unsigned *streams, unsigned *authenticated);

#endif
