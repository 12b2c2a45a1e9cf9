/*
 * sasl_scram.c: the SCRAM mechanisms (RFC 5802, RFC 7677), with and without channel binding.
 *
 *     C: n,,n=user,r=NONCE                     gs2 header, then client-first-message-bare
 *     S: r=NONCE+NONCE,s=SALT,i=ITERATIONS
 *     C: c=base64(gs2 header + binding data),r=NONCE+NONCE,p=PROOF
 *     S: v=SIGNATURE                           with success
 *
 * Errors go into the stream's <failure/> and not into "e=" (RFC 6120 section 6.5).
 *
 * The gs2 header says what the client knows of channel binding (RFC 5802 section 6): "n" nothing,
 * "p=TYPE" that it uses it, "y" that it could and was not offered it. "y" where it was offered
 * means that somebody between has taken the offer away, and is refused.
 */
#include "core/base/codec.h"
#include "xmpp/sasl_private.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

/* The server's part, in bytes before base64: RFC 5802 section 5.1 wants it hard to guess. */
#define NONCE_LEN 18
/* Longest nonce taken from a client, so that our answer stays within SASL_MESSAGE_MAX. */
#define CLIENT_NONCE_MAX 1024

static const char *const malformed = "malformed-request";
static const char *const no_memory = "temporary-auth-failure";

/* --- computations --- */

static const EVP_MD *digest(enum scram_hash hash)
{
	return hash == SCRAM_SHA1 ? EVP_sha1() : EVP_sha256();
}

size_t scram_hash_len(enum scram_hash hash)
{
	return hash == SCRAM_SHA1 ? 20 : 32;
}

static int hmac(enum scram_hash hash, const uint8_t *key, const char *text, uint8_t *out)
{
	return HMAC(digest(hash), key, (int)scram_hash_len(hash), (const uint8_t *)text,
		    strlen(text), out, NULL)
		   ? 0
		   : -1;
}

/* H(data); data has the length of a hash. */
static int hash_of(enum scram_hash hash, const uint8_t *data, uint8_t *out)
{
	return EVP_Digest(data, scram_hash_len(hash), out, NULL, digest(hash), NULL) == 1 ? 0 : -1;
}

int scram_keys_make(enum scram_hash hash, const char *password, const uint8_t *salt,
		    size_t salt_len, uint32_t iterations, struct scram_keys *keys)
{
	size_t len = scram_hash_len(hash);
	uint8_t salted[SCRAM_KEY_MAX], client_key[SCRAM_KEY_MAX];
	int result = -1;

	memset(keys, 0, sizeof(*keys));
	if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, (int)salt_len, (int)iterations,
			      digest(hash), (int)len, salted) == 1 &&
	    hmac(hash, salted, "Client Key", client_key) == 0 &&
	    hash_of(hash, client_key, keys->stored_key) == 0 &&
	    hmac(hash, salted, "Server Key", keys->server_key) == 0)
		result = 0;
	secret_wipe(salted, sizeof(salted));
	secret_wipe(client_key, sizeof(client_key));
	return result;
}

int scram_verify(enum scram_hash hash, const struct scram_keys *keys, const char *auth_message,
		 const uint8_t *proof, uint8_t signature[SCRAM_KEY_MAX])
{
	size_t len = scram_hash_len(hash);
	uint8_t client_key[SCRAM_KEY_MAX], stored_key[SCRAM_KEY_MAX];
	int result = -1;

	if (hmac(hash, keys->stored_key, auth_message, client_key) < 0 ||
	    hmac(hash, keys->server_key, auth_message, signature) < 0)
		return -1;
	for (size_t i = 0; i < len; i++)
		client_key[i] ^= proof[i];
	if (hash_of(hash, client_key, stored_key) == 0 &&
	    secret_equal(stored_key, keys->stored_key, len))
		result = 0;
	secret_wipe(client_key, sizeof(client_key));
	return result;
}

/* --- messages --- */

void scram_init(struct scram *scram, enum scram_hash hash)
{
	memset(scram, 0, sizeof(*scram));
	scram->hash = hash;
	buf_init(&scram->auth, 4 * SASL_MESSAGE_MAX);
}

void scram_free(struct scram *scram)
{
	free(scram->nonce);
	free(scram->gs2);
	buf_free(&scram->auth);
	scram->nonce = scram->gs2 = NULL;
}

