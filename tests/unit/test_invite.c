/* Tests of invitations from end to end: door.c, visit.c, request.c, guest.c, in whole engines. */
#include "tests/unit/caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static char link_text[INVITATION_LINK_SIZE];

static void invite(struct node_rig *host, bool reusable, int64_t lifetime_ms)
{
	struct err err = {0};

	if (account_invite(host->account, host->name, reusable, lifetime_ms, link_text, &err) < 0)
		fail_msg("%s", err.text);
}

static void introduce(struct node_rig *guest)
{
	struct invitation invitation;
	struct err err = {0};

	assert_int_equal(invitation_parse(link_text, &invitation, &err), 0);
	if (account_introduce(guest->account, &invitation, NULL, guest->name, "let me in", &err) ==
	    NULL)
		fail_msg("%s", err.text);
}

static void accept(struct node_rig *host, const struct node_rig *guest)
{
	struct err err = {0};

	if (account_request_accept(host->account, guest->id, NULL, &err) == NULL)
		fail_msg("%s", err.text);
}

static struct node_rig *started(struct rig *rig, const char *name)
{
	struct node_rig *node = rig_node(rig, name);

	node_start(node);
	return node;
}

static void count_request(void *arg, const struct contact_request *request)
{
	(void)request;
	(*(unsigned *)arg)++;
}

static unsigned waiting(const struct node_rig *host)
{
	unsigned count = 0;

	account_requests(host->account, count_request, &count);
	return count;
}

static void keep_invitation(void *arg, const struct invitation_info *invitation)
{
	*(struct invitation_info *)arg = *invitation;
}

/* The newest one; number 0: none is open. */
static struct invitation_info first_invitation(const struct node_rig *host)
{
	struct invitation_info info = {0};

	account_invitations(host->account, keep_invitation, &info);
	return info;
}

/* Run until the guest's introduction has ended, at most ms. */
static void until_introduced(struct node_rig *guest, int64_t ms)
{
	int64_t end = fake_clock_now(guest->rig->clock) + ms;

	while (guest->introduced == 0) {
		if (fake_clock_now(guest->rig->clock) >= end)
			fail_msg("%s's introduction has not arrived", guest->name);
		rig_run(guest->rig, 100);
	}
}

/* --- the usual course --- */

static void test_accept(void **state)
{
	struct rig *rig = rig_new(1);
	struct node_rig *host = started(rig, "host"), *guest = started(rig, "guest");

	(void)state;
	invite(host, false, DAY);
	rig_run(rig, 10 * SECOND);
	introduce(guest);
	assert_string_equal(contact_name(node_contact(guest, host)), "host");
	assert_true(contact_introducing(node_contact(guest, host)));
	assert_int_equal(guest->introduced, 0);
	until_introduced(guest, 20 * SECOND);
	assert_int_equal(host->requests, 1);
	assert_string_equal(host->request.id, guest->id);
	assert_string_equal(host->request.name, "guest");
	assert_string_equal(host->request.text, "let me in");
	assert_int_equal(waiting(host), 1);
	assert_int_equal(first_invitation(host).used, 1);
	rig_run(rig, MINUTE);
	accept(host, guest);
	assert_string_equal(contact_name(node_contact(host, guest)), "guest");
	assert_int_equal(waiting(host), 0);
	rig_link(host, guest, MINUTE);
	node_send(host, guest, 0, 3);
	node_send(guest, host, 0, 3);
	rig_run(rig, 10 * SECOND);
	assert_int_equal(guest->got, 3);
	assert_int_equal(host->got, 3);
	assert_int_equal(guest->introduced, 1);
	assert_int_equal(account_request_deny(host->account, guest->id, &(struct err){0}), -1);
	rig_free(&rig);
}

/* The guest comes first; the host is not there for days. */
static void test_host_comes_later(void **state)
{
	struct rig *rig = rig_new(2);
	struct node_rig *host = rig_node(rig, "host"), *guest = started(rig, "guest");

	(void)state;
	invite(host, false, 7 * DAY);
	introduce(guest);
	rig_run(rig, 2 * DAY);
	assert_true(contact_introducing(node_contact(guest, host)));
	node_start(host);
	until_introduced(guest, 45 * MINUTE);
	accept(host, guest);
	rig_link(host, guest, MINUTE);
	rig_free(&rig);
}

