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
	SQL_ACCOUNT_REMOVE,
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
	SQL_SETTINGS,
	SQL_CONTACT_SETTINGS,
	SQL_OUTBOX_ADD, /* in the inbox: + 1 */
	SQL_INBOX_ADD,
	SQL_OUTBOX_NEXT,
	SQL_INBOX_NEXT,
	SQL_OUTBOX_REMOVE,
	SQL_INBOX_REMOVE,
	SQL_OUTBOX_COUNT,
	SQL_INBOX_COUNT,
	SQL_INVITATION_ADD,
	SQL_INVITATIONS,
	SQL_INVITATION_SAVE,
	SQL_INVITATION_REMOVE,
	SQL_REQUEST_SET,
	SQL_REQUESTS,
	SQL_REQUEST_REMOVE,
	SQL_BLOCK,
	SQL_UNBLOCK,
	SQL_BLOCKED,
	SQL_IS_BLOCKED,
	SQL_INTRODUCTION_SET,
	SQL_INTRODUCTION_GET,
	SQL_INTRODUCTION_REMOVE,
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
/* Values to the statement: they must live until it has run. */
int store_bind_bytes(sqlite3_stmt *statement, int index, const void *data, size_t len);
int store_bind_text(sqlite3_stmt *statement, int index, const char *text);
/* Values from a row: exactly len bytes, or at most max bytes of text (and a NUL); -1: it is not
 * what we wrote. */
int store_column_bytes(sqlite3_stmt *statement, int column, void *out, size_t len);
int store_column_text(sqlite3_stmt *statement, int column, char *out, size_t max);
/* Reset, and forget the values that were bound. */
void store_done(sqlite3_stmt *statement);

#endif