/* The value of the attribute letter at *at, cut off at its comma, and *at behind it (NULL at the
 * end); NULL if another attribute stands there. */
static char *take_attribute(char **at, char letter)
{
	char *value = *at;

	if (!value || value[0] != letter || value[1] != '=')
		return NULL;
	strsep(at, ",");
	return value + 2;
}

/* Undo saslname's escapes in place: "=2C" is a comma and "=3D" an equals sign; no other is allowed.
 */
static int unescape(char *name)
{
	char *out = name;

	for (; *name; name++) {
		if (*name != '=') {
			*out++ = *name;
			continue;
		}
		if (strncmp(name, "=2C", 3) != 0 && strncmp(name, "=3D", 3) != 0)
			return -1;
		*out++ = name[1] == '2' ? ',' : '=';
		name += 2;
	}
	*out = 0;
	return 0;
}

/* "printable" of RFC 5802 section 7; commas have ended it before. */
static bool nonce_valid(const char *nonce)
{
	size_t len = strlen(nonce);

	for (size_t i = 0; i < len; i++)
		if (nonce[i] < 0x21 || nonce[i] > 0x7e)
			return false;
	return len > 0 && len <= CLIENT_NONCE_MAX;
}

static const struct sasl_binding *find_binding(const struct scram *scram, const char *type,
					       size_t len)
{
	size_t count = scram->channel ? scram->channel->binding_count : 0;

	for (size_t i = 0; i < count; i++)
		if (strlen(scram->channel->bindings[i].type) == len &&
		    memcmp(scram->channel->bindings[i].type, type, len) == 0)
			return &scram->channel->bindings[i];
	return NULL;
}

/* flag, len bytes: "n", "y" or "p=TYPE". Does it fit the mechanism and what was offered? */
static const char *take_flag(struct scram *scram, const char *flag, size_t len)
{
	bool offered = scram->channel && scram->channel->binding_count > 0;

	if (len > 2 && flag[0] == 'p' && flag[1] == '=') {
		if (scram->plus)
			scram->binding = find_binding(scram, flag + 2, len - 2);
		return scram->binding ? NULL : "not-authorized";
	}
	if (len != 1 || (flag[0] != 'n' && flag[0] != 'y') || scram->plus)
		return malformed;
	return flag[0] == 'y' && offered ? "not-authorized" : NULL;
}

/* The gs2 header: keep it, point *authzid into it ("" for none), and *at behind it. */
static const char *take_gs2(struct scram *scram, char **at, const char **authzid)
{
	char *message = *at, *comma = strchr(message, ','), *end;
	const char *failure;

	end = comma ? strchr(comma + 1, ',') : NULL;
	if (!end)
		return malformed;
	failure = take_flag(scram, message, (size_t)(comma - message));
	if (failure)
		return failure;
	scram->gs2 = strndup(message, (size_t)(end + 1 - message));
	if (!scram->gs2)
		return no_memory;
	*end = 0;
	*at = end + 1;
	*authzid = "";
	if (end == comma + 1)
		return NULL;
	if (comma[1] != 'a' || comma[2] != '=' || !comma[3] || unescape(comma + 3) < 0)
		return malformed;
	*authzid = comma + 3;
	return NULL;
}

const char *scram_take_first(struct scram *scram, char *message, const char **name,
			     const char **authzid)
{
	const char *failure = take_gs2(scram, &message, authzid);
	char *user, *nonce;

	if (failure)
		return failure;
	if (buf_add_text(&scram->auth, message) < 0)
		return no_memory;
	/* A mandatory extension ("m=") would stand here; there is none that we know. Others may
	 * follow. */
	user = take_attribute(&message, 'n');
	nonce = take_attribute(&message, 'r');
	if (!user || !*user || unescape(user) < 0 || !nonce || !nonce_valid(nonce))
		return malformed;
	scram->nonce = strdup(nonce);
	*name = user;
	return scram->nonce ? NULL : no_memory;
}

