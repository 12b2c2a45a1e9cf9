/*
 * Tests of bridge_mode.c, bridge_presence.c, bridge_shown.c: who sees what of the user.
 */
#include "tests/unit/told_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STATE "<composing xmlns='http://jabber.org/protocol/chatstates'/>"

/* --- presence modes --- */

static void modes(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	struct err err;

	assert_int_equal(account_visibility(ann->account), ACCOUNT_SHOWN);
	assert_int_equal(bridge_set_mode(ann->bridge, ann->account, "never", &err), -1);
	assert_int_equal(bridge_set_mode(ann->bridge, ann->account, "follow", &err), 0);
	assert_int_equal(account_visibility(ann->account), ACCOUNT_DARK);
	set_presence(ann, true);
	assert_int_equal(account_visibility(ann->account), ACCOUNT_SHOWN);
	host->invisible(ann->bridge, "ann", true);
	assert_int_equal(account_visibility(ann->account), ACCOUNT_HIDDEN);
	host->invisible(ann->bridge, "ann", false);
	assert_int_equal(account_visibility(ann->account), ACCOUNT_SHOWN);
	set_presence(ann, false);
	assert_int_equal(account_visibility(ann->account), ACCOUNT_DARK);
	assert_int_equal(bridge_set_mode(ann->bridge, ann->account, "steady", &err), 0);
	assert_int_equal(account_visibility(ann->account), ACCOUNT_SHOWN);
}

static void invisible(void **state)
{
	static const char *const silent[] = {
	    "<message xmlns='jabber:client' type='chat'>"
	    "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
	    "<message xmlns='jabber:client' id='r'>"
	    "<received xmlns='urn:xmpp:receipts' id='x'/></message>",
	    "<message xmlns='jabber:client' id='r'>"
	    "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/></message>"};
	struct world *world = *state;
	struct side *ann = &world->ann, *ben = &world->ben;
	struct err err;

	become_contacts(world);
	ben->server->takers = 1;
	set_presence(ann, true);
	fake_clock_run(world->clock, MINUTE_MS);
	forget_told(ben);
	host->invisible(ann->bridge, "ann", true);
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ben, "presence ben gone '' '' 0\n");
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		assert_int_equal(say(ann, id_of(ben), silent[i], &err), 0);
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ben, "");
	host->invisible(ann->bridge, "ann", false);
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ben, "presence ben there '' '' 0\n");
	/* To ben alone. */
	host->directed(ann->bridge, "ann", id_of(ben),
		       &(struct server_presence){.show = "", .status = "bye"});
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ben, "presence ben gone '' 'bye' 0\n");
	host->directed(ann->bridge, "ann", id_of(ben), NULL);
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ben, "presence ben there '' '' 0\n");
}

/* --- presence --- */

