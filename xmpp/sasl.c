/*
 * sasl.c: what the mechanisms have in common: the table of them, users, credentials.
 *
 * It knows no XML and no base64 of the stream; the mechanisms are in sasl_scram.c and sasl_plain.c.
 */
#include "xmpp/sasl.h"
#include "core/base/cursor.h"
#include "xmpp/sasl_private.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

/* Version of the flat form of credentials. */
#define CREDENTIALS_VERSION 1
/* A damaged store must not make a login take minutes. */
#define ITERATIONS_MAX 10000000

/* Best first: clients that do not choose themselves take the first that they know. */
static const struct sasl_mechanism mechanisms[] = {
    {"SCRAM-SHA-256-PLUS", false, true, SCRAM_SHA256, NULL, sasl_step_scram},
    {"SCRAM-SHA-1-PLUS", false, true, SCRAM_SHA1, NULL, sasl_step_scram},
    {"SCRAM-SHA-256", false, false, SCRAM_SHA256, NULL, sasl_step_scram},
    {"SCRAM-SHA-1", false, false, SCRAM_SHA1, NULL, sasl_step_scram},
    {"PLAIN", true, false, SCRAM_SHA256, NULL, sasl_step_plain},
};
#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

static const struct sasl_mechanism token_mechanisms[] = {
    {.name = "HT-SHA-256-EXPR", .binding = "tls-exporter", .step = sasl_step_ht},
    {.name = "HT-SHA-256-UNIQ", .binding = "tls-unique", .step = sasl_step_ht},
    {.name = "HT-SHA-256-ENDP", .binding = "tls-server-end-point", .step = sasl_step_ht},
    {.name = "HT-SHA-256-NONE", .step = sasl_step_ht},
};
#define TOKEN_MECHANISMS (sizeof(token_mechanisms) / sizeof(token_mechanisms[0]))

static bool is_offered(const struct sasl_mechanism *mechanism, const struct sasl_channel *channel)
{
	return (channel->plain || !mechanism->plain) &&
	       (channel->binding_count > 0 || !mechanism->plus);
}

void sasl_mechanisms(const struct sasl_channel *channel, const char *names[SASL_MECHANISMS_MAX + 1])
{
	size_t count = 0;

	static_assert(MECHANISMS <= SASL_MECHANISMS_MAX, "there is room for all");
	for (size_t i = 0; i < MECHANISMS; i++)
		if (is_offered(&mechanisms[i], channel))
			names[count++] = mechanisms[i].name;
	names[count] = NULL;
}

const struct sasl_binding *sasl_binding_find(const struct sasl_channel *channel, const char *type)
{
	for (size_t i = 0; i < channel->binding_count; i++)
		if (!channel->bindings[i].unasked && strcmp(channel->bindings[i].type, type) == 0)
			return &channel->bindings[i];
	return NULL;
}

static bool is_token_offered(const struct sasl_mechanism *mechanism,
			     const struct sasl_channel *channel)
{
	return channel->plain &&
	       (!mechanism->binding || sasl_binding_find(channel, mechanism->binding));
}

void sasl_token_mechanisms(const struct sasl_channel *channel,
			   const char *names[SASL_MECHANISMS_MAX + 1])
{
	size_t count = 0;

	static_assert(TOKEN_MECHANISMS <= SASL_MECHANISMS_MAX, "there is room for all");
	for (size_t i = 0; i < TOKEN_MECHANISMS; i++)
		if (is_token_offered(&token_mechanisms[i], channel))
			names[count++] = token_mechanisms[i].name;
	names[count] = NULL;
}

/* --- credentials --- */

static int make_keys(const char *password, struct sasl_credentials *credentials)
{
	for (int hash = 0; hash < SCRAM_HASHES; hash++)
		if (scram_keys_make((enum scram_hash)hash, password, credentials->salt,
				    SCRAM_SALT_LEN, credentials->iterations,
				    &credentials->keys[hash]) < 0)
			return -1;
	return 0;
}

int sasl_credentials_make(const struct env *env, const char *password,
			  struct sasl_credentials *credentials, struct err *err)
{
	char prepared[SASL_PASSWORD_MAX + 1];
	int result;

	memset(credentials, 0, sizeof(*credentials));
	if (jid_saslprep(password, prepared, sizeof(prepared)) < 0) {
		secret_wipe(prepared, sizeof(prepared));
		return err_set(err, ERR_INPUT,
			       "a password must have 1 to %d bytes and no control characters",
			       SASL_PASSWORD_MAX);
	}
	credentials->iterations = SCRAM_ITERATIONS;
	env_random(env, credentials->salt, SCRAM_SALT_LEN);
	result = make_keys(prepared, credentials);
	secret_wipe(prepared, sizeof(prepared));
	if (result < 0) {
		secret_wipe(credentials, sizeof(*credentials));
		return err_set(err, ERR_CRYPTO, "cannot derive keys from a password");
	}
	return 0;
}

