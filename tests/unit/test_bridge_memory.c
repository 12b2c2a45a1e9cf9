/*
 * Tests of the bridge when memory is short: each allocation of ours fails in turn. What was said to
 * be done is done, what was not can be done again, and a message is with one of the two or under
 * way at any time.
 */
#include "tests/unit/fail_malloc.h"
#include "tests/unit/told_server.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* OpenSSL does not tell why it refuses; that can look like a wrong id. */
static void assert_clear(long n, const struct err *err)
{
	if (err->code != ERR_MEMORY && err->code != ERR_CRYPTO && !strstr(err->text, "the id") &&
	    !strstr(err->text, "malformed row"))
		fail_msg("allocation %ld: %s: %s", n, err_code_name(err->code), err->text);
}

/* --- messages --- */

/* How often each number of messages was delivered to the side; forgets it. */
static void count_bodies(struct side *side, unsigned *counts, unsigned size)
{
	const char *at = buf_text(&side->server->told);

	while ((at = strstr(at, "<body>"))) {
		unsigned long number = strtoul(at + strlen("<body>"), NULL, 10);

		assert_true(number < size);
		counts[number]++;
		at++;
	}
	forget_told(side);
}

/* In words that take an allocation each, to and fro. */
static struct xml *numbered(unsigned number)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "<message xmlns='jabber:client' to='x@localhost' from='ann@localhost/home' "
		 "type='chat' id='m%u'><body>%u</body>"
		 "<request xmlns='urn:xmpp:receipts'/>"
		 "<origin-id xmlns='urn:xmpp:sid:0' id='o%u'/></message>",
		 number, number, number);
	return message(text);
}

#define NUMBERS_MAX 500
/* More allocations than any one command makes. */
#define COMMAND_TRIES_MAX 5000

/* What the bridge has taken comes; what it has not does not. */
static void messages_that_leave(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	unsigned counts[NUMBERS_MAX] = {0};
	bool taken[NUMBERS_MAX] = {false}, failed = true;
	unsigned n;

	become_contacts(world);
	side_keep_local(ann);
	for (n = 0; failed; n++) {
		struct xml *stanza = numbered(n);
		struct err err = {0};

		assert_true(n < NUMBERS_MAX);
		fail_malloc_arm(n);
		taken[n] =
		    host->message(ann->bridge, "ann", id_of(&world->ben), stanza, NULL, &err) == 0;
		failed = fail_malloc_disarm();
		assert_true(taken[n] || failed);
		if (!taken[n])
			assert_clear(n, &err);
		xml_free(&stanza);
	}
	assert_true(n > 10);
	world->ben.server->takers = 1;
	fake_clock_run(world->clock, MINUTE_MS);
	count_bodies(&world->ben, counts, NUMBERS_MAX);
	for (unsigned i = 0; i < n; i++)
		if (counts[i] != taken[i])
			fail_msg("allocation %u: taken %d, delivered %u times", i, taken[i],
				 counts[i]);
}

/* A message that comes is delivered, or left to be delivered later; never lost, never broken. */
static void messages_that_come(void **state)
{
	struct world *world = *state;
	struct side *ben = &world->ben;
	const struct contact *contact;
	bool failed = true;
	unsigned n;

	become_contacts(world);
	side_keep_local(ben);
	ben->server->takers = 1;
	contact = side_contact(ben, &world->ann);
	for (n = 0; failed; n++) {
		struct buf payload;
		char text[512];
		enum reception reception;

		snprintf(text, sizeof(text),
			 "<message xmlns='jabber:client' type='chat' id='m%u'><body>%u</body>"
			 "<request xmlns='urn:xmpp:receipts'/></message>",
			 n, n);
		buf_init(&payload, 1024);
		buf_add_text(&payload, text);
		fail_malloc_arm(n);
		reception =
		    bridge_contact_message(ben->bridge, (struct contact *)(uintptr_t)contact, n + 1,
					   payload.data, payload.len, 0);
		failed = fail_malloc_disarm();
		buf_free(&payload);
		if (reception == MESSAGE_HELD) {
			snprintf(text, sizeof(text), "<body>%u</body>", n);
			assert_non_null(strstr(buf_text(&ben->server->told), text));
			assert_non_null(strstr(buf_text(&ben->server->told), "stanza-id"));
			assert_non_null(strstr(buf_text(&ben->server->told), "from="));
		} else if (reception != MESSAGE_REFUSED || !failed) {
			fail_msg("allocation %u: %d", n, reception);
		}
		forget_told(ben);
	}
	assert_true(n > 10);
}

