/* Tests of xmpp/unacked.c, parcel.c, taken.c and sm.c with a clock that is turned by hand:
 * counting, limits, what depends on time or on memory. What is said, tests/xmpp/sm.txt shows. */
#include "tests/scenario/fake_env.h"
#include "tests/unit/fail_malloc.h"
#include "tests/unit/memory_stream.h"
#include "xmpp/feature.h"
#include "xmpp/sasl_private.h"
#include "xmpp/sm.h"
#include "xmpp/taken.h"
#include "xmpp/unacked.h"

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
#define AUTH                                                                                       \
	"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"                        \
	"AGFsaWNlAHNlY3JldA==</auth>"
#define BIND   "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
#define ENABLE "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
#define ASKED  "<r xmlns='urn:xmpp:sm:3'/>"

/* --- a server with one user, and a client whose connection can be cut --- */

struct world {
	struct fake_clock *clock;
	struct fake_env *fake;
	struct server_host host;
	struct server server;
	struct user *user;
	unsigned present, absent, ready;
	uint64_t arrived;
	unsigned flushes;
	bool no_flush;
	unsigned asked; /* for the marks, of which there is one */
	uint8_t mark[SERVER_MARK_LEN];
	struct client {
		struct world *world;
		struct memory_stream stream;
		struct c2s *c2s;
		struct resource *resource;
		bool ended;
	} client;
};

static int on_credentials(void *arg, const char *user, struct sasl_credentials *credentials)
{
	(void)arg;
	memset(credentials, 0, sizeof(*credentials));
	credentials->iterations = 1;
	assert_int_equal(scram_keys_make(SCRAM_SHA256, "secret", credentials->salt, SCRAM_SALT_LEN,
					 1, &credentials->keys[SCRAM_SHA256]),
			 0);
	return strcmp(user, "alice") == 0 ? 0 : -1;
}

static void on_roster(void *arg, const char *user,
		      void (*each)(void *each_arg, const struct roster_item *item), void *each_arg)
{
	(void)arg;
	(void)user;
	(void)each;
	(void)each_arg;
}

static void on_presence(void *arg, const char *user, const struct server_presence *presence)
{
	struct world *world = arg;

	(void)user;
	if (presence->available)
		world->present++;
	else
		world->absent++;
}

static void on_ready(void *arg, const char *user)
{
	(void)user;
	((struct world *)arg)->ready++;
}

static void on_authenticated(void *arg)
{
	(void)arg;
}

static void on_drained(void *arg)
{
	resource_drained(((struct client *)arg)->resource);
}

static int on_bind(void *arg, const char *resource, char jid[JID_TEXT_SIZE],
		   enum stanza_error *error)
{
	struct client *client = arg;

	(void)resource;
	(void)error;
	client->resource = resource_new(client->world->user, client->c2s, "one");
	assert_non_null(client->resource);
	snprintf(jid, JID_TEXT_SIZE, "%s", client->resource->jid);
	return 0;
}

static void on_stanza(void *arg, struct xml *stanza)
{
	router_route(((struct client *)arg)->resource, stanza);
}

static void on_management(void *arg, const struct xml *element)
{
	sm_element(((struct client *)arg)->resource, element);
}

static void on_ended(void *arg)
{
	struct client *client = arg;

	client->ended = true;
	if (c2s_broken(client->c2s) && sm_wait(client->resource))
		client->resource = NULL;
	else
		resource_end(client->resource);
}

static void on_gone(void *arg)
{
	(void)arg;
}

static const struct c2s_handler handler = {
    .credentials = on_credentials,
    .authenticated = on_authenticated,
    .bind = on_bind,
    .stanza = on_stanza,
    .management = on_management,
    .drained = on_drained,
    .ended = on_ended,
    .gone = on_gone,
};

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));
	struct server *server = &world->server;

	assert_non_null(world);
	world->clock = fake_clock_new(1);
	world->fake = fake_env_new(world->clock);
	world->host = (struct server_host){.credentials = on_credentials,
					   .roster = on_roster,
					   .presence = on_presence,
					   .ready = on_ready};
	server->env = fake_env_env(world->fake);
	server->host = &world->host;
	server->host_arg = world;
	server->domain = strdup("localhost");
	server->c2s = (struct c2s_config){
	    .env = server->env, .domain = server->domain, .plain_without_tls = true};
	world->user = user_get(server, "alice");
	assert_non_null(world->user);
	return world;
}

