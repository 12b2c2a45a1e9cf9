/* Tests of the engine moving to other addresses: nobody linked notices, nobody removed follows. */
#include "core/address.h"
#include "core/lobby.h"
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
static struct node_rig *anna, *ben, *carla;

static int set_up(void **state)
{
	(void)state;
	rig = rig_new(11);
	anna = rig_node(rig, "anna");
	ben = rig_node(rig, "ben");
	carla = rig_node(rig, "carla");
	rig_pair(anna, ben);
	rig_pair(anna, carla);
	node_start(anna);
	node_start(ben);
	rig_link(anna, ben, MINUTE_MS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_free(&rig);
	return 0;
}

/* --- each day --- */

static void test_a_day(void **state)
{
	unsigned conns = fake_net_conns(rig->net);
	unsigned statuses;

	(void)state;
	/* The first status follows the session. */
	rig_run(rig, 2000);
	statuses = ben->statuses;
	for (unsigned i = 0; i < 31 * 6; i++) {
		node_send(anna, ben, i, 1);
		node_send(ben, anna, i, 1);
		rig_run(rig, 2000);
		assert_int_equal(anna->acked, i + 1);
		assert_int_equal(ben->acked, i + 1);
		rig_run(rig, 10 * MINUTE_MS - 2000);
		assert_true(rig_linked(anna, ben));
	}
	assert_int_equal(anna->wrong + ben->wrong, 0);
	assert_in_range(fake_host_services_made(anna->host), 2, 3);
	assert_in_range(fake_host_services_made(ben->host), 2, 3);
	assert_int_equal(fake_host_services(anna->host), 1);
	assert_int_equal(fake_net_conns(rig->net), conns);
	assert_int_equal(ben->statuses, statuses);
}

static void wait_for_move(void)
{
	unsigned made = fake_host_services_made(anna->host);

	for (unsigned i = 0; i < 31 * 360; i++) {
		rig_run(rig, 10 * 1000);
		if (fake_host_services_made(anna->host) > made)
			return;
	}
	fail_msg("there was no new address");
}

/* Records of those who wait are renewed at once, and the old address still accepts for a while. */
static void test_latecomer(void **state)
{
	(void)state;
	wait_for_move();
	rig_run(rig, FAKE_PUBLISH_MS + 5000);
	assert_int_equal(fake_host_services(anna->host), 2);
	node_start(carla);
	rig_link(anna, carla, 3000);
	rig_run(rig, ADDRESS_GRACE_MS);
	assert_int_equal(fake_host_services(anna->host), 1);
	assert_true(rig_linked(anna, carla));
	assert_true(rig_linked(anna, ben));
	fake_host_break(anna->host);
	rig_link(anna, carla, MINUTE_MS);
	rig_link(anna, ben, MINUTE_MS);
}

/* The new one does not come about: the old one goes on. */
static void test_slow_publication(void **state)
{
	(void)state;
	fake_host_publish_delay(anna->host, 3 * HOUR_MS);
	wait_for_move();
	rig_run(rig, 2 * HOUR_MS);
	assert_true(account_published(anna->account));
	node_start(carla);
	rig_link(anna, carla, 3000);
	rig_run(rig, 2 * HOUR_MS);
	assert_int_equal(fake_host_services(anna->host), 1);
	fake_host_break(anna->host);
	rig_link(anna, carla, MINUTE_MS);
}

/* --- removal --- */

/* All that the removed one can look under, from an hour ago to three hours from now. */
#define WATCHED_EPOCHS 5

struct watch {
	uint8_t keys[WATCHED_EPOCHS * REPLICAS_MAX][LOOKUP_KEY_LEN];
	unsigned seen;
};

static void on_entry(void *arg, const struct registry_entry *entry)
{
	struct watch *watch = arg;

	for (unsigned i = 0; i < WATCHED_EPOCHS * REPLICAS_MAX; i++)
		watch->seen += memcmp(watch->keys[i], entry->key, LOOKUP_KEY_LEN) == 0;
}

static void watch_keys(struct watch *watch, const struct puppet *puppet)
{
	uint64_t epoch = pair_epoch(&puppet->pair, env_wall_ms(puppet->env));

	for (unsigned e = 0; e < WATCHED_EPOCHS; e++)
		for (unsigned i = 0; i < REPLICAS_MAX; i++)
			pair_lookup_key(&puppet->pair.in, epoch + e - 1, (uint8_t)i,
					watch->keys[e * REPLICAS_MAX + i]);
	registry_memory_store_watch(rig->store, on_entry, watch);
}

static void on_refused(void *arg, struct stream *stream, const struct err *why)
{
	unsigned *refused = arg;

	assert_null(stream);
	assert_int_equal(why->code, ERR_NOT_FOUND);
	++*refused;
}

static void test_removal(void **state)
{
	struct puppet *puppet = puppet_new(rig, anna, false);
	struct contact *contact = puppet_contact(puppet);
	struct line *line = puppet_link(puppet);
	struct watch watch = {0};
	struct endpoint old;
	struct err err = {0};
	unsigned refused = 0, statuses = ben->statuses, states = ben->states;
	size_t total = 0;

	(void)state;
	anna->loose = true;
	watch_keys(&watch, puppet);
	assert_int_equal(fake_host_endpoint(anna->host, 0, &old), 0);
	rig_run(rig, 1000);
	total = line->total;
	assert_int_equal(contact_remove(&contact, &err), 0);
	for (unsigned i = 0; i < 60; i++) {
		struct line *stranger = NULL;
		struct hello hello;
		assert_non_null(transport_dial(fake_host_transport(puppet->host), &old, "again",
					       on_refused, &refused, NULL));
		rig_run(rig, MINUTE_MS);
		if (i % 10 != 0)
			continue;
		/* Even if somebody told him the new address: what he knows opens nothing. */
		stranger = puppet_dial(puppet);
		hello = puppet_hello(puppet);
		line_knock(stranger, &hello, false);
		rig_run(rig, LOBBY_SILENCE_MAX_MS + 1000);
		assert_true(stranger->closed);
		assert_int_equal(stranger->total, 0);
	}
	assert_int_equal(refused, 60);
	assert_int_equal(watch.seen, 0);
	assert_true(line->closed);
	assert_int_equal(line->total, total);
	assert_true(rig_linked(anna, ben));
	assert_int_equal(ben->statuses, statuses);
	assert_int_equal(ben->states, states);
	puppet_free(&puppet);
}

/* The same with a whole engine on the other side, which keeps everything and keeps trying. */
static void test_removed_engine(void **state)
{
	struct contact *contact = node_contact(anna, ben);
	struct err err = {0};
	unsigned conns, statuses, states;

	(void)state;
	node_start(carla);
	rig_link(anna, carla, MINUTE_MS);
	statuses = carla->statuses;
	states = carla->states;
	conns = fake_net_conns(rig->net);
	assert_int_equal(contact_remove(&contact, &err), 0);
	rig_run(rig, 1000);
	assert_int_equal(ben->status.show, SHOW_OFFLINE);
	rig_run(rig, HOUR_MS);
	/* Not one connection, although he dials, and his record is out. */
	assert_int_equal(fake_net_conns(rig->net), conns);
	assert_int_not_equal(contact_state(node_contact(ben, anna)), CONTACT_LINKED);
	assert_true(rig_linked(anna, carla));
	assert_int_equal(carla->statuses, statuses);
	assert_int_equal(carla->states, states);
	/* The others know the new address. */
	fake_host_break(anna->host);
	rig_link(anna, carla, MINUTE_MS);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RIG(test_a_day),   WITH_RIG(test_latecomer),      WITH_RIG(test_slow_publication),
	    WITH_RIG(test_removal), WITH_RIG(test_removed_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