const char *scram_challenge(struct scram *scram, const char *server_nonce, const uint8_t *salt,
			    size_t salt_len, uint32_t iterations, struct buf *out)
{
	char salt_text[BASE64_LEN(64) + 1];
	size_t before = out->len, size = strlen(scram->nonce) + strlen(server_nonce) + 1;
	char *nonce = salt_len <= 64 ? malloc(size) : NULL;

	if (!nonce)
		return no_memory;
	memcpy(nonce, scram->nonce, strlen(scram->nonce));
	memcpy(nonce + strlen(scram->nonce), server_nonce, strlen(server_nonce) + 1);
	free(scram->nonce);
	scram->nonce = nonce;
	base64_encode(salt, salt_len, salt_text);
	if (buf_printf(out, "r=%s,s=%s,i=%u", nonce, salt_text, (unsigned)iterations) < 0 ||
	    buf_printf(&scram->auth, ",%s", buf_text(out) + before) < 0)
		return no_memory;
	return NULL;
}

/* Does the client repeat the header that it began with, and know what this TLS connection has
 * alone? */
static bool binding_fits(const struct scram *scram, const char *text)
{
	uint8_t decoded[SASL_MESSAGE_MAX];
	const struct sasl_binding *binding = scram->binding;
	size_t gs2_len = strlen(scram->gs2), len = binding ? binding->len : 0;
	int decoded_len = base64_decode(text, strlen(text), decoded, sizeof(decoded));
	bool fits = decoded_len >= 0 && (size_t)decoded_len == gs2_len + len &&
		    memcmp(decoded, scram->gs2, gs2_len) == 0 &&
		    (!binding || secret_equal(decoded + gs2_len, binding->data, len));

	secret_wipe(decoded, sizeof(decoded));
	return fits;
}

const char *scram_take_final(struct scram *scram, char *message, uint8_t proof[SCRAM_KEY_MAX])
{
	char *last = strrchr(message, ','), *binding, *nonce;
	int len;

	/* The proof stands last, and all in front of it is part of what it proves. */
	if (!last || last[1] != 'p' || last[2] != '=')
		return malformed;
	*last = 0;
	len = base64_decode(last + 3, strlen(last + 3), proof, SCRAM_KEY_MAX);
	if (len < 0 || (size_t)len != scram_hash_len(scram->hash))
		return malformed;
	if (buf_printf(&scram->auth, ",%s", message) < 0)
		return no_memory;
	binding = take_attribute(&message, 'c');
	nonce = take_attribute(&message, 'r');
	if (!binding || !nonce)
		return malformed;
	return binding_fits(scram, binding) && strcmp(nonce, scram->nonce) == 0 ? NULL
										: "not-authorized";
}

/* --- the exchange --- */

static const char *first(struct sasl *sasl, char *message)
{
	uint8_t random[NONCE_LEN];
	char server_nonce[BASE64_LEN(NONCE_LEN) + 1];
	const char *name, *authzid;
	const char *failure = scram_take_first(&sasl->scram, message, &name, &authzid);

	if (!failure)
		failure = sasl_identify(sasl, name, authzid);
	if (failure)
		return failure;
	env_random(sasl->env, random, sizeof(random));
	base64_encode(random, sizeof(random), server_nonce);
	return scram_challenge(&sasl->scram, server_nonce, sasl->credentials.salt, SCRAM_SALT_LEN,
			       sasl->credentials.iterations, &sasl->out);
}

static const char * final(struct sasl *sasl, char *message)
{
	enum scram_hash hash = sasl->scram.hash;
	uint8_t proof[SCRAM_KEY_MAX], signature[SCRAM_KEY_MAX];
	char text[BASE64_LEN(SCRAM_KEY_MAX) + 1];
	const char *failure = scram_take_final(&sasl->scram, message, proof);

	if (!failure)
		failure = sasl_try(sasl);
	if (failure)
		return failure;
	if (scram_verify(hash, &sasl->credentials.keys[hash], buf_text(&sasl->scram.auth), proof,
			 signature) < 0 ||
	    !sasl->known)
		return "not-authorized";
	base64_encode(signature, scram_hash_len(hash), text);
	return buf_printf(&sasl->out, "v=%s", text) < 0 ? no_memory : NULL;
}

enum sasl_result sasl_step_scram(struct sasl *sasl, char *message, size_t len,
				 const char **condition)
{
	bool begins = sasl->steps == 0;

	/* Both messages are text. */
	*condition = malformed;
	if (strlen(message) != len)
		return SASL_FAILURE;
	*condition = begins ? first(sasl, message) : final(sasl, message);
	if (*condition)
		return SASL_FAILURE;
	return begins ? SASL_CHALLENGE : SASL_SUCCESS;
}
