/*
 * Tests of the control socket: a real loop and socket, a real engine that is not started. That
 * another user is refused is not tested here, since it takes two users.
 */
#include "component/local_store.h"
#include "tests/unit/control_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* --- tests --- */

static void locked(void **state)
{
	struct world *world = *state;

	expect_ok(world, "{\"cmd\":\"passphrase set\",\"args\":{\"passphrase\":\"right\"}}");
	assert_string_equal(world->passphrase, "right");
	expect_ok(world, "{\"cmd\":\"passphrase remove\"}");
	assert_string_equal(world->passphrase, "-");
	expect_error(world, "{\"cmd\":\"passphrase set\"}", "input", "passphrase");
	expect_ok(world, ADD_ANN);
	world->locked = true;
	expect_error(world, "{\"cmd\":\"account list\"}", "state", "unlock");
	expect_error(world, "{\"cmd\":\"id\"}", "state", "unlock");
	expect_error(world, "{\"cmd\":\"passphrase remove\"}", "state", "unlock");
	expect_ok(world, "{\"cmd\":\"status\"}");
	expect_error(world, "{\"cmd\":\"unlock\",\"args\":{\"passphrase\":\"wrong\"}}", "auth",
		     "wrong passphrase");
	expect_error(world, "{\"cmd\":\"unlock\"}", "input", "passphrase");
	expect_ok(world, "{\"cmd\":\"unlock\",\"args\":{\"passphrase\":\"right\"}}");
	expect_ok(world, "{\"cmd\":\"id\"}");
}

/* The same for whether contacts are answered, which is off unless set. */
static void answers(void **state)
{
	struct world *world = *state;
	static const struct key store_key = {{1}};
	struct local_store *local = local_store_open(":memory:", &store_key, NULL);
	json_t *reply;

	expect_ok(world, ADD_ANN);
	expect_error(world, "{\"cmd\":\"answer\",\"args\":{\"set\":\"on\"}}", "unavailable",
		     "keep");
	bridge_set_local(world->bridge, local);
	for (int on = 0; on < 2; on++) {
		reply = ask(world, "{\"cmd\":\"answer\"}");
		assert_string_equal(json_string_value(json_object_get(reply, "answer")),
				    on ? "on" : "off");
		json_decref(reply);
		expect_ok(world, "{\"cmd\":\"answer\",\"args\":{\"set\":\"on\"}}");
	}
	expect_error(world, "{\"cmd\":\"answer\",\"args\":{\"set\":\"perhaps\"}}", "input", "on");
	assert_true(bridge_answers(world->bridge, "ann"));
	expect_ok(world, "{\"cmd\":\"answer\",\"args\":{\"set\":\"off\"}}");
	expect_ok(world, "{\"cmd\":\"answer\",\"args\":{\"set\":\"off\"}}");
	assert_false(bridge_answers(world->bridge, "ann"));
	bridge_set_local(world->bridge, NULL);
	local_store_free(&local);
}

/* Without a store of the local server there is no archive; that is told. */
static void archive(void **state)
{
	static const char *const commands[] = {"archive", "archive purge", "archive retention"};
	struct world *world = *state;
	static const struct key store_key = {{1}};
	struct local_store *local = local_store_open(":memory:", &store_key, NULL);
	char request[128];
	json_t *reply;

	expect_ok(world, ADD_ANN);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		snprintf(request, sizeof(request), "{\"cmd\":\"%s\"}", commands[i]);
		expect_error(world, request, "unavailable", "no archive");
	}
	bridge_set_local(world->bridge, local);
	expect_ok(world, "{\"cmd\":\"archive\",\"args\":{\"set\":\"off\"}}");
	expect_ok(world, "{\"cmd\":\"archive retention\",\"args\":{\"days\":7,\"count\":5}}");
	expect_ok(world, "{\"cmd\":\"archive keep-removed\",\"args\":{\"keep_removed\":true}}");
	expect_ok(world, "{\"cmd\":\"archive purge\"}");
	expect_error(world, "{\"cmd\":\"archive\",\"args\":{\"set\":\"perhaps\"}}", "input", "on");
	expect_error(world, "{\"cmd\":\"archive retention\",\"args\":{\"days\":-1}}", "input",
		     "days");
	expect_error(world, "{\"cmd\":\"archive retention\",\"args\":{\"count\":0}}", "input",
		     "messages");
	expect_error(world, "{\"cmd\":\"archive purge\",\"args\":{\"contact\":\"nobody\"}}",
		     "not-found", "no such contact");
	reply = ask(world, "{\"cmd\":\"archive\"}");
	assert_string_equal(json_string_value(json_object_get(reply, "archive")), "off");
	assert_int_equal(json_integer_value(json_object_get(reply, "days")), 7);
	assert_int_equal(json_integer_value(json_object_get(reply, "count")), 5);
	assert_true(json_is_true(json_object_get(reply, "keep_removed")));
	assert_int_equal(json_integer_value(json_object_get(reply, "messages")), 0);
	json_decref(reply);
	bridge_set_local(world->bridge, NULL);
	local_store_free(&local);
}

