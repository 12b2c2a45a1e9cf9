/*
 * sasl.h: the server's side of SASL (RFC 4422): SCRAM-SHA-256, SCRAM-SHA-1 (RFC 5802, 7677), with
 * and without channel binding (-PLUS), PLAIN (RFC 4616), tokens (HT-SHA-256,
 * draft-schmaus-kitten-sasl-ht-09). No I/O: challenges in, responses out.
 */
#ifndef XMPP_SASL_H
#define XMPP_SASL_H

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 7677 section 4 asks for at least 4096; OWASP's advice of 2023 would cost a login 100 ms. */
#define SCRAM_ITERATIONS 10000
#define SCRAM_SALT_LEN   16
#define SCRAM_KEY_MAX    32

enum scram_hash { SCRAM_SHA1, SCRAM_SHA256 };
#define SCRAM_HASHES 2

/* What a server stores instead of a password (RFC 5802 section 3). */
struct scram_keys {
	uint8_t stored_key[SCRAM_KEY_MAX];
	uint8_t server_key[SCRAM_KEY_MAX];
};
struct sasl_credentials {
	uint32_t iterations;
	uint8_t salt[SCRAM_SALT_LEN];
	struct scram_keys keys[SCRAM_HASHES];
};

/* Longest password in bytes, after SASLprep. */
#define SASL_PASSWORD_MAX 1023
/* From a password (UTF-8; SASLprep is applied). ERR_INPUT when it cannot be used as one (empty, too
 * long, or not UTF-8). Wipe with secret_wipe. */
int sasl_credentials_make(const struct env *env, const char *password,
			  struct sasl_credentials *credentials, struct err *err);

/* Flat form for the store. */
#define SASL_CREDENTIALS_LEN (1 + 4 + SCRAM_SALT_LEN + SCRAM_HASHES * 2 * SCRAM_KEY_MAX)
void sasl_credentials_write(const struct sasl_credentials *credentials,
			    uint8_t out[SASL_CREDENTIALS_LEN]);
/* -1: not what sasl_credentials_write has written. */
int sasl_credentials_read(const uint8_t *data, size_t len, struct sasl_credentials *credentials);

/* Look up a user's credentials by the normalised local part; -1: no such user. An unknown user goes
 * through the same steps (with made-up salt that stays the same) and fails at the end, so that
 * names cannot be probed. SASL_LOOKUP_LOCKED: no password of that name, known or not, is tried now.
 * Asked before a challenge, and again before a password is compared. */
#define SASL_LOOKUP_LOCKED 1
typedef int (*sasl_lookup)(void *arg, const char *user, struct sasl_credentials *credentials);

/* A token that the server has given a client, to be used instead of a password (fast.h). */
#define SASL_TOKEN_SIZE 65
struct sasl_token {
	char text[SASL_TOKEN_SIZE];
	bool expired; /* right, but not good any more */
};
/* Fill in the tokens of user that may be used with mechanism by the client that asks now. Returns
 * how many. */
#define SASL_TOKENS_MAX 2
typedef size_t (*sasl_tokens)(void *arg, const char *user, const char *mechanism,
			      struct sasl_token tokens[SASL_TOKENS_MAX]);

enum sasl_result { SASL_CHALLENGE, SASL_SUCCESS, SASL_FAILURE };

/* A value that only the two ends of this very TLS connection know (RFC 5056). */
#define SASL_BINDING_LEN_MAX 64
struct sasl_binding {
	const char *type; /* "tls-exporter": a literal */
	bool unasked;     /* taken from clients that use it, not offered */
	size_t len;
	uint8_t data[SASL_BINDING_LEN_MAX];
};
/* What a login may count on, by the connection that it comes over. */
#define SASL_BINDINGS_MAX 3
struct sasl_channel {
	bool plain; /* nobody else can listen: PLAIN is offered */
	size_t binding_count;
	struct sasl_binding bindings[SASL_BINDINGS_MAX]; /* if any: -PLUS is offered */
};

struct sasl;

/* The mechanisms offered there, best first, ending with NULL. */
#define SASL_MECHANISMS_MAX 5
void sasl_mechanisms(const struct sasl_channel *channel,
		     const char *names[SASL_MECHANISMS_MAX + 1]);
/* The same for those that take a token; none where others can listen, since what proves a token is
 * the same each time. */
void sasl_token_mechanisms(const struct sasl_channel *channel,
			   const char *names[SASL_MECHANISMS_MAX + 1]);
/* NULL: no such mechanism, not offered there, or memory is short. channel and state_secret are
 * copied; the salts of unknown users come from the latter, so that they stay the same for the life
 * of an installation. */
struct sasl *sasl_new(const struct env *env, const char *mechanism,
		      const struct sasl_channel *channel, const struct key *state_secret,
		      sasl_lookup lookup, void *arg);
/* The same for a mechanism that takes a token. */
struct sasl *sasl_new_token(const struct env *env, const char *mechanism,
			    const struct sasl_channel *channel, const struct key *state_secret,
			    sasl_lookup lookup, sasl_tokens tokens, void *arg);
void sasl_free(struct sasl **sasl);
/* Before the first step: nobody but this user (normalised, copied) may log in (XEP-0388 section
 * 2.3, the stream's "from"). -1: no memory. */
int sasl_expect(struct sasl *sasl, const char *user);
/*
 * One step: message as it came, decoded from base64 (NULL: none was sent). out (size bytes, at
 * least SASL_MESSAGE_MAX) gets *out_len bytes of challenge or of additional data with success. On
 * SASL_FAILURE *condition is the RFC 6120 section 6.5 condition ("not-authorized",
 * "malformed-request", "invalid-authzid", "temporary-auth-failure", "credentials-expired"). No step
 * may follow success or failure. The authorization identity may be absent, the user, or a bare JID
 * with the user's local part; the domain has been settled by the stream's "to".
 */
#define SASL_MESSAGE_MAX 4096
enum sasl_result sasl_step(struct sasl *sasl, const uint8_t *message, size_t len, uint8_t *out,
			   size_t size, size_t *out_len, const char **condition);
/* The authenticated user, normalised; valid after SASL_SUCCESS. */
const char *sasl_user(const struct sasl *sasl);
/* After SASL_SUCCESS of a mechanism that takes one: the token; else "". Secret. */
const char *sasl_token(const struct sasl *sasl);
/* After SASL_FAILURE: the user (perhaps unknown) for whom a password was tried that is wrong; NULL
 * when the exchange failed before that. */
const char *sasl_guessed(const struct sasl *sasl);
/* After SASL_FAILURE: it is because of SASL_LOOKUP_LOCKED. */
bool sasl_locked(const struct sasl *sasl);

#endif
