/* Tests of features of the server with a clock that is turned by hand: how long forms and pictures
 * are kept, and that no failed allocation harms. What is said, tests/xmpp shows. */
#include "tests/scenario/fake_env.h"
#include "tests/unit/fail_malloc.h"
#include "tests/unit/memory_stream.h"
#include "xmpp/csi.h"
#include "xmpp/feature.h"
#include "xmpp/pep.h"
#include "xmpp/sasl_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS (60 * 1000)
#define HEADER                                                                                     \
	"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "                       \
	"xmlns:stream='http://etherx.jabber.org/streams'>"
#define AUTH                                                                                       \
	"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA=="    \
	"</auth>"
#define BIND "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
#define COMMAND(attributes, content)                                                               \
	"<iq type='set' id='2' to='localhost'><command xmlns='http://jabber.org/protocol/"         \
	"commands' node='form' " attributes ">" content "</command></iq>"
#define SUBMIT "<x xmlns='jabber:x:data' type='submit'><field var='n'><value>v</value></field></x>"

/* --- a server with one stream, in memory --- */

struct world {
	struct fake_clock *clock;
	struct fake_env *fake;
	struct server server;
	struct memory_stream stream;
	struct c2s *c2s;
	struct resource *resource;
	struct sasl_credentials credentials;
	uint8_t picture[70000];
	size_t picture_len;
	unsigned given_away; /* how often the host was asked about, or told to tell, a stranger */
};

static int on_credentials(void *arg, const char *user, struct sasl_credentials *credentials)
{
	*credentials = ((struct world *)arg)->credentials;
	return strcmp(user, "alice") == 0 ? 0 : -1;
}

static const struct roster_item anna = {
    .contact = "aaaa", .name = "Anna", .subscription = SUBSCRIPTION_BOTH};

static void on_roster(void *arg, const char *user,
		      void (*each)(void *each_arg, const struct roster_item *item), void *each_arg)
{
	(void)arg;
	(void)user;
	each(each_arg, &anna);
}

static void on_contact_presence(void *arg, const char *user, const char *contact,
				struct server_presence *presence)
{
	(void)arg;
	(void)user;
	(void)contact;
	presence->available = true;
}

static void on_presence(void *arg, const char *user, const struct server_presence *presence)
{
	(void)arg;
	(void)user;
	(void)presence;
}

static void on_ready(void *arg, const char *user)
{
	(void)arg;
	(void)user;
}

static int on_account(void *arg, const char *user, const char *password, struct err *err)
{
	(void)arg;
	return *user && *password ? 0 : err_set(err, ERR_INPUT, "nothing");
}

static int on_block(void *arg, const char *user, const char *contact, bool blocked, struct err *err)
{
	(void)arg;
	(void)user;
	(void)contact;
	(void)blocked;
	(void)err;
	return 0;
}

static void on_block_list(void *arg, const char *user,
			  void (*each)(void *each_arg, const char *contact), void *each_arg)
{
	(void)arg;
	(void)user;
	each(each_arg, "bbbb");
}

static void on_invisible(void *arg, const char *user, bool invisible)
{
	(void)arg;
	(void)user;
	(void)invisible;
}

static void on_directed(void *arg, const char *user, const char *contact,
			const struct server_presence *presence)
{
	(void)arg;
	(void)user;
	(void)contact;
	(void)presence;
}

static void on_requests(void *arg, const char *user,
			void (*each)(void *each_arg, const struct server_request *request),
			void *each_arg)
{
	(void)arg;
	(void)user;
	each(each_arg,
	     &(struct server_request){.contact = "cccc", .name = "Carl", .text = "hello"});
}

static void run_form(void *arg, const char *user, const char *(*get)(void *form, const char *name),
		     void *form,
		     void (*answer)(void *answer_arg, const struct server_answer *answer),
		     void *answer_arg)
{
	const struct world *world = arg;
	const char *value = get(form, "n");

	(void)user;
	answer(answer_arg, &(struct server_answer){.note = value ? value : "none",
						   .png = world->picture,
						   .png_len = world->picture_len});
}

static const struct server_field form[] = {{.name = "n", .label = "N", .type = "text-single"},
					   {.name = NULL}};
static const struct server_command commands[] = {
    {.node = "form", .name = "Form", .form = form, .run = run_form}, {.node = NULL}};

