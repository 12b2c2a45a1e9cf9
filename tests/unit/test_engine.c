/* Tests of the engine: two of them meet, talk, lose each other and meet again. */
#include "tests/unit/engine_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)

static struct rig *rig;
static struct node_rig *anna, *ben;

static int set_up(void **state)
{
	(void)state;
	rig = rig_new(7);
	anna = rig_node(rig, "anna");
	ben = rig_node(rig, "ben");
	rig_pair(anna, ben);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_free(&rig);
	return 0;
}

static void other_seed(uint64_t seed)
{
	rig_free(&rig);
	rig = rig_new(seed);
	anna = rig_node(rig, "anna");
	ben = rig_node(rig, "ben");
	rig_pair(anna, ben);
}

static void start_both(void)
{
	node_start(anna);
	node_start(ben);
	rig_link(anna, ben, MINUTE_MS);
}

/* --- meeting --- */

static void test_one_comes_first(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		struct node_rig *first, *second;
		other_seed(seed);
		first = seed % 2 == 0 ? anna : ben;
		second = first == anna ? ben : anna;
		node_start(first);
		rig_run(rig, 10 * MINUTE_MS);
		assert_int_equal(contact_state(node_contact(first, second)), CONTACT_WAITING);
		assert_int_equal(first->statuses, 0);
		node_start(second);
		/* Looking, dialling and the handshake take about two seconds in this net. */
		rig_link(first, second, 3000);
		rig_run(rig, 1000);
		assert_int_equal(first->status.show, SHOW_AVAILABLE);
		assert_int_equal(second->status.show, SHOW_AVAILABLE);
		/* He who came later never published a thing: one dial, one session. */
		assert_int_equal(fake_host_dials(first->host), 0);
		assert_int_equal(fake_host_streams(anna->host), 1);
	}
}

/* Whatever happens in the race: one session stays, the same for both, and for good. */
static void test_same_instant(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		other_seed(seed);
		node_start(seed % 2 == 0 ? anna : ben);
		rig_run(rig, (int64_t)(seed % 5) * 100);
		node_start(seed % 2 == 0 ? ben : anna);
		rig_link(anna, ben, 30 * 1000);
		rig_run(rig, 15 * 1000);
		assert_true(rig_linked(anna, ben));
		assert_int_equal(fake_host_streams(anna->host), 1);
		assert_int_equal(fake_host_streams(ben->host), 1);
		/* Nobody has seen the other go. */
		assert_int_equal(anna->statuses, 1);
		assert_int_equal(ben->statuses, 1);
		rig_run(rig, HOUR_MS);
		assert_true(rig_linked(anna, ben));
	}
}

static void test_status(void **state)
{
	struct status away = {.show = SHOW_AWAY, .priority = -5, .text = "lunch"};
	unsigned told;

	(void)state;
	start_both();
	rig_run(rig, 1000);
	assert_int_equal(account_set_status(anna->account, &away), 0);
	rig_run(rig, 1000);
	assert_int_equal(ben->status.show, SHOW_AWAY);
	assert_int_equal(ben->status.priority, -5);
	assert_string_equal(ben->status.text, "lunch");
	assert_string_equal(contact_status(node_contact(ben, anna))->text, "lunch");
	/* Renewals are not news. */
	told = ben->statuses;
	rig_run(rig, HOUR_MS);
	assert_int_equal(ben->statuses, told);
	assert_true(rig_linked(anna, ben));
	/* A user without a client is offline, but linked. */
	away.show = SHOW_OFFLINE;
	assert_int_equal(account_set_status(anna->account, &away), 0);
	rig_run(rig, 1000);
	assert_int_equal(ben->status.show, SHOW_OFFLINE);
	assert_true(rig_linked(anna, ben));
	strcpy(away.text, "\xff");
	assert_int_equal(account_set_status(anna->account, &away), -1);
}

