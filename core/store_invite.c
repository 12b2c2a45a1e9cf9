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

static struct seal_place invitation_place(const char *column,
					  const struct store_invitation *invitation)
{
	return (struct seal_place){column, 0, 0, invitation->secret, INVITATION_SECRET_LEN};
}

/* Fields 5 … 8 of the two statements that write invitations. */
static int bind_invitation(struct store *store, sqlite3_stmt *statement,
			   const struct store_invitation *invitation, struct err *err)
{
	bool taken = !invitation->reusable && invitation->used > 0;
	uint8_t guest_bytes[GUEST_LEN];

	memcpy(guest_bytes, invitation->guest, X25519_LEN);
	memcpy(guest_bytes + X25519_LEN, invitation->mark, STORE_MARK_LEN);
	sqlite3_bind_int64(statement, 5, invitation->expires_ms);
	sqlite3_bind_int64(statement, 6, invitation->used);
	sqlite3_bind_int64(statement, 8, (int64_t)invitation->sequence);
	return store_seal(store, statement, 7, invitation_place("invitation.guest", invitation),
			  guest_bytes, taken ? GUEST_LEN : 0, err);
}

static int read_invitation(struct store *store, sqlite3_stmt *row, int64_t account,
			   struct store_invitation *invitation)
{
	const struct seal_place of_secret = {.column = "invitation.secret", .owner = account};
	struct seal_place place;
	uint8_t guest[GUEST_LEN];

	memset(invitation, 0, sizeof(*invitation));
	if (database_unseal_bytes(store->db, row, 1, &of_secret, invitation->secret,
				  INVITATION_SECRET_LEN) < 0)
		return -1;
	place = invitation_place("invitation.name", invitation);
	if (database_unseal_text(store->db, row, 2, &place, invitation->name, INVITATION_NAME_MAX) <
	    0)
		return -1;
	invitation->id = sqlite3_column_int64(row, 0);
	invitation->reusable = sqlite3_column_int(row, 3) != 0;
	invitation->expires_ms = sqlite3_column_int64(row, 4);
	invitation->used = (unsigned)sqlite3_column_int64(row, 5);
	invitation->sequence = (uint64_t)sqlite3_column_int64(row, 7);
	if (invitation->reusable || invitation->used == 0)
		return 0;
	place = invitation_place("invitation.guest", invitation);
	if (database_unseal_bytes(store->db, row, 6, &place, guest, GUEST_LEN) < 0)
		return -1;
	memcpy(invitation->guest, guest, X25519_LEN);
	memcpy(invitation->mark, guest + X25519_LEN, STORE_MARK_LEN);
	return 0;
}

int store_invitation_add(struct store *store, int64_t account, struct store_invitation *invitation,
			 struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_INVITATION_ADD, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	sqlite3_bind_int(statement, 4, invitation->reusable);
	if (store_seal(store, statement, 2,
		       (struct seal_place){.column = "invitation.secret", .owner = account},
		       invitation->secret, INVITATION_SECRET_LEN, err) < 0 ||
	    store_seal(store, statement, 3, invitation_place("invitation.name", invitation),
		       invitation->name, strlen(invitation->name), err) < 0 ||
	    bind_invitation(store, statement, invitation, err) < 0)
		return -1;
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
		if (read_invitation(store, statement, account, &invitation) < 0)
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

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, invitation->id);
	if (bind_invitation(store, statement, invitation, err) < 0)
		return -1;
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

static struct seal_place request_place(const char *column, int64_t account,
				       const struct store_request *request)
{
	return (struct seal_place){column, account, 0, request->public_key, X25519_LEN};
}

/* The key of somebody, in a table of the account. */
static struct seal_place public_key_place(const char *column, int64_t account)
{
	return (struct seal_place){.column = column, .owner = account};
}