/* What a guest sees who was denied is what one sees who waits. */
static void test_deny(void **state)
{
	struct rig *rig = rig_new(3);
	struct node_rig *host = started(rig, "host"), *guest = started(rig, "guest");
	unsigned states;

	(void)state;
	invite(host, false, DAY);
	introduce(guest);
	until_introduced(guest, 10 * MINUTE);
	states = fake_host_streams(guest->host);
	assert_int_equal(account_request_deny(host->account, guest->id, NULL), 0);
	assert_int_equal(waiting(host), 0);
	rig_run(rig, HOUR);
	assert_int_equal(fake_host_streams(guest->host), states);
	assert_int_equal(guest->statuses, 0);
	assert_int_equal(guest->not_introduced, 0);
	assert_null(node_contact(host, guest));
	assert_int_equal(host->requests, 1);
	/* With another invitation it may ask again. */
	struct contact *contact = node_contact(guest, host);
	assert_int_equal(contact_remove(&contact, NULL), 0);
	invite(host, false, DAY);
	introduce(guest);
	rig_run(rig, 10 * MINUTE);
	assert_int_equal(host->requests, 2);
	rig_free(&rig);
}

static void test_reusable(void **state)
{
	static const char *const names[] = {"one", "two", "three"};
	struct rig *rig = rig_new(4);
	struct node_rig *host = started(rig, "host");

	(void)state;
	invite(host, true, DAY);
	for (int i = 0; i < 3; i++)
		introduce(started(rig, names[i]));
	rig_run(rig, 10 * MINUTE);
	assert_int_equal(waiting(host), 3);
	assert_int_equal(first_invitation(host).used, 3);
	for (unsigned i = 1; i < 4; i++) {
		accept(host, &rig->nodes[i]);
		rig_link(host, &rig->nodes[i], MINUTE);
		assert_int_equal(rig->nodes[i].introduced, 1);
	}
	rig_free(&rig);
}

/* The guest has removed its host and comes again: the host need only accept. */
static void test_again(void **state)
{
	struct rig *rig = rig_new(5);
	struct node_rig *host = started(rig, "host"), *guest = started(rig, "guest");
	struct contact *contact = NULL;

	(void)state;
	invite(host, true, DAY);
	introduce(guest);
	until_introduced(guest, 10 * MINUTE);
	accept(host, guest);
	rig_link(host, guest, MINUTE);
	contact = node_contact(guest, host);
	assert_int_equal(contact_remove(&contact, NULL), 0);
	introduce(guest);
	rig_run(rig, 10 * MINUTE);
	assert_int_equal(waiting(host), 1);
	accept(host, guest);
	rig_link(host, guest, MINUTE);
	rig_free(&rig);
}

/* --- who is not let in --- */

static void test_used_by_another(void **state)
{
	struct rig *rig = rig_new(6);
	struct node_rig *host = started(rig, "host");
	struct caller *first, *second, *late;

	(void)state;
	invite(host, false, 30 * DAY);
	rig_run(rig, 10 * SECOND);
	first = caller_new(rig, host, "first", link_text);
	second = caller_new(rig, host, "second", link_text);
	late = caller_new(rig, host, "late", link_text);
	/* Both have knocked before one of them shows itself. */
	caller_dial(first);
	caller_dial(second);
	assert_true(caller_knock(first));
	assert_true(caller_knock(second));
	assert_true(caller_show(first));
	assert_false(caller_show(second));
	assert_true(caller_hears_nothing(second));
	/* Later not even the answer. */
	caller_dial(late);
	assert_false(caller_knock(late));
	assert_true(caller_hears_nothing(late));
	assert_int_equal(host->requests, 1);
	/* The same guest is acknowledged again, also after a restart of the host; nothing is told
	 * twice. */
	assert_true(caller_visit(first));
	snprintf(first->introduction.text, sizeof(first->introduction.text), "it is me");
	node_kill(host);
	node_reopen(host);
	node_start(host);
	rig_run(rig, 10 * SECOND);
	assert_true(caller_visit(first));
	assert_int_equal(host->requests, 1);
	assert_int_equal(waiting(host), 1);
	/* Also after it was refused, without a new request. */
	char id[ID_LEN + 1];
	id_encode(first->identity.public_key, id);
	assert_int_equal(account_request_deny(host->account, id, NULL), 0);
	assert_true(caller_visit(first));
	assert_int_equal(waiting(host), 0);
	/* A day later nobody knows it. */
	rig_run(rig, 26 * HOUR);
	assert_int_equal(first_invitation(host).number, 0);
	caller_dial(first);
	assert_false(caller_knock(first));
	assert_true(caller_hears_nothing(first));
	caller_free(&first);
	caller_free(&second);
	caller_free(&late);
	rig_free(&rig);
}

