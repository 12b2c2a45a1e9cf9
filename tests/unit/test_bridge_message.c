/*
 * Tests of bridge_message.c and bridge_outbox.c: messages both ways.
 */
#include "tests/unit/told_server.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STATE "<composing xmlns='http://jabber.org/protocol/chatstates'/>"

static void message_travels(void **state)
{
	struct world *world = *state;
	char want[512];
	struct err err;

	become_contacts(world);
	world->ben.server->takers = 1;
	assert_int_equal(say(&world->ann, id_of(&world->ben),
			     FROM_ANN("m1", "<body>hi</body><delay xmlns='urn:xmpp:delay'/>"),
			     &err),
			 0);
	fake_clock_run(world->clock, 10 * 1000);
	snprintf(want, sizeof(want),
		 "deliver ben <message xmlns='jabber:client' type='chat' id='m1' "
		 "from='%s@localhost/tacet'><body>hi</body>"
		 "<stanza-id xmlns='urn:xmpp:sid:0' by='ben@localhost' id='%.16s-%016" PRIx64
		 "'/></message>\n",
		 id_of(&world->ann), id_of(&world->ann), world->ben.server->token);
	expect_told(&world->ben, want);
	/* Delivered once. */
	host->ready(world->ben.bridge, "ben");
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(&world->ben, "");
	/* A word about what is not there is harmless. */
	host->arrived(world->ben.bridge, "ben", id_of(&world->ann), world->ben.server->token + 1);
	host->arrived(world->ben.bridge, "ben", id_of(&world->ben), world->ben.server->token);
	host->arrived(world->ben.bridge, "ben", id_of(&world->ann), world->ben.server->token);
	host->arrived(world->ben.bridge, "ben", id_of(&world->ann), world->ben.server->token);
	host->ready(world->ben.bridge, "ben");
	expect_told(&world->ben, "");
}

static void count_marks(void *arg, const uint8_t *mark)
{
	unsigned *count = arg;

	assert_int_equal(mark[SERVER_MARK_LEN - 1], 7);
	(*count)++;
}

/* Only what may be said again and is kept has a mark. */
static void marks(void **state)
{
	struct world *world = *state;
	const uint8_t mark[SERVER_MARK_LEN] = {[SERVER_MARK_LEN - 1] = 7};
	struct xml *lasting = message(FROM_ANN("m1", "<body>hi</body>"));
	struct xml *transient =
	    message(FROM_ANN("m2", "<active xmlns='http://jabber.org/protocol/chatstates'/>"));
	struct bridge *ann = world->ann.bridge;
	unsigned count = 0;
	struct err err;

	become_contacts(world);
	assert_int_equal(host->message(ann, "ann", id_of(&world->ben), lasting, mark, &err), 0);
	assert_int_equal(host->message(ann, "ann", id_of(&world->ben), lasting, NULL, &err), 0);
	assert_int_equal(host->message(ann, "ann", id_of(&world->ben), transient, mark, &err), 0);
	assert_int_equal(host->message(ann, "ann", id_of(&world->ann), lasting, mark, &err), -1);
	assert_int_equal(host->flush(ann, &err), 0);
	host->marks(ann, "ann", count_marks, &count);
	host->marks(ann, "nobody", count_marks, &count);
	assert_int_equal(count, 1);
	xml_free(&lasting);
	xml_free(&transient);
}

static void message_waits(void **state)
{
	struct world *world = *state;
	struct err err;

	become_contacts(world);
	assert_int_equal(
	    say(&world->ann, id_of(&world->ben), FROM_ANN("m1", "<body>hi</body>"), &err), 0);
	fake_clock_run(world->clock, 10 * MINUTE_MS);
	forget_told(&world->ben);
	world->ben.server->takers = 1;
	host->ready(world->ben.bridge, "ben");
	fake_clock_run(world->clock, MINUTE_MS);
	assert_non_null(strstr(buf_text(&world->ben.server->told), "<body>hi</body>"));
	/* 5 min to be linked; then it was sent. */
	assert_non_null(strstr(buf_text(&world->ben.server->told),
			       "<delay xmlns='urn:xmpp:delay' from='localhost' "
			       "stamp='2026-01-01T00:05:00Z'/>"));
	forget_told(&world->ben);
	host->ready(world->ben.bridge, "ben");
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(&world->ben, "");
}

