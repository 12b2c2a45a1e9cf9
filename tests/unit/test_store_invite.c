/* Tests of store_invite.c: invitations, requests, blocked keys and introductions come back. */
#include "core/store.h"
#include "tests/unit/database_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static const struct key store_key = {{1, 2, 3}};
static struct database_file database;
static const char *const path = database.path;

static int set_path(void **state)
{
	(void)state;
	return database_file_make(&database);
}

static int remove_file(void **state)
{
	(void)state;
	return database_file_remove(&database);
}

static struct store *open_store(void)
{
	struct err err = {0};
	struct store *store = store_open(path, &store_key, &err);

	if (store == NULL)
		fail_msg("%s", err.text);
	return store;
}

static void reopen(struct store **store)
{
	store_free(store);
	*store = open_store();
}

static int64_t add_account(struct store *store, const char *name)
{
	struct key key = {{1}};
	int64_t id = 0;

	assert_int_equal(store_account_add(store, name, &key, &id, NULL), 0);
	return id;
}

/* --- invitations --- */

struct invitations {
	unsigned count;
	struct store_invitation all[4];
};

static int collect_invitation(void *arg, const struct store_invitation *invitation)
{
	struct invitations *found = arg;

	assert_true(found->count < 4);
	found->all[found->count++] = *invitation;
	return 0;
}

static void test_invitations(void **state)
{
	struct store *store = open_store();
	int64_t anna = add_account(store, "anna"), ben = add_account(store, "ben");
	struct store_invitation one = {
	    .secret = "0123456789abcde", .name = "Anna", .expires_ms = 5};
	struct store_invitation many = {.reusable = true, .expires_ms = 7, .sequence = 9};
	struct invitations found = {0};

	(void)state;
	assert_int_equal(store_invitation_add(store, anna, &one, NULL), 0);
	assert_int_equal(store_invitation_add(store, anna, &many, NULL), 0);
	one.used = many.used = 1;
	memset(one.guest, 3, X25519_LEN);
	memset(one.mark, 4, STORE_MARK_LEN);
	one.expires_ms = 6;
	assert_int_equal(store_invitation_save(store, &one, NULL), 0);
	assert_int_equal(store_invitation_save(store, &many, NULL), 0);
	reopen(&store);
	assert_int_equal(store_invitations(store, anna, collect_invitation, &found, NULL), 0);
	assert_int_equal(found.count, 2);
	assert_memory_equal(&found.all[0].secret, &one.secret, INVITATION_SECRET_LEN);
	assert_string_equal(found.all[0].name, "Anna");
	assert_int_equal(found.all[0].expires_ms, 6);
	assert_memory_equal(found.all[0].guest, one.guest, X25519_LEN);
	assert_memory_equal(found.all[0].mark, one.mark, STORE_MARK_LEN);
	assert_false(found.all[0].reusable);
	assert_true(found.all[1].reusable);
	assert_int_equal(found.all[1].used, 1);
	assert_int_equal(found.all[1].sequence, 9);
	assert_int_equal(store_invitation_remove(store, one.id, NULL), 0);
	found.count = 0;
	store_invitations(store, anna, collect_invitation, &found, NULL);
	assert_int_equal(found.count, 1);
	found.count = 0;
	store_invitations(store, ben, collect_invitation, &found, NULL);
	assert_int_equal(found.count, 0);
	store_free(&store);
}

/* --- requests --- */

struct requests {
	unsigned count;
	struct store_request all[4];
};

static int collect_request(void *arg, const struct store_request *request)
{
	struct requests *found = arg;

	assert_true(found->count < 4);
	found->all[found->count++] = *request;
	return 0;
}

static void test_requests(void **state)
{
	struct store *store = open_store();
	int64_t anna = add_account(store, "anna");
	struct store_request one = {.public_key = {1}, .name = "Carla", .text = "hello"};
	struct store_request two = {.public_key = {2}, .since_ms = -1, .secret = {{7}}};
	struct requests found = {0};

	(void)state;
	assert_int_equal(store_request_set(store, anna, &one, NULL), 0);
	assert_int_equal(store_request_set(store, anna, &two, NULL), 0);
	snprintf(one.text, sizeof(one.text), "hello again");
	assert_int_equal(store_request_set(store, anna, &one, NULL), 0);
	reopen(&store);
	assert_int_equal(store_requests(store, anna, collect_request, &found, NULL), 0);
	assert_int_equal(found.count, 2);
	assert_memory_equal(found.all[0].public_key, two.public_key, X25519_LEN);
	assert_memory_equal(found.all[0].secret.bytes, two.secret.bytes, KEY_LEN);
	assert_string_equal(found.all[1].name, "Carla");
	assert_string_equal(found.all[1].text, "hello again");
	assert_int_equal(store_request_remove(store, anna, one.public_key, NULL), 0);
	found.count = 0;
	store_requests(store, anna, collect_request, &found, NULL);
	assert_int_equal(found.count, 1);
	store_free(&store);
}

/* --- blocked --- */