/* Expired, revoked, forged: no byte, like to any stranger. */
static void test_closed(void **state)
{
	struct rig *rig = rig_new(7);
	struct node_rig *host = started(rig, "host");
	struct caller *expired, *revoked, *forged;

	(void)state;
	invite(host, true, HOUR);
	expired = caller_new(rig, host, "expired", link_text);
	rig_run(rig, HOUR + MINUTE);
	assert_int_equal(first_invitation(host).number, 0);
	invite(host, true, DAY);
	revoked = caller_new(rig, host, "revoked", link_text);
	rig_run(rig, MINUTE);
	assert_true(caller_visit(revoked));
	assert_int_equal(
	    account_invitation_revoke(host->account, first_invitation(host).number, NULL), 0);
	assert_int_equal(account_invitation_revoke(host->account, 77, NULL), -1);
	invite(host, true, DAY);
	forged = caller_new(rig, host, "forged", link_text);
	forged->guesses = true;
	rig_run(rig, MINUTE);
	caller_dial(expired);
	assert_false(caller_knock(expired));
	assert_true(caller_hears_nothing(expired));
	caller_dial(revoked);
	assert_false(caller_knock(revoked));
	assert_true(caller_hears_nothing(revoked));
	/* The psk comes in with the third message. */
	caller_dial(forged);
	assert_true(caller_knock(forged));
	assert_false(caller_show(forged));
	assert_true(caller_hears_nothing(forged));
	assert_int_equal(host->requests, 1);
	caller_free(&expired);
	caller_free(&revoked);
	caller_free(&forged);
	rig_free(&rig);
}

/* Revoked while a guest stands in the door. */
static void test_revoked_meanwhile(void **state)
{
	struct rig *rig = rig_new(8);
	struct node_rig *host = started(rig, "host");
	struct caller *caller;

	(void)state;
	invite(host, true, DAY);
	rig_run(rig, 10 * SECOND);
	caller = caller_new(rig, host, "guest", link_text);
	caller_dial(caller);
	assert_true(caller_knock(caller));
	assert_int_equal(
	    account_invitation_revoke(host->account, first_invitation(host).number, NULL), 0);
	assert_false(caller_show(caller));
	assert_true(caller_hears_nothing(caller));
	assert_int_equal(host->requests, 0);
	caller_free(&caller);
	rig_free(&rig);
}

