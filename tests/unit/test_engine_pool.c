/* Tests of accounts that share addresses: who lives where, who is let in, who must move. */
#include "core/engine_private.h"
#include "core/registry_memory.h"
#include "tests/scenario/fake_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define MANY      20

/* A daemon with many accounts, and one (the crowd) in which each of them has a contact. */
struct side {
	char path[64];
	struct fake_env *fake;
	struct fake_host *hosts[2]; /* one for each tor */
	struct transport *transports[2];
	struct registry *registry;
	struct engine *engine;
};

static char directory[32];
static struct fake_clock *fake_time;
static struct fake_env *fake;
static struct fake_net *net;
static struct registry_memory_store *store;
static struct side many, crowd;

static void open_side(struct side *side, const char *name, unsigned tors, unsigned services,
		      unsigned share)
{
	static const struct key store_key = {{1}};
	struct err err = {0};

	snprintf(side->path, sizeof(side->path), "%s/%s", directory, name);
	side->fake = fake_env_new(fake_time);
	for (unsigned i = 0; i < tors; i++) {
		char host[32];

		snprintf(host, sizeof(host), "%s%u", name, i);
		if (side->hosts[i] == NULL)
			side->hosts[i] = fake_net_host(net, host);
		side->transports[i] = fake_host_transport(side->hosts[i]);
	}
	side->registry = registry_memory_new(fake_env_env(side->fake), store, 300);
	const struct engine_config config = {
	    .env = fake_env_env(side->fake),
	    .registry = side->registry,
	    .transports = side->transports,
	    .transport_count = tors,
	    .services = services,
	    .share = share,
	    .database = side->path,
	    .store_key = &store_key,
	};
	side->engine = engine_new(&config, NULL, NULL, &err);
	assert_non_null(side->engine);
}

static void close_side(struct side *side)
{
	engine_free(&side->engine);
	registry_free(&side->registry);
	fake_env_free(&side->fake);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "%s/tacet-pool-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(directory));
	fake_time = fake_clock_new(3);
	fake = fake_env_new(fake_time);
	net = fake_net_new(fake_time);
	store = registry_memory_store_new(fake_env_env(fake));
	memset(&many, 0, sizeof(many));
	memset(&crowd, 0, sizeof(crowd));
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	close_side(&many);
	close_side(&crowd);
	fake_net_free(&net);
	registry_memory_store_free(&store);
	fake_env_free(&fake);
	fake_clock_free(&fake_time);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static struct account *account_at(const struct side *side, unsigned i)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", i);
	return engine_account_find(side->engine, name);
}

static struct contact *contact_at(unsigned i)
{
	return contact_find(account_at(&many, i), account_id(account_at(&crowd, i)));
}

static void pair_up(struct account *a, struct account *b)
{
	struct err err = {0};

	assert_non_null(contact_add(a, account_id(b), "", NULL, &err));
	assert_non_null(contact_add(b, account_id(a), "", NULL, &err));
}

static void fill(unsigned first, unsigned count)
{
	struct err err = {0};

	for (unsigned i = first; i < first + count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", i);
		assert_non_null(engine_account_add(many.engine, name, &err));
		assert_non_null(engine_account_add(crowd.engine, name, &err));
		pair_up(account_at(&many, i), account_at(&crowd, i));
	}
}

static void begin(unsigned tors, unsigned services, unsigned share, unsigned accounts)
{
	open_side(&many, "many", tors, services, share);
	open_side(&crowd, "crowd", 1, 0, 0);
	fill(0, accounts);
	engine_start(many.engine);
	/* So that it is these who are dialled. */
	fake_clock_run(fake_time, MINUTE_MS);
	engine_start(crowd.engine);
	fake_clock_run(fake_time, MINUTE_MS);
}

static unsigned count_linked(unsigned accounts)
{
	unsigned count = 0;

	for (unsigned i = 0; i < accounts; i++)
		if (account_at(&many, i) && contact_at(i))
			count += contact_state(contact_at(i)) == CONTACT_LINKED;
	return count;
}

/* --- tests --- */

static void test_one_each(void **state)
{
	(void)state;
	begin(1, 0, 0, POOL_SERVICES);
	for (unsigned i = 0; i < POOL_SERVICES; i++)
		assert_int_equal(account_neighbours(account_at(&many, i)), 1);
	assert_int_equal(fake_host_services(many.hosts[0]), POOL_SERVICES);
	assert_int_equal(count_linked(POOL_SERVICES), POOL_SERVICES);
}

