/*
 * store_sql.c: the statements of the store, their running, transactions and errors.
 *
 * Does not know what the rows mean. Neighbours: store.c (opens the file), store_rows.c and
 * store_message.c (bind and read the values).
 */
#include "core/store_private.h"

#include <string.h>

static const char *const store_sql[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_DURABLE] = "PRAGMA synchronous = FULL",
    [SQL_NOT_DURABLE] = "PRAGMA synchronous = NORMAL",
    [SQL_ACCOUNT_ADD] = "INSERT INTO account (name, private_key) VALUES (?1, ?2)",
    [SQL_ACCOUNTS] = "SELECT id, name, private_key FROM account ORDER BY id",
    [SQL_ACCOUNT_REMOVE] = "DELETE FROM account WHERE id = ?1",
    [SQL_CONTACT_ADD] = "INSERT INTO contact (account, public_key, name, secret, out_sequence,"
			" in_sequence, in_issued_ms, out_handshake_ms, in_handshake_ms, out_id,"
			" in_id, secret_serial, renewed_ms, next_secret, verification)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
			" ?15)",
    [SQL_CONTACTS] = "SELECT id, public_key, name, secret, out_sequence, in_sequence,"
		     " in_issued_ms, out_handshake_ms, in_handshake_ms, out_id, in_id,"
		     " secret_serial, renewed_ms, next_secret, verification"
		     " FROM contact WHERE account = ?1 ORDER BY id",
    [SQL_CONTACT_SAVE] = "UPDATE contact SET name = ?3, secret = ?4, out_sequence = ?5,"
			 " in_sequence = ?6, in_issued_ms = ?7, out_handshake_ms = ?8,"
			 " in_handshake_ms = ?9, out_id = ?10, in_id = ?11, secret_serial = ?12,"
			 " renewed_ms = ?13, next_secret = ?14, verification = ?15"
			 " WHERE id = ?16",
    [SQL_CONTACT_REMOVE] = "DELETE FROM contact WHERE id = ?1",
    [SQL_SETTING_SET] = "INSERT OR REPLACE INTO setting (account, key, value)"
			" VALUES (?1, ?2, ?3)",
    [SQL_CONTACT_SETTING_SET] = "INSERT OR REPLACE INTO contact_setting (contact, key, value)"
				" VALUES (?1, ?2, ?3)",
    [SQL_SETTING_GET] = "SELECT value FROM setting WHERE account = ?1 AND key = ?2",
    [SQL_CONTACT_SETTING_GET] = "SELECT value FROM contact_setting WHERE contact = ?1 AND key = ?2",
    [SQL_SETTING_REMOVE] = "DELETE FROM setting WHERE account = ?1 AND key = ?2",
    [SQL_CONTACT_SETTING_REMOVE] = "DELETE FROM contact_setting WHERE contact = ?1 AND key = ?2",
    [SQL_SETTINGS] = "SELECT key, value FROM setting WHERE account = ?1 ORDER BY key",
    [SQL_CONTACT_SETTINGS] = "SELECT key, value FROM contact_setting WHERE contact = ?1"
			     " ORDER BY key",
    [SQL_OUTBOX_ADD] = "INSERT INTO outbox (contact, id, sent_ms, payload) VALUES (?1, ?2, ?3, ?4)",
    [SQL_INBOX_ADD] = "INSERT INTO inbox (contact, id, sent_ms, payload) VALUES (?1, ?2, ?3, ?4)",
    [SQL_OUTBOX_NEXT] = "SELECT id, sent_ms, payload FROM outbox WHERE contact = ?1 AND id > ?2"
			" ORDER BY id LIMIT 1",
    [SQL_INBOX_NEXT] = "SELECT id, sent_ms, payload FROM inbox WHERE contact = ?1 AND id > ?2"
		       " ORDER BY id LIMIT 1",
    [SQL_OUTBOX_REMOVE] = "DELETE FROM outbox WHERE contact = ?1 AND id = ?2",
    [SQL_INBOX_REMOVE] = "DELETE FROM inbox WHERE contact = ?1 AND id = ?2",
    [SQL_OUTBOX_COUNT] = "SELECT count(*) FROM outbox WHERE contact = ?1",
    [SQL_INBOX_COUNT] = "SELECT count(*) FROM inbox WHERE contact = ?1",
    [SQL_INVITATION_ADD] = "INSERT INTO invitation (account, secret, name, reusable, expires_ms,"
			   " used, guest, sequence) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_INVITATIONS] = "SELECT id, secret, name, reusable, expires_ms, used, guest, sequence"
			" FROM invitation WHERE account = ?1 ORDER BY id",
    [SQL_INVITATION_SAVE] = "UPDATE invitation SET expires_ms = ?5, used = ?6, guest = ?7,"
			    " sequence = ?8 WHERE id = ?1",
    [SQL_INVITATION_REMOVE] = "DELETE FROM invitation WHERE id = ?1",
    [SQL_REQUEST_SET] = "INSERT OR REPLACE INTO request (account, public_key, name, text, secret,"
			" since_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_REQUESTS] = "SELECT public_key, name, text, secret, since_ms FROM request"
		     " WHERE account = ?1 ORDER BY since_ms, rowid",
    [SQL_REQUEST_REMOVE] = "DELETE FROM request WHERE account = ?1 AND public_key = ?2",
    [SQL_BLOCK] = "INSERT OR IGNORE INTO blocked (account, public_key) VALUES (?1, ?2)",
    [SQL_UNBLOCK] = "DELETE FROM blocked WHERE account = ?1 AND public_key = ?2",
    [SQL_BLOCKED] = "SELECT public_key FROM blocked WHERE account = ?1 ORDER BY rowid",
    [SQL_IS_BLOCKED] = "SELECT 1 FROM blocked WHERE account = ?1 AND public_key = ?2",
    [SQL_INTRODUCTION_SET] = "INSERT OR REPLACE INTO introduction (contact, secret, own_name, text,"
			     " expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_INTRODUCTION_GET] = "SELECT secret, own_name, text, expires_ms FROM introduction"
			     " WHERE contact = ?1",
    [SQL_INTRODUCTION_REMOVE] = "DELETE FROM introduction WHERE contact = ?1",
};

