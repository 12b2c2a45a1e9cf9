/* Tests of the ways to be present: what each contact is shown, and taking messages back. */
#include "tests/unit/engine_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct trio {
	struct rig *rig;
	struct node_rig *alice, *bob, *carol;
};

static struct trio linked_trio(uint64_t seed)
{
	struct trio t = {.rig = rig_new(seed)};

	t.alice = rig_node(t.rig, "alice");
	t.bob = rig_node(t.rig, "bob");
	t.carol = rig_node(t.rig, "carol");
	rig_pair(t.alice, t.bob);
	rig_pair(t.alice, t.carol);
	node_start(t.alice);
	node_start(t.bob);
	node_start(t.carol);
	rig_link(t.alice, t.bob, 120000);
	rig_link(t.alice, t.carol, 120000);
	return t;
}

static const struct status *seen(const struct node_rig *who, const struct node_rig *whom)
{
	return contact_status(node_contact(who, whom));
}

static void one_contact_sees_another_status(void **state)
{
	static const struct status dnd = {.show = SHOW_DND, .text = "not for you"};
	static const struct status away = {.show = SHOW_AWAY, .text = "lunch"};
	static const struct status bad = {.show = SHOW_AWAY, .text = "\xff"};
	struct trio t = linked_trio(1);
	struct contact *bob = node_contact(t.alice, t.bob);

	(void)state;
	assert_int_equal(contact_show(bob, &dnd), 0);
	rig_run(t.rig, 2000);
	assert_int_equal(seen(t.bob, t.alice)->show, SHOW_DND);
	assert_string_equal(seen(t.bob, t.alice)->text, "not for you");
	assert_int_equal(seen(t.carol, t.alice)->show, SHOW_AVAILABLE);

	assert_int_equal(account_set_status(t.alice->account, &away), 0);
	rig_run(t.rig, 600000); /* with renewals */
	assert_int_equal(seen(t.bob, t.alice)->show, SHOW_DND);
	assert_int_equal(seen(t.carol, t.alice)->show, SHOW_AWAY);

	/* It holds in another session. */
	fake_host_break(t.bob->host);
	rig_run(t.rig, 1000);
	rig_link(t.alice, t.bob, 120000);
	rig_run(t.rig, 2000);
	assert_int_equal(seen(t.bob, t.alice)->show, SHOW_DND);

	assert_int_equal(contact_show(bob, &bad), -1);
	assert_int_equal(contact_show(bob, NULL), 0);
	rig_run(t.rig, 2000);
	assert_int_equal(seen(t.bob, t.alice)->show, SHOW_AWAY);
	assert_string_equal(seen(t.bob, t.alice)->text, "lunch");
	rig_free(&t.rig);
}

/* --- messages that are taken back --- */

static uint64_t send_text(const struct node_rig *from, const struct node_rig *to, const char *text)
{
	struct err err = {0};
	uint64_t token = 0;

	assert_int_equal(engine_send(node_contact(from, to), text, strlen(text), &token, &err), 0);
	return token;
}

/* What waits for the contact, as text: each payload, and > when it is on its way. */
static bool write_waiting(void *arg, const struct waiting *waiting)
{
	char *text = arg;

	assert_true(waiting->since_ms >= FAKE_START_MS);
	snprintf(text + strlen(text), 100 - strlen(text), "%.*s%s ", (int)waiting->len,
		 (const char *)waiting->payload, waiting->on_its_way ? ">" : "");
	return strlen(text) < 6;
}

static void expect_waiting(const struct node_rig *from, const struct node_rig *to, const char *want)
{
	char text[100] = "";
	struct err err = {0};

	assert_int_equal(contact_waiting(node_contact(from, to), write_waiting, text, &err), 0);
	assert_string_equal(text, want);
}

/* 1: it may have come all the same. */
static int cancel_left(const struct node_rig *from, const struct node_rig *to, uint64_t token)
{
	struct err err = {0};

	return contact_cancel(node_contact(from, to), token, &err);
}

static enum err_code cancel(const struct node_rig *from, const struct node_rig *to, uint64_t token)
{
	struct err err = {0};
	int result = contact_cancel(node_contact(from, to), token, &err);