static const struct server_host host = {
    .credentials = on_credentials,
    .roster = on_roster,
    .contact_presence = on_contact_presence,
    .presence = on_presence,
    .ready = on_ready,
    .account_create = on_account,
    .account_password = on_account,
    .block = on_block,
    .block_list = on_block_list,
    .invisible = on_invisible,
    .directed = on_directed,
    .requests = on_requests,
    .commands = commands,
};

static int on_client_credentials(void *arg, const char *user, struct sasl_credentials *credentials)
{
	return on_credentials(arg, user, credentials);
}

static struct xml *on_registration(void *arg, struct xml *iq)
{
	return register_stranger(&((struct world *)arg)->server, iq);
}

static void on_authenticated(void *arg)
{
	(void)arg;
}

static int on_bind(void *arg, const char *resource, char jid[JID_TEXT_SIZE],
		   enum stanza_error *error)
{
	struct world *world = arg;
	struct user *user = user_get(&world->server, "alice");

	(void)resource;
	*error = STANZA_RESOURCE_CONSTRAINT;
	world->resource = user ? resource_new(user, world->c2s, "phone") : NULL;
	if (!world->resource)
		return -1;
	snprintf(jid, JID_TEXT_SIZE, "%s", world->resource->jid);
	return 0;
}

static void on_stanza(void *arg, struct xml *stanza)
{
	router_route(((struct world *)arg)->resource, stanza);
}

static void on_ended(void *arg)
{
	struct world *world = arg;

	if (world->resource)
		resource_end(world->resource);
}

static void on_gone(void *arg)
{
	(void)arg;
}

static const struct c2s_handler handler = {
    .credentials = on_client_credentials,
    .registration = on_registration,
    .authenticated = on_authenticated,
    .bind = on_bind,
    .stanza = on_stanza,
    .ended = on_ended,
    .gone = on_gone,
};

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->clock = fake_clock_new(1);
	world->fake = fake_env_new(world->clock);
	world->picture_len = 100;
	world->server =
	    (struct server){.env = fake_env_env(world->fake), .host = &host, .host_arg = world};
	world->server.domain = strdup("localhost");
	world->server.c2s = (struct c2s_config){.env = world->server.env,
						.domain = world->server.domain,
						.plain_without_tls = true,
						.registration = true};
	register_init(&world->server);
	/* One iteration is weak and quick. */
	world->credentials.iterations = 1;
	assert_int_equal(scram_keys_make(SCRAM_SHA256, "secret", world->credentials.salt,
					 SCRAM_SALT_LEN, 1, &world->credentials.keys[SCRAM_SHA256]),
			 0);
	memory_stream_init(&world->stream);
	world->c2s = c2s_new(&world->server.c2s, &world->stream.stream, &handler, world);
	assert_non_null(world->c2s);
	return world;
}

static void world_free(struct world *world)
{
	struct user *user;

	if (world->resource)
		resource_end(world->resource);
	c2s_free(&world->c2s);
	resource_free(&world->resource);
	while ((user = world->server.users)) {
		world->server.users = user->next;
		user_free(&user);
	}
	memory_stream_clear(&world->stream);
	fake_env_free(&world->fake);
	fake_clock_free(&world->clock);
	free(world->server.domain);
	free(world);
}

/* What is said in answer; lives until the next call. */
static const char *say(struct world *world, const char *text)
{
	buf_clear(&world->stream.out);
	memory_stream_receive(&world->stream, text, strlen(text), strlen(text));
	return buf_text(&world->stream.out);
}

static struct world *world_logged_in(void)
{
	struct world *world = world_new();

	say(world, HEADER);
	say(world, AUTH);
	say(world, HEADER);
	say(world, BIND);
	assert_non_null(world->resource);
	return world;
}

/* The value of an attribute in text; name with the "=" at its end. */
static void copy_attribute(const char *text, const char *name, char *out, size_t size)
{
	const char *at = strstr(text, name);

	assert_non_null(at);
	at += strlen(name) + 1;
	snprintf(out, size, "%.*s", (int)strcspn(at, "'\""), at);
}

static void open_form(struct world *world, char id[64])
{
	copy_attribute(say(world, COMMAND("", "")), "sessionid=", id, 64);
}