static void socket_mode(void **state)
{
	struct world *world = *state;
	struct stat st;

	assert_int_equal(stat(world->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void bad_requests(void **state)
{
	static const struct {
		const char *request, *text;
	} cases[] = {
	    {"", "not JSON"},
	    {"hello", "not JSON"},
	    {"{\"cmd\":", "not JSON"},
	    {"{\"cmd\":\"id\",\"cmd\":\"id\"}", "not JSON"},
	    {"\"id\"", "not JSON"},
	    {"[\"id\"]", "not a JSON object"},
	    {"{}", "cmd is missing"},
	    {"{\"cmd\":1}", "cmd is missing"},
	    {"{\"cmd\":\"\"}", "no such command"},
	    {"{\"cmd\":\"dance\"}", "no such command: dance"},
	    {"{\"cmd\":\"id\",\"args\":[]}", "args must be an object"},
	    {"{\"cmd\":\"id\",\"args\":\"ann\"}", "args must be an object"},
	    {"{\"cmd\":\"account add\"}", "name is missing"},
	    {"{\"cmd\":\"account add\",\"args\":{\"name\":1,\"password\":\"x\"}}",
	     "name must be a text"},
	    {"{\"cmd\":\"account add\",\"args\":{\"name\":\"x\"}}", "password is missing"},
	    {"{\"cmd\":\"account add\",\"args\":{\"name\":\"x\",\"password\":\"\"}}", "password"},
	    {"{\"cmd\":\"id\"}", "no account yet"},
	    {"{\"cmd\":\"contact list\"}", "no account yet"},
	    {"{\"cmd\":\"id\",\"args\":{\"account\":\"x\"}}", "no account has this name"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_error(*state, cases[i].request, NULL, cases[i].text);
}

static void accounts(void **state)
{
	struct world *world = *state;
	json_t *reply = ask(world, ADD_ANN);
	const char *id = json_string_value(json_object_get(reply, "id"));
	struct account *account = engine_account_find(world->engine, "ann");
	json_t *list;

	assert_non_null(account);
	assert_string_equal(id, account_id(account));
	json_decref(reply);
	expect_error(world, ADD_ANN, "exists", "");
	expect_ok(world, "{\"cmd\":\"id\"}");
	expect_ok(world, "{\"cmd\":\"id\",\"args\":{\"account\":null}}");
	expect_ok(world, "{\"cmd\":\"account passwd\",\"args\":{\"password\":\"x\"}}");
	expect_ok(world, "{\"cmd\":\"account add\",\"args\":{\"name\":\"b\",\"password\":\"x\"}}");
	expect_error(world, "{\"cmd\":\"id\"}", "input", "several accounts");
	expect_ok(world, "{\"cmd\":\"id\",\"args\":{\"account\":\"b\"}}");
	reply = ask(world, "{\"cmd\":\"account list\"}");
	list = json_object_get(reply, "accounts");
	assert_int_equal(json_array_size(list), 2);
	json_decref(reply);
}

static void contacts(void **state)
{
	struct world *world = *state;
	char id[ID_LEN + 1], request[512];
	json_t *reply, *contact;

	make_id(world, id);
	expect_ok(world, ADD_ANN);
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"contact add\",\"args\":{\"id\":\"%s\",\"name\":\"Ben\","
		 "\"passphrase\":\"horse\"}}",
		 id);
	expect_ok(world, request);
	expect_error(world, request, "exists", "");
	expect_error(world, "{\"cmd\":\"contact add\",\"args\":{\"id\":\"abc\"}}", "input", "");
	expect_error(world, "{\"cmd\":\"contact add\"}", "input", "id is missing");
	reply = ask(world, "{\"cmd\":\"contact list\"}");
	contact = json_array_get(json_object_get(reply, "contacts"), 0);
	assert_string_equal(json_string_value(json_object_get(contact, "id")), id);
	assert_string_equal(json_string_value(json_object_get(contact, "name")), "Ben");
	assert_string_equal(json_string_value(json_object_get(contact, "state")), "idle");
	json_decref(reply);
	expect_error(world, "{\"cmd\":\"contact remove\",\"args\":{\"contact\":\"Carl\"}}",
		     "not-found", "no such contact");
	expect_ok(world, "{\"cmd\":\"contact remove\",\"args\":{\"contact\":\"Ben\"}}");
	assert_null(contact_find(engine_account_find(world->engine, "ann"), id));
}

static void status(void **state)
{
	struct world *world = *state;
	json_t *reply;

	expect_ok(world, ADD_ANN);
	reply = ask(world, "{\"cmd\":\"status\"}");
	assert_true(json_is_true(json_object_get(reply, "ok")));
	assert_true(json_is_true(json_object_get(reply, "test")));
	assert_int_equal(json_array_size(json_object_get(reply, "accounts")), 1);
	json_decref(reply);
}

static void watching(void **state)
{
	struct world *world = *state;
	int fd = connect_client(world);
	char line[4096];
	json_t *reply;

	bridge_watch(world->bridge, (void (*)(void *))control_changed, world->control);
	send_text(fd, "{\"cmd\":\"status watch\"}\n");
	reply = answer(world, fd);
	assert_int_equal(json_array_size(json_object_get(reply, "accounts")), 0);
	json_decref(reply);
	expect_ok(world, ADD_ANN);
	reply = answer(world, fd);
	assert_int_equal(json_array_size(json_object_get(reply, "accounts")), 1);
	json_decref(reply);
	/* Nothing changes, nothing comes; many changes come as one. */
	assert_false(read_line(world, fd, line, sizeof(line)));
	for (int i = 0; i < 10; i++)
		control_changed(world->control);
	json_decref(answer(world, fd));
	assert_false(read_line(world, fd, line, sizeof(line)));
	close(fd);
	control_changed(world->control);
	loop_run_once(world->loop, 10);
}

static void byte_by_byte(void **state)
{
	struct world *world = *state;
	int fd = connect_client(world);
	json_t *reply;

	for (const char *c = ADD_ANN "\n"; *c; c++) {
		assert_int_equal(send(fd, c, 1, MSG_NOSIGNAL), 1);
		loop_run_once(world->loop, 10);
	}
	reply = answer(world, fd);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	close(fd);
}

static void several_in_one_go(void **state)
{
	struct world *world = *state;
	int fd = connect_client(world);

	send_text(fd, ADD_ANN "\n{\"cmd\":\"id\"}\nx\n{\"cmd\":\"id\"}\n{\"cmd\"");
	for (int i = 0; i < 4; i++) {
		json_t *reply = answer(world, fd);

		assert_int_equal(json_is_true(json_object_get(reply, "ok")), i != 2);
		json_decref(reply);
	}
	send_text(fd, ":\"id\"}\n");
	json_decref(answer(world, fd));
	close(fd);
}

static void overlong_line(void **state)
{
	struct world *world = *state;
	int fd = connect_client(world);
	char *text = calloc(1, CONTROL_LINE_MAX + 2);
	json_t *reply;

	memset(text, ' ', CONTROL_LINE_MAX + 1);
	for (size_t sent = 0; sent < CONTROL_LINE_MAX + 1;) {
		ssize_t len = send(fd, text + sent, CONTROL_LINE_MAX + 1 - sent, MSG_NOSIGNAL);

		loop_run_once(world->loop, 0);
		if (len < 0 && errno != EAGAIN)
			break;
		sent += len > 0 ? (size_t)len : 0;
	}
	reply = answer(world, fd);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	json_decref(reply);
	assert_true(is_closed(world, fd));
	close(fd);
	free(text);
}

static void many_connections(void **state)
{
	struct world *world = *state;
	int fds[CONTROL_CLIENTS_MAX + 1];

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = connect_client(world);
	for (int i = 0; i < TURNS; i++)
		loop_run_once(world->loop, 0);
	fds[CONTROL_CLIENTS_MAX] = connect_client(world);
	assert_true(is_closed(world, fds[CONTROL_CLIENTS_MAX]));
	close(fds[0]);
	loop_run_once(world->loop, 10);
	expect_error(world, "x", NULL, "not JSON");
	for (int i = 1; i <= CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void stopping(void **state)
{
	struct world *world = *state;
	json_t *reply = ask(world, "{\"cmd\":\"stop\"}");

	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	loop_run_once(world->loop, 10);
	assert_int_equal(world->stops, 1);
}

/* --- people --- */

static void invitations(void **state)
{
	struct world *world = *state;
	json_t *reply, *list;

	expect_ok(world, ADD_ANN);
	expect_error(world, "{\"cmd\":\"invite\",\"args\":{\"expires_ms\":0}}", "input",
		     "expires_ms");
	expect_error(world, "{\"cmd\":\"invite\",\"args\":{\"expires_ms\":\"7d\"}}", "input",
		     "whole number");
	expect_error(world, "{\"cmd\":\"invite\",\"args\":{\"reusable\":1}}", "input",
		     "true or false");
	reply = ask(world, "{\"cmd\":\"invite\",\"args\":{\"name\":\"Ann\",\"reusable\":true}}");
	assert_memory_equal(json_string_value(json_object_get(reply, "link")), "tacet:", 6);
	json_decref(reply);
	reply = ask(world, "{\"cmd\":\"invitations\"}");
	list = json_object_get(reply, "invitations");
	assert_int_equal(json_array_size(list), 1);
	assert_true(json_is_true(json_object_get(json_array_get(list, 0), "reusable")));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "number")), 1);
	json_decref(reply);
	expect_ok(world, "{\"cmd\":\"invitations revoke\",\"args\":{\"number\":1}}");
	expect_error(world, "{\"cmd\":\"invitations revoke\",\"args\":{\"number\":1}}", "not-found",
		     "");
	reply = ask(world, "{\"cmd\":\"invitations\"}");
	assert_int_equal(json_array_size(json_object_get(reply, "invitations")), 0);
	json_decref(reply);
}

static void introduction(void **state)
{
	struct world *world = *state;
	char id[ID_LEN + 1], request[512];
	struct account *account;

	expect_ok(world, ADD_ANN);
	make_id(world, id);
	expect_error(world, "{\"cmd\":\"introduce\"}", "input", "link is missing");
	expect_error(world, "{\"cmd\":\"introduce\",\"args\":{\"link\":\"tacet:x\"}}", "input", "");
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"introduce\",\"args\":{\"link\":"
		 "\"tacet:%s?s=abcdefghijklmnopqrstuvwxya\",\"name\":\"Ben\",\"as\":\"Ann\","
		 "\"text\":\"hello\"}}",
		 id);
	expect_ok(world, request);
	account = engine_account_find(world->engine, "ann");
	assert_true(contact_introducing(contact_find(account, id)));
	assert_string_equal(contact_name(contact_find(account, id)), "Ben");
	expect_error(world, request, "exists", "");
}

static void requests(void **state)
{
	struct world *world = *state;
	char id[ID_LEN + 1], request[256];
	json_t *reply;

	expect_ok(world, ADD_ANN);
	make_id(world, id);
	reply = ask(world, "{\"cmd\":\"requests\"}");
	assert_int_equal(json_array_size(json_object_get(reply, "requests")), 0);
	json_decref(reply);
	snprintf(request, sizeof(request), "{\"cmd\":\"accept\",\"args\":{\"id\":\"%s\"}}", id);
	expect_error(world, request, "not-found", "");
	snprintf(request, sizeof(request), "{\"cmd\":\"deny\",\"args\":{\"id\":\"%s\"}}", id);
	expect_error(world, request, "not-found", "");
}

static void blocked(void **state)
{
	struct world *world = *state;
	char id[ID_LEN + 1], request[256];
	json_t *reply;

	expect_ok(world, ADD_ANN);
	make_id(world, id);
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"contact add\",\"args\":{\"id\":\"%s\",\"name\":\"Ben\"}}", id);
	expect_ok(world, request);
	expect_ok(world, "{\"cmd\":\"block\",\"args\":{\"id\":\"Ben\"}}");
	assert_null(contact_find(engine_account_find(world->engine, "ann"), id));
	reply = ask(world, "{\"cmd\":\"blocked\"}");
	assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "blocked"), 0)),
			    id);
	json_decref(reply);
	snprintf(request, sizeof(request), "{\"cmd\":\"unblock\",\"args\":{\"id\":\"%s\"}}", id);
	expect_ok(world, request);
	expect_error(world, request, "not-found", "not blocked");
}