	assert_true((result == 0) == (err.code == ERR_NONE));
	return err.code;
}

static void a_waiting_message_is_taken_back(void **state)
{
	struct trio t = linked_trio(2);
	uint64_t first, second, third;

	(void)state;
	first = send_text(t.alice, t.bob, "0");
	assert_int_equal(cancel(t.alice, t.bob, first), ERR_WRONG_STATE);
	expect_waiting(t.alice, t.bob, "0> ");
	rig_run(t.rig, 2000);
	assert_int_equal(cancel(t.alice, t.bob, first), ERR_NOT_FOUND);
	assert_int_equal(cancel(t.alice, t.bob, 0), ERR_NOT_FOUND);
	assert_int_equal(cancel(t.alice, t.bob, UINT64_MAX), ERR_NOT_FOUND);

	node_stop(t.bob);
	rig_run(t.rig, 2000);
	first = send_text(t.alice, t.bob, "1");
	second = send_text(t.alice, t.bob, "2");
	third = send_text(t.alice, t.bob, "2");
	expect_waiting(t.alice, t.bob, "1 2 2 ");
	assert_int_equal(cancel(t.alice, t.bob, second), ERR_NONE);
	expect_waiting(t.alice, t.bob, "1 2 ");
	assert_int_equal(cancel(t.alice, t.bob, second), ERR_NOT_FOUND);
	assert_int_equal(cancel(t.alice, t.bob, third + 1), ERR_NOT_FOUND);
	assert_int_equal(contact_outbox(node_contact(t.alice, t.bob)), 2);
	node_start(t.bob);
	rig_link(t.alice, t.bob, 3600000);
	rig_run(t.rig, 5000);
	assert_int_equal(t.bob->got, 3); /* "0", "1" and the other "2" */
	assert_int_equal(t.bob->wrong, 0);
	assert_int_equal(t.alice->acked, 3);
	assert_int_equal(contact_outbox(node_contact(t.alice, t.bob)), 0);
	assert_true(first < second);
	rig_free(&t.rig);
}

/* Who takes one back must know whether the contact may have it. */
static void a_message_that_may_have_come_is_told(void **state)
{
	struct trio t = linked_trio(4);
	uint64_t sent, unsent;

	(void)state;
	/* On its way when the contact's daemon dies. */
	sent = send_text(t.alice, t.bob, "0");
	node_kill(t.bob);
	rig_run(t.rig, 2000);
	unsent = send_text(t.alice, t.bob, "1");
	assert_int_equal(cancel_left(t.alice, t.bob, unsent), 0);
	assert_int_equal(cancel_left(t.alice, t.bob, sent), 1);
	/* What another process has left may have been sent by it. */
	unsent = send_text(t.alice, t.bob, "2");
	node_kill(t.alice);
	node_reopen(t.alice);
	assert_int_equal(cancel_left(t.alice, t.bob, unsent), 1);
	unsent = send_text(t.alice, t.bob, "3");
	assert_int_equal(cancel_left(t.alice, t.bob, unsent), 0);
	rig_free(&t.rig);
}

/* --- cover --- */

#define COVER_MS 1000
#define WRITES   20000
#define WATCH_MS ((int64_t)3600 * 1000)

/* When alice has written how much to bob. */
struct watched {
	struct fake_clock *clock;
	bool on;
	unsigned writes, wrong;
	int64_t at_ms[WRITES];
};

static void on_write(void *arg, const struct fake_conn *conn, bool up, const uint8_t *data,
		     size_t len)
{
	struct watched *watched = arg;

	(void)data;
	if (!watched->on || strcmp(up ? conn->dialler : conn->listener, "alice") != 0)
		return;
	watched->wrong += len != 488;
	assert_true(watched->writes < WRITES);
	watched->at_ms[watched->writes++] = fake_clock_now(watched->clock);
}

/* An hour of alice with cover; talking or not. */
static struct watched *watch_cover(uint64_t seed, bool talking)
{
	static char text[3000];
	struct rig *rig = rig_new(seed);
	struct node_rig *alice = rig_node(rig, "alice"), *bob = rig_node(rig, "bob");
	struct watched *watched = calloc(1, sizeof(*watched));
	struct err err = {0};

