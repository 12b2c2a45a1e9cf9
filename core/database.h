/*
 * database.h: one SQLite file of ours: made, opened, checked, migrated; its statements,
 * transactions and errors; and values that are sealed (seal.h).
 *
 * Does not know what the rows mean; its users are the store (store.h) and the store of the local
 * server (component/local_store.h), which say by a struct database_kind what is in the file.
 *
 * Durability: an ordinary commit survives the death of the process; a durable one also a power
 * failure, and with it all commits before it.
 */
#ifndef CORE_DATABASE_H
#define CORE_DATABASE_H

#include "core/base/err.h"
#include "core/seal.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database;

/* All of it must outlive the database. */
struct database_kind {
	int application_id; /* tells the file from other programs' */
	/* migrations[n] takes the schema from version n to the next. Never change one that has been
	 * released: add another. */
	const char *const *migrations;
	int version; /* how many there are */
	/* Called after migrations[version], within its transaction, for what SQL cannot do. May be
	 * NULL. */
	int (*migrated)(struct database *db, int version, struct err *err);
	/* The statements, by number. */
	const char *const *sql;
	size_t sql_count;
	const char *use; /* for seal_new; NULL: no value is sealed */
	/* The version from which on the table "seal_check" is there, by which a wrong key is told.
	 */
	int sealed_from;
};

/*
 * Open the database at path (":memory:" for tests), make it if there is none (mode 0600), and bring
 * its schema up to date. No other process can use it until database_free. A file that is damaged,
 * truncated, empty, not a database or written by a newer tacet gives ERR_INPUT with a text for the
 * user, one of another key ERR_AUTH, and is not changed; one that cannot be opened, written or
 * locked gives ERR_UNAVAILABLE. store_key may be NULL when kind->use is.
 */
struct database *database_open(const char *path, const struct database_kind *kind,
			       const struct key *store_key, struct err *err);
void database_free(struct database **db);

/* --- statements and transactions: all return -1 with *err --- */
/* Fill *err from the last error of the connection; -1. ERR_UNAVAILABLE for a full disk, a read-only
 * or failing file, ERR_EXISTS when a row would be there twice. */
int database_error(struct database *db, const char *doing, struct err *err);
/* The prepared statement, ready for new values; NULL with *err. */
sqlite3_stmt *database_statement(struct database *db, size_t which, struct err *err);
/* One for a single use, which the caller finalizes; NULL with *err. */
sqlite3_stmt *database_prepare(struct database *db, const char *sql, struct err *err);
/* 1: there is a row; 0: the end; -1: an error. After 0 and -1 the statement is reset. */
int database_step(struct database *db, sqlite3_stmt *statement, const char *doing, struct err *err);
/* Run a statement that gives no rows. */
int database_run(struct database *db, sqlite3_stmt *statement, const char *doing, struct err *err);
/* Reset, and forget the values that were bound. */
void database_done(sqlite3_stmt *statement);
int database_begin(struct database *db, bool durable, struct err *err);
/* After a failed commit nothing of the transaction is stored. */
int database_commit(struct database *db, struct err *err);
void database_rollback(struct database *db);
bool database_in_transaction(const struct database *db);
/* Why nothing can be written now, for the user ("the disk is full"); NULL: it can, as far as is
 * known. */
const char *database_trouble(const struct database *db);
/* Call changed(arg), from within these functions, when that begins or ends. */
void database_watch(struct database *db, void (*changed)(void *arg), void *arg);
/* Write what changes nothing, to find out whether it goes again. */
void database_probe(struct database *db);
/* Bring all ordinary commits to the disk. */
int database_flush(struct database *db, struct err *err);
/* Empty the write-ahead log, so that what was deleted is in none of the files. */
int database_scrub(struct database *db, struct err *err);
/* Of the last statement that added a row; how many rows the last one changed. */
int64_t database_last_id(const struct database *db);
int database_changes(const struct database *db);

/* --- values to a statement: they must live until it has run --- */
int database_bind_bytes(sqlite3_stmt *statement, int index, const void *data, size_t len);
int database_bind_text(sqlite3_stmt *statement, int index, const char *text);
/* Sealed; the value itself need not live on. -1 with *err: memory is short. */
int database_bind_sealed(struct database *db, sqlite3_stmt *statement, int index,
			 const struct seal_place *place, const void *value, size_t len,
			 struct err *err);

/* --- values from a row; -1: it is not what we wrote --- */
/* Exactly len bytes, or at most max bytes of text (and a NUL). */
int database_column_bytes(sqlite3_stmt *statement, int column, void *out, size_t len);
int database_column_text(sqlite3_stmt *statement, int column, char *out, size_t max);
/* The same of a sealed value. */
int database_unseal_bytes(const struct database *db, sqlite3_stmt *statement, int column,
			  const struct seal_place *place, void *out, size_t len);
int database_unseal_text(const struct database *db, sqlite3_stmt *statement, int column,
			 const struct seal_place *place, char *out, size_t max);
/* A copy, followed by a NUL that is not counted; free it with secret_free(value, *len). */
void *database_unseal(const struct database *db, sqlite3_stmt *statement, int column,
		      const struct seal_place *place, size_t *len);

#endif
