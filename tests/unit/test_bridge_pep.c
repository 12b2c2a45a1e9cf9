/*
 * Tests of bridge_peer.c and bridge_pep.c: two real engines on a net in memory, with the real
 * server's part of personal eventing (xmpp/pep.h) and real local stores. Two of its functions are
 * wrapped, to see whether a contact's question was looked at, and what clients are answered.
 */
#include "component/inner_iq.h"
#include "tests/unit/bridge_rig.h"
#include "xmpp/live.h"
#include "xmpp/ns.h"
#include "xmpp/pep_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOOD     "http://jabber.org/protocol/mood"
#define ACTIVITY "http://jabber.org/protocol/activity"
#define NICK     "http://jabber.org/protocol/nick"

/* --- what is wrapped --- */

static unsigned served;
static unsigned live_served;
static unsigned answers;
static char answer_text[512]; /* the last one */
static enum stanza_error answer_error;

struct xml *__real_server_pep_serve(const struct server *server, const char *user,
				    struct xml *payload, enum stanza_error *error);
struct xml *__wrap_server_pep_serve(const struct server *server, const char *user,
				    struct xml *payload, enum stanza_error *error);
void __wrap_server_pep_answer(struct server *server, uint64_t token, struct xml *answer,
			      enum stanza_error error);

struct xml *__real_bridge_live_serve(struct bridge *bridge, const char *user,
				     const struct xml *question);
struct xml *__wrap_bridge_live_serve(struct bridge *bridge, const char *user,
				     const struct xml *question);

struct xml *__wrap_bridge_live_serve(struct bridge *bridge, const char *user,
				     const struct xml *question)
{
	live_served++;
	return __real_bridge_live_serve(bridge, user, question);
}

struct xml *__wrap_server_pep_serve(const struct server *server, const char *user,
				    struct xml *payload, enum stanza_error *error)
{
	served++;
	return __real_server_pep_serve(server, user, payload, error);
}

void __wrap_server_pep_answer(struct server *server, uint64_t token, struct xml *answer,
			      enum stanza_error error)
{
	struct buf out;

	(void)server;
	assert_int_equal(token, 42);
	answers++;
	answer_error = error;
	answer_text[0] = '\0';
	buf_init(&out, 1 << 20);
	if (answer) {
		assert_int_equal(xml_write(answer, "", &out), 0);
		snprintf(answer_text, sizeof(answer_text), "%s", buf_text(&out));
	}
	buf_free(&out);
	xml_free(&answer);
}

/* --- two daemons --- */

/* A client of the side's is there, or none is. */
static void comes(struct side *side, bool there)
{
	const struct server_presence presence = {.available = there, .show = "", .status = ""};

	side->server->host->presence(side->bridge, side->user, &presence);
}

static int setup(void **state)
{
	struct world *world = rig_new_bare();
	struct err err;

	served = answers = 0;
	assert_non_null(bridge_contact_add(world->ann.bridge, world->ann.account,
					   id_of(&world->ben), "Ben", NULL, &err));
	assert_non_null(bridge_contact_add(world->ben.bridge, world->ben.account,
					   id_of(&world->ann), "Ann", NULL, &err));
	fake_clock_run(world->clock, LINK_MS);
	assert_int_equal(contact_state(side_contact(&world->ann, &world->ben)), CONTACT_LINKED);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	rig_free(&world);
	return 0;
}

/* --- what they do --- */

static void publish(struct side *side, const char *node, const char *id, const char *text,
		    enum pep_access access)
{
	const struct pep_config config = {access, PEP_LAST_PRESENCE, 10};
	struct pep_item item = {(char *)(uintptr_t)id, (char *)(uintptr_t)text};
	struct err err = {0};
	bool changed = false;

	if (pep_node_set(side->server, side->user, node, &config, &err) < 0 ||
	    pep_item_put(side->server, side->user, node, id, text, &changed, &err) < 0)
		fail_msg("%s", err.text);
	pep_changed(side->server, side->user, node, pep_event_item(node, &item), changed);
}

