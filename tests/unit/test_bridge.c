/*
 * Tests of the bridge: two real engines on a net in memory, and instead of the XMPP server one that
 * writes down what it is told.
 */
#include "component/bridge_archive.h"
#include "component/bridge_private.h"

#include "core/registry_memory.h"
#include "tests/scenario/fake_env.h"
#include "tests/scenario/fake_net.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS (60 * 1000)
/* Long enough for two who have just added each other to be linked. */
#define LINK_MS (5 * MINUTE_MS)

/* --- the server that writes down --- */

struct server {
	struct buf told; /* one line for each call */
	unsigned takers; /* resources that take a message */
	uint64_t token;  /* of the last one that was taken */
};

unsigned server_deliver(struct server *server, const char *user, struct xml *stanza)
{
	unsigned takers = server->takers;

	buf_printf(&server->told, "deliver %s ", user);
	xml_write(stanza, "", &server->told);
	buf_add_text(&server->told, "\n");
	xml_free(&stanza);
	return takers;
}

bool server_deliver_stored(struct server *server, const char *user, const char *contact,
			   uint64_t token, struct xml *message)
{
	assert_int_equal(strlen(contact), ID_LEN);
	if (server_deliver(server, user, message) == 0)
		return false;
	server->token = token;
	return true;
}

void server_contact_presence(struct server *server, const char *user, const char *contact,
			     const struct server_presence *presence)
{
	(void)contact;
	buf_printf(&server->told, "presence %s %s '%s' '%s' %d\n", user,
		   presence->available ? "there" : "gone", presence->show, presence->status,
		   presence->priority);
}

void server_roster_push(struct server *server, const char *user, const char *contact,
			const struct roster_item *item)
{
	buf_printf(&server->told, "push %s %s", user, item ? item->name : "removed");
	assert_int_equal(strlen(contact), ID_LEN);
	for (const char *const *group = item ? item->groups : NULL; group && *group; group++)
		buf_printf(&server->told, " [%s]", *group);
	if (item && item->ask)
		buf_add_text(&server->told, " asked");
	if (item)
		assert_int_equal(item->subscription,
				 item->ask ? SUBSCRIPTION_NONE : SUBSCRIPTION_BOTH);
	buf_add_text(&server->told, "\n");
}

void server_request(struct server *server, const char *user, const struct server_request *request)
{
	assert_int_equal(strlen(request->contact), ID_LEN);
	buf_printf(&server->told, "request %s '%s' '%s'\n", user, request->name, request->text);
}

void server_user_end(struct server *server, const char *user)
{
	buf_printf(&server->told, "end %s\n", user);
}

/* --- two daemons --- */

struct side {
	struct fake_env *fake;
	struct registry *registry;
	struct bridge *bridge;
	struct engine *engine;
	struct server server;
	struct account *account;
	const char *user;
	unsigned changes;
};

struct world {
	struct fake_clock *clock;
	struct fake_net *net;
	struct fake_env *store_env;
	struct registry_memory_store *store;
	struct side ann, ben;
};

static const struct server_host *host;

static void count_change(void *arg)
{
	struct side *side = arg;

	side->changes++;
}

static void side_up(struct world *world, struct side *side, const char *user)
{
	struct err err = {0};
	static const struct key store_key = {{1}};
	struct engine_config config = {0};

	side->user = user;
	side->fake = fake_env_new(world->clock);
	side->registry = registry_memory_new(fake_env_env(side->fake), world->store, 1000);
	side->bridge = bridge_new(fake_env_env(side->fake), "localhost", &err);
	config.env = fake_env_env(side->fake);
	config.registry = side->registry;
	config.transport = fake_host_transport(fake_net_host(world->net, user));
	config.database = ":memory:";
	config.store_key = &store_key;
	side->engine = engine_new(&config, bridge_engine_handler(), side->bridge, &err);
	if (!side->engine)
		fail_msg("%s", err.text);
	buf_init(&side->server.told, 1 << 20);
	bridge_set_engine(side->bridge, side->engine);
	bridge_set_server(side->bridge, &side->server);
	bridge_watch(side->bridge, count_change, side);
	side->account = bridge_account_add(side->bridge, user, "password", &err);
	if (!side->account)
		fail_msg("%s", err.text);
	engine_start(side->engine);
}

