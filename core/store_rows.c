/*
 * store_rows.c: the rows of accounts, contacts and settings.
 *
 * Neighbours: store.c (the file), store_message.c (messages), store_invite.c (invitations).
 */
#include "core/store_private.h"

#include <stdlib.h>
#include <string.h>

/* --- accounts --- */

int store_account_add(struct store *store, const char *name, const struct key *private_key,
		      int64_t *id, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_ACCOUNT_ADD, err);

	if (statement == NULL)
		return -1;
	database_bind_text(statement, 1, name);
	database_bind_bytes(statement, 2, private_key->bytes, KEY_LEN);
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

static int read_account(sqlite3_stmt *row,
			int (*each)(void *arg, int64_t id, const char *name,
				    const struct key *private_key),
			void *arg, struct err *err)
{
	SECRET struct key private_key;
	const char *name = (const char *)sqlite3_column_text(row, 1);

	if (name == NULL || database_column_bytes(row, 2, private_key.bytes, KEY_LEN) < 0)
		return err_set(err, ERR_INPUT, "read accounts: malformed row");
	return each(arg, sqlite3_column_int64(row, 0), name, &private_key);
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
		if (read_account(statement, each, arg, err) < 0) {
			database_done(statement);
			return -1;
		}
	return row;
}

/* --- contacts --- */

/* Fields 3 … 15 of the two statements that write contacts. */
static void bind_contact(sqlite3_stmt *statement, const struct store_contact *contact)
{
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

	database_bind_text(statement, 3, contact->name);
	database_bind_bytes(statement, 4, contact->secret.bytes, KEY_LEN);
	for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
		sqlite3_bind_int64(statement, 5 + i, numbers[i]);
	database_bind_bytes(statement, 14, contact->next_secret.bytes, KEY_LEN);
	database_bind_bytes(statement, 15, contact->verification.bytes, KEY_LEN);
}

static int read_contact(sqlite3_stmt *row, struct store_contact *contact)
{
	const char *name = (const char *)sqlite3_column_text(row, 2);
	size_t len = (size_t)sqlite3_column_bytes(row, 2);

	if (name == NULL || len > CONTACT_NAME_MAX ||
	    database_column_bytes(row, 1, contact->public_key, X25519_LEN) < 0 ||
	    database_column_bytes(row, 3, contact->secret.bytes, KEY_LEN) < 0 ||
	    database_column_bytes(row, 13, contact->next_secret.bytes, KEY_LEN) < 0 ||
	    database_column_bytes(row, 14, contact->verification.bytes, KEY_LEN) < 0)
		return -1;
	memcpy(contact->name, name, len + 1);
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
	database_bind_bytes(statement, 2, contact->public_key, X25519_LEN);
	bind_contact(statement, contact);
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
	int row;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	while ((row = database_step(store->db, statement, "read contacts", err)) == 1) {
		if (read_contact(statement, &contact) < 0)
			row = err_set(err, ERR_INPUT, "read contacts: malformed row");
		else
			row = each(arg, &contact);
		store_contact_wipe(&contact);
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
	bind_contact(statement, contact);
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
	if (value != NULL)
		database_bind_bytes(statement, 3, value, len);
	return database_run(store->db, statement, "store setting", err);
}

void *store_setting_get(struct store *store, enum store_owner kind, int64_t owner, const char *key,
			size_t *len)
{
	sqlite3_stmt *statement =
	    database_statement(store->db, for_owner(SQL_SETTING_GET, kind), NULL);
	char *copy = NULL;

	*len = 0;
	if (statement == NULL)
		return NULL;
	sqlite3_bind_int64(statement, 1, owner);
	database_bind_text(statement, 2, key);
	if (database_step(store->db, statement, "read setting", NULL) != 1)
		return NULL;
	*len = (size_t)sqlite3_column_bytes(statement, 0);
	copy = malloc(*len + 1);
	if (copy != NULL) {
		if (*len > 0)
			memcpy(copy, sqlite3_column_blob(statement, 0), *len);
		copy[*len] = '\0';
	}
	database_done(statement);
	return copy;
}

int store_settings(struct store *store, enum store_owner kind, int64_t owner,
		   int (*each)(void *arg, const char *key, const uint8_t *value, size_t len),
		   void *arg, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, for_owner(SQL_SETTINGS, kind), err);
	int row;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, owner);
	while ((row = database_step(store->db, statement, "read settings", err)) == 1) {
		const char *key = (const char *)sqlite3_column_text(statement, 0);
		const uint8_t *value = sqlite3_column_blob(statement, 1);
		size_t len = (size_t)sqlite3_column_bytes(statement, 1);
		int result = key != NULL ? each(arg, key, value, len)
					 : err_set(err, ERR_INPUT, "read settings: malformed row");
		if (result < 0) {
			database_done(statement);
			return -1;
		}
	}
	return row;
}
