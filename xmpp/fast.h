/*
 * fast.h: the tokens that a user's clients log in with instead of the password (XEP-0484).
 *
 * A client has two at most: the one it uses, and a newer one that it may not have got. A token is
 * of one client (its user-agent's id) and one mechanism. The tokens of a user belong to the
 * password that was set when they were made, by its salt: with another password, however it came,
 * there are none. No I/O: the host keeps the flat form, with the password's keys.
 */
#ifndef XMPP_FAST_H
#define XMPP_FAST_H

#include "core/base/buf.h"
#include "xmpp/sasl.h"

/* Life of a token: who has not been here for so long types the password again. */
#define FAST_LIFE_MS (INT64_C(21) * 24 * 3600 * 1000)
/* One that is older is replaced when it is used, so that a copied one does not stay good. */
#define FAST_ROTATE_MS (INT64_C(24) * 3600 * 1000)
/* Most tokens of a user: more clients than anybody has. With one more the one that ends first
 * goes. */
#define FAST_TOKENS_MAX 32

/* The client, by a hash of its user-agent's id: which software it is is not kept. */
#define FAST_AGENT_LEN  32
#define FAST_SECRET_LEN 32
#define FAST_KIND_LEN   4 /* of a mechanism: the end of its name */

struct fast_token {
	uint8_t agent[FAST_AGENT_LEN];
	uint8_t kind[FAST_KIND_LEN];
	uint8_t secret[FAST_SECRET_LEN]; /* in hexadecimal it is the token */
	int64_t issued_ms;               /* wall clock */
	uint32_t count;                  /* highest that the client has sent with it */
	bool used;
};

struct fast {
	size_t count;
	struct fast_token tokens[FAST_TOKENS_MAX];
};

/* Flat form: the salt of the password, and the tokens. What is no such thing, or of another
 * password, is no token at all. Wipe fast with secret_wipe. */
#define FAST_TOKEN_FLAT (FAST_AGENT_LEN + FAST_KIND_LEN + FAST_SECRET_LEN + 8 + 4 + 1)
#define FAST_FLAT_MAX   (1 + SCRAM_SALT_LEN + FAST_TOKENS_MAX * FAST_TOKEN_FLAT)
void fast_read(struct fast *fast, const uint8_t *data, size_t len,
	       const uint8_t salt[SCRAM_SALT_LEN]);
/* Returns the length. */
size_t fast_write(const struct fast *fast, const uint8_t salt[SCRAM_SALT_LEN],
		  uint8_t out[FAST_FLAT_MAX]);

/* For sasl_tokens. count: the client's; one that does not rise was heard before (section 3.4), 0:
 * it sends none. */
size_t fast_find(const struct fast *fast, int64_t now_ms, const uint8_t agent[FAST_AGENT_LEN],
		 const char *mechanism, uint32_t count, struct sasl_token found[SASL_TOKENS_MAX]);
/* A token was used: the client's older ones end (section 3.5). True: it should have a new one. */
bool fast_use(struct fast *fast, int64_t now_ms, const uint8_t agent[FAST_AGENT_LEN],
	      const char *text, uint32_t count);
/* All of this client end (section 3.6). */
void fast_forget(struct fast *fast, const uint8_t agent[FAST_AGENT_LEN]);
/* A new token; those of the client that it has not used end. Its end is *expires_ms. */
void fast_issue(struct fast *fast, const struct env *env, const uint8_t agent[FAST_AGENT_LEN],
		const char *mechanism, char text[SASL_TOKEN_SIZE], int64_t *expires_ms);

#endif