/* What a prober can say with a tag, a copy or garbage gets no byte. */
static void test_probes(void **state)
{
	struct rig *rig = rig_new(9);
	struct node_rig *host = started(rig, "host");
	struct caller *caller;
	uint8_t garbage[2000], message[INTRODUCTION_LEN] = {0};

	(void)state;
	invite(host, true, DAY);
	rig_run(rig, 10 * SECOND);
	caller = caller_new(rig, host, "guest", link_text);
	assert_true(caller_visit(caller));
	/* The same first message again. */
	caller_dial(caller);
	caller_say(caller, caller->knock, KNOCK_LEN);
	assert_true(caller_hears_nothing(caller));
	/* Garbage after the tag; and more than a knock. */
	env_random(caller->env, garbage, sizeof(garbage));
	memcpy(garbage, caller->knock, KNOCK_TAG_LEN);
	caller_dial(caller);
	caller_say(caller, garbage, KNOCK_LEN);
	assert_true(caller_hears_nothing(caller));
	caller_dial(caller);
	caller_say(caller, garbage, sizeof(garbage));
	assert_true(caller_hears_nothing(caller));
	/* A wrong clock. */
	caller_dial(caller);
	caller->hello = (struct hello){
	    .time_ms = env_wall_ms(caller->env) - 12 * MINUTE, .version_min = 1, .version_max = 1};
	assert_false(caller_knock(caller));
	assert_true(caller_hears_nothing(caller));
	/* Another version. */
	caller_dial(caller);
	caller->hello =
	    (struct hello){.time_ms = env_wall_ms(caller->env), .version_min = 2, .version_max = 3};
	assert_false(caller_knock(caller));
	assert_true(caller_hears_nothing(caller));
	/* After a good first message: garbage, too much, nothing. */
	caller_dial(caller);
	assert_true(caller_knock(caller));
	caller_say(caller, message, sizeof(message));
	assert_true(caller_hears_nothing(caller));
	caller_dial(caller);
	assert_true(caller_knock(caller));
	caller_say(caller, garbage, sizeof(garbage));
	assert_true(caller_hears_nothing(caller));
	caller_dial(caller);
	assert_true(caller_knock(caller));
	assert_true(caller_hears_nothing(caller));
	assert_int_equal(host->requests, 1);
	/* It is still open for who behaves. */
	assert_true(caller_visit(caller));
	caller_free(&caller);
	rig_free(&rig);
}

static void test_blocked(void **state)
{
	struct rig *rig = rig_new(10);
	struct node_rig *host = started(rig, "host"), *guest = started(rig, "guest");
	unsigned services = 0;

	(void)state;
	invite(host, true, DAY);
	introduce(guest);
	until_introduced(guest, 10 * MINUTE);
	services = fake_host_services_made(host->host);
	assert_int_equal(account_block(host->account, guest->id, NULL), 0);
	assert_int_equal(waiting(host), 0);
	assert_int_equal(fake_host_services_made(host->host), services + 1);
	assert_null(contact_add(host->account, guest->id, "", NULL, &(struct err){0}));
	struct contact *contact = node_contact(guest, host);
	assert_int_equal(contact_remove(&contact, NULL), 0);
	introduce(guest);
	rig_run(rig, HOUR);
	assert_int_equal(host->requests, 1);
	assert_true(contact_introducing(node_contact(guest, host)));
	assert_int_equal(account_unblock(host->account, guest->id, NULL), 0);
	assert_int_equal(account_unblock(host->account, guest->id, NULL), -1);
	rig_run(rig, 10 * MINUTE);
	assert_int_equal(host->requests, 2);
	accept(host, guest);
	rig_link(host, guest, MINUTE);
	/* A contact as well. */
	assert_int_equal(account_block(host->account, guest->id, NULL), 0);
	assert_null(node_contact(host, guest));
	rig_free(&rig);
}

/* --- many guests --- */

static void test_full_queue(void **state)
{
	struct rig *rig = rig_new(11);
	struct node_rig *host = started(rig, "host");
	struct caller *callers[REQUESTS_MAX + 1];
	char name[16];

	(void)state;
	invite(host, true, 30 * DAY);
	rig_run(rig, 10 * SECOND);
	for (unsigned i = 0; i <= REQUESTS_MAX; i++) {
		snprintf(name, sizeof(name), "guest%u", i);
		callers[i] = caller_new(rig, host, name, link_text);
	}
	for (unsigned i = 0; i < REQUESTS_MAX; i++) {
		assert_true(caller_visit(callers[i]));
		assert_int_equal(callers[i]->bits, i < REQUESTS_MAX / 2 ? 0 : WORK_BITS);
	}
	assert_int_equal(waiting(host), REQUESTS_MAX);
	caller_dial(callers[REQUESTS_MAX]);
	assert_false(caller_knock(callers[REQUESTS_MAX]));
	assert_true(caller_hears_nothing(callers[REQUESTS_MAX]));
	/* One who waits already may come again. */
	assert_true(caller_visit(callers[3]));
	/* Room again, but the work is not done. */
	assert_int_equal(account_request_deny(host->account, host->request.id, NULL), 0);
	caller_dial(callers[REQUESTS_MAX]);
	assert_true(caller_knock(callers[REQUESTS_MAX]));
	callers[REQUESTS_MAX]->introduction.nonce++;
	assert_false(caller_show(callers[REQUESTS_MAX]));
	assert_true(caller_hears_nothing(callers[REQUESTS_MAX]));
	assert_true(caller_visit(callers[REQUESTS_MAX]));
	/* A whole daemon does the work, too. */
	assert_int_equal(account_request_deny(host->account, host->request.id, NULL), 0);
	struct node_rig *guest = started(rig, "daemon");
	introduce(guest);
	until_introduced(guest, MINUTE);
	for (unsigned i = 0; i <= REQUESTS_MAX; i++)
		caller_free(&callers[i]);
	rig_free(&rig);
}

