/*
 * dialogue_login.c: SASL as a client does it (RFC 5802, RFC 4616), written apart from the server's
 * side so that one mistake is not made twice.
 */
#include "tests/xmpp/dialogue_client.h"

#include "core/base/codec.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define WAIT_MS 8000

static int send_element(struct dialogue_client *client, const char *name, const char *mechanism,
			const char *data, size_t len)
{
	char encoded[4096], text[5000];

	base64_encode(data, len, encoded);
	snprintf(text, sizeof(text), "<%s xmlns='" NS_SASL "'%s%s%s>%s</%s>", name,
		 mechanism ? " mechanism='" : "", mechanism ? mechanism : "", mechanism ? "'" : "",
		 encoded, name);
	return dialogue_client_send_text(client, text);
}

/* The data of the answer if it has that name; -1 with why otherwise. */
static int expect(struct dialogue_client *client, const char *name, char *out, size_t size,
		  char why[128])
{
	struct xml *element;
	const char *text;
	int len = -1;

	strcpy(why, "no answer");
	dialogue_client_next(client, WAIT_MS, &element);
	if (xml_is(element, name, NS_SASL)) {
		text = xml_text(element);
		len = base64_decode(text, strlen(text), out, size - 1);
		strcpy(why, "bad base64");
	} else if (element) {
		snprintf(why, 128, "%s",
			 xml_name(xml_first(element) ? xml_first(element) : element));
	}
	if (len >= 0)
		out[len] = '\0';
	xml_free(&element);
	return len;
}

static int plain(struct dialogue_client *client, const char *user, const char *password,
		 char why[128])
{
	char message[512], out[64];
	int len = snprintf(message, sizeof(message), "%c%s%c%s", 0, user, 0, password);

	send_element(client, "auth", "PLAIN", message, (size_t)len);
	return expect(client, "success", out, sizeof(out), why) == 0 ? 0 : -1;
}

/* HMAC(HMAC(key, label), message) or, with message NULL, HMAC(key, label). */
static void mac(const EVP_MD *md, const uint8_t *key, const char *data, uint8_t *out)
{
	unsigned len;

	HMAC(md, key, EVP_MD_size(md), (const uint8_t *)data, strlen(data), out, &len);
}

static int scram_check(const EVP_MD *md, const uint8_t *salted, const char *auth_message,
		       const char *final, char why[128])
{
	uint8_t server_key[32], signature[32];
	char expected[80] = "v=";

	mac(md, salted, "Server Key", server_key);
	mac(md, server_key, auth_message, signature);
	base64_encode(signature, (size_t)EVP_MD_size(md), expected + 2);
	strcpy(why, "the server's signature is wrong");
	return strcmp(expected, final) == 0 ? 0 : -1;
}

/* The client's final message, and the salted password for the check. */
static void scram_final(const EVP_MD *md, const char *password, const uint8_t *salt, int salt_len,
			int iterations, const char *without_proof, const char *auth_message,
			uint8_t *salted, char *out, size_t size)
{
	uint8_t client_key[32], stored[32], signature[32], proof[32];
	int len = EVP_MD_size(md);
	char text[64];

	PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, salt_len, iterations, md, len,
			  salted);
	mac(md, salted, "Client Key", client_key);
	EVP_Digest(client_key, (size_t)len, stored, NULL, md, NULL);
	mac(md, stored, auth_message, signature);
	for (int i = 0; i < len; i++)
		proof[i] = client_key[i] ^ signature[i];
	base64_encode(proof, (size_t)len, text);
	snprintf(out, size, "%s,p=%s", without_proof, text);
}

/* The "c=" value in base64: the header, and RFC 9266's value with a mechanism of channel binding.
 */
static void scram_binding(struct dialogue_client *client, const char *gs2, bool plus, char *out)
{
	uint8_t input[64 + 32];
	size_t len = strlen(gs2);

	memcpy(input, gs2, len);
	if (plus) {
		SSL_export_keying_material(dialogue_client_tls(client), input + len, 32,
					   "EXPORTER-Channel-Binding", 24, NULL, 0, 0);
		len += 32;
	}
	base64_encode(input, len, out);
}

static int scram(struct dialogue_client *client, const EVP_MD *md, const char *mechanism,
		 const char *user, const char *password, char why[128])
{
	char first[256], challenge[512], without_proof[400], auth[1300], final[600], done[256];
	char nonce[200], salt_text[100], binding[160];
	uint8_t salt[64], salted[32];
	int iterations, salt_len;
	bool plus = strstr(mechanism, "-PLUS") != NULL;
	const char *gs2 = plus ? "p=tls-exporter,," : "n,,";

	strcpy(why, "no TLS to bind to");
	if (plus && !dialogue_client_tls(client))
		return -1;
	snprintf(first, sizeof(first), "%sn=%s,r=fyko+d2lbbFgONRv9qkxdawL", gs2, user);
	send_element(client, "auth", mechanism, first, strlen(first));
	if (expect(client, "challenge", challenge, sizeof(challenge), why) < 0)
		return -1;
	strcpy(why, "bad challenge");
	if (sscanf(challenge, "r=%199[^,],s=%99[^,],i=%d", nonce, salt_text, &iterations) != 3 ||
	    strncmp(nonce, first + strlen(first) - 24, 24) != 0 || iterations < 4096)
		return -1;
	salt_len = base64_decode(salt_text, strlen(salt_text), salt, sizeof(salt));
	if (salt_len < 0)
		return -1;
	scram_binding(client, gs2, plus, binding);
	snprintf(without_proof, sizeof(without_proof), "c=%s,r=%s", binding, nonce);
	snprintf(auth, sizeof(auth), "%s,%s,%s", first + strlen(gs2), challenge, without_proof);
	scram_final(md, password, salt, salt_len, iterations, without_proof, auth, salted, final,
		    sizeof(final));
	send_element(client, "response", NULL, final, strlen(final));
	if (expect(client, "success", done, sizeof(done), why) < 0)
		return -1;
	return scram_check(md, salted, auth, done, why);
}

int dialogue_client_login(struct dialogue_client *client, const char *mechanism, const char *user,
			  const char *password, char why[128])
{
	int result;

	if (strcmp(mechanism, "PLAIN") == 0)
		result = plain(client, user, password, why);
	else if (strncmp(mechanism, "SCRAM-SHA-1", 11) == 0)
		result = scram(client, EVP_sha1(), mechanism, user, password, why);
	else
		result = scram(client, EVP_sha256(), mechanism, user, password, why);
	if (result == 0)
		dialogue_client_restart(client);
	return result;
}
