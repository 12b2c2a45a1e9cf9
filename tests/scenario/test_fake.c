/* Tests of the tests' own clock and net: what the scenarios rely on. */
#include "tests/scenario/fake_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- clock --- */

struct tick {
	char *trace;
	char letter;
	struct timer *timer;
	int64_t again;
};

static void tick(void *arg)
{
	struct tick *t = arg;
	size_t len = strlen(t->trace);
	t->trace[len] = t->letter;
	t->trace[len + 1] = 0;
	if (t->again)
		timer_set(t->timer, t->again);
}

static void test_timers_fire_in_order(void **state)
{
	(void)state;
	struct fake_clock *clock = fake_clock_new(1);
	struct fake_env *a = fake_env_new(clock), *b = fake_env_new(clock);
	char trace[64] = "";
	static const struct {
		char letter;
		int64_t delay, again;
	} table[] = {{'c', 30, 0}, {'a', 10, 0},  {'d', 30, 0}, {'b', 20, 0},
		     {'z', -5, 0}, {'x', 100, 0}, {'r', 12, 12}};
	struct tick ticks[7];
	for (size_t i = 0; i < 7; i++) {
		ticks[i] = (struct tick){trace, table[i].letter, NULL, table[i].again};
		ticks[i].timer = timer_new(fake_env_env(i % 2 ? a : b), tick, &ticks[i]);
		timer_set(ticks[i].timer, table[i].delay);
	}
	timer_stop(ticks[5].timer);
	assert_true(timer_pending(ticks[1].timer));
	assert_string_equal(trace, "");
	fake_clock_run(clock, 30);
	assert_string_equal(trace, "zarbrcd");
	assert_false(timer_pending(ticks[1].timer));
	assert_int_equal(fake_clock_now(clock), 30);
	fake_clock_run(clock, 70);
	assert_string_equal(trace, "zarbrcdrrrrrr");
	for (size_t i = 0; i < 7; i++)
		timer_free(&ticks[i].timer);
	fake_env_free(&a);
	fake_env_free(&b);
	fake_clock_free(&clock);
}

static void test_many_timers(void **state)
{
	(void)state;
	enum { COUNT = 500 };
	struct fake_clock *clock = fake_clock_new(2);
	struct fake_env *fake = fake_env_new(clock);
	const struct env *env = fake_env_env(fake);
	static char trace[COUNT + 1];
	static struct tick ticks[COUNT];
	trace[0] = 0;
	for (size_t i = 0; i < COUNT; i++) {
		ticks[i] = (struct tick){.trace = trace};
		ticks[i].timer = timer_new(env, tick, &ticks[i]);
	}
	for (size_t round = 0; round < 3 * COUNT; round++) {
		struct tick *t = &ticks[env_random_below(env, COUNT)];
		int64_t delay = (int64_t)env_random_below(env, 26);
		t->letter = (char)('a' + delay);
		timer_set(t->timer, delay);
		if (round % 5 == 0)
			timer_stop(ticks[env_random_below(env, COUNT)].timer);
	}
	fake_clock_run(clock, 100);
	assert_true(strlen(trace) > COUNT / 2);
	for (size_t i = 1; trace[i]; i++)
		assert_true(trace[i - 1] <= trace[i]);
	for (size_t i = 0; i < COUNT; i++)
		timer_free(&ticks[i].timer);
	fake_env_free(&fake);
	fake_clock_free(&clock);
}

static void test_clocks_and_random(void **state)
{
	(void)state;
	uint8_t first[2][40], second[40];
	for (int run = 0; run < 2; run++) {
		struct fake_clock *clock = fake_clock_new(7);
		struct fake_env *a = fake_env_new(clock), *b = fake_env_new(clock);
		env_random(fake_env_env(a), first[run], 40);
		env_random(fake_env_env(b), second, 40);
		assert_memory_not_equal(first[run], second, 40);
		int64_t mono = env_mono_ms(fake_env_env(a));
		fake_env_jump(a, -3600000);
		fake_clock_run(clock, 1000);
		assert_int_equal(env_wall_ms(fake_env_env(a)), FAKE_START_MS + 1000 - 3600000);
		assert_int_equal(env_wall_ms(fake_env_env(b)), FAKE_START_MS + 1000);
		assert_int_equal(env_mono_ms(fake_env_env(a)), mono + 1000);
		fake_env_free(&a);
		fake_env_free(&b);
		fake_clock_free(&clock);
	}
	assert_memory_equal(first[0], first[1], 40);
}