/* --- people --- */

/* Done, or not done with an error; what was not done can be done again. */
static void roster(void **state)
{
	static const char *const groups[] = {"friends", "choir", NULL};
	struct world *world = *state;
	struct side *ann = &world->ann;
	const char *ben = id_of(&world->ben);
	bool failed = true;
	struct err err = {0};

	side_keep_local(ann);
	for (long n = 0; failed; n++) {
		int result;

		err = (struct err){0};
		fail_malloc_arm(n);
		result = host->roster_set(ann->bridge, "ann", ben, "Ben", groups, &err);
		failed = fail_malloc_disarm();
		assert_true(result == 0 || failed);
		if (result)
			assert_clear(n, &err);
		else
			assert_non_null(side_contact(ann, &world->ben));
		if (side_contact(ann, &world->ben))
			assert_int_equal(host->roster_remove(ann->bridge, "ann", ben, &err), 0);
	}
	failed = true;
	for (long n = 0; failed; n++) {
		int result;

		assert_int_equal(host->roster_set(ann->bridge, "ann", ben, "Ben", groups, &err), 0);
		err = (struct err){0};
		fail_malloc_arm(n);
		result = host->roster_remove(ann->bridge, "ann", ben, &err);
		failed = fail_malloc_disarm();
		assert_int_equal(result == 0, side_contact(ann, &world->ben) == NULL);
		if (result)
			assert_clear(n, &err);
	}
}

static void see_presence(struct side *side, const char *user, bool available)
{
	const struct server_presence presence = {.available = available, .show = "", .status = ""};

	host->presence(side->bridge, user, &presence);
}

/* Nobody is shown who follows a client that is not there; the next presence is as good as ever. */
static void presence(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	bool failed = true;
	struct err err;

	become_contacts(world);
	see_presence(ann, "ann", true);
	assert_int_equal(bridge_set_mode(ann->bridge, ann->account, "follow", &err), 0);
	for (long n = 0; failed; n++) {
		see_presence(ann, "ann", true);
		assert_int_equal(account_visibility(ann->account), ACCOUNT_SHOWN);
		fail_malloc_arm(n);
		see_presence(ann, "ann", false);
		failed = fail_malloc_disarm();
		assert_int_equal(account_visibility(ann->account), ACCOUNT_DARK);
	}
}

/* One who is shown nothing stays so when that cannot be read. */
static void hidden(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	struct contact *ben;
	bool failed = true;
	struct err err;

	become_contacts(world);
	ben = side_contact(ann, &world->ben);
	see_presence(ann, "ann", true);
	assert_int_equal(bridge_contact_show(ann->bridge, ben, "offline", &err), 0);
	for (long n = 0; failed; n++) {
		fail_malloc_arm(n);
		bridge_shown_apply(ann->account);
		failed = fail_malloc_disarm();
		assert_true(bridge_hides_from(ben));
	}
	/* Nor when a client of the user's goes that had said otherwise. */
	failed = true;
	for (long n = 0; failed; n++) {
		fail_malloc_arm(n);
		host->directed(ann->bridge, "ann", id_of(&world->ben), NULL);
		failed = fail_malloc_disarm();
		assert_true(bridge_hides_from(ben));
	}
}

/* Each of a client's commands, which all answer; the next one is as good as the first. */
static void commands(void **state)
{
	const char *form[] = {"contact",  "Ben", "show", "dnd", "mode", "steady",
			      "days",     "7",   "name", "Ann", "lift", "0",
			      "verified", "1",   "link", "x",   NULL};
	struct world *world = *state;
	struct side *ann = &world->ann;

	become_contacts(world);
	side_keep_local(ann);
	for (const struct server_command *c = host->commands; c->node; c++) {
		struct answer answer;
		bool failed = true;
		long n;

		for (n = 0; failed && n < COMMAND_TRIES_MAX; n++) {
			fail_malloc_arm(n);
			answer = command(ann, c->node, form);
			failed = fail_malloc_disarm();
			if (!answer.error && !answer.note[0] && !answer.value[0])
				fail_msg("%s, allocation %ld: no answer", c->node, n);
		}
		assert_false(failed);
	}
	/* It is still an account that works. */
	assert_non_null(strstr(command(ann, "id", NULL).value, id_of(ann)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TOLD_TEST(messages_that_leave),
	    TOLD_TEST(messages_that_come),
	    TOLD_TEST(roster),
	    TOLD_TEST(presence),
	    TOLD_TEST(hidden),
	    TOLD_TEST(commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
