/* Tests of accounts that are removed: what their contacts see, and what is left of them: nothing.
 */
#include "tests/unit/engine_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS ((int64_t)60 * 1000)

static struct rig *rig;
static struct node_rig *anna, *ben;

static int set_up(void **state)
{
	(void)state;
	rig = rig_new(21);
	anna = rig_node(rig, "anna");
	ben = rig_node(rig, "ben");
	rig_pair(anna, ben);
	node_start(anna);
	node_start(ben);
	rig_link(anna, ben, MINUTE_MS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_free(&rig);
	return 0;
}

static void remove_account(struct account *account)
{
	struct err err = {0};

	if (engine_account_remove(&account, &err) < 0)
		fail_msg("%s", err.text);
	assert_null(account);
}

static void contacts_are_said_goodbye_to(void **state)
{
	unsigned statuses;

	(void)state;
	rig_run(rig, 1000);
	statuses = anna->statuses + anna->states;
	remove_account(anna->account);
	assert_null(engine_account_find(anna->engine, "anna"));
	rig_run(rig, 2000);
	assert_int_equal(ben->status.show, SHOW_OFFLINE);
	assert_int_equal(contact_state(node_contact(ben, anna)), CONTACT_WAITING);
	assert_int_equal(fake_host_services(anna->host), 0);
	/* Nothing more is told about its contacts, and nobody is dialled. */
	rig_run(rig, 60 * MINUTE_MS);
	assert_int_equal(anna->statuses + anna->states, statuses);
	assert_int_equal(fake_host_streams(anna->host), 0);
	node_send(ben, anna, 0, 1);
	rig_run(rig, MINUTE_MS);
	assert_int_equal(anna->got, 0);
}

static void nothing_is_left_in_the_files(void **state)
{
	static const char text[] = "a message that waits for carl", setting[] = "a password";
	struct node_rig *carl = rig_node(rig, "carl");
	struct account *other = engine_account_add(anna->engine, "other", NULL);
	char link[INVITATION_LINK_SIZE], name[] = "name of an invitation";
	struct key secret;
	struct contact *contact = NULL;
	uint8_t keys[3][X25519_LEN];
	struct invitation invitation;
	const struct seal_place of_secret = {"contact.secret", 0, 0, keys[0], X25519_LEN};
	struct seal_place of_text = {.column = "outbox.payload", .owner = 2};
	uint64_t token = 0;
	const struct seal_place of_setting = {"setting.value", 1, 0, "sasl", 4};
	const struct seal_place of_groups = {"contact_setting.value", 2, 0, "groups", 6};
	const struct seal_place of_carl = {"contact.name", 0, 0, keys[0], X25519_LEN};
	const struct seal_place of_name = {"invitation.name", 0, 0, invitation.secret,
					   INVITATION_SECRET_LEN};
	const struct seal_place of_key = {.column = "contact.public_key", .owner = 1};
	const struct seal_place of_other = {.column = "contact.public_key", .owner = 2};
	struct err err = {0};

	(void)state;
	memset(secret.bytes, 0xa7, KEY_LEN);
	assert_int_equal(id_decode(carl->id, keys[0], &err), 0);
	assert_int_equal(id_decode(ben->id, keys[1], &err), 0);
	contact = contact_add(anna->account, carl->id, "carl in the list", &secret, &err);
	assert_non_null(contact);
	assert_int_equal(engine_send(contact, text, sizeof(text), &token, &err), 0);
	of_text.row = (int64_t)token;
	assert_int_equal(contact_setting_set(contact, "groups", "friends", 7, &err), 0);
	assert_int_equal(account_setting_set(anna->account, "sasl", setting, sizeof(setting), &err),
			 0);
	assert_int_equal(account_invite(anna->account, name, false, 60 * MINUTE_MS, link, &err), 0);
	assert_int_equal(invitation_parse(link, &invitation, &err), 0);
	/* A contact of the other account stays. */
	assert_non_null(contact_add(other, carl->id, "carl of the other", NULL, &err));
	rig_run(rig, MINUTE_MS);
	assert_true(node_files_have(anna, &of_secret, secret.bytes, KEY_LEN));
	assert_true(node_files_have(anna, &of_text, text, sizeof(text)));
	assert_true(node_files_have(anna, &of_setting, setting, sizeof(setting)));
	assert_true(node_files_have(anna, &of_name, name, strlen(name)));
	assert_true(
	    node_files_have(anna, &of_carl, "carl in the list", strlen("carl in the list")));
	assert_true(node_files_have(anna, &of_groups, "friends", strlen("friends")));
	assert_true(node_files_have(anna, &of_key, keys[1], X25519_LEN));
	remove_account(anna->account);
	assert_false(node_files_have(anna, &of_secret, secret.bytes, KEY_LEN));
	assert_false(node_files_have(anna, &of_text, text, sizeof(text)));
	assert_false(node_files_have(anna, &of_setting, setting, sizeof(setting)));
	assert_false(node_files_have(anna, &of_name, name, strlen(name)));
	assert_false(
	    node_files_have(anna, &of_carl, "carl in the list", strlen("carl in the list")));
	assert_false(node_files_have(anna, &of_groups, "friends", strlen("friends")));
	assert_false(node_files_have(anna, &of_key, keys[1], X25519_LEN));
	assert_true(node_files_have(anna, &of_other, keys[0], X25519_LEN));
	rig_run(rig, MINUTE_MS);
	/* After a restart, too. */
	node_kill(anna);
	anna->engine = NULL;
	assert_false(node_files_have(anna, &of_secret, secret.bytes, KEY_LEN));
}

static void the_name_is_free_again(void **state)
{
	struct account *again = NULL;
	struct err err = {0};

	(void)state;
	remove_account(anna->account);
	again = engine_account_add(anna->engine, "anna", &err);
	assert_non_null(again);
	assert_string_not_equal(account_id(again), anna->id);
	assert_non_null(contact_add(again, ben->id, "ben", NULL, &err));
	assert_non_null(contact_add(ben->account, account_id(again), "anna", NULL, &err));
	rig_run(rig, MINUTE_MS);
	assert_int_equal(contact_state(contact_find(again, ben->id)), CONTACT_LINKED);
	assert_true(account_published(again));
}

static void remove_from_within(struct node_rig *node, struct contact *contact)
{
	(void)contact;
	if (node->account == NULL)
		return;
	remove_account(node->account);
	node->account = NULL;
}

static void it_is_removed_in_a_handler(void **state)
{
	(void)state;
	ben->on_message = remove_from_within;
	node_send(anna, ben, 0, 10);
	rig_run(rig, 5000);
	assert_int_equal(ben->got, 1);
	assert_null(engine_account_find(ben->engine, "ben"));
	anna->on_state = remove_from_within;
	rig_run(rig, 10 * MINUTE_MS);
	assert_null(engine_account_find(anna->engine, "anna"));
}

static void remove_each(void *arg, struct account *account)
{
	++*(unsigned *)arg;
	remove_account(account);
}

static void all_are_removed_in_a_walk(void **state)
{
	unsigned removed = 0;

	(void)state;
	assert_non_null(engine_account_add(anna->engine, "second", NULL));
	assert_non_null(engine_account_add(anna->engine, "third", NULL));
	engine_accounts(anna->engine, remove_each, &removed);
	assert_int_equal(removed, 3);
	engine_accounts(anna->engine, remove_each, &removed);
	assert_int_equal(removed, 3);
	/* The engine may go before it has told. */
	node_kill(anna);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(contacts_are_said_goodbye_to, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_is_left_in_the_files, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_name_is_free_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(it_is_removed_in_a_handler, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(all_are_removed_in_a_walk, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