static void verification(void **state)
{
	struct world *world = *state;
	char id[ID_LEN + 1], request[256];
	const json_t *contact;
	json_t *reply;

	expect_ok(world, ADD_ANN);
	make_id(world, id);
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"contact add\",\"args\":{\"id\":\"%s\",\"name\":\"Ben\"}}", id);
	expect_ok(world, request);
	expect_error(world, "{\"cmd\":\"verify\",\"args\":{\"verified\":true}}", "input",
		     "contact is missing");
	expect_ok(world, "{\"cmd\":\"verify\",\"args\":{\"contact\":\"Ben\",\"verified\":true}}");
	reply = ask(world, "{\"cmd\":\"verify\"}");
	contact = json_array_get(json_object_get(reply, "contacts"), 0);
	assert_true(json_is_true(json_object_get(contact, "verified")));
	assert_int_equal(json_string_length(json_object_get(contact, "phrase")), 35);
	json_decref(reply);
}

static void modes(void **state)
{
	struct world *world = *state;
	json_t *reply;

	expect_ok(world, ADD_ANN);
	expect_error(world, "{\"cmd\":\"mode\",\"args\":{\"mode\":\"sometimes\"}}", "input",
		     "steady or follow");
	expect_ok(world, "{\"cmd\":\"mode\",\"args\":{\"mode\":\"follow\"}}");
	reply = ask(world, "{\"cmd\":\"mode\"}");
	assert_string_equal(json_string_value(json_object_get(reply, "mode")), "follow");
	json_decref(reply);
}

