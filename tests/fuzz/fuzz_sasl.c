/*
 * fuzz_sasl.c: the server's side of SASL against any client.
 *
 *     input: mode 1 ‖ messages
 *     mode 0 … 2, 4: the mechanism (4 with channel binding); messages: length 2 ‖ bytes, a length
 * of 0xffff for "none was sent" mode 3:     the rest is a client-first-message of SCRAM-SHA-1,
 * which we finish as a client that knows the password: the server must accept it
 */
#include "core/base/codec.h"
#include "core/base/cursor.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/known_random.h"
#include "xmpp/sasl_private.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define PASSWORD  "pencil"
#define NONE_SENT 0xffff

/* Every name exists, and derives its keys with one iteration, since 10,000 would be too slow here.
 */
static int lookup(void *arg, const char *user, struct sasl_credentials *credentials)
{
	FUZZ_CHECK(*user && strlen(user) <= JID_PART_MAX);
	*credentials = *(struct sasl_credentials *)arg;
	return 0;
}

static void make_credentials(struct sasl_credentials *credentials)
{
	memset(credentials, 0, sizeof(*credentials));
	credentials->iterations = 1;
	for (int hash = 0; hash < SCRAM_HASHES; hash++)
		FUZZ_CHECK(scram_keys_make((enum scram_hash)hash, PASSWORD, credentials->salt,
					   SCRAM_SALT_LEN, 1, &credentials->keys[hash]) == 0);
}

static enum sasl_result step(struct sasl *sasl, const uint8_t *message, size_t len,
			     char reply[SASL_MESSAGE_MAX + 1])
{
	size_t out_len = 0;
	const char *condition = NULL;
	enum sasl_result result =
	    sasl_step(sasl, message, len, (uint8_t *)reply, SASL_MESSAGE_MAX, &out_len, &condition);

	FUZZ_CHECK(out_len <= SASL_MESSAGE_MAX);
	reply[out_len] = 0;
	FUZZ_CHECK((result == SASL_FAILURE) == (condition != NULL));
	FUZZ_CHECK(result != SASL_FAILURE || out_len == 0);
	FUZZ_CHECK(result != SASL_SUCCESS || *sasl_user(sasl));
	return result;
}

static void any_messages(struct sasl *sasl, struct reader *r, bool plain)
{
	char reply[SASL_MESSAGE_MAX + 1];
	bool ended = false;

	while (r->left) {
		size_t len = read_u16(r);
		const uint8_t *message = NULL;
		enum sasl_result result;

		if (len == NONE_SENT)
			len = 0;
		else
			message = read_view(r, len);
		if (r->bad)
			return;
		result = step(sasl, message, len, reply);
		/* Nobody guesses a proof. */
		FUZZ_CHECK(result != SASL_SUCCESS || plain);
		FUZZ_CHECK(!ended || result == SASL_FAILURE);
		ended = result != SASL_CHALLENGE;
	}
}

/* The client's proof for auth_message, in base64. */
static void prove(const char *auth_message, const struct sasl_credentials *credentials,
		  char text[BASE64_LEN(20) + 1])
{
	uint8_t salted[20], key[20], signature[20];

	PKCS5_PBKDF2_HMAC(PASSWORD, (int)strlen(PASSWORD), credentials->salt, SCRAM_SALT_LEN, 1,
			  EVP_sha1(), 20, salted);
	HMAC(EVP_sha1(), salted, 20, (const uint8_t *)"Client Key", 10, key, NULL);
	HMAC(EVP_sha1(), credentials->keys[SCRAM_SHA1].stored_key, 20,
	     (const uint8_t *)auth_message, strlen(auth_message), signature, NULL);
	for (int i = 0; i < 20; i++)
		key[i] ^= signature[i];
	base64_encode(key, 20, text);
}

static void good_client(struct sasl *sasl, const uint8_t *first, size_t len,
			const struct sasl_credentials *credentials)
{
	char reply[SASL_MESSAGE_MAX + 1], gs2[BASE64_LEN(SASL_MESSAGE_MAX) + 1],
	    proof[BASE64_LEN(20) + 1];
	const char *nonce_end;
	struct buf last, auth;

	if (step(sasl, first, len, reply) != SASL_CHALLENGE)
		return;
	nonce_end = strstr(reply, ",s=");
	FUZZ_CHECK(nonce_end && strncmp(reply, "r=", 2) == 0);
	buf_init(&last, 4 * SASL_MESSAGE_MAX);
	buf_init(&auth, 8 * SASL_MESSAGE_MAX);
	base64_encode(sasl->scram.gs2, strlen(sasl->scram.gs2), gs2);
	buf_printf(&last, "c=%s,%.*s", gs2, (int)(nonce_end - reply), reply);
	buf_printf(&auth, "%s,%s", buf_text(&sasl->scram.auth), buf_text(&last));
	prove(buf_text(&auth), credentials, proof);
	buf_printf(&last, ",p=%s", proof);
	/* A header and a nonce that are both long make a message that is refused for its length. */
	if (last.len <= SASL_MESSAGE_MAX)
		FUZZ_CHECK(step(sasl, last.data, last.len, reply) == SASL_SUCCESS);
	buf_free(&last);
	buf_free(&auth);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "SCRAM-SHA-1",
					    "SCRAM-SHA-256-PLUS"};
	static const struct sasl_channel plain = {.plain = true};
	static const struct sasl_channel bound = {
	    .binding_count = 1, .bindings = {{.type = "tls-exporter", .len = 4, .data = "abc"}}};
	static const struct key secret = {{1}};
	struct sasl_credentials credentials;
	struct known_random random;
	struct reader r;
	struct sasl *sasl;

	if (size < 1)
		return 0;
	known_random_init(&random, 1);
	make_credentials(&credentials);
	sasl = sasl_new(&random.env, names[data[0] % 5], data[0] % 5 == 4 ? &bound : &plain,
			&secret, lookup, &credentials);
	FUZZ_CHECK(sasl);
	reader_init(&r, data + 1, size - 1);
	if (data[0] % 5 == 3)
		good_client(sasl, r.at, r.left, &credentials);
	else
		any_messages(sasl, &r, data[0] % 5 == 2);
	sasl_free(&sasl);
	return 0;
}