/* What ben's daemon knows of the item of ann's. */
static void expect_known(struct world *world, const char *node, const char *id, const char *want)
{
	struct side *ben = &world->ben;
	char *text = ben->server->host->pep->get(ben->bridge, "ben", id_of(&world->ann), node, id);

	if (want) {
		assert_non_null(text);
		assert_string_equal(text, want);
	} else {
		assert_null(text);
	}
	free(text);
}

static void run(struct world *world)
{
	fake_clock_run(world->clock, 30 * SECOND_MS);
}

static void ask(struct side *side, const char *id, const char *node)
{
	struct xml *question = pep_question(node);

	side->server->host->pep->ask(side->bridge, side->user, id, question, 42);
	xml_free(&question);
}

static void ask_live(struct side *side, const char *id, const char *kind)
{
	struct xml *question = live_question(kind);

	side->server->host->pep->ask(side->bridge, side->user, id, question, 42);
	xml_free(&question);
}

static void send_raw(struct side *from, const struct side *to, const char *text)
{
	uint64_t token;
	struct err err;

	assert_int_equal(engine_send(side_contact(from, to), text, strlen(text), &token, &err), 0);
}

/* --- tests --- */

static void what_is_published_arrives(void **state)
{
	struct world *world = *state;

	comes(&world->ann, true);
	run(world);
	publish(&world->ann, NICK, "current", "<nick xmlns='" NICK "'>Ann</nick>",
		PEP_ACCESS_PRESENCE);
	publish(&world->ann, "urn:list", "1", "<a xmlns='urn:x'/>", PEP_ACCESS_OPEN);
	publish(&world->ann, "urn:list", "2", "<b xmlns='urn:x'/>", PEP_ACCESS_OPEN);
	publish(&world->ann, "urn:mine", "1", "<m xmlns='urn:x'/>", PEP_ACCESS_WHITELIST);
	run(world);
	expect_known(world, NICK, "current", "<nick xmlns='" NICK "'>Ann</nick>");
	expect_known(world, "urn:list", "1", "<a xmlns='urn:x'/>");
	expect_known(world, "urn:list", "2", "<b xmlns='urn:x'/>");
	expect_known(world, "urn:mine", "1", NULL);
	/* XEP-0107, XEP-0108. */
	publish(&world->ann, MOOD, "m", "<mood xmlns='" MOOD "'><calm/></mood>",
		pep_config_default(MOOD).access);
	publish(&world->ann, ACTIVITY, "a", "<activity xmlns='" ACTIVITY "'><eating/></activity>",
		pep_config_default(ACTIVITY).access);
	run(world);
	expect_known(world, MOOD, "m", "<mood xmlns='" MOOD "'><calm/></mood>");
	expect_known(world, ACTIVITY, "a", "<activity xmlns='" ACTIVITY "'><eating/></activity>");
	/* Nothing is asked twice. */
	served = 0;
	comes(&world->ann, false);
	comes(&world->ann, true);
	run(world);
	assert_int_equal(served, 0);
}

static void what_is_withdrawn_goes(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	struct pep_config config = {PEP_ACCESS_WHITELIST, PEP_LAST_PRESENCE, 10};
	struct err err;

	comes(ann, true);
	publish(ann, "urn:a", "1", "<a xmlns='urn:x'/>", PEP_ACCESS_PRESENCE);
	publish(ann, "urn:b", "1", "<b xmlns='urn:x'/>", PEP_ACCESS_PRESENCE);
	publish(ann, "urn:c", "1", "<c xmlns='urn:x'/>", PEP_ACCESS_PRESENCE);
	run(world);
	expect_known(world, "urn:c", "1", "<c xmlns='urn:x'/>");
	assert_int_equal(pep_node_set(ann->server, "ann", "urn:a", &config, &err), 0);
	pep_tell(ann->server, "ann", "urn:a", NULL, true, true);
	assert_int_equal(pep_item_remove(ann->server, "ann", "urn:b", "1", &err), 0);
	pep_tell(ann->server, "ann", "urn:b", NULL, false, true);
	run(world);
	/* This one while nobody is told. */
	comes(ann, false);
	assert_int_equal(pep_node_delete(ann->server, "ann", "urn:c", &err), 0);
	pep_tell(ann->server, "ann", "urn:c", NULL, true, true);
	run(world);
	expect_known(world, "urn:a", "1", NULL);
	expect_known(world, "urn:b", "1", NULL);
	expect_known(world, "urn:c", "1", "<c xmlns='urn:x'/>");
	comes(ann, true);
	run(world);
	expect_known(world, "urn:c", "1", NULL);
}

