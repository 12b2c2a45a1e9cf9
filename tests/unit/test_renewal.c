/* Tests of the renewal of pair secrets: whoever dies when, the two find each other. */
#include "core/base/cursor.h"
#include "core/engine_private.h"
#include "core/pair_secret.h"
#include "core/renewal.h"
#include "tests/unit/puppet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)

static struct rig *rig;
static struct node_rig *low, *high;
static struct key first; /* the first secret of the two */

static struct contact *at(struct node_rig *node)
{
	return node_contact(node, node == low ? high : low);
}

static void make_rig(uint64_t seed)
{
	struct node_rig *anna, *ben;
	struct err err = {0};

	rig = rig_new(seed);
	anna = rig_node(rig, "anna");
	ben = rig_node(rig, "ben");
	memset(first.bytes, 0x5c, KEY_LEN);
	assert_non_null(contact_add(anna->account, ben->id, "ben", &first, &err));
	assert_non_null(contact_add(ben->account, anna->id, "anna", &first, &err));
	low = node_contact(anna, ben)->pair.low ? anna : ben;
	high = low == anna ? ben : anna;
	node_start(anna);
	node_start(ben);
	rig_link(anna, ben, MINUTE_MS);
}

static int set_up(void **state)
{
	(void)state;
	make_rig(21);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_free(&rig);
	return 0;
}