static void side_down(struct side *side)
{
	bridge_set_server(side->bridge, NULL);
	engine_free(&side->engine);
	bridge_free(&side->bridge);
	registry_free(&side->registry);
	buf_free(&side->server.told);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->clock = fake_clock_new(1);
	world->net = fake_net_new(world->clock);
	world->store_env = fake_env_new(world->clock);
	world->store = registry_memory_store_new(fake_env_env(world->store_env));
	side_up(world, &world->ann, "ann");
	side_up(world, &world->ben, "ben");
	host = bridge_server_host(world->ann.bridge);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	side_down(&world->ann);
	side_down(&world->ben);
	/* What was said goodbye with is still on its way. */
	fake_clock_run(world->clock, MINUTE_MS);
	fake_env_free(&world->ann.fake);
	fake_env_free(&world->ben.fake);
	fake_net_free(&world->net);
	registry_memory_store_free(&world->store);
	fake_env_free(&world->store_env);
	fake_clock_free(&world->clock);
	free(world);
	return 0;
}

static const char *id_of(const struct side *side)
{
	return account_id(side->account);
}

/* What the server was told since the last time. */
static void expect_told(struct side *side, const char *want)
{
	assert_string_equal(buf_text(&side->server.told), want);
	buf_clear(&side->server.told);
}

static void forget_told(struct side *side)
{
	buf_clear(&side->server.told);
}

static void become_contacts(struct world *world)
{
	struct err err = {0};

	assert_int_equal(
	    host->roster_set(world->ann.bridge, "ann", id_of(&world->ben), "Ben", NULL, &err), 0);
	assert_int_equal(host->subscribe(world->ben.bridge, "ben", id_of(&world->ann), &err), 0);
	fake_clock_run(world->clock, LINK_MS);
	assert_int_equal(contact_state(contact_find(world->ann.account, id_of(&world->ben))),
			 CONTACT_LINKED);
	forget_told(&world->ann);
	forget_told(&world->ben);
}

static struct xml *message(const char *text)
{
	const struct xml_limits limits = {1 << 20, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};
	struct err err = {0};
	struct xml *stanza = xml_parse_element(text, strlen(text), &limits, &err);

	if (!stanza)
		fail_msg("%s", err.text);
	return stanza;
}

static int say(struct side *from, const char *contact, const char *text, struct err *err)
{
	struct xml *stanza = message(text);
	int result = host->message(from->bridge, from->user, contact, stanza, NULL, err);

	xml_free(&stanza);
	return result;
}

/* --- accounts --- */

static void account_names(void **state)
{
	static const struct {
		const char *name;
		enum err_code code;
	} cases[] = {
	    {"carl", ERR_NONE},
	    {"carl", ERR_EXISTS},
	    {"carl.x-1_2", ERR_NONE},
	    {"k\xc3\xa4the", ERR_NONE},
	    {"", ERR_INPUT},
	    {"Carl", ERR_INPUT},
	    {"a b", ERR_INPUT},
	    {"a@b", ERR_INPUT},
	    {"a/b", ERR_INPUT},
	    {"a\"b", ERR_INPUT},
	    {"a\xff", ERR_INPUT},
	    {"ann", ERR_EXISTS},
	    {"0123456789012345678901234567890123456789012345678901234567890123", ERR_NONE},
	    {"01234567890123456789012345678901234567890123456789012345678901234", ERR_INPUT},
	};
	struct world *world = *state;
	struct bridge *bridge = world->ann.bridge;
	struct err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct account *account;

		err.code = ERR_NONE;
		print_message("%s\n", cases[i].name);
		account = bridge_account_add(bridge, cases[i].name, "password", &err);
		assert_int_equal(account != NULL, cases[i].code == ERR_NONE);
		assert_int_equal(err.code, cases[i].code);
	}
	assert_null(bridge_account_add(bridge, id_of(&world->ben), "password", &err));
	assert_int_equal(err.code, ERR_INPUT);
	/* A password that cannot be one leaves no account behind. */
	assert_null(bridge_account_add(bridge, "dora", "", &err));
	assert_null(engine_account_find(world->ann.engine, "dora"));
}

