/* Tests of xmpp/c2s.c and c2s_negotiate.c on a stream in memory, with a clock that is turned by
 * hand: what depends on time, on pieces of input, on memory. What is said, tests/xmpp shows. */
#include "tests/scenario/fake_env.h"
#include "tests/unit/fail_malloc.h"
#include "tests/unit/memory_stream.h"
#include "xmpp/c2s.h"
#include "xmpp/sasl_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADER                                                                                     \
	"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "                       \
	"xmlns:stream='http://etherx.jabber.org/streams'>"
#define AUTH(text)                                                                                 \
	"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" text "</auth>"
#define RIGHT AUTH("AGFsaWNlAHNlY3JldA==") /* \0alice\0secret */
#define WRONG AUTH("AGFsaWNlAHdyb25n")     /* \0alice\0wrong */
#define BIND                                                                                       \
	"<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"                    \
	"<resource>phone</resource></bind></iq>"

/* --- an owner --- */

struct owner {
	struct fake_clock *clock;
	struct fake_env *fake;
	struct c2s_config config;
	struct memory_stream stream;
	struct c2s *c2s;
	struct sasl_credentials credentials;
	bool refuse_bind;
	unsigned authenticated, bound, stanzas, management, ended, gone;
};

static int on_credentials(void *arg, const char *user, struct sasl_credentials *credentials)
{
	struct owner *owner = arg;

	*credentials = owner->credentials;
	return strcmp(user, "alice") == 0 ? 0 : -1;
}

static void on_authenticated(void *arg)
{
	((struct owner *)arg)->authenticated++;
}

static int on_bind(void *arg, const char *resource, char jid[JID_TEXT_SIZE],
		   enum stanza_error *error)
{
	struct owner *owner = arg;

	*error = STANZA_RESOURCE_CONSTRAINT;
	if (owner->refuse_bind)
		return -1;
	owner->bound++;
	snprintf(jid, JID_TEXT_SIZE, "alice@localhost/%s", resource ? resource : "made-up");
	return 0;
}

static void on_stanza(void *arg, struct xml *stanza)
{
	((struct owner *)arg)->stanzas++;
	xml_free(&stanza);
}

static void on_management(void *arg, const struct xml *element)
{
	struct owner *owner = arg;

	owner->management++;
	if (xml_is(element, "resume", NULL))
		c2s_resume(owner->c2s);
	c2s_send_management(owner->c2s, element);
}

static void on_ended(void *arg)
{
	((struct owner *)arg)->ended++;
}

static void on_gone(void *arg)
{
	struct owner *owner = arg;

	owner->gone++;
	c2s_free(&owner->c2s);
}

static const struct c2s_handler handler = {
    .credentials = on_credentials,
    .authenticated = on_authenticated,
    .bind = on_bind,
    .stanza = on_stanza,
    .management = on_management,
    .ended = on_ended,
    .gone = on_gone,
};

static struct owner *owner_new(void)
{
	struct owner *owner = calloc(1, sizeof(*owner));

	assert_non_null(owner);
	owner->clock = fake_clock_new(1);
	owner->fake = fake_env_new(owner->clock);
	owner->config = (struct c2s_config){
	    .env = fake_env_env(owner->fake), .domain = "localhost", .plain_without_tls = true};
	/* One iteration is weak and quick. */
	owner->credentials.iterations = 1;
	assert_int_equal(scram_keys_make(SCRAM_SHA256, "secret", owner->credentials.salt,
					 SCRAM_SALT_LEN, 1, &owner->credentials.keys[SCRAM_SHA256]),
			 0);
	memory_stream_init(&owner->stream);
	return owner;
}

static void owner_open(struct owner *owner)
{
	owner->c2s = c2s_new(&owner->config, &owner->stream.stream, &handler, owner);
}

static void owner_free(struct owner *owner)
{
	c2s_free(&owner->c2s);
	fake_env_free(&owner->fake);
	fake_clock_free(&owner->clock);
	memory_stream_clear(&owner->stream);
	free(owner);
}

static void receive(struct owner *owner, const char *text, size_t piece)
{
	memory_stream_receive(&owner->stream, text, strlen(text), piece);
}

static void say(struct owner *owner, const char *text)
{
	receive(owner, text, strlen(text));
}

static void assert_said(struct owner *owner, const char *part)
{
	if (!strstr(buf_text(&owner->stream.out), part))
		fail_msg("not in what was said: %s\n%s", part, buf_text(&owner->stream.out));
	buf_clear(&owner->stream.out);
}

static void log_in(struct owner *owner)
{
	owner_open(owner);
	assert_non_null(owner->c2s);
	say(owner, HEADER);
	say(owner, RIGHT);
	say(owner, HEADER);
	say(owner, BIND);
	assert_int_equal(owner->bound, 1);
	buf_clear(&owner->stream.out);
}

/* --- tests --- */