/* --- net --- */

struct end {
	struct stream *stream;
	struct buf got;
	unsigned drained, closed;
	enum err_code why;
	bool free_on_receive;
};

struct world {
	struct fake_clock *clock;
	struct fake_net *net;
	struct fake_host *alice, *bob;
	struct service *service;
	unsigned published, lost;
	struct end up, down; /* the dialler's end, the listener's */
	struct dial *dial;
	unsigned dials_done;
	struct err dial_error;
};

static void end_received(void *arg, const uint8_t *data, size_t len)
{
	struct end *end = arg;
	assert_true(len > 0);
	assert_int_equal(buf_add(&end->got, data, len), 0);
	if (end->free_on_receive)
		stream_free(&end->stream);
}

static void end_drained(void *arg)
{
	struct end *end = arg;
	end->drained++;
}

static void end_closed(void *arg, const struct err *why)
{
	struct end *end = arg;
	end->closed++;
	end->why = why->code;
}

static const struct stream_handler end_handler = {
    .received = end_received, .drained = end_drained, .closed = end_closed};

static void end_take(struct end *end, struct stream *stream)
{
	end->stream = stream;
	buf_init(&end->got, 1 << 24);
	if (stream)
		stream_set_handler(stream, &end_handler, end);
}

static void service_published(void *arg, bool reachable)
{
	struct world *w = arg;
	w->published += reachable;
	w->lost += !reachable;
}

static void service_accepted(void *arg, struct stream *stream)
{
	struct world *w = arg;
	end_take(&w->down, stream);
}

static const struct service_handler service_handler = {.published = service_published,
						       .accepted = service_accepted};

static void dial_done(void *arg, struct stream *stream, const struct err *why)
{
	struct world *w = arg;
	w->dial = NULL;
	w->dials_done++;
	w->dial_error = why ? *why : (struct err){0};
	end_take(&w->up, stream);
}

static void make_service(struct world *w)
{
	struct transport *transport = fake_host_transport(w->bob);
	w->service = transport->ops->service_new(transport, &service_handler, w, NULL);
	assert_int_equal(w->published, 0);
}

static void free_service(struct world *w)
{
	if (w->service)
		w->service->transport->ops->service_free(w->service);
	w->service = NULL;
}

static void dial_endpoint(struct world *w, const struct endpoint *endpoint)
{
	struct transport *transport = fake_host_transport(w->alice);
	unsigned before = w->dials_done;
	w->dial = transport->ops->dial(transport, endpoint, "x", dial_done, w, NULL);
	assert_non_null(w->dial);
	assert_int_equal(w->dials_done, before);
}

static void dial_bob(struct world *w)
{
	struct endpoint endpoint;
	assert_int_equal(fake_host_endpoint(w->bob, 3, &endpoint), 0);
	dial_endpoint(w, &endpoint);
}

static void setup_world(struct world *w)
{
	*w = (struct world){.clock = fake_clock_new(3)};
	w->net = fake_net_new(w->clock);
	w->alice = fake_net_host(w->net, "alice");
	w->bob = fake_net_host(w->net, "bob");
}

static void setup_link(struct world *w)
{
	setup_world(w);
	make_service(w);
	fake_clock_run(w->clock, 5000);
	assert_int_equal(w->published, 1);
	dial_bob(w);
	fake_clock_run(w->clock, 1000);
	assert_non_null(w->up.stream);
	assert_non_null(w->down.stream);
}

static void end_drop(struct end *end)
{
	if (end->stream)
		stream_free(&end->stream);
	buf_free(&end->got);
}

static void teardown_world(struct world *w)
{
	end_drop(&w->up);
	end_drop(&w->down);
	free_service(w);
	fake_net_free(&w->net);
	fake_clock_free(&w->clock);
}

