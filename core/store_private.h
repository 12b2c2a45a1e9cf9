/*
 * store_private.h: what the files of the store share: the connection and its prepared statements.
 */
#ifndef CORE_STORE_PRIVATE_H
#define CORE_STORE_PRIVATE_H

#include "core/store.h"

#include <sqlite3.h>

/* The index of each statement's text in the table of store_sql.c. */
enum store_statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_DURABLE,
	SQL_NOT_DURABLE,
	SQL_ACCOUNT_ADD,
	SQL_ACCOUNTS,
	SQL_CONTACT_ADD,
	SQL_CONTACTS,
	SQL_CONTACT_SAVE,
	SQL_CONTACT_REMOVE,
	SQL_SETTING_SET, /* for an account; for a contact: + 1; so with those below */
	SQL_CONTACT_SETTING_SET,
	SQL_SETTING_GET,
	SQL_CONTACT_SETTING_GET,
	SQL_SETTING_REMOVE,
	SQL_CONTACT_SETTING_REMOVE,
	SQL_OUTBOX_ADD, /* in the inbox: + 1 */
	SQL_INBOX_ADD,
	SQL_OUTBOX_NEXT,
	SQL_INBOX_NEXT,
	SQL_OUTBOX_REMOVE,
	SQL_INBOX_REMOVE,
	SQL_OUTBOX_COUNT,
	SQL_INBOX_COUNT,
	SQL_COUNT,
};

struct store {
	sqlite3 *db;
	bool durable; /* what the connection is set to */
	sqlite3_stmt *statements[SQL_COUNT];
};

/* Fill *err from the last error of the connection; -1. */
int store_error(const struct store *store, const char *doing, struct err *err);
/* The prepared statement, ready for new values; NULL with *err. */
sqlite3_stmt *store_statement(struct store *store, enum store_statement which, struct err *err);
/* 1: there is a row; 0: the end; -1: an error. After 0 and -1 the statement is reset. */
int store_step(struct store *store, sqlite3_stmt *statement, const char *doing, struct err *err);
/* Run a statement that gives no rows. */
int store_run(struct store *store, sqlite3_stmt *statement, const char *doing, struct err *err);
/* Should commits from now on reach the disk before they return? */
int store_set_durable(struct store *store, bool durable, struct err *err);
/* Reset, and forget the values that were bound. */
void store_done(sqlite3_stmt *statement);

#endif
