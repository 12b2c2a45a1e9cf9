/*
 * bridge.c: the bridge itself, accounts, and the words by which users name contacts. See bridge.h.
 */
#include "component/bridge_private.h"

#include "core/base/secret.h"
#include "core/pair_secret.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SETTING_SASL "sasl"

struct bridge *bridge_new(const struct env *env, const char *domain, struct err *err)
{
	struct bridge *bridge = calloc(1, sizeof(*bridge));

	if (bridge) {
		bridge->env = env;
		bridge->domain = strdup(domain);
		bridge->sent = calloc(SENT_MAX, sizeof(*bridge->sent));
	}
	if (!bridge || !bridge->domain || !bridge->sent) {
		bridge_free(&bridge);
		err_set(err, ERR_MEMORY, "out of memory");
	}
	return bridge;
}

void bridge_free(struct bridge **bridge)
{
	if (!*bridge)
		return;
	free((*bridge)->domain);
	free((*bridge)->sent);
	free(*bridge);
	*bridge = NULL;
}

void bridge_set_engine(struct bridge *bridge, struct engine *engine)
{
	bridge->engine = engine;
}

void bridge_set_server(struct bridge *bridge, struct server *server)
{
	bridge->server = server;
}

struct engine *bridge_engine(const struct bridge *bridge)
{
	return bridge->engine;
}

void bridge_watch(struct bridge *bridge, void (*changed)(void *arg), void *arg)
{
	bridge->changed = changed;
	bridge->changed_arg = arg;
}

void bridge_changed(struct bridge *bridge)
{
	if (bridge->changed)
		bridge->changed(bridge->changed_arg);
}

struct contact *bridge_lookup(struct bridge *bridge, const char *user, const char *contact,
			      struct err *err)
{
	struct account *account = bridge->engine ? engine_account_find(bridge->engine, user) : NULL;
	struct contact *found = account ? contact_find(account, contact) : NULL;

	if (!account)
		err_set(err, ERR_NOT_FOUND, "no such account");
	else if (!found)
		err_set(err, ERR_NOT_FOUND, "not in the list of contacts; add it first");
	return found;
}

const char *bridge_user_of(const struct contact *contact)
{
	return account_name(contact_account(contact));
}

/* --- accounts --- */

