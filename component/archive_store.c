/*
 * archive_store.c: see archive_store.h. Neighbour: local_store.c (the file and its statements).
 */
#include "component/archive_store.h"

#include "component/local_store_private.h"

#include <string.h>

const struct archive_span archive_everything = {
    .start_ms = INT64_MIN, .end_ms = INT64_MAX, .before = INT64_MAX};

static struct seal_place place_of_id(int64_t owner)
{
	return (struct seal_place){.column = "archive.id", .owner = owner};
}

static struct seal_place place_of_contact(int64_t owner)
{
	return (struct seal_place){.column = "archive.contact", .owner = owner};
}

static struct seal_place place_of_mark(int64_t owner)
{
	return (struct seal_place){.column = "archive.mark", .owner = owner};
}

static struct seal_place place_of_message(int64_t owner, const char *id)
{
	return (struct seal_place){"archive.message", owner, 0, id, strlen(id)};
}

/* A sealed text; NULL is bound as NULL. */
static int bind_text(struct local_store *store, sqlite3_stmt *statement, int index,
		     struct seal_place place, const char *text, struct err *err)
{
	if (!text) {
		sqlite3_bind_null(statement, index);
		return 0;
	}
	return database_bind_sealed(store->db, statement, index, &place, text, strlen(text), err);
}

/* --- adding and replacing --- */

int archive_add(struct local_store *store, const char *user, const struct archive_row *row,
		struct err *err)
{
	struct seal_place of_message;
	sqlite3_stmt *statement;
	int64_t owner;

	if (row->len > LOCAL_VALUE_MAX || strlen(row->id) > LOCAL_NAME_MAX)
		return err_set(err, ERR_LIMIT, "the message is too long for the archive");
	if (local_owner(store, user, true, &owner, err) != 1)
		return -1;
	statement = database_statement(store->db, SQL_ARCHIVE_ADD, err);
	if (!statement)
		return -1;
	of_message = place_of_message(owner, row->id);
	sqlite3_bind_int64(statement, 1, owner);
	sqlite3_bind_int64(statement, 5, row->stamp_ms);
	if (bind_text(store, statement, 2, place_of_id(owner), row->id, err) ||
	    bind_text(store, statement, 3, place_of_contact(owner), row->contact, err) ||
	    bind_text(store, statement, 4, place_of_mark(owner), row->mark, err) ||
	    database_bind_sealed(store->db, statement, 6, &of_message, row->message, row->len, err))
		return -1;
	return database_run(store->db, statement, "archive the message", err);
}

/* 1: place and id of the row that the statement finds; 0: none. */
static int find_row(struct local_store *store, sqlite3_stmt *statement, int64_t owner,
		    int64_t *place, char id[LOCAL_NAME_MAX + 1], struct err *err)
{
	const struct seal_place of_id = place_of_id(owner);
	int row = database_step(store->db, statement, "search the archive", err);

	if (row != 1)
		return row;
	*place = sqlite3_column_int64(statement, 0);
	if (database_unseal_text(store->db, statement, 1, &of_id, id, LOCAL_NAME_MAX))
		row = err_set(err, ERR_INPUT, "search the archive: a row is damaged");
	database_done(statement);
	return row;
}

static int find_marked(struct local_store *store, int64_t owner, const char *contact,
		       const char *mark, int64_t *place, char id[LOCAL_NAME_MAX + 1],
		       struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_ARCHIVE_MARKED, err);

	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, owner);
	if (bind_text(store, statement, 2, place_of_contact(owner), contact, err) ||
	    bind_text(store, statement, 3, place_of_mark(owner), mark, err))
		return -1;
	return find_row(store, statement, owner, place, id, err);
}

/* The row keeps its id and its place; it is not found by its mark again. */
static int replace_row(struct local_store *store, int64_t owner, int64_t place, const char *id,
		       const void *message, size_t len, struct err *err)
{
	const struct seal_place of_message = place_of_message(owner, id);
	sqlite3_stmt *statement = database_statement(store->db, SQL_ARCHIVE_REPLACE, err);

	if (!statement ||
	    database_bind_sealed(store->db, statement, 2, &of_message, message, len, err) ||
	    bind_text(store, statement, 3, place_of_mark(owner), "", err))
		return -1;
	sqlite3_bind_int64(statement, 1, place);
	return database_run(store->db, statement, "replace the message", err);
}

int archive_replace(struct local_store *store, const char *user, const char *contact,
		    const char *mark, const void *message, size_t len, struct err *err)
{
	char id[LOCAL_NAME_MAX + 1];
	int64_t owner, place;
	int count = 0;
	int found = local_owner(store, user, false, &owner, err);

	while (found == 1) {
		found = find_marked(store, owner, contact, mark, &place, id, err);
		if (found == 1 && replace_row(store, owner, place, id, message, len, err))
			found = -1;
		count += found == 1;
	}
	return found < 0 ? -1 : count;
}

int archive_find(struct local_store *store, const char *user, const char *id, int64_t *place,
		 struct err *err)
{
	sqlite3_stmt *statement;
	char found_id[LOCAL_NAME_MAX + 1];
	int64_t owner;
	int found = local_owner(store, user, false, &owner, err);

	if (found != 1)
		return found;
	statement = database_statement(store->db, SQL_ARCHIVE_FIND, err);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, owner);
	if (bind_text(store, statement, 2, place_of_id(owner), id, err))
		return -1;
	return find_row(store, statement, owner, place, found_id, err);
}