/*
 *  0      1            5      21           53           85                   149
 *  +------+------------+------+------------+------------+--------------------+
 *  | 1    | iterations | salt | SHA-1      | SHA-1      | the same of        |
 *  |      |            |      | stored key | server key | SHA-256            |
 *  +------+------------+------+------------+------------+--------------------+
 *
 * The keys of SHA-1 are filled up with zeros to SCRAM_KEY_MAX.
 */
void sasl_credentials_write(const struct sasl_credentials *credentials,
			    uint8_t out[SASL_CREDENTIALS_LEN])
{
	struct writer w;

	writer_init(&w, out, SASL_CREDENTIALS_LEN);
	write_u8(&w, CREDENTIALS_VERSION);
	write_u32(&w, credentials->iterations);
	write_bytes(&w, credentials->salt, SCRAM_SALT_LEN);
	for (int hash = 0; hash < SCRAM_HASHES; hash++) {
		write_bytes(&w, credentials->keys[hash].stored_key, SCRAM_KEY_MAX);
		write_bytes(&w, credentials->keys[hash].server_key, SCRAM_KEY_MAX);
	}
	assert(!w.bad && w.len == SASL_CREDENTIALS_LEN);
}

int sasl_credentials_read(const uint8_t *data, size_t len, struct sasl_credentials *credentials)
{
	struct reader r;
	uint8_t version;

	reader_init(&r, data, len);
	version = read_u8(&r);
	credentials->iterations = read_u32(&r);
	read_bytes(&r, credentials->salt, SCRAM_SALT_LEN);
	for (int hash = 0; hash < SCRAM_HASHES; hash++) {
		read_bytes(&r, credentials->keys[hash].stored_key, SCRAM_KEY_MAX);
		read_bytes(&r, credentials->keys[hash].server_key, SCRAM_KEY_MAX);
	}
	if (!r.bad && r.left == 0 && version == CREDENTIALS_VERSION &&
	    credentials->iterations > 0 && credentials->iterations <= ITERATIONS_MAX)
		return 0;
	secret_wipe(credentials, sizeof(*credentials));
	return -1;
}

/* --- who --- */

/* What a user who does not exist seems to have: the salt stays the same, no password fits. */
static int made_up_credentials(struct sasl *sasl)
{
	static const char label[] = "tacet 1 scram salt ";
	uint8_t input[sizeof(label) + JID_PART_MAX], mac[32];
	size_t user_len = strlen(sasl->user);

	memcpy(input, label, sizeof(label) - 1);
	memcpy(input + sizeof(label) - 1, sasl->user, user_len);
	if (!HMAC(EVP_sha256(), sasl->state_secret.bytes, KEY_LEN, input,
		  sizeof(label) - 1 + user_len, mac, NULL))
		return -1;
	memset(&sasl->credentials, 0, sizeof(sasl->credentials));
	sasl->credentials.iterations = SCRAM_ITERATIONS;
	memcpy(sasl->credentials.salt, mac, SCRAM_SALT_LEN);
	return 0;
}

static bool authzid_allowed(const struct sasl *sasl, const char *authzid)
{
	struct jid jid;
	char local[JID_PART_MAX + 1];

	if (!*authzid)
		return true;
	if (!strchr(authzid, '@'))
		return jid_local_prepare(authzid, local) == 0 && strcmp(local, sasl->user) == 0;
	return jid_parse(authzid, &jid, NULL) == 0 && jid_is_bare(&jid) &&
	       strcmp(jid.local, sasl->user) == 0;
}

const char *sasl_identify(struct sasl *sasl, const char *name, const char *authzid)
{
	char prepared[JID_PART_MAX + 1];
	struct sasl_credentials found;
	int result;

	/* A name that no user can have is treated like a wrong password. */
	if (jid_saslprep(name, prepared, sizeof(prepared)) < 0 ||
	    jid_local_prepare(prepared, sasl->user) < 0)
		return "not-authorized";
	if (sasl->expected && strcmp(sasl->expected, sasl->user) != 0)
		return "invalid-authzid";
	if (!authzid_allowed(sasl, authzid))
		return "invalid-authzid";
	/* Both are done for every name, so that the time does not tell. */
	if (made_up_credentials(sasl) < 0)
		return "temporary-auth-failure";
	result = sasl->lookup(sasl->arg, sasl->user, &found);
	sasl->known = result == 0;
	sasl->locked = result == SASL_LOOKUP_LOCKED;
	if (sasl->known)
		sasl->credentials = found;
	secret_wipe(&found, sizeof(found));
	return sasl->locked ? "temporary-auth-failure" : NULL;
}

const char *sasl_try(struct sasl *sasl)
{
	struct sasl_credentials found;

	sasl->locked = sasl->lookup(sasl->arg, sasl->user, &found) == SASL_LOOKUP_LOCKED;
	secret_wipe(&found, sizeof(found));
	sasl->tried = !sasl->locked;
	return sasl->locked ? "temporary-auth-failure" : NULL;
}