int store_error(const struct store *store, const char *doing, struct err *err)
{
	int code = sqlite3_extended_errcode(store->db);
	int number = sqlite3_system_errno(store->db);

	switch (code & 0xff) {
	case SQLITE_FULL:
		return err_set(err, ERR_UNAVAILABLE, "%s: the disk is full", doing);
	case SQLITE_READONLY:
		return err_set(err, ERR_UNAVAILABLE, "%s: the file is read-only", doing);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return err_set(err, ERR_UNAVAILABLE, "%s: cannot be read or written: %s", doing,
			       number != 0 ? strerror(number) : sqlite3_errstr(code));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_UNAVAILABLE, "%s: in use by another process", doing);
	case SQLITE_NOMEM:
		return err_set(err, ERR_MEMORY, "%s: out of memory", doing);
	case SQLITE_CONSTRAINT:
		return err_set(err, ERR_EXISTS, "%s: exists already", doing);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, ERR_INPUT, "%s: %s", doing, sqlite3_errmsg(store->db));
	default:
		return err_set(err, ERR_SYSTEM, "%s: %s", doing, sqlite3_errmsg(store->db));
	}
}

sqlite3_stmt *store_statement(struct store *store, enum store_statement which, struct err *err)
{
	sqlite3_stmt **statement = &store->statements[which];

	if (*statement == NULL &&
	    sqlite3_prepare_v3(store->db, store_sql[which], -1, SQLITE_PREPARE_PERSISTENT,
			       statement, NULL) != SQLITE_OK)
		store_error(store, "prepare statement", err);
	return *statement;
}

void store_done(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

int store_step(struct store *store, sqlite3_stmt *statement, const char *doing, struct err *err)
{
	int result = sqlite3_step(statement);

	if (result == SQLITE_ROW)
		return 1;
	if (result != SQLITE_DONE)
		store_error(store, doing, err);
	store_done(statement);
	return result == SQLITE_DONE ? 0 : -1;
}

int store_run(struct store *store, sqlite3_stmt *statement, const char *doing, struct err *err)
{
	int result = store_step(store, statement, doing, err);

	if (result == 1)
		store_done(statement);
	return result < 0 ? -1 : 0;
}

static int run_plain(struct store *store, enum store_statement which, const char *doing,
		     struct err *err)
{
	sqlite3_stmt *statement = store_statement(store, which, err);

	return statement == NULL ? -1 : store_run(store, statement, doing, err);
}

int store_bind_bytes(sqlite3_stmt *statement, int index, const void *data, size_t len)
{
	/* A NULL pointer would be bound as NULL, which is not the same as no bytes. */
	return sqlite3_bind_blob64(statement, index, data != NULL ? data : "", len, SQLITE_STATIC);
}

int store_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	return sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

int store_column_bytes(sqlite3_stmt *statement, int column, void *out, size_t len)
{
	const void *blob = sqlite3_column_blob(statement, column);

	if (blob == NULL || (size_t)sqlite3_column_bytes(statement, column) != len)
		return -1;
	memcpy(out, blob, len);
	return 0;
}

int store_column_text(sqlite3_stmt *statement, int column, char *out, size_t max)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	size_t len = (size_t)sqlite3_column_bytes(statement, column);

	if (text == NULL || len > max)
		return -1;
	memcpy(out, text, len + 1);
	return 0;
}

/* An ordinary transaction must not pay for the disk's flush that a durable one before it needed. */
int store_set_durable(struct store *store, bool durable, struct err *err)
{
	if (store->durable == durable)
		return 0;
	if (run_plain(store, durable ? SQL_DURABLE : SQL_NOT_DURABLE, "set durability", err) < 0)
		return -1;
	store->durable = durable;
	return 0;
}

int store_begin(struct store *store, bool durable, struct err *err)
{
	if (store_set_durable(store, durable, err) < 0)
		return -1;
	return run_plain(store, SQL_BEGIN, "begin", err);
}

int store_commit(struct store *store, struct err *err)
{
	int result = run_plain(store, SQL_COMMIT, "store", err);

	if (result < 0)
		store_rollback(store);
	else if (store->durable)
		store_set_durable(store, false, NULL);
	return result;
}

void store_rollback(struct store *store)
{
	/* SQLite may have rolled back by itself after an error. */
	if (store_in_transaction(store))
		run_plain(store, SQL_ROLLBACK, "roll back", NULL);
	store_set_durable(store, false, NULL);
}

bool store_in_transaction(const struct store *store)
{
	return !sqlite3_get_autocommit(store->db);
}

int store_scrub(struct store *store, struct err *err)
{
	if (sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) !=
	    SQLITE_OK)
		return store_error(store, "empty the log", err);
	return 0;
}
