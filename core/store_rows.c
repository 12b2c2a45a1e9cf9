/*
 * store_rows.c: the rows of accounts, contacts and settings.
 *
 * Neighbours: store.c (the file), store_message.c (messages), store_invite.c (invitations).
 */
#include "core/store_private.h"

#include <stdlib.h>
#include <string.h>

/* --- accounts --- */

static struct seal_place key_place(const char *name)
{
	return (struct seal_place){"account.private_key", 0, 0, name, strlen(name)};
}

int store_account_add(struct store *store, const char *name, const struct key *private_key,
		      int64_t *id, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_ACCOUNT_ADD, err);

	if (statement == NULL)
		return -1;
	if (store_seal(store, statement, 1, store_place("account.name"), name, strlen(name), err) <
		0 ||
	    store_seal(store, statement, 2, key_place(name), private_key->bytes, KEY_LEN, err) < 0)
		return -1;
	if (database_run(store->db, statement, "store the account", err) < 0)
		return -1;
	*id = database_last_id(store->db);
	return 0;
}

int store_account_remove(struct store *store, int64_t id, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_ACCOUNT_REMOVE, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, id);
	return database_run(store->db, statement, "remove the account", err);
}

static int read_account(struct store *store, sqlite3_stmt *row,
			int (*each)(void *arg, int64_t id, const char *name,
				    const struct key *private_key),
			void *arg, struct err *err)
{
	SECRET struct key private_key;
	const struct seal_place place = store_place("account.name");
	struct seal_place of_key;
	size_t len;
	char *name = database_unseal(store->db, row, 1, &place, &len);
	int result;

	if (name == NULL)
		return err_set(err, ERR_INPUT, "read accounts: malformed row");
	of_key = key_place(name);
	if (database_unseal_bytes(store->db, row, 2, &of_key, private_key.bytes, KEY_LEN) < 0)
		result = err_set(err, ERR_INPUT, "read accounts: malformed row");
	else
		result = each(arg, sqlite3_column_int64(row, 0), name, &private_key);
	free(name);
	return result;
}

int store_accounts(struct store *store,
		   int (*each)(void *arg, int64_t id, const char *name,
			       const struct key *private_key),
		   void *arg, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_ACCOUNTS, err);
	int row;

	if (statement == NULL)
		return -1;
	while ((row = database_step(store->db, statement, "read accounts", err)) == 1)
		if (read_account(store, statement, each, arg, err) < 0) {
			database_done(statement);
			return -1;
		}
	return row;
}

/* --- contacts --- */

static struct seal_place contact_place(const char *column, const struct store_contact *contact)
{
	return (struct seal_place){column, 0, 0, contact->public_key, X25519_LEN};
}

/* Fields 3 … 15 of the two statements that write contacts. */
static int bind_contact(struct store *store, sqlite3_stmt *statement,
			const struct store_contact *contact, struct err *err)
{
	const struct {
		int index;
		const char *column;
		const void *value;
		size_t len;
	} sealed[] = {
	    {3, "contact.name", contact->name, strlen(contact->name)},
	    {4, "contact.secret", contact->secret.bytes, KEY_LEN},
	    {14, "contact.next_secret", contact->next_secret.bytes, KEY_LEN},
	    {15, "contact.verification", contact->verification.bytes, KEY_LEN},
	};
	const int64_t numbers[] = {
	    (int64_t)contact->out_sequence,
	    (int64_t)contact->in_sequence,
	    contact->in_issued_ms,
	    contact->out_handshake_ms,
	    contact->in_handshake_ms,
	    (int64_t)contact->out_id,
	    (int64_t)contact->in_id,
	    (int64_t)contact->secret_serial,
	    contact->renewed_ms,
	};

	for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
		sqlite3_bind_int64(statement, 5 + i, numbers[i]);
	for (size_t i = 0; i < sizeof(sealed) / sizeof(sealed[0]); i++)
		if (store_seal(store, statement, sealed[i].index,
			       contact_place(sealed[i].column, contact), sealed[i].value,
			       sealed[i].len, err) < 0)
			return -1;
	return 0;
}

static int read_sealed(struct store *store, sqlite3_stmt *row, int64_t account,
		       struct store_contact *contact, char name[CONTACT_NAME_MAX + 1])
{
	const struct seal_place of_key = {.column = "contact.public_key", .owner = account};
	struct {
		int column;
		const char *name;
		struct key *out;
	} keys[] = {
	    {3, "contact.secret", &contact->secret},
	    {13, "contact.next_secret", &contact->next_secret},
	    {14, "contact.verification", &contact->verification},
	};
	struct seal_place place;

	if (database_unseal_bytes(store->db, row, 1, &of_key, contact->public_key, X25519_LEN) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		place = contact_place(keys[i].name, contact);
		if (database_unseal_bytes(store->db, row, keys[i].column, &place,
					  keys[i].out->bytes, KEY_LEN) < 0)
			return -1;
	}
	place = contact_place("contact.name", contact);
	contact->name = name;
	return database_unseal_text(store->db, row, 2, &place, name, CONTACT_NAME_MAX);
}

static int read_contact(struct store *store, sqlite3_stmt *row, int64_t account,
			struct store_contact *contact, char name[CONTACT_NAME_MAX + 1])
{
	if (read_sealed(store, row, account, contact, name) < 0)
		return -1;
	contact->id = sqlite3_column_int64(row, 0);
	contact->out_sequence = (uint64_t)sqlite3_column_int64(row, 4);
	contact->in_sequence = (uint64_t)sqlite3_column_int64(row, 5);
	contact->in_issued_ms = sqlite3_column_int64(row, 6);
	contact->out_handshake_ms = sqlite3_column_int64(row, 7);
	contact->in_handshake_ms = sqlite3_column_int64(row, 8);
	contact->out_id = (uint64_t)sqlite3_column_int64(row, 9);
	contact->in_id = (uint64_t)sqlite3_column_int64(row, 10);
	contact->secret_serial = (uint64_t)sqlite3_column_int64(row, 11);
	contact->renewed_ms = sqlite3_column_int64(row, 12);
	return 0;
}