/* The stamp is the receiver's system clock, however wrong, since its client goes by it. */
static void stamp_by_own_clock(void **state)
{
	struct world *world = *state;
	struct err err;

	become_contacts(world);
	assert_int_equal(
	    say(&world->ann, id_of(&world->ben), FROM_ANN("m1", "<body>hi</body>"), &err), 0);
	fake_clock_run(world->clock, 10 * MINUTE_MS);
	fake_env_jump(world->ben.fake, -3600 * 1000);
	engine_set_clock_offset(world->ben.engine, 3600 * 1000);
	forget_told(&world->ben);
	world->ben.server->takers = 1;
	host->ready(world->ben.bridge, "ben");
	fake_clock_run(world->clock, MINUTE_MS);
	assert_non_null(strstr(buf_text(&world->ben.server->told), "stamp='2025-12-31T23:05:00Z'"));
}

static void chat_states(void **state)
{
	struct world *world = *state;
	struct contact *ben;
	struct err err;

	/* Not linked: gone. */
	assert_int_equal(host->subscribe(world->ann.bridge, "ann", id_of(&world->ben), &err), 0);
	ben = contact_find(world->ann.account, id_of(&world->ben));
	assert_int_equal(say(&world->ann, id_of(&world->ben), FROM_ANN("1", STATE), &err), 0);
	assert_int_equal(contact_outbox(ben), 0);
	assert_int_equal(
	    say(&world->ann, id_of(&world->ben), FROM_ANN("2", "<body>a</body>"), &err), 0);
	assert_int_equal(contact_outbox(ben), 1);
	/* Linked: it comes, but does not wait for a client. */
	assert_int_equal(host->subscribe(world->ben.bridge, "ben", id_of(&world->ann), &err), 0);
	world->ben.server->takers = 1;
	fake_clock_run(world->clock, LINK_MS);
	assert_int_equal(contact_outbox(ben), 0);
	world->ben.server->takers = 0;
	forget_told(&world->ben);
	assert_int_equal(say(&world->ann, id_of(&world->ben), FROM_ANN("3", STATE), &err), 0);
	fake_clock_run(world->clock, MINUTE_MS);
	assert_non_null(strstr(buf_text(&world->ben.server->told), "composing"));
	forget_told(&world->ben);
	world->ben.server->takers = 1;
	host->ready(world->ben.bridge, "ben");
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(&world->ben, "");
}