static void test_goodbye(void **state)
{
	(void)state;
	start_both();
	rig_run(rig, 1000);
	node_stop(anna);
	assert_int_equal(contact_state(node_contact(anna, ben)), CONTACT_IDLE);
	assert_false(engine_quiet(anna->engine));
	rig_run(rig, 300);
	assert_int_equal(ben->status.show, SHOW_OFFLINE);
	rig_run(rig, 3000);
	assert_true(engine_quiet(anna->engine));
	assert_int_equal(fake_host_streams(anna->host), 0);
	assert_int_equal(fake_host_services(anna->host), 0);
	/* The old address is not dialled: she has said that she left. */
	rig_run(rig, 10 * MINUTE_MS);
	assert_int_equal(fake_host_dials(ben->host) <= 1, 1);
	node_start(anna);
	rig_link(anna, ben, 3000);
}

/* --- breaking --- */

static void test_link_breaks(void **state)
{
	(void)state;
	start_both();
	for (unsigned i = 0; i < 5; i++) {
		rig_run(rig, MINUTE_MS);
		fake_host_break(i % 2 == 0 ? anna->host : ben->host);
		rig_run(rig, 1);
		assert_int_equal(anna->status.show, SHOW_OFFLINE);
		assert_false(rig_linked(anna, ben));
		rig_link(anna, ben, 5000);
		rig_run(rig, 20 * 1000);
		assert_int_equal(anna->status.show, SHOW_AVAILABLE);
		assert_int_equal(fake_host_streams(anna->host), 1);
	}
}

static void test_silence(void **state)
{
	(void)state;
	start_both();
	fake_host_freeze(ben->host, true);
	/* Three renewals of 120 s and 30 %. */
	rig_run(rig, 450 * 1000);
	assert_int_equal(anna->status.show, SHOW_AVAILABLE);
	rig_run(rig, 170 * 1000);
	assert_int_equal(anna->status.show, SHOW_OFFLINE);
	assert_int_not_equal(contact_state(node_contact(anna, ben)), CONTACT_LINKED);
	fake_host_freeze(ben->host, false);
	rig_link(anna, ben, 5 * MINUTE_MS);
	rig_run(rig, MINUTE_MS);
	assert_int_equal(fake_host_streams(anna->host), 1);
	assert_int_equal(fake_host_streams(ben->host), 1);
}

static void test_restart(void **state)
{
	(void)state;
	start_both();
	for (unsigned i = 0; i < 6; i++) {
		struct node_rig *dies = i % 2 == 0 ? anna : ben;
		node_kill(dies);
		rig_run(rig, (int64_t)i * 20 * 1000);
		node_reopen(dies);
		assert_string_equal(contact_name(node_contact(dies, dies == anna ? ben : anna)),
				    dies == anna ? "ben" : "anna");
		node_start(dies);
		rig_link(anna, ben, MINUTE_MS);
		rig_run(rig, 20 * 1000);
		assert_true(rig_linked(anna, ben));
	}
}

static void test_registry_down(void **state)
{
	(void)state;
	registry_memory_store_fail(rig->store, 100);
	node_start(anna);
	node_start(ben);
	rig_run(rig, 30 * MINUTE_MS);
	assert_false(rig_linked(anna, ben));
	registry_memory_store_fail(rig->store, 0);
	rig_link(anna, ben, 2 * MINUTE_MS);
}

static void test_wake(void **state)
{
	(void)state;
	registry_memory_store_fail(rig->store, 100);
	node_start(anna);
	node_start(ben);
	rig_run(rig, 30 * MINUTE_MS);
	registry_memory_store_fail(rig->store, 0);
	engine_wake(anna->engine);
	engine_wake(ben->engine);
	rig_link(anna, ben, 4000);
}

/* A new address is published at once to those who are not linked. */
static void test_new_address(void **state)
{
	(void)state;
	node_start(anna);
	rig_run(rig, MINUTE_MS);
	fake_host_restart_tor(anna->host);
	rig_run(rig, 5000);
	node_start(ben);
	/* The old record is there, too; the newer one wins. */
	rig_link(anna, ben, 3000);
}