static void long_items_come_in_parts(void **state)
{
	struct world *world = *state;
	size_t len = PEP_ITEM_BYTES_MAX - 100;
	char *text = malloc(len + 100);

	strcpy(text, "<d xmlns='urn:x'>");
	memset(text + strlen(text), 'A', len);
	strcpy(text + len, "</d>");
	comes(&world->ann, true);
	publish(&world->ann, "urn:large", "1", text, PEP_ACCESS_PRESENCE);
	run(world);
	expect_known(world, "urn:large", "1", text);
	free(text);
}

static void apart_and_together(void **state)
{
	struct world *world = *state;

	comes(&world->ann, true);
	publish(&world->ann, NICK, "current", "<nick xmlns='" NICK "'>Old</nick>",
		PEP_ACCESS_PRESENCE);
	run(world);
	engine_stop(world->ben.engine);
	run(world);
	publish(&world->ann, NICK, "current", "<nick xmlns='" NICK "'>New</nick>",
		PEP_ACCESS_PRESENCE);
	run(world);
	/* What is known is known while she is away. */
	ask(&world->ben, id_of(&world->ann), NICK);
	assert_int_equal(answers, 1);
	assert_non_null(strstr(answer_text, ">Old<"));
	ask(&world->ben, id_of(&world->ann), "urn:none");
	assert_int_equal(answers, 2);
	assert_int_equal(answer_error, STANZA_REMOTE_SERVER_TIMEOUT);
	engine_start(world->ben.engine);
	fake_clock_run(world->clock, LINK_MS);
	expect_known(world, NICK, "current", "<nick xmlns='" NICK "'>New</nick>");
	ask(&world->ben, id_of(&world->ann), "urn:none");
	assert_int_equal(answers, 3);
	assert_int_equal(answer_error, STANZA_ITEM_NOT_FOUND);
}

/* Ways of not being there for a contact that is linked. */
static void go_offline(struct world *world, bool hidden)
{
	comes(&world->ann, !hidden);
}

static void go_invisible(struct world *world, bool hidden)
{
	world->ann.server->host->invisible(world->ann.bridge, "ann", hidden);
}

static void hide_from_ben(struct world *world, bool hidden)
{
	const struct server_presence gone = {.available = false, .show = "", .status = ""};

	world->ann.server->host->directed(world->ann.bridge, "ann", id_of(&world->ben),
					  hidden ? &gone : NULL);
}

static void who_hides_says_nothing(void **state)
{
	static void (*const ways[])(struct world * world, bool hidden) = {go_offline, go_invisible,
									  hide_from_ben};
	static const char question[] = "<iq xmlns='jabber:client' type='get' id='7'>"
				       "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
				       "<items node='" NICK "'/></pubsub></iq>";
	struct world *world = *state;

	comes(&world->ann, true);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char text[128];

		ways[i](world, true);
		run(world);
		served = 0;
		snprintf(text, sizeof(text), "<nick xmlns='" NICK "'>%zu</nick>", i);
		publish(&world->ann, NICK, "current", text, PEP_ACCESS_PRESENCE);
		/* A daemon that is not ours asks all the same. */
		send_raw(&world->ben, &world->ann, question);
		run(world);
		assert_int_equal(served, 0);
		ways[i](world, false);
		run(world);
		assert_int_equal(served, 1);
		expect_known(world, NICK, "current", text);
	}
}