/* Ann with a contact called Ben, who is not there. */
static struct contact *ann_and_ben(struct world *world)
{
	char id[ID_LEN + 1], request[256];

	expect_ok(world, ADD_ANN);
	make_id(world, id);
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"contact add\",\"args\":{\"id\":\"%s\",\"name\":\"Ben\"}}", id);
	expect_ok(world, request);
	return contact_find(engine_account_find(world->engine, "ann"), id);
}

static void outbox(void **state)
{
	struct world *world = *state;
	struct contact *ben = ann_and_ben(world);
	const json_t *message;
	char request[256];
	struct err err;
	uint64_t token;
	json_t *reply;

	/* What the daemons ask each other is not listed, nor cancelled. */
	assert_int_equal(engine_send(ben, "<iq/>", 5, &token, &err), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(engine_send(ben, "secret words", 12, &token, &err), 0);
	reply = ask(world, "{\"cmd\":\"outbox\"}");
	assert_int_equal(json_integer_value(json_object_get(reply, "total")), 4);
	message = json_array_get(json_object_get(reply, "messages"), 3);
	assert_int_equal(json_integer_value(json_object_get(message, "number")), token);
	assert_int_equal(json_integer_value(json_object_get(message, "size")), 12);
	assert_string_equal(json_string_value(json_object_get(message, "name")), "Ben");
	assert_true(json_is_false(json_object_get(message, "on_its_way")));
	assert_true(json_integer_value(json_object_get(message, "since_ms")) > 0);
	/* Never the text. */
	assert_int_equal(json_object_size(message), 6);
	json_decref(reply);
	expect_error(world, "{\"cmd\":\"outbox\",\"args\":{\"contact\":\"Eve\"}}", "not-found", "");
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"cancel\",\"args\":{\"contact\":\"Ben\",\"number\":%llu}}",
		 (unsigned long long)token);
	expect_ok(world, request);
	expect_error(world, request, "not-found", "not waiting");
	expect_error(world, "{\"cmd\":\"cancel\",\"args\":{\"number\":1}}", "input", "contact");
	assert_int_equal(contact_outbox(ben), 4);
	reply = ask(world, "{\"cmd\":\"cancel\",\"args\":{\"contact\":\"Ben\"}}");
	assert_int_equal(json_integer_value(json_object_get(reply, "cancelled")), 3);
	assert_int_equal(json_integer_value(json_object_get(reply, "may_have_come")), 0);
	json_decref(reply);
	assert_int_equal(contact_outbox(ben), 1);
	expect_ok(world, "{\"cmd\":\"outbox\",\"args\":{\"contact\":\"Ben\"}}");
}