static int count_key(void *arg, const uint8_t public_key[X25519_LEN])
{
	assert_int_equal(public_key[0], 9);
	(*(unsigned *)arg)++;
	return 0;
}

static void test_blocked(void **state)
{
	struct store *store = open_store();
	int64_t anna = add_account(store, "anna"), ben = add_account(store, "ben");
	uint8_t key[X25519_LEN] = {9};
	unsigned count = 0;

	(void)state;
	assert_int_equal(store_is_blocked(store, anna, key, NULL), 0);
	assert_int_equal(store_block(store, anna, key, NULL), 0);
	assert_int_equal(store_block(store, anna, key, NULL), 0);
	assert_int_equal(store_is_blocked(store, anna, key, NULL), 1);
	assert_int_equal(store_is_blocked(store, ben, key, NULL), 0);
	assert_int_equal(store_blocked(store, anna, count_key, &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_unblock(store, anna, key, NULL), 1);
	assert_int_equal(store_unblock(store, anna, key, NULL), 0);
	store_free(&store);
}

/* --- introductions --- */

static void test_introductions(void **state)
{
	struct store *store = open_store();
	struct store_contact contact = {.public_key = {5}, .name = ""};
	struct store_introduction ours = {
	    .secret = {8}, .own_name = "Ben", .text = "it's me", .expires_ms = 77};
	struct store_introduction found;

	(void)state;
	assert_int_equal(store_contact_add(store, add_account(store, "ben"), &contact, NULL), 0);
	assert_int_equal(store_introduction_get(store, contact.id, &found, NULL), 0);
	assert_int_equal(store_introduction_set(store, contact.id, &ours, NULL), 0);
	reopen(&store);
	assert_int_equal(store_introduction_get(store, contact.id, &found, NULL), 1);
	assert_memory_equal(found.secret, ours.secret, INVITATION_SECRET_LEN);
	assert_string_equal(found.own_name, "Ben");
	assert_string_equal(found.text, "it's me");
	assert_int_equal(found.expires_ms, 77);
	/* It goes with the contact. */
	assert_int_equal(store_contact_remove(store, contact.id, NULL), 0);
	assert_int_equal(store_introduction_get(store, contact.id, &found, NULL), 0);
	store_free(&store);
}

/* What a database of the first schema had, as far as it matters here. */
static const char schema_1[] =
    "PRAGMA page_size = 4096; PRAGMA application_id = 0x74616365; PRAGMA user_version = 1;"
    "CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " private_key BLOB NOT NULL);"
    "CREATE TABLE contact (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE, public_key BLOB NOT NULL,"
    " name TEXT NOT NULL, secret BLOB NOT NULL, out_sequence INTEGER NOT NULL,"
    " in_sequence INTEGER NOT NULL, in_issued_ms INTEGER NOT NULL,"
    " out_handshake_ms INTEGER NOT NULL, in_handshake_ms INTEGER NOT NULL,"
    " out_id INTEGER NOT NULL, in_id INTEGER NOT NULL, UNIQUE (account, public_key));"
    "CREATE TABLE setting (account INTEGER, key TEXT NOT NULL, value BLOB NOT NULL);"
    "CREATE TABLE contact_setting (contact INTEGER, key TEXT NOT NULL, value BLOB NOT NULL);"
    "CREATE TABLE outbox (contact INTEGER, id INTEGER, sent_ms INTEGER, payload BLOB NOT NULL);"
    "CREATE TABLE inbox (contact INTEGER, id INTEGER, sent_ms INTEGER, payload BLOB NOT NULL);"
    "INSERT INTO account VALUES (1, 'anna', zeroblob(32));"
    "INSERT INTO contact VALUES (1, 1, zeroblob(32), 'Ben', zeroblob(32), 0, 0, 0, 0, 0, 0, 0);";

static int count_contact(void *arg, const struct store_contact *contact)
{
	static const struct key none = {{0}};

	assert_string_equal(contact->name, "Ben");
	assert_memory_equal(&contact->next_secret, &none, KEY_LEN);
	assert_memory_equal(&contact->verification, &none, KEY_LEN);
	assert_int_equal(contact->renewed_ms, 0);
	(*(unsigned *)arg)++;
	return 0;
}

/* The tables are added, nothing is lost. */
static void test_migration(void **state)
{
	struct store *store = NULL;
	struct store_introduction introduction = {.own_name = "Anna"};
	sqlite3 *db = NULL;
	unsigned count = 0;

	(void)state;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, schema_1, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	store = open_store();
	assert_int_equal(store_contacts(store, 1, count_contact, &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_introduction_set(store, 1, &introduction, NULL), 0);
	store_free(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_invitations, set_path, remove_file),
	    cmocka_unit_test_setup_teardown(test_requests, set_path, remove_file),
	    cmocka_unit_test_setup_teardown(test_blocked, set_path, remove_file),
	    cmocka_unit_test_setup_teardown(test_introductions, set_path, remove_file),
	    cmocka_unit_test_setup_teardown(test_migration, set_path, remove_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
