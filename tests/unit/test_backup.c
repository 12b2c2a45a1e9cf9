/* Tests of backup.c and account_backup.c: accounts out of and into sealed files. */
#include "core/backup.h"

#include "core/store.h"
#include "tests/unit/engine_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Cheap enough to be tried thousands of times. */
#define TEST_LOG_N 4
/* Where the numbers for scrypt stand, and how long the head is. */
#define AT_LOG_N 15
#define HEAD_LEN (15 + 3 + 16)

struct sealed {
	struct rig *rig;
	char path[128];
	uint8_t bytes[16384]; /* the file, and zeros for tests of what is longer */
	size_t len;
};

static void write_bytes_to(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static int make_sealed(void **state)
{
	struct sealed *sealed = calloc(1, sizeof(*sealed));
	struct buf content;
	FILE *file = NULL;

	assert_non_null(sealed);
	sealed->rig = rig_new(1);
	snprintf(sealed->path, sizeof(sealed->path), "%s/backup", sealed->rig->directory);
	buf_init(&content, 100);
	assert_int_equal(buf_add_text(&content, "what is inside"), 0);
	assert_int_equal(backup_write(fake_env_env(sealed->rig->store_env), sealed->path,
				      "correct horse", TEST_LOG_N, &content, NULL),
			 0);
	buf_free(&content);
	file = fopen(sealed->path, "rb");
	assert_non_null(file);
	sealed->len = fread(sealed->bytes, 1, sizeof(sealed->bytes), file);
	fclose(file);
	*state = sealed;
	return 0;
}

static int drop_sealed(void **state)
{
	struct sealed *sealed = *state;

	unlink(sealed->path);
	rig_free(&sealed->rig);
	free(sealed);
	return 0;
}

/* What comes of reading the file that is at the path now. */
static enum err_code read_with(const struct sealed *sealed, const char *passphrase)
{
	struct buf content;
	struct err err = {0};

	if (backup_read(sealed->path, passphrase, &content, &err) == 0)
		assert_string_equal(buf_text(&content), "what is inside");
	else
		assert_int_equal(content.len, 0);
	buf_free(&content);
	return err.code;
}

static void is_read_again(void **state)
{
	const struct sealed *sealed = *state;
	struct stat info;

	assert_int_equal(read_with(sealed, "correct horse"), ERR_NONE);
	assert_int_equal(stat(sealed->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	/* Whatever little is inside. */
	assert_int_equal(sealed->len, HEAD_LEN + 4096 + 16);
}

static void wants_the_passphrase(void **state)
{
	static const char *const wrong[] = {"correct horsf", "correct hors", "correct horse ", "C"};
	const struct sealed *sealed = *state;
	char *long_one = calloc(1, 1026);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(read_with(sealed, wrong[i]), ERR_AUTH);
	assert_int_equal(read_with(sealed, ""), ERR_INPUT);
	assert_non_null(long_one);
	memset(long_one, 'a', 1025);
	assert_int_equal(read_with(sealed, long_one), ERR_INPUT);
	free(long_one);
}

static void refuses_a_changed_byte(void **state)
{
	const struct sealed *sealed = *state;
	uint8_t *copy = malloc(sealed->len);

	assert_non_null(copy);
	for (size_t i = 0; i < sealed->len; i++) {
		memcpy(copy, sealed->bytes, sealed->len);
		copy[i] ^= i == AT_LOG_N ? 0x01 : 0x80;
		write_bytes_to(sealed->path, copy, sealed->len);
		assert_int_not_equal(read_with(sealed, "correct horse"), ERR_NONE);
	}
	free(copy);
}

static void refuses_another_length(void **state)
{
	struct sealed *sealed = *state;

	for (size_t len = 0; len < sealed->len; len++) {
		write_bytes_to(sealed->path, sealed->bytes, len);
		assert_int_equal(read_with(sealed, "correct horse"), ERR_INPUT);
	}
	write_bytes_to(sealed->path, sealed->bytes, sealed->len + 1);
	assert_int_equal(read_with(sealed, "correct horse"), ERR_INPUT);
	write_bytes_to(sealed->path, sealed->bytes, sealed->len + 4096);
	assert_int_equal(read_with(sealed, "correct horse"), ERR_AUTH);
}

static void refuses_hostile_numbers(void **state)
{
	static const uint8_t numbers[][3] = {{0, 8, 1},   {21, 8, 1}, {31, 8, 1}, {64, 8, 1},
					     {255, 8, 1}, {17, 0, 1}, {17, 9, 1}, {17, 255, 1},
					     {17, 8, 0},  {17, 8, 3}, {4, 8, 255}};
	struct sealed *sealed = *state;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		memcpy(sealed->bytes + AT_LOG_N, numbers[i], 3);
		write_bytes_to(sealed->path, sealed->bytes, sealed->len);
		assert_int_equal(read_with(sealed, "correct horse"), ERR_INPUT);
	}
}

static void refuses_what_is_no_file(void **state)
{
	struct sealed *sealed = *state;
	struct buf content;
	struct err err = {0};

	unlink(sealed->path);
	assert_int_equal(read_with(sealed, "correct horse"), ERR_SYSTEM);
	assert_int_equal(backup_read("/dev/zero", "x", &content, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(backup_read("/", "x", &content, &err), -1);
}

/* --- accounts --- */

static char backup_path[160];

static void export_account(const struct node_rig *node)
{
	struct err err = {0};

	snprintf(backup_path, sizeof(backup_path), "%s/backup", node->rig->directory);
	if (account_export(node->account, "correct horse", backup_path, &err) < 0)
		fail_msg("%s", err.text);
}

static struct account *import_account(struct node_rig *node, const char *name, enum err_code code)
{
	struct err err = {0};
	struct account *account =
	    engine_account_import(node->engine, backup_path, "correct horse", name, &err);

	assert_int_equal(err.code, code);
	assert_true((account != NULL) == (code == ERR_NONE));
	return account;
}

static void expect_setting(char *value, size_t len, const char *expected)
{
	assert_non_null(value);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(value, expected, len);
	secret_free(value, len);
}

static void an_account_is_put_back(void **state)
{
	struct rig *rig = rig_new(2);
	struct node_rig *alice = rig_node(rig, "alice"), *bob = rig_node(rig, "bob");
	struct node_rig *fresh = rig_node(rig, "fresh");
	const struct key secret = {{7, 7}};
	struct account *account = NULL;
	struct contact *contact = NULL;
	struct err err = {0};
	size_t len = 0;
	char *value = NULL;
	char phrase[VERIFICATION_SIZE], again[VERIFICATION_SIZE];

	(void)state;
	contact = contact_add(alice->account, bob->id,
			      "Bob B\xc3\xb6"
			      "b",
			      &secret, &err);
	assert_non_null(contact);
	assert_int_equal(contact_setting_set(contact, "groups", "friends", 7, &err), 0);
	assert_int_equal(contact_set_verified(contact, true, &err), 0);
	contact_verification(contact, phrase);
	assert_int_equal(account_setting_set(alice->account, "scram", "verifier", 8, &err), 0);
	assert_int_equal(account_setting_set(alice->account, "empty", "", 0, &err), 0);
	export_account(alice);

	import_account(alice, NULL, ERR_EXISTS);
	import_account(alice, "again", ERR_EXISTS);
	import_account(fresh, "fresh", ERR_EXISTS);
	import_account(fresh, "", ERR_LIMIT);
	assert_null(engine_account_find(fresh->engine, "alice"));
	account = import_account(fresh, NULL, ERR_NONE);
	assert_string_equal(account_name(account), "alice");
	assert_string_equal(account_id(account), alice->id);
	value = account_setting_get(account, "scram", &len);
	expect_setting(value, len, "verifier");
	value = account_setting_get(account, "empty", &len);
	expect_setting(value, len, "");
	contact = contact_find(account, bob->id);
	assert_non_null(contact);
	assert_string_equal(contact_name(contact), "Bob B\xc3\xb6"
						   "b");
	value = contact_setting_get(contact, "groups", &len);
	expect_setting(value, len, "friends");
	assert_true(contact_verified(contact));
	contact_verification(contact, again);
	assert_string_equal(again, phrase);
	import_account(fresh, "second", ERR_EXISTS);

	/* And is there after a restart. */
	node_kill(fresh);
	node_reopen(fresh);
	account = engine_account_find(fresh->engine, "alice");
	assert_non_null(account);
	assert_non_null(contact_find(account, bob->id));
	unlink(backup_path);
	rig_free(&rig);
}

/* Days after they met the pair secret is another one; the phrase still comes from the first. */
static void a_renewed_secret_is_put_back(void **state)
{
	struct rig *rig = rig_new(6);
	struct node_rig *old = rig_node(rig, "old"), *bob = rig_node(rig, "bob");
	struct node_rig *fresh = rig_node(rig, "fresh");
	char phrase[VERIFICATION_SIZE], again[VERIFICATION_SIZE];

	(void)state;
	rig_pair(old, bob);
	node_start(old);
	node_start(bob);
	rig_link(old, bob, 60000);
	contact_verification(node_contact(old, bob), phrase);
	rig_run(rig, 3 * INT64_C(86400000));
	export_account(old);
	node_kill(old);
	fresh->account = import_account(fresh, "alice", ERR_NONE);
	snprintf(fresh->id, sizeof(fresh->id), "%s", old->id);
	node_start(fresh);
	rig_link(fresh, bob, 600000);
	contact_verification(node_contact(fresh, bob), again);
	assert_string_equal(again, phrase);
	/* And it goes on being renewed. */
	rig_run(rig, 3 * INT64_C(86400000));
	assert_true(rig_linked(fresh, bob));
	unlink(backup_path);
	rig_free(&rig);
}

/* The machine is lost; a new one goes on with the backup, which is older than the last messages. */
static void the_restored_account_goes_on(void **state)
{
	struct rig *rig = rig_new(3);
	struct node_rig *old = rig_node(rig, "old"), *bob = rig_node(rig, "bob");
	struct node_rig *fresh = rig_node(rig, "fresh");

	(void)state;
	rig_pair(old, bob);
	node_start(old);
	node_start(bob);
	rig_link(old, bob, 60000);
	node_send(old, bob, 0, 5);
	node_send(bob, old, 0, 5);
	rig_run(rig, 10000);
	export_account(old);
	node_send(old, bob, 5, 5);
	node_send(bob, old, 5, 5);
	rig_run(rig, 10000);
	node_kill(old);
	rig_run(rig, 5000);
	node_send(bob, old, 10, 3); /* while nobody is there */
	assert_int_equal(bob->got, 10);
	assert_int_equal(bob->acked, 10);

	fresh->account = import_account(fresh, "alice", ERR_NONE);
	snprintf(fresh->id, sizeof(fresh->id), "%s", old->id);
	fresh->got = 10; /* those before it were taken by the old one */
	node_start(fresh);
	rig_link(fresh, bob, 600000);
	node_send(fresh, bob, 10, 3);
	rig_run(rig, 10000);
	assert_int_equal(fresh->got, 13);
	assert_int_equal(bob->got, 13);
	assert_int_equal(bob->acked, 13);
	assert_int_equal(fresh->acked, 3);
	assert_int_equal(fresh->wrong + bob->wrong, 0);
	unlink(backup_path);
	rig_free(&rig);
}

/* Somebody forgot to stop the old one. */
static void two_daemons_with_one_identity_are_noticed(void **state)
{
	struct rig *rig = rig_new(4);
	struct node_rig *old = rig_node(rig, "old"), *bob = rig_node(rig, "bob");
	struct node_rig *fresh = rig_node(rig, "fresh");

	(void)state;
	rig_pair(old, bob);
	node_start(old);
	node_start(bob);
	rig_link(old, bob, 60000);
	export_account(old);
	fresh->account = import_account(fresh, "alice", ERR_NONE);
	snprintf(fresh->id, sizeof(fresh->id), "%s", old->id);
	node_start(fresh);
	for (unsigned i = 0; i < 60 && !account_conflict(fresh->account); i++)
		rig_run(rig, 60000);
	assert_true(account_conflict(old->account) || account_conflict(fresh->account));
	assert_false(account_conflict(bob->account));
	/* Told, and once, however often the contact says so. */
	rig_run(rig, 3600000);
	assert_int_equal(old->conflicts + bob->conflicts + fresh->conflicts,
			 account_conflict(old->account) + account_conflict(fresh->account));
	/* The old one is stopped, and the word is forgotten after a day. */
	node_kill(old);
	rig_run(rig, 1200000);
	assert_true(rig_linked(fresh, bob));
	rig_run(rig, 25 * 3600000);
	assert_false(account_conflict(fresh->account));
	unlink(backup_path);
	rig_free(&rig);
}

/* Whether its sessions are seen to be dead or not. */
static void one_daemon_that_crashes_often_is_none(void **state)
{
	struct rig *rig = rig_new(5);
	struct node_rig *alice = rig_node(rig, "alice"), *bob = rig_node(rig, "bob");

	(void)state;
	rig_pair(alice, bob);
	node_start(alice);
	node_start(bob);
	for (unsigned i = 0; i < 12; i++) {
		rig_link(alice, bob, 600000);
		rig_run(rig, 20000);
		node_kill(alice);
		node_reopen(alice);
		node_start(alice);
		assert_false(account_conflict(alice->account));
		assert_false(account_conflict(bob->account));
	}
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(is_read_again, make_sealed, drop_sealed),
	    cmocka_unit_test_setup_teardown(wants_the_passphrase, make_sealed, drop_sealed),
	    cmocka_unit_test_setup_teardown(refuses_a_changed_byte, make_sealed, drop_sealed),
	    cmocka_unit_test_setup_teardown(refuses_another_length, make_sealed, drop_sealed),
	    cmocka_unit_test_setup_teardown(refuses_hostile_numbers, make_sealed, drop_sealed),
	    cmocka_unit_test_setup_teardown(refuses_what_is_no_file, make_sealed, drop_sealed),
	    cmocka_unit_test(an_account_is_put_back),
	    cmocka_unit_test(a_renewed_secret_is_put_back),
	    cmocka_unit_test(the_restored_account_goes_on),
	    cmocka_unit_test(two_daemons_with_one_identity_are_noticed),
	    cmocka_unit_test(one_daemon_that_crashes_often_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
