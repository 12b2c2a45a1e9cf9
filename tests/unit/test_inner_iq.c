/* Tests of inner_iq.c: what daemons ask and tell each other about nodes. */
#include "component/inner_iq.h"

#include "core/engine.h"
#include "xmpp/live.h"
#include "xmpp/ns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IQ(type, id, content)                                                                      \
	"<iq xmlns='jabber:client' type='" type "' id='" id "'>" content "</iq>"
#define ITEMS   "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'/></pubsub>"
#define NODE(a) "<node " a "/>"
#define NODES(attributes, content)                                                                 \
	IQ("set", "0", "<nodes xmlns='tacet:pep:0'" attributes ">" content "</nodes>")
#define PART(left, text)                                                                           \
	IQ("result", "7", "<part xmlns='tacet:pep:0' left='" left "'>" text "</part>")
#define BAD -1

static const struct {
	const char *text;
	int kind;
	uint64_t id;
} inputs[] = {
    {IQ("get", "1", ITEMS), INNER_IQ_QUESTION, 1},
    {IQ("get", "ffffffffffffffff", "<vCard xmlns='vcard-temp'/>"), INNER_IQ_QUESTION, UINT64_MAX},
    {IQ("get", "a", "<query xmlns='http://jabber.org/protocol/disco#info'/>"), INNER_IQ_QUESTION,
     10},
    {IQ("get", "1", "<query xmlns='jabber:iq:version'/>"), INNER_IQ_QUESTION, 1},
    {IQ("get", "1", "<time xmlns='urn:xmpp:time'/>"), INNER_IQ_QUESTION, 1},
    {IQ("result", "1", "<time xmlns='urn:xmpp:time'><utc>x</utc></time>"), INNER_IQ_ANSWER, 1},
    {IQ("result", "2", ITEMS), INNER_IQ_ANSWER, 2},
    {IQ("error", "3", "<error type='cancel'/>"), INNER_IQ_ERROR, 3},
    {PART("2", "YWJj"), INNER_IQ_PART, 7},
    {NODES("", NODE("name='n' version='v'") NODE("name='m'")), INNER_IQ_NODES, 0},
    {NODES(" all='true'", ""), INNER_IQ_NODES, 0},

    /* Nothing else is asked of people. */
    {IQ("set", "1", "<query xmlns='jabber:iq:version'/>"), BAD, 0},
    {IQ("get", "1", "<time xmlns='jabber:iq:version'/>"), BAD, 0},
    {IQ("get", "1", "<query xmlns='jabber:iq:time'/>"), BAD, 0},
    {IQ("get", "1", "<query xmlns='jabber:iq:roster'/>"), BAD, 0},
    {IQ("get", "1", "<query xmlns='http://jabber.org/protocol/disco#items'/>"), BAD, 0},
    {IQ("get", "1", "<query xmlns='jabber:iq:last'/>"), BAD, 0},
    {IQ("get", "1", "<ping xmlns='urn:xmpp:ping'/>"), BAD, 0},
    {IQ("get", "1", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub>"),
     BAD, 0},
    {IQ("get", "1", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items/></pubsub>"), BAD, 0},
    {IQ("get", "1",
	"<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><items node='n'/></pubsub>"),
     BAD, 0},
    /* Nor is anything set. */
    {IQ("set", "1", ITEMS), BAD, 0},
    {IQ("set", "1", "<vCard xmlns='vcard-temp'/>"), BAD, 0},
    {IQ("get", "1", "<nodes xmlns='tacet:pep:0'/>"), BAD, 0},
    {IQ("result", "1", "<nodes xmlns='tacet:pep:0'/>"), BAD, 0},
    /* Malformed. */
    {IQ("get", "", ITEMS), BAD, 0},
    {IQ("get", "G", ITEMS), BAD, 0},
    {IQ("get", "-1", ITEMS), BAD, 0},
    {IQ("get", "11111111111111111", ITEMS), BAD, 0},
    {IQ("get", "1", ITEMS ITEMS), BAD, 0},
    {IQ("get", "1", ""), BAD, 0},
    {IQ("fetch", "1", ITEMS), BAD, 0},
    {"<iq xmlns='jabber:client' id='1'>" ITEMS "</iq>", BAD, 0},
    {"<iq type='get' id='1'>" ITEMS "</iq>", BAD, 0},
    {"<iqs xmlns='jabber:client' type='get' id='1'>" ITEMS "</iqs>", BAD, 0},
    {"<iq", BAD, 0},
    {PART("", "YWJj"), BAD, 0},
    {PART("9", "YWJj"), BAD, 0},
    {PART("10", "YWJj"), BAD, 0},
    {PART("-", "YWJj"), BAD, 0},
    {PART("1", ""), BAD, 0},
    {PART("1", "Y!"), BAD, 0},
    {NODES("", NODE("version='v'")), BAD, 0},
    {NODES("", NODE("name='' version='v'")), BAD, 0},
    {NODES("", NODE("name='n' version=''")), BAD, 0},
    {NODES("", NODE("name='n' version='123456789012345678901234567890123'")), BAD, 0},
    {NODES("", "<other name='n'/>"), BAD, 0},
};

static void reads_what_may_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		struct inner_iq iq;
		struct err err = {0};
		int result = inner_iq_read(inputs[i].text, strlen(inputs[i].text), &iq, &err);

		print_message("%s\n", inputs[i].text);
		assert_true(inner_iq_is(inputs[i].text, strlen(inputs[i].text)) ||
			    inputs[i].kind == BAD);
		assert_int_equal(result, inputs[i].kind == BAD ? -1 : 0);
		if (result < 0) {
			assert_int_not_equal(err.code, ERR_NONE);
			continue;
		}
		assert_int_equal(iq.kind, inputs[i].kind);
		assert_true(iq.id == inputs[i].id);
		inner_iq_free(&iq);
	}
}

/* What a contact puts beside it, or makes long, does not come to clients. */
static void live_answers_are_cleaned(void **state)
{
	static const char text[] = "<time xmlns='urn:xmpp:time' a='b'>x<tzo>+01:00</tzo>"
				   "<y xmlns='urn:y'/><utc><z/>%0130d</utc></time>";
	const struct xml_limits limits = {1000, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};
	char input[sizeof(text) + 130];
	struct xml *answer, *clean;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	snprintf(input, sizeof(input), text, 0);
	answer = xml_parse_element(input, strlen(input), &limits, NULL);
	assert_non_null(answer);
	assert_null(live_clean(answer, NS_VERSION));
	clean = live_clean(answer, live_kind(answer));
	assert_int_equal(xml_write(clean, "", &out), 0);
	assert_string_equal(buf_text(&out), "<time xmlns='urn:xmpp:time'><tzo>+01:00</tzo></time>");
	xml_free(&clean);
	xml_free(&answer);
	buf_free(&out);
}

static void messages_are_none(void **state)
{
	static const char message[] = "<message xmlns='jabber:client'/>";

	(void)state;
	assert_false(inner_iq_is(message, strlen(message)));
	assert_false(inner_iq_is("<iq", 3));
	assert_false(inner_iq_is("", 0));
}

static void lists_have_an_end(void **state)
{
	struct xml *nodes = inner_nodes_new(true);
	struct inner_iq iq;
	struct err err;
	struct buf out;
	char name[32];

	(void)state;
	buf_init(&out, PAYLOAD_MAX);
	for (unsigned i = 0; i < INNER_NODES_MAX; i++) {
		snprintf(name, sizeof(name), "node-%u", i);
		inner_nodes_add(nodes, name, "v");
	}
	assert_int_equal(inner_iq_nodes(nodes, &out), 0);
	assert_int_equal(inner_iq_read(out.data, out.len, &iq, &err), 0);
	assert_true(inner_nodes_all(iq.payload));
	inner_iq_free(&iq);
	inner_nodes_add(nodes, "one more", NULL);
	buf_clear(&out);
	assert_int_equal(inner_iq_nodes(nodes, &out), 0);
	assert_int_equal(inner_iq_read(out.data, out.len, &iq, &err), -1);
	buf_free(&out);
	xml_free(&nodes);
}

/* --- answers --- */

struct received {
	unsigned payloads;
	struct buf parts;
	struct xml *whole;
};

static int receive(void *arg, const struct buf *payload)
{
	struct received *received = arg;
	struct inner_iq iq;
	struct err err;

	received->payloads++;
	assert_true(payload->len <= PAYLOAD_MAX);
	assert_int_equal(inner_iq_read(payload->data, payload->len, &iq, &err), 0);
	assert_true(iq.id == 77);
	if (iq.kind == INNER_IQ_PART) {
		assert_int_equal(buf_add(&received->parts, iq.part, iq.part_len), 0);
		if (iq.left == 0)
			received->whole = inner_iq_join(&received->parts, &err);
	} else {
		assert_int_equal(iq.kind, INNER_IQ_ANSWER);
		received->whole = xml_copy(iq.payload);
	}
	inner_iq_free(&iq);
	return 0;
}

static struct xml *answer_of(size_t len)
{
	struct xml *answer = pep_question("n");
	char *text = malloc(len + 1);

	memset(text, 'x', len);
	text[len] = '\0';
	if (len)
		xml_text_add(xml_child_add(xml_child(answer, "items", NULL), "item", NULL), text);
	free(text);
	return answer;
}

/* Of any length up to the greatest: in one or several payloads, and the same at the other end. */
static void answers_arrive_whole(void **state)
{
	static const size_t lengths[] = {
	    0, 1000, 60000, 65000, 66000, PEP_ITEM_BYTES_MAX, INNER_ANSWER_MAX - 200};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct xml *answer = answer_of(lengths[i]);
		struct received received = {0};
		struct buf before, after;

		buf_init(&received.parts, INNER_ANSWER_MAX);
		buf_init(&before, 1 << 20);
		buf_init(&after, 1 << 20);
		assert_int_equal(inner_iq_answer(77, answer, receive, &received), 0);
		assert_non_null(received.whole);
		assert_true((received.payloads > 1) == (lengths[i] > 65000));
		assert_int_equal(xml_write(answer, "", &before), 0);
		assert_int_equal(xml_write(received.whole, "", &after), 0);
		assert_string_equal(buf_text(&before), buf_text(&after));
		buf_free(&before);
		buf_free(&after);
		buf_free(&received.parts);
		xml_free(&received.whole);
		xml_free(&answer);
	}
}

static void too_long_answers_do_not_leave(void **state)
{
	struct xml *answer = answer_of(INNER_ANSWER_MAX);
	struct received received = {0};

	(void)state;
	assert_int_equal(inner_iq_answer(77, answer, receive, &received), -1);
	assert_int_equal(received.payloads, 0);
	xml_free(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_what_may_come),  cmocka_unit_test(live_answers_are_cleaned),
	    cmocka_unit_test(messages_are_none),    cmocka_unit_test(lists_have_an_end),
	    cmocka_unit_test(answers_arrive_whole), cmocka_unit_test(too_long_answers_do_not_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