int store_request_set(struct store *store, int64_t account, const struct store_request *request,
		      struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_REQUEST_SET, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	sqlite3_bind_int64(statement, 6, request->since_ms);
	if (store_seal(store, statement, 2, public_key_place("request.public_key", account),
		       request->public_key, X25519_LEN, err) < 0 ||
	    store_seal(store, statement, 3, request_place("request.name", account, request),
		       request->name, strlen(request->name), err) < 0 ||
	    store_seal(store, statement, 4, request_place("request.text", account, request),
		       request->text, strlen(request->text), err) < 0 ||
	    store_seal(store, statement, 5, request_place("request.secret", account, request),
		       request->secret.bytes, KEY_LEN, err) < 0)
		return -1;
	return database_run(store->db, statement, "store the request", err);
}

static int read_request(struct store *store, sqlite3_stmt *row, int64_t account,
			struct store_request *request)
{
	const struct seal_place of_key = public_key_place("request.public_key", account);
	struct seal_place place;

	memset(request, 0, sizeof(*request));
	request->since_ms = sqlite3_column_int64(row, 4);
	if (database_unseal_bytes(store->db, row, 0, &of_key, request->public_key, X25519_LEN) < 0)
		return -1;
	place = request_place("request.name", account, request);
	if (database_unseal_text(store->db, row, 1, &place, request->name, CONTACT_NAME_MAX) < 0)
		return -1;
	place = request_place("request.text", account, request);
	if (database_unseal_text(store->db, row, 2, &place, request->text, REQUEST_TEXT_MAX) < 0)
		return -1;
	place = request_place("request.secret", account, request);
	return database_unseal_bytes(store->db, row, 3, &place, request->secret.bytes, KEY_LEN);
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
		if (read_request(store, statement, account, &request) < 0)
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
	const char *column =
	    which == SQL_REQUEST_REMOVE ? "request.public_key" : "blocked.public_key";
	sqlite3_stmt *statement = database_statement(store->db, which, err);

	if (statement == NULL)
		return NULL;
	sqlite3_bind_int64(statement, 1, account);
	if (store_seal(store, statement, 2, public_key_place(column, account), public_key,
		       X25519_LEN, err) < 0)
		return NULL;
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
	const struct seal_place place = public_key_place("blocked.public_key", account);
	uint8_t public_key[X25519_LEN];
	int row;

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, account);
	while ((row = database_step(store->db, statement, "read the blocked", err)) == 1) {
		if (database_unseal_bytes(store->db, statement, 0, &place, public_key, X25519_LEN) <
		    0)
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

static struct seal_place introduction_place(const char *column, int64_t contact)
{
	return (struct seal_place){.column = column, .owner = contact};
}

int store_introduction_set(struct store *store, int64_t contact,
			   const struct store_introduction *introduction, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_INTRODUCTION_SET, err);

	if (statement == NULL)
		return -1;
	sqlite3_bind_int64(statement, 1, contact);
	sqlite3_bind_int64(statement, 5, introduction->expires_ms);
	if (store_seal(store, statement, 2, introduction_place("introduction.secret", contact),
		       introduction->secret, INVITATION_SECRET_LEN, err) < 0 ||
	    store_seal(store, statement, 3, introduction_place("introduction.own_name", contact),
		       introduction->own_name, strlen(introduction->own_name), err) < 0 ||
	    store_seal(store, statement, 4, introduction_place("introduction.text", contact),
		       introduction->text, strlen(introduction->text), err) < 0)
		return -1;
	return database_run(store->db, statement, "store the introduction", err);
}

static int read_introduction(struct store *store, sqlite3_stmt *row, int64_t contact,
			     struct store_introduction *introduction)
{
	const struct seal_place secret = introduction_place("introduction.secret", contact);
	const struct seal_place own_name = introduction_place("introduction.own_name", contact);
	const struct seal_place text = introduction_place("introduction.text", contact);

	introduction->expires_ms = sqlite3_column_int64(row, 3);
	if (database_unseal_bytes(store->db, row, 0, &secret, introduction->secret,
				  INVITATION_SECRET_LEN) < 0 ||
	    database_unseal_text(store->db, row, 1, &own_name, introduction->own_name,
				 CONTACT_NAME_MAX) < 0)
		return -1;
	return database_unseal_text(store->db, row, 2, &text, introduction->text, REQUEST_TEXT_MAX);
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
	if (read_introduction(store, statement, contact, introduction) < 0)
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
