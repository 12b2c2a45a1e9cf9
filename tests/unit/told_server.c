/*
 * told_server.c: see told_server.h.
 */
#include "tests/unit/told_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

const struct server_host *host;

static struct server *server_make(struct side *side)
{
	struct server *server = calloc(1, sizeof(*server));

	(void)side;
	buf_init(&server->told, 1 << 20);
	return server;
}

static void server_end(struct server **server)
{
	buf_free(&(*server)->told);
	free(*server);
	*server = NULL;
}

int told_setup(void **state)
{
	struct world *world = rig_new(server_make, server_end);

	host = bridge_server_host(world->ann.bridge);
	*state = world;
	return 0;
}

int told_teardown(void **state)
{
	struct world *world = *state;

	rig_free(&world);
	return 0;
}

void expect_told(struct side *side, const char *want)
{
	assert_string_equal(buf_text(&side->server->told), want);
	buf_clear(&side->server->told);
}

void forget_told(struct side *side)
{
	buf_clear(&side->server->told);
}

void become_contacts(struct world *world)
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

struct contact *add_with(struct side *side, const char *word, const char *name,
			 const char *passphrase, struct err *err)
{
	const struct bridge_introduction words = {.passphrase = passphrase};

	return bridge_contact_add(side->bridge, side->account, word, name, &words, err);
}

void set_presence(struct side *side, bool available)
{
	const struct server_presence presence = {.available = available, .show = "", .status = ""};

	host->presence(side->bridge, side->user, &presence);
}

int say(struct side *from, const char *contact, const char *text, struct err *err)
{
	struct xml *stanza = message(text);
	int result = host->message(from->bridge, from->user, contact, stanza, NULL, err);

	xml_free(&stanza);
	return result;
}

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

static const char *get_field(void *form, const char *name)
{
	for (const char **pair = form; pair && *pair; pair += 2)
		if (strcmp(pair[0], name) == 0)
			return pair[1];
	return NULL;
}

struct answer command(struct side *side, const char *node, const char **form)
{
	struct answer answer = {0};

	for (const struct server_command *c = host->commands; c->node; c++)
		if (strcmp(c->node, node) == 0)
			c->run(side->bridge, side->user, get_field, form, keep_answer, &answer);
	return answer;
}