static void test_shared(void **state)
{
	unsigned places[MANY];

	(void)state;
	begin(1, 0, 0, MANY);
	assert_int_equal(fake_host_services(many.hosts[0]), POOL_SERVICES);
	assert_int_equal(count_linked(MANY), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_in_range(account_neighbours(account_at(&many, i)), 2, 3);
		places[i] = account_at(&many, i)->place;
	}
	/* A new process, and new addresses, for the same groups. */
	close_side(&many);
	open_side(&many, "many", 1, 0, 0);
	engine_start(many.engine);
	fake_clock_run(fake_time, 2 * MINUTE_MS);
	assert_int_equal(count_linked(MANY), MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(account_at(&many, i)->place, places[i]);
}

/* More tors: those who are too many move, the others stay. */
static void test_more_room(void **state)
{
	unsigned places[MANY], stayed = 0;

	(void)state;
	begin(1, 5, 0, MANY);
	for (unsigned i = 0; i < MANY; i++)
		places[i] = account_at(&many, i)->place;
	close_side(&many);
	open_side(&many, "many", 2, 5, 0);
	engine_start(many.engine);
	fake_clock_run(fake_time, 2 * MINUTE_MS);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(account_neighbours(account_at(&many, i)), 2);
		stayed += account_at(&many, i)->place == places[i];
	}
	assert_int_equal(stayed, MANY / 2);
	assert_int_equal(fake_host_services(many.hosts[0]), 5);
	assert_int_equal(fake_host_services(many.hosts[1]), 5);
	assert_int_equal(count_linked(MANY), MANY);
}

/* One tor is lost: those whose address it had are found again, the others notice nothing. */
static void test_one_tor_lost(void **state)
{
	unsigned linked = 0;

	(void)state;
	begin(2, 4, 0, MANY);
	fake_host_break(many.hosts[1]);
	fake_host_restart_tor(many.hosts[1]);
	fake_clock_run(fake_time, FAKE_LATENCY_MAX_MS);
	linked = count_linked(MANY);
	assert_in_range(linked, 1, MANY - 1);
	for (unsigned i = 0; i < MANY; i++)
		if (account_at(&many, i)->place % 2 == 0)
			assert_true(account_published(account_at(&many, i)));
	fake_clock_run(fake_time, 2 * MINUTE_MS);
	assert_int_equal(count_linked(MANY), MANY);
}

static void remove_contact(unsigned i)
{
	struct contact *contact = contact_at(i);
	struct err err = {0};

	assert_int_equal(contact_remove(&contact, &err), 0);
}

/* Who is removed loses the address; nobody else loses anything. */
static void test_removal(void **state)
{
	struct endpoint old, now;
	unsigned made;

	(void)state;
	begin(1, 1, 0, 6);
	assert_int_equal(fake_host_endpoint(many.hosts[0], 0, &old), 0);
	made = fake_host_services_made(many.hosts[0]);
	remove_contact(0);
	fake_clock_run(fake_time, MINUTE_MS);
	assert_int_equal(fake_host_services_made(many.hosts[0]), made + 1);
	assert_int_equal(fake_host_services(many.hosts[0]), 1);
	assert_int_equal(fake_host_endpoint(many.hosts[0], 0, &now), 0);
	assert_memory_not_equal(old.service, now.service, sizeof(old.service));
	assert_int_equal(count_linked(6), 5);
}

/* One who removes all the time does not keep the others from being reached. */
static void test_flights(void **state)
{
	unsigned made;

	(void)state;
	begin(1, 1, 0, 8);
	made = fake_host_services_made(many.hosts[0]);
	for (unsigned i = 0; i < 6; i++) {
		remove_contact(i);
		fake_clock_run(fake_time, MINUTE_MS / 4);
	}
	assert_int_equal(fake_host_services_made(many.hosts[0]), made + POOL_FLIGHTS);
	fake_clock_run(fake_time, POOL_FLIGHT_EACH_MS);
	assert_int_equal(fake_host_services_made(many.hosts[0]), made + POOL_FLIGHTS + 1);
	fake_clock_run(fake_time, 4 * POOL_FLIGHT_EACH_MS);
	assert_int_equal(fake_host_services_made(many.hosts[0]), made + POOL_FLIGHTS + 1);
	assert_int_equal(count_linked(8), 2);
}

/* An account that is removed takes the address with it. */
static void test_account_removed(void **state)
{
	struct account *gone;
	struct endpoint old, now;
	struct err err = {0};

	(void)state;
	begin(1, 1, 0, 3);
	gone = account_at(&many, 1);
	assert_int_equal(fake_host_endpoint(many.hosts[0], 0, &old), 0);
	assert_int_equal(engine_account_remove(&gone, &err), 0);
	fake_clock_run(fake_time, MINUTE_MS);
	assert_int_equal(fake_host_endpoint(many.hosts[0], 0, &now), 0);
	assert_memory_not_equal(old.service, now.service, sizeof(old.service));
	assert_int_equal(account_neighbours(account_at(&many, 0)), 2);
	assert_int_equal(count_linked(3), 2);
}