static const char *submit(struct world *world, const char *id)
{
	char text[512];

	snprintf(text, sizeof(text), COMMAND("sessionid='%s'", SUBMIT), id);
	return say(world, text);
}

/* --- the tests --- */

static void test_forms_stay_open_for_ten_minutes(void **state)
{
	struct world *world = world_logged_in();
	char first[64], second[64];

	(void)state;
	open_form(world, first);
	fake_clock_run(world->clock, 1);
	open_form(world, second);
	assert_string_not_equal(first, second);
	fake_clock_run(world->clock, 10 * MINUTE_MS - 1);
	assert_non_null(strstr(submit(world, first), "<session-expired"));
	assert_non_null(strstr(submit(world, first), "<bad-sessionid"));
	assert_non_null(strstr(submit(world, second), "completed"));
	world_free(world);
}

/* A picture of its own for each number. */
static void get_picture(struct world *world, uint8_t number, char cid[128])
{
	char id[64];

	world->picture[0] = number;
	open_form(world, id);
	copy_attribute(submit(world, id), " cid=", cid, 128);
}

static bool is_kept(struct world *world, const char *cid)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "<iq type='get' id='3' to='localhost'><data xmlns='urn:xmpp:bob' cid='%s'/></iq>",
		 cid);
	return strstr(say(world, text), "image/png") != NULL;
}

static void test_pictures_are_kept_for_ten_minutes(void **state)
{
	struct world *world = world_logged_in();
	char cid[128];

	(void)state;
	get_picture(world, 1, cid);
	fake_clock_run(world->clock, 10 * MINUTE_MS - 1);
	assert_true(is_kept(world, cid));
	fake_clock_run(world->clock, 1);
	assert_false(is_kept(world, cid));
	/* The same again lives as long again. */
	get_picture(world, 1, cid);
	fake_clock_run(world->clock, 5 * MINUTE_MS);
	get_picture(world, 1, cid);
	fake_clock_run(world->clock, 10 * MINUTE_MS - 1);
	assert_true(is_kept(world, cid));
	world_free(world);
}

static void test_four_pictures_are_kept(void **state)
{
	struct world *world = world_logged_in();
	char cids[5][128];

	(void)state;
	for (uint8_t i = 0; i < 4; i++)
		get_picture(world, i, cids[i]);
	assert_true(is_kept(world, cids[0]));
	get_picture(world, 4, cids[4]);
	assert_false(is_kept(world, cids[0]));
	for (size_t i = 1; i < 5; i++)
		assert_true(is_kept(world, cids[i]));
	world_free(world);
}

static void test_largest_picture(void **state)
{
	struct world *world = world_logged_in();
	char id[64];

	(void)state;
	world->picture_len = 64 * 1024;
	open_form(world, id);
	assert_non_null(strstr(submit(world, id), "image/png"));
	world->picture_len++;
	open_form(world, id);
	assert_null(strstr(submit(world, id), "image/png"));
	assert_non_null(strstr(buf_text(&world->stream.out), "completed"));
	world_free(world);
}

#define LARGE_TEXT 200000

/* A large presence of one of many, told to the resource. */
static void show_large(struct world *world, unsigned number, const char *text)
{
	struct xml *presence = xml_new("presence", NS_CLIENT);
	char from[32];

	snprintf(from, sizeof(from), "c%u@localhost/tacet", number);
	xml_set(presence, "from", from);
	assert_non_null(xml_text_add(xml_child_add(presence, "status", NULL), text));
	resource_send(world->resource, presence);
	xml_free(&presence);
}

static unsigned count_large(const struct world *world)
{
	const char *at = buf_text(&world->stream.out);
	unsigned count = 0;
	char from[40];

	/* In their order, too. */
	for (;;) {
		snprintf(from, sizeof(from), "from='c%u@localhost", count);
		at = strstr(at, from);
		if (!at)
			return count;
		count++;
	}
}

