/*
 * Tests of bridge_archive.c, bridge_archive_settings.c, bridge_archive_query.c.
 */
#include "component/bridge_archive.h"
#include "tests/unit/told_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RETRACT_1(id) "<retract xmlns='urn:xmpp:message-retract:1' id='" id "'/>"
static void see_archived(void *arg, struct archive_message *message)
{
	struct buf *seen = arg;

	buf_printf(seen, "%s ", message->id + STANZA_ID_CONTACT);
	xml_write(message->message, "jabber:client", seen);
	buf_add(seen, "\n", 1);
}

/* All of the side's archive; the caller frees it. */
static struct buf archived(const struct side *side)
{
	const struct archive_query query = {
	    .start_ms = INT64_MIN, .end_ms = INT64_MAX, .max = ARCHIVE_PAGE_MAX};
	struct archive_result result;
	struct buf seen;
	struct err err = {0};

	buf_init(&seen, 1 << 20);
	if (bridge_server_host(side->bridge)
		->archive->query(side->bridge, side->user, &query, see_archived, &seen, &result,
				 &err))
		fail_msg("%s", err.text);
	return seen;
}

static void assert_archived(const struct side *side, const char *text, bool expected)
{
	struct buf seen = archived(side);

	if ((strstr(buf_text(&seen), text) != NULL) != expected)
		fail_msg("%s: %s%s", text, expected ? "is not in: " : "is in: ", buf_text(&seen));
	buf_free(&seen);
}

static void set_archive(struct side *side, unsigned days, bool keep_removed)
{
	struct archive_settings settings;
	struct err err = {0};

	assert_int_equal(bridge_archive_settings(side->bridge, side->user, &settings, &err), 0);
	settings.days = days;
	settings.keep_removed = keep_removed;
	settings.prefs.preset = ARCHIVE_ALWAYS;
	if (bridge_archive_set(side->bridge, side->user, &settings, &err))
		fail_msg("%s", err.text);
	archive_prefs_free(&settings.prefs);
}

static void first_id(void *arg, struct archive_message *message)
{
	char *id = arg;

	if (!*id)
		snprintf(id, ARCHIVE_ID_MAX + 1, "%s", message->id);
}

static int keep(struct side *side, const char *text, char id[ARCHIVE_ID_MAX + 1])
{
	struct xml *stanza = message(text);
	struct err err;
	int result = bridge_archive_host.keep(side->bridge, side->user, stanza, id, &err);

	xml_free(&stanza);
	return result;
}

#define TO_OWN(id, more)                                                                           \
	"<message xmlns='jabber:client' to='ann@localhost' from='ann@localhost/home' type='chat' " \
	"id='" id "'>" more "</message>"

/* What a user tells the own account. */
static void own_are_archived(void **state)
{
	struct archive_query query = {
	    .start_ms = INT64_MIN, .end_ms = INT64_MAX, .max = 9, .contact = ARCHIVE_OWN};
	struct world *world = *state;
	struct side *ann = &world->ann;
	char one[ARCHIVE_ID_MAX + 1], two[ARCHIVE_ID_MAX + 1], first[ARCHIVE_ID_MAX + 1] = "";
	struct archive_result result;
	struct err err = {0};

	become_contacts(world);
	assert_int_equal(keep(ann, TO_OWN("1", "<body>one</body>"), one), 0);
	side_keep_local(ann);
	assert_int_equal(say(ann, id_of(&world->ben), FROM_ANN("0", "<body>ben</body>"), &err), 0);
	assert_int_equal(keep(ann, TO_OWN("1", "<body>one</body>"), one), 1);
	assert_int_equal(keep(ann, TO_OWN("2", "<body>two</body>"), two), 1);
	assert_string_not_equal(one, two);
	assert_memory_equal(one, id_of(ann), STANZA_ID_CONTACT);
	assert_int_equal(
	    keep(ann, TO_OWN("3", "<active xmlns='http://jabber.org/protocol/chatstates'/>"), two),
	    0);
	assert_int_equal(
	    bridge_archive_host.query(ann->bridge, "ann", &query, first_id, first, &result, &err),
	    0);
	assert_int_equal(result.count, 2);
	assert_string_equal(first, one);
	/* One's own can be retracted, too. */
	assert_int_equal(keep(ann, TO_OWN("4", RETRACT_1("1")), two), 1);
	assert_archived(ann, "<body>one</body>", false);
	assert_archived(ann, "<body>two</body>", true);
	assert_archived(ann, "<body>ben</body>", true);
	set_archive(ann, 1, false);
	fake_clock_run(world->clock, 26 * 60 * MINUTE_MS);
	assert_archived(ann, "<body>two</body>", false);
}

/* Where the page begins among all (XEP-0059 section 2.6). */
static void assert_index(const struct side *side, struct archive_query query, uint64_t expected)
{
	struct archive_result result;
	struct buf seen;
	struct err err = {0};

	buf_init(&seen, 1 << 20);
	if (bridge_archive_host.query(side->bridge, side->user, &query, see_archived, &seen,
				      &result, &err))
		fail_msg("%s", err.text);
	assert_int_equal(result.index, expected);
	assert_int_equal(result.count, 3);
	buf_free(&seen);
}

