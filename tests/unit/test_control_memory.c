/*
 * Tests of the control socket and its commands when memory is short: each allocation of ours and of
 * jansson fails in turn. A command says so, or the connection ends; an answer that says "ok" is
 * whole.
 */
#include "component/local_store.h"
#include "tests/unit/control_rig.h"
#include "tests/unit/fail_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- jansson --- */

static bool reading;

/* jansson 2.14 itself does not bear a want of memory while it reads: it writes behind what it has.
 * What is read is therefore let off. */
json_t *__real_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);

json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error)
{
	json_t *json;

	reading = true;
	json = __real_json_loadb(text, len, flags, error);
	reading = false;
	return json;
}

static void *json_alloc(size_t size)
{
	const size_t unit = _Alignof(max_align_t);

	return reading ? aligned_alloc(unit, (size + unit - 1) / unit * unit) : malloc(size);
}

/* --- asking --- */

/* Ask while the n-th allocation fails; NULL: the connection has ended instead. */
static json_t *ask_short(struct world *world, const char *request, long n, bool *failed)
{
	static char line[65536];
	int fd = connect_client(world);
	json_t *reply = NULL;
	bool heard;

	for (int i = 0; i < 5; i++) /* it is accepted */
		loop_run_once(world->loop, 0);
	send_text(fd, request);
	send_text(fd, "\n");
	fail_malloc_arm(n);
	heard = read_line(world, fd, line, sizeof(line));
	*failed = fail_malloc_disarm();
	if (heard) {
		reply = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		if (!reply)
			fail_msg("%s, allocation %ld: %s", request, n, line);
	}
	close(fd);
	loop_run_once(world->loop, 0);
	return reply;
}

/* OpenSSL does not tell why it refuses; that can look like a wrong id or row. */
static void assert_clear(const char *request, long n, const json_t *reply)
{
	static const char *const vague[] = {"a key that nobody can have", "malformed row",
					    "no such contact"};
	const char *code = json_string_value(json_object_get(reply, "code"));
	const char *error = json_string_value(json_object_get(reply, "error"));

	assert_non_null(code);
	assert_non_null(error);
	for (size_t i = 0; i < sizeof(vague) / sizeof(vague[0]); i++)
		if (strstr(error, vague[i]))
			return;
	if (strcmp(code, "memory") != 0 && strcmp(code, "crypto") != 0)
		fail_msg("%s, allocation %ld: %s: %s", request, n, code, error);
}

/* What to ask, and what to ask then so that it can be asked again. same: the answer is the same
 * each time. */
struct asked {
	const char *request, *undo;
	bool same;
	unsigned skip; /* allocations that are not tried between two: it costs too much */
};

/* Answers that are not "ok" are clear; those that are have all that one has which finds memory. */
static void ask_each(struct world *world, const struct asked *asked)
{
	json_t *whole = asked->same ? ask(world, asked->request) : NULL;
	bool failed = true;
	long n;

	for (n = 0; failed; n += 1 + asked->skip) {
		json_t *reply = ask_short(world, asked->request, n, &failed);
		bool ok = json_is_true(json_object_get(reply, "ok"));

		if (!failed && !ok)
			fail_msg("%s: %s", asked->request,
				 json_string_value(json_object_get(reply, "error")));
		if (reply && !ok)
			assert_clear(asked->request, n, reply);
		if (ok && whole && !json_equal(reply, whole))
			fail_msg("%s, allocation %ld: not whole", asked->request, n);
		json_decref(reply);
		if (asked->undo)
			json_decref(ask(world, asked->undo));
	}
	assert_true(n > 1);
	json_decref(whole);
}

/* --- the world --- */

static char ben[ID_LEN + 1], eve[ID_LEN + 1];
static struct local_store *local;

static void expect_ok_with(struct world *world, const char *command, const char *id,
			   const char *name)
{
	char request[512];

	snprintf(request, sizeof(request),
		 "{\"cmd\":\"%s\",\"args\":{\"id\":\"%s\",\"name\":\"%s\"}}", command, id, name);
	expect_ok(world, request);
}

/* Ann, with two contacts, messages for them, an invitation, somebody blocked and an archive. */
static int fill(void **state)
{
	static const struct key store_key = {{1}};
	struct world *world;
	char blocked[ID_LEN + 1];
	int result = setup(state);

	world = *state;
	local = local_store_open(":memory:", &store_key, NULL);
	bridge_set_local(world->bridge, local);
	expect_ok(world, ADD_ANN);
	make_id(world, ben);
	make_id(world, eve);
	make_id(world, blocked);
	expect_ok_with(world, "contact add", ben, "Ben");
	expect_ok_with(world, "contact add", eve, "Eve");
	for (int i = 0; i < 3; i++)
		expect_ok(world,
			  "{\"cmd\":\"send\",\"args\":{\"contact\":\"Ben\",\"text\":\"hello\"}}");
	expect_ok(world, "{\"cmd\":\"invite\",\"args\":{\"name\":\"Ann\",\"reusable\":true}}");
	expect_ok_with(world, "block", blocked, "");
	expect_ok(world, "{\"cmd\":\"archive retention\",\"args\":{\"days\":0,\"count\":77}}");
	return result;
}