static void test_service_life(void **state)
{
	(void)state;
	struct world w;
	struct endpoint first, second;
	setup_world(&w);
	make_service(&w);
	assert_int_equal(fake_host_endpoint(w.bob, 0, &first), -1);
	fake_clock_run(w.clock, FAKE_ADDRESS_MS);
	assert_int_equal(fake_host_endpoint(w.bob, 0, &first), 0);
	assert_int_equal(w.published, 0);
	dial_endpoint(&w, &first);
	fake_clock_run(w.clock, 1000);
	assert_int_equal(w.dial_error.code, ERR_NOT_FOUND);
	fake_clock_run(w.clock, FAKE_PUBLISH_MS);
	assert_int_equal(w.published, 1);
	assert_int_equal(fake_host_services(w.bob), 1);
	fake_host_restart_tor(w.bob);
	fake_clock_run(w.clock, 10);
	assert_int_equal(w.lost, 1);
	fake_clock_run(w.clock, 5000);
	assert_int_equal(w.published, 2);
	assert_int_equal(fake_host_endpoint(w.bob, 0, &second), 0);
	assert_memory_not_equal(first.service, second.service, sizeof first.service);
	second.auth.bytes[0] ^= 1;
	dial_endpoint(&w, &second);
	fake_clock_run(w.clock, 1000);
	assert_int_equal(w.dial_error.code, ERR_AUTH);
	assert_int_equal(w.dials_done, 2);
	teardown_world(&w);
}

static void fill(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
}

static void test_order_and_pressure(void **state)
{
	(void)state;
	struct world w;
	static uint8_t data[300000];
	fill(data, sizeof data);
	setup_link(&w);
	stream_pause(w.down.stream, true);
	for (size_t at = 0; at < sizeof data; at += 1000)
		assert_int_equal(stream_write(w.up.stream, data + at, 1000), 0);
	fake_clock_run(w.clock, 5000);
	assert_int_equal(w.down.got.len, 0);
	assert_int_equal(w.up.drained, 1); /* what was written before the window was full */
	assert_true(stream_queued(w.up.stream) > 200000);
	stream_pause(w.down.stream, false);
	fake_clock_run(w.clock, 10000);
	assert_int_equal(w.down.got.len, sizeof data);
	assert_memory_equal(w.down.got.data, data, sizeof data);
	assert_int_equal(stream_queued(w.up.stream), 0);
	assert_int_equal(w.up.drained, 2);
	const struct fake_conn *conn = fake_net_conn(w.net, 0);
	assert_int_equal(fake_net_conns(w.net), 1);
	assert_string_equal(conn->dialler, "alice");
	assert_string_equal(conn->listener, "bob");
	assert_int_equal(conn->up.total, sizeof data);
	assert_int_equal(conn->up.writes, 300);
	assert_int_equal(conn->up.bytes.len, FAKE_LOG_MAX);
	assert_memory_equal(conn->up.bytes.data, data, FAKE_LOG_MAX);
	assert_int_equal(conn->down.total, 0);
	teardown_world(&w);
}

/* finish: the bytes come first, then the end, on both sides. */
static void test_finish(void **state)
{
	(void)state;
	struct world w;
	static uint8_t data[150000];
	fill(data, sizeof data);
	setup_link(&w);
	stream_write(w.up.stream, data, sizeof data);
	stream_finish(w.up.stream);
	assert_int_equal(w.up.closed, 0);
	fake_clock_run(w.clock, 5000);
	assert_int_equal(w.down.got.len, sizeof data);
	assert_int_equal(w.up.closed, 1);
	assert_int_equal(w.down.closed, 1);
	assert_int_equal(w.down.why, ERR_CLOSED);
	assert_int_equal(stream_write(w.down.stream, data, 10), 0);
	fake_clock_run(w.clock, 5000);
	assert_int_equal(w.up.got.len, 0);
	teardown_world(&w);
}