	assert_non_null(watched);
	watched->clock = rig->clock;
	fake_net_watch(rig->net, on_write, watched);
	alice->loose = bob->loose = true;
	rig_pair(alice, bob);
	assert_int_equal(account_set_cover(alice->account, COVER_MS, &err), 0);
	node_start(alice);
	node_start(bob);
	rig_link(alice, bob, 120000);
	rig_run(rig, 10000);
	watched->on = true;
	memset(text, 'x', sizeof(text) - 1);
	for (int64_t ms = 0; ms < WATCH_MS; ms += 60000) {
		struct status status = {.show = ms % 120000 == 0 ? SHOW_AWAY : SHOW_CHAT};
		if (talking && ms < WATCH_MS / 2) {
			send_text(alice, bob, text);
			send_text(alice, bob, "and now?");
			send_text(bob, alice, "yes?");
			assert_int_equal(account_set_status(alice->account, &status), 0);
		}
		rig_run(rig, 60000);
	}
	watched->on = false;
	assert_true(rig_linked(alice, bob));
	assert_int_equal(watched->wrong, 0);
	assert_int_equal(bob->got, talking ? 60 : 0);
	assert_int_equal(alice->acked, bob->got);
	assert_int_equal(alice->got, bob->got / 2);
	rig_free(&rig);
	return watched;
}

/* How many of the gaps are longer than this many hundredths of the mean, in thousandths. */
static unsigned longer_than(const struct watched *watched, int64_t hundredths)
{
	unsigned count = 0;

	for (unsigned i = 1; i < watched->writes; i++)
		count += watched->at_ms[i] - watched->at_ms[i - 1] > hundredths * COVER_MS / 100;
	return count * 1000 / (watched->writes - 1);
}

static void talk_does_not_show_under_cover(void **state)
{
	/* exp(-gap / mean), in thousandths; 3600 gaps scatter by 8 of them at most. */
	static const struct {
		int64_t hundredths;
		unsigned expected;
	} gaps[] = {{10, 905}, {50, 607}, {100, 368}, {200, 135}, {400, 18}};
	struct watched *talking = watch_cover(11, true), *silent = watch_cover(12, false);

	(void)state;
	/* 3600 moments, give or take four times their square root. */
	assert_in_range(talking->writes, 3600 - 240, 3600 + 240);
	assert_in_range(silent->writes, 3600 - 240, 3600 + 240);
	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		unsigned expected = gaps[i].expected;
		unsigned least = expected > 32 ? expected - 32 : 1;
		assert_in_range(longer_than(talking, gaps[i].hundredths), least, expected + 32);
		assert_in_range(longer_than(silent, gaps[i].hundredths), least, expected + 32);
	}
	free(talking);
	free(silent);
}