static void test_pieces_of_any_size(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 7, 64, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct owner *owner = owner_new();

		owner_open(owner);
		receive(owner, HEADER, sizes[i]);
		receive(owner, RIGHT, sizes[i]);
		assert_int_equal(owner->authenticated, 1);
		receive(owner, HEADER, sizes[i]);
		receive(owner, BIND "<presence/> <message/>\n<iq/>", sizes[i]);
		assert_int_equal(owner->bound, 1);
		assert_int_equal(owner->stanzas, 3);
		assert_string_equal(c2s_user(owner->c2s), "alice");
		assert_said(owner, "<jid>alice@localhost/phone</jid>");
		receive(owner, "</stream:stream>", sizes[i]);
		assert_said(owner, "</stream:stream>");
		assert_int_equal(owner->ended, 1);
		assert_true(owner->stream.finished);
		owner_free(owner);
	}
}

/* However far a client has come, half a minute is all until a resource is bound. */
static void test_negotiation_ends_in_time(void **state)
{
	static const char *const steps[] = {NULL, HEADER, RIGHT, HEADER};

	(void)state;
	for (size_t count = 1; count <= sizeof(steps) / sizeof(steps[0]); count++) {
		struct owner *owner = owner_new();

		owner_open(owner);
		for (size_t i = 1; i < count; i++) {
			fake_clock_run(owner->clock, 1000);
			say(owner, steps[i]);
		}
		fake_clock_run(owner->clock, C2S_NEGOTIATION_MS - 1 - fake_clock_now(owner->clock));
		assert_int_equal(owner->ended, 0);
		fake_clock_run(owner->clock, 1);
		assert_int_equal(owner->ended, 1);
		assert_said(owner, "<connection-timeout");
		owner_free(owner);
	}
}

static void test_bound_stream_has_no_limit_of_time(void **state)
{
	struct owner *owner = owner_new();

	(void)state;
	log_in(owner);
	fake_clock_run(owner->clock, 24 * 3600 * INT64_C(1000));
	assert_int_equal(owner->ended, 0);
	say(owner, " <presence/>");
	assert_int_equal(owner->stanzas, 1);
	owner_free(owner);
}

/* Each failure is told later than the one before, and the fifth is the last. */
static void test_failures_take_longer_and_longer(void **state)
{
	struct owner *owner = owner_new();
	int64_t delay = C2S_SASL_DELAY_MS;

	(void)state;
	owner_open(owner);
	say(owner, HEADER);
	for (int i = 0; i < C2S_SASL_ATTEMPTS; i++, delay *= 2) {
		buf_clear(&owner->stream.out);
		say(owner, WRONG);
		assert_true(owner->stream.paused);
		fake_clock_run(owner->clock, delay - 1);
		assert_int_equal(owner->stream.out.len, 0);
		fake_clock_run(owner->clock, 1);
		assert_false(owner->stream.paused);
		assert_non_null(strstr(buf_text(&owner->stream.out), "<not-authorized/>"));
	}
	assert_said(owner, "<policy-violation");
	assert_int_equal(owner->ended, 1);
	assert_int_equal(owner->authenticated, 0);
	owner_free(owner);
}

/* The stream of a client that does not take the last bytes does not stay for ever. */
static void test_lingering_ends(void **state)
{
	struct owner *owner = owner_new();

	(void)state;
	log_in(owner);
	c2s_end(owner->c2s, STREAM_CONFLICT, NULL);
	assert_said(owner, "<conflict");
	assert_int_equal(owner->ended, 1);
	assert_int_equal(owner->gone, 0);
	/* Nothing is sent, heard or ended any more. */
	c2s_end(owner->c2s, STREAM_RESET, NULL);
	owner->stream.finished = false; /* what came before the end was noticed */
	say(owner, "<presence/>");
	assert_int_equal(owner->stream.out.len, 0);
	assert_int_equal(owner->stanzas, 0);
	fake_clock_run(owner->clock, C2S_LINGER_MS);
	assert_int_equal(owner->gone, 1);
	assert_int_equal(owner->ended, 1);
	assert_true(owner->stream.freed);
	owner_free(owner);
}

static void test_connection_is_gone(void **state)
{
	struct owner *owner = owner_new();
	struct err why = {.code = ERR_CLOSED, .text = "closed"};

	(void)state;
	log_in(owner);
	owner->stream.stream.handler->closed(owner->stream.stream.arg, &why);
	assert_int_equal(owner->ended, 1);
	assert_int_equal(owner->gone, 1);
	assert_true(owner->stream.freed);
	owner_free(owner);
}