/* A client's question is none of the daemon's while its user hides. */
static void who_hides_asks_nothing(void **state)
{
	struct world *world = *state;

	bridge_set_local(world->ann.bridge, NULL);
	comes(&world->ann, true);
	comes(&world->ben, true);
	run(world);
	world->ben.server->host->invisible(world->ben.bridge, "ben", true);
	run(world);
	ask(&world->ben, id_of(&world->ann), NICK);
	assert_int_equal(answers, 1);
	assert_int_equal(answer_error, STANZA_REMOTE_SERVER_TIMEOUT);
	bridge_set_local(world->ann.bridge, world->ann.local);
}

static void see_error(void *arg, const struct server_answer *answer)
{
	*(int *)arg = answer->error;
}

static const char *one_word(void *form, const char *name)
{
	assert_string_equal(name, "answer");
	return form;
}

/* By the command for clients. Returns whether that is an error. */
static int allow(struct side *side, const char *word)
{
	const struct server_command *command = bridge_commands;
	int error = -1;

	while (strcmp(command->node, "answer") != 0)
		command++;
	command->run(side->bridge, side->user, one_word, (void *)(uintptr_t)word, see_error,
		     &error);
	return error;
}

/* What ben's client gets when it asks ann for kind; NULL: service-unavailable. */
static void expect_live(struct world *world, const char *kind, const char *want)
{
	answers = 0;
	ask_live(&world->ben, id_of(&world->ann), kind);
	fake_clock_run(world->clock, 70 * SECOND_MS);
	assert_int_equal(answers, 1);
	if (want)
		assert_non_null(strstr(answer_text, want));
	else
		assert_int_equal(answer_error, STANZA_SERVICE_UNAVAILABLE);
	assert_true(want || !*answer_text);
}

static void what_is_live_only_when_allowed(void **state)
{
	static void (*const ways[])(struct world * world, bool hidden) = {go_offline, go_invisible,
									  hide_from_ben};
	static const char raw[] = "<iq xmlns='jabber:client' type='get' id='7'>"
				  "<time xmlns='urn:xmpp:time'/></iq>";
	struct world *world = *state;
	char version[PEP_VERSION_SIZE];
	unsigned before;

	comes(&world->ann, true);
	comes(&world->ben, true);
	run(world);
	expect_live(world, NS_VERSION, NULL);
	expect_live(world, NS_TIME, NULL);
	assert_int_equal(allow(&world->ann, "perhaps"), true);
	assert_false(bridge_answers(world->ann.bridge, "ann"));
	assert_int_equal(allow(&world->ann, "on"), false);
	expect_live(world, NS_VERSION, "<name>tacet</name>");
	assert_null(strstr(answer_text, "<os"));
	expect_live(world, NS_TIME, "<tzo>+00:00</tzo>");
	/* Nothing of it is kept. */
	assert_int_equal(
	    server_pep_known(world->ben.server, "ben", id_of(&world->ann), NS_TIME, version), -1);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		ways[i](world, true);
		run(world);
		expect_live(world, NS_TIME, NULL);
		/* A daemon that is not ours asks all the same, and hears nothing. */
		before = live_served;
		send_raw(&world->ben, &world->ann, raw);
		run(world);
		assert_true(live_served == before);
		ways[i](world, false);
		run(world);
		expect_live(world, NS_TIME, "<utc>");
		assert_true(live_served > before);
	}
	/* Who hides does not ask. */
	world->ben.server->host->invisible(world->ben.bridge, "ben", true);
	before = live_served;
	expect_live(world, NS_TIME, NULL);
	assert_true(live_served == before);
	world->ben.server->host->invisible(world->ben.bridge, "ben", false);
	assert_int_equal(allow(&world->ann, "off"), false);
	expect_live(world, NS_TIME, NULL);
}

