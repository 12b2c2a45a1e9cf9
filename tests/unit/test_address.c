/* Tests of an account's address against a transport that does as it is told. */
#include "core/address.h"
#include "tests/scenario/fake_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOUR_MS ((int64_t)3600 * 1000)

/* --- a transport in which nothing happens by itself --- */

struct stub {
	struct service service;
	const struct service_handler *handler;
	void *arg;
	uint8_t number;
};

static struct fake_clock *fake_time;
static struct fake_env *fake;
static struct address *address;
static struct stub *stubs[8]; /* by number; NULL: withdrawn */
static unsigned made, shown, moved;
static bool no_memory;

static struct service *stub_new(struct transport *transport, const struct service_handler *handler,
				void *arg, struct err *err)
{
	struct stub *stub = no_memory ? NULL : calloc(1, sizeof(*stub));

	if (stub == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	assert_in_range(made, 0, 7);
	stub->service.transport = transport;
	stub->handler = handler;
	stub->arg = arg;
	stub->number = (uint8_t)made;
	stubs[made++] = stub;
	return &stub->service;
}

static int stub_endpoint(const struct service *service, unsigned slot, struct endpoint *endpoint)
{
	endpoint->service[0] = ((const struct stub *)service)->number;
	endpoint->auth.bytes[0] = (uint8_t)slot;
	return 0;
}

static void stub_free(struct service *service)
{
	stubs[((struct stub *)service)->number] = NULL;
	free(service);
}

static const struct transport_ops ops = {.name = "stub",
					 .service_new = stub_new,
					 .service_endpoint = stub_endpoint,
					 .service_free = stub_free};
static struct transport transport = {&ops};

static void publish(unsigned number, bool reachable)
{
	stubs[number]->handler->published(stubs[number]->arg, reachable);
}

static void break_service(unsigned number)
{
	struct err why = {0};

	err_set(&why, ERR_UNAVAILABLE, "as the test wants it");
	stubs[number]->handler->failed(stubs[number]->arg, &why);
}

static void on_shown(void *arg, bool fresh)
{
	(void)arg;
	shown++;
	moved += fresh;
}

static const struct address_handler handler = {.shown = on_shown};

/* The number of the service that can be dialled, or -1. */
static int present(void)
{
	struct endpoint endpoint = {0};

	if (address_endpoint(address, 3, &endpoint) < 0)
		return -1;
	assert_int_equal(endpoint.auth.bytes[0], 3);
	return endpoint.service[0];
}

static int set_up(void **state)
{
	(void)state;
	made = shown = moved = 0;
	no_memory = false;
	fake_time = fake_clock_new(1);
	fake = fake_env_new(fake_time);
	address = address_new(fake_env_env(fake), &transport, &handler, NULL);
	assert_non_null(address);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	address_free(&address);
	for (unsigned i = 0; i < made; i++)
		assert_null(stubs[i]);
	fake_env_free(&fake);
	fake_clock_free(&fake_time);
	return 0;
}

/* --- tests --- */

static void test_start(void **state)
{
	(void)state;
	address_flee(address);
	address_wake(address);
	assert_int_equal(made, 0);
	address_start(address);
	assert_int_equal(made, 1);
	assert_int_equal(present(), -1);
	publish(0, true);
	assert_int_equal(present(), 0);
	assert_int_equal(moved, 1);
	/* As when tor was started anew. */
	publish(0, false);
	assert_false(address_shown(address));
	publish(0, true);
	assert_int_equal(shown, 2);
	assert_int_equal(moved, 1);
	address_stop(address);
	assert_int_equal(present(), -1);
	assert_null(stubs[0]);
	fake_clock_run(fake_time, 40 * HOUR_MS);
	assert_int_equal(made, 1);
}

static void start(void)
{
	address_start(address);
	publish(0, true);
}

static void wait_for(unsigned number)
{
	fake_clock_run(fake_time, 18 * HOUR_MS - 1000);
	assert_int_equal(made, number);
	fake_clock_run(fake_time, 12 * HOUR_MS + 2000);
	assert_int_equal(made, number + 1);
}

static void test_each_day(void **state)
{
	(void)state;
	start();
	for (unsigned day = 1; day < 5; day++) {
		wait_for(day);
		assert_int_equal(present(), (int)day - 1);
		publish(day, true);
		assert_int_equal(present(), (int)day);
		assert_int_equal(moved, day + 1);
		/* What happens to the one that is left is of no interest. */
		publish(day - 1, false);
		publish(day - 1, true);
		break_service(day - 1);
		assert_int_equal(present(), (int)day);
		fake_clock_run(fake_time, ADDRESS_GRACE_MS - 1000);
		assert_non_null(stubs[day - 1]);
		fake_clock_run(fake_time, 2000);
		assert_null(stubs[day - 1]);
		fake_clock_run(fake_time, 0);
	}
}

/* The old one goes on until there is a new one. */
static void test_next_fails(void **state)
{
	(void)state;
	start();
	wait_for(1);
	break_service(1);
	assert_int_equal(present(), 0);
	no_memory = true;
	fake_clock_run(fake_time, ADDRESS_BACKOFF_MAX_MS);
	assert_int_equal(present(), 0);
	no_memory = false;
	fake_clock_run(fake_time, ADDRESS_BACKOFF_MAX_MS * 5 / 4);
	assert_int_equal(made, 3);
	break_service(2);
	address_wake(address);
	fake_clock_run(fake_time, 0);
	assert_int_equal(made, 4);
	/* It takes its time. */
	fake_clock_run(fake_time, 48 * HOUR_MS);
	assert_int_equal(made, 4);
	assert_int_equal(present(), 0);
	publish(3, true);
	assert_int_equal(present(), 3);
	address_wake(address);
	fake_clock_run(fake_time, 10 * HOUR_MS);
	assert_int_equal(made, 4);
}

static void test_shown_fails(void **state)
{
	(void)state;
	start();
	break_service(0);
	assert_int_equal(present(), -1);
	fake_clock_run(fake_time, ADDRESS_BACKOFF_MIN_MS * 5 / 4);
	assert_int_equal(made, 2);
	publish(1, true);
	assert_int_equal(present(), 1);
	/* While the next is being made: that one is waited for. */
	wait_for(2);
	break_service(1);
	fake_clock_run(fake_time, HOUR_MS);
	assert_int_equal(made, 3);
	publish(2, true);
	assert_int_equal(present(), 2);
}

/* Nothing of it is left, whatever there is at that moment. */
static void test_flight(void **state)
{
	(void)state;
	start();
	address_flee(address);
	assert_null(stubs[0]);
	assert_int_equal(made, 2);
	address_flee(address);
	assert_null(stubs[1]);
	publish(2, true);
	wait_for(3);
	address_flee(address);
	assert_null(stubs[2]);
	assert_null(stubs[3]);
	publish(4, true);
	wait_for(5);
	publish(5, true);
	address_flee(address);
	assert_null(stubs[4]);
	assert_null(stubs[5]);
	assert_int_equal(present(), -1);
	publish(6, true);
	assert_int_equal(present(), 6);
}

#define WITH_ADDRESS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_ADDRESS(test_start),      WITH_ADDRESS(test_each_day),
	    WITH_ADDRESS(test_next_fails), WITH_ADDRESS(test_shown_fails),
	    WITH_ADDRESS(test_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
