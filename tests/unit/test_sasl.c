/*
 * test_sasl.c: the published exchanges of SCRAM, then whole exchanges with a client written here,
 * and what clients send that is wrong.
 */
#include "core/base/codec.h"
#include "tests/unit/fail_malloc.h"
#include "tests/unit/known_random.h"
#include "xmpp/sasl.h"
#include "xmpp/sasl_private.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PASSWORD "pencil"

static const struct key state_secret = {{1, 2, 3}};
static const struct sasl_channel open_channel; /* others may listen */
static const struct sasl_channel plain_channel = {.plain = true};
static const struct sasl_channel bound_channel = {
    .plain = true,
    .binding_count = 2,
    .bindings = {{.type = "tls-exporter", .len = 4, .data = {0, 1, 2, 255}},
		 {.type = "tls-unique", .unasked = true, .len = 3, .data = {9, 8, 7}}},
};

/* --- a store with one user: "user" --- */

struct fixture {
	struct known_random random;
	struct sasl_credentials credentials;
	char asked[JID_PART_MAX + 1]; /* whom the lookup was last asked for */
};

static int lookup(void *arg, const char *user, struct sasl_credentials *credentials)
{
	struct fixture *f = arg;

	strcpy(f->asked, user);
	if (strcmp(user, "user") != 0)
		return -1;
	*credentials = f->credentials;
	return 0;
}

static void fixture_init(struct fixture *f, const char *password)
{
	struct err err = {0};

	memset(f, 0, sizeof(*f));
	known_random_init(&f->random, 7);
	assert_int_equal(sasl_credentials_make(&f->random.env, password, &f->credentials, &err), 0);
}

static struct sasl *begin(struct fixture *f, const char *mechanism)
{
	struct sasl *sasl =
	    sasl_new(&f->random.env, mechanism, &plain_channel, &state_secret, lookup, f);

	assert_non_null(sasl);
	return sasl;
}

/* One step with text both ways; reply is empty after a failure. */
static enum sasl_result step(struct sasl *sasl, const char *message,
			     char reply[SASL_MESSAGE_MAX + 1], const char **condition)
{
	size_t len = 0;
	enum sasl_result result =
	    sasl_step(sasl, (const uint8_t *)message, message ? strlen(message) : 0,
		      (uint8_t *)reply, SASL_MESSAGE_MAX, &len, condition);

	reply[len] = 0;
	assert_true((result == SASL_FAILURE) == (*condition != NULL));
	return result;
}

/* --- published exchanges --- */