/* The end of a stream that is being sent to comes from the loop, never from within c2s_send. */
static void test_full_queue(void **state)
{
	struct owner *owner = owner_new();
	struct xml *stanza = xml_new("message", NS_CLIENT);

	(void)state;
	log_in(owner);
	owner->stream.queued = C2S_QUEUE_MAX - 10;
	c2s_send(owner->c2s, stanza);
	assert_int_equal(owner->stream.out.len, strlen("<message/>"));
	owner->stream.queued = C2S_QUEUE_MAX - 9;
	c2s_send(owner->c2s, stanza);
	c2s_send(owner->c2s, stanza);
	assert_int_equal(owner->stream.out.len, strlen("<message/>"));
	assert_int_equal(owner->ended, 0);
	fake_clock_run(owner->clock, 0);
	assert_int_equal(owner->ended, 1);
	assert_int_equal(owner->gone, 1);
	xml_free(&stanza);
	owner_free(owner);
}

static void test_refused_resource_can_be_asked_for_again(void **state)
{
	struct owner *owner = owner_new();

	(void)state;
	owner->refuse_bind = true;
	owner_open(owner);
	say(owner, HEADER);
	say(owner, RIGHT);
	say(owner, HEADER);
	say(owner, BIND);
	assert_said(owner, "<resource-constraint");
	owner->refuse_bind = false;
	say(owner, BIND);
	assert_said(owner, "<jid>alice@localhost/phone</jid>");
	owner_free(owner);
}

/* Whatever allocation fails, the stream either works or ends, and nothing leaks or crashes. */
static void test_each_allocation_fails(void **state)
{
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		struct owner *owner = owner_new();

		owner_open(owner);
		fail_malloc_arm(n);
		say(owner, HEADER);
		say(owner, RIGHT);
		say(owner, HEADER);
		say(owner, BIND);
		say(owner, "<presence><status>x</status></presence>");
		failed = fail_malloc_disarm();
		assert_true(failed || owner->stanzas == 1);
		owner_free(owner);
	}
}

/* One that sends too much is read more slowly, and loses nothing. */
static void test_slowed_down(void **state)
{
	struct owner *owner = owner_new();
	char message[4096];
	size_t sent = 0;

	(void)state;
	log_in(owner);
	snprintf(message, sizeof(message), "<message><body>%03900d</body></message>", 0);
	while (!owner->stream.paused) {
		say(owner, message);
		sent++;
	}
	/* Its bytes and what each stanza costs, from what may come at once. */
	assert_in_range(sent, C2S_BYTES_AT_ONCE / (strlen(message) + C2S_STANZA_COST),
			C2S_BYTES_AT_ONCE / (strlen(message) + C2S_STANZA_COST) + 1);
	assert_int_equal(owner->stanzas, sent);
	fake_clock_run(owner->clock, 5);
	assert_false(owner->stream.paused);
	/* In the long run so much a second, and no more. */
	for (sent = 0; fake_clock_now(owner->clock) < 60005;) {
		if (owner->stream.paused)
			fake_clock_run(owner->clock, 1);
		else {
			say(owner, message);
			sent++;
		}
	}
	assert_in_range(sent * (strlen(message) + C2S_STANZA_COST), 59 * C2S_BYTES_A_SECOND,
			61 * C2S_BYTES_A_SECOND);
	assert_int_equal(owner->ended, 0);
	fake_clock_run(owner->clock, 60000);
	assert_false(owner->stream.paused);
	owner_free(owner);
}

/* Before the login it is much less; a failure that is being delayed is not read on for that. */
static void test_stranger_slowed_down(void **state)
{
	struct owner *owner = owner_new();
	char spaces[8193];

	(void)state;
	memset(spaces, ' ', sizeof(spaces) - 1);
	spaces[sizeof(spaces) - 1] = '\0';
	owner_open(owner);
	say(owner, HEADER);
	for (int i = 0; i < C2S_STRANGER_BYTES_AT_ONCE / (int)(sizeof(spaces) - 1) - 1; i++) {
		say(owner, spaces);
		assert_false(owner->stream.paused);
	}
	say(owner, spaces);
	assert_true(owner->stream.paused);
	fake_clock_run(owner->clock, 1000);
	assert_false(owner->stream.paused);
	say(owner, WRONG);
	assert_true(owner->stream.paused);
	fake_clock_run(owner->clock, C2S_SASL_DELAY_MS - 1);
	assert_true(owner->stream.paused);
	fake_clock_run(owner->clock, 1000);
	assert_false(owner->stream.paused);
	assert_said(owner, "<not-authorized/>");
	say(owner, RIGHT);
	assert_int_equal(owner->authenticated, 1);
	owner_free(owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pieces_of_any_size),
	    cmocka_unit_test(test_negotiation_ends_in_time),
	    cmocka_unit_test(test_slowed_down),
	    cmocka_unit_test(test_stranger_slowed_down),
	    cmocka_unit_test(test_bound_stream_has_no_limit_of_time),
	    cmocka_unit_test(test_failures_take_longer_and_longer),
	    cmocka_unit_test(test_lingering_ends),
	    cmocka_unit_test(test_connection_is_gone),
	    cmocka_unit_test(test_full_queue),
	    cmocka_unit_test(test_refused_resource_can_be_asked_for_again),
	    cmocka_unit_test(test_each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