/* From a daemon that has no list and no answer. */
static void no_answer_is_an_error_in_the_end(void **state)
{
	struct world *world = *state;

	bridge_set_local(world->ann.bridge, NULL);
	comes(&world->ann, true);
	comes(&world->ben, true);
	run(world);
	ask(&world->ben, id_of(&world->ann), NICK);
	ask(&world->ben, id_of(&world->ann), NICK);
	fake_clock_run(world->clock, 50 * SECOND_MS);
	assert_int_equal(answers, 0);
	fake_clock_run(world->clock, 20 * SECOND_MS);
	assert_int_equal(answers, 2);
	assert_int_equal(answer_error, STANZA_REMOTE_SERVER_TIMEOUT);
	/* One whose contact goes meanwhile. */
	ask(&world->ben, id_of(&world->ann), NICK);
	assert_int_equal(answers, 2);
	engine_stop(world->ann.engine);
	run(world);
	assert_int_equal(answers, 3);
	bridge_set_local(world->ann.bridge, world->ann.local);
}

/* Answers that nobody has asked for, to another question, in wrong parts; lists of what is not. */
static void lies_do_no_harm(void **state)
{
	static const char *const lies[] = {
	    "<iq xmlns='jabber:client' type='result' id='1'><vCard xmlns='vcard-temp'/></iq>",
	    "<iq xmlns='jabber:client' type='result' id='0'><vCard xmlns='vcard-temp'/></iq>",
	    "<iq xmlns='jabber:client' type='result' id='1'><part xmlns='tacet:pep:0' left='0'>YQ=="
	    "</part></iq>",
	    "<iq xmlns='jabber:client' type='error' id='1'><error type='cancel'/></iq>",
	    "<iq xmlns='jabber:client' type='set' id='0'><nodes xmlns='tacet:pep:0'>"
	    "<node name='urn:none' version='1'/><node name='urn:gone'/></nodes></iq>",
	    "<iq xmlns='jabber:client' type='set' id='1'><x xmlns='urn:x'/></iq>",
	    "<iq",
	};
	struct world *world = *state;

	comes(&world->ann, true);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		send_raw(&world->ann, &world->ben, lies[i]);
	publish(&world->ann, NICK, "current", "<nick xmlns='" NICK "'>Ann</nick>",
		PEP_ACCESS_PRESENCE);
	run(world);
	expect_known(world, NICK, "current", "<nick xmlns='" NICK "'>Ann</nick>");
	expect_known(world, "urn:none", "1", NULL);
}

static void with_the_contact_goes_what_is_known(void **state)
{
	struct world *world = *state;
	struct contact *contact;
	char id[ID_LEN + 1];
	struct err err;

	comes(&world->ann, true);
	publish(&world->ann, NICK, "current", "<nick xmlns='" NICK "'>Ann</nick>",
		PEP_ACCESS_PRESENCE);
	run(world);
	snprintf(id, sizeof(id), "%s", id_of(&world->ann));
	contact = contact_find(world->ben.account, id);
	assert_int_equal(bridge_contact_remove(world->ben.bridge, &contact, &err), 0);
	expect_known(world, NICK, "current", NULL);
	ask(&world->ben, id, NICK);
	assert_int_equal(answers, 1);
	assert_int_equal(answer_error, STANZA_ITEM_NOT_FOUND);
	/* And nothing more comes. */
	publish(&world->ann, NICK, "current", "<nick xmlns='" NICK "'>Later</nick>",
		PEP_ACCESS_PRESENCE);
	run(world);
	expect_known(world, NICK, "current", NULL);
}

