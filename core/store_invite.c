/*
 * store_invite.c: the rows of invitations, of the requests that come of them, of those who are
 * blocked, and of our own introductions.
 *
 * Neighbours: store.c (the file), store_rows.c (accounts and contacts).
 */
#include "core/store_private.h"

#include <string.h>

#define GUEST_LEN (X25519_LEN + STORE_MARK_LEN)

/* --- invitations --- */

/* Fields 5 … 8 of the two statements that write invitations. guest_bytes must live until then. */
static void bind_invitation(sqlite3_stmt *statement, const struct store_invitation *invitation,
			    uint8_t guest_bytes[GUEST_LEN])
{
	bool taken = !invitation->reusable && invitation->used > 0;

	memcpy(guest_bytes, invitation->guest, X25519_LEN);
	memcpy(guest_bytes + X25519_LEN, invitation->mark, STORE_MARK_LEN);
	sqlite3_bind_int64(statement, 5, invitation->expires_ms);
	sqlite3_bind_int64(statement, 6, invitation->used);
	database_bind_bytes(statement, 7, guest_bytes, taken ? GUEST_LEN : 0);
	sqlite3_bind_int64(statement, 8, (int64_t)invitation->sequence);
}

static int read_invitation(sqlite3_stmt *row, struct store_invitation *invitation)
{
	uint8_t guest[GUEST_LEN];

	memset(invitation, 0, sizeof(*invitation));
	if (database_column_bytes(row, 1, invitation->secret, INVITATION_SECRET_LEN) < 0 ||
	    database_column_text(row, 2, invitation->name, INVITATION_NAME_MAX) < 0)
		return -1;
	invitation->id = sqlite3_column_int64(row, 0);
	invitation->reusable = sqlite3_column_int(row, 3) != 0;
	invitation->expires_ms = sqlite3_column_int64(row, 4);
	invitation->used = (unsigned)sqlite3_column_int64(row, 5);
	invitation->sequence = (uint64_t)sqlite3_column_int64(row, 7);
	if (invitation->reusable || invitation->used == 0)
		return 0;
	if (database_column_bytes(row, 6, guest, GUEST_LEN) < 0)
		return -1;
	memcpy(invitation->guest, guest, X25519_LEN);
	memcpy(invitation->mark, guest + X25519_LEN, STORE_MARK_LEN);
	return 0;
}

int store_invitation_add(struct store *store, int64_t account, struct store_invitation *invitation,
			 struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_INVITATION_ADD, err);
	uint8_t guest[GUEST_LEN];

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	database_bind_bytes(statement, 2, invitation->secret, INVITATION_SECRET_LEN);
	database_bind_text(statement, 3, invitation->name);
	sqlite3_bind_int(statement, 4, invitation->reusable);
	bind_invitation(statement, invitation, guest);
	if (database_run(store->db, statement, "store the invitation", err) < 0)
		return -1;
	invitation->id = database_last_id(store->db);
	return 0;
}

int store_invitations(struct store *store, int64_t account,
		      int (*each)(void *arg, const struct store_invitation *invitation), void *arg,
		      struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_INVITATIONS, err);
	struct store_invitation invitation;
	int row;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	while ((row = database_step(store->db, statement, "read invitations", err)) == 1) {
		if (read_invitation(statement, &invitation) < 0)
			row = err_set(err, ERR_INPUT, "read invitations: malformed row");
		else
			row = each(arg, &invitation);
		secret_wipe(&invitation, sizeof(invitation));
		if (row < 0) {
			database_done(statement);
			return -1;
		}
	}
	return row;
}

int store_invitation_save(struct store *store, const struct store_invitation *invitation,
			  struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_INVITATION_SAVE, err);
	uint8_t guest[GUEST_LEN];

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, invitation->id);
	bind_invitation(statement, invitation, guest);
	return database_run(store->db, statement, "store the invitation", err);
}

int store_invitation_remove(struct store *store, int64_t id, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_INVITATION_REMOVE, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, id);
	return database_run(store->db, statement, "remove the invitation", err);
}

/* --- requests --- */

int store_request_set(struct store *store, int64_t account, const struct store_request *request,
		      struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_REQUEST_SET, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	database_bind_bytes(statement, 2, request->public_key, X25519_LEN);
	database_bind_text(statement, 3, request->name);
	database_bind_text(statement, 4, request->text);
	database_bind_bytes(statement, 5, request->secret.bytes, KEY_LEN);
	sqlite3_bind_int64(statement, 6, request->since_ms);
	return database_run(store->db, statement, "store the request", err);
}

static int read_request(sqlite3_stmt *row, struct store_request *request)
{
	memset(request, 0, sizeof(*request));
	request->since_ms = sqlite3_column_int64(row, 4);
	if (database_column_bytes(row, 0, request->public_key, X25519_LEN) < 0 ||
	    database_column_text(row, 1, request->name, CONTACT_NAME_MAX) < 0 ||
	    database_column_text(row, 2, request->text, REQUEST_TEXT_MAX) < 0)
		return -1;
	return database_column_bytes(row, 3, request->secret.bytes, KEY_LEN);
}