static int empty(void **state)
{
	struct world *world = *state;

	bridge_set_local(world->bridge, NULL);
	local_store_free(&local);
	return teardown(state);
}

/* --- tests --- */

static void what_is_listed_is_whole(void **state)
{
	static const struct asked list[] = {
	    {"{\"cmd\":\"account list\"}", NULL, true, 0},
	    {"{\"cmd\":\"contact list\"}", NULL, true, 0},
	    {"{\"cmd\":\"id\"}", NULL, true, 0},
	    {"{\"cmd\":\"status\"}", NULL, true, 0},
	    {"{\"cmd\":\"status watch\"}", NULL, true, 0},
	    {"{\"cmd\":\"invitations\"}", NULL, true, 0},
	    {"{\"cmd\":\"requests\"}", NULL, true, 0},
	    {"{\"cmd\":\"blocked\"}", NULL, true, 0},
	    {"{\"cmd\":\"verify\"}", NULL, true, 0},
	    {"{\"cmd\":\"mode\"}", NULL, true, 0},
	    {"{\"cmd\":\"outbox\"}", NULL, true, 0},
	    {"{\"cmd\":\"cover\"}", NULL, true, 0},
	    {"{\"cmd\":\"show\",\"args\":{\"contact\":\"Ben\"}}", NULL, true, 0},
	    {"{\"cmd\":\"answer\"}", NULL, true, 0},
	    {"{\"cmd\":\"archive\"}", NULL, true, 0},
	    {"{\"cmd\":\"account bot\"}", NULL, true, 0},
	    {"{\"cmd\":\"listen\"}", NULL, true, 0},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		ask_each(*state, &list[i]);
}

static void what_is_set_can_be_set_again(void **state)
{
	static const struct asked list[] = {
	    {"{\"cmd\":\"account passwd\",\"args\":{\"password\":\"other\"}}", NULL, true, 0},
	    {"{\"cmd\":\"mode\",\"args\":{\"mode\":\"follow\"}}",
	     "{\"cmd\":\"mode\",\"args\":{\"mode\":\"steady\"}}", true, 0},
	    /* What cannot be read is not verified. */
	    {"{\"cmd\":\"verify\",\"args\":{\"contact\":\"Ben\",\"verified\":true}}",
	     "{\"cmd\":\"verify\",\"args\":{\"contact\":\"Ben\",\"verified\":false}}", false, 0},
	    {"{\"cmd\":\"cover\",\"args\":{\"mean_ms\":2000}}",
	     "{\"cmd\":\"cover\",\"args\":{\"mean_ms\":0}}", true, 0},
	    {"{\"cmd\":\"show\",\"args\":{\"contact\":\"Ben\",\"show\":\"dnd\"}}", NULL, true, 0},
	    /* … and is not allowed. */
	    {"{\"cmd\":\"answer\",\"args\":{\"set\":\"on\"}}",
	     "{\"cmd\":\"answer\",\"args\":{\"set\":\"off\"}}", false, 0},
	    {"{\"cmd\":\"archive\",\"args\":{\"set\":\"off\"}}",
	     "{\"cmd\":\"archive\",\"args\":{\"set\":\"on\"}}", true, 0},
	    {"{\"cmd\":\"archive purge\"}", NULL, false, 0},
	    {"{\"cmd\":\"account bot\",\"args\":{\"bot\":\"invited\"}}",
	     "{\"cmd\":\"account bot\",\"args\":{\"bot\":\"off\"}}", true, 0},
	    {"{\"cmd\":\"passphrase set\",\"args\":{\"passphrase\":\"x\"}}", NULL, true, 0},
	};
	struct world *world = *state;
	json_t *reply;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		ask_each(world, &list[i]);
	/* What was set first has survived. */
	reply = ask(world, "{\"cmd\":\"archive\"}");
	assert_int_equal(json_integer_value(json_object_get(reply, "days")), 0);
	assert_int_equal(json_integer_value(json_object_get(reply, "count")), 77);
	json_decref(reply);
}

static void what_is_added_is_there_or_not(void **state)
{
	static const struct asked list[] = {
	    {"{\"cmd\":\"account add\",\"args\":{\"name\":\"carl\",\"password\":\"secret\"}}",
	     "{\"cmd\":\"account remove\",\"args\":{\"account\":\"carl\"}}", false, 0},
	    {"{\"cmd\":\"account add\",\"args\":{\"name\":\"carl\",\"bot\":\"invited\"}}",
	     "{\"cmd\":\"account remove\",\"args\":{\"account\":\"carl\"}}", false, 0},
	    {"{\"cmd\":\"invite\",\"args\":{\"name\":\"Ann\"}}",
	     "{\"cmd\":\"invitations revoke\",\"args\":{\"number\":2}}", false, 0},
	};
	struct world *world = *state;
	char add[256], take[256];
	struct asked asked = {add, take, false, 0};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		ask_each(world, &list[i]);
	snprintf(take, sizeof(take), "{\"cmd\":\"unblock\",\"args\":{\"id\":\"%s\"}}", eve);
	snprintf(add, sizeof(add), "{\"cmd\":\"block\",\"args\":{\"id\":\"%s\"}}", eve);
	ask_each(world, &asked);
	snprintf(take, sizeof(take), "{\"cmd\":\"contact remove\",\"args\":{\"contact\":\"%s\"}}",
		 eve);
	snprintf(add, sizeof(add), "{\"cmd\":\"contact add\",\"args\":{\"id\":\"%s\"}}", eve);
	ask_each(world, &asked);
}

/* What is removed is away, or as it was. */
static void what_is_removed_is_away_or_not(void **state)
{
	struct world *world = *state;
	char add[256], take[256];
	struct asked asked = {take, add, false, 0};

	snprintf(take, sizeof(take), "{\"cmd\":\"contact remove\",\"args\":{\"contact\":\"%s\"}}",
		 eve);
	snprintf(add, sizeof(add), "{\"cmd\":\"contact add\",\"args\":{\"id\":\"%s\"}}", eve);
	ask_each(world, &asked);
	asked = (struct asked){"{\"cmd\":\"account remove\",\"args\":{\"account\":\"carl\"}}",
			       "{\"cmd\":\"account add\",\"args\":{\"name\":\"carl\","
			       "\"password\":\"secret\"}}",
			       false, 0};
	expect_ok(world, asked.undo);
	ask_each(world, &asked);
}

/* As many messages wait as were said to, and no other: an error means that nothing was sent. */
static void what_is_sent_is_told(void **state)
{
	static const char send_one[] = "{\"cmd\":\"send\",\"args\":{\"contact\":\"Ben\",\"text\":"
				       "\"hello\",\"wait\":true}}";
	struct world *world = *state;
	const struct contact *contact =
	    contact_find(engine_account_find(world->engine, "ann"), ben);
	bool failed = true;

	for (long n = 0; failed; n++) {
		unsigned before = contact_outbox(contact);
		json_t *reply = ask_short(world, send_one, n, &failed);
		bool ok = json_is_true(json_object_get(reply, "ok"));

		if (reply && contact_outbox(contact) != before + ok)
			fail_msg("allocation %ld: said %d", n, ok);
		if (reply && !ok)
			assert_clear(send_one, n, reply);
		assert_true(ok || failed);
		json_decref(reply);
	}
	json_decref(ask(world, "{\"cmd\":\"cancel\",\"args\":{\"contact\":\"Ben\"}}"));
	assert_int_equal(contact_outbox(contact), 0);
}

static void what_is_cancelled_is_away(void **state)
{
	static const struct asked asked = {
	    "{\"cmd\":\"cancel\",\"args\":{\"contact\":\"Ben\"}}",
	    "{\"cmd\":\"send\",\"args\":{\"contact\":\"Ben\",\"text\":\"hello\"}}", false, 0};
	struct world *world = *state;

	ask_each(world, &asked);
	json_decref(ask(world, asked.request));
	assert_int_equal(
	    contact_outbox(contact_find(engine_account_find(world->engine, "ann"), ben)), 0);
}

static void backups(void **state)
{
	struct world *world = *state;
	char request[256], path[128];
	/* scrypt takes half a second. */
	struct asked asked = {request, NULL, false, 24};

	snprintf(path, sizeof(path), "%s/backup", world->dir);
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"backup\",\"args\":{\"file\":\"%s\",\"passphrase\":\"horse\"}}", path);
	ask_each(world, &asked);
	expect_ok(world, "{\"cmd\":\"account remove\",\"args\":{\"account\":\"ann\"}}");
	snprintf(request, sizeof(request),
		 "{\"cmd\":\"restore\",\"args\":{\"file\":\"%s\",\"passphrase\":\"horse\"}}", path);
	asked.undo = "{\"cmd\":\"account remove\",\"args\":{\"account\":\"ann\"}}";
	ask_each(world, &asked);
	unlink(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_listed_is_whole),
	    TEST(what_is_set_can_be_set_again),
	    TEST(what_is_added_is_there_or_not),
	    TEST(what_is_removed_is_away_or_not),
	    TEST(what_is_sent_is_told),
	    TEST(what_is_cancelled_is_away),
	    TEST(backups),
	};

	json_set_alloc_funcs(json_alloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