static void presence_words(void **state)
{
	static const struct {
		struct server_presence in;
		enum show show;
		const char *want;
	} cases[] = {
	    {{true, "", "", 0}, SHOW_AVAILABLE, ""},     {{true, "chat", "", 0}, SHOW_CHAT, "chat"},
	    {{true, "away", "", 0}, SHOW_AWAY, "away"},  {{true, "dnd", "", 0}, SHOW_DND, "dnd"},
	    {{true, "xa", "", 0}, SHOW_XA, "xa"},        {{true, "odd", "", 0}, SHOW_AVAILABLE, ""},
	    {{true, NULL, NULL, 0}, SHOW_AVAILABLE, ""}, {{false, "away", "", 0}, SHOW_OFFLINE, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server_presence out;
		struct status status;

		status_of_presence(&cases[i].in, &status);
		assert_int_equal(status.show, cases[i].show);
		presence_of_status(&status, &out);
		assert_int_equal(out.available, cases[i].in.available);
		assert_string_equal(out.show, cases[i].want);
	}
}

static void presence_limits(void **state)
{
	struct server_presence presence = {.available = true, .show = "", .priority = 1000};
	struct status status;
	char text[STATUS_TEXT_MAX + 8];

	(void)state;
	memset(text, 'a', sizeof(text));
	/* A character of two bytes stands across the limit. */
	text[STATUS_TEXT_MAX - 1] = '\xc3';
	text[STATUS_TEXT_MAX] = '\xa4';
	text[sizeof(text) - 1] = '\0';
	presence.status = text;
	status_of_presence(&presence, &status);
	assert_int_equal(status.priority, 127);
	assert_int_equal(strlen(status.text), STATUS_TEXT_MAX - 1);
	presence.priority = -1000;
	status_of_presence(&presence, &status);
	assert_int_equal(status.priority, -128);
}

static void presence_travels(void **state)
{
	static const struct server_presence away = {true, "away", "lunch", 5};
	static const struct server_presence gone = {false, "", "", 0};
	struct world *world = *state;
	struct server_presence seen;

	become_contacts(world);
	host->presence(world->ann.bridge, "ann", &away);
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(&world->ben, "presence ben there 'away' 'lunch' 5\n");
	host->contact_presence(world->ben.bridge, "ben", id_of(&world->ann), &seen);
	assert_true(seen.available);
	assert_string_equal(seen.show, "away");
	/* The client goes, the daemon stays linked. */
	host->presence(world->ann.bridge, "ann", &gone);
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(&world->ben, "presence ben gone '' '' 0\n");
	assert_int_equal(contact_state(contact_find(world->ben.account, id_of(&world->ann))),
			 CONTACT_LINKED);
	/* A stranger is not there. */
	host->contact_presence(world->ben.bridge, "ben", id_of(&world->ben), &seen);
	assert_false(seen.available);
	host->presence(world->ann.bridge, "nobody", &away);
}

/* --- what one contact is shown --- */

static void shown_to_one(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann, *ben = &world->ben;
	const char *form[] = {"contact", "Ben", "show", "offline", NULL};
	const char *wrong[] = {"contact", "Ben", "show", "asleep", NULL};
	struct contact *contact;
	const char *word;
	struct err err;

	become_contacts(world);
	contact = contact_find(ann->account, id_of(ben));
	set_presence(ann, true);
	fake_clock_run(world->clock, MINUTE_MS);
	forget_told(ben);
	assert_int_equal(bridge_contact_shown(contact, &word, &err), 0);
	assert_string_equal(word, "same");
	assert_true(command(ann, "show", wrong).error);
	assert_false(command(ann, "show", form).error);
	assert_int_equal(bridge_contact_shown(contact, &word, &err), 0);
	assert_string_equal(word, "offline");
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ben, "presence ben gone '' '' 0\n");
	/* Nor is it given away otherwise. */
	ben->server->takers = 1;
	assert_int_equal(say(ann, id_of(ben), FROM_ANN("1", STATE), &err), 0);
	assert_int_equal(contact_outbox(contact), 0);
	/* Directed presence goes before it as long as it lasts. */
	host->directed(ann->bridge, "ann", id_of(ben),
		       &(struct server_presence){.available = true, .show = "dnd", .status = ""});
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ben, "presence ben there 'dnd' '' 0\n");
	host->directed(ann->bridge, "ann", id_of(ben), NULL);
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ben, "presence ben gone '' '' 0\n");
	/* As after a restart. */
	contact_show(contact, NULL);
	bridge_set_engine(ann->bridge, ann->engine);
	assert_int_equal(contact_shown(contact)->show, SHOW_OFFLINE);
	assert_int_equal(bridge_contact_show(ann->bridge, contact, "same", &err), 0);
	assert_null(contact_shown(contact));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TOLD_TEST(modes),           TOLD_TEST(invisible),        TOLD_TEST(presence_words),
	    TOLD_TEST(presence_limits), TOLD_TEST(presence_travels), TOLD_TEST(shown_to_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