static void test_free_ends_the_other(void **state)
{
	(void)state;
	struct world w;
	setup_link(&w);
	w.down.free_on_receive = true;
	stream_write(w.up.stream, "one", 3);
	fake_clock_run(w.clock, 1000);
	assert_null(w.down.stream);
	assert_int_equal(w.up.closed, 1);
	assert_int_equal(w.up.why, ERR_CLOSED);
	assert_true(fake_net_conn(w.net, 0)->closed_ms > 0);
	teardown_world(&w);
}

static void test_kill(void **state)
{
	(void)state;
	for (int silent = 0; silent < 2; silent++) {
		struct world w;
		setup_link(&w);
		fake_host_kill(w.bob, silent ? -1 : 7000);
		stream_write(w.down.stream, "ghost", 5);
		stream_write(w.up.stream, "lost", 4);
		fake_clock_run(w.clock, 6000);
		assert_int_equal(w.up.got.len, 0);
		assert_int_equal(w.down.got.len, 0);
		assert_int_equal(w.up.closed, 0);
		assert_int_equal(fake_host_services(w.bob), 0);
		stream_free(&w.down.stream);
		free_service(&w);
		fake_clock_run(w.clock, 100000);
		assert_int_equal(w.up.closed, silent ? 0 : 1);
		/* The host lives again. */
		w.published = 0;
		make_service(&w);
		fake_clock_run(w.clock, 5000);
		assert_int_equal(w.published, 1);
		teardown_world(&w);
	}
}

static void test_freeze(void **state)
{
	(void)state;
	struct world w;
	setup_link(&w);
	fake_host_freeze(w.bob, true);
	stream_write(w.down.stream, "from", 4);
	stream_write(w.up.stream, "to", 2);
	fake_clock_run(w.clock, 100000);
	assert_int_equal(w.up.got.len + w.down.got.len, 0);
	fake_host_freeze(w.bob, false);
	fake_clock_run(w.clock, 1000);
	assert_int_equal(w.up.got.len, 4);
	assert_int_equal(w.down.got.len, 2);
	fake_host_freeze(w.bob, true);
	stream_free(&w.down.stream);
	fake_clock_run(w.clock, 100000);
	assert_int_equal(w.up.closed, 0);
	fake_host_freeze(w.bob, false);
	fake_clock_run(w.clock, 1000);
	assert_int_equal(w.up.closed, 1);
	teardown_world(&w);
}

static void test_break_and_failing_dials(void **state)
{
	(void)state;
	struct world w;
	setup_link(&w);
	fake_host_break(w.alice);
	fake_clock_run(w.clock, 0);
	assert_int_equal(w.up.closed, 1);
	assert_int_equal(w.down.closed, 1);
	assert_int_equal(w.up.why, ERR_UNAVAILABLE);
	end_drop(&w.up);
	end_drop(&w.down);
	fake_host_fail_dials(w.alice, true);
	dial_bob(&w);
	fake_clock_run(w.clock, 1000);
	assert_int_equal(w.dial_error.code, ERR_UNAVAILABLE);
	fake_host_fail_dials(w.alice, false);
	fake_host_freeze(w.bob, true);
	dial_bob(&w);
	fake_clock_run(w.clock, FAKE_DIAL_TIMEOUT_MS - 1000);
	assert_int_equal(w.dials_done, 2);
	fake_clock_run(w.clock, 3000);
	assert_int_equal(w.dial_error.code, ERR_TIMEOUT);
	fake_host_freeze(w.bob, false);
	dial_bob(&w);
	w.dial->transport->ops->dial_cancel(w.dial);
	fake_clock_run(w.clock, 3000);
	assert_int_equal(w.dials_done, 3);
	assert_int_equal(fake_host_dials(w.alice), 4);
	teardown_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_timers_fire_in_order),
	    cmocka_unit_test(test_many_timers),
	    cmocka_unit_test(test_clocks_and_random),
	    cmocka_unit_test(test_service_life),
	    cmocka_unit_test(test_order_and_pressure),
	    cmocka_unit_test(test_finish),
	    cmocka_unit_test(test_free_ends_the_other),
	    cmocka_unit_test(test_kill),
	    cmocka_unit_test(test_freeze),
	    cmocka_unit_test(test_break_and_failing_dials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