/* None may share: who finds no room waits for it. */
static void test_full(void **state)
{
	struct account *gone = NULL;
	struct err err = {0};
	unsigned shown = 0;

	(void)state;
	begin(1, 3, 1, 4);
	for (unsigned i = 0; i < 4; i++) {
		shown += account_published(account_at(&many, i));
		if (account_published(account_at(&many, i)))
			gone = account_at(&many, i);
	}
	assert_int_equal(shown, 3);
	assert_int_equal(engine_account_remove(&gone, &err), 0);
	fake_clock_run(fake_time, 2 * MINUTE_MS);
	assert_int_equal(fake_host_services(many.hosts[0]), 3);
	for (unsigned i = 0; i < 4; i++)
		if (account_at(&many, i))
			assert_true(account_published(account_at(&many, i)));
}

/* One who is dark is not there, at an address at which others are. */
static void test_dark(void **state)
{
	(void)state;
	begin(1, 1, 0, 3);
	account_set_visibility(account_at(&many, 1), ACCOUNT_DARK);
	fake_clock_run(fake_time, 30 * MINUTE_MS);
	assert_false(account_published(account_at(&many, 1)));
	assert_int_equal(count_linked(3), 2);
	account_set_visibility(account_at(&many, 1), ACCOUNT_SHOWN);
	fake_clock_run(fake_time, MINUTE_MS);
	assert_true(account_published(account_at(&many, 1)));
	assert_int_equal(count_linked(3), 3);
	for (unsigned i = 0; i < 3; i++)
		account_set_visibility(account_at(&many, i), ACCOUNT_DARK);
	fake_clock_run(fake_time, MINUTE_MS);
	assert_int_equal(fake_host_services(many.hosts[0]), 0);
}

/* One who has gone dark leaves a record of an address that is still there: no answer. */
static void test_dark_is_silent(void **state)
{
	unsigned conns, answered = 0;

	(void)state;
	open_side(&many, "many", 1, 1, 0);
	open_side(&crowd, "crowd", 1, 0, 0);
	fill(0, 2);
	engine_start(many.engine);
	fake_clock_run(fake_time, MINUTE_MS);
	account_set_visibility(account_at(&many, 1), ACCOUNT_DARK);
	fake_clock_run(fake_time, 1000);
	conns = fake_net_conns(net);
	engine_start(crowd.engine);
	fake_clock_run(fake_time, 2 * MINUTE_MS);
	assert_in_range(fake_net_conns(net), conns + 2, conns + 100);
	assert_int_equal(contact_state(contact_at(0)), CONTACT_LINKED);
	/* The other one did dial, and heard nothing. */
	for (unsigned i = conns; i < fake_net_conns(net); i++)
		answered += fake_net_conn(net, i)->down.total > 0;
	assert_int_equal(answered, 1);
	assert_int_equal(count_linked(2), 1);
}

/* Contacts of each other at the same address, and a guest who comes to one of them. */
static void test_neighbours(void **state)
{
	char link[INVITATION_LINK_SIZE];
	struct invitation invitation;
	struct err err = {0};
	struct account *host, *guest;

	(void)state;
	begin(1, 1, 0, 4);
	pair_up(account_at(&many, 0), account_at(&many, 1));
	fake_clock_run(fake_time, 2 * MINUTE_MS);
	assert_int_equal(
	    contact_state(contact_find(account_at(&many, 0), account_id(account_at(&many, 1)))),
	    CONTACT_LINKED);
	host = account_at(&many, 2);
	guest = account_at(&crowd, 3);
	assert_int_equal(account_invite(host, "", false, 60 * MINUTE_MS, link, &err), 0);
	assert_int_equal(invitation_parse(link, &invitation, &err), 0);
	assert_non_null(account_introduce(guest, &invitation, "", "guest", "", &err));
	fake_clock_run(fake_time, 2 * MINUTE_MS);
	assert_int_equal(host->request_count, 1);
	for (unsigned i = 0; i < 4; i++)
		if (i != 2)
			assert_int_equal(account_at(&many, i)->request_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_one_each, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_shared, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_more_room, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_one_tor_lost, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_removal, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_flights, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_account_removed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_dark, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_dark_is_silent, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_neighbours, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
