/*
 * sasl_ht.c: tokens instead of passwords: HT-SHA-256 (draft-schmaus-kitten-sasl-ht-09).
 *
 *     C: name NUL HMAC(token, "Initiator" ‖ binding data)
 *     S: HMAC(token, "Responder" ‖ binding data)            with success
 *
 * One round trip. Whose tokens there are, the caller says.
 */
#include "xmpp/sasl_private.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define HT_LEN       32
#define HT_LABEL_LEN 9 /* of both labels */

static int prove(const struct sasl *sasl, const char *token, const char *label, uint8_t out[HT_LEN])
{
	uint8_t input[HT_LABEL_LEN + SASL_BINDING_LEN_MAX];
	const char *type = sasl->mechanism->binding;
	const struct sasl_binding *binding = type ? sasl_binding_find(&sasl->channel, type) : NULL;
	size_t len = binding ? binding->len : 0;
	const uint8_t *done;

	memcpy(input, label, HT_LABEL_LEN);
	if (binding)
		memcpy(input + HT_LABEL_LEN, binding->data, len);
	done = HMAC(EVP_sha256(), token, (int)strlen(token), input, HT_LABEL_LEN + len, out, NULL);
	secret_wipe(input, sizeof(input));
	return done ? 0 : -1;
}

/* As many proofs for a user without tokens as for one with all. */
static const char *check(struct sasl *sasl, const uint8_t proof[HT_LEN])
{
	struct sasl_token tokens[SASL_TOKENS_MAX];
	uint8_t right[HT_LEN];
	size_t count;
	bool found = false;

	memset(tokens, 0, sizeof(tokens));
	count = sasl->tokens(sasl->arg, sasl->user, sasl->mechanism->name, tokens);
	for (size_t i = 0; i < SASL_TOKENS_MAX; i++) {
		bool fits = prove(sasl, tokens[i].text, "Initiator", right) == 0 &&
			    secret_equal(right, proof, HT_LEN);

		if (!fits || i >= count || !sasl->known)
			continue;
		sasl->token = tokens[i];
		found = true;
	}
	secret_wipe(tokens, sizeof(tokens));
	secret_wipe(right, sizeof(right));
	if (!found)
		return "not-authorized";
	/* Who knows it has not guessed. */
	if (sasl->token.expired)
		sasl->tried = false;
	return sasl->token.expired ? "credentials-expired" : NULL;
}

enum sasl_result sasl_step_ht(struct sasl *sasl, char *message, size_t len, const char **condition)
{
	size_t name_len = strlen(message);
	uint8_t proof[HT_LEN], answer[HT_LEN];

	*condition = "malformed-request";
	if (name_len == 0 || len != name_len + 1 + HT_LEN)
		return SASL_FAILURE;
	memcpy(proof, message + name_len + 1, HT_LEN);
	*condition = sasl_identify(sasl, message, "");
	if (!*condition)
		*condition = sasl_try(sasl);
	if (!*condition)
		*condition = check(sasl, proof);
	if (!*condition && (prove(sasl, sasl->token.text, "Responder", answer) < 0 ||
			    buf_add(&sasl->out, answer, HT_LEN) < 0))
		*condition = "temporary-auth-failure";
	return *condition ? SASL_FAILURE : SASL_SUCCESS;
}
