/*
 * sasl_private.h: for the mechanisms, and for tests with published exchanges.
 */
#ifndef XMPP_SASL_PRIVATE_H
#define XMPP_SASL_PRIVATE_H

#include "core/base/buf.h"
#include "xmpp/jid.h"
#include "xmpp/sasl.h"

/* --- between sasl.c and its mechanisms --- */

struct sasl_mechanism {
	const char *name;
	bool plain; /* sends the password itself */
	bool plus;  /* with channel binding */
	enum scram_hash hash;
	const char *binding; /* of one that takes a token: the type it binds by; NULL: none */
	/* One step. message has a NUL behind it, and may be changed. Gives the result, fills out
	 * with sasl_reply, and sets *condition on failure. */
	enum sasl_result (*step)(struct sasl *sasl, char *message, size_t len,
				 const char **condition);
};

/* A SCRAM exchange, from the client's first message on. */
struct scram {
	enum scram_hash hash;
	bool plus;                          /* the mechanism is one with channel binding */
	const struct sasl_channel *channel; /* what is offered; NULL: nothing */
	const struct sasl_binding *binding; /* what the client uses of it; NULL: none */
	char *nonce;     /* the client's, then the client's and the server's; owned */
	char *gs2;       /* the header, which the last message repeats; owned */
	struct buf auth; /* AuthMessage as far as it has come (RFC 5802 section 3) */
};

struct sasl {
	const struct env *env;
	const struct sasl_mechanism *mechanism;
	struct sasl_channel channel;
	struct key state_secret;
	sasl_lookup lookup;
	sasl_tokens tokens; /* NULL: by password */
	void *arg;
	char *expected;          /* the only user who may; NULL: any */
	struct sasl_token token; /* the one that was used */
	unsigned steps;          /* messages taken */
	bool asked;              /* for the first message, which did not come with <auth/> */
	bool ended;              /* by success or failure */
	bool succeeded;
	char user[JID_PART_MAX + 1];
	bool known;                          /* the lookup found the user */
	bool tried;                          /* a password was */
	bool locked;                         /* the lookup does not want one to be */
	struct sasl_credentials credentials; /* made up when it did not */
	struct scram scram;
	struct buf out;
};

enum sasl_result sasl_step_scram(struct sasl *sasl, char *message, size_t len,
				 const char **condition);
enum sasl_result sasl_step_ht(struct sasl *sasl, char *message, size_t len, const char **condition);
enum sasl_result sasl_step_plain(struct sasl *sasl, char *message, size_t len,
				 const char **condition);

/* The binding of that type that is offered; NULL: there is none. */
const struct sasl_binding *sasl_binding_find(const struct sasl_channel *channel, const char *type);
/*
 * Take the name that the client gave: normalise it, compare authzid ("" for none) with it, and get
 * its credentials, or made-up ones. Returns NULL, or the condition of the failure.
 */
const char *sasl_identify(struct sasl *sasl, const char *name, const char *authzid);
/* Right before a password is compared: many exchanges may have begun before the first was wrong.
 * Returns NULL, or the condition of the failure. */
const char *sasl_try(struct sasl *sasl);

/* --- the computations of SCRAM, without any state --- */

size_t scram_hash_len(enum scram_hash hash);
/* The keys of a password that has been through SASLprep. -1 when OpenSSL refuses. */
int scram_keys_make(enum scram_hash hash, const char *password, const uint8_t *salt,
		    size_t salt_len, uint32_t iterations, struct scram_keys *keys);
/* Is proof the one for auth_message? -1: no. signature gets the server's (scram_hash_len bytes). */
int scram_verify(enum scram_hash hash, const struct scram_keys *keys, const char *auth_message,
		 const uint8_t *proof, uint8_t signature[SCRAM_KEY_MAX]);

/* --- its messages (RFC 5802 section 7); each returns NULL or the condition of the failure --- */

void scram_init(struct scram *scram, enum scram_hash hash);
void scram_free(struct scram *scram);
/* client-first-message. *name and *authzid point into message. */
const char *scram_take_first(struct scram *scram, char *message, const char **name,
			     const char **authzid);
/* server-first-message, appended to out. */
const char *scram_challenge(struct scram *scram, const char *server_nonce, const uint8_t *salt,
			    size_t salt_len, uint32_t iterations, struct buf *out);
/* client-final-message; proof gets scram_hash_len bytes, and auth is then complete. */
const char *scram_take_final(struct scram *scram, char *message, uint8_t proof[SCRAM_KEY_MAX]);

#endif