int store_requests(struct store *store, int64_t account,
		   int (*each)(void *arg, const struct store_request *request), void *arg,
		   struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_REQUESTS, err);
	struct store_request request;
	int row;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	while ((row = database_step(store->db, statement, "read requests", err)) == 1) {
		if (read_request(statement, &request) < 0)
			row = err_set(err, ERR_INPUT, "read requests: malformed row");
		else
			row = each(arg, &request);
		secret_wipe(&request, sizeof(request));
		if (row < 0) {
			database_done(statement);
			return -1;
		}
	}
	return row;
}

/* --- statements about one public key --- */

static sqlite3_stmt *for_key(struct store *store, enum store_statement which, int64_t account,
			     const uint8_t public_key[X25519_LEN], struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, which, err);

	if (statement != NULL) {
		sqlite3_bind_int64(statement, 1, account);
		database_bind_bytes(statement, 2, public_key, X25519_LEN);
	}
	return statement;
}

int store_request_remove(struct store *store, int64_t account, const uint8_t public_key[X25519_LEN],
			 struct err *err)
{
	sqlite3_stmt *statement = for_key(store, SQL_REQUEST_REMOVE, account, public_key, err);

	return statement == NULL ? -1
				 : database_run(store->db, statement, "remove the request", err);
}

int store_block(struct store *store, int64_t account, const uint8_t public_key[X25519_LEN],
		struct err *err)
{
	sqlite3_stmt *statement = for_key(store, SQL_BLOCK, account, public_key, err);

	return statement == NULL ? -1 : database_run(store->db, statement, "block", err);
}

int store_unblock(struct store *store, int64_t account, const uint8_t public_key[X25519_LEN],
		  struct err *err)
{
	sqlite3_stmt *statement = for_key(store, SQL_UNBLOCK, account, public_key, err);

	if (statement == NULL || database_run(store->db, statement, "unblock", err) < 0)
		return -1;
	return database_changes(store->db) > 0;
}

int store_is_blocked(struct store *store, int64_t account, const uint8_t public_key[X25519_LEN],
		     struct err *err)
{
	sqlite3_stmt *statement = for_key(store, SQL_IS_BLOCKED, account, public_key, err);
	int row =
	    statement == NULL ? -1 : database_step(store->db, statement, "read the blocked", err);

	if (row == 1)
		database_done(statement);
	return row;
}

int store_blocked(struct store *store, int64_t account,
		  int (*each)(void *arg, const uint8_t public_key[X25519_LEN]), void *arg,
		  struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_BLOCKED, err);
	uint8_t public_key[X25519_LEN];
	int row;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	while ((row = database_step(store->db, statement, "read the blocked", err)) == 1) {
		if (database_column_bytes(statement, 0, public_key, X25519_LEN) < 0)
			row = err_set(err, ERR_INPUT, "read the blocked: malformed row");
		else
			row = each(arg, public_key);
		if (row < 0) {
			database_done(statement);
			return -1;
		}
	}
	return row;
}

/* --- introductions --- */

int store_introduction_set(struct store *store, int64_t contact,
			   const struct store_introduction *introduction, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_INTRODUCTION_SET, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, contact);
	database_bind_bytes(statement, 2, introduction->secret, INVITATION_SECRET_LEN);
	database_bind_text(statement, 3, introduction->own_name);
	database_bind_text(statement, 4, introduction->text);
	sqlite3_bind_int64(statement, 5, introduction->expires_ms);
	return database_run(store->db, statement, "store the introduction", err);
}

static int read_introduction(sqlite3_stmt *row, struct store_introduction *introduction)
{
	introduction->expires_ms = sqlite3_column_int64(row, 3);
	if (database_column_bytes(row, 0, introduction->secret, INVITATION_SECRET_LEN) < 0 ||
	    database_column_text(row, 1, introduction->own_name, CONTACT_NAME_MAX) < 0)
		return -1;
	return database_column_text(row, 2, introduction->text, REQUEST_TEXT_MAX);
}

int store_introduction_get(struct store *store, int64_t contact,
			   struct store_introduction *introduction, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_INTRODUCTION_GET, err);
	int row;

	memset(introduction, 0, sizeof(*introduction));
	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, contact);
	row = database_step(store->db, statement, "read the introduction", err);
	if (row != 1)
		return row;
	if (read_introduction(statement, introduction) < 0)
		row = err_set(err, ERR_INPUT, "read the introduction: malformed row");
	database_done(statement);
	return row;
}

int store_introduction_remove(struct store *store, int64_t contact, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_INTRODUCTION_REMOVE, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, contact);
	return database_run(store->db, statement, "remove the introduction", err);
}