/* --- walking --- */

/* 1: ready; 0: the user has nothing. The statements with a contact come right after those without.
 */
static int bind_span(struct local_store *store, enum local_statement which, const char *user,
		     const struct archive_span *span, int64_t *owner, sqlite3_stmt **statement,
		     struct err *err)
{
	int found = local_owner(store, user, false, owner, err);

	if (found != 1)
		return found;
	*statement = database_statement(store->db, (size_t)which + (span->contact != NULL), err);
	if (!*statement)
		return -1;
	sqlite3_bind_int64(*statement, 1, *owner);
	sqlite3_bind_int64(*statement, 2, span->after);
	sqlite3_bind_int64(*statement, 3, span->before);
	sqlite3_bind_int64(*statement, 4, span->start_ms);
	sqlite3_bind_int64(*statement, 5, span->end_ms);
	if (span->contact &&
	    bind_text(store, *statement, 6, place_of_contact(*owner), span->contact, err))
		return -1;
	return 1;
}

static int visit(struct local_store *store, sqlite3_stmt *statement, int64_t owner,
		 int (*each)(void *arg, const struct archive_row *row), void *arg, struct err *err)
{
	const struct seal_place of_id = place_of_id(owner), of_contact = place_of_contact(owner);
	struct seal_place of_message;
	char id[LOCAL_NAME_MAX + 1], contact[LOCAL_NAME_MAX + 1];
	struct archive_row row = {.id = id, .contact = contact, .mark = ""};
	void *message = NULL;
	int result;

	if (!database_unseal_text(store->db, statement, 0, &of_id, id, LOCAL_NAME_MAX) &&
	    !database_unseal_text(store->db, statement, 1, &of_contact, contact, LOCAL_NAME_MAX)) {
		of_message = place_of_message(owner, id);
		message = database_unseal(store->db, statement, 3, &of_message, &row.len);
	}
	if (!message)
		return err_set(err, ERR_INPUT, "read the archive: a row is damaged");
	row.stamp_ms = sqlite3_column_int64(statement, 2);
	row.message = message;
	result = each(arg, &row);
	secret_free(message, row.len);
	return result;
}

int archive_walk(struct local_store *store, const char *user, const struct archive_span *span,
		 bool backwards, int (*each)(void *arg, const struct archive_row *row), void *arg,
		 struct err *err)
{
	sqlite3_stmt *statement;
	int64_t owner;
	int row = bind_span(store, backwards ? SQL_ARCHIVE_BACKWARDS : SQL_ARCHIVE_FORWARDS, user,
			    span, &owner, &statement, err);

	if (row != 1)
		return row;
	if (!backwards)
		sqlite3_bind_int64(statement, 7, span->skip);
	while ((row = database_step(store->db, statement, "read the archive", err)) == 1) {
		row = visit(store, statement, owner, each, arg, err);
		if (row != 0) {
			database_done(statement);
			return row < 0 ? -1 : 0;
		}
	}
	return row;
}

int archive_count(struct local_store *store, const char *user, const struct archive_span *span,
		  uint64_t *count, struct err *err)
{
	sqlite3_stmt *statement;
	int64_t owner;
	int row = bind_span(store, SQL_ARCHIVE_COUNT, user, span, &owner, &statement, err);

	*count = 0;
	if (row == 1)
		row = database_step(store->db, statement, "count the archive", err);
	if (row != 1)
		return row;
	*count = (uint64_t)sqlite3_column_int64(statement, 0);
	database_done(statement);
	return 0;
}

/* --- erasing --- */

/* How many the statement has erased. */
static int erase(struct local_store *store, sqlite3_stmt *statement, struct err *err)
{
	if (database_run(store->db, statement, "erase from the archive", err))
		return -1;
	return database_changes(store->db);
}

/* 1: the statement, with the owner bound; 0: the user has nothing. */
static int for_user(struct local_store *store, enum local_statement which, const char *user,
		    int64_t *owner, sqlite3_stmt **statement, struct err *err)
{
	int found = local_owner(store, user, false, owner, err);

	if (found != 1)
		return found;
	*statement = database_statement(store->db, which, err);
	if (!*statement)
		return -1;
	sqlite3_bind_int64(*statement, 1, *owner);
	return 1;
}

int archive_erase_contact(struct local_store *store, const char *user, const char *contact,
			  struct err *err)
{
	sqlite3_stmt *statement;
	int64_t owner;
	int found = for_user(store, SQL_ARCHIVE_ERASE_CONTACT, user, &owner, &statement, err);

	if (found != 1)
		return found;
	if (bind_text(store, statement, 2, place_of_contact(owner), contact, err))
		return -1;
	return erase(store, statement, err);
}

static int erase_by_number(struct local_store *store, enum local_statement which, const char *user,
			   int64_t number, struct err *err)
{
	sqlite3_stmt *statement;
	int64_t owner;
	int found = for_user(store, which, user, &owner, &statement, err);

	if (found != 1)
		return found;
	sqlite3_bind_int64(statement, 2, number);
	return erase(store, statement, err);
}

int archive_erase_before(struct local_store *store, const char *user, int64_t before_ms,
			 struct err *err)
{
	return erase_by_number(store, SQL_ARCHIVE_ERASE_BEFORE, user, before_ms, err);
}

int archive_erase_surplus(struct local_store *store, const char *user, unsigned keep,
			  struct err *err)
{
	return erase_by_number(store, SQL_ARCHIVE_ERASE_SURPLUS, user, keep, err);
}