static void cover_is_kept_and_ended(void **state)
{
	struct trio t = linked_trio(13);
	struct watched *watched = calloc(1, sizeof(*watched));
	struct err err = {0};

	(void)state;
	assert_non_null(watched);
	watched->clock = t.rig->clock;
	assert_int_equal(account_set_cover(t.alice->account, 49, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(account_set_cover(t.alice->account, 30001, &err), -1);
	assert_int_equal(account_set_cover(t.alice->account, -1, &err), -1);
	/* In sessions that are up: two. */
	fake_net_watch(t.rig->net, on_write, watched);
	assert_int_equal(account_set_cover(t.alice->account, 500, &err), 0);
	watched->on = true;
	rig_run(t.rig, 600000);
	assert_in_range(watched->writes, 2 * 1200 - 200, 2 * 1200 + 200);

	/* What waits is sent at once when it ends, and then no more than before. */
	send_text(t.alice, t.bob, "0");
	assert_int_equal(account_set_cover(t.alice->account, 0, &err), 0);
	rig_run(t.rig, 1000);
	assert_int_equal(t.bob->got, 1);
	watched->writes = 0;
	rig_run(t.rig, 600000);
	assert_in_range(watched->writes, 2, 20);
	watched->on = false;

	/* A goodbye is said while nothing waits; else the session just ends. */
	assert_int_equal(account_set_cover(t.alice->account, 30000, &err), 0);
	send_text(t.alice, t.bob, "1");
	node_stop(t.alice);
	rig_run(t.rig, 1000);
	assert_int_equal(seen(t.bob, t.alice)->show, SHOW_OFFLINE);
	assert_int_equal(seen(t.carol, t.alice)->show, SHOW_OFFLINE);
	node_kill(t.alice);
	node_reopen(t.alice);
	assert_int_equal(account_cover(t.alice->account), 30000);
	assert_int_equal(account_set_cover(t.alice->account, 50, &err), 0);
	node_start(t.alice);
	rig_link(t.alice, t.bob, 600000);
	rig_run(t.rig, 10000);
	assert_int_equal(t.bob->got, 2);
	assert_int_equal(t.bob->wrong, 0);
	fake_net_watch(t.rig->net, NULL, NULL);
	free(watched);
	rig_free(&t.rig);
}

/* --- steady --- */

struct traffic {
	unsigned writes;  /* to the contact that is there */
	unsigned changes; /* of state: by lookups and publications for the one that never comes */
	unsigned dials, services;
};

/* Twelve hours of an account; with or without a client that is shown and takes its messages. */
static struct traffic watch_steady(uint64_t seed, bool client)
{
	struct rig *rig = rig_new(seed);
	struct node_rig *alice = rig_node(rig, "alice"), *bob = rig_node(rig, "bob");
	struct node_rig *never = rig_node(rig, "never");
	struct watched *watched = calloc(1, sizeof(*watched));
	const struct status none = {.show = SHOW_OFFLINE};
	struct traffic traffic = {0};

	assert_non_null(watched);
	watched->clock = rig->clock;
	fake_net_watch(rig->net, on_write, watched);
	rig_pair(alice, bob);
	rig_pair(alice, never);
	alice->refuse = !client;
	node_start(alice);
	if (!client)
		assert_int_equal(account_set_status(alice->account, &none), 0);
	node_start(bob);
	rig_link(alice, bob, 120000);
	rig_run(rig, 60000);
	watched->on = true;
	traffic.changes = alice->states;
	for (unsigned i = 0; i < 24; i++) {
		node_send(bob, alice, i, 1);
		rig_run(rig, 1800000);
	}
	watched->on = false;
	assert_int_equal(bob->acked, 24);
	assert_int_equal(alice->got, client ? 24 : 0);
	traffic.writes = watched->writes;
	traffic.changes = alice->states - traffic.changes;
	traffic.dials = fake_host_dials(alice->host);
	traffic.services = fake_host_services_made(alice->host);
	fake_net_watch(rig->net, NULL, NULL);
	free(watched);
	rig_free(&rig);
	return traffic;
}

/* Whether somebody sits at the keyboard does not show while they say nothing. */
static void a_client_does_not_show_in_steady(void **state)
{
	struct traffic with = {0}, without = {0};

	(void)state;
	for (unsigned seed = 0; seed < 4; seed++) {
		struct traffic one = watch_steady(20 + seed, true);
		struct traffic other = watch_steady(30 + seed, false);
		with.writes += one.writes;
		with.changes += one.changes;
		without.writes += other.writes;
		without.changes += other.changes;
		assert_int_equal(one.services, other.services);
		assert_in_range(one.dials, 0, 1);
		assert_in_range(other.dials, 0, 1);
	}
	/* About 360 renewals and 24 acknowledgements in each. */
	assert_in_range(with.writes, 4 * 350, 4 * 420);
	assert_in_range(without.writes, with.writes - 60, with.writes + 60);
	assert_true(with.changes > 4 * 150);
	assert_in_range(without.changes, with.changes * 95 / 100, with.changes * 105 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_contact_sees_another_status),
	    cmocka_unit_test(talk_does_not_show_under_cover),
	    cmocka_unit_test(cover_is_kept_and_ended),
	    cmocka_unit_test(a_client_does_not_show_in_steady),
	    cmocka_unit_test(a_waiting_message_is_taken_back),
	    cmocka_unit_test(a_message_that_may_have_come_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
