/*
 * Tests of bridge_people.c, and of the ways to become contacts.
 */
#include "tests/unit/told_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
	assert_non_null(strstr(buf_text(&world->ann.server->told), "push ann Benny\n"));
	fake_clock_run(world->clock, LINK_MS);
	assert_int_equal(contact_state(contact_find(world->ann.account, ben)), CONTACT_LINKED);
	assert_non_null(strstr(buf_text(&world->ben.server->told), "type='subscribed'"));
	assert_non_null(strstr(buf_text(&world->ben.server->told), "push ben Annie\n"));
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
	assert_null(side_contact(&world->ann, &world->ben));
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

static void said_to_the_server(void **state)
{
	struct world *world = *state;
	char text[256], wrong[ID_LEN + 1];

	host->told(world->ann.bridge, "ann", "hello");
	assert_non_null(strstr(buf_text(&world->ann.server->told), "from='localhost'"));
	assert_null(strstr(buf_text(&world->ann.server->told), "push"));
	snprintf(text, sizeof(text), " tacet:%s?n=Benny\n", id_of(&world->ben));
	host->told(world->ann.bridge, "ann", text);
	assert_non_null(strstr(buf_text(&world->ann.server->told), "push ann Benny"));
	assert_non_null(contact_find(world->ann.account, id_of(&world->ben)));
	/* Mistyped. */
	snprintf(wrong, sizeof(wrong), "%s", id_of(&world->ben));
	wrong[3] = wrong[3] == 'a' ? 'b' : 'a';
	forget_told(&world->ann);
	host->told(world->ann.bridge, "ann", wrong);
	assert_non_null(strstr(buf_text(&world->ann.server->told), "mistyped"));
	assert_null(strstr(buf_text(&world->ann.server->told), "push"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TOLD_TEST(contacts_by_words),  TOLD_TEST(request_accepted), TOLD_TEST(request_denied),
	    TOLD_TEST(request_blocked),    TOLD_TEST(contact_blocked),  TOLD_TEST(link_as_address),
	    TOLD_TEST(verified),           TOLD_TEST(same_passphrase),  TOLD_TEST(other_passphrase),
	    TOLD_TEST(said_to_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
