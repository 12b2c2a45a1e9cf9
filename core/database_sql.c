/*
 * database_sql.c: the statements of a database, their running, transactions, errors and values.
 *
 * Neighbour: database.c (opens the file).
 */
#include "core/database_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const own_sql[OWN_COUNT] = {
    [OWN_BEGIN] = "BEGIN IMMEDIATE",
    [OWN_COMMIT] = "COMMIT",
    [OWN_ROLLBACK] = "ROLLBACK",
    [OWN_DURABLE] = "PRAGMA synchronous = FULL",
    [OWN_NOT_DURABLE] = "PRAGMA synchronous = NORMAL",
};

/* --- trouble --- */

const char *database_trouble(const struct database *db)
{
	return db->trouble[0] != '\0' ? db->trouble : NULL;
}

void database_watch(struct database *db, void (*changed)(void *arg), void *arg)
{
	db->watch = changed;
	db->watch_arg = arg;
}

/* why "": there is none any more. */
static void set_trouble(struct database *db, const char *why)
{
	bool changed = (db->trouble[0] == '\0') != (why[0] == '\0');

	snprintf(db->trouble, sizeof(db->trouble), "%s", why);
	if (changed && db->watch != NULL)
		db->watch(db->watch_arg);
}

static int unavailable(struct database *db, const char *doing, const char *why, struct err *err)
{
	set_trouble(db, why);
	return err_set(err, ERR_UNAVAILABLE, "%s: %s", doing, why);
}

int database_error(struct database *db, const char *doing, struct err *err)
{
	int code = sqlite3_extended_errcode(db->connection);
	int number = sqlite3_system_errno(db->connection);
	char why[DATABASE_TROUBLE_SIZE];

	switch (code & 0xff) {
	case SQLITE_FULL:
		return unavailable(db, doing, "the disk is full", err);
	case SQLITE_READONLY:
		return unavailable(db, doing, "the file is read-only", err);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		snprintf(why, sizeof(why), "cannot be read or written: %s",
			 number != 0 ? strerror(number) : sqlite3_errstr(code));
		return unavailable(db, doing, why, err);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_UNAVAILABLE, "%s: in use by another process", doing);
	case SQLITE_NOMEM:
		return err_set(err, ERR_MEMORY, "%s: out of memory", doing);
	case SQLITE_CONSTRAINT:
		return err_set(err, ERR_EXISTS, "%s: exists already", doing);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, ERR_INPUT, "%s: %s", doing, sqlite3_errmsg(db->connection));
	default:
		return err_set(err, ERR_SYSTEM, "%s: %s", doing, sqlite3_errmsg(db->connection));
	}
}

/* --- statements and transactions --- */

static sqlite3_stmt *prepare(struct database *db, sqlite3_stmt **statement, const char *sql,
			     struct err *err)
{
	if (*statement == NULL &&
	    sqlite3_prepare_v3(db->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, statement,
			       NULL) != SQLITE_OK)
		database_error(db, "prepare statement", err);
	return *statement;
}

sqlite3_stmt *database_statement(struct database *db, size_t which, struct err *err)
{
	return prepare(db, &db->statements[which], db->kind->sql[which], err);
}

sqlite3_stmt *database_prepare(struct database *db, const char *sql, struct err *err)
{
	sqlite3_stmt *statement = NULL;

	return prepare(db, &statement, sql, err);
}

void database_done(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

int database_step(struct database *db, sqlite3_stmt *statement, const char *doing, struct err *err)
{
	int result = sqlite3_step(statement);

	if (result == SQLITE_ROW)
		return 1;
	if (result != SQLITE_DONE)
		database_error(db, doing, err);
	database_done(statement);
	return result == SQLITE_DONE ? 0 : -1;
}

static int run(struct database *db, sqlite3_stmt *statement, const char *doing, struct err *err)
{
	int result = database_step(db, statement, doing, err);

	if (result == 1)
		database_done(statement);
	return result < 0 ? -1 : 0;
}

int database_run(struct database *db, sqlite3_stmt *statement, const char *doing, struct err *err)
{
	if (run(db, statement, doing, err) < 0)
		return -1;
	/* It was a transaction of its own. */
	if (!database_in_transaction(db))
		set_trouble(db, "");
	return 0;
}

static int run_own(struct database *db, enum database_own which, const char *doing, struct err *err)
{
	sqlite3_stmt *statement = prepare(db, &db->own[which], own_sql[which], err);

	return statement == NULL ? -1 : run(db, statement, doing, err);
}

int database_bind_bytes(sqlite3_stmt *statement, int index, const void *data, size_t len)
{
	/* A NULL pointer would be bound as NULL, which is not the same as no bytes. */
	return sqlite3_bind_blob64(statement, index, data != NULL ? data : "", len, SQLITE_STATIC);
}

int database_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	return sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

int database_column_bytes(sqlite3_stmt *statement, int column, void *out, size_t len)
{
	const void *blob = sqlite3_column_blob(statement, column);

	if (blob == NULL || (size_t)sqlite3_column_bytes(statement, column) != len)
		return -1;
	memcpy(out, blob, len);
	return 0;
}

int database_column_text(sqlite3_stmt *statement, int column, char *out, size_t max)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	size_t len = (size_t)sqlite3_column_bytes(statement, column);

	if (text == NULL || len > max)
		return -1;
	memcpy(out, text, len + 1);
	return 0;
}