static void client_close(struct client *client)
{
	c2s_free(&client->c2s);
	if (client->resource)
		resource_end(client->resource);
	resource_free(&client->resource);
	memory_stream_clear(&client->stream);
}

static void world_free(struct world *world)
{
	if (world->client.c2s)
		client_close(&world->client);
	sm_free_waiting(world->user);
	user_free(&world->user);
	free(world->server.domain);
	fake_env_free(&world->fake);
	fake_clock_free(&world->clock);
	free(world);
}

static void say(struct client *client, const char *text)
{
	memory_stream_receive(&client->stream, text, strlen(text), strlen(text));
}

static struct client *log_in(struct world *world, const char *first)
{
	struct client *client = &world->client;

	*client = (struct client){.world = world};
	memory_stream_init(&client->stream);
	client->c2s = c2s_new(&world->server.c2s, &client->stream.stream, &handler, client);
	assert_non_null(client->c2s);
	say(client, HEADER);
	say(client, AUTH);
	say(client, HEADER);
	say(client, BIND);
	assert_non_null(client->resource);
	say(client, first);
	buf_clear(&client->stream.out);
	return client;
}

static void cut(struct client *client)
{
	client->stream.stream.handler->closed(client->stream.stream.arg,
					      &(struct err){.code = ERR_CLOSED});
}

static unsigned said(struct client *client, const char *part)
{
	unsigned count = 0;

	for (const char *at = buf_text(&client->stream.out); (at = strstr(at, part)); at++)
		count++;
	buf_clear(&client->stream.out);
	return count;
}

static struct xml *parse(const char *text)
{
	static const struct xml_limits limits = {1 << 20, 16, 1000};
	struct xml *element = xml_parse_element(text, strlen(text), &limits, NULL);

	assert_non_null(element);
	return element;
}

static unsigned deliver(struct world *world, const char *text)
{
	struct xml *stanza = parse(text);
	unsigned count = message_deliver(world->user, stanza);

	xml_free(&stanza);
	return count;
}

#define MESSAGE(body)                                                                              \
	"<message xmlns='jabber:client' from='aaaa@localhost/tacet'><body>" body "</body></"       \
	"message>"

/* --- the queue --- */

static int add(struct unacked *queue, size_t len)
{
	struct buf text;
	int result;

	buf_init(&text, UNACKED_BYTES_MAX + 1);
	while (text.len < len)
		assert_int_equal(buf_add(&text, "0123456789abcdef", len - text.len < 16 ? 1 : 16),
				 0);
	result = unacked_add(queue, &text, NULL);
	buf_free(&text);
	return result;
}

static void test_counts_go_round(void **state)
{
	struct unacked *queue = unacked_new(UINT32_MAX - 1);

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(add(queue, 10), 0);
	assert_int_equal(unacked_sent(queue), 2);
	assert_int_equal(unacked_acknowledge(queue, 3), -1);
	assert_int_equal(unacked_acknowledge(queue, UINT32_MAX - 2), -1);
	assert_int_equal(unacked_count(queue), 4);
	assert_int_equal(unacked_acknowledge(queue, UINT32_MAX - 1), 0);
	assert_int_equal(unacked_count(queue), 4);
	assert_int_equal(unacked_acknowledge(queue, 0), 0);
	assert_int_equal(unacked_count(queue), 2);
	assert_int_equal(unacked_acknowledged(queue), 0);
	assert_int_equal(unacked_acknowledge(queue, 2), 0);
	assert_int_equal(unacked_count(queue), 0);
	unacked_free(&queue);
}

static void test_queue_is_bounded(void **state)
{
	struct unacked *queue = unacked_new(0);

	(void)state;
	for (unsigned i = 0; i < UNACKED_STANZAS_MAX; i++)
		assert_int_equal(add(queue, 16), 0);
	assert_int_equal(add(queue, 16), -1);
	assert_int_equal(unacked_acknowledge(queue, 1), 0);
	assert_int_equal(add(queue, 16), 0);
	unacked_free(&queue);

	queue = unacked_new(0);
	assert_int_equal(add(queue, UNACKED_BYTES_MAX - 100), 0);
	assert_int_equal(add(queue, 101), -1);
	assert_int_equal(add(queue, 100), 0);
	assert_int_equal(unacked_acknowledge(queue, 2), 0);
	assert_int_equal(add(queue, UNACKED_BYTES_MAX), 0);
	unacked_free(&queue);
}

