/*
 * component_words.c: see component_words.h.
 */
#include "component/component_words.h"

#include "core/base/secret.h"
#include "xmpp/ns.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define SHA1_LEN 20

int component_words_open(const char *domain, struct buf *out)
{
	if (buf_add_text(out, "<?xml version='1.0'?><stream:stream xmlns='" NS_COMPONENT
			      "' xmlns:stream='" NS_STREAMS "' to='") ||
	    xml_escape(domain, out))
		return -1;
	return buf_add_text(out, "'>");
}

int component_words_proof(const char *stream_id, const char *secret, struct buf *out)
{
	size_t id_len = strlen(stream_id), len = id_len + strlen(secret);
	unsigned char digest[SHA1_LEN];
	char *text = malloc(len + 1);
	int result = -1;

	if (!text)
		return -1;
	memcpy(text, stream_id, id_len);
	strcpy(text + id_len, secret);
	if (EVP_Digest(text, len, digest, NULL, EVP_sha1(), NULL) == 1) {
		result = buf_add_text(out, "<handshake>");
		for (size_t i = 0; i < SHA1_LEN && !result; i++)
			result = buf_printf(out, "%02x", digest[i]);
		result = result ? -1 : buf_add_text(out, "</handshake>");
	}
	secret_free(text, len);
	return result;
}

int component_words_error(const char *condition, struct buf *out)
{
	return buf_printf(out, "<stream:error><%s xmlns='" NS_STREAM_ERRORS "'/></stream:error>",
			  condition);
}

void component_words_read_error(const struct xml *error, struct err *why)
{
	static const struct {
		const char *condition;
		enum err_code code;
		const char *words;
	} table[] = {
	    {"not-authorized", ERR_AUTH, "the server refuses the secret"},
	    {"host-unknown", ERR_AUTH, "the server knows no component of this domain"},
	    {"improper-addressing", ERR_AUTH, "the server knows no component of this domain"},
	    {"conflict", ERR_EXISTS, "another component of this domain is connected"},
	    {"invalid-from", ERR_PROTOCOL, "a stanza was not from the component's domain"},
	    {"system-shutdown", ERR_CLOSED, "the server is shutting down"},
	    {"connection-timeout", ERR_CLOSED, "the server has heard nothing for too long"},
	};
	const struct xml *condition = xml_child(error, NULL, NS_STREAM_ERRORS);
	const char *name = condition ? xml_name(condition) : "unknown";

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].condition, name) == 0) {
			err_set(why, table[i].code, "%s", table[i].words);
			return;
		}
	err_set(why, ERR_PROTOCOL, "the server has ended the stream: %s", name);
}