/* What a client would take for its user's own, or fetch from elsewhere. */
static void what_could_harm_clients_is_not_kept(void **state)
{
	struct world *world = *state;

	comes(&world->ann, true);
	publish(&world->ann, "urn:xmpp:bookmarks:1", "room@x",
		"<conference xmlns='urn:xmpp:bookmarks:1' autojoin='true'/>", PEP_ACCESS_OPEN);
	publish(&world->ann, "storage:bookmarks", "current", "<storage xmlns='storage:bookmarks'/>",
		PEP_ACCESS_OPEN);
	publish(&world->ann, NS_AVATAR_METADATA, "a",
		"<metadata xmlns='" NS_AVATAR_METADATA "'><info id='a' url='http://x/'/>"
		"<info id='b'/><info id='c' url='http://x/'/></metadata>",
		PEP_ACCESS_PRESENCE);
	publish(&world->ann, NS_VCARD, "current",
		"<vCard xmlns='vcard-temp'><PHOTO/><FN>Ann</FN>"
		"<PHOTO><EXTVAL>http://x/</EXTVAL></PHOTO>"
		"<LOGO><EXTVAL>http://x/</EXTVAL></LOGO><LOGO><BINVAL>YQ==</BINVAL></LOGO>"
		"<SOUND><TYPE>x</TYPE><EXTVAL>http://x/</EXTVAL></SOUND>"
		"<AGENT><vCard><PHOTO><EXTVAL>http://x/</EXTVAL></PHOTO></vCard></AGENT></vCard>",
		PEP_ACCESS_PRESENCE);
	publish(&world->ann, "urn:xmpp:vcard4", "current",
		"<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Ann</text></fn>"
		"<photo><parameters/><uri>http://x/</uri></photo><logo/>"
		"<group name='a'><sound><uri>HTTPS://x/</uri></sound><photo>"
		"<uri>Data:image/png;base64,YQ==</uri></photo></group>"
		"<url><uri>http://ann/</uri></url></vcard>",
		PEP_ACCESS_PRESENCE);
	run(world);
	expect_known(world, NS_VCARD, "current",
		     "<vCard xmlns='vcard-temp'><FN>Ann</FN><LOGO><BINVAL>YQ==</BINVAL></LOGO>"
		     "</vCard>");
	expect_known(world, "urn:xmpp:vcard4", "current",
		     "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Ann</text></fn>"
		     "<group name='a'><photo><uri>Data:image/png;base64,YQ==</uri></photo></group>"
		     "<url><uri>http://ann/</uri></url></vcard>");
	expect_known(world, "urn:xmpp:bookmarks:1", "room@x", NULL);
	expect_known(world, "storage:bookmarks", "current", NULL);
	expect_known(world, NS_AVATAR_METADATA, "a",
		     "<metadata xmlns='" NS_AVATAR_METADATA "'><info id='b'/></metadata>");
}

/* A daemon that is not ours asks for the same again and again. */
static void questions_are_rationed(void **state)
{
	static const char question[] = "<iq xmlns='jabber:client' type='get' id='7'>"
				       "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
				       "<items node='urn:large'/></pubsub></iq>";
	struct world *world = *state;
	size_t len = PEP_ITEM_BYTES_MAX - 100;
	char *text = malloc(len + 100);

	strcpy(text, "<d xmlns='urn:x'>");
	memset(text + strlen(text), 'A', len);
	strcpy(text + len, "</d>");
	comes(&world->ann, true);
	publish(&world->ann, "urn:large", "1", text, PEP_ACCESS_PRESENCE);
	run(world);
	served = 0;
	for (unsigned i = 0; i < 40; i++) {
		send_raw(&world->ben, &world->ann, question);
		fake_clock_run(world->clock, 10 * SECOND_MS);
	}
	/* Two megabytes, and a little that has grown again; all the same it is told what changes.
	 */
	assert_in_range(served, 7, 12);
	publish(&world->ann, NICK, "current", "<nick xmlns='" NICK "'>Ann</nick>",
		PEP_ACCESS_PRESENCE);
	fake_clock_run(world->clock, 60 * MINUTE_MS);
	served = 0;
	send_raw(&world->ben, &world->ann, question);
	run(world);
	assert_int_equal(served, 1);
	free(text);
}

static unsigned waiting_for(const struct side *side, const struct side *other)
{
	return contact_outbox(side_contact(side, other));
}