static bool same_key(const struct key *a, const struct key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool both_have_next(void)
{
	return at(low)->next != NULL && at(high)->next != NULL;
}

static void wait_for_next(void)
{
	for (unsigned i = 0; i < 70 && !both_have_next(); i++)
		rig_run(rig, MINUTE_MS);
	assert_true(both_have_next());
	assert_true(same_key(&at(low)->row.next_secret, &at(high)->row.next_secret));
}

/* The first session under the new secret ends the old one, on both sides. A session under the old
 * one may come first, as long as records from before the renewal are there. */
static void meet_anew(void)
{
	for (unsigned i = 0; i < 2 && (i == 0 || both_have_next()); i++) {
		fake_host_break(low->host);
		rig_link(low, high, 5 * MINUTE_MS);
		rig_run(rig, 11 * MINUTE_MS);
	}
	assert_false(at(low)->next != NULL);
	assert_false(at(high)->next != NULL);
	assert_true(same_key(&at(low)->row.secret, &at(high)->row.secret));
	assert_false(same_key(&at(low)->row.secret, &first));
}

/* As the secret that is used, or as the next one. */
static bool files_have(const struct node_rig *node, const struct key *key)
{
	const struct node_rig *other = node == low ? high : low;
	struct seal_place place = {.column = "contact.secret", .name_len = X25519_LEN};
	uint8_t public_key[X25519_LEN];

	assert_int_equal(id_decode(other->id, public_key, NULL), 0);
	place.name = public_key;
	if (node_files_have(node, &place, key->bytes, KEY_LEN))
		return true;
	place.column = "contact.next_secret";
	return node_files_have(node, &place, key->bytes, KEY_LEN);
}

/* --- as it should be --- */

static void test_renewal(void **state)
{
	char before[VERIFICATION_SIZE], after[VERIFICATION_SIZE];
	struct key second;

	(void)state;
	contact_verification(at(low), before);
	contact_verification(at(high), after);
	assert_string_equal(before, after);
	rig_run(rig, 58 * MINUTE_MS);
	assert_false(at(low)->next != NULL || at(high)->next != NULL);
	wait_for_next();
	assert_true(rig_linked(low, high));
	assert_true(same_key(&at(low)->row.secret, &first));
	assert_true(files_have(low, &first));
	second = at(low)->row.next_secret;
	meet_anew();
	assert_true(same_key(&at(low)->row.secret, &second));
	assert_false(files_have(low, &first));
	assert_false(files_have(high, &first));
	contact_verification(at(low), after);
	assert_string_equal(before, after);
	/* Once a day. */
	rig_run(rig, 23 * HOUR_MS);
	assert_false(at(low)->next != NULL || at(high)->next != NULL);
	rig_run(rig, 2 * HOUR_MS);
	assert_true(both_have_next());
	meet_anew();
	assert_false(files_have(low, &second));
	node_send(low, high, 0, 3);
	node_send(high, low, 0, 3);
	rig_run(rig, 5000);
	assert_int_equal(low->acked + high->acked, 6);
}

/* While there are two, whoever starts anew finds the other. */
static void test_restarts_with_two(void **state)
{
	(void)state;
	wait_for_next();
	node_stop(low);
	rig_run(rig, 5000);
	node_kill(low);
	rig_run(rig, 3 * HOUR_MS);
	assert_true(at(high)->next != NULL);
	node_reopen(low);
	assert_true(at(low)->next != NULL);
	node_start(low);
	rig_link(low, high, MINUTE_MS);
	rig_run(rig, 1000);
	assert_false(at(low)->next != NULL || at(high)->next != NULL);
}

/* --- deaths --- */

enum victim { KILL_LOW, KILL_HIGH, KILL_BOTH, VICTIMS };

/* What the two had when somebody died. */
struct windows {
	unsigned one;      /* both one, the same */
	unsigned high_two; /* low S, high S S' */
	unsigned two;      /* both S S' */
	unsigned promoted; /* one S', the other S S' */
};

static void note_window(struct windows *windows)
{
	bool low_two = at(low)->next != NULL, high_two = at(high)->next != NULL;

	if (low_two && high_two)
		windows->two++;
	else if (!low_two && !high_two)
		windows->one++;
	else if (high_two && same_key(&at(low)->row.secret, &at(high)->row.secret))
		windows->high_two++;
	else
		windows->promoted++;
	/* Low has none that high lacks. */
	assert_false(low_two && !high_two &&
		     !same_key(&at(low)->row.next_secret, &at(high)->row.secret));
}

static void die_and_come_back(enum victim victim)
{
	if (victim != KILL_HIGH)
		node_kill(low);
	if (victim != KILL_LOW)
		node_kill(high);
	rig_run(rig, 1500);
	if (victim != KILL_HIGH)
		node_reopen(low);
	if (victim != KILL_LOW)
		node_reopen(high);
	if (victim != KILL_HIGH)
		node_start(low);
	if (victim != KILL_LOW)
		node_start(high);
	rig_link(low, high, 5 * MINUTE_MS);
	node_send(low, high, 0, 1);
	node_send(high, low, 0, 1);
	rig_run(rig, 5000);
	assert_int_equal(low->acked + high->acked, 2);
	assert_int_equal(low->wrong + high->wrong, 0);
}

static void run_to_offer(void)
{
	rig_run(rig, 58 * MINUTE_MS);
	while (at(low)->row.secret_serial == 0)
		fake_clock_step(rig->clock, 1000);
}

static void step(unsigned steps)
{
	for (unsigned i = 0; i < steps; i++)
		fake_clock_step(rig->clock, 1000);
}

static void test_deaths_at_the_offer(void **state)
{
	struct windows windows = {0};

	(void)state;
	for (unsigned steps = 0; steps < 8; steps++)
		for (enum victim victim = 0; victim < VICTIMS; victim++) {
			rig_free(&rig);
			make_rig(100 + steps * VICTIMS + victim);
			run_to_offer();
			step(steps);
			note_window(&windows);
			die_and_come_back(victim);
			/* If it came to nothing, it is done again. */
			rig_run(rig, 5 * MINUTE_MS);
			if (same_key(&at(low)->row.secret, &first)) {
				assert_true(both_have_next());
				meet_anew();
			}
			assert_true(same_key(&at(low)->row.secret, &at(high)->row.secret));
		}
	assert_true(windows.one > 0 && windows.high_two > 0 && windows.two > 0);
}

static void test_deaths_at_the_next_meeting(void **state)
{
	struct windows windows = {0};

	(void)state;
	for (unsigned steps = 0; steps < 40; steps += 2)
		for (enum victim victim = 0; victim < VICTIMS; victim++) {
			rig_free(&rig);
			make_rig(500 + steps * VICTIMS + victim);
			wait_for_next();
			fake_host_break(low->host);
			step(steps);
			note_window(&windows);
			die_and_come_back(victim);
			rig_run(rig, 5 * MINUTE_MS);
			if (both_have_next())
				meet_anew();
			assert_true(same_key(&at(low)->row.secret, &at(high)->row.secret));
			assert_false(same_key(&at(low)->row.secret, &first));
			assert_false(at(low)->next != NULL || at(high)->next != NULL);
		}
	assert_true(windows.one > 0 && windows.two > 0 && windows.promoted > 0);
}

/* The moment at which one side has dropped S and the other has not: there for 20 to 200 ms. */
static void test_deaths_at_promotion(void **state)
{
	unsigned low_first = 0, high_first = 0;

	(void)state;
	for (unsigned seed = 0; seed < 8; seed++)
		for (enum victim victim = 0; victim < VICTIMS; victim++) {
			rig_free(&rig);
			make_rig(1000 + seed * VICTIMS + victim);
			wait_for_next();
			fake_host_break(seed % 2 == 0 ? low->host : high->host);
			while (both_have_next())
				fake_clock_step(rig->clock, 1000);
			low_first += (at(high)->next != NULL);
			high_first += (at(low)->next != NULL);
			die_and_come_back(victim);
			rig_run(rig, 1000);
			assert_true(same_key(&at(low)->row.secret, &at(high)->row.secret));
			assert_false(same_key(&at(low)->row.secret, &first));
			assert_false(at(low)->next != NULL || at(high)->next != NULL);
		}
	print_message("%u low first, %u high first\n", low_first, high_first);
	assert_true(low_first > 0 && high_first > 0);
}

/* --- played by hand --- */

static struct node_rig *anna;
static struct puppet *puppet;

static int set_up_puppet(void **state, bool puppet_low)
{
	(void)state;
	rig = rig_new(31);
	anna = rig_node(rig, "anna");
	anna->loose = true;
	puppet = puppet_new(rig, anna, puppet_low);
	node_start(anna);
	rig_run(rig, 10 * 1000);
	return 0;
}

static int set_up_low_puppet(void **state)
{
	return set_up_puppet(state, true);
}

static int set_up_high_puppet(void **state)
{
	return set_up_puppet(state, false);
}

static int tear_down_puppet(void **state)
{
	puppet_free(&puppet);
	return tear_down(state);
}

/* What comes of an offer. */
static struct pair next_pair(const struct line *line, const uint8_t fresh[FRESH_LEN],
			     struct key *next)
{
	const struct key none = {{0}};
	struct pair pair;

	assert_int_equal(pair_secret_renew(&none, fresh, line->hash, next, NULL), 0);
	assert_int_equal(pair_derive(&puppet->identity, puppet->victim_key, next, &pair, NULL), 0);
	return pair;
}

static void offer(struct line *line, uint64_t serial, const uint8_t *base, uint8_t mark)
{
	uint8_t payload[1 + 8 + PAIR_ID_LEN + FRESH_LEN];
	struct writer w;

	writer_init(&w, payload, sizeof(payload));
	write_u8(&w, 1);
	write_u64(&w, serial);
	write_bytes(&w, base, PAIR_ID_LEN);
	memset(payload + w.len, mark, FRESH_LEN);
	line_send(line, FRAME_SECRET, payload, sizeof(payload));
	rig_run(rig, 1000);
}

static void test_offers(void **state)
{
	struct line *line = puppet_link(puppet);
	struct contact *contact = puppet_contact(puppet);
	uint8_t fresh[FRESH_LEN], wrong[PAIR_ID_LEN] = {0};
	struct key next;
	struct pair pair;

	(void)state;
	offer(line, 5, wrong, 1);
	assert_int_equal(line->count[FRAME_SECRET], 0);
	assert_false(contact->next != NULL);
	offer(line, 5, puppet->pair.id, 1);
	assert_int_equal(line->count[FRAME_SECRET], 1);
	assert_true(contact->next != NULL);
	/* Again, as it was; with the same number and another; from before. */
	offer(line, 5, puppet->pair.id, 1);
	assert_int_equal(line->count[FRAME_SECRET], 2);
	offer(line, 5, puppet->pair.id, 2);
	offer(line, 4, puppet->pair.id, 2);
	assert_int_equal(line->count[FRAME_SECRET], 2);
	memset(fresh, 1, sizeof(fresh));
	pair = next_pair(line, fresh, &next);
	assert_memory_equal(contact->next->pair.id, pair.id, PAIR_ID_LEN);
	/* A later one takes its place. */
	offer(line, 6, puppet->pair.id, 3);
	assert_int_equal(line->count[FRAME_SECRET], 3);
	memset(fresh, 3, sizeof(fresh));
	pair = next_pair(line, fresh, &next);
	assert_memory_equal(contact->next->pair.id, pair.id, PAIR_ID_LEN);
	assert_true(same_key(&contact->row.next_secret, &next));
	/* Offers from it say that we have dropped the old one. */
	offer(line, 7, pair.id, 4);
	assert_int_equal(line->count[FRAME_SECRET], 4);
	assert_true(same_key(&contact->row.secret, &next));
	assert_true(contact->next != NULL);
	offer(line, 8, puppet->pair.id, 5);
	assert_int_equal(line->count[FRAME_SECRET], 4);
	assert_int_equal(contact_state(contact), CONTACT_LINKED);
}

static void test_malformed(void **state)
{
	static const struct {
		uint8_t kind;
		size_t len;
		bool ends;
	} cases[] = {
	    {1, 0, true},  {1, 1, true},  {1, 56, true},  {1, 58, true},  {1, 470, true},
	    {2, 16, true}, {2, 18, true}, {2, 17, false}, {3, 20, false}, {0, 1, false},
	};
	uint8_t payload[512] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line *line = puppet_link(puppet);
		payload[0] = cases[i].kind;
		line_send(line, FRAME_SECRET, payload,
			  cases[i].len < FRAME_PAYLOAD_MAX ? cases[i].len : FRAME_PAYLOAD_MAX);
		rig_run(rig, 1000);
		assert_int_equal(line->closed, cases[i].ends);
		line_close(line);
		rig_run(rig, MINUTE_MS);
	}
	assert_false(puppet_contact(puppet)->next != NULL);
}

