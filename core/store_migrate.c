/*
 * store_migrate.c: seals the values of a database from before values were sealed.
 *
 * Runs within the transaction of the migration, so that a file has all or none of it.
 */
#include "core/store_private.h"

#include <string.h>

/* The migration that seals is the one from this version of the schema. */
#define UNSEALED_VERSION 4
/* Sealed columns of one table at most; and what a row is read into: rowid, those, two more. */
#define SEALED_MAX 5

/* A sealed column, and in which columns of the row stand owner, row and name of its place; 0: none.
 */
struct sealed_column {
	const char *column;
	int owner, row, name;
};

/* Each select gives the first row above ?1: rowid, the sealed columns, and what their places need;
 * the update takes the same numbers plus one. */
struct sealed_table {
	const char *select, *update;
	struct sealed_column columns[SEALED_MAX + 1]; /* ends with NULL */
};

#define NEXT_ROW " WHERE rowid > ?1 ORDER BY rowid LIMIT 1"

static const struct sealed_table tables[] = {
    {"SELECT rowid, name, private_key FROM account" NEXT_ROW,
     "UPDATE account SET name = ?2, private_key = ?3 WHERE rowid = ?1",
     {{"account.name", 0, 0, 0}, {"account.private_key", 0, 0, 1}}},
    {"SELECT rowid, value, account, key FROM setting" NEXT_ROW,
     "UPDATE setting SET value = ?2 WHERE rowid = ?1",
     {{"setting.value", 2, 0, 3}}},
    {"SELECT rowid, value, contact, key FROM contact_setting" NEXT_ROW,
     "UPDATE contact_setting SET value = ?2 WHERE rowid = ?1",
     {{"contact_setting.value", 2, 0, 3}}},
    {"SELECT rowid, public_key, name, secret, next_secret, verification, account"
     " FROM contact" NEXT_ROW,
     "UPDATE contact SET public_key = ?2, name = ?3, secret = ?4, next_secret = ?5,"
     " verification = ?6 WHERE rowid = ?1",
     {{"contact.public_key", 6, 0, 0},
      {"contact.name", 0, 0, 1},
      {"contact.secret", 0, 0, 1},
      {"contact.next_secret", 0, 0, 1},
      {"contact.verification", 0, 0, 1}}},
    {"SELECT rowid, payload, contact, id FROM outbox" NEXT_ROW,
     "UPDATE outbox SET payload = ?2 WHERE rowid = ?1",
     {{"outbox.payload", 2, 3, 0}}},
    {"SELECT rowid, payload, contact, id FROM inbox" NEXT_ROW,
     "UPDATE inbox SET payload = ?2 WHERE rowid = ?1",
     {{"inbox.payload", 2, 3, 0}}},
    {"SELECT rowid, mark, account, number FROM sent_mark" NEXT_ROW,
     "UPDATE sent_mark SET mark = ?2 WHERE rowid = ?1",
     {{"sent_mark.mark", 2, 3, 0}}},
    {"SELECT rowid, secret, name, guest, account FROM invitation" NEXT_ROW,
     "UPDATE invitation SET secret = ?2, name = ?3, guest = ?4 WHERE rowid = ?1",
     {{"invitation.secret", 4, 0, 0}, {"invitation.name", 0, 0, 1}, {"invitation.guest", 0, 0, 1}}},
    {"SELECT rowid, public_key, name, text, secret, account FROM request" NEXT_ROW,
     "UPDATE request SET public_key = ?2, name = ?3, text = ?4, secret = ?5 WHERE rowid = ?1",
     {{"request.public_key", 5, 0, 0},
      {"request.name", 5, 0, 1},
      {"request.text", 5, 0, 1},
      {"request.secret", 5, 0, 1}}},
    {"SELECT rowid, public_key, account FROM blocked" NEXT_ROW,
     "UPDATE blocked SET public_key = ?2 WHERE rowid = ?1",
     {{"blocked.public_key", 2, 0, 0}}},
    {"SELECT rowid, secret, own_name, text, contact FROM introduction" NEXT_ROW,
     "UPDATE introduction SET secret = ?2, own_name = ?3, text = ?4 WHERE rowid = ?1",
     {{"introduction.secret", 4, 0, 0},
      {"introduction.own_name", 4, 0, 0},
      {"introduction.text", 4, 0, 0}}},
};

static int64_t number_of(sqlite3_stmt *row, int column)
{
	return column > 0 ? sqlite3_column_int64(row, column) : 0;
}

/* Seal the values of the row, and write them back. */
static int seal_row(struct database *db, const struct sealed_table *table, sqlite3_stmt *row,
		    sqlite3_stmt *update, struct err *err)
{
	sqlite3_bind_int64(update, 1, sqlite3_column_int64(row, 0));
	for (int i = 0; table->columns[i].column != NULL; i++) {
		const struct sealed_column *column = &table->columns[i];
		struct seal_place place = {
		    .column = column->column,
		    .owner = number_of(row, column->owner),
		    .row = number_of(row, column->row),
		};

		if (column->name > 0) {
			place.name = sqlite3_column_blob(row, column->name);
			place.name_len = (size_t)sqlite3_column_bytes(row, column->name);
		}
		if (database_bind_sealed(db, update, 2 + i, &place, sqlite3_column_blob(row, 1 + i),
					 (size_t)sqlite3_column_bytes(row, 1 + i), err) < 0)
			return -1;
	}
	return database_run(db, update, "seal", err);
}

/* Row after row by its number: an update may move what a walk over an index has before it. */
static int seal_rows(struct database *db, const struct sealed_table *table, sqlite3_stmt *select,
		     sqlite3_stmt *update, struct err *err)
{
	int64_t last = -1;
	int row;

	for (;;) {
		sqlite3_bind_int64(select, 1, last);
		row = database_step(db, select, "seal", err);
		if (row != 1)
			return row;
		last = sqlite3_column_int64(select, 0);
		if (seal_row(db, table, select, update, err) < 0) {
			database_done(select);
			return -1;
		}
		database_done(select);
	}
}

static int seal_table(struct database *db, const struct sealed_table *table, struct err *err)
{
	sqlite3_stmt *select = database_prepare(db, table->select, err);
	sqlite3_stmt *update = select != NULL ? database_prepare(db, table->update, err) : NULL;
	int result = -1;

	if (update != NULL)
		result = seal_rows(db, table, select, update, err);
	sqlite3_finalize(select);
	sqlite3_finalize(update);
	return result;
}

int store_migrated(struct database *db, int version, struct err *err)
{
	if (version != UNSEALED_VERSION)
		return 0;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (seal_table(db, &tables[i], err) < 0)
			return -1;
	return 0;
}