/* What was said in a session that has ended does not wait for the next one. */
static void what_is_stale_is_dropped(void **state)
{
	struct world *world = *state;
	struct contact *ben = side_contact(&world->ann, &world->ben);
	struct err err;

	comes(&world->ann, true);
	run(world);
	engine_stop(world->ben.engine);
	publish(&world->ann, NICK, "current", "<nick xmlns='" NICK "'>New</nick>",
		PEP_ACCESS_PRESENCE);
	assert_int_equal(engine_send(ben, "a message", 9, NULL, &err), 0);
	run(world);
	assert_int_not_equal(contact_state(ben), CONTACT_LINKED);
	assert_int_equal(waiting_for(&world->ann, &world->ben), 1);
	/* From an earlier process. */
	send_raw(&world->ann, &world->ben, "<iq xmlns='jabber:client' type='set' id='0'/>");
	assert_int_equal(waiting_for(&world->ann, &world->ben), 2);
	bridge_set_engine(world->ann.bridge, world->ann.engine);
	assert_int_equal(waiting_for(&world->ann, &world->ben), 1);
}

/* However little there is in them. */
static void one_contact_has_only_so_many_items(void **state)
{
	const struct pep_config config = {PEP_ACCESS_PRESENCE, PEP_LAST_PRESENCE, PEP_ITEMS_MAX};
	struct world *world = *state;
	struct side *ann = &world->ann;
	unsigned known = 0;
	struct err err;

	for (unsigned i = 0; i < 4; i++) {
		char node[32], id[16];

		snprintf(node, sizeof(node), "urn:many:%u", i);
		assert_int_equal(pep_node_set(ann->server, "ann", node, &config, &err), 0);
		for (unsigned j = 0; j < PEP_CONTACT_ITEMS_MAX / 2; j++) {
			snprintf(id, sizeof(id), "%u", j);
			assert_int_equal(ann->server->host->pep->put(
					     ann->bridge, "ann", PEP_SPACE_OWN, node, id, "", &err),
					 0);
		}
	}
	comes(ann, true);
	fake_clock_run(world->clock, 3 * MINUTE_MS);
	for (unsigned i = 0; i < 4; i++) {
		char version[PEP_VERSION_SIZE], node[32];

		snprintf(node, sizeof(node), "urn:many:%u", i);
		known += server_pep_known(world->ben.server, "ben", id_of(&world->ann), node,
					  version) == 0;
	}
	assert_int_equal(known, 2);
}

static void one_contact_has_only_so_much(void **state)
{
	struct world *world = *state;
	size_t len = PEP_ITEM_BYTES_MAX - 100;
	char *text = malloc(len + 100), node[32];
	unsigned known = 0;

	strcpy(text, "<d xmlns='urn:x'>");
	memset(text + strlen(text), 'A', len);
	strcpy(text + len, "</d>");
	comes(&world->ann, true);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(node, sizeof(node), "urn:large:%u", i);
		publish(&world->ann, node, "1", text, PEP_ACCESS_PRESENCE);
	}
	fake_clock_run(world->clock, 3 * MINUTE_MS);
	for (unsigned i = 0; i < 8; i++) {
		char version[PEP_VERSION_SIZE];

		snprintf(node, sizeof(node), "urn:large:%u", i);
		known += server_pep_known(world->ben.server, "ben", id_of(&world->ann), node,
					  version) == 0;
	}
	assert_int_equal(known, PEP_CONTACT_BYTES_MAX / len);
	free(text);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_published_arrives),
	    TEST(what_is_withdrawn_goes),
	    TEST(long_items_come_in_parts),
	    TEST(apart_and_together),
	    TEST(who_hides_says_nothing),
	    TEST(who_hides_asks_nothing),
	    TEST(what_is_live_only_when_allowed),
	    TEST(no_answer_is_an_error_in_the_end),
	    TEST(lies_do_no_harm),
	    TEST(with_the_contact_goes_what_is_known),
	    TEST(what_could_harm_clients_is_not_kept),
	    TEST(one_contact_has_only_so_much),
	    TEST(questions_are_rationed),
	    TEST(what_is_stale_is_dropped),
	    TEST(one_contact_has_only_so_many_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