static void test_an_inactive_client_holds_a_megabyte(void **state)
{
	struct world *world = world_logged_in();
	char *text = calloc(1, LARGE_TEXT + 1);
	struct xml *inactive;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LARGE_TEXT);
	inactive = xml_new("inactive", NS_CSI);
	csi_element(world->resource, inactive);
	xml_free(&inactive);
	for (unsigned i = 0; i < 5; i++)
		show_large(world, i, text);
	assert_int_equal(count_large(world), 0);
	/* The oldest goes out for it. */
	show_large(world, 5, text);
	assert_int_equal(count_large(world), 1);
	/* One of the same contact takes the place of its former. */
	show_large(world, 5, text);
	assert_int_equal(count_large(world), 1);
	csi_active(world->resource);
	assert_int_equal(count_large(world), 6);
	free(text);
	world_free(world);
}

static void test_three_accounts_a_minute(void **state)
{
	static const char create[] = "<iq type='set' id='4'><query xmlns='jabber:iq:register'>"
				     "<username>x</username><password>y</password></query></iq>";
	struct world *world = world_new();

	(void)state;
	say(world, HEADER);
	for (int i = 0; i < 3; i++)
		assert_non_null(strstr(say(world, create), "result"));
	assert_non_null(strstr(say(world, create), "resource-constraint"));
	/* Before the time to log in is over. */
	world->server.accounts.window_ms = C2S_NEGOTIATION_MS - 1;
	fake_clock_run(world->clock, C2S_NEGOTIATION_MS - 2);
	assert_non_null(strstr(say(world, create), "resource-constraint"));
	fake_clock_run(world->clock, 1);
	assert_non_null(strstr(say(world, create), "result"));
	world_free(world);
}

static void test_each_allocation_fails(void **state)
{
	static const char *const said[] = {
	    "<presence/>",
	    "<presence to='aaaa@localhost'><status>x</status></presence>",
	    "<presence to='aaaa@localhost' type='unavailable'/>",
	    "<iq type='set' id='5'><invisible xmlns='urn:xmpp:invisible:1' probe='1'/></iq>",
	    "<iq type='set' id='6'><visible xmlns='urn:xmpp:invisible:1'/></iq>",
	    "<iq type='get' id='7'><blocklist xmlns='urn:xmpp:blocking'/></iq>",
	    "<iq type='set' id='8'><block xmlns='urn:xmpp:blocking'><item jid='bbbb@localhost'/>"
	    "</block></iq>",
	    "<iq type='set' id='9'><unblock xmlns='urn:xmpp:blocking'/></iq>",
	    "<message to='bbbb@localhost'><body>x</body></message>",
	    "<iq type='get' id='a'><query xmlns='jabber:iq:register'/></iq>",
	    "<iq type='set' id='b'><query xmlns='jabber:iq:register'><username>alice</username>"
	    "<password>y</password></query></iq>",
	    "<iq type='get' id='c' to='localhost'><query xmlns='http://jabber.org/protocol/"
	    "disco#items' node='http://jabber.org/protocol/commands'/></iq>",
	    "<iq type='get' id='d'><query xmlns='jabber:iq:private'><a xmlns='b'/></query></iq>",
	    "<iq type='get' id='e'><vCard xmlns='vcard-temp'/></iq>",
	    COMMAND("", ""),
	};
	bool failed = true;

	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		for (long n = 0; (failed || n == 0) && n < 1000; n++) {
			struct world *world = world_logged_in();

			if (i > 0)
				say(world, said[0]);
			fail_malloc_arm(n);
			say(world, said[i]);
			failed = fail_malloc_disarm();
			world_free(world);
		}
	assert_false(failed);
}

/* The answer of a command is the longest chain. */
static void test_each_allocation_of_a_command_fails(void **state)
{
	bool failed = true;

	(void)state;
	for (long n = 0; failed && n < 1000; n++) {
		struct world *world = world_logged_in();
		char id[64];

		open_form(world, id);
		fail_malloc_arm(n);
		submit(world, id);
		failed = fail_malloc_disarm();
		assert_true(failed || strstr(buf_text(&world->stream.out), "image/png"));
		world_free(world);
	}
	assert_false(failed);
}

/* --- strangers, in every feature --- */

/* Somebody who is in nobody's roster here, or in that of another user of this daemon only. */
#define STRANGER "zzzz"

static void give_away(void *arg, const char *contact)
{
	if (strcmp(contact, STRANGER) == 0)
		((struct world *)arg)->given_away++;
}

static void on_presence_asked(void *arg, const char *user, const char *contact,
			      struct server_presence *presence)
{
	give_away(arg, contact);
	on_contact_presence(arg, user, contact, presence);
}

