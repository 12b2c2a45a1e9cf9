/* Tests of xmpp/stanza.c and xmpp/stream_error.c: replies and the tables of errors. */
#include "tests/unit/fail_malloc.h"
#include "xmpp/stanza.h"
#include "xmpp/stream_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct xml *parse(const char *text)
{
	static const struct xml_limits limits = {.bytes = 4096, .depth = 10, .children = 100};
	struct xml *element = xml_parse_element(text, strlen(text), &limits, NULL);

	assert_non_null(element);
	return element;
}

/* Is element the same as expected (which is freed with it)? */
static void assert_written(struct xml *element, const char *expected)
{
	struct buf text;

	assert_non_null(element);
	buf_init(&text, 4096);
	assert_int_equal(xml_write(element, NS_CLIENT, &text), 0);
	assert_string_equal(buf_text(&text), expected);
	buf_free(&text);
	xml_free(&element);
}

static const char request[] = "<iq xmlns='jabber:client' type='get' id='1' to='b@localhost' "
			      "from='a@localhost/r'><query xmlns='x'/></iq>";

static void test_result_swaps_addresses(void **state)
{
	struct xml *iq = parse(request);

	(void)state;
	assert_written(stanza_result(iq),
		       "<iq type='result' id='1' from='b@localhost' to='a@localhost/r'/>");
	xml_free(&iq);
	/* What was not there is not made up. */
	iq = parse("<iq xmlns='jabber:client' type='get' id='2'/>");
	assert_written(stanza_result(iq), "<iq type='result' id='2'/>");
	xml_free(&iq);
}

static void test_error_with_and_without_text(void **state)
{
	struct xml *iq = parse(request);

	(void)state;
	assert_written(stanza_error_new(iq, STANZA_ITEM_NOT_FOUND, NULL),
		       "<iq type='error' id='1' from='b@localhost' to='a@localhost/r'>"
		       "<error type='cancel'><item-not-found "
		       "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
	assert_written(stanza_error_new(iq, STANZA_RESOURCE_CONSTRAINT, "a < b"),
		       "<iq type='error' id='1' from='b@localhost' to='a@localhost/r'>"
		       "<error type='wait'><resource-constraint "
		       "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
		       "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>"
		       "a &lt; b</text></error></iq>");
	xml_free(&iq);
}

/* RFC 6120 section 8.3.3 says for each condition what its type should be. */
static void test_table(void **state)
{
	static const struct {
		enum stanza_error error;
		const char *condition, *type;
	} table[] = {
	    {STANZA_BAD_REQUEST, "bad-request", "modify"},
	    {STANZA_CONFLICT, "conflict", "cancel"},
	    {STANZA_FEATURE_NOT_IMPLEMENTED, "feature-not-implemented", "cancel"},
	    {STANZA_FORBIDDEN, "forbidden", "auth"},
	    {STANZA_INTERNAL_SERVER_ERROR, "internal-server-error", "cancel"},
	    {STANZA_ITEM_NOT_FOUND, "item-not-found", "cancel"},
	    {STANZA_JID_MALFORMED, "jid-malformed", "modify"},
	    {STANZA_NOT_ACCEPTABLE, "not-acceptable", "modify"},
	    {STANZA_NOT_ALLOWED, "not-allowed", "cancel"},
	    {STANZA_NOT_AUTHORIZED, "not-authorized", "auth"},
	    {STANZA_POLICY_VIOLATION, "policy-violation", "modify"},
	    {STANZA_RECIPIENT_UNAVAILABLE, "recipient-unavailable", "wait"},
	    {STANZA_REGISTRATION_REQUIRED, "registration-required", "auth"},
	    {STANZA_REMOTE_SERVER_NOT_FOUND, "remote-server-not-found", "cancel"},
	    {STANZA_REMOTE_SERVER_TIMEOUT, "remote-server-timeout", "wait"},
	    {STANZA_RESOURCE_CONSTRAINT, "resource-constraint", "wait"},
	    {STANZA_SERVICE_UNAVAILABLE, "service-unavailable", "cancel"},
	    {STANZA_SUBSCRIPTION_REQUIRED, "subscription-required", "auth"},
	    {STANZA_UNEXPECTED_REQUEST, "unexpected-request", "wait"},
	};

	(void)state;
	assert_int_equal(sizeof(table) / sizeof(table[0]), STANZA_ERRORS);
	for (size_t i = 0; i < STANZA_ERRORS; i++) {
		assert_string_equal(stanza_error_condition(table[i].error), table[i].condition);
		assert_string_equal(stanza_error_type(table[i].error), table[i].type);
	}
}

static void test_error_of_the_host(void **state)
{
	static const struct {
		enum err_code code;
		enum stanza_error error;
	} table[] = {
	    {ERR_NOT_FOUND, STANZA_ITEM_NOT_FOUND},
	    {ERR_INPUT, STANZA_NOT_ACCEPTABLE},
	    {ERR_EXISTS, STANZA_CONFLICT},
	    {ERR_LIMIT, STANZA_RESOURCE_CONSTRAINT},
	    {ERR_AUTH, STANZA_NOT_ALLOWED},
	    {ERR_SYSTEM, STANZA_INTERNAL_SERVER_ERROR},
	    {ERR_UNAVAILABLE, STANZA_RESOURCE_CONSTRAINT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = {.code = table[i].code};

		assert_int_equal(stanza_error_of(&err), table[i].error);
	}
}

static void test_is_error(void **state)
{
	struct xml *error = parse("<message type='error'/>"),
		   *chat = parse("<message type='chat'/>"), *plain = parse("<message/>");

	(void)state;
	assert_true(stanza_is_error(error));
	assert_false(stanza_is_error(chat));
	assert_false(stanza_is_error(plain));
	xml_free(&error);
	xml_free(&chat);
	xml_free(&plain);
}

static void test_stream_errors(void **state)
{
	struct buf text;

	(void)state;
	for (enum stream_error error = 0; error < STREAM_ERRORS; error++)
		assert_int_equal(stream_error_find(stream_error_condition(error)), error);
	assert_int_equal(stream_error_find("something else"), STREAM_NOT_WELL_FORMED);
	buf_init(&text, 4096);
	assert_int_equal(stream_error_write(STREAM_CONFLICT, "<", &text), 0);
	assert_string_equal(buf_text(&text),
			    "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
			    "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>&lt;"
			    "</text></stream:error>");
	buf_free(&text);
}

/* All of the reply or nothing. */
static void test_each_allocation_fails(void **state)
{
	struct xml *message = parse("<message xmlns='jabber:client' id='1'/>"), *reply;
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		fail_malloc_arm(n);
		reply = stanza_error_new(message, STANZA_CONFLICT, "text");
		failed = fail_malloc_disarm();
		assert_true(reply || failed);
		if (reply)
			assert_written(
			    reply, "<message type='error' id='1'><error type='cancel'><conflict "
				   "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text "
				   "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>text"
				   "</text></error></message>");
	}
	xml_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_result_swaps_addresses),
	    cmocka_unit_test(test_error_with_and_without_text),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_error_of_the_host),
	    cmocka_unit_test(test_is_error),
	    cmocka_unit_test(test_stream_errors),
	    cmocka_unit_test(test_each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