static void message_refusals(void **state)
{
	struct world *world = *state;
	char *text = calloc(1, PAYLOAD_MAX + 512);
	struct err err;

	assert_int_equal(
	    say(&world->ann, id_of(&world->ben), FROM_ANN("1", "<body>a</body>"), &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(say(&world->ann, "ben", FROM_ANN("1", "<body>a</body>"), &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(host->subscribe(world->ann.bridge, "ann", id_of(&world->ben), &err), 0);
	strcpy(text, "<message xmlns='jabber:client'><body>");
	memset(text + strlen(text), 'a', PAYLOAD_MAX);
	strcat(text, "</body></message>");
	assert_int_equal(say(&world->ann, id_of(&world->ben), text, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_true(strlen(err.text) > 0);
	free(text);
}

static void rejected_by_contact(void **state)
{
	struct world *world = *state;
	const struct engine_handler *handler = bridge_engine_handler();
	struct side *ann = &world->ann;
	struct contact *ben;
	char want[640];
	struct err err;

	assert_int_equal(host->subscribe(ann->bridge, "ann", id_of(&world->ben), &err), 0);
	ben = contact_find(ann->account, id_of(&world->ben));
	assert_int_equal(say(ann, id_of(&world->ben), FROM_ANN("m1", "<body>a</body>"), &err), 0);
	forget_told(ann);
	/* One that nobody remembers. */
	handler->delivered(ann->bridge, ben, ann->bridge->sent[0].token + 1, DELIVERY_REJECTED,
			   "no");
	expect_told(ann, "");
	handler->delivered(ann->bridge, ben, ann->bridge->sent[0].token, DELIVERY_REJECTED,
			   "too <big>");
	snprintf(
	    want, sizeof(want),
	    "deliver ann <message xmlns='jabber:client' type='error' from='%s@localhost/tacet' "
	    "to='ann@localhost/home' id='m1'><error type='modify'>"
	    "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
	    "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>too &lt;big&gt;</text>"
	    "</error></message>\n",
	    id_of(&world->ben));
	expect_told(ann, want);
	handler->delivered(ann->bridge, ben, ann->bridge->sent[0].token, DELIVERY_REJECTED, "x");
	expect_told(ann, "");
}

/* Contacts that are not linked, and what waits for ben. */
static struct contact *not_linked(struct side *ann, struct side *ben)
{
	struct err err;

	assert_int_equal(host->subscribe(ann->bridge, "ann", id_of(ben), &err), 0);
	forget_told(ann);
	return contact_find(ann->account, id_of(ben));
}

#define RETRACT_1(id) "<retract xmlns='urn:xmpp:message-retract:1' id='" id "'/>"
#define RETRACT_0(id)                                                                              \
	"<apply-to xmlns='urn:xmpp:fasten:0' id='" id                                              \
	"'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to><body>fallback</body>"

static void retracted(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann, *ben = &world->ben;
	struct contact *contact = not_linked(ann, ben);
	const char *id = id_of(ben);
	struct err err;

	assert_int_equal(say(ann, id, FROM_ANN("m1", "<body>one</body>"), &err), 0);
	assert_int_equal(say(ann, id,
			     FROM_ANN("m2", "<body>two</body>"
					    "<origin-id xmlns='urn:xmpp:sid:0' id='o&amp;2'/>"),
			     &err),
			 0);
	assert_int_equal(say(ann, id, FROM_ANN("m3", "<body>three</body>"), &err), 0);
	assert_int_equal(
	    say(ann, id,
		FROM_ANN("m4", "<body>drei</body>"
			       "<replace xmlns='urn:xmpp:message-correct:0' id='m3'/>"),
		&err),
	    0);
	assert_int_equal(contact_outbox(contact), 4);
	/* What has not left is taken back, corrections with it; the contact need not know. */
	assert_int_equal(say(ann, id, FROM_ANN("r1", RETRACT_1("m3")), &err), 0);
	assert_int_equal(contact_outbox(contact), 2);
	assert_int_equal(say(ann, id, FROM_ANN("r2", RETRACT_0("o&amp;2")), &err), 0);
	assert_int_equal(contact_outbox(contact), 1);
	expect_told(ann, "");
	/* One that has arrived long ago. */
	assert_int_equal(say(ann, id, FROM_ANN("r3", RETRACT_1("m0")), &err), 0);
	assert_int_equal(contact_outbox(contact), 2);
	/* On its way: the retraction follows. */
	assert_int_equal(host->subscribe(ben->bridge, "ben", id_of(ann), &err), 0);
	ben->server->takers = 1;
	fake_clock_run(world->clock, LINK_MS);
	forget_told(ben);
	assert_int_equal(say(ann, id, FROM_ANN("m5", "<body>five</body>"), &err), 0);
	assert_int_equal(say(ann, id, FROM_ANN("r5", RETRACT_1("m5")), &err), 0);
	assert_int_equal(contact_outbox(contact), 2);
	fake_clock_run(world->clock, MINUTE_MS);
	assert_non_null(strstr(buf_text(&ben->server->told), "<body>five</body>"));
	assert_non_null(strstr(buf_text(&ben->server->told), RETRACT_1("m5")));
}

static void cancelled(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	struct contact *contact = not_linked(ann, &world->ben);
	uint64_t token;
	struct err err;

	assert_int_equal(say(ann, id_of(&world->ben), FROM_ANN("m1", "<body>one</body>"), &err), 0);
	token = ann->bridge->sent[0].token;
	assert_int_equal(bridge_cancel(ann->bridge, contact, token + 1, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	expect_told(ann, "");
	assert_int_equal(bridge_cancel(ann->bridge, contact, token, &err), 0);
	/* The client shows that it was not sent. */
	assert_non_null(strstr(buf_text(&ann->server->told), "type='error'"));
	assert_non_null(strstr(buf_text(&ann->server->told), "id='m1'"));
	assert_non_null(strstr(buf_text(&ann->server->told), "taken back"));
	forget_told(ann);
	assert_int_equal(bridge_cancel(ann->bridge, contact, token, &err), -1);
	expect_told(ann, "");
}

static void removed_with_messages(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	const char *id = id_of(&world->ben);
	struct err err;

	for (int i = 0; i < 2; i++) {
		not_linked(ann, &world->ben);
		assert_int_equal(say(ann, id, FROM_ANN("m1", "<body>one</body>"), &err), 0);
		if (i == 0)
			assert_int_equal(host->roster_remove(ann->bridge, "ann", id, &err), 0);
		else
			assert_int_equal(host->block(ann->bridge, "ann", id, true, &err), 0);
		assert_non_null(strstr(buf_text(&ann->server->told), "to='ann@localhost/home'"));
		assert_non_null(strstr(buf_text(&ann->server->told), "id='m1'"));
		assert_non_null(strstr(buf_text(&ann->server->told), "item-not-found"));
		assert_non_null(strstr(buf_text(&ann->server->told), "was removed"));
		assert_null(strstr(buf_text(&ann->server->told), "<body>"));
	}
}

static void outbox_full(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	struct contact *contact = not_linked(ann, &world->ben);
	struct err err = {0};

	for (unsigned i = 0; i < OUTBOX_MAX; i++)
		assert_int_equal(engine_send(contact, "x", 1, NULL, &err), 0);
	assert_int_equal(say(ann, id_of(&world->ben), FROM_ANN("m1", "<body>a</body>"), &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.text, "10000"));
}

/* What a daemon that is not ours may send: none of it may stay in the inbox or reach a client. */
static void strange_payloads(void **state)
{
	static const char *const bad[] = {
	    "", "x", "<presence xmlns='jabber:client'/>",
	    "<message xmlns='jabber:client' type='error'><body>x</body></message>"};
	const struct engine_handler *handler = bridge_engine_handler();
	struct world *world = *state;
	struct contact *ben;
	struct err err;

	assert_int_equal(host->subscribe(world->ann.bridge, "ann", id_of(&world->ben), &err), 0);
	ben = contact_find(world->ann.account, id_of(&world->ben));
	forget_told(&world->ann);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(handler->message(world->ann.bridge, ben, 1,
						  (const uint8_t *)bad[i], strlen(bad[i]), 0),
				 MESSAGE_TAKEN);
	expect_told(&world->ann, "");
	/* While there is no server all waits. */
	bridge_set_server(world->ann.bridge, NULL);
	assert_int_equal(handler->message(world->ann.bridge, ben, 1, (const uint8_t *)"x", 1, 0),
			 MESSAGE_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TOLD_TEST(message_travels),       TOLD_TEST(marks),       TOLD_TEST(message_waits),
	    TOLD_TEST(stamp_by_own_clock),    TOLD_TEST(chat_states), TOLD_TEST(message_refusals),
	    TOLD_TEST(rejected_by_contact),   TOLD_TEST(retracted),   TOLD_TEST(cancelled),
	    TOLD_TEST(removed_with_messages), TOLD_TEST(outbox_full), TOLD_TEST(strange_payloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