/* An ordinary transaction must not pay for the disk's flush that a durable one before it needed. */
int database_set_durable(struct database *db, bool durable, struct err *err)
{
	if (db->durable == durable)
		return 0;
	if (run_own(db, durable ? OWN_DURABLE : OWN_NOT_DURABLE, "set durability", err) < 0)
		return -1;
	db->durable = durable;
	return 0;
}

int database_begin(struct database *db, bool durable, struct err *err)
{
	if (database_set_durable(db, durable, err) < 0)
		return -1;
	return run_own(db, OWN_BEGIN, "begin", err);
}

int database_commit(struct database *db, struct err *err)
{
	if (run_own(db, OWN_COMMIT, "store", err) < 0) {
		database_rollback(db);
		return -1;
	}
	set_trouble(db, "");
	if (db->durable)
		database_set_durable(db, false, NULL);
	return 0;
}

void database_probe(struct database *db)
{
	char write[64];

	/* It is what it was, and written all the same. */
	snprintf(write, sizeof(write), "PRAGMA user_version = %d", db->kind->version);
	if (database_begin(db, false, NULL) < 0)
		return;
	if (sqlite3_exec(db->connection, write, NULL, NULL, NULL) == SQLITE_OK) {
		database_commit(db, NULL);
	} else {
		database_error(db, "probe", NULL);
		database_rollback(db);
	}
}

void database_rollback(struct database *db)
{
	/* SQLite may have rolled back by itself after an error. */
	if (database_in_transaction(db))
		run_own(db, OWN_ROLLBACK, "roll back", NULL);
	database_set_durable(db, false, NULL);
}

bool database_in_transaction(const struct database *db)
{
	return !sqlite3_get_autocommit(db->connection);
}

/* There is no statement for it: a durable commit would have to write something. */
int database_flush(struct database *db, struct err *err)
{
	sqlite3_file *log = NULL;

	if (sqlite3_file_control(db->connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) !=
	    SQLITE_OK)
		return database_error(db, "find the log", err);
	/* In memory there is none. */
	if (log == NULL || log->pMethods == NULL)
		return 0;
	if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK)
		return err_set(err, ERR_UNAVAILABLE, "write the log to the disk: %s",
			       strerror(errno));
	return 0;
}

int database_scrub(struct database *db, struct err *err)
{
	if (sqlite3_wal_checkpoint_v2(db->connection, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
				      NULL) != SQLITE_OK)
		return database_error(db, "empty the log", err);
	return 0;
}

int64_t database_last_id(const struct database *db)
{
	return sqlite3_last_insert_rowid(db->connection);
}

int database_changes(const struct database *db)
{
	return sqlite3_changes(db->connection);
}

/* --- sealed values --- */

int database_bind_sealed(struct database *db, sqlite3_stmt *statement, int index,
			 const struct seal_place *place, const void *value, size_t len,
			 struct err *err)
{
	uint8_t *sealed = malloc(len + SEAL_EXTRA);

	if (sealed == NULL || seal_value(db->seal, place, value, len, sealed) < 0) {
		free(sealed);
		return err_set(err, ERR_MEMORY, "seal: out of memory");
	}
	/* SQLite frees it, also when it refuses. */
	if (sqlite3_bind_blob64(statement, index, sealed, len + SEAL_EXTRA, free) != SQLITE_OK)
		return database_error(db, "seal", err);
	return 0;
}

void *database_unseal(const struct database *db, sqlite3_stmt *statement, int column,
		      const struct seal_place *place, size_t *len)
{
	const void *sealed = sqlite3_column_blob(statement, column);
	size_t sealed_len = (size_t)sqlite3_column_bytes(statement, column);
	uint8_t *value = NULL;

	if (sealed == NULL || sealed_len < SEAL_EXTRA)
		return NULL;
	*len = sealed_len - SEAL_EXTRA;
	value = malloc(*len + 1);
	if (value == NULL)
		return NULL;
	value[*len] = '\0';
	if (unseal_value(db->seal, place, sealed, sealed_len, value) == 0)
		return value;
	free(value);
	return NULL;
}

int database_unseal_bytes(const struct database *db, sqlite3_stmt *statement, int column,
			  const struct seal_place *place, void *out, size_t len)
{
	if ((size_t)sqlite3_column_bytes(statement, column) != len + SEAL_EXTRA)
		return -1;
	return unseal_value(db->seal, place, sqlite3_column_blob(statement, column),
			    len + SEAL_EXTRA, out);
}

int database_unseal_text(const struct database *db, sqlite3_stmt *statement, int column,
			 const struct seal_place *place, char *out, size_t max)
{
	size_t sealed_len = (size_t)sqlite3_column_bytes(statement, column);

	if (sealed_len < SEAL_EXTRA || sealed_len - SEAL_EXTRA > max)
		return -1;
	out[sealed_len - SEAL_EXTRA] = '\0';
	return unseal_value(db->seal, place, sqlite3_column_blob(statement, column), sealed_len,
			    (uint8_t *)out);
}