int store_contact_add(struct store *store, int64_t account, struct store_contact *contact,
		      struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_CONTACT_ADD, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	if (store_seal(store, statement, 2,
		       (struct seal_place){.column = "contact.public_key", .owner = account},
		       contact->public_key, X25519_LEN, err) < 0 ||
	    bind_contact(store, statement, contact, err) < 0)
		return -1;
	if (database_run(store->db, statement, "store the contact", err) < 0)
		return -1;
	contact->id = database_last_id(store->db);
	return 0;
}

int store_contacts(struct store *store, int64_t account,
		   int (*each)(void *arg, const struct store_contact *contact), void *arg,
		   struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_CONTACTS, err);
	struct store_contact contact;
	char name[CONTACT_NAME_MAX + 1];
	int row;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	while ((row = database_step(store->db, statement, "read contacts", err)) == 1) {
		if (read_contact(store, statement, account, &contact, name) < 0)
			row = err_set(err, ERR_INPUT, "read contacts: malformed row");
		else
			row = each(arg, &contact);
		store_contact_wipe(&contact);
		secret_wipe(name, sizeof(name));
		if (row < 0) {
			database_done(statement);
			return -1;
		}
	}
	return row;
}

int store_contact_save(struct store *store, const struct store_contact *contact, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_CONTACT_SAVE, err);

	if (statement == NULL)
		return -1;
	if (bind_contact(store, statement, contact, err) < 0)
		return -1;
	sqlite3_bind_int64(statement, 16, contact->id);
	return database_run(store->db, statement, "store the contact", err);
}

int store_contact_remove(struct store *store, int64_t id, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_CONTACT_REMOVE, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, id);
	return database_run(store->db, statement, "remove the contact", err);
}

void store_contact_wipe(struct store_contact *contact)
{
	secret_wipe(contact, sizeof(*contact));
}

/* --- settings --- */

static enum store_statement for_owner(enum store_statement first, enum store_owner kind)
{
	return (enum store_statement)((unsigned)first + (kind == STORE_CONTACT));
}

static struct seal_place setting_place(enum store_owner kind, int64_t owner, const char *key)
{
	return (struct seal_place){kind == STORE_CONTACT ? "contact_setting.value"
							 : "setting.value",
				   owner, 0, key, strlen(key)};
}

int store_setting_set(struct store *store, enum store_owner kind, int64_t owner, const char *key,
		      const void *value, size_t len, struct err *err)
{
	enum store_statement which = value != NULL ? SQL_SETTING_SET : SQL_SETTING_REMOVE;
	sqlite3_stmt *statement = NULL;

	if (strlen(key) > SETTING_KEY_MAX || len > SETTING_VALUE_MAX)
		return err_set(err, ERR_LIMIT, "store setting: key or value too long");
	statement = database_statement(store->db, for_owner(which, kind), err);
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, owner);
	database_bind_text(statement, 2, key);
	if (value != NULL &&
	    store_seal(store, statement, 3, setting_place(kind, owner, key), value, len, err) < 0)
		return -1;
	return database_run(store->db, statement, "store setting", err);
}

int store_setting_read(struct store *store, enum store_owner kind, int64_t owner, const char *key,
		       void **value, size_t *len, struct err *err)
{
	sqlite3_stmt *statement =
	    database_statement(store->db, for_owner(SQL_SETTING_GET, kind), err);
	const struct seal_place place = setting_place(kind, owner, key);
	int found;

	*value = NULL;
	*len = 0;
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, owner);
	database_bind_text(statement, 2, key);
	found = database_step(store->db, statement, "read setting", err);
	if (found != 1)
		return found;
	*value = database_unseal(store->db, statement, 0, &place, len);
	database_done(statement);
	return *value ? 1 : err_set(err, ERR_CRYPTO, "read setting: it cannot be unsealed");
}

void *store_setting_get(struct store *store, enum store_owner kind, int64_t owner, const char *key,
			size_t *len)
{
	void *value;

	store_setting_read(store, kind, owner, key, &value, len, NULL);
	return value;
}

struct settings_walk {
	enum store_owner kind;
	int64_t owner;
	int (*each)(void *arg, const char *key, const uint8_t *value, size_t len);
	void *arg;
};

static int visit_setting(struct store *store, sqlite3_stmt *row, const struct settings_walk *walk,
			 struct err *err)
{
	const char *key = (const char *)sqlite3_column_text(row, 0);
	struct seal_place place;
	void *value = NULL;
	size_t len;
	int result;

	if (key != NULL) {
		place = setting_place(walk->kind, walk->owner, key);
		value = database_unseal(store->db, row, 1, &place, &len);
	}
	if (value == NULL)
		return err_set(err, ERR_INPUT, "read settings: malformed row");
	result = walk->each(walk->arg, key, value, len);
	secret_free(value, len);
	return result;
}

int store_settings(struct store *store, enum store_owner kind, int64_t owner,
		   int (*each)(void *arg, const char *key, const uint8_t *value, size_t len),
		   void *arg, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, for_owner(SQL_SETTINGS, kind), err);
	const struct settings_walk walk = {kind, owner, each, arg};
	int row;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, owner);
	while ((row = database_step(store->db, statement, "read settings", err)) == 1)
		if (visit_setting(store, statement, &walk, err) < 0) {
			database_done(statement);
			return -1;
		}
	return row;
}