static void passwords(void **state)
{
	struct world *world = *state;
	struct sasl_credentials one, two;
	struct err err;

	assert_int_equal(host->credentials(world->ann.bridge, "ben", &one), -1);
	assert_int_equal(host->credentials(world->ann.bridge, "ann", &one), 0);
	assert_int_equal(one.iterations, SCRAM_ITERATIONS);
	assert_int_equal(
	    bridge_account_passwd(world->ann.bridge, world->ann.account, "another", &err), 0);
	expect_told(&world->ann, "end ann\n");
	assert_int_equal(host->credentials(world->ann.bridge, "ann", &two), 0);
	assert_memory_not_equal(&one.keys, &two.keys, sizeof(one.keys));
	assert_int_equal(bridge_account_passwd(world->ann.bridge, world->ann.account, "", &err),
			 -1);
	assert_int_equal(host->credentials(world->ann.bridge, "ann", &one), 0);
	assert_memory_equal(&one.keys, &two.keys, sizeof(one.keys));
}

static void registration(void **state)
{
	struct world *world = *state;
	struct bridge *bridge = world->ann.bridge;
	struct sasl_credentials one, two;
	struct err err;

	assert_int_equal(host->account_create(bridge, "carl", "password", &err), 0);
	assert_int_equal(host->account_create(bridge, "carl", "password", &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(host->account_create(bridge, "Carl", "password", &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(host->credentials(bridge, "carl", &one), 0);
	assert_int_equal(host->account_password(bridge, "carl", "another", &err), 0);
	assert_int_equal(host->credentials(bridge, "carl", &two), 0);
	assert_memory_not_equal(&one.keys, &two.keys, sizeof(one.keys));
	assert_int_equal(host->account_password(bridge, "nobody", "another", &err), -1);
	bridge_set_registration(bridge, false);
	assert_null(bridge_server_host(bridge)->account_create);
	bridge_set_registration(bridge, true);
	assert_non_null(bridge_server_host(bridge)->account_create);
}

/* --- roster --- */

static void write_item(void *arg, const struct roster_item *item)
{
	struct buf *list = arg;

	buf_printf(list, "%s", item->name);
	for (const char *const *group = item->groups; group && *group; group++)
		buf_printf(list, " [%s]", *group);
	buf_add_text(list, "\n");
}

static void expect_roster(struct side *side, const char *want)
{
	struct buf list;

	buf_init(&list, 1 << 16);
	host->roster(side->bridge, side->user, write_item, &list);
	assert_string_equal(buf_text(&list), want);
	buf_free(&list);
}

static void roster(void **state)
{
	static const char *const groups[] = {"friends", "choir", NULL};
	struct world *world = *state;
	struct side *ann = &world->ann;
	const char *ben = id_of(&world->ben);
	unsigned before = ann->changes;
	struct err err;

	expect_roster(ann, "");
	assert_int_equal(host->roster_set(ann->bridge, "ann", ben, "Ben", groups, &err), 0);
	expect_told(ann, "push ann Ben [friends] [choir] asked\n");
	expect_roster(ann, "Ben [friends] [choir]\n");
	assert_true(ann->changes > before);
	assert_int_equal(host->roster_set(ann->bridge, "ann", ben, "Benno", groups + 1, &err), 0);
	expect_told(ann, "push ann Benno [choir] asked\n");
	assert_int_equal(host->roster_set(ann->bridge, "ann", ben, "Benno", NULL, &err), 0);
	expect_told(ann, "push ann Benno asked\n");
	/* A subscription for one who is there already changes nothing. */
	assert_int_equal(host->subscribe(ann->bridge, "ann", ben, &err), 0);
	expect_roster(ann, "Benno\n");
	forget_told(ann);
	assert_int_equal(host->roster_remove(ann->bridge, "ann", ben, &err), 0);
	expect_told(ann, "presence ann gone '' '' 0\npush ann removed\n");
	expect_roster(ann, "");
	assert_int_equal(host->roster_remove(ann->bridge, "ann", ben, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(host->subscribe(ann->bridge, "ann", ben, &err), 0);
	expect_told(ann, "push ann  asked\n");
}

static void roster_refusals(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	const char *many[64], *longer[3] = {NULL};
	char wrong[ID_LEN + 1], *text = calloc(1, 4096);
	struct err err;

	memcpy(wrong, id_of(&world->ben), sizeof(wrong));
	wrong[3] = wrong[3] == 'a' ? 'b' : 'a';
	assert_int_equal(host->roster_set(ann->bridge, "ann", wrong, "", NULL, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(host->roster_set(ann->bridge, "ann", "ben", "", NULL, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(host->roster_set(ann->bridge, "ann", id_of(ann), "", NULL, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(host->roster_set(ann->bridge, "nobody", wrong, "", NULL, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	for (size_t i = 0; i < 63; i++)
		many[i] = "g";
	many[63] = NULL;
	assert_int_equal(host->roster_set(ann->bridge, "ann", id_of(&world->ben), "", many, &err),
			 -1);
	assert_int_equal(err.code, ERR_LIMIT);
	memset(text, 'x', 4000);
	longer[0] = longer[1] = text;
	assert_int_equal(host->roster_set(ann->bridge, "ann", id_of(&world->ben), "", longer, &err),
			 -1);
	assert_int_equal(err.code, ERR_LIMIT);
	free(text);
}

static struct contact *add_with(struct side *side, const char *word, const char *name,
				const char *passphrase, struct err *err)
{
	const struct bridge_introduction words = {.passphrase = passphrase};

	return bridge_contact_add(side->bridge, side->account, word, name, &words, err);
}

static void contacts_by_words(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	char word[ID_LEN + 32];
	struct contact *contact;
	struct err err;

	snprintf(word, sizeof(word), "tacet:%s", id_of(&world->ben));
	for (char *c = word; *c; c++)
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
	contact = add_with(ann, word, "Ben", "p\xc3\xa4ss", &err);
	assert_non_null(contact);
	assert_string_equal(contact_id(contact), id_of(&world->ben));
	assert_ptr_equal(bridge_contact_find(ann->account, "Ben", &err), contact);
	assert_ptr_equal(bridge_contact_find(ann->account, word, &err), contact);
	snprintf(word, sizeof(word), "%s@localhost", id_of(&world->ben));
	assert_ptr_equal(bridge_contact_find(ann->account, word, &err), contact);
	assert_null(bridge_contact_find(ann->account, "ben", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_null(bridge_contact_find(ann->account, "", &err));
	assert_null(bridge_contact_add(ann->bridge, ann->account, word, "Ben", NULL, &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(bridge_contact_remove(ann->bridge, &contact, &err), 0);
	assert_null(contact);
	assert_null(add_with(ann, word, "Ben", "", &err));
	assert_int_equal(err.code, ERR_INPUT);
}

/* --- invitations and requests --- */

static void invite(struct side *side, char link[INVITATION_LINK_SIZE])
{
	struct err err;

	assert_int_equal(account_invite(side->account, "Annie", false, 60 * MINUTE_MS, link, &err),
			 0);
}

/* Ben comes to ann by a link. */
static void introduce(struct world *world)
{
	const struct bridge_introduction words = {.own_name = "Benny", .text = "it is me"};
	char link[INVITATION_LINK_SIZE];
	struct err err;

	invite(&world->ann, link);
	assert_non_null(
	    bridge_contact_add(world->ben.bridge, world->ben.account, link, NULL, &words, &err));
	expect_told(&world->ben, "push ben Annie asked\n");
	fake_clock_run(world->clock, LINK_MS);
	expect_told(&world->ann, "request ann 'Benny' 'it is me'\n");
}

static void write_request(void *arg, const struct server_request *request)
{
	buf_printf(arg, "%s: %s\n", request->name, request->text);
}

static void expect_requests(struct side *side, const char *want)
{
	struct buf list;

	buf_init(&list, 1 << 16);
	host->requests(side->bridge, side->user, write_request, &list);
	assert_string_equal(buf_text(&list), want);
	buf_free(&list);
}

static void request_accepted(void **state)
{
	struct world *world = *state;
	const char *ben = id_of(&world->ben);
	struct err err;

	introduce(world);
	expect_requests(&world->ann, "Benny: it is me\n");
	assert_int_equal(host->subscribe(world->ann.bridge, "ann", ben, &err), 0);
	expect_requests(&world->ann, "");
	assert_non_null(strstr(buf_text(&world->ann.server.told), "push ann Benny\n"));
	fake_clock_run(world->clock, LINK_MS);
	assert_int_equal(contact_state(contact_find(world->ann.account, ben)), CONTACT_LINKED);
	assert_non_null(strstr(buf_text(&world->ben.server.told), "type='subscribed'"));
	assert_non_null(strstr(buf_text(&world->ben.server.told), "push ben Annie\n"));
}

static void request_denied(void **state)
{
	struct world *world = *state;
	const char *ben = id_of(&world->ben);
	struct err err;

	introduce(world);
	assert_int_equal(host->deny(world->ann.bridge, "ann", ben, &err), 0);
	expect_requests(&world->ann, "");
	/* Neither a contact nor a request: clients deny when they remove somebody. */
	assert_int_equal(host->deny(world->ann.bridge, "ann", ben, &err), 0);
	forget_told(&world->ben);
	fake_clock_run(world->clock, LINK_MS);
	expect_told(&world->ann, "");
	expect_told(&world->ben, "");
}

static void write_id(void *arg, const char *id)
{
	buf_printf(arg, "%s\n", id);
}

static void request_blocked(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	const char *ben = id_of(&world->ben);
	struct buf list;
	struct err err;

	introduce(world);
	assert_int_equal(host->block(ann->bridge, "ann", ben, true, &err), 0);
	expect_requests(ann, "");
	expect_told(ann, "");
	buf_init(&list, 1 << 16);
	host->block_list(ann->bridge, "ann", write_id, &list);
	assert_memory_equal(buf_text(&list), ben, ID_LEN);
	buf_clear(&list);
	assert_int_equal(host->block(ann->bridge, "ann", ben, false, &err), 0);
	host->block_list(ann->bridge, "ann", write_id, &list);
	assert_string_equal(buf_text(&list), "");
	buf_free(&list);
}

static void contact_blocked(void **state)
{
	struct world *world = *state;
	struct err err;

	become_contacts(world);
	assert_int_equal(host->block(world->ann.bridge, "ann", id_of(&world->ben), true, &err), 0);
	expect_told(&world->ann, "presence ann gone '' '' 0\npush ann removed\n");
	expect_roster(&world->ann, "");
}

/* A link typed where an address belongs. */
static void link_as_address(void **state)
{
	struct world *world = *state;
	char link[INVITATION_LINK_SIZE];
	struct err err;

	invite(&world->ann, link);
	*strchr(link, '&') = '\0';
	assert_int_equal(host->subscribe(world->ben.bridge, "ben", link + strlen("tacet:"), &err),
			 0);
	assert_true(contact_introducing(contact_find(world->ben.account, id_of(&world->ann))));
	link[10] = link[10] == 'a' ? 'b' : 'a';
	assert_int_equal(host->subscribe(world->ben.bridge, "ben", link + strlen("tacet:"), &err),
			 -1);
	assert_int_equal(err.code, ERR_INPUT);
}

/* --- presence modes --- */

static void set_presence(struct side *side, bool available)
{
	const struct server_presence presence = {.available = available, .show = "", .status = ""};

	host->presence(side->bridge, side->user, &presence);
}

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
	ben->server.takers = 1;
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

/* --- commands --- */

struct answer {
	char note[512], value[INVITATION_LINK_SIZE];
	bool error;
	size_t png_len;
};

static void keep_answer(void *arg, const struct server_answer *given)
{
	struct answer *answer = arg;

	snprintf(answer->note, sizeof(answer->note), "%s", given->note ? given->note : "");
	if (given->fields)
		snprintf(answer->value, sizeof(answer->value), "%s", given->fields[0].value);
	answer->error = given->error;
	answer->png_len = given->png_len;
	if (given->png)
		assert_memory_equal(given->png, "\x89PNG", 4);
}

/* The form is a list of names and values. */
static const char *get_field(void *form, const char *name)
{
	for (const char **pair = form; pair && *pair; pair += 2)
		if (strcmp(pair[0], name) == 0)
			return pair[1];
	return NULL;
}

static struct answer command(struct side *side, const char *node, const char **form)
{
	struct answer answer = {0};

	for (const struct server_command *c = host->commands; c->node; c++)
		if (strcmp(c->node, node) == 0)
			c->run(side->bridge, side->user, get_field, form, keep_answer, &answer);
	return answer;
}

static void commands(void **state)
{
	struct world *world = *state;
	const char *wrong[] = {"days", "0", NULL};
	const char *form[] = {"days", "7", "reusable", "0", "name", "Annie", NULL};
	const char *reply[] = {"link", NULL, "as", "Benny", "text", "me", "name", "", NULL};
	const char *mode[] = {"mode", "follow", NULL};
	struct answer answer = command(&world->ann, "id", NULL);

	assert_non_null(strstr(answer.value, id_of(&world->ann)));
	assert_true(answer.png_len > 100);
	assert_true(command(&world->ann, "invite", wrong).error);
	answer = command(&world->ann, "invite", form);
	assert_false(answer.error);
	assert_true(answer.png_len > 100);
	reply[1] = answer.value;
	assert_false(command(&world->ben, "introduce", reply).error);
	assert_true(command(&world->ben, "introduce", reply).error);
	fake_clock_run(world->clock, LINK_MS);
	assert_non_null(strstr(command(&world->ann, "requests", NULL).note, "Benny"));
	assert_false(command(&world->ann, "mode", mode).error);
	assert_true(bridge_follows(world->ann.account));
}

static void verified(void **state)
{
	struct world *world = *state;
	const char *form[] = {"contact", "Ben", NULL, NULL, NULL};
	const char *other[] = {"contact", "Benny", NULL};
	char phrase[VERIFICATION_SIZE];
	struct answer answer;

	become_contacts(world);
	contact_verification(contact_find(world->ben.account, id_of(&world->ann)), phrase);
	answer = command(&world->ann, "verify", form);
	assert_non_null(strstr(answer.note, phrase));
	assert_null(strstr(answer.note, "Verified"));
	form[2] = "same";
	form[3] = "1";
	assert_non_null(strstr(command(&world->ann, "verify", form).note, "Verified"));
	assert_true(contact_verified(contact_find(world->ann.account, id_of(&world->ben))));
	assert_true(command(&world->ann, "verify", other).error);
}

/* --- passphrases --- */

static enum contact_state state_after(struct world *world, const char *one, const char *other)
{
	struct err err;

	assert_non_null(add_with(&world->ann, id_of(&world->ben), NULL, one, &err));
	assert_non_null(add_with(&world->ben, id_of(&world->ann), NULL, other, &err));
	fake_clock_run(world->clock, LINK_MS);
	return contact_state(contact_find(world->ann.account, id_of(&world->ben)));
}

static void same_passphrase(void **state)
{
	/* A soft hyphen and a wide letter are the same to SASLprep. */
	assert_int_equal(state_after(*state, "horse", "h\xc2\xad\xef\xbd\x8frse"), CONTACT_LINKED);
}

static void other_passphrase(void **state)
{
	assert_int_not_equal(state_after(*state, "horse", "house"), CONTACT_LINKED);
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

/* --- messages --- */

#define FROM_ANN(id, more)                                                                         \
	"<message xmlns='jabber:client' to='x@localhost' from='ann@localhost/home' type='chat' "   \
	"id='" id "'>" more "</message>"

static void message_travels(void **state)
{
	struct world *world = *state;
	char want[512];
	struct err err;

	become_contacts(world);
	world->ben.server.takers = 1;
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
		 id_of(&world->ann), id_of(&world->ann), world->ben.server.token);
	expect_told(&world->ben, want);
	/* Delivered once. */
	host->ready(world->ben.bridge, "ben");
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(&world->ben, "");
	/* A word about what is not there is harmless. */
	host->arrived(world->ben.bridge, "ben", id_of(&world->ann), world->ben.server.token + 1);
	host->arrived(world->ben.bridge, "ben", id_of(&world->ben), world->ben.server.token);
	host->arrived(world->ben.bridge, "ben", id_of(&world->ann), world->ben.server.token);
	host->arrived(world->ben.bridge, "ben", id_of(&world->ann), world->ben.server.token);
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
	world->ben.server.takers = 1;
	host->ready(world->ben.bridge, "ben");
	fake_clock_run(world->clock, MINUTE_MS);
	assert_non_null(strstr(buf_text(&world->ben.server.told), "<body>hi</body>"));
	/* 5 min to be linked; then it was sent. */
	assert_non_null(strstr(buf_text(&world->ben.server.told),
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
	world->ben.server.takers = 1;
	host->ready(world->ben.bridge, "ben");
	fake_clock_run(world->clock, MINUTE_MS);
	assert_non_null(strstr(buf_text(&world->ben.server.told), "stamp='2025-12-31T23:05:00Z'"));
}

#define STATE "<composing xmlns='http://jabber.org/protocol/chatstates'/>"

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
	world->ben.server.takers = 1;
	fake_clock_run(world->clock, LINK_MS);
	assert_int_equal(contact_outbox(ben), 0);
	world->ben.server.takers = 0;
	forget_told(&world->ben);
	assert_int_equal(say(&world->ann, id_of(&world->ben), FROM_ANN("3", STATE), &err), 0);
	fake_clock_run(world->clock, MINUTE_MS);
	assert_non_null(strstr(buf_text(&world->ben.server.told), "composing"));
	forget_told(&world->ben);
	world->ben.server.takers = 1;
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
	ben->server.takers = 1;
	fake_clock_run(world->clock, LINK_MS);
	forget_told(ben);
	assert_int_equal(say(ann, id, FROM_ANN("m5", "<body>five</body>"), &err), 0);
	assert_int_equal(say(ann, id, FROM_ANN("r5", RETRACT_1("m5")), &err), 0);
	assert_int_equal(contact_outbox(contact), 2);
	fake_clock_run(world->clock, MINUTE_MS);
	assert_non_null(strstr(buf_text(&ben->server.told), "<body>five</body>"));
	assert_non_null(strstr(buf_text(&ben->server.told), RETRACT_1("m5")));
}

/* --- the archive --- */

static void keep_local(struct side *side, struct local_store **local)
{
	static const struct key store_key = {{2}};

	*local = local_store_open(":memory:", &store_key, NULL);
	assert_non_null(*local);
	bridge_set_local(side->bridge, *local);
}

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

static void messages_are_archived(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann, *ben = &world->ben;
	const char *id = id_of(ben);
	const char *wrong[] = {"do", "on", "days", "many", NULL};
	const char *off[] = {"do", "off", "days", "", NULL};
	const char *purge[] = {"do", "purge", "days", "30", NULL};
	struct local_store *anns, *bens;
	struct contact *contact;
	struct err err = {0};

	become_contacts(world);
	keep_local(ann, &anns);
	keep_local(ben, &bens);
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
	ben->server.takers = 1;
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
	bridge_set_local(ann->bridge, NULL);
	bridge_set_local(ben->bridge, NULL);
	local_store_free(&anns);
	local_store_free(&bens);
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
	assert_non_null(strstr(buf_text(&ann->server.told), "type='error'"));
	assert_non_null(strstr(buf_text(&ann->server.told), "id='m1'"));
	assert_non_null(strstr(buf_text(&ann->server.told), "taken back"));
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
		assert_non_null(strstr(buf_text(&ann->server.told), "to='ann@localhost/home'"));
		assert_non_null(strstr(buf_text(&ann->server.told), "id='m1'"));
		assert_non_null(strstr(buf_text(&ann->server.told), "item-not-found"));
		assert_non_null(strstr(buf_text(&ann->server.told), "was removed"));
		assert_null(strstr(buf_text(&ann->server.told), "<body>"));
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

/* --- the end of an account --- */

static void account_ends(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	struct account *again;
	struct local_store *local;
	struct err err;
	size_t len;

	become_contacts(world);
	set_presence(ann, true);
	fake_clock_run(world->clock, MINUTE_MS);
	forget_told(&world->ben);
	assert_int_equal(say(ann, id_of(&world->ben), FROM_ANN("m1", "<body>a</body>"), &err), 0);
	assert_int_equal(host->account_remove(ann->bridge, "ben", &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(host->account_remove(ann->bridge, "ann", &err), 0);
	/* The server ends the streams by itself. */
	expect_told(ann, "");
	assert_int_equal(host->account_remove(ann->bridge, "ann", &err), -1);
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ann, "");
	assert_non_null(strstr(buf_text(&world->ben.server.told), "presence ben gone"));
	/* As if it could not be erased. */
	keep_local(ann, &local);
	assert_int_equal(local_item_set(local, "ann", "pep", "urn:a", "1", "a", 1, &err), 0);
	again = bridge_account_add(ann->bridge, "ann", "secret", &err);
	assert_non_null(again);
	assert_null(local_item_get(local, "ann", "pep", "urn:a", "1", &len));
	assert_null(account_user(again));
	assert_int_equal(bridge_account_remove(ann->bridge, &again, &err), 0);
	assert_null(again);
	expect_told(ann, "end ann\n");
	bridge_set_local(ann->bridge, NULL);
	local_store_free(&local);
}

/* --- two daemons with one identity --- */

static void conflict_is_told(void **state)
{
	const struct engine_handler *handler = bridge_engine_handler();
	struct world *world = *state;
	struct side *ann = &world->ann;

	/* Nobody is there to hear it. */
	handler->conflict(ann->bridge, ann->account);
	assert_non_null(strstr(buf_text(&ann->server.told), "Another daemon"));
	forget_told(ann);
	ann->server.takers = 1;
	host->ready(ann->bridge, "ann");
	assert_non_null(strstr(buf_text(&ann->server.told), "Another daemon"));
	assert_non_null(strstr(buf_text(&ann->server.told), "from='localhost'"));
	/* Once. */
	forget_told(ann);
	host->ready(ann->bridge, "ann");
	expect_told(ann, "");
}

/* --- what one contact is shown --- */

static void shown_to_one(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann, *ben = &world->ben;
	const char *form[] = {"contact", "Ben", "show", "offline", NULL};
	const char *wrong[] = {"contact", "Ben", "show", "asleep", NULL};
	struct contact *contact;
	struct err err;

	become_contacts(world);
	contact = contact_find(ann->account, id_of(ben));
	set_presence(ann, true);
	fake_clock_run(world->clock, MINUTE_MS);
	forget_told(ben);
	assert_string_equal(bridge_contact_shown(contact), "same");
	assert_true(command(ann, "show", wrong).error);
	assert_false(command(ann, "show", form).error);
	assert_string_equal(bridge_contact_shown(contact), "offline");
	fake_clock_run(world->clock, MINUTE_MS);
	expect_told(ben, "presence ben gone '' '' 0\n");
	/* Nor is it given away otherwise. */
	ben->server.takers = 1;
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

static void covered(void **state)
{
	struct world *world = *state;
	const char *form[] = {"mean_ms", "2000", NULL};

	assert_false(command(&world->ann, "cover", form).error);
	assert_int_equal(account_cover(world->ann.account), 2000);
	form[1] = "1";
	assert_true(command(&world->ann, "cover", form).error);
	form[1] = "";
	assert_true(command(&world->ann, "cover", form).error);
	assert_int_equal(account_cover(world->ann.account), 2000);
	form[1] = "0";
	assert_false(command(&world->ann, "cover", form).error);
	assert_int_equal(account_cover(world->ann.account), 0);
}

static void said_to_the_server(void **state)
{
	struct world *world = *state;
	char text[256], wrong[ID_LEN + 1];

	host->told(world->ann.bridge, "ann", "hello");
	assert_non_null(strstr(buf_text(&world->ann.server.told), "from='localhost'"));
	assert_null(strstr(buf_text(&world->ann.server.told), "push"));
	snprintf(text, sizeof(text), " tacet:%s?n=Benny\n", id_of(&world->ben));
	host->told(world->ann.bridge, "ann", text);
	assert_non_null(strstr(buf_text(&world->ann.server.told), "push ann Benny"));
	assert_non_null(contact_find(world->ann.account, id_of(&world->ben)));
	/* Mistyped. */
	snprintf(wrong, sizeof(wrong), "%s", id_of(&world->ben));
	wrong[3] = wrong[3] == 'a' ? 'b' : 'a';
	forget_told(&world->ann);
	host->told(world->ann.bridge, "ann", wrong);
	assert_non_null(strstr(buf_text(&world->ann.server.told), "mistyped"));
	assert_null(strstr(buf_text(&world->ann.server.told), "push"));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(account_names),
	    TEST(passwords),
	    TEST(roster),
	    TEST(roster_refusals),
	    TEST(contacts_by_words),
	    TEST(same_passphrase),
	    TEST(other_passphrase),
	    TEST(presence_words),
	    TEST(presence_limits),
	    TEST(presence_travels),
	    TEST(message_travels),
	    TEST(marks),
	    TEST(message_waits),
	    TEST(stamp_by_own_clock),
	    TEST(chat_states),
	    TEST(message_refusals),
	    TEST(rejected_by_contact),
	    TEST(strange_payloads),
	    TEST(retracted),
	    TEST(messages_are_archived),
	    TEST(cancelled),
	    TEST(removed_with_messages),
	    TEST(outbox_full),
	    TEST(account_ends),
	    TEST(conflict_is_told),
	    TEST(shown_to_one),
	    TEST(covered),
	    TEST(registration),
	    TEST(modes),
	    TEST(invisible),
	    TEST(commands),
	    TEST(verified),
	    TEST(request_accepted),
	    TEST(request_denied),
	    TEST(request_blocked),
	    TEST(contact_blocked),
	    TEST(link_as_address),
	    TEST(said_to_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