static void test_crowd_at_the_door(void **state)
{
	struct rig *rig = rig_new(12);
	struct node_rig *host = started(rig, "host");
	struct caller *callers[9];
	char name[16];

	(void)state;
	invite(host, true, DAY);
	rig_run(rig, 10 * SECOND);
	for (unsigned i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "guest%u", i);
		callers[i] = caller_new(rig, host, name, link_text);
		caller_dial(callers[i]);
		assert_int_equal(caller_knock(callers[i]), i < 8);
	}
	assert_true(caller_hears_nothing(callers[8]));
	assert_true(caller_visit(callers[8]));
	for (unsigned i = 0; i < 9; i++)
		caller_free(&callers[i]);
	rig_free(&rig);
}

/* --- death at any moment --- */

/* One of the two is killed so many ms after the introduction has begun, comes again, and nothing is
 * lost. */
static void kill_at(struct rig *rig, int64_t ms, bool kill_host)
{
	struct node_rig *host = started(rig, "host"), *guest = started(rig, "guest");
	struct node_rig *victim = kill_host ? host : guest;

	invite(host, false, 7 * DAY);
	rig_run(rig, 10 * SECOND);
	introduce(guest);
	rig_run(rig, ms);
	node_kill(victim);
	rig_run(rig, 5 * SECOND);
	node_reopen(victim);
	node_start(victim);
	for (int i = 0; i < 60 && contact_introducing(node_contact(guest, host)); i++)
		rig_run(rig, MINUTE);
	assert_false(contact_introducing(node_contact(guest, host)));
	assert_int_equal(waiting(host), 1);
	accept(host, guest);
	node_kill(victim);
	node_reopen(victim);
	node_start(victim);
	assert_int_equal(waiting(host), 0);
	rig_link(host, guest, 40 * MINUTE);
}

static void test_killed(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < 3000; ms += 300) {
		struct rig *rig = rig_new((uint64_t)ms + 100);
		kill_at(rig, ms, true);
		rig_free(&rig);
		rig = rig_new((uint64_t)ms + 200);
		kill_at(rig, ms, false);
		rig_free(&rig);
	}
}

/* The acknowledgement is lost and will not be repeated: that they meet says as much. */
static void test_lost_acknowledgement(void **state)
{
	struct rig *rig = rig_new(15);
	struct node_rig *host = started(rig, "host"), *guest = started(rig, "guest");

	(void)state;
	invite(host, false, DAY);
	rig_run(rig, 10 * SECOND);
	introduce(guest);
	while (host->requests == 0)
		rig_run(rig, 1);
	node_kill(guest);
	assert_int_equal(
	    account_invitation_revoke(host->account, first_invitation(host).number, NULL), 0);
	rig_run(rig, MINUTE);
	accept(host, guest);
	node_reopen(guest);
	assert_true(contact_introducing(node_contact(guest, host)));
	node_start(guest);
	rig_link(host, guest, 45 * MINUTE);
	assert_false(contact_introducing(node_contact(guest, host)));
	rig_run(rig, SECOND);
	assert_int_equal(guest->introduced, 1);
	rig_free(&rig);
}