static int check_name(const char *name, struct err *err)
{
	uint8_t public_key[X25519_LEN];
	char prepared[JID_PART_MAX + 1];

	if (!name[0] || strlen(name) > ACCOUNT_NAME_MAX)
		return err_set(err, ERR_INPUT, "a name has 1 to %d bytes", ACCOUNT_NAME_MAX);
	if (jid_local_prepare(name, prepared) || strcmp(prepared, name) != 0)
		return err_set(err, ERR_INPUT,
			       "a name has no capital letters, no blanks, and none of \"&'/:<>@");
	if (id_decode(name, public_key, NULL) == 0)
		return err_set(err, ERR_INPUT, "a name cannot be an id");
	return 0;
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

struct account *bridge_account_add(struct bridge *bridge, const char *name, const char *password,
				   struct err *err)
{
	struct account *account;

	if (check_name(name, err) || check_password(bridge, password, err))
		return NULL;
	account = engine_account_add(bridge->engine, name, err);
	if (account && store_password(bridge, account, password, err)) {
		err_wrap(err, "the account is there, but has no password yet");
		account = NULL;
	}
	bridge_changed(bridge);
	return account;
}

int bridge_account_passwd(struct bridge *bridge, struct account *account, const char *password,
			  struct err *err)
{
	if (store_password(bridge, account, password, err))
		return -1;
	if (bridge->server)
		server_user_end(bridge->server, account_name(account));
	return 0;
}

static int credentials(void *arg, const char *user, struct sasl_credentials *out)
{
	struct bridge *bridge = arg;
	struct account *account = bridge->engine ? engine_account_find(bridge->engine, user) : NULL;
	size_t len = 0;
	void *flat = account ? account_setting_get(account, SETTING_SASL, &len) : NULL;
	int result = flat ? sasl_credentials_read(flat, len, out) : -1;

	secret_free(flat, flat ? len : 0);
	return result;
}

/* --- contacts by their names --- */

/* The id in "ID", "ID@domain" or "tacet:ID", in lower case. */
static void strip_id(const char *word, char *out, size_t size)
{
	size_t len = 0;

	if (strncasecmp(word, "tacet:", 6) == 0)
		word += 6;
	for (; *word && *word != '@' && *word != '?' && len + 1 < size; word++)
		out[len++] = (char)(*word >= 'A' && *word <= 'Z' ? *word + ('a' - 'A') : *word);
	out[len] = '\0';
}

static int passphrase_secret(const char *passphrase, const struct account *account, const char *id,
			     struct key *secret, struct err *err)
{
	char prepared[PASSPHRASE_MAX + 1];
	uint8_t own[X25519_LEN], other[X25519_LEN];
	int result;

	if (id_decode(account_id(account), own, err) || id_decode(id, other, err))
		return -1;
	/* The same characters must give the same bytes on every keyboard. */
	if (jid_saslprep(passphrase, prepared, sizeof(prepared)))
		return err_set(err, ERR_INPUT, "this cannot be a passphrase");
	result = pair_secret_from_passphrase(prepared, own, other, secret, err);
	secret_wipe(prepared, sizeof(prepared));
	return result;
}

struct contact *bridge_contact_make(struct account *account, const char *word, const char *name,
				    const char *passphrase, struct err *err)
{
	SECRET struct key secret = {{0}};
	char id[2 * ID_LEN];

	strip_id(word, id, sizeof(id));
	if (contact_find(account, id)) {
		err_set(err, ERR_EXISTS, "this contact is there already");
		return NULL;
	}
	if (passphrase && passphrase_secret(passphrase, account, id, &secret, err))
		return NULL;
	return contact_add(account, id, name ? name : "", passphrase ? &secret : NULL, err);
}

struct search {
	const char *name;
	struct contact *found;
	unsigned count;
};

static void match_name(void *arg, struct contact *contact)
{
	struct search *search = arg;

	if (strcmp(contact_name(contact), search->name) == 0) {
		search->found = contact;
		search->count++;
	}
}

struct contact *bridge_contact_find(const struct account *account, const char *word,
				    struct err *err)
{
	struct search search = {.name = word};
	char id[2 * ID_LEN];
	struct contact *contact;

	strip_id(word, id, sizeof(id));
	contact = contact_find(account, id);
	if (contact)
		return contact;
	if (word[0])
		account_contacts(account, match_name, &search);
	if (search.count > 1)
		err_set(err, ERR_INPUT, "several contacts have this name; give the id");
	else if (!search.found)
		err_set(err, ERR_NOT_FOUND, "no such contact");
	return search.count == 1 ? search.found : NULL;
}

/* --- the two tables --- */

static void contact_state_changed(void *arg, struct contact *contact, enum contact_state state)
{
	(void)contact;
	(void)state;
	bridge_changed(arg);
}

const struct engine_handler *bridge_engine_handler(void)
{
	static const struct engine_handler handler = {
	    .status = bridge_contact_status,
	    .message = bridge_contact_message,
	    .delivered = bridge_delivered,
	    .state = contact_state_changed,
	};

	return &handler;
}

const struct server_host *bridge_server_host(void)
{
	static const struct server_host host = {
	    .credentials = credentials,
	    .roster = bridge_roster,
	    .roster_set = bridge_roster_set,
	    .roster_remove = bridge_roster_remove,
	    .subscribe = bridge_subscribe,
	    .contact_presence = bridge_contact_presence,
	    .presence = bridge_presence,
	    .message = bridge_message,
	    .ready = bridge_ready,
	};

	return &host;
}