static void cover(void **state)
{
	struct world *world = *state;
	json_t *reply;

	expect_ok(world, ADD_ANN);
	expect_ok(world, "{\"cmd\":\"cover\",\"args\":{\"mean_ms\":2000}}");
	expect_error(world, "{\"cmd\":\"cover\",\"args\":{\"mean_ms\":20}}", "limit", "50");
	reply = ask(world, "{\"cmd\":\"cover\"}");
	assert_int_equal(json_integer_value(json_object_get(reply, "mean_ms")), 2000);
	json_decref(reply);
	expect_ok(world, "{\"cmd\":\"cover\",\"args\":{\"mean_ms\":0}}");
	assert_int_equal(account_cover(engine_account_find(world->engine, "ann")), 0);
}

static void showing(void **state)
{
	struct world *world = *state;
	const struct contact *ben = ann_and_ben(world);
	json_t *reply;

	expect_ok(world, "{\"cmd\":\"show\",\"args\":{\"contact\":\"Ben\",\"show\":\"dnd\"}}");
	assert_int_equal(contact_shown(ben)->show, SHOW_DND);
	expect_error(world, "{\"cmd\":\"show\",\"args\":{\"contact\":\"Ben\",\"show\":\"x\"}}",
		     "input", "");
	reply = ask(world, "{\"cmd\":\"show\",\"args\":{\"contact\":\"Ben\"}}");
	assert_string_equal(json_string_value(json_object_get(reply, "show")), "dnd");
	json_decref(reply);
}