static void on_presence_shown(void *arg, const char *user, const char *contact,
			      const struct server_presence *presence)
{
	(void)user;
	(void)presence;
	give_away(arg, contact);
}

static int on_unknown(void *arg, const char *user, const char *contact, struct err *err)
{
	(void)arg;
	(void)user;
	(void)contact;
	return err_set(err, ERR_NOT_FOUND, "no such contact");
}

static int on_message(void *arg, const char *user, const char *contact, struct xml *message,
		      const uint8_t *mark, struct err *err)
{
	(void)message;
	(void)mark;
	return on_unknown(arg, user, contact, err);
}

static void on_contact_asked(void *arg, const char *user, const char *contact,
			     const struct xml *payload, uint64_t token)
{
	(void)user;
	(void)payload;
	(void)token;
	give_away(arg, contact);
}

static char *on_item(void *arg, const char *user, const char *space, const char *node,
		     const char *id)
{
	(void)user;
	(void)node;
	(void)id;
	give_away(arg, space);
	return NULL;
}

static int on_items(void *arg, const char *user, const char *space, const char *node,
		    int (*each)(void *each_arg, const char *id, const char *text), void *each_arg,
		    struct err *err)
{
	(void)user;
	(void)node;
	(void)each;
	(void)each_arg;
	(void)err;
	give_away(arg, space);
	return 0;
}

static const struct pep_host strangers_pep = {
    .get = on_item, .items = on_items, .ask = on_contact_asked};

/* What a client would say to use the route, to a contact; with an id in which no name stands. */
static void write_stanza(const struct route *route, const char *to, char *out, size_t size)
{
	const char *name = route->name ? route->name : "x";

	if (route->kind == ROUTE_MESSAGE)
		snprintf(out, size, "<message to='%s' id='5'><body>x</body></message>", to);
	else if (route->kind == ROUTE_PRESENCE && *name)
		snprintf(out, size, "<presence to='%s' type='%s'/>", to, name);
	else if (route->kind == ROUTE_PRESENCE)
		snprintf(out, size, "<presence to='%s'/>", to);
	else
		snprintf(out, size,
			 "<iq to='%s' type='%s' id='5'><%s xmlns='%s'><items node='n'/></%s></iq>",
			 to, route->kind == ROUTE_IQ_GET ? "get" : "set", name,
			 route->ns ? route->ns : "urn:x", name);
}

/* Whoever is no contact of the user is answered for as if nobody were there, whatever is asked. */
static void test_strangers_in_every_feature(void **state)
{
	static const char *const strangers[] = {STRANGER "@localhost", STRANGER "@localhost/tacet"};
	struct server_host strangers_host = host;
	const struct route *route;
	unsigned tried = 0;

	(void)state;
	strangers_host.contact_presence = on_presence_asked;
	strangers_host.directed = on_presence_shown;
	strangers_host.message = on_message;
	strangers_host.subscribe = on_unknown;
	strangers_host.deny = on_unknown;
	strangers_host.pep = &strangers_pep;
	for (size_t i = 0; (route = router_route_at(i)); i++) {
		if (!(route->targets & TARGET_CONTACT))
			continue;
		for (size_t k = 0; k < 2; k++) {
			struct world *world = world_logged_in();
			char text[1024];
			const char *answer;

			world->server.host = &strangers_host;
			say(world, "<presence/>");
			write_stanza(route, strangers[k], text, sizeof(text));
			answer = say(world, text);
			if (world->given_away > 0 || strstr(answer, "type='result'") ||
			    (*answer && !strstr(answer, "type='error'")))
				fail_msg("%s gives away a stranger: %s", text, answer);
			world_free(world);
			tried++;
		}
	}
	assert_true(tried > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms_stay_open_for_ten_minutes),
	    cmocka_unit_test(test_pictures_are_kept_for_ten_minutes),
	    cmocka_unit_test(test_four_pictures_are_kept),
	    cmocka_unit_test(test_largest_picture),
	    cmocka_unit_test(test_an_inactive_client_holds_a_megabyte),
	    cmocka_unit_test(test_three_accounts_a_minute),
	    cmocka_unit_test(test_each_allocation_fails),
	    cmocka_unit_test(test_each_allocation_of_a_command_fails),
	    cmocka_unit_test(test_strangers_in_every_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