static const uint8_t *last_offer(const struct line *line)
{
	for (unsigned i = line->frames; i > 0; i--)
		if (line->frame[i - 1].type == FRAME_SECRET)
			return line->frame[i - 1].data;
	fail_msg("there is no offer");
	return NULL;
}

static void keep_up(struct line *line, int64_t ms)
{
	for (; ms > 0; ms -= MINUTE_MS) {
		line_status(line, SHOW_AVAILABLE, env_wall_ms(puppet->env));
		rig_run(rig, MINUTE_MS);
	}
}

/* Is a knock under the puppet's present pair answered? */
static bool answered(void)
{
	struct line *line = puppet_dial(puppet);
	struct hello hello = puppet_hello(puppet);

	line_knock(line, &hello, false);
	rig_run(rig, 1000);
	return line->total > 0;
}

static void test_answers(void **state)
{
	struct line *line = puppet_link(puppet);
	struct contact *contact = puppet_contact(puppet);
	struct pair old = puppet->pair;
	uint8_t answer[1 + PAIR_ID_LEN] = {2};
	uint8_t fresh[FRESH_LEN];
	struct key next;

	(void)state;
	keep_up(line, 62 * MINUTE_MS);
	assert_int_equal(line->count[FRAME_SECRET], 1);
	/* No answer, or a wrong one: another offer after an hour or so, in memory only. */
	line_send(line, FRAME_SECRET, answer, sizeof(answer));
	keep_up(line, 76 * MINUTE_MS);
	assert_int_equal(line->count[FRAME_SECRET], 2);
	assert_false(contact->next != NULL);
	memcpy(fresh, last_offer(line) + 1 + 8 + PAIR_ID_LEN, FRESH_LEN);
	puppet->pair = next_pair(line, fresh, &next);
	assert_false(answered());
	memcpy(answer + 1, puppet->pair.id, PAIR_ID_LEN);
	line_send(line, FRAME_SECRET, answer, sizeof(answer));
	rig_run(rig, 1000);
	assert_true(contact->next != NULL);
	assert_true(same_key(&contact->row.next_secret, &next));
	line_send(line, FRAME_SECRET, answer, sizeof(answer));
	keep_up(line, 30 * HOUR_MS);
	assert_int_equal(line->count[FRAME_SECRET], 2);
	/* An answered knock proves nothing yet: it may be an old one. */
	assert_true(answered());
	assert_true(contact->next != NULL);
	puppet_link(puppet);
	assert_false(contact->next != NULL);
	puppet->pair = old;
	assert_false(answered());
}