static void test_published(void **state)
{
	static const struct {
		enum scram_hash hash;
		const char *first, *server_nonce, *salt, *challenge, *last, *success;
	} cases[] = {
	    /* RFC 5802 section 5 */
	    {SCRAM_SHA1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j",
	     "QSXCR+Q6sek8bf92",
	     "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
	     "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	     "rmF9pqV8S7suAoZWja4dJRkFsKQ="},
	    /* RFC 7677 section 3 */
	    {SCRAM_SHA256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	     "W22ZaJ0SNY7soEsUEjb6gQ==",
	     "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i="
	     "4096",
	     "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	     "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum scram_hash hash = cases[i].hash;
		struct scram scram;
		struct scram_keys keys;
		struct buf out;
		uint8_t salt[64], proof[SCRAM_KEY_MAX], signature[SCRAM_KEY_MAX];
		int salt_len =
		    base64_decode(cases[i].salt, strlen(cases[i].salt), salt, sizeof(salt));
		char message[SASL_MESSAGE_MAX], text[100];
		const char *name, *authzid;

		assert_true(salt_len > 0);
		scram_init(&scram, hash);
		buf_init(&out, SASL_MESSAGE_MAX);
		strcpy(message, cases[i].first);
		assert_null(scram_take_first(&scram, message, &name, &authzid));
		assert_string_equal(name, "user");
		assert_string_equal(authzid, "");
		assert_null(scram_challenge(&scram, cases[i].server_nonce, salt, (size_t)salt_len,
					    4096, &out));
		assert_string_equal(buf_text(&out), cases[i].challenge);
		strcpy(message, cases[i].last);
		assert_null(scram_take_final(&scram, message, proof));
		assert_int_equal(
		    scram_keys_make(hash, PASSWORD, salt, (size_t)salt_len, 4096, &keys), 0);
		assert_int_equal(scram_verify(hash, &keys, buf_text(&scram.auth), proof, signature),
				 0);
		base64_encode(signature, scram_hash_len(hash), text);
		assert_string_equal(text, cases[i].success);
		/* One bit makes it another proof. */
		proof[0] ^= 1;
		assert_int_equal(scram_verify(hash, &keys, buf_text(&scram.auth), proof, signature),
				 -1);
		buf_free(&out);
		scram_free(&scram);
	}
}

/* --- a client --- */

struct client {
	enum scram_hash hash;
	const char *gs2, *bare, *password;
	char last[5000];     /* client-final-message */
	char signature[64];  /* what the server must answer */
	const void *binding; /* channel binding data that it believes in */
	size_t binding_len;
};

static void hmac(const EVP_MD *md, const uint8_t *key, const char *text, uint8_t *out)
{
	assert_non_null(
	    HMAC(md, key, EVP_MD_get_size(md), (const uint8_t *)text, strlen(text), out, NULL));
}

/* Answer the challenge; extension goes in front of the proof (",x=y" or ""). */
static void client_answer(struct client *c, const char *challenge, const char *extension)
{
	const EVP_MD *md = c->hash == SCRAM_SHA1 ? EVP_sha1() : EVP_sha256();
	int len = EVP_MD_get_size(md), salt_len, iterations;
	char nonce[2000], salt_text[100], gs2[2000], auth[9000], proof[64], without[4500];
	uint8_t salt[64], salted[32], client_key[32], stored[32], server_key[32], signature[32];
	uint8_t input[1500];

	assert_int_equal(
	    sscanf(challenge, "r=%1999[^,],s=%99[^,],i=%d", nonce, salt_text, &iterations), 3);
	assert_int_equal(iterations, SCRAM_ITERATIONS);
	salt_len = base64_decode(salt_text, strlen(salt_text), salt, sizeof(salt));
	assert_int_equal(salt_len, SCRAM_SALT_LEN);
	memcpy(input, c->gs2, strlen(c->gs2));
	if (c->binding_len)
		memcpy(input + strlen(c->gs2), c->binding, c->binding_len);
	base64_encode(input, strlen(c->gs2) + c->binding_len, gs2);
	snprintf(without, sizeof(without), "c=%s,r=%s%s", gs2, nonce, extension);
	snprintf(auth, sizeof(auth), "%s,%s,%s", c->bare, challenge, without);
	PKCS5_PBKDF2_HMAC(c->password, (int)strlen(c->password), salt, salt_len, iterations, md,
			  len, salted);
	hmac(md, salted, "Client Key", client_key);
	EVP_Digest(client_key, (size_t)len, stored, NULL, md, NULL);
	hmac(md, stored, auth, signature);
	for (int i = 0; i < len; i++)
		client_key[i] ^= signature[i];
	base64_encode(client_key, (size_t)len, proof);
	snprintf(c->last, sizeof(c->last), "%s,p=%s", without, proof);
	hmac(md, salted, "Server Key", server_key);
	hmac(md, server_key, auth, signature);
	strcpy(c->signature, "v=");
	base64_encode(signature, (size_t)len, c->signature + 2);
}

static const struct {
	const char *mechanism;
	enum scram_hash hash;
} scrams[] = {{"SCRAM-SHA-1", SCRAM_SHA1}, {"SCRAM-SHA-256", SCRAM_SHA256}};

static void test_exchanges(void **state)
{
	static const struct {
		const char *gs2, *bare, *password, *extension;
		const char *condition; /* NULL: success */
	} cases[] = {
	    {"n,,", "n=user,r=abc", PASSWORD, "", NULL},
	    {"y,,", "n=user,r=abc", PASSWORD, "", NULL},
	    {"n,,", "n=User,r=abc", PASSWORD, "", NULL},
	    {"n,,",
	     "n=us\xc2\xad"
	     "er,r=abc",
	     PASSWORD, "", NULL},
	    {"n,a=user,", "n=user,r=abc", PASSWORD, "", NULL},
	    {"n,a=user@localhost,", "n=user,r=abc", PASSWORD, "", NULL},
	    {"n,,", "n=user,r=abc,x=extension", PASSWORD, "", NULL},
	    {"n,,", "n=user,r=!#$%&'()*+-./09:;<=>?@AZ[\\]^_`az{|}~", PASSWORD, ",x=y", NULL},
	    {"n,,", "n=user,r=abc", "Pencil", "", "not-authorized"},
	    {"n,,", "n=nobody,r=abc", PASSWORD, "", "not-authorized"},
	    {"n,,", "n=nobody,r=abc", "", "", "not-authorized"},
	};

	(void)state;
	for (size_t k = 0; k < 2 * sizeof(cases) / sizeof(cases[0]); k++) {
		size_t i = k / 2;
		struct client c = {scrams[k % 2].hash,
				   cases[i].gs2,
				   cases[i].bare,
				   cases[i].password,
				   "",
				   "",
				   NULL,
				   0};
		char message[SASL_MESSAGE_MAX], reply[SASL_MESSAGE_MAX + 1];
		const char *condition;
		struct fixture f;
		struct sasl *sasl;

		fixture_init(&f, PASSWORD);
		sasl = begin(&f, scrams[k % 2].mechanism);
		snprintf(message, sizeof(message), "%s%s", c.gs2, c.bare);
		assert_int_equal(step(sasl, message, reply, &condition), SASL_CHALLENGE);
		client_answer(&c, reply, cases[i].extension);
		if (cases[i].condition) {
			assert_int_equal(step(sasl, c.last, reply, &condition), SASL_FAILURE);
			assert_string_equal(condition, cases[i].condition);
			assert_string_equal(sasl_user(sasl), "");
		} else {
			assert_int_equal(step(sasl, c.last, reply, &condition), SASL_SUCCESS);
			assert_string_equal(reply, c.signature);
			assert_string_equal(sasl_user(sasl), "user");
		}
		/* Nothing may follow, the same proof once more included. */
		assert_int_equal(step(sasl, c.last, reply, &condition), SASL_FAILURE);
		sasl_free(&sasl);
		assert_null(sasl);
	}
}

/* RFC 5802 section 6: who may say what about channel binding, and what it must be. */
static void test_binding(void **state)
{
	static const struct {
		const char *mechanism, *gs2;
		const char *binding;
		size_t len;
		bool offered, guessed;
		const char *password, *first, *last; /* conditions; NULL: it goes on */
	} cases[] = {
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "\0\1\2\377", 4, true, false, PASSWORD, NULL,
	     NULL},
	    {"SCRAM-SHA-1-PLUS", "p=tls-exporter,,", "\0\1\2\377", 4, true, false, PASSWORD, NULL,
	     NULL},
	    {"SCRAM-SHA-256-PLUS", "p=tls-unique,a=user,", "\11\10\7", 3, true, false, PASSWORD,
	     NULL, NULL},
	    /* another connection's, the other type's, none, more */
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "\0\1\2\376", 4, true, false, PASSWORD, NULL,
	     "not-authorized"},
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "\11\10\7", 3, true, false, PASSWORD, NULL,
	     "not-authorized"},
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "", 0, true, false, PASSWORD, NULL,
	     "not-authorized"},
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "\0\1\2\377\0", 5, true, false, PASSWORD,
	     NULL, "not-authorized"},
	    /* bound, and the password is wrong: that is a guess */
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "\0\1\2\377", 4, true, true, "wrong", NULL,
	     "not-authorized"},
	    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", "", 0, true, false, PASSWORD,
	     "not-authorized", NULL},
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporte,,", "", 0, true, false, PASSWORD,
	     "not-authorized", NULL},
	    {"SCRAM-SHA-256-PLUS", "n,,", "", 0, true, false, PASSWORD, "malformed-request", NULL},
	    {"SCRAM-SHA-256-PLUS", "y,,", "", 0, true, false, PASSWORD, "malformed-request", NULL},
	    {"SCRAM-SHA-256-PLUS", "p=,,", "", 0, true, false, PASSWORD, "malformed-request", NULL},
	    /* without -PLUS: the client may know nothing of it; that it was not offered, is a lie
	     */
	    {"SCRAM-SHA-256", "n,,", "", 0, true, false, PASSWORD, NULL, NULL},
	    {"SCRAM-SHA-256", "y,,", "", 0, true, false, PASSWORD, "not-authorized", NULL},
	    {"SCRAM-SHA-256", "p=tls-exporter,,", "", 0, true, false, PASSWORD, "not-authorized",
	     NULL},
	    {"SCRAM-SHA-256", "y,,", "", 0, false, false, PASSWORD, NULL, NULL},
	    {"SCRAM-SHA-256", "p=tls-exporter,,", "", 0, false, false, PASSWORD, "not-authorized",
	     NULL},
	    {"SCRAM-SHA-256", "n,,", "\0\1\2\377", 4, true, false, PASSWORD, NULL,
	     "not-authorized"},
	};
	char reply[SASL_MESSAGE_MAX + 1], first[200];
	const char *condition;
	struct fixture f;

	(void)state;
	fixture_init(&f, PASSWORD);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client client = {.hash = strstr(cases[i].mechanism, "SHA-1") ? SCRAM_SHA1
										    : SCRAM_SHA256,
					.gs2 = cases[i].gs2,
					.bare = "n=user,r=abc",
					.password = cases[i].password,
					.binding = cases[i].binding,
					.binding_len = cases[i].len};
		struct sasl *sasl = sasl_new(&f.random.env, cases[i].mechanism,
					     cases[i].offered ? &bound_channel : &plain_channel,
					     &state_secret, lookup, &f);

		print_message("%s %s\n", cases[i].mechanism, cases[i].gs2);
		snprintf(first, sizeof(first), "%s%s", client.gs2, client.bare);
		step(sasl, first, reply, &condition);
		if (cases[i].first) {
			assert_string_equal(condition, cases[i].first);
		} else {
			assert_null(condition);
			client_answer(&client, reply, "");
			step(sasl, client.last, reply, &condition);
			if (cases[i].last)
				assert_string_equal(condition, cases[i].last);
			else
				assert_string_equal(reply, client.signature);
		}
		if (cases[i].guessed)
			assert_string_equal(sasl_guessed(sasl), "user");
		else
			assert_null(sasl_guessed(sasl));
		sasl_free(&sasl);
	}
}

