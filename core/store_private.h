/*
 * store_private.h: what the files of the store share: the database and the numbers of its
 * statements.
 */
#ifndef CORE_STORE_PRIVATE_H
#define CORE_STORE_PRIVATE_H

#include "core/database.h"
#include "core/store.h"

/* The index of each statement's text in the table of store.c. */
enum store_statement {
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
	SQL_MARK_ADD,
	SQL_MARKS,
	SQL_MARKS_REMOVE,
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
	struct database *db;
};

/* Where a value of a column belongs that has only one such place. */
static inline struct seal_place store_place(const char *column)
{
	return (struct seal_place){.column = column};
}

/* database_bind_sealed. */
int store_seal(struct store *store, sqlite3_stmt *statement, int index, struct seal_place place,
	       const void *value, size_t len, struct err *err);

/* store_migrate.c: what struct database_kind calls after a migration. */
int store_migrated(struct database *db, int version, struct err *err);

#endif