/* --- the phrase --- */

static void test_phrase(void **state)
{
	char phrase[VERIFICATION_SIZE], other[VERIFICATION_SIZE];
	struct contact *contact = at(low);
	struct err err = {0};

	(void)state;
	contact_verification(contact, phrase);
	assert_int_equal(strlen(phrase), VERIFICATION_SIZE - 1);
	for (unsigned i = 0; i < VERIFICATION_SIZE - 1; i++)
		assert_true(i % 6 == 5 ? phrase[i] == ' ' : phrase[i] >= '0' && phrase[i] <= '9');
	assert_false(contact_verified(contact));
	assert_int_equal(contact_set_verified(contact, true, &err), 0);
	assert_true(contact_verified(contact));
	assert_false(contact_verified(at(high)));
	node_kill(low);
	node_reopen(low);
	contact = at(low);
	assert_true(contact_verified(contact));
	contact_verification(contact, other);
	assert_string_equal(phrase, other);
	assert_int_equal(contact_set_verified(contact, false, &err), 0);
	assert_false(contact_verified(contact));
	assert_int_equal(contact_set_verified(contact, true, &err), 0);
	/* Removed and added again: another secret, another phrase, and nobody has compared it. */
	assert_int_equal(contact_remove(&contact, &err), 0);
	contact = contact_add(low->account, high->id, "high", NULL, &err);
	assert_non_null(contact);
	assert_false(contact_verified(contact));
	contact_verification(contact, other);
	assert_string_not_equal(phrase, other);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RIG(test_renewal),
	    WITH_RIG(test_restarts_with_two),
	    WITH_RIG(test_deaths_at_the_offer),
	    WITH_RIG(test_deaths_at_the_next_meeting),
	    WITH_RIG(test_deaths_at_promotion),
	    cmocka_unit_test_setup_teardown(test_offers, set_up_low_puppet, tear_down_puppet),
	    cmocka_unit_test_setup_teardown(test_malformed, set_up_low_puppet, tear_down_puppet),
	    cmocka_unit_test_setup_teardown(test_answers, set_up_high_puppet, tear_down_puppet),
	    WITH_RIG(test_phrase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