/* Only what tells something about a password is a guess. */
static void test_guessed(void **state)
{
	static const struct {
		const char *message;
		size_t len;
		const char *guessed;
	} cases[] = {
	    {"\0user\0wrong", 11, "user"},
	    {"\0User\0wrong", 11, "user"},
	    {"\0nobody\0wrong", 13, "nobody"},
	    {"\0user\0" PASSWORD, 12, NULL},
	    {"\0user", 5, NULL},
	    {"other\0user\0" PASSWORD, 17, NULL},
	    {"\0\0wrong", 7, NULL},
	};
	char reply[SASL_MESSAGE_MAX + 1];
	const char *condition;
	struct fixture f;

	(void)state;
	fixture_init(&f, PASSWORD);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl *sasl = begin(&f, "PLAIN");
		size_t len = 0;

		sasl_step(sasl, (const uint8_t *)cases[i].message, cases[i].len, (uint8_t *)reply,
			  SASL_MESSAGE_MAX, &len, &condition);
		if (cases[i].guessed)
			assert_string_equal(sasl_guessed(sasl), cases[i].guessed);
		else
			assert_null(sasl_guessed(sasl));
		sasl_free(&sasl);
	}
}

static void test_bad_first(void **state)
{
	static const struct {
		const char *message, *condition;
	} cases[] = {
	    {"", "malformed-request"},
	    {"n", "malformed-request"},
	    {"n,", "malformed-request"},
	    {"n,,", "malformed-request"},
	    {"n,,n=user", "malformed-request"},
	    {"n,,r=abc", "malformed-request"},
	    {"n,,r=abc,n=user", "malformed-request"},
	    {"n,,n=user,r=", "malformed-request"},
	    {"n,,n=,r=abc", "malformed-request"},
	    {"n,,n=user,,r=abc", "malformed-request"},
	    {"n,,n=user,r=a\x7f", "malformed-request"},
	    {"n,,n=user,r=a b", "malformed-request"},
	    {"n,,n=user,r=\xc3\xa4", "malformed-request"},
	    {"n,,n=us=er,r=abc", "malformed-request"},
	    {"n,,n=us=2c,r=abc", "malformed-request"},
	    {"n,,n=us=2,r=abc", "malformed-request"},
	    {"n,,n=us=,r=abc", "malformed-request"},
	    {"n,,m=x,n=user,r=abc", "malformed-request"},
	    {"x,,n=user,r=abc", "malformed-request"},
	    {"n,b=user,n=user,r=abc", "malformed-request"},
	    {"n,a=,n=user,r=abc", "malformed-request"},
	    {"n,a=us=er,n=user,r=abc", "malformed-request"},
	    {"nn,,n=user,r=abc", "malformed-request"},
	    {"p=tls-unique,,n=user,r=abc", "not-authorized"},
	    {"n,,n=us=2Cer,r=abc", NULL}, /* "us,er": a name, though not ours */
	    {"n,,n=us=3Der,r=abc", NULL},
	    {"n,,n=us er,r=abc", "not-authorized"}, /* no local part has a blank */
	    {"n,,n=user@localhost,r=abc", "not-authorized"},
	    {"n,,n=\xff,r=abc", "not-authorized"},
	    {"n,,n=a\x01,r=abc", "not-authorized"},
	    {"n,a=admin,n=user,r=abc", "invalid-authzid"},
	    {"n,a=admin@localhost,n=user,r=abc", "invalid-authzid"},
	    {"n,a=user@localhost/r,n=user,r=abc", "invalid-authzid"},
	    {"n,a=localhost,n=user,r=abc", "invalid-authzid"},
	    {"n,a=@,n=user,r=abc", "invalid-authzid"},
	    {"n,a=nobody,n=nobody,r=abc", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char reply[SASL_MESSAGE_MAX + 1];
		const char *condition;
		struct fixture f;
		struct sasl *sasl;

		fixture_init(&f, PASSWORD);
		sasl = begin(&f, "SCRAM-SHA-256");
		if (cases[i].condition) {
			if (step(sasl, cases[i].message, reply, &condition) != SASL_FAILURE)
				fail_msg("taken: %s", cases[i].message);
			if (strcmp(condition, cases[i].condition) != 0)
				fail_msg("%s: %s", cases[i].message, condition);
		} else if (step(sasl, cases[i].message, reply, &condition) != SASL_CHALLENGE) {
			fail_msg("%s: %s", cases[i].message, condition);
		}
		sasl_free(&sasl);
	}
}

/* Each is made from the right last message by replacing one part. */
static void test_bad_last(void **state)
{
	static const struct {
		const char *part, *with, *condition;
	} cases[] = {
	    {"c=biws", "c=eSws", "not-authorized"}, /* another gs2 header than at first */
	    {"c=biws", "c=biwsbiws", "not-authorized"},
	    {"c=biws", "c=", "not-authorized"},
	    {"c=biws", "c=!", "not-authorized"},
	    {"c=biws", "x=biws", "malformed-request"},
	    {"c=biws,", "", "malformed-request"},
	    {"r=abc", "r=abd", "not-authorized"},
	    {"r=abc", "r=", "not-authorized"},
	    {"r=abc", "x=abc", "malformed-request"},
	    {"r=abc", "x=y,r=abc", "malformed-request"},
	    {",p=", ",x=y,p=", "not-authorized"}, /* not what was proved */
	    {",p=", "p=", "malformed-request"},
	    {",p=", ",q=", "malformed-request"},
	    {",p=", ",p", "malformed-request"},
	    {",p=", ",p=AAAA", "malformed-request"},
	    {",p=", ",p=!", "malformed-request"},
	    {",p=", ",p=,", "malformed-request"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c = {SCRAM_SHA256, "n,,", "n=user,r=abc", PASSWORD, "", "", NULL, 0};
		char reply[SASL_MESSAGE_MAX + 1], message[2 * SASL_MESSAGE_MAX], *at;
		const char *condition;
		struct fixture f;
		struct sasl *sasl;

		fixture_init(&f, PASSWORD);
		sasl = begin(&f, "SCRAM-SHA-256");
		assert_int_equal(step(sasl, "n,,n=user,r=abc", reply, &condition), SASL_CHALLENGE);
		client_answer(&c, reply, "");
		at = strstr(c.last, cases[i].part);
		assert_non_null(at);
		snprintf(message, sizeof(message), "%.*s%s%s", (int)(at - c.last), c.last,
			 cases[i].with, at + strlen(cases[i].part));
		if (step(sasl, message, reply, &condition) != SASL_FAILURE)
			fail_msg("taken: %s", message);
		if (strcmp(condition, cases[i].condition) != 0)
			fail_msg("%s: %s", message, condition);
		sasl_free(&sasl);
	}
}

/* Cut off anywhere, or with a NUL anywhere, it is refused and nothing is read past the end. */
static void test_cut_off(void **state)
{
	struct client c = {SCRAM_SHA256, "n,,", "n=user,r=abc", PASSWORD, "", "", NULL, 0};
	char reply[SASL_MESSAGE_MAX + 1];
	const char *condition;
	size_t last_len = 1;

	(void)state;
	for (size_t cut = 0; cut < last_len; cut++) {
		struct fixture f;
		struct sasl *sasl;
		uint8_t out[SASL_MESSAGE_MAX], *exact;
		size_t out_len;

		fixture_init(&f, PASSWORD);
		sasl = begin(&f, "SCRAM-SHA-256");
		assert_int_equal(step(sasl, "n,,n=user,r=abc", reply, &condition), SASL_CHALLENGE);
		client_answer(&c, reply, "");
		last_len = strlen(c.last);
		if (cut % 2)
			c.last[cut] = 0;
		exact = malloc(cut + 1);
		memcpy(exact, c.last, cut + 1);
		assert_int_equal(sasl_step(sasl, exact, cut % 2 ? cut + 1 : cut, out, sizeof(out),
					   &out_len, &condition),
				 SASL_FAILURE);
		assert_int_equal(out_len, 0);
		free(exact);
		sasl_free(&sasl);
	}
	assert_true(last_len > 50);
}

/* What a stranger sees of a user who does not exist must not differ from one who does. */
static void test_unknown_user(void **state)
{
	static const struct key other_secret = {{9}};
	char replies[5][SASL_MESSAGE_MAX + 1], *salts[5];
	const char *condition;
	struct fixture f;

	(void)state;
	fixture_init(&f, PASSWORD);
	for (int i = 0; i < 5; i++) {
		static const char *const firsts[] = {"n,,n=nobody,r=abc", "n,,n=nobody,r=abc",
						     "n,,n=other,r=abc", "n,,n=nobody,r=abc",
						     "n,,n=user,r=abc"};
		struct sasl *sasl =
		    sasl_new(&f.random.env, i == 1 ? "SCRAM-SHA-1" : "SCRAM-SHA-256", &open_channel,
			     i == 3 ? &other_secret : &state_secret, lookup, &f);

		assert_int_equal(step(sasl, firsts[i], replies[i], &condition), SASL_CHALLENGE);
		salts[i] = strstr(replies[i], ",s=");
		assert_non_null(salts[i]);
		assert_int_equal(strlen(salts[i]), strlen(salts[0]));
		sasl_free(&sasl);
	}
	assert_string_equal(salts[0], salts[1]);
	assert_string_not_equal(salts[0], salts[2]);
	assert_string_not_equal(salts[0], salts[3]);
	assert_string_not_equal(salts[0], salts[4]);
	/* Nonces are new each time. */
	assert_string_not_equal(replies[0], replies[1]);
}

static void test_nonce(void **state)
{
	struct fixture f;
	char reply[SASL_MESSAGE_MAX + 1];
	const char *condition;
	struct sasl *sasl;

	(void)state;
	fixture_init(&f, PASSWORD);
	known_random_queue(&f.random, "eighteen bytes, so", 18);
	sasl = begin(&f, "SCRAM-SHA-1");
	assert_int_equal(step(sasl, "n,,n=user,r=abc", reply, &condition), SASL_CHALLENGE);
	assert_ptr_equal(strstr(reply, "r=abcZWlnaHRlZW4gYnl0ZXMsIHNv,s="), reply);
	assert_non_null(strstr(reply, ",i=10000"));
	sasl_free(&sasl);
}

/* --- PLAIN --- */

static void test_plain(void **state)
{
#define M(text) text, sizeof(text) - 1
	static const struct {
		const char *message;
		size_t len;
		const char *condition; /* NULL: success */
	} cases[] = {
	    {M("\0user\0pencil"), NULL},
	    {M("user\0user\0pencil"), NULL},
	    {M("user@localhost\0user\0pencil"), NULL},
	    {M("\0USER\0pencil"), NULL},
	    {M("\0user\0pen\xc2\xad"
	       "cil"),
	     NULL},
	    {M("\0user\0Pencil"), "not-authorized"},
	    {M("\0user\0pencil "), "not-authorized"},
	    {M("\0nobody\0pencil"), "not-authorized"},
	    {M("\0us er\0pencil"), "not-authorized"},
	    {M("\0user@localhost\0pencil"), "not-authorized"},
	    {M("\0user\0\x01"), "not-authorized"},
	    {M("\0user\0\xff"), "not-authorized"},
	    {M("admin\0user\0pencil"), "invalid-authzid"},
	    {M("admin@localhost\0user\0pencil"), "invalid-authzid"},
	    {M("user@localhost/r\0user\0pencil"), "invalid-authzid"},
	    {M(""), "malformed-request"},
	    {M("\0"), "malformed-request"},
	    {M("\0\0"), "malformed-request"},
	    {M("\0\0\0"), "malformed-request"},
	    {M("\0user"), "malformed-request"},
	    {M("\0user\0"), "malformed-request"},
	    {M("\0\0pencil"), "malformed-request"},
	    {M("\0user\0pencil\0"), "malformed-request"},
	    {M("\0user\0pen\0cil"), "malformed-request"},
	    {M("user"), "malformed-request"},
	};
#undef M

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t out[SASL_MESSAGE_MAX], *exact = malloc(cases[i].len + 1);
		size_t out_len = 1;
		const char *condition = NULL;
		struct fixture f;
		struct sasl *sasl;
		enum sasl_result result;

		fixture_init(&f, PASSWORD);
		sasl = begin(&f, "PLAIN");
		memcpy(exact, cases[i].message, cases[i].len);
		result =
		    sasl_step(sasl, exact, cases[i].len, out, sizeof(out), &out_len, &condition);
		if (result != (cases[i].condition ? SASL_FAILURE : SASL_SUCCESS) ||
		    (condition && strcmp(condition, cases[i].condition) != 0))
			fail_msg("case %zu: %s", i, condition ? condition : "success");
		assert_int_equal(out_len, 0);
		assert_string_equal(sasl_user(sasl), cases[i].condition ? "" : "user");
		free(exact);
		sasl_free(&sasl);
	}
}

static void test_sizes(void **state)
{
	static const char *const all[] = {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"};
	static uint8_t big[SASL_MESSAGE_MAX + 1], out[SASL_MESSAGE_MAX];
	const char *condition;
	size_t out_len;
	struct fixture f;

	(void)state;
	fixture_init(&f, PASSWORD);
	for (size_t len = SASL_MESSAGE_MAX - 1; len <= SASL_MESSAGE_MAX + 1; len++) {
		for (int i = 0; i < 3; i++) {
			struct sasl *sasl = begin(&f, all[i]);

			memset(big, 'x', sizeof(big));
			memcpy(big, i ? "n,,n=user,r=" : "\0user\0", i ? 12 : 6);
			assert_int_equal(
			    sasl_step(sasl, big, len, out, sizeof(out), &out_len, &condition),
			    SASL_FAILURE);
			assert_string_equal(condition, i || len > SASL_MESSAGE_MAX
							   ? "malformed-request"
							   : "not-authorized");
			sasl_free(&sasl);
		}
	}
}

/* Without an initial response the server asks once. */
static void test_asks(void **state)
{
	char reply[SASL_MESSAGE_MAX + 1];
	const char *condition;
	struct fixture f;
	struct sasl *sasl;

	(void)state;
	fixture_init(&f, PASSWORD);
	sasl = begin(&f, "SCRAM-SHA-1");
	assert_int_equal(step(sasl, NULL, reply, &condition), SASL_CHALLENGE);
	assert_string_equal(reply, "");
	assert_int_equal(step(sasl, "n,,n=user,r=abc", reply, &condition), SASL_CHALLENGE);
	assert_int_equal(step(sasl, NULL, reply, &condition), SASL_FAILURE);
	sasl_free(&sasl);
	sasl = begin(&f, "PLAIN");
	assert_int_equal(step(sasl, NULL, reply, &condition), SASL_CHALLENGE);
	assert_int_equal(step(sasl, NULL, reply, &condition), SASL_FAILURE);
	assert_string_equal(condition, "malformed-request");
	sasl_free(&sasl);
	sasl_free(&sasl);
}

static void test_mechanisms(void **state)
{
	static const struct {
		const struct sasl_channel *channel;
		size_t count;
		const char *first;
	} channels[] = {{&open_channel, 2, "SCRAM-SHA-256"},
			{&plain_channel, 3, "SCRAM-SHA-256"},
			{&bound_channel, 5, "SCRAM-SHA-256-PLUS"}};
	static const struct {
		const char *name;
		const struct sasl_channel *channel;
	} refused[] = {{"PLAIN", &open_channel},
		       {"plain", &plain_channel},
		       {"SCRAM-SHA-1-PLUS", &plain_channel},
		       {"SCRAM-SHA-1-plus", &bound_channel},
		       {"", &bound_channel}};
	struct fixture f;

	(void)state;
	fixture_init(&f, PASSWORD);
	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
		const char *names[SASL_MECHANISMS_MAX + 1];
		size_t count = 0;

		sasl_mechanisms(channels[i].channel, names);
		for (; names[count]; count++) {
			struct sasl *sasl =
			    sasl_new(&f.random.env, names[count], channels[i].channel,
				     &state_secret, lookup, &f);

			assert_non_null(sasl);
			sasl_free(&sasl);
		}
		assert_int_equal(count, channels[i].count);
		assert_string_equal(names[0], channels[i].first);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_null(sasl_new(&f.random.env, refused[i].name, refused[i].channel,
				     &state_secret, lookup, &f));
}

/* --- credentials --- */

static void test_credentials(void **state)
{
	char long_password[SASL_PASSWORD_MAX + 2];
	uint8_t flat[SASL_CREDENTIALS_LEN + 1] = {0};
	struct sasl_credentials back;
	struct fixture f;
	struct err err;

	(void)state;
	fixture_init(&f, "\xe2\x85\xa8"); /* roman nine, which SASLprep writes as "IX" */
	sasl_credentials_write(&f.credentials, flat);
	assert_int_equal(sasl_credentials_read(flat, SASL_CREDENTIALS_LEN, &back), 0);
	assert_memory_equal(&back, &f.credentials, sizeof(back));
	for (size_t len = 0; len < SASL_CREDENTIALS_LEN; len++)
		assert_int_equal(sasl_credentials_read(flat, len, &back), -1);
	assert_int_equal(sasl_credentials_read(flat, sizeof(flat), &back), -1);
	flat[0] ^= 1;
	assert_int_equal(sasl_credentials_read(flat, SASL_CREDENTIALS_LEN, &back), -1);
	flat[0] ^= 1;
	memset(flat + 1, 0, 4);
	assert_int_equal(sasl_credentials_read(flat, SASL_CREDENTIALS_LEN, &back), -1);
	memset(flat + 1, 0xff, 4);
	assert_int_equal(sasl_credentials_read(flat, SASL_CREDENTIALS_LEN, &back), -1);

	for (int hash = 0; hash < SCRAM_HASHES; hash++) {
		struct scram_keys keys;

		assert_int_equal(scram_keys_make((enum scram_hash)hash, "IX", f.credentials.salt,
						 SCRAM_SALT_LEN, SCRAM_ITERATIONS, &keys),
				 0);
		assert_memory_equal(&keys, &f.credentials.keys[hash], sizeof(keys));
	}

	assert_int_equal(sasl_credentials_make(&f.random.env, "", &back, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(sasl_credentials_make(&f.random.env, "\xff", &back, NULL), -1);
	assert_int_equal(sasl_credentials_make(&f.random.env, "a\n", &back, NULL), -1);
	memset(long_password, 'x', sizeof(long_password));
	long_password[SASL_PASSWORD_MAX + 1] = 0;
	assert_int_equal(sasl_credentials_make(&f.random.env, long_password, &back, &err), -1);
	long_password[SASL_PASSWORD_MAX] = 0;
	assert_int_equal(sasl_credentials_make(&f.random.env, long_password, &back, &err), 0);
}

/* --- allocation failures --- */

static void test_allocation_failures(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, PASSWORD);
	for (long n = 0;; n++) {
		struct client c = {SCRAM_SHA256, "n,,", "n=user,r=abc", PASSWORD, "", "", NULL, 0};
		char reply[SASL_MESSAGE_MAX + 1];
		const char *condition = NULL;
		enum sasl_result result = SASL_FAILURE;
		struct sasl *sasl;
		bool failed;

		fail_malloc_arm(n);
		sasl = sasl_new(&f.random.env, "SCRAM-SHA-256", &plain_channel, &state_secret,
				lookup, &f);
		if (sasl)
			result = step(sasl, "n,,n=user,r=abc", reply, &condition);
		if (result == SASL_CHALLENGE) {
			client_answer(&c, reply, "");
			result = step(sasl, c.last, reply, &condition);
		}
		failed = fail_malloc_disarm();
		if (!failed)
			assert_int_equal(result, SASL_SUCCESS);
		else if (sasl && result == SASL_FAILURE)
			assert_string_equal(condition, "temporary-auth-failure");
		sasl_free(&sasl);
		if (!failed) {
			assert_true(n > 4);
			return;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_published),
	    cmocka_unit_test(test_exchanges),
	    cmocka_unit_test(test_binding),
	    cmocka_unit_test(test_guessed),
	    cmocka_unit_test(test_bad_first),
	    cmocka_unit_test(test_bad_last),
	    cmocka_unit_test(test_cut_off),
	    cmocka_unit_test(test_unknown_user),
	    cmocka_unit_test(test_nonce),
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_asks),
	    cmocka_unit_test(test_mechanisms),
	    cmocka_unit_test(test_credentials),
	    cmocka_unit_test(test_allocation_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
