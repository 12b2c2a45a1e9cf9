/*
 * store.c: what is in the database of the engine, its schema and its statements; opening it.
 *
 * Neighbours: database.h (the file), store_rows.c, store_message.c and store_invite.c (the rows).
 */
#include "core/store_private.h"

#include "core/base/cursor.h"

#include <stdio.h>
#include <stdlib.h>

/* "tace": tells our files from other programs' SQLite files. */
#define APPLICATION_ID 0x74616365

/* The version of the schema from which on values are sealed. */
#define STORE_SEALED_FROM 5
/* A key of zeros, in SQL. */
#define NO_KEY "x'0000000000000000000000000000000000000000000000000000000000000000'"

/* Each takes the schema from the version of its index to the next. Never change one that has been
 * released: add another. */
static const char *const migrations[] = {
    "CREATE TABLE account ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " private_key BLOB NOT NULL);"
    "CREATE TABLE setting ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " key TEXT NOT NULL,"
    " value BLOB NOT NULL,"
    " PRIMARY KEY (account, key));"
    "CREATE TABLE contact ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " public_key BLOB NOT NULL,"
    " name TEXT NOT NULL,"
    " secret BLOB NOT NULL,"
    " out_sequence INTEGER NOT NULL,"
    " in_sequence INTEGER NOT NULL,"
    " in_issued_ms INTEGER NOT NULL,"
    " out_handshake_ms INTEGER NOT NULL,"
    " in_handshake_ms INTEGER NOT NULL,"
    " out_id INTEGER NOT NULL,"
    " in_id INTEGER NOT NULL,"
    " UNIQUE (account, public_key));"
    "CREATE TABLE contact_setting ("
    " contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
    " key TEXT NOT NULL,"
    " value BLOB NOT NULL,"
    " PRIMARY KEY (contact, key));"
    "CREATE TABLE outbox ("
    " contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
    " id INTEGER NOT NULL,"
    " sent_ms INTEGER NOT NULL,"
    " payload BLOB NOT NULL,"
    " PRIMARY KEY (contact, id));"
    "CREATE TABLE inbox ("
    " contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
    " id INTEGER NOT NULL,"
    " sent_ms INTEGER NOT NULL,"
    " payload BLOB NOT NULL,"
    " PRIMARY KEY (contact, id));",
    /* Invitations, and what comes of them. guest: who used a one-time one (store.h), else empty. */
    "CREATE TABLE invitation ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " secret BLOB NOT NULL,"
    " name TEXT NOT NULL,"
    " reusable INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL,"
    " used INTEGER NOT NULL,"
    " guest BLOB NOT NULL,"
    " sequence INTEGER NOT NULL);"
    "CREATE TABLE request ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " public_key BLOB NOT NULL,"
    " name TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " secret BLOB NOT NULL,"
    " since_ms INTEGER NOT NULL,"
    " PRIMARY KEY (account, public_key));"
    "CREATE TABLE blocked ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " public_key BLOB NOT NULL,"
    " PRIMARY KEY (account, public_key));"
    "CREATE TABLE introduction ("
    " contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,"
    " secret BLOB NOT NULL,"
    " own_name TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " expires_ms INTEGER NOT NULL);",
    /* Renewal of pair secrets, and the phrase to compare. Zeros: there is none. */
    "ALTER TABLE contact ADD COLUMN next_secret BLOB NOT NULL DEFAULT " NO_KEY ";"
    "ALTER TABLE contact ADD COLUMN verification BLOB NOT NULL DEFAULT " NO_KEY ";"
    "ALTER TABLE contact ADD COLUMN secret_serial INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE contact ADD COLUMN renewed_ms INTEGER NOT NULL DEFAULT 0;",
    /* By what messages that were sent lately are known again (sent_marks.h). */
    "CREATE TABLE sent_mark ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " mark BLOB NOT NULL,"
    " PRIMARY KEY (account, number));",
    /* All that tells something is sealed: store_migrate.c does it. */
    "",
};

#define SCHEMA_VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

static const char *const store_sql[SQL_COUNT] = {
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
    [SQL_MARK_ADD] = "INSERT INTO sent_mark (account, number, mark) VALUES (?1, ?2, ?3)",
    [SQL_MARKS] = "SELECT number, mark FROM sent_mark WHERE account = ?1 ORDER BY number",
    [SQL_MARKS_REMOVE] = "DELETE FROM sent_mark WHERE account = ?1 AND number <= ?2",
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

static const struct database_kind kind = {
    .application_id = APPLICATION_ID,
    .migrations = migrations,
    .version = SCHEMA_VERSION,
    .sql = store_sql,
    .sql_count = SQL_COUNT,
    .migrated = store_migrated,
    .use = "core",
    .sealed_from = STORE_SEALED_FROM,
};

int store_seal(struct store *store, sqlite3_stmt *statement, int index, struct seal_place place,
	       const void *value, size_t len, struct err *err)
{
	return database_bind_sealed(store->db, statement, index, &place, value, len, err);
}

bool store_is_sealed(const char *path)
{
	/* The SQLite database file format, section 1.3: the user version, big-endian. */
	enum { VERSION_AT = 60, HEAD_LEN = 100 };
	uint8_t head[HEAD_LEN];
	FILE *file = fopen(path, "rbe");
	bool sealed = false;

	if (file == NULL)
		return false;
	if (fread(head, 1, HEAD_LEN, file) == HEAD_LEN) {
		struct reader r;

		reader_init(&r, head + VERSION_AT, HEAD_LEN - VERSION_AT);
		sealed = read_u32(&r) >= STORE_SEALED_FROM;
	}
	fclose(file);
	return sealed;
}

struct store *store_open(const char *path, const struct key *store_key, struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL) {
		err_set(err, ERR_MEMORY, "database: out of memory");
		return NULL;
	}
	store->db = database_open(path, &kind, store_key, err);
	if (store->db == NULL)
		store_free(&store);
	return store;
}

void store_free(struct store **store)
{
	if (*store == NULL)
		return;
	database_free(&(*store)->db);
	free(*store);
	*store = NULL;
}

int store_begin(struct store *store, bool durable, struct err *err)
{
	return database_begin(store->db, durable, err);
}

int store_commit(struct store *store, struct err *err)
{
	return database_commit(store->db, err);
}

void store_rollback(struct store *store)
{
	database_rollback(store->db);
}

bool store_in_transaction(const struct store *store)
{
	return database_in_transaction(store->db);
}

const char *store_trouble(const struct store *store)
{
	return database_trouble(store->db);
}

void store_watch(struct store *store, void (*changed)(void *arg), void *arg)
{
	database_watch(store->db, changed, arg);
}

void store_probe(struct store *store)
{
	database_probe(store->db);
}

int store_flush(struct store *store, struct err *err)
{
	return database_flush(store->db, err);
}

int store_scrub(struct store *store, struct err *err)
{
	return database_scrub(store->db, err);
}
