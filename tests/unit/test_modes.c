/* Tests of the ways to be present: what each contact is shown, and taking messages back. */
#include "tests/unit/engine_rig.h"

#include <setjmp.h>
#include <stdarg.h>
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
	rig_run(t.rig, 2000);
	assert_int_equal(cancel(t.alice, t.bob, first), ERR_NOT_FOUND);
	assert_int_equal(cancel(t.alice, t.bob, 0), ERR_NOT_FOUND);
	assert_int_equal(cancel(t.alice, t.bob, UINT64_MAX), ERR_NOT_FOUND);

	node_stop(t.bob);
	rig_run(t.rig, 2000);
	first = send_text(t.alice, t.bob, "1");
	second = send_text(t.alice, t.bob, "2");
	third = send_text(t.alice, t.bob, "2");
	assert_int_equal(cancel(t.alice, t.bob, second), ERR_NONE);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_contact_sees_another_status),
	    cmocka_unit_test(a_waiting_message_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