/* --- messages --- */

static void test_messages(void **state)
{
	(void)state;
	node_send(anna, ben, 0, 10);
	assert_int_equal(contact_outbox(node_contact(anna, ben)), 10);
	start_both();
	node_send(ben, anna, 0, 200);
	node_send(anna, ben, 10, 90);
	rig_run(rig, 20 * 1000);
	assert_int_equal(ben->got, 100);
	assert_int_equal(anna->got, 200);
	assert_int_equal(anna->acked, 100);
	assert_int_equal(ben->acked, 200);
	assert_int_equal(anna->wrong + ben->wrong, 0);
	assert_int_equal(contact_outbox(node_contact(anna, ben)), 0);
	assert_int_equal(contact_outbox(node_contact(ben, anna)), 0);
}

static void test_large_messages(void **state)
{
	static char big[PAYLOAD_MAX + 1];
	struct err err = {0};
	uint64_t token = 0;

	(void)state;
	ben->loose = true;
	start_both();
	memset(big, 'x', sizeof(big));
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(
		    engine_send(node_contact(anna, ben), big, PAYLOAD_MAX, &token, &err), 0);
	rig_run(rig, MINUTE_MS);
	assert_int_equal(ben->got, 20);
	assert_int_equal(anna->token, token);
	assert_int_equal(engine_send(node_contact(anna, ben), big, sizeof(big), &token, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(engine_send(node_contact(anna, ben), big, 0, &token, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

/* Sessions die and processes die while a thousand messages go each way: none is lost, none comes
 * twice, the order is kept. */
static void test_thousand_messages(void **state)
{
	unsigned sent = 0;
	uint8_t dice[2];

	(void)state;
	start_both();
	while (sent < 1000) {
		env_random(fake_env_env(rig->store_env), dice, sizeof(dice));
		if (anna->engine != NULL && ben->engine != NULL) {
			unsigned n = 1 + dice[0] % 40;
			n = n > 1000 - sent ? 1000 - sent : n;
			node_send(anna, ben, sent, n);
			node_send(ben, anna, sent, n);
			sent += n;
		}
		rig_run(rig, dice[1] * 4);
		if (dice[0] < 64) {
			fake_host_break(dice[1] % 2 ? anna->host : ben->host);
		} else if (dice[0] < 80) {
			struct node_rig *dies = dice[1] % 2 ? anna : ben;
			node_kill(dies);
			rig_run(rig, dice[1] * 50);
			node_reopen(dies);
			node_start(dies);
		}
	}
	rig_run(rig, 40 * MINUTE_MS);
	assert_true(rig_linked(anna, ben));
	assert_int_equal(anna->got, 1000);
	assert_int_equal(ben->got, 1000);
	assert_int_equal(anna->wrong + ben->wrong, 0);
	assert_int_equal(contact_outbox(node_contact(anna, ben)), 0);
	assert_int_equal(contact_outbox(node_contact(ben, anna)), 0);
}

/* What nobody takes waits, over a restart too, and keeps its order. */
static void test_nobody_takes(void **state)
{
	(void)state;
	start_both();
	ben->refuse = true;
	node_send(anna, ben, 0, 5);
	rig_run(rig, 5000);
	assert_int_equal(anna->acked, 5);
	node_kill(ben);
	node_reopen(ben);
	node_start(ben);
	rig_link(anna, ben, MINUTE_MS);
	ben->refuse = false;
	node_send(anna, ben, 5, 1);
	rig_run(rig, 5000);
	/* With the sixth the five before it were offered again. */
	assert_int_equal(ben->got, 6);
	ben->refuse = true;
	node_send(anna, ben, 6, 3);
	rig_run(rig, 5000);
	ben->refuse = false;
	assert_int_equal(ben->got, 6);
	engine_deliver_waiting(ben->account);
	assert_int_equal(ben->got, 9);
	engine_deliver_waiting(ben->account);
	assert_int_equal(ben->got, 9);
	assert_int_equal(ben->wrong, 0);
}

/* What the layer above holds is stored until it is taken: the next process hands it over again,
 * with the same tokens, in order; this one does not. */
static void test_held_messages(void **state)
{
	uint64_t first;

	(void)state;
	start_both();
	ben->hold = true;
	node_send(anna, ben, 0, 1);
	rig_run(rig, 5000);
	first = ben->held;
	node_send(anna, ben, 1, 4);
	rig_run(rig, 5000);
	engine_deliver_waiting(ben->account);
	assert_int_equal(ben->got, 5);
	assert_true(ben->held > first);
	contact_message_taken(node_contact(ben, anna), first);
	contact_message_taken(node_contact(ben, anna), first);
	node_kill(ben);
	node_reopen(ben);
	ben->got = 1;
	engine_deliver_waiting(ben->account);
	assert_int_equal(ben->got, 5);
	contact_message_taken(node_contact(ben, anna), ben->held);
	node_kill(ben);
	node_reopen(ben);
	ben->got = 1;
	ben->hold = false;
	engine_deliver_waiting(ben->account);
	assert_int_equal(ben->got, 4);
	assert_int_equal(ben->wrong, 0);
}

/* A full inbox is deaf until enough of what was held has been taken. */
static void test_held_fill_the_inbox(void **state)
{
	uint64_t token;

	(void)state;
	ben->hold = true;
	node_send(anna, ben, 0, OUTBOX_MAX);
	start_both();
	rig_run(rig, 10 * MINUTE_MS);
	assert_int_equal(ben->got, OUTBOX_MAX);
	node_send(anna, ben, OUTBOX_MAX, 1);
	rig_run(rig, MINUTE_MS);
	assert_int_equal(contact_outbox(node_contact(anna, ben)), 1);
	token = ben->held;
	for (unsigned i = 0; i < OUTBOX_MAX; i++)
		contact_message_taken(node_contact(ben, anna), token - i);
	rig_run(rig, MINUTE_MS);
	assert_int_equal(ben->got, OUTBOX_MAX + 1);
	assert_int_equal(ben->wrong, 0);
}

static void count_mark(void *arg, const uint8_t mark[SENT_MARK_LEN])
{
	unsigned *next = arg;

	assert_int_equal(mark[0] | mark[1] << 8, (*next)++);
}

static void send_marked(unsigned number)
{
	uint8_t mark[SENT_MARK_LEN] = {(uint8_t)number, (uint8_t)(number >> 8)};
	struct err err = {0};

	assert_int_equal(engine_send_marked(node_contact(anna, ben), "x", 1, mark, NULL, &err), 0);
}

/* From first on, so many. */
static void expect_marks(unsigned first, unsigned count)
{
	unsigned next = first;

	account_sent_marks(anna->account, count_mark, &next);
	assert_int_equal(next - first, count);
}

static void test_sent_marks(void **state)
{
	(void)state;
	expect_marks(0, 0);
	for (unsigned i = 0; i < 10; i++)
		send_marked(i);
	expect_marks(0, 10);
	/* They outlive the process, and its being away. */
	node_kill(anna);
	rig_run(rig, 10 * SENT_MARK_MS);
	node_reopen(anna);
	rig_run(rig, SENT_MARK_MS - 1);
	expect_marks(0, 10);
	send_marked(10);
	rig_run(rig, 1);
	expect_marks(10, 1);
	rig_run(rig, SENT_MARK_MS - 1);
	expect_marks(10, 1);
	rig_run(rig, 1);
	expect_marks(0, 0);
	/* Only so many are kept. */
	for (unsigned i = 0; i < SENT_MARKS_MAX + 3; i++)
		send_marked(i);
	expect_marks(3, SENT_MARKS_MAX);
	rig_run(rig, 2 * SENT_MARK_MS);
	expect_marks(0, 0);
	/* A message that is refused leaves none. */
	{
		uint8_t mark[SENT_MARK_LEN] = {0};

		assert_int_equal(
		    engine_send_marked(node_contact(anna, ben), "", 0, mark, NULL, NULL), -1);
	}
	expect_marks(0, 0);
}

static const struct contact *last_sender;

static void take_one(struct node_rig *node, struct contact *contact)
{
	node->refuse = true;
	last_sender = contact;
}

/* Who has much to say does not keep the others from being heard. */
static void test_takes_turns(void **state)
{
	struct node_rig *carl = rig_node(rig, "carl");
	unsigned of_anna = 0;

	(void)state;
	rig_pair(ben, carl);
	start_both();
	node_start(carl);
	rig_link(ben, carl, MINUTE_MS);
	ben->loose = ben->refuse = true;
	node_send(anna, ben, 0, 10);
	node_send(carl, ben, 0, 10);
	rig_run(rig, 5000);
	ben->on_message = take_one;
	for (unsigned i = 0; i < 8; i++) {
		ben->refuse = false;
		engine_deliver_waiting(ben->account);
		of_anna += last_sender == node_contact(ben, anna);
	}
	assert_int_equal(ben->got, 8);
	assert_int_equal(of_anna, 4);
	ben->on_message = NULL;
	ben->refuse = false;
	engine_deliver_waiting(ben->account);
	assert_int_equal(ben->got, 20);
}

static void test_outbox_is_bounded(void **state)
{
	struct err err = {0};

	(void)state;
	node_send(anna, ben, 0, OUTBOX_MAX);
	assert_int_equal(engine_send(node_contact(anna, ben), "x", 1, NULL, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	/* And the inbox: beyond INBOX_MAX (as large) nothing is taken until there is room. */
	ben->refuse = true;
	start_both();
	rig_run(rig, 10 * MINUTE_MS);
	node_send(anna, ben, OUTBOX_MAX, 10);
	rig_run(rig, MINUTE_MS);
	assert_int_equal(contact_outbox(node_contact(anna, ben)), 10);
	ben->refuse = false;
	engine_deliver_waiting(ben->account);
	rig_run(rig, MINUTE_MS);
	assert_int_equal(ben->got, OUTBOX_MAX + 10);
	assert_int_equal(ben->wrong, 0);
}

/* --- contacts --- */

static void count(void *arg, struct contact *contact)
{
	(void)contact;
	++*(unsigned *)arg;
}

static void test_contacts(void **state)
{
	static const char *const bad[] = {
	    "", "x", "00000000000000000000000000000000000000000000000000000000"};
	struct contact *contact = node_contact(anna, ben);
	struct err err = {0};
	char long_name[CONTACT_NAME_MAX + 2] = {0}, upper[ID_LEN + 1] = {0};
	unsigned contacts = 0;
	size_t len = 0;
	void *value = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(contact_add(anna->account, bad[i], NULL, NULL, &err));
		assert_int_equal(err.code, ERR_INPUT);
		assert_null(contact_find(anna->account, bad[i]));
	}
	assert_null(contact_add(anna->account, anna->id, "me", NULL, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(contact_add(anna->account, ben->id, "again", NULL, &err));
	assert_int_equal(err.code, ERR_EXISTS);
	for (size_t i = 0; i < ID_LEN; i++)
		upper[i] = (char)(ben->id[i] >= 'a' ? ben->id[i] - 32 : ben->id[i]);
	assert_ptr_equal(contact_find(anna->account, upper), contact);
	assert_string_equal(contact_id(contact), ben->id);
	assert_ptr_equal(contact_account(contact), anna->account);
	memset(long_name, 'x', sizeof(long_name) - 1);
	assert_int_equal(contact_set_name(contact, long_name, &err), -1);
	assert_int_equal(contact_set_name(contact, "Benno", &err), 0);
	assert_int_equal(contact_setting_set(contact, "groups", "a,b", 3, &err), 0);
	assert_int_equal(account_setting_set(anna->account, "version", "7", 1, &err), 0);
	account_contacts(anna->account, count, &contacts);
	assert_int_equal(contacts, 1);

	engine_free(&anna->engine);
	registry_free(&anna->registry);
	node_reopen(anna);
	contact = node_contact(anna, ben);
	assert_string_equal(contact_name(contact), "Benno");
	value = contact_setting_get(contact, "groups", &len);
	assert_memory_equal(value, "a,b", 4);
	secret_free(value, len);
	value = account_setting_get(anna->account, "version", &len);
	assert_memory_equal(value, "7", 2);
	secret_free(value, len);
}

static void test_accounts(void **state)
{
	struct err err = {0};
	char long_name[ACCOUNT_NAME_MAX + 2] = {0};
	struct account *second = NULL;

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	assert_null(engine_account_add(anna->engine, "", &err));
	assert_null(engine_account_add(anna->engine, long_name, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_null(engine_account_add(anna->engine, "anna", &err));
	assert_int_equal(err.code, ERR_EXISTS);
	/* Two accounts of one daemon can be each other's contacts. */
	node_start(anna);
	second = engine_account_add(anna->engine, "second", &err);
	assert_non_null(second);
	assert_string_equal(account_name(second), "second");
	account_set_user(second, &err);
	assert_ptr_equal(account_user(second), &err);
	assert_non_null(contact_add(second, anna->id, NULL, NULL, &err));
	assert_non_null(contact_add(anna->account, account_id(second), NULL, NULL, &err));
	rig_run(rig, 30 * 1000);
	assert_int_equal(contact_state(contact_find(second, anna->id)), CONTACT_LINKED);
	assert_true(account_published(second));
}

static void test_added_while_online(void **state)
{
	struct node_rig *carl = rig_node(rig, "carl");

	(void)state;
	start_both();
	node_start(carl);
	rig_run(rig, MINUTE_MS);
	rig_pair(anna, carl);
	rig_link(anna, carl, 10 * 1000);
	assert_true(rig_linked(anna, ben));
}

static void test_different_secrets(void **state)
{
	struct key one = {{1}}, two = {{2}};
	struct node_rig *carl = rig_node(rig, "carl");

	(void)state;
	assert_non_null(contact_add(anna->account, carl->id, "carl", &one, NULL));
	assert_non_null(contact_add(carl->account, anna->id, "anna", &two, NULL));
	node_start(anna);
	node_start(carl);
	rig_run(rig, HOUR_MS);
	assert_false(rig_linked(anna, carl));
	assert_int_equal(fake_host_dials(anna->host) + fake_host_dials(carl->host), 0);
}

static void test_removal(void **state)
{
	struct contact *contact = NULL;
	struct err err = {0};
	unsigned statuses;

	(void)state;
	start_both();
	rig_run(rig, MINUTE_MS);
	contact = node_contact(anna, ben);
	statuses = anna->statuses;
	assert_int_equal(contact_remove(&contact, &err), 0);
	assert_null(contact);
	assert_null(node_contact(anna, ben));
	rig_run(rig, 1000);
	assert_int_equal(ben->status.show, SHOW_OFFLINE);
	assert_int_equal(anna->statuses, statuses);
	rig_run(rig, HOUR_MS);
	assert_int_not_equal(contact_state(node_contact(ben, anna)), CONTACT_LINKED);
	/* Added again they meet again. */
	assert_non_null(contact_add(anna->account, ben->id, "ben", NULL, &err));
	rig_link(anna, ben, MINUTE_MS);
	node_send(ben, anna, 0, 3);
	rig_run(rig, 5000);
	assert_int_equal(anna->got, 3);
}

/* Neither the keys nor the messages of who was removed are left in the files. */
static void test_removal_is_thorough(void **state)
{
	static const char text[] = "a message that waits for carl";
	struct node_rig *carl = rig_node(rig, "carl");
	struct key secret;
	struct contact *contact = NULL;
	uint8_t public_key[X25519_LEN];
	const struct seal_place of_secret = {"contact.secret", 0, 0, public_key, X25519_LEN};
	const struct seal_place of_key = {.column = "contact.public_key", .owner = 1};
	struct seal_place of_text = {.column = "outbox.payload", .owner = 2};
	uint64_t token = 0;
	struct err err = {0};

	(void)state;
	memset(secret.bytes, 0xa7, KEY_LEN);
	assert_int_equal(id_decode(carl->id, public_key, &err), 0);
	start_both();
	contact = contact_add(anna->account, carl->id, "carl", &secret, &err);
	assert_non_null(contact);
	assert_int_equal(engine_send(contact, text, sizeof(text), &token, &err), 0);
	of_text.row = (int64_t)token;
	rig_run(rig, MINUTE_MS);
	assert_true(node_files_have(anna, &of_secret, secret.bytes, KEY_LEN));
	assert_true(node_files_have(anna, &of_key, public_key, X25519_LEN));
	assert_true(node_files_have(anna, &of_text, text, sizeof(text)));
	assert_int_equal(contact_remove(&contact, &err), 0);
	assert_false(node_files_have(anna, &of_secret, secret.bytes, KEY_LEN));
	assert_false(node_files_have(anna, &of_key, public_key, X25519_LEN));
	assert_false(node_files_have(anna, &of_text, text, sizeof(text)));
}

static void remove_from_within(struct node_rig *node, struct contact *contact)
{
	(void)node;
	assert_int_equal(contact_remove(&contact, NULL), 0);
}

static void test_removal_in_handlers(void **state)
{
	(void)state;
	start_both();
	ben->on_message = remove_from_within;
	node_send(anna, ben, 0, 10);
	rig_run(rig, 5000);
	assert_int_equal(ben->got, 1);
	assert_null(node_contact(ben, anna));
	rig_run(rig, MINUTE_MS);
	anna->on_status = remove_from_within;
	assert_non_null(contact_add(ben->account, anna->id, "anna", NULL, NULL));
	rig_run(rig, 10 * MINUTE_MS);
	assert_null(node_contact(anna, ben));
}

static void remove_when_unlinked(struct node_rig *node, struct contact *contact)
{
	(void)node;
	if (contact_state(contact) != CONTACT_LINKED)
		assert_int_equal(contact_remove(&contact, NULL), 0);
}

/* A contact that was removed when its state was told has no status any more. */
static void test_removal_between(void **state)
{
	unsigned told;

	(void)state;
	start_both();
	rig_run(rig, 1000);
	anna->on_state = remove_when_unlinked;
	told = anna->statuses;
	fake_host_break(ben->host);
	rig_run(rig, 1000);
	assert_null(node_contact(anna, ben));
	assert_int_equal(anna->statuses, told);
}

static void remove_each(void *arg, struct contact *contact)
{
	++*(unsigned *)arg;
	assert_int_equal(contact_remove(&contact, NULL), 0);
}

static void test_removal_in_walk(void **state)
{
	unsigned removed = 0;

	(void)state;
	rig_pair(anna, rig_node(rig, "carl"));
	rig_pair(anna, rig_node(rig, "dora"));
	node_start(anna);
	account_contacts(anna->account, remove_each, &removed);
	assert_int_equal(removed, 3);
	account_contacts(anna->account, remove_each, &removed);
	assert_int_equal(removed, 3);
	rig_run(rig, MINUTE_MS);
}

static void stop_from_within(struct node_rig *node, struct contact *contact)
{
	(void)contact;
	engine_stop(node->engine);
}

static void test_stop_in_handlers(void **state)
{
	(void)state;
	start_both();
	ben->on_message = stop_from_within;
	node_send(anna, ben, 0, 3);
	rig_run(rig, 5000);
	assert_int_equal(anna->status.show, SHOW_OFFLINE);
	assert_int_equal(fake_host_streams(ben->host), 0);
	ben->on_message = NULL;
	node_start(ben);
	rig_link(anna, ben, MINUTE_MS);
	rig_run(rig, 5000);
	assert_int_equal(ben->got, 3);
	assert_int_equal(ben->wrong, 0);
}

/* --- clocks --- */

static void test_clock_jumps_back(void **state)
{
	(void)state;
	start_both();
	for (unsigned i = 0; i < 4; i++) {
		struct node_rig *node = i % 2 == 0 ? anna : ben;
		rig_run(rig, MINUTE_MS);
		node_send(anna, ben, i, 1);
		node_kill(node);
		fake_env_jump(node->fake, i < 2 ? -290 * 1000 : 290 * 1000);
		node_reopen(node);
		node_start(node);
		rig_link(anna, ben, 5 * MINUTE_MS);
		rig_run(rig, 5000);
		assert_int_equal(ben->got, i + 1);
	}
}

/* Both were a day ahead, and are right again. */
static void test_clocks_set_right(void **state)
{
	(void)state;
	fake_env_jump(anna->fake, 24 * HOUR_MS);
	fake_env_jump(ben->fake, 24 * HOUR_MS);
	start_both();
	rig_run(rig, MINUTE_MS);
	node_kill(anna);
	fake_env_jump(anna->fake, -24 * HOUR_MS);
	fake_env_jump(ben->fake, -24 * HOUR_MS);
	node_reopen(anna);
	node_start(anna);
	rig_link(anna, ben, 5 * MINUTE_MS);
	node_send(anna, ben, 0, 2);
	node_send(ben, anna, 0, 2);
	rig_run(rig, 5000);
	assert_int_equal(anna->got + ben->got, 4);
}

static void test_clock_offset(void **state)
{
	(void)state;
	fake_env_jump(anna->fake, -48 * HOUR_MS);
	node_start(ben);
	node_start(anna);
	rig_run(rig, 5 * MINUTE_MS);
	assert_false(rig_linked(anna, ben));
	engine_set_clock_offset(anna->engine, 48 * HOUR_MS);
	assert_int_equal(engine_now_ms(anna->engine), engine_now_ms(ben->engine));
	rig_link(anna, ben, 10 * MINUTE_MS);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RIG(test_one_comes_first),
	    WITH_RIG(test_same_instant),
	    WITH_RIG(test_status),
	    WITH_RIG(test_goodbye),
	    WITH_RIG(test_link_breaks),
	    WITH_RIG(test_silence),
	    WITH_RIG(test_restart),
	    WITH_RIG(test_registry_down),
	    WITH_RIG(test_wake),
	    WITH_RIG(test_new_address),
	    WITH_RIG(test_messages),
	    WITH_RIG(test_large_messages),
	    WITH_RIG(test_thousand_messages),
	    WITH_RIG(test_nobody_takes),
	    WITH_RIG(test_held_messages),
	    WITH_RIG(test_held_fill_the_inbox),
	    WITH_RIG(test_sent_marks),
	    WITH_RIG(test_takes_turns),
	    WITH_RIG(test_outbox_is_bounded),
	    WITH_RIG(test_contacts),
	    WITH_RIG(test_accounts),
	    WITH_RIG(test_added_while_online),
	    WITH_RIG(test_different_secrets),
	    WITH_RIG(test_removal),
	    WITH_RIG(test_removal_is_thorough),
	    WITH_RIG(test_removal_in_handlers),
	    WITH_RIG(test_removal_between),
	    WITH_RIG(test_removal_in_walk),
	    WITH_RIG(test_stop_in_handlers),
	    WITH_RIG(test_clock_jumps_back),
	    WITH_RIG(test_clocks_set_right),
	    WITH_RIG(test_clock_offset),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
