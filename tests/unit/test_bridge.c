/*
 * Tests of the bridge: accounts and their commands, contacts as roster items.
 */
#include "tests/unit/told_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static void tokens(void **state)
{
	struct world *world = *state;
	struct bridge *bridge = world->ann.bridge;
	struct buf out;
	struct err err;

	buf_init(&out, 100);
	assert_int_equal(host->tokens_get(bridge, "ann", &out), -1);
	assert_int_equal(host->tokens_set(bridge, "ann", (const uint8_t *)"abc", 3, &err), 0);
	assert_int_equal(host->tokens_get(bridge, "ann", &out), 0);
	assert_int_equal(out.len, 3);
	assert_memory_equal(out.data, "abc", 3);
	assert_int_equal(host->tokens_set(bridge, "ann", NULL, 0, &err), 0);
	assert_int_equal(host->tokens_get(bridge, "ann", &out), -1);
	assert_int_equal(host->tokens_set(bridge, "nobody", (const uint8_t *)"abc", 3, &err), -1);
	assert_int_equal(host->tokens_get(bridge, "nobody", &out), -1);
	buf_free(&out);
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

/* --- commands --- */

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

/* --- the end of an account --- */

static void account_ends(void **state)
{
	struct world *world = *state;
	struct side *ann = &world->ann;
	struct account *again;
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
	assert_non_null(strstr(buf_text(&world->ben.server->told), "presence ben gone"));
	/* As if it could not be erased. */
	side_keep_local(ann);
	assert_int_equal(local_item_set(ann->local, "ann", "pep", "urn:a", "1", "a", 1, &err), 0);
	again = bridge_account_add(ann->bridge, "ann", "secret", &err);
	assert_non_null(again);
	assert_null(local_item_get(ann->local, "ann", "pep", "urn:a", "1", &len));
	assert_null(account_user(again));
	assert_int_equal(bridge_account_remove(ann->bridge, &again, &err), 0);
	assert_null(again);
	expect_told(ann, "end ann\n");
}

/* --- two daemons with one identity --- */

static void conflict_is_told(void **state)
{
	const struct engine_handler *handler = bridge_engine_handler();
	struct world *world = *state;
	struct side *ann = &world->ann;

	/* Nobody is there to hear it. */
	handler->conflict(ann->bridge, ann->account);
	assert_non_null(strstr(buf_text(&ann->server->told), "Another daemon"));
	forget_told(ann);
	ann->server->takers = 1;
	host->ready(ann->bridge, "ann");
	assert_non_null(strstr(buf_text(&ann->server->told), "Another daemon"));
	assert_non_null(strstr(buf_text(&ann->server->told), "from='localhost'"));
	/* Once. */
	forget_told(ann);
	host->ready(ann->bridge, "ann");
	expect_told(ann, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TOLD_TEST(account_names),    TOLD_TEST(passwords), TOLD_TEST(tokens),
	    TOLD_TEST(registration),     TOLD_TEST(roster),    TOLD_TEST(roster_refusals),
	    TOLD_TEST(commands),         TOLD_TEST(covered),   TOLD_TEST(account_ends),
	    TOLD_TEST(conflict_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
