/*
 * bridge_account.c: users of the server are accounts of the engine: names, passwords, registration.
 *
 *     setting "sasl": the password's SCRAM credentials, as sasl_credentials_write gives them
 *     setting "fast": the tokens of the account's clients, as the server gives them
 */
#include "component/bridge_private.h"

#include "core/base/log.h"
#include "core/base/secret.h"

#include <stdio.h>
#include <string.h>

#define SETTING_SASL "sasl"
#define SETTING_FAST "fast"
/* Longest name of a user of the server on this machine, in bytes: people type it. */
#define USER_NAME_MAX 64

static int check_name(const char *name, struct err *err)
{
	uint8_t public_key[X25519_LEN];
	char prepared[JID_PART_MAX + 1];

	if (!name[0] || strlen(name) > USER_NAME_MAX)
		return err_set(err, ERR_INPUT, "a name has 1 to %d bytes", USER_NAME_MAX);
	if (jid_local_prepare(name, prepared) || strcmp(prepared, name) != 0)
		return err_set(err, ERR_INPUT,
			       "a name has no capital letters, no blanks, and none of \"&'/:<>@");
	if (id_decode(name, public_key, NULL) == 0)
		return err_set(err, ERR_INPUT, "a name cannot be an id");
	return 0;
}

/* Of a user behind the gateway: it must be what a server stamps. */
static int check_remote_name(const char *name, struct err *err)
{
	struct jid jid;
	char text[JID_TEXT_SIZE];

	if (strlen(name) > ACCOUNT_NAME_MAX)
		return err_set(err, ERR_INPUT, "an address has at most %d bytes", ACCOUNT_NAME_MAX);
	if (jid_parse(name, &jid, err))
		return -1;
	jid_format_bare(&jid, text);
	if (!jid.local[0] || strcmp(text, name) != 0)
		return err_set(err, ERR_INPUT, "this is no bare JID as servers write it");
	return 0;
}

static int check_any_name(const char *name, struct err *err)
{
	return bridge_name_is_remote(name) ? check_remote_name(name, err) : check_name(name, err);
}

static int store_password(struct bridge *bridge, struct account *account, const char *password,
			  struct err *err)
{
	struct sasl_credentials credentials;
	uint8_t flat[SASL_CREDENTIALS_LEN];
	int result = sasl_credentials_make(bridge->env, password, &credentials, err);

	if (!result) {
		sasl_credentials_write(&credentials, flat);
		result = account_setting_set(account, SETTING_SASL, flat, sizeof(flat), err);
	}
	secret_wipe(flat, sizeof(flat));
	secret_wipe(&credentials, sizeof(credentials));
	return result ? err_wrap(err, "password") : 0;
}

/* Would the password be taken? Asked before an account is made that could not be used. */
static int check_password(struct bridge *bridge, const char *password, struct err *err)
{
	struct sasl_credentials credentials;
	int result = sasl_credentials_make(bridge->env, password, &credentials, err);

	secret_wipe(&credentials, sizeof(credentials));
	return result ? err_wrap(err, "password") : 0;
}

/* Also from the log of the file. */
static void forget_kept(struct bridge *bridge, const char *name)
{
	struct err err;

	if (bridge->local && (local_user_remove(bridge->local, name, &err) ||
			      local_store_scrub(bridge->local, &err)))
		log_error("what the server kept for a removed account is still there: %s",
			  err.text);
}

struct account *bridge_account_add(struct bridge *bridge, const char *name, const char *password,
				   struct err *err)
{
	struct account *account;

	if (check_name(name, err) || (password && check_password(bridge, password, err)))
		return NULL;
	account = engine_account_add(bridge->engine, name, err);
	/* One of that name may have gone while its messages could not be erased. */
	if (account)
		forget_kept(bridge, name);
	if (account && password && store_password(bridge, account, password, err)) {
		err_wrap(err, "the account is there, but has no password yet");
		account = NULL;
	}
	bridge_changed(bridge);
	return account;
}

struct account *bridge_remote_add(struct bridge *bridge, const char *jid, struct err *err)
{
	struct account *account = NULL;

	if (check_remote_name(jid, err) == 0)
		account = engine_account_add(bridge->engine, jid, err);
	if (account)
		forget_kept(bridge, jid);
	bridge_changed(bridge);
	return account;
}

int bridge_account_passwd(struct bridge *bridge, struct account *account, const char *password,
			  struct err *err)
{
	if (store_password(bridge, account, password, err))
		return -1;
	bridge_end_user(bridge, account_name(account));
	return 0;
}

static int remove_account(struct bridge *bridge, struct account **account, struct err *err)
{
	struct account *gone = *account;
	char name[ACCOUNT_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s", account_name(gone));
	if (engine_account_remove(account, err))
		return -1;
	bridge_sent_forget(bridge, gone);
	bridge_user_forget(bridge, gone);
	bridge_peer_forget(bridge, name, NULL);
	forget_kept(bridge, name);
	bridge_changed(bridge);
	return 0;
}

int bridge_account_remove(struct bridge *bridge, struct account **account, struct err *err)
{
	char name[ACCOUNT_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s", account_name(*account));
	if (remove_account(bridge, account, err))
		return -1;
	bridge_end_user(bridge, name);
	return 0;
}

struct account *bridge_account_restore(struct bridge *bridge, const char *path,
				       const char *passphrase, const char *name, struct err *err)
{
	struct account *account = NULL;

	if (!name || check_any_name(name, err) == 0)
		account = engine_account_import(bridge->engine, path, passphrase, name, err);
	if (account)
		bridge_shown_apply(account);
	bridge_changed(bridge);
	return account;
}

int bridge_credentials(void *arg, const char *user, struct sasl_credentials *out)
{
	struct bridge *bridge = arg;
	struct account *account = bridge->engine ? engine_account_find(bridge->engine, user) : NULL;
	size_t len = 0;
	void *flat = account ? account_setting_get(account, SETTING_SASL, &len) : NULL;
	int result = flat ? sasl_credentials_read(flat, len, out) : -1;

	secret_free(flat, flat ? len : 0);
	return result;
}

int bridge_tokens_get(void *arg, const char *user, struct buf *out)
{
	struct bridge *bridge = arg;
	struct account *account = bridge->engine ? engine_account_find(bridge->engine, user) : NULL;
	size_t len = 0;
	void *flat = account ? account_setting_get(account, SETTING_FAST, &len) : NULL;
	int result = flat ? buf_add(out, flat, len) : -1;

	secret_free(flat, flat ? len : 0);
	return result;
}

int bridge_tokens_set(void *arg, const char *user, const uint8_t *data, size_t len, struct err *err)
{
	struct account *account = bridge_account(arg, user, err);

	return account ? account_setting_set(account, SETTING_FAST, len > 0 ? data : NULL, len, err)
		       : -1;
}

/* --- from a client (XEP-0077) --- */

int bridge_account_create(void *arg, const char *user, const char *password, struct err *err)
{
	if (!bridge_account_add(arg, user, password, err))
		return -1;
	log_notice("a client has made an account");
	return 0;
}

int bridge_account_password(void *arg, const char *user, const char *password, struct err *err)
{
	struct account *account = bridge_account(arg, user, err);

	return account ? store_password(arg, account, password, err) : -1;
}

/* The server ends the streams. */
int bridge_account_end(void *arg, const char *user, struct err *err)
{
	struct account *account = bridge_account(arg, user, err);

	if (!account || remove_account(arg, &account, err))
		return -1;
	log_notice("a client has ended its account");
	return 0;
}