static void account_removed(void **state)
{
	struct world *world = *state;

	ann_and_ben(world);
	/* Not even the only one without its name. */
	expect_error(world, "{\"cmd\":\"account remove\"}", "input", "account is missing");
	expect_error(world, "{\"cmd\":\"account remove\",\"args\":{\"account\":\"eve\"}}",
		     "not-found", "");
	expect_ok(world, "{\"cmd\":\"account remove\",\"args\":{\"account\":\"ann\"}}");
	assert_null(engine_account_find(world->engine, "ann"));
	expect_ok(world, ADD_ANN);
}

static void backups(void **state)
{
	struct world *world = *state;
	char request[256], path[128];

	expect_ok(world, ADD_ANN);
	snprintf(path, sizeof(path), "%s/backup", world->dir);
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"backup\",\"args\":{\"file\":\"%s\",\"passphrase\":\"horse\"}}", path);
	expect_ok(world, request);
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"restore\",\"args\":{\"file\":\"%s\",\"passphrase\":\"horse\","
		 "\"name\":\"eve\"}}",
		 path);
	/* The same identity is here. */
	expect_error(world, request, "exists", "");
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"restore\",\"args\":{\"file\":\"%s\",\"passphrase\":\"donkey\"}}",
		 path);
	expect_error(world, request, NULL, "passphrase");
	expect_error(world, "{\"cmd\":\"backup\",\"args\":{\"file\":\"/x\"}}", "input",
		     "passphrase is missing");
	unlink(path);
}

