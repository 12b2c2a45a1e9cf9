/* Tests of store.c and its neighbours: what is stored comes back, damage is told and not touched.
 */
#include "core/store.h"
#include "tests/unit/database_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static const struct key store_key = {{1, 2, 3}};
static struct database_file database;
static const char *const path = database.path;

static int make_directory(void **state)
{
	(void)state;
	return database_file_make(&database);
}

static int remove_directory(void **state)
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

/* --- files --- */

static size_t read_file(const char *name, uint8_t **data)
{
	FILE *file = fopen(name, "rb");
	long len;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	len = ftell(file);
	rewind(file);
	*data = malloc((size_t)len + 1);
	assert_non_null(*data);
	assert_int_equal(fread(*data, 1, (size_t)len, file), len);
	fclose(file);
	return (size_t)len;
}

static void write_file(const char *name, const void *data, size_t len)
{
	FILE *file = fopen(name, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	fclose(file);
}

/* Is needle in the file? */
static bool file_has(const char *name, const char *needle)
{
	uint8_t *data = NULL;
	size_t len;
	bool found;

	if (access(name, F_OK) < 0)
		return false;
	len = read_file(name, &data);
	found = memmem(data, len, needle, strlen(needle)) != NULL;
	free(data);
	return found;
}

static bool database_has(const char *needle)
{
	char log[160];

	snprintf(log, sizeof(log), "%s-wal", path);
	return file_has(path, needle) || file_has(log, needle);
}

/* --- rows --- */

static int64_t add_account(struct store *store, const char *name)
{
	struct key key = {{1, 2, 3}};
	int64_t id = 0;

	assert_int_equal(store_account_add(store, name, &key, &id, NULL), 0);
	return id;
}

static struct store_contact add_contact(struct store *store, int64_t account, uint8_t mark)
{
	struct store_contact contact = {.public_key = {mark}, .secret = {{mark, 7}}};
	struct err err = {0};
	char name[16];

	snprintf(name, sizeof(name), "contact-%u", mark);
	contact.name = name;
	assert_int_equal(store_contact_add(store, account, &contact, &err), 0);
	contact.name = "";
	return contact;
}

static void add_message(struct store *store, enum store_box box, int64_t contact, uint64_t id,
			const char *text)
{
	struct store_message message = {.id = id, .sent_ms = (int64_t)(id / 2)};

	message.payload = (uint8_t *)(uintptr_t)text;
	message.len = strlen(text);
	assert_int_equal(store_message_add(store, box, contact, &message, NULL), 0);
}

struct seen {
	unsigned count;
	char names[4][CONTACT_NAME_MAX + 1];
	struct store_contact last;
};

static int see_account(void *arg, int64_t id, const char *name, const struct key *private_key)
{
	struct seen *seen = arg;

	assert_true(id > 0);
	assert_int_equal(private_key->bytes[2], 3);
	snprintf(seen->names[seen->count++], sizeof(seen->names[0]), "%s", name);
	return 0;
}

static int see_contact(void *arg, const struct store_contact *contact)
{
	struct seen *seen = arg;

	snprintf(seen->names[seen->count++], sizeof(seen->names[0]), "%s", contact->name);
	seen->last = *contact;
	return 0;
}

static int refuse_contact(void *arg, const struct store_contact *contact)
{
	(void)contact;
	++*(unsigned *)arg;
	return -1;
}

/* --- tests --- */

static void test_new_file(void **state)
{
	struct store *store = open_store();
	struct stat info;
	char log[160];

	(void)state;
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	add_account(store, "anna");
	snprintf(log, sizeof(log), "%s-wal", path);
	assert_int_equal(stat(log, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	store_free(&store);
	assert_null(store);
	store_free(&store);
}

static void test_mode_is_narrowed(void **state)
{
	struct store *store = open_store();
	struct stat info;

	(void)state;
	store_free(&store);
	assert_int_equal(chmod(path, 0644), 0);
	store = open_store();
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	store_free(&store);
}

static void test_rows_survive(void **state)
{
	struct store *store = open_store();
	int64_t anna = add_account(store, "anna"), ben = add_account(store, "ben");
	struct store_contact contact = add_contact(store, anna, 1);
	struct seen seen = {0};
	struct key key = {{0}};
	struct err err = {0};

	(void)state;
	assert_int_equal(store_account_add(store, "anna", &key, &ben, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(store_contact_add(store, anna, &contact, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	add_contact(store, ben, 1);
	add_contact(store, anna, 2);
	contact.name = "renamed";
	contact.out_sequence = 11;
	contact.in_sequence = 12;
	contact.in_issued_ms = 13;
	contact.out_handshake_ms = 14;
	contact.in_handshake_ms = 15;
	contact.out_id = 16;
	contact.in_id = 17;
	contact.secret_serial = 18;
	contact.renewed_ms = 19;
	memset(contact.next_secret.bytes, 20, KEY_LEN);
	memset(contact.verification.bytes, 21, KEY_LEN);
	assert_int_equal(store_contact_save(store, &contact, &err), 0);
	store_free(&store);

	store = open_store();
	assert_int_equal(store_accounts(store, see_account, &seen, &err), 0);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.names[0], "anna");
	assert_string_equal(seen.names[1], "ben");
	seen.count = 0;
	assert_int_equal(store_contacts(store, anna, see_contact, &seen, &err), 0);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.names[0], "renamed");
	assert_string_equal(seen.names[1], "contact-2");
	assert_int_equal(store_contact_remove(store, seen.last.id, &err), 0);
	assert_int_equal(store_contacts(store, anna, see_contact, &seen, &err), 0);
	assert_int_equal(seen.count, 3);
	assert_memory_equal(&seen.last.secret, &contact.secret, sizeof(contact.secret));
	assert_memory_equal(seen.last.public_key, contact.public_key, X25519_LEN);
	assert_int_equal(seen.last.id, contact.id);
	assert_int_equal(seen.last.out_sequence, 11);
	assert_int_equal(seen.last.in_sequence, 12);
	assert_int_equal(seen.last.in_issued_ms, 13);
	assert_int_equal(seen.last.out_handshake_ms, 14);
	assert_int_equal(seen.last.in_handshake_ms, 15);
	assert_int_equal(seen.last.secret_serial, 18);
	assert_int_equal(seen.last.renewed_ms, 19);
	assert_memory_equal(&seen.last.next_secret, &contact.next_secret, KEY_LEN);
	assert_memory_equal(&seen.last.verification, &contact.verification, KEY_LEN);
	assert_int_equal(seen.last.out_id, 16);
	assert_int_equal(seen.last.in_id, 17);
	store_free(&store);
}

static void test_walk_can_end(void **state)
{
	struct store *store = store_open(":memory:", &store_key, NULL);
	int64_t anna;
	unsigned calls = 0;

	(void)state;
	assert_non_null(store);
	anna = add_account(store, "anna");
	add_contact(store, anna, 1);
	add_contact(store, anna, 2);
	assert_int_equal(store_contacts(store, anna, refuse_contact, &calls, NULL), -1);
	assert_int_equal(calls, 1);
	/* The statement is free again. */
	assert_int_equal(store_contact_remove(store, 1, NULL), 0);
	store_free(&store);
}

static void test_settings(void **state)
{
	static const struct {
		enum store_owner kind;
		const char *value;
		size_t len;
	} cases[] = {{STORE_ACCOUNT, "x", 1}, {STORE_ACCOUNT, "", 0}, {STORE_CONTACT, "a\0b", 3}};
	struct store *store = store_open(":memory:", &store_key, NULL);
	int64_t anna = add_account(store, "anna");
	struct store_contact contact = add_contact(store, anna, 1);
	char *value = NULL;
	char long_key[SETTING_KEY_MAX + 2] = {0};
	struct err err = {0};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t owner = cases[i].kind == STORE_ACCOUNT ? anna : contact.id;
		assert_int_equal(store_setting_set(store, cases[i].kind, owner, "k", cases[i].value,
						   cases[i].len, &err),
				 0);
		value = store_setting_get(store, cases[i].kind, owner, "k", &len);
		assert_non_null(value);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(value, cases[i].value, len + 1);
		secret_free(value, len);
	}
	assert_int_equal(store_setting_set(store, STORE_ACCOUNT, anna, "k", NULL, 0, &err), 0);
	assert_null(store_setting_get(store, STORE_ACCOUNT, anna, "k", &len));
	assert_null(store_setting_get(store, STORE_ACCOUNT, 99, "k", &len));
	memset(long_key, 'k', sizeof(long_key) - 1);
	assert_int_equal(store_setting_set(store, STORE_ACCOUNT, anna, long_key, "v", 1, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	/* With its owner a setting goes. */
	assert_int_equal(store_contact_remove(store, contact.id, &err), 0);
	assert_null(store_setting_get(store, STORE_CONTACT, contact.id, "k", &len));
	store_free(&store);
}

static void test_messages(void **state)
{
	static const uint64_t ids[] = {5, 300, 20, UINT64_C(1) << 60};
	static const uint64_t sorted[] = {5, 20, 300, UINT64_C(1) << 60};
	struct store *store = open_store();
	struct store_contact contact = add_contact(store, add_account(store, "anna"), 1);
	struct store_message message = {0};
	uint64_t after = 0;
	unsigned count = 0;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		add_message(store, STORE_OUTBOX, contact.id, ids[i], "hello");
	add_message(store, STORE_INBOX, contact.id, 5, "in");
	message = (struct store_message){.id = 20, .payload = (uint8_t *)"x", .len = 1};
	assert_int_equal(store_message_add(store, STORE_OUTBOX, contact.id, &message, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	store_free(&store);

	store = open_store();
	for (size_t i = 0; i < 4; i++, after = message.id) {
		assert_int_equal(
		    store_message_next(store, STORE_OUTBOX, contact.id, after, &message, &err), 1);
		assert_int_equal(message.id, sorted[i]);
		assert_int_equal(message.sent_ms, (int64_t)(sorted[i] / 2));
		assert_int_equal(message.len, 5);
		assert_memory_equal(message.payload, "hello", 5);
		after = message.id;
		store_message_wipe(&message);
		message.id = after;
	}
	assert_int_equal(store_message_next(store, STORE_OUTBOX, contact.id, after, &message, &err),
			 0);
	assert_int_equal(store_message_remove(store, STORE_OUTBOX, contact.id, 20, &err), 1);
	assert_int_equal(store_message_remove(store, STORE_OUTBOX, contact.id, 20, &err), 0);
	assert_int_equal(store_message_count(store, STORE_OUTBOX, contact.id, &count, &err), 0);
	assert_int_equal(count, 3);
	assert_int_equal(store_message_count(store, STORE_INBOX, contact.id, &count, &err), 0);
	assert_int_equal(count, 1);
	store_free(&store);
}

static void test_transactions(void **state)
{
	struct store *store = open_store();
	struct store_contact contact = add_contact(store, add_account(store, "anna"), 1);
	unsigned count = 9;

	(void)state;
	for (int durable = 0; durable <= 1; durable++) {
		assert_int_equal(store_begin(store, durable, NULL), 0);
		assert_true(store_in_transaction(store));
		add_message(store, STORE_INBOX, contact.id, 5, "gone");
		store_rollback(store);
		assert_false(store_in_transaction(store));
		assert_int_equal(store_begin(store, durable, NULL), 0);
		add_message(store, STORE_INBOX, contact.id, (uint64_t)durable + 1, "kept");
		assert_int_equal(store_commit(store, NULL), 0);
		assert_int_equal(store_flush(store, NULL), 0);
	}
	assert_int_equal(store_message_count(store, STORE_INBOX, contact.id, &count, NULL), 0);
	assert_int_equal(count, 2);
	store_free(&store);
}

/* What a removed contact leaves behind in the files: nothing. */
static void test_removal_is_thorough(void **state)
{
	struct store *store = open_store();
	struct store_contact contact = add_contact(store, add_account(store, "anna"), 1);

	(void)state;
	contact.name = "NEEDLE-name";
	memcpy(contact.secret.bytes, "NEEDLE-secret", 13);
	assert_int_equal(store_contact_save(store, &contact, NULL), 0);
	add_message(store, STORE_OUTBOX, contact.id, 1, "NEEDLE-message");
	/* It is sealed; and the search works. */
	assert_false(database_has("NEEDLE"));
	assert_true(database_has("CREATE TABLE outbox"));
	assert_int_equal(store_contact_remove(store, contact.id, NULL), 0);
	assert_int_equal(store_scrub(store, NULL), 0);
	assert_false(database_has("NEEDLE"));
	store_free(&store);
}

/* --- sealing --- */

/* The schema before values were sealed, with a row or more in each table. */
static const char unsealed[] =
    "PRAGMA application_id = 0x74616365;"
    "CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " private_key BLOB NOT NULL);"
    "CREATE TABLE setting (account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (account, key));"
    "CREATE TABLE contact (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE, public_key BLOB NOT NULL,"
    " name TEXT NOT NULL, secret BLOB NOT NULL, out_sequence INTEGER NOT NULL,"
    " in_sequence INTEGER NOT NULL, in_issued_ms INTEGER NOT NULL,"
    " out_handshake_ms INTEGER NOT NULL, in_handshake_ms INTEGER NOT NULL,"
    " out_id INTEGER NOT NULL, in_id INTEGER NOT NULL, UNIQUE (account, public_key));"
    "CREATE TABLE contact_setting (contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
    " key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (contact, key));"
    "CREATE TABLE outbox (contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
    " id INTEGER NOT NULL, sent_ms INTEGER NOT NULL, payload BLOB NOT NULL,"
    " PRIMARY KEY (contact, id));"
    "CREATE TABLE inbox (contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
    " id INTEGER NOT NULL, sent_ms INTEGER NOT NULL, payload BLOB NOT NULL,"
    " PRIMARY KEY (contact, id));"
    "CREATE TABLE invitation (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE, secret BLOB NOT NULL,"
    " name TEXT NOT NULL, reusable INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    " used INTEGER NOT NULL, guest BLOB NOT NULL, sequence INTEGER NOT NULL);"
    "CREATE TABLE request (account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " public_key BLOB NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, secret BLOB NOT NULL,"
    " since_ms INTEGER NOT NULL, PRIMARY KEY (account, public_key));"
    "CREATE TABLE blocked (account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " public_key BLOB NOT NULL, PRIMARY KEY (account, public_key));"
    "CREATE TABLE introduction (contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,"
    " secret BLOB NOT NULL, own_name TEXT NOT NULL, text TEXT NOT NULL,"
    " expires_ms INTEGER NOT NULL);"
    "ALTER TABLE contact ADD COLUMN next_secret BLOB NOT NULL DEFAULT (zeroblob(32));"
    "ALTER TABLE contact ADD COLUMN verification BLOB NOT NULL DEFAULT (zeroblob(32));"
    "ALTER TABLE contact ADD COLUMN secret_serial INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE contact ADD COLUMN renewed_ms INTEGER NOT NULL DEFAULT 0;"
    "INSERT INTO account VALUES (1, 'NEEDLE-anna', CAST(x'010203' || zeroblob(29) AS BLOB)),"
    " (2, 'ben', CAST(x'010203' || zeroblob(29) AS BLOB));"
    "INSERT INTO setting VALUES (1, 'k', CAST('NEEDLE-setting' AS BLOB));"
    "INSERT INTO contact (id, account, public_key, name, secret, out_sequence, in_sequence,"
    " in_issued_ms, out_handshake_ms, in_handshake_ms, out_id, in_id)"
    " VALUES (1, 1, CAST('NEEDLE-public-key-of-32-bytes-xx' AS BLOB), 'NEEDLE-carl',"
    " CAST('NEEDLE-pair-secret-32-bytes-xxxx' AS BLOB), 1, 2, 3, 4, 5, 6, 7);"
    "INSERT INTO contact_setting VALUES (1, 'k', CAST('NEEDLE-contact-setting' AS BLOB));"
    "INSERT INTO invitation VALUES (1, 1, CAST('NEEDLE-invite16b' AS BLOB), 'NEEDLE-host', 0, 9,"
    " 0, x'', 3);"
    "INSERT INTO request VALUES (1, CAST('NEEDLE-guests-key-of-32-bytes-xx' AS BLOB),"
    " 'NEEDLE-guest', 'NEEDLE-text', CAST('NEEDLE-guest-secret-32-bytes-xxx' AS BLOB), 11);"
    "INSERT INTO blocked VALUES (1, CAST('NEEDLE-blocked-key-32-bytes-xxxx' AS BLOB)),"
    " (2, CAST('NEEDLE-blocked-key-32-bytes-xxxx' AS BLOB));"
    "INSERT INTO introduction VALUES (1, CAST('NEEDLE-introduce' AS BLOB), 'NEEDLE-own',"
    " 'NEEDLE-words', 12);"
    "PRAGMA user_version = 3;";

static void run_sql(const char *sql)
{
	sqlite3 *db = NULL;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

/* With messages enough for the sealing to take a while. */
static void make_unsealed(unsigned messages)
{
	char sql[256];

	run_sql(unsealed);
	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
		 " INSERT INTO outbox SELECT 1, i, i, CAST('NEEDLE-message ' || i AS BLOB) FROM n;",
		 messages);
	run_sql(sql);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO inbox SELECT contact, id, sent_ms, payload FROM outbox");
	run_sql(sql);
}

static int see_invitation(void *arg, const struct store_invitation *invitation)
{
	assert_memory_equal(invitation->secret, "NEEDLE-invite16b", INVITATION_SECRET_LEN);
	assert_string_equal(invitation->name, "NEEDLE-host");
	++*(unsigned *)arg;
	return 0;
}

static int see_request(void *arg, const struct store_request *request)
{
	assert_memory_equal(request->public_key, "NEEDLE-guests-key-of-32-bytes-xx", X25519_LEN);
	assert_string_equal(request->name, "NEEDLE-guest");
	assert_string_equal(request->text, "NEEDLE-text");
	assert_memory_equal(request->secret.bytes, "NEEDLE-guest-secret-32-bytes-xxx", KEY_LEN);
	++*(unsigned *)arg;
	return 0;
}

static void assert_setting(struct store *store, enum store_owner kind, const char *expected)
{
	size_t len;
	char *value = store_setting_get(store, kind, 1, "k", &len);

	assert_non_null(value);
	assert_string_equal(value, expected);
	secret_free(value, len);
}

static void assert_migrated(struct store *store, unsigned messages)
{
	struct seen seen = {0};
	struct store_introduction introduction;
	struct store_message message;
	unsigned count = 0;

	assert_int_equal(store_accounts(store, see_account, &seen, NULL), 0);
	assert_string_equal(seen.names[0], "NEEDLE-anna");
	seen.count = 0;
	assert_int_equal(store_contacts(store, 1, see_contact, &seen, NULL), 0);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.names[0], "NEEDLE-carl");
	assert_memory_equal(seen.last.public_key, "NEEDLE-public-key-of-32-bytes-xx", X25519_LEN);
	assert_memory_equal(seen.last.secret.bytes, "NEEDLE-pair-secret-32-bytes-xxxx", KEY_LEN);
	assert_true(secret_is_zero(seen.last.next_secret.bytes, KEY_LEN));
	assert_int_equal(seen.last.in_id, 7);
	assert_setting(store, STORE_ACCOUNT, "NEEDLE-setting");
	assert_setting(store, STORE_CONTACT, "NEEDLE-contact-setting");
	assert_int_equal(store_invitations(store, 1, see_invitation, &count, NULL), 0);
	assert_int_equal(store_requests(store, 1, see_request, &count, NULL), 0);
	assert_int_equal(count, 2);
	assert_int_equal(
	    store_is_blocked(store, 1, (const uint8_t *)"NEEDLE-blocked-key-32-bytes-xxxx", NULL),
	    1);
	assert_int_equal(store_introduction_get(store, 1, &introduction, NULL), 1);
	assert_string_equal(introduction.text, "NEEDLE-words");
	for (int box = STORE_OUTBOX; box <= STORE_INBOX; box++) {
		assert_int_equal(store_message_count(store, (enum store_box)box, 1, &count, NULL),
				 0);
		assert_int_equal(count, messages);
		assert_int_equal(
		    store_message_next(store, (enum store_box)box, 1, 2, &message, NULL), 1);
		assert_int_equal(message.len, strlen("NEEDLE-message 3"));
		assert_memory_equal(message.payload, "NEEDLE-message 3", message.len);
		store_message_wipe(&message);
	}
}

static void test_unsealed_is_sealed(void **state)
{
	struct store *store = NULL;

	(void)state;
	make_unsealed(500);
	assert_true(database_has("NEEDLE"));
	assert_false(store_is_sealed(path));
	store = open_store();
	assert_false(database_has("NEEDLE"));
	assert_true(store_is_sealed(path));
	assert_migrated(store, 500);
	store_free(&store);
	store = open_store();
	assert_migrated(store, 500);
	store_free(&store);
	assert_false(database_has("NEEDLE"));
}

/* Wherever the process dies in the sealing, the next one has all. */
static void test_death_while_sealing(void **state)
{
	unsigned sealed_before = 0;

	(void)state;
	for (useconds_t wait = 0; wait < 30000; wait += 1500) {
		struct store *store = NULL;
		int status;
		pid_t child;

		make_unsealed(400);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			store_open(path, &store_key, NULL);
			for (;;)
				pause();
		}
		usleep(wait);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		sealed_before += store_is_sealed(path);
		store = open_store();
		assert_migrated(store, 400);
		assert_false(database_has("NEEDLE"));
		store_free(&store);
		unlink(path);
	}
	print_message("sealed before the death: %u of 20\n", sealed_before);
}

static void test_another_key(void **state)
{
	static const struct key other = {{1, 2, 4}};
	struct store *store = open_store();
	uint8_t *before = NULL, *after = NULL;
	struct err err = {0};
	size_t len;

	(void)state;
	add_account(store, "anna");
	store_free(&store);
	len = read_file(path, &before);
	assert_null(store_open(path, &other, &err));
	assert_int_equal(err.code, ERR_AUTH);
	assert_non_null(strstr(err.text, "another key"));
	assert_null(store_open(path, NULL, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(read_file(path, &after), len);
	assert_memory_equal(before, after, len);
	free(before);
	free(after);
	store = open_store();
	store_free(&store);
}

/* A value that was changed in the file, or moved to another row, is told. */
static void test_changed_values(void **state)
{
	static const char *const changes[] = {
	    "UPDATE outbox SET payload = x'00' || substr(payload, 2)",
	    "UPDATE outbox SET payload = (SELECT payload FROM outbox WHERE id = 2) WHERE id = 1",
	    "UPDATE outbox SET payload = x''",
	    "UPDATE outbox SET payload = 'text'",
	};
	struct store_message message;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct store *store = open_store();
		struct store_contact contact = add_contact(store, add_account(store, "anna"), 1);
		struct err err = {0};

		add_message(store, STORE_OUTBOX, contact.id, 1, "one");
		add_message(store, STORE_OUTBOX, contact.id, 2, "two");
		store_free(&store);
		run_sql(changes[i]);
		store = open_store();
		assert_int_equal(
		    store_message_next(store, STORE_OUTBOX, contact.id, 0, &message, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		store_free(&store);
		unlink(path);
	}
}

/* What was committed is there even if the process dies without closing anything. */
static void test_process_death(void **state)
{
	struct store *store = NULL;
	unsigned count = 0;
	int status = 0;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		struct store_contact contact;
		store = store_open(path, &store_key, NULL);
		contact = add_contact(store, add_account(store, "anna"), 1);
		for (uint64_t id = 1; id <= 100; id++)
			add_message(store, STORE_OUTBOX, contact.id, id, "hello");
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	store = open_store();
	assert_int_equal(store_message_count(store, STORE_OUTBOX, 1, &count, NULL), 0);
	assert_int_equal(count, 100);
	store_free(&store);
}

/* --- damage --- */

static void fill(struct store *store)
{
	struct store_contact contact = add_contact(store, add_account(store, "anna"), 1);
	char text[2000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (uint64_t id = 1; id <= 50; id++)
		add_message(store, STORE_OUTBOX, contact.id, id, text);
}

/* The store must refuse the file in words that help, and leave it as it is. */
static void assert_refused(const char *words)
{
	struct err err = {0};
	uint8_t *before = NULL, *after = NULL;
	size_t len = read_file(path, &before);
	struct store *store = store_open(path, &store_key, &err);

	assert_null(store);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "put back a copy"));
	if (strstr(err.text, words) == NULL)
		fail_msg("no \"%s\" in: %s", words, err.text);
	assert_int_equal(read_file(path, &after), len);
	assert_memory_equal(before, after, len);
	free(before);
	free(after);
}

static void test_truncated(void **state)
{
	static const size_t lengths[] = {0, 1, 50, 100, 511, 4095, 4096, 8192, 20000};
	struct store *store = open_store();
	uint8_t *data = NULL;
	size_t len;

	(void)state;
	fill(store);
	store_free(&store);
	len = read_file(path, &data);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_true(lengths[i] < len);
		write_file(path, data, lengths[i]);
		assert_refused(lengths[i] == 0 ? "empty" : "");
	}
	write_file(path, data, len - 1);
	assert_refused("");
	write_file(path, data, len);
	store = open_store();
	store_free(&store);
	free(data);
}

static void test_damaged(void **state)
{
	struct store *store = open_store();
	uint8_t *data = NULL, *copy = NULL;
	size_t len;

	(void)state;
	fill(store);
	store_free(&store);
	len = read_file(path, &data);
	copy = malloc(len);
	assert_non_null(copy);
	/* The first page, and a page that is a tree's root. */
	for (size_t at = 0; at < 4 * 4096; at += 4096) {
		memcpy(copy, data, len);
		memset(copy + at, 0xa5, 4096);
		write_file(path, copy, len);
		assert_refused("");
	}
	free(copy);
	free(data);
}

/* Damage with a log beside it, as after a crash: neither file is touched. */
static void test_damaged_with_log(void **state)
{
	struct store *store = open_store();
	uint8_t *data = NULL, *log = NULL, *after = NULL;
	size_t len, log_len;
	char log_path[160];

	(void)state;
	snprintf(log_path, sizeof(log_path), "%s-wal", path);
	fill(store);
	assert_int_equal(store_scrub(store, NULL), 0);
	add_account(store, "ben");
	len = read_file(path, &data);
	log_len = read_file(log_path, &log);
	assert_true(log_len > 0);
	store_free(&store);
	/* All but what the log has. */
	memset(data + 3 * (size_t)4096, 0xa5, len - 3 * (size_t)4096);
	write_file(path, data, len);
	write_file(log_path, log, log_len);
	assert_refused("");
	assert_int_equal(read_file(log_path, &after), log_len);
	assert_memory_equal(after, log, log_len);
	free(data);
	free(log);
	free(after);
}

static void test_not_a_database(void **state)
{
	char text[10000];

	(void)state;
	memset(text, 'x', sizeof(text));
	write_file(path, text, sizeof(text));
	assert_refused("not a database");
	write_file(path, "hello", 5);
	assert_refused("not a database");
}

static void test_foreign_or_newer(void **state)
{
	struct store *store = NULL;

	(void)state;
	run_sql("CREATE TABLE cookies (x)");
	assert_refused("another program");
	unlink(path);
	store = open_store();
	store_free(&store);
	run_sql("PRAGMA user_version = 99");
	assert_refused("newer tacet");
}

static void test_lost_file(void **state)
{
	struct store *store = NULL;
	struct err err = {0};
	char log[160];

	(void)state;
	snprintf(log, sizeof(log), "%s-wal", path);
	write_file(log, "log", 3);
	store = store_open(path, &store_key, &err);
	assert_null(store);
	assert_non_null(strstr(err.text, "-wal"));
	assert_int_equal(access(path, F_OK), -1);
	/* What a creation that was cut off leaves behind does no harm. */
	unlink(log);
	snprintf(log, sizeof(log), "%s.new", path);
	write_file(log, "half a file", 11);
	store = open_store();
	assert_int_equal(access(log, F_OK), -1);
	store_free(&store);
}

static void test_directory(void **state)
{
	struct err err = {0};

	(void)state;
	assert_null(store_open(database.directory, &store_key, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(store_open("/nonexistent/tacet.db", &store_key, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "/nonexistent/tacet.db"));
}

/* One daemon a database. */
static void test_locked(void **state)
{
	struct store *store = open_store();
	struct err err = {0};
	int status = 0;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		struct store *second = store_open(path, &store_key, &err);
		if (second != NULL || err.code != ERR_UNAVAILABLE ||
		    strstr(err.text, "in use") == NULL)
			_exit(1);
		/* An exit would count as a leak of the parent's memory in valgrind. */
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	store_free(&store);
}

/* As a user without rights, since root may write everywhere. */
static int open_as_nobody(struct err *err)
{
	int status = 0;
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct err why = {0};
		struct store *store = NULL;
		if (geteuid() == 0 && setuid(65534) < 0)
			_exit(2);
		store = store_open(path, &store_key, &why);
		if (write(ends[1], &why, sizeof(why)) != (ssize_t)sizeof(why))
			_exit(2);
		_exit(store == NULL ? 1 : 0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], err, sizeof(*err)), sizeof(*err));
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_read_only(void **state)
{
	struct store *store = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(chmod(database.directory, 0555), 0);
	assert_int_equal(open_as_nobody(&err), 1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(chmod(database.directory, 0755), 0);
	store = open_store();
	store_free(&store);
	/* The file is another's. */
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(open_as_nobody(&err), 1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, path));
}

static void count_change(void *arg)
{
	++*(unsigned *)arg;
}

/* A full disk, made by the limit of the file size. */
static void test_full_disk(void **state)
{
	struct store *store = open_store();
	struct rlimit old, small;
	struct store_contact contact = add_contact(store, add_account(store, "anna"), 1);
	struct store_message message = {.id = 1};
	struct err err = {0};
	unsigned stored = 0, count = 0, changes = 0;
	int result;

	(void)state;
	store_watch(store, count_change, &changes);
	signal(SIGXFSZ, SIG_IGN);
	message.payload = calloc(1, 50000);
	message.len = 50000;
	assert_non_null(message.payload);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 1000000;
	setrlimit(RLIMIT_FSIZE, &small);
	for (; (result = store_message_add(store, STORE_OUTBOX, contact.id, &message, &err)) == 0;
	     message.id++)
		assert_true(++stored < 100);
	assert_true(stored > 0);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_int_equal(store_begin(store, true, &err), 0);
	result = store_message_add(store, STORE_OUTBOX, contact.id, &message, &err);
	if (result == 0)
		result = store_commit(store, &err);
	assert_int_equal(result, -1);
	store_rollback(store);
	/* Who watches knows, and is not told twice; reading does not end it, nor does a probe. */
	assert_int_equal(changes, 1);
	assert_non_null(store_trouble(store));
	assert_int_equal(store_message_count(store, STORE_OUTBOX, contact.id, &count, &err), 0);
	small.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &small);
	store_probe(store);
	assert_non_null(store_trouble(store));
	assert_int_equal(changes, 1);
	setrlimit(RLIMIT_FSIZE, &old);
	store_probe(store);
	assert_null(store_trouble(store));
	assert_int_equal(changes, 2);
	setrlimit(RLIMIT_FSIZE, &old);
	/* With room again it goes on, and what was promised is there. */
	assert_int_equal(store_message_add(store, STORE_OUTBOX, contact.id, &message, &err), 0);
	assert_int_equal(store_message_count(store, STORE_OUTBOX, contact.id, &count, &err), 0);
	assert_int_equal(count, stored + 1);
	store_message_wipe(&message);
	store_free(&store);
	store = open_store();
	store_free(&store);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_DIRECTORY(test_new_file),
	    WITH_DIRECTORY(test_mode_is_narrowed),
	    WITH_DIRECTORY(test_rows_survive),
	    WITH_DIRECTORY(test_walk_can_end),
	    WITH_DIRECTORY(test_settings),
	    WITH_DIRECTORY(test_messages),
	    WITH_DIRECTORY(test_transactions),
	    WITH_DIRECTORY(test_removal_is_thorough),
	    WITH_DIRECTORY(test_process_death),
	    WITH_DIRECTORY(test_truncated),
	    WITH_DIRECTORY(test_damaged),
	    WITH_DIRECTORY(test_damaged_with_log),
	    WITH_DIRECTORY(test_not_a_database),
	    WITH_DIRECTORY(test_foreign_or_newer),
	    WITH_DIRECTORY(test_lost_file),
	    WITH_DIRECTORY(test_directory),
	    WITH_DIRECTORY(test_locked),
	    WITH_DIRECTORY(test_read_only),
	    WITH_DIRECTORY(test_full_disk),
	    WITH_DIRECTORY(test_unsealed_is_sealed),
	    WITH_DIRECTORY(test_death_while_sealing),
	    WITH_DIRECTORY(test_another_key),
	    WITH_DIRECTORY(test_changed_values),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