/* Whoever shows himself to nobody neither comes as a guest nor is found by one. */
static void test_hidden(void **state)
{
	struct rig *rig = rig_new(16);
	struct node_rig *host = started(rig, "host"), *guest = started(rig, "guest");

	(void)state;
	account_set_visibility(guest->account, ACCOUNT_HIDDEN);
	invite(host, false, DAY);
	rig_run(rig, 10 * SECOND);
	introduce(guest);
	rig_run(rig, HOUR);
	assert_int_equal(host->requests, 0);
	assert_int_equal(fake_host_dials(guest->host), 0);
	account_set_visibility(host->account, ACCOUNT_HIDDEN);
	rig_run(rig, HOUR);
	account_set_visibility(guest->account, ACCOUNT_SHOWN);
	rig_run(rig, HOUR);
	assert_int_equal(host->requests, 0);
	assert_int_equal(fake_host_dials(guest->host), 0);
	account_set_visibility(host->account, ACCOUNT_SHOWN);
	until_introduced(guest, 45 * MINUTE);
	assert_int_equal(host->requests, 1);
	rig_free(&rig);
}

/* Nobody answers for 30 days. */
static void test_introduction_expires(void **state)
{
	struct rig *rig = rig_new(13);
	struct node_rig *host = rig_node(rig, "host"), *guest = started(rig, "guest");

	(void)state;
	invite(host, false, DAY);
	introduce(guest);
	rig_run(rig, 29 * DAY);
	assert_true(contact_introducing(node_contact(guest, host)));
	rig_run(rig, 2 * DAY);
	assert_false(contact_introducing(node_contact(guest, host)));
	assert_int_equal(guest->not_introduced, 1);
	rig_free(&rig);
}

/* --- what is refused --- */

static void test_limits(void **state)
{
	struct rig *rig = rig_new(14);
	struct node_rig *host = started(rig, "host"), *guest = started(rig, "guest");
	struct invitation invitation;
	struct err err = {0};
	char text[REQUEST_TEXT_MAX + 2];

	(void)state;
	assert_int_equal(account_invite(host->account, "x", false, 0, link_text, &err), -1);
	assert_int_equal(account_invite(host->account, "a\nb", false, DAY, link_text, &err), -1);
	for (int i = 0; i < INVITATIONS_MAX; i++)
		invite(host, false, DAY);
	assert_int_equal(account_invite(host->account, "x", false, DAY, link_text, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(invitation_parse(link_text, &invitation, NULL), 0);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_null(account_introduce(guest->account, &invitation, NULL, "me", text, &err));
	assert_null(account_introduce(guest->account, &invitation, NULL, "\xff", "", &err));
	assert_null(account_introduce(host->account, &invitation, NULL, "me", "", &err));
	introduce(guest);
	assert_null(account_introduce(guest->account, &invitation, NULL, "me", "", &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_true(contact_introducing(node_contact(guest, host)));
	assert_null(account_request_accept(host->account, guest->id, NULL, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	/* A link without a secret is an id. */
	struct contact *contact = node_contact(guest, host);
	assert_int_equal(contact_remove(&contact, NULL), 0);
	invitation.with_secret = false;
	contact = account_introduce(guest->account, &invitation, "Pet", NULL, NULL, &err);
	assert_non_null(contact);
	assert_false(contact_introducing(contact));
	assert_string_equal(contact_name(contact), "Pet");
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_accept),     cmocka_unit_test(test_host_comes_later),
	    cmocka_unit_test(test_deny),       cmocka_unit_test(test_reusable),
	    cmocka_unit_test(test_again),      cmocka_unit_test(test_used_by_another),
	    cmocka_unit_test(test_closed),     cmocka_unit_test(test_revoked_meanwhile),
	    cmocka_unit_test(test_probes),     cmocka_unit_test(test_blocked),
	    cmocka_unit_test(test_full_queue), cmocka_unit_test(test_crowd_at_the_door),
	    cmocka_unit_test(test_killed),     cmocka_unit_test(test_lost_acknowledgement),
	    cmocka_unit_test(test_hidden),     cmocka_unit_test(test_introduction_expires),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