/* --- programs --- */

/* Messages that come are for test_bots.py, since they take two engines. */
static void programs(void **state)
{
	struct world *world = *state;
	char id[ID_LEN + 1], request[512];
	int first, waiting;
	json_t *reply;

	expect_ok(world,
		  "{\"cmd\":\"account add\",\"args\":{\"name\":\"bot\",\"bot\":\"invited\"}}");
	expect_error(world, "{\"cmd\":\"account add\",\"args\":{\"name\":\"ann\"}}", "input",
		     "password is missing");
	make_id(world, id);
	first = connect_client(world);
	send_text(first, "{\"cmd\":\"listen\"}\n");
	reply = answer(world, first);
	assert_string_equal(json_string_value(json_object_get(reply, "account")), "bot");
	json_decref(reply);
	expect_error(world, "{\"cmd\":\"listen\"}", "exists", "another program");
	send_text(first, "{\"cmd\":\"taken\",\"args\":{\"contact\":\"x\",\"number\":1}}\n");
	reply = answer(world, first);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	json_decref(reply);
	close(first);
	loop_run_once(world->loop, 10);
	expect_ok(world, "{\"cmd\":\"listen\"}");

	snprintf(request, sizeof(request), "{\"cmd\":\"contact add\",\"args\":{\"id\":\"%s\"}}",
		 id);
	expect_ok(world, request);
	expect_error(world, "{\"cmd\":\"send\",\"args\":{\"contact\":\"x\",\"text\":\"y\"}}",
		     "not-found", "");
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"send\",\"args\":{\"contact\":\"%s\",\"text\":\"\"}}", id);
	expect_error(world, request, "input", "empty");
	waiting = connect_client(world);
	snprintf(
	    request, sizeof(request),
	    "{\"cmd\":\"send\",\"args\":{\"contact\":\"%s\",\"text\":\"hello\",\"wait\":true}}\n",
	    id);
	send_text(waiting, request);
	reply = answer(world, waiting);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	snprintf(request, sizeof(request), "{\"cmd\":\"cancel\",\"args\":{\"contact\":\"%s\"}}",
		 id);
	expect_ok(world, request);
	reply = answer(world, waiting);
	assert_string_equal(json_string_value(json_object_get(reply, "event")), "delivered");
	assert_string_equal(json_string_value(json_object_get(reply, "how")), "cancelled");
	json_decref(reply);
	close(waiting);
}

static void bot_rules(void **state)
{
	static const struct {
		const char *rule;
		bool good;
	} cases[] = {
	    {"nobody", true}, {"invited", true}, {"off", true}, {"", false},
	    {" ,", false},    {"all", false},    {"x", false},
	};
	struct world *world = *state;
	char id[ID_LEN + 1], request[512];
	json_t *reply;

	expect_ok(world, ADD_ANN);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(request, sizeof(request),
			 "{\"cmd\":\"account bot\",\"args\":{\"bot\":\"%s\"}}", cases[i].rule);
		if (cases[i].good)
			expect_ok(world, request);
		else
			expect_error(world, request, "input", "rule");
	}
	reply = ask(world, "{\"cmd\":\"account bot\"}");
	assert_string_equal(json_string_value(json_object_get(reply, "bot")), "off");
	json_decref(reply);
	make_id(world, id);
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"account bot\",\"args\":{\"bot\":\"%s, %s\"}}", id, id);
	expect_ok(world, request);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(socket_mode),     TEST(bad_requests),
	    TEST(accounts),        TEST(contacts),
	    TEST(status),          TEST(watching),
	    TEST(byte_by_byte),    TEST(several_in_one_go),
	    TEST(overlong_line),   TEST(many_connections),
	    TEST(programs),        TEST(bot_rules),
	    TEST(stopping),        TEST(invitations),
	    TEST(introduction),    TEST(requests),
	    TEST(blocked),         TEST(backups),
	    TEST(modes),           TEST(verification),
	    TEST(outbox),          TEST(cover),
	    TEST(locked),          TEST(archive),
	    TEST(answers),         TEST(showing),
	    TEST(account_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