/* --- parcels --- */

static void test_what_is_worth_a_parcel(void **state)
{
	static const struct {
		const char *text;
		bool wanted;
	} table[] = {
	    {"<message><body>x</body></message>", true},
	    {"<message type='chat'><body>x</body></message>", true},
	    {"<message><received xmlns='urn:xmpp:receipts' id='1'/></message>", true},
	    {"<message/>", false},
	    {"<message type='error'><body>x</body></message>", false},
	    {"<message type='headline'><body>x</body></message>", false},
	    {"<message type='chat'><thread>t</thread>"
	     "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
	     false},
	    {"<message><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>", false},
	    {"<presence><status>x</status></presence>", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct xml *stanza = parse(table[i].text);

		assert_int_equal(parcel_wanted(stanza), table[i].wanted);
		xml_free(&stanza);
	}
}

/* Held twice: only when both have gone, and neither had it, it is kept. */
static void test_last_holder_decides(void **state)
{
	(void)state;
	for (int settled = 0; settled < 2; settled++) {
		struct world *world = world_new();
		struct xml *stanza = parse(MESSAGE("x"));
		struct parcel *one = parcel_new(world->user, stanza), *two = parcel_hold(one);

		if (settled)
			parcel_settle(two);
		parcel_return(&one);
		assert_null(one);
		assert_int_equal(world->user->parcels_kept, 0);
		parcel_return(&two);
		assert_int_equal(world->user->parcels_kept, !settled);
		assert_int_equal(world->user->parcels != NULL, !settled);
		xml_free(&stanza);
		world_free(world);
	}
}

static void test_kept_are_bounded(void **state)
{
	struct world *world = world_new();
	struct client *client;

	(void)state;
	for (int i = 0; i < PARCEL_KEPT_MAX + 2; i++) {
		char text[160];
		struct xml *stanza;
		struct parcel *parcel;

		snprintf(text, sizeof(text), MESSAGE("no %d."), i);
		stanza = parse(text);
		parcel = parcel_new(world->user, stanza);
		parcel_return(&parcel);
		xml_free(&stanza);
	}
	client = log_in(world, "");
	say(client, "<presence/>");
	assert_int_equal(world->user->parcels_kept, 0);
	/* The two oldest have gone. */
	assert_null(strstr(buf_text(&client->stream.out), "no 1."));
	assert_non_null(strstr(buf_text(&client->stream.out), "no 2."));
	assert_int_equal(said(client, "<body>no "), PARCEL_KEPT_MAX);
	memory_stream_drain(&client->stream);
	assert_null(world->user->parcels);
	world_free(world);
}

/* --- sessions --- */

static void test_asks_after_a_silence(void **state)
{
	struct world *world = world_new();
	struct client *client = log_in(world, ENABLE "<presence/>");

	(void)state;
	fake_clock_run(world->clock, SM_ASK_MS - 1);
	assert_int_equal(said(client, ASKED), 0);
	fake_clock_run(world->clock, 1);
	assert_int_equal(said(client, ASKED), 1);
	/* Once, until there is an answer; then again if that does not say all. */
	fake_clock_run(world->clock, 100 * SM_ASK_MS);
	assert_int_equal(said(client, ASKED), 0);
	say(client, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
	fake_clock_run(world->clock, SM_ASK_MS);
	assert_int_equal(said(client, ASKED), 1);
	say(client, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
	fake_clock_run(world->clock, 100 * SM_ASK_MS);
	assert_int_equal(said(client, ASKED), 0);
	world_free(world);
}

static void test_waits_and_ends(void **state)
{
	struct world *world = world_new();
	struct client *client = log_in(world, ENABLE "<presence/>");

	(void)state;
	assert_int_equal(deliver(world, MESSAGE("x")), 1);
	cut(client);
	assert_null(client->resource);
	client_close(client);
	fake_clock_run(world->clock, SM_WAIT_S * 1000 - 1);
	assert_int_equal(world->absent, 0);
	assert_non_null(world->user->resources);
	assert_int_equal(world->user->parcels_kept, 0);
	assert_int_equal(deliver(world, MESSAGE("y")), 0);
	fake_clock_run(world->clock, 1);
	assert_int_equal(world->absent, 1);
	assert_null(world->user->resources);
	assert_int_equal(world->user->parcels_kept, 1);
	/* It comes with the time at which it was sent first. */
	client = log_in(world, "");
	say(client, "<presence/>");
	assert_int_equal(said(client, "stamp='2026-01-01T00:00:00Z'"), 1);
	world_free(world);
}

/* Neither side has ended the stream, but nobody wanted to resume it. */
static void test_does_not_wait_unasked(void **state)
{
	static const char *const first[] = {
	    "",
	    "<enable xmlns='urn:xmpp:sm:3'/>",
	    "<enable xmlns='urn:xmpp:sm:3' resume='false'/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		struct world *world = world_new();
		struct client *client = log_in(world, first[i]);

		say(client, "<presence/>");
		assert_int_equal(deliver(world, MESSAGE("x")), 1);
		memory_stream_drain(&client->stream);
		assert_int_equal(deliver(world, MESSAGE("y")), 1);
		cut(client);
		assert_int_equal(world->absent, 1);
		assert_null(world->user->resources);
		/* Without stream management, what was written counts as arrived. */
		assert_int_equal(world->user->parcels_kept, i > 0 ? 2 : 1);
		world_free(world);
	}
}

static void test_full_queue_ends_the_session(void **state)
{
	struct world *world = world_new();
	struct client *client = log_in(world, ENABLE "<presence/>");
	unsigned count = 0;

	(void)state;
	while (deliver(world, MESSAGE("x")) == 1)
		count++;
	assert_int_equal(count, UNACKED_STANZAS_MAX - 1);
	assert_false(client->ended);
	fake_clock_run(world->clock, 0);
	assert_true(client->ended);
	assert_int_equal(said(client, "<resource-constraint"), 1);
	assert_null(world->user->resources);
	/* What the host has been told to be taken is kept. */
	assert_int_equal(world->user->parcels_kept, count);
	world_free(world);
}

/* --- what was taken --- */

static bool was_taken(const struct resource *resource, const struct xml *message)
{
	uint8_t mark[SERVER_MARK_LEN];

	return taken_before(resource, taken_mark(message, mark) == 0 ? mark : NULL);
}

static void note(const struct resource *resource, const struct xml *message)
{
	uint8_t mark[SERVER_MARK_LEN];

	taken_note(resource, taken_mark(message, mark) == 0 ? mark : NULL);
}

static void test_taken_for_a_while(void **state)
{
	struct world *world = world_new();
	struct xml *message = parse("<message xmlns='jabber:client' id='1' to='aaaa@localhost' "
				    "from='alice@localhost/one'><body>x</body></message>");
	struct xml *without = parse(MESSAGE("x"));
	struct client *client = log_in(world, ENABLE);
	struct resource other = {.user = world->user};

	(void)state;
	assert_false(was_taken(&other, message));
	note(client->resource, message);
	note(client->resource, without);
	assert_false(was_taken(client->resource, message));
	assert_true(was_taken(&other, message));
	assert_false(was_taken(&other, without));
	assert_non_null(xml_set(message, "from", "alice@localhost/two"));
	assert_true(was_taken(&other, message));
	fake_clock_run(world->clock, TAKEN_MS - 1);
	assert_true(was_taken(&other, message));
	fake_clock_run(world->clock, 1);
	assert_false(was_taken(&other, message));

	note(client->resource, message);
	assert_non_null(xml_set(message, "id", "2"));
	assert_false(was_taken(&other, message));
	for (int i = 0; i < TAKEN_MAX - 1; i++)
		note(client->resource, message);
	assert_non_null(xml_set(message, "id", "1"));
	assert_true(was_taken(&other, message));
	note(client->resource, without);
	assert_true(was_taken(&other, message));
	assert_non_null(xml_set(message, "id", "2"));
	note(client->resource, message);
	assert_non_null(xml_set(message, "id", "1"));
	assert_false(was_taken(&other, message));
	xml_free(&message);
	xml_free(&without);
	world_free(world);
}

static void on_marks(void *arg, const char *user, void (*each)(void *each_arg, const uint8_t *mark),
		     void *each_arg)
{
	struct world *world = arg;

	assert_string_equal(user, "alice");
	world->asked++;
	each(each_arg, world->mark);
}

/* What an earlier process has taken, the host still knows; it is asked once. */
static void test_taken_by_an_earlier_process(void **state)
{
	struct world *world = world_new();
	struct xml *message = parse("<message xmlns='jabber:client' id='1' to='aaaa@localhost' "
				    "from='alice@localhost/one'><body>x</body></message>");
	struct client *client = log_in(world, ENABLE);

	(void)state;
	world->host.marks = on_marks;
	assert_int_equal(taken_mark(message, world->mark), 0);
	assert_true(was_taken(client->resource, message));
	fake_clock_run(world->clock, TAKEN_MS - 1);
	assert_true(was_taken(client->resource, message));
	fake_clock_run(world->clock, 1);
	assert_false(was_taken(client->resource, message));
	assert_int_equal(world->asked, 1);
	xml_free(&message);
	world_free(world);
}

static int on_flush(void *arg, struct err *err)
{
	struct world *world = arg;

	world->flushes++;
	return world->no_flush ? err_set(err, ERR_UNAVAILABLE, "the disk is gone") : 0;
}

/* Nothing is acknowledged before the host says that it is safe; it is asked when there is news. */
static void test_acknowledges_what_is_safe(void **state)
{
	struct world *world = world_new();
	struct client *client = log_in(world, ENABLE);

	(void)state;
	world->host.flush = on_flush;
	say(client, ASKED);
	assert_int_equal(said(client, "h='0'"), 1);
	assert_int_equal(world->flushes, 0);
	say(client, "<presence/>" ASKED ASKED);
	/* The rig counts no stanzas by itself. */
	sm_handled(client->resource->sm);
	buf_clear(&client->stream.out);
	say(client, ASKED ASKED);
	assert_int_equal(said(client, "h='1'"), 2);
	assert_int_equal(world->flushes, 1);
	sm_handled(client->resource->sm);
	world->no_flush = true;
	say(client, ASKED);
	assert_int_equal(said(client, "h='1'"), 1);
	world->no_flush = false;
	say(client, ASKED);
	assert_int_equal(said(client, "h='2'"), 1);
	assert_int_equal(world->flushes, 3);
	world_free(world);
}

/* --- what the host keeps until it has arrived --- */

static void on_arrived(void *arg, const char *user, const char *contact, uint64_t token)
{
	struct world *world = arg;

	assert_string_equal(user, "alice");
	assert_string_equal(contact, "aaaa");
	/* In order, once. */
	assert_int_equal(token, world->arrived + 1);
	world->arrived++;
}

static bool store(struct world *world, uint64_t token)
{
	char text[160];
	struct xml *stanza;
	bool taken;

	snprintf(text, sizeof(text), MESSAGE("no %llu."), (unsigned long long)token);
	stanza = parse(text);
	taken = message_deliver_stored(world->user, stanza, "aaaa", token);
	xml_free(&stanza);
	return taken;
}

static void acknowledge(struct client *client, unsigned h)
{
	char text[64];

	snprintf(text, sizeof(text), "<a xmlns='urn:xmpp:sm:3' h='%u'/>", h);
	say(client, text);
}

static void test_stored_until_acknowledged(void **state)
{
	struct world *world = world_new();
	struct client *client;

	(void)state;
	world->host.arrived = on_arrived;
	assert_false(store(world, 1));
	client = log_in(world, ENABLE "<presence/>");
	for (uint64_t token = 1; token <= PARCEL_WINDOW; token++)
		assert_true(store(world, token));
	/* That is the window; the host hears when there is room. */
	assert_false(store(world, PARCEL_WINDOW + 1));
	assert_int_equal(world->arrived, 0);
	assert_int_equal(world->ready, 1);
	acknowledge(client, 1 + 2);
	assert_int_equal(world->arrived, 2);
	assert_int_equal(world->ready, 2);
	acknowledge(client, 1 + 3);
	assert_int_equal(world->arrived, 3);
	assert_int_equal(world->ready, 2);
	assert_true(store(world, PARCEL_WINDOW + 1));
	/* A client that goes for good leaves the rest to the next one, in order and before what is
	 * new. */
	cut(client);
	client_close(client);
	fake_clock_run(world->clock, SM_WAIT_S * 1000);
	assert_int_equal(world->arrived, 3);
	client = log_in(world, ENABLE);
	say(client, "<presence/>");
	assert_null(strstr(buf_text(&client->stream.out), "no 3."));
	assert_in_range(
	    strstr(buf_text(&client->stream.out), "no 4.") - buf_text(&client->stream.out), 1,
	    strstr(buf_text(&client->stream.out), "no 33.") - buf_text(&client->stream.out));
	assert_int_equal(said(client, "<body>no "), PARCEL_WINDOW - 2);
	acknowledge(client, 1 + PARCEL_WINDOW - 2);
	assert_int_equal(world->arrived, PARCEL_WINDOW + 1);
	assert_null(world->user->parcels);
	world_free(world);
}

/* Without stream management: until it was written. */
static void test_stored_until_written(void **state)
{
	struct world *world = world_new();
	struct client *client = log_in(world, "<presence/>");

	(void)state;
	world->host.arrived = on_arrived;
	for (uint64_t token = 1; token <= PARCEL_WINDOW; token++)
		assert_true(store(world, token));
	assert_false(store(world, PARCEL_WINDOW + 1));
	assert_int_equal(world->arrived, 0);
	memory_stream_drain(&client->stream);
	assert_int_equal(world->arrived, PARCEL_WINDOW);
	assert_int_equal(world->ready, 2);
	/* What was not written when the connection broke is for the next one. */
	assert_true(store(world, PARCEL_WINDOW + 1));
	cut(client);
	client_close(client);
	assert_int_equal(world->arrived, PARCEL_WINDOW);
	client = log_in(world, "");
	say(client, "<presence/>");
	assert_int_equal(said(client, "<body>no 33."), 1);
	memory_stream_drain(&client->stream);
	assert_int_equal(world->arrived, PARCEL_WINDOW + 1);
	world_free(world);
}

/* A client that reads slower than the others write. */
static void test_nothing_is_lost_behind_many(void **state)
{
	struct world *world = world_new();
	struct client *client = log_in(world, "<presence/>");

	(void)state;
	world->host.arrived = on_arrived;
	for (unsigned i = 0; i < UNACKED_STANZAS_MAX + 100; i++)
		assert_int_equal(deliver(world, MESSAGE("x")), 1);
	/* What the host keeps waits with the host. */
	assert_false(store(world, 1));
	assert_int_equal(said(client, "<body>x</body>"), UNACKED_STANZAS_MAX + 100);
	memory_stream_drain(&client->stream);
	assert_true(store(world, 1));
	assert_int_equal(world->user->parcels_kept, 0);
	world_free(world);
}

/* --- memory --- */

/* Whichever allocation fails: the message is with the client, or kept, or still the host's. */
static void test_each_allocation_fails(void **state)
{
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		struct world *world = world_new();
		struct client *client = log_in(world, ENABLE "<presence/>");
		struct xml *stanza = parse(MESSAGE("x"));
		unsigned count;

		fail_malloc_arm(n);
		count = message_deliver(world->user, stanza);
		failed = fail_malloc_disarm();
		if (!failed)
			assert_int_equal(count, 1);
		fake_clock_run(world->clock, 0);
		if (!client->ended)
			cut(client);
		fake_clock_run(world->clock, SM_WAIT_S * 1000);
		assert_null(world->user->resources);
		assert_int_equal(world->user->parcels_kept, count);
		assert_int_equal(world->user->parcels != NULL, count == 1);
		xml_free(&stanza);
		world_free(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_counts_go_round),
	    cmocka_unit_test(test_queue_is_bounded),
	    cmocka_unit_test(test_what_is_worth_a_parcel),
	    cmocka_unit_test(test_last_holder_decides),
	    cmocka_unit_test(test_kept_are_bounded),
	    cmocka_unit_test(test_asks_after_a_silence),
	    cmocka_unit_test(test_waits_and_ends),
	    cmocka_unit_test(test_does_not_wait_unasked),
	    cmocka_unit_test(test_full_queue_ends_the_session),
	    cmocka_unit_test(test_taken_for_a_while),
	    cmocka_unit_test(test_taken_by_an_earlier_process),
	    cmocka_unit_test(test_acknowledges_what_is_safe),
	    cmocka_unit_test(test_stored_until_acknowledged),
	    cmocka_unit_test(test_stored_until_written),
	    cmocka_unit_test(test_nothing_is_lost_behind_many),
	    cmocka_unit_test(test_each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