/* --- the exchange --- */

static const struct sasl_mechanism *find_token_mechanism(const char *name,
							 const struct sasl_channel *channel)
{
	for (size_t i = 0; i < TOKEN_MECHANISMS; i++)
		if (strcmp(token_mechanisms[i].name, name) == 0)
			return is_token_offered(&token_mechanisms[i], channel)
				   ? &token_mechanisms[i]
				   : NULL;
	return NULL;
}

static const struct sasl_mechanism *find_mechanism(const char *name,
						   const struct sasl_channel *channel)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (strcmp(mechanisms[i].name, name) == 0)
			return is_offered(&mechanisms[i], channel) ? &mechanisms[i] : NULL;
	return NULL;
}

static struct sasl *begin(const struct env *env, const struct sasl_mechanism *found,
			  const struct sasl_channel *channel, const struct key *state_secret,
			  sasl_lookup lookup, void *arg)
{
	struct sasl *sasl = found ? calloc(1, sizeof(*sasl)) : NULL;

	if (!sasl)
		return NULL;
	sasl->mechanism = found;
	sasl->env = env;
	sasl->channel = *channel;
	sasl->state_secret = *state_secret;
	sasl->lookup = lookup;
	sasl->arg = arg;
	scram_init(&sasl->scram, found->hash);
	sasl->scram.plus = found->plus;
	sasl->scram.channel = &sasl->channel;
	buf_init(&sasl->out, SASL_MESSAGE_MAX);
	return sasl;
}

struct sasl *sasl_new(const struct env *env, const char *mechanism,
		      const struct sasl_channel *channel, const struct key *state_secret,
		      sasl_lookup lookup, void *arg)
{
	return begin(env, find_mechanism(mechanism, channel), channel, state_secret, lookup, arg);
}

struct sasl *sasl_new_token(const struct env *env, const char *mechanism,
			    const struct sasl_channel *channel, const struct key *state_secret,
			    sasl_lookup lookup, sasl_tokens tokens, void *arg)
{
	struct sasl *sasl = begin(env, find_token_mechanism(mechanism, channel), channel,
				  state_secret, lookup, arg);

	if (sasl)
		sasl->tokens = tokens;
	return sasl;
}

int sasl_expect(struct sasl *sasl, const char *user)
{
	free(sasl->expected);
	sasl->expected = strdup(user);
	return sasl->expected ? 0 : -1;
}

void sasl_free(struct sasl **sasl)
{
	if (!*sasl)
		return;
	free((*sasl)->expected);
	scram_free(&(*sasl)->scram);
	buf_free(&(*sasl)->out);
	secret_free(*sasl, sizeof(**sasl));
	*sasl = NULL;
}

static enum sasl_result step(struct sasl *sasl, const uint8_t *message, size_t len,
			     const char **condition)
{
	char copy[SASL_MESSAGE_MAX + 1];
	enum sasl_result result;

	*condition = "malformed-request";
	if (sasl->ended || len > SASL_MESSAGE_MAX)
		return SASL_FAILURE;
	if (!message) {
		/* RFC 6120 section 6.4.2: an empty challenge asks for what did not come with
		 * <auth/>. */
		if (sasl->steps || sasl->asked)
			return SASL_FAILURE;
		sasl->asked = true;
		return SASL_CHALLENGE;
	}
	memcpy(copy, message, len);
	copy[len] = 0;
	result = sasl->mechanism->step(sasl, copy, len, condition);
	sasl->steps++;
	secret_wipe(copy, sizeof(copy));
	return result;
}

enum sasl_result sasl_step(struct sasl *sasl, const uint8_t *message, size_t len, uint8_t *out,
			   size_t size, size_t *out_len, const char **condition)
{
	enum sasl_result result;

	assert(size >= SASL_MESSAGE_MAX);
	*out_len = 0;
	buf_clear(&sasl->out);
	result = step(sasl, message, len, condition);
	if (result != SASL_CHALLENGE)
		sasl->ended = true;
	sasl->succeeded = result == SASL_SUCCESS;
	if (result == SASL_FAILURE)
		return result;
	*condition = NULL;
	if (sasl->out.len)
		memcpy(out, sasl->out.data, sasl->out.len);
	*out_len = sasl->out.len;
	return result;
}

const char *sasl_user(const struct sasl *sasl)
{
	return sasl->ended && !sasl->succeeded ? "" : sasl->user;
}

const char *sasl_token(const struct sasl *sasl)
{
	return sasl->succeeded ? sasl->token.text : "";
}

bool sasl_locked(const struct sasl *sasl)
{
	return sasl->locked;
}

const char *sasl_guessed(const struct sasl *sasl)
{
	return sasl->tried && !sasl->succeeded ? sasl->user : NULL;
}