static void pages_have_places(void **state)
{
	struct archive_query query = {.start_ms = INT64_MIN, .end_ms = INT64_MAX, .max = 1};
	struct world *world = *state;
	struct side *ann = &world->ann;
	char first[ARCHIVE_ID_MAX + 1] = "";
	struct archive_result result;
	struct err err = {0};

	become_contacts(world);
	side_keep_local(ann);
	assert_int_equal(say(ann, id_of(&world->ben), FROM_ANN("1", "<body>1</body>"), &err), 0);
	assert_int_equal(say(ann, id_of(&world->ben), FROM_ANN("2", "<body>2</body>"), &err), 0);
	assert_int_equal(say(ann, id_of(&world->ben), FROM_ANN("3", "<body>3</body>"), &err), 0);
	assert_int_equal(
	    bridge_archive_host.query(ann->bridge, "ann", &query, first_id, first, &result, &err),
	    0);
	assert_index(ann, query, 0);
	query.skip = 2;
	assert_index(ann, query, 2);
	query.skip = 0;
	query.after = first;
	assert_index(ann, query, 1);
	query.after = NULL;
	query.last = true;
	assert_index(ann, query, 2);
	query.max = 2;
	assert_index(ann, query, 1);
}

static void messages_are_archived(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann, *ben = &world->ben;
	const char *id = id_of(ben);
	const char *wrong[] = {"do", "on", "days", "many", NULL};
	const char *off[] = {"do", "off", "days", "", NULL};
	const char *purge[] = {"do", "purge", "days", "30", NULL};
	struct contact *contact;
	struct err err = {0};

	become_contacts(world);
	side_keep_local(ann);
	side_keep_local(ben);
	assert_int_equal(say(ann, id, FROM_ANN("m1", "<body>one</body>"), &err), 0);
	assert_int_equal(say(ann, id, FROM_ANN("m2", "<body>two</body>"), &err), 0);
	assert_int_equal(say(ann, id,
			     FROM_ANN("m3", "<body>2</body><replace "
					    "xmlns='urn:xmpp:message-correct:0' id='m2'/>"),
			     &err),
			 0);
	assert_int_equal(
	    say(ann, id, FROM_ANN("m4", "<body>no</body><no-store xmlns='urn:xmpp:hints'/>"), &err),
	    0);
	/* Nobody is there at first: it is archived, and once only when it is delivered later. */
	fake_clock_run(world->clock, MINUTE_MS);
	ben->server->takers = 1;
	host->ready(ben->bridge, "ben");
	fake_clock_run(world->clock, MINUTE_MS);
	for (int side = 0; side < 2; side++) {
		assert_archived(side ? ben : ann, "<body>one</body>", true);
		assert_archived(side ? ben : ann, "<body>two</body>", true);
		assert_archived(side ? ben : ann, "<body>no</body>", false);
	}
	assert_archived(ben, "to='ben@localhost'", true);
	assert_archived(ben, "<stanza-id xmlns='urn:xmpp:sid:0' by='ben@localhost'", true);
	/* A retraction leaves a tombstone, and nothing of the correction. */
	assert_int_equal(say(ann, id, FROM_ANN("r1", RETRACT_1("m2")), &err), 0);
	fake_clock_run(world->clock, MINUTE_MS);
	for (int side = 0; side < 2; side++) {
		assert_archived(side ? ben : ann, "<body>two</body>", false);
		assert_archived(side ? ben : ann, "<body>2</body>", false);
		assert_archived(side ? ben : ann, "<retracted", true);
		assert_archived(side ? ben : ann, "<body>one</body>", true);
	}
	/* Off, on one side only. */
	assert_true(command(ann, "archive", wrong).error);
	assert_false(command(ann, "archive", off).error);
	assert_int_equal(say(ann, id, FROM_ANN("m5", "<body>five</body>"), &err), 0);
	fake_clock_run(world->clock, MINUTE_MS);
	assert_archived(ann, "<body>five</body>", false);
	assert_archived(ben, "<body>five</body>", true);
	/* Old ones are erased by and by. */
	set_archive(ben, 1, true);
	fake_clock_run(world->clock, 23 * 60 * MINUTE_MS);
	assert_archived(ben, "<body>one</body>", true);
	fake_clock_run(world->clock, 3 * 60 * MINUTE_MS);
	assert_archived(ben, "<body>one</body>", false);
	assert_int_equal(say(ann, id, FROM_ANN("m6", "<body>six</body>"), &err), 0);
	fake_clock_run(world->clock, MINUTE_MS);
	assert_archived(ben, "<body>six</body>", true);
	assert_false(command(ben, "archive", purge).error);
	assert_archived(ben, "message", false);
	/* With a contact its messages go, unless they are to stay. */
	assert_archived(ann, "<body>one</body>", true);
	contact = contact_find(ann->account, id);
	assert_int_equal(bridge_contact_remove(ann->bridge, &contact, &err), 0);
	assert_archived(ann, "message", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TOLD_TEST(messages_are_archived),
	    TOLD_TEST(pages_have_places),
	    TOLD_TEST(own_are_archived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
