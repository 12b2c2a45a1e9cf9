/*
 * store_message.c: the messages that wait: outbox (not acknowledged yet) and inbox (not taken yet);
 * and the marks of those that were sent lately.
 *
 * Neighbours: store.c (the file), store_rows.c (the other tables).
 */
#include "core/store_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static sqlite3_stmt *for_box(struct store *store, enum store_statement first, enum store_box box,
			     int64_t contact, struct err *err)
{
	enum store_statement which = (enum store_statement)((unsigned)first + (box == STORE_INBOX));
	sqlite3_stmt *statement = database_statement(store->db, which, err);

	if (statement != NULL)
		sqlite3_bind_int64(statement, 1, contact);
	return statement;
}

static struct seal_place payload_place(enum store_box box, int64_t contact, uint64_t id)
{
	return (struct seal_place){.column =
				       box == STORE_INBOX ? "inbox.payload" : "outbox.payload",
				   .owner = contact,
				   .row = (int64_t)id};
}

int store_message_add(struct store *store, enum store_box box, int64_t contact,
		      const struct store_message *message, struct err *err)
{
	sqlite3_stmt *statement = for_box(store, SQL_OUTBOX_ADD, box, contact, err);

	assert(message->id >= 1 && message->id <= INT64_MAX && message->len > 0);
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 2, (int64_t)message->id);
	sqlite3_bind_int64(statement, 3, message->sent_ms);
	if (store_seal(store, statement, 4, payload_place(box, contact, message->id),
		       message->payload, message->len, err) < 0)
		return -1;
	return database_run(store->db, statement, "store the message", err);
}

static int read_message(struct store *store, sqlite3_stmt *row, enum store_box box, int64_t contact,
			struct store_message *message, struct err *err)
{
	const struct seal_place place =
	    payload_place(box, contact, (uint64_t)sqlite3_column_int64(row, 0));

	message->payload = database_unseal(store->db, row, 2, &place, &message->len);
	if (message->payload == NULL)
		return err_set(err, ERR_INPUT, "read message: malformed row");
	message->id = (uint64_t)sqlite3_column_int64(row, 0);
	message->sent_ms = sqlite3_column_int64(row, 1);
	return 1;
}

int store_message_next(struct store *store, enum store_box box, int64_t contact, uint64_t after,
		       struct store_message *message, struct err *err)
{
	sqlite3_stmt *statement = for_box(store, SQL_OUTBOX_NEXT, box, contact, err);
	int result;

	memset(message, 0, sizeof(*message));
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 2, (int64_t)after);
	result = database_step(store->db, statement, "read message", err);
	if (result != 1)
		return result;
	result = read_message(store, statement, box, contact, message, err);
	database_done(statement);
	return result;
}

void store_message_wipe(struct store_message *message)
{
	secret_free(message->payload, message->len);
	memset(message, 0, sizeof(*message));
}

int store_message_remove(struct store *store, enum store_box box, int64_t contact, uint64_t id,
			 struct err *err)
{
	sqlite3_stmt *statement = for_box(store, SQL_OUTBOX_REMOVE, box, contact, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 2, (int64_t)id);
	if (database_run(store->db, statement, "remove the message", err) < 0)
		return -1;
	return database_changes(store->db) > 0;
}

int store_message_count(struct store *store, enum store_box box, int64_t contact, unsigned *count,
			struct err *err)
{
	sqlite3_stmt *statement = for_box(store, SQL_OUTBOX_COUNT, box, contact, err);

	if (statement == NULL || database_step(store->db, statement, "count messages", err) != 1)
		return -1;
	*count = (unsigned)sqlite3_column_int64(statement, 0);
	database_done(statement);
	return 0;
}

/* --- marks --- */

static struct seal_place mark_place(int64_t account, int64_t number)
{
	return (struct seal_place){.column = "sent_mark.mark", .owner = account, .row = number};
}

int store_mark_add(struct store *store, int64_t account, int64_t number,
		   const uint8_t mark[SENT_MARK_LEN], struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_MARK_ADD, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	sqlite3_bind_int64(statement, 2, number);
	if (store_seal(store, statement, 3, mark_place(account, number), mark, SENT_MARK_LEN, err) <
	    0)
		return -1;
	return database_run(store->db, statement, "store the mark", err);
}

int store_marks(struct store *store, int64_t account,
		int (*each)(void *arg, int64_t number, const uint8_t mark[SENT_MARK_LEN]),
		void *arg, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_MARKS, err);
	uint8_t mark[SENT_MARK_LEN];
	int row;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	while ((row = database_step(store->db, statement, "read marks", err)) == 1) {
		const struct seal_place place =
		    mark_place(account, sqlite3_column_int64(statement, 0));

		if (database_unseal_bytes(store->db, statement, 1, &place, mark, sizeof(mark)) < 0)
			row = err_set(err, ERR_INPUT, "read marks: malformed row");
		else
			row = each(arg, sqlite3_column_int64(statement, 0), mark);
		if (row < 0) {
			database_done(statement);
			return -1;
		}
	}
	return row;
}

int store_marks_remove(struct store *store, int64_t account, int64_t number, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_MARKS_REMOVE, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	sqlite3_bind_int64(statement, 2, number);
	return database_run(store->db, statement, "remove marks", err);
}
