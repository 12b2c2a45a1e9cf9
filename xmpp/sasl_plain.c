/*
 * sasl_plain.c: the PLAIN mechanism (RFC 4616).
 *
 *     [authzid] NUL name NUL password
 *
 * The store has no passwords: SCRAM's keys are derived from what was sent and compared. An unknown
 * user costs the same time.
 */
#include "xmpp/sasl_private.h"

#include <string.h>

/* Is it the password behind the credentials? */
static bool password_fits(const struct sasl *sasl, const char *password)
{
	enum scram_hash hash = sasl->mechanism->hash;
	const struct sasl_credentials *credentials = &sasl->credentials;
	char prepared[SASL_PASSWORD_MAX + 1];
	struct scram_keys keys;
	bool fits;

	memset(&keys, 0, sizeof(keys));
	fits =
	    jid_saslprep(password, prepared, sizeof(prepared)) == 0 &&
	    scram_keys_make(hash, prepared, credentials->salt, SCRAM_SALT_LEN,
			    credentials->iterations, &keys) == 0 &&
	    secret_equal(keys.stored_key, credentials->keys[hash].stored_key, scram_hash_len(hash));
	secret_wipe(prepared, sizeof(prepared));
	secret_wipe(&keys, sizeof(keys));
	return fits && sasl->known;
}

enum sasl_result sasl_step_plain(struct sasl *sasl, char *message, size_t len,
				 const char **condition)
{
	const char *end = message + len, *authzid = message, *name, *password, *failure;

	*condition = "malformed-request";
	/* Behind the whole stands a NUL as well: each strlen ends within. */
	name = authzid + strlen(authzid) + 1;
	if (name > end)
		return SASL_FAILURE;
	password = name + strlen(name) + 1;
	if (password > end || password + strlen(password) != end || !*name || !*password)
		return SASL_FAILURE;
	failure = sasl_identify(sasl, name, authzid);
	if (!failure)
		failure = sasl_try(sasl);
	if (failure) {
		*condition = failure;
		return SASL_FAILURE;
	}
	*condition = "not-authorized";
	return password_fits(sasl, password) ? SASL_SUCCESS : SASL_FAILURE;
}
