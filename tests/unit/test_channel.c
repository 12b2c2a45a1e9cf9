/* Tests of channels: two ends joined by a line in memory, under a fake clock. */
#include "core/base/cursor.h"
#include "core/base/ring.h"
#include "core/channel_mux.h"
#include "tests/scenario/fake_env.h"
#include "tests/unit/fail_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LINE_MAX 100000
/* Frames that an end may queue before it has no room. */
#define QUEUE_FRAMES 8

struct packet {
	size_t len;
	uint8_t payload[FRAME_PAYLOAD_MAX];
};

/* One side of the line. */
struct side {
	struct side *other;
	struct channel_mux *mux;
	struct timer *timer;
	struct packet *queue; /* on the way to the other side */
	size_t head, tail;
	bool deaf;         /* nothing is delivered to it */
	bool full;         /* nothing more can be sent */
	unsigned broken;   /* calls */
	unsigned sent[8];  /* frames by op */
	int error;         /* what came was refused */
	struct end *takes; /* who takes what is offered; NULL: nobody */
};

/* A program at one end of a channel. */
struct end {
	struct channel *channel;
	unsigned opened, readable, writable, closed;
	enum err_code why;
	bool reads;        /* all that comes, at once */
	bool ends;         /* when the other one has */
	unsigned close_in; /* close it in this kind of news: 1 opened, 2 readable, 3 writable, 4
			      closed */
	size_t got;
	bool got_end;
	unsigned wrong; /* bytes that are not as expected */
	size_t written;
};

static uint64_t seed = 1;
static struct fake_clock *fake_time;
static struct fake_env *fake;
static struct side a, b;
/* Of both sides: each channel counts twice. */
static struct channel_budget budget;

static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

/* --- the line --- */

static int side_send(void *arg, const uint8_t *payload, size_t len)
{
	struct side *side = arg;
	struct packet *packet = &side->queue[side->tail % LINE_MAX];

	if (side->full)
		return -1;
	assert_true(side->tail - side->head < LINE_MAX);
	side->sent[payload[0] < 8 ? payload[0] : 0]++;
	memcpy(packet->payload, payload, len);
	packet->len = len;
	side->tail++;
	timer_set(side->timer, 1);
	return 0;
}

static bool side_room(void *arg)
{
	struct side *side = arg;

	return side->tail - side->head < QUEUE_FRAMES;
}

static void side_broken(void *arg)
{
	struct side *side = arg;

	side->broken++;
	channel_mux_free(&side->mux);
}

static const struct channel_handler end_handler;

static bool side_accept(void *arg, struct channel *channel)
{
	struct side *side = arg;

	if (side->takes == NULL || strcmp(channel_service(channel), "echo") != 0)
		return false;
	assert_null(side->takes->channel);
	side->takes->channel = channel;
	channel_take(channel, &end_handler, side->takes);
	return true;
}

static const struct channel_mux_ops side_ops = {
    .send = side_send, .room = side_room, .accept = side_accept, .broken = side_broken};

static void deliver(void *arg)
{
	struct side *side = arg;
	struct err err = {0};

	while (side->head < side->tail && !side->other->deaf) {
		struct packet *packet = &side->queue[side->head++ % LINE_MAX];

		if (side->other->mux == NULL || side->other->error != 0)
			continue;
		side->other->error =
		    channel_mux_frame(side->other->mux, packet->payload, packet->len, &err);
	}
	if (side->mux != NULL)
		channel_mux_pump(side->mux);
	if (side->head < side->tail)
		timer_set(side->timer, 1);
}

static void open_side(struct side *side, struct side *other, bool dialled)
{
	*side = (struct side){.other = other};
	side->queue = calloc(LINE_MAX, sizeof(*side->queue));
	side->timer = timer_new(fake_env_env(fake), deliver, side);
	side->mux = channel_mux_new(fake_env_env(fake), &budget, dialled, &side_ops, side);
	assert_non_null(side->queue);
	assert_non_null(side->mux);
}

static void close_side(struct side *side)
{
	channel_mux_free(&side->mux);
	timer_free(&side->timer);
	free(side->queue);
}

static int set_up(void **state)
{
	(void)state;
	fake_time = fake_clock_new(seed);
	fake = fake_env_new(fake_time);
	budget = (struct channel_budget){.max = 4 * CHANNELS_MAX};
	open_side(&a, &b, true);
	open_side(&b, &a, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_side(&a);
	close_side(&b);
	assert_int_equal(budget.used, 0);
	fake_env_free(&fake);
	fake_clock_free(&fake_time);
	return 0;
}

static void run(int64_t ms)
{
	fake_clock_run(fake_time, ms);
}

/* --- programs --- */

static void read_all(struct end *end)
{
	uint8_t data[1000];
	long len;

	while ((len = channel_read(end->channel, data, sizeof(data))) > 0)
		for (long i = 0; i < len; i++)
			end->wrong += data[i] != byte_at(end->got++);
	if (len == 0) {
		end->got_end = true;
		if (end->ends)
			channel_end(end->channel);
	}
}

static void on_opened(void *arg, struct channel *channel)
{
	struct end *end = arg;

	assert_ptr_equal(end->channel, channel);
	end->opened++;
	if (end->close_in == 1)
		channel_close(&end->channel);
}

static void on_readable(void *arg, struct channel *channel)
{
	struct end *end = arg;

	assert_ptr_equal(end->channel, channel);
	end->readable++;
	if (end->close_in == 2)
		channel_close(&end->channel);
	else if (end->reads)
		read_all(end);
}

static void on_writable(void *arg, struct channel *channel)
{
	struct end *end = arg;

	assert_ptr_equal(end->channel, channel);
	end->writable++;
	if (end->close_in == 3)
		channel_close(&end->channel);
}

static void on_closed(void *arg, struct channel *channel, const struct err *why)
{
	struct end *end = arg;

	assert_ptr_equal(end->channel, channel);
	end->closed++;
	end->why = why != NULL ? why->code : ERR_NONE;
	if (end->close_in == 4)
		channel_close(&end->channel);
}

static const struct channel_handler end_handler = {
    .opened = on_opened, .readable = on_readable, .writable = on_writable, .closed = on_closed};

/* Write the next bytes of the pattern, as many as go. */
static size_t write_some(struct end *end, size_t len)
{
	uint8_t data[4096];
	size_t done = 0;

	while (done < len) {
		size_t part = len - done < sizeof(data) ? len - done : sizeof(data);
		long taken;

		for (size_t i = 0; i < part; i++)
			data[i] = byte_at(end->written + i);
		taken = channel_write(end->channel, data, part);
		if (taken < 0)
			break;
		end->written += (size_t)taken;
		done += (size_t)taken;
	}
	return done;
}

static void write_all(struct end *end, size_t len)
{
	while (len > 0) {
		len -= write_some(end, len);
		run(1);
	}
}

static void connect_to(struct end *here, struct end *there)
{
	struct err err = {0};

	b.takes = there;
	here->channel = channel_mux_open(a.mux, "echo", &end_handler, here, &err);
	assert_non_null(here->channel);
	run(100);
	assert_int_equal(here->opened, 1);
	assert_non_null(there->channel);
}

/* --- tests --- */

static void test_both_ways(void **state)
{
	struct end here = {.reads = true}, there = {.reads = true, .ends = true};

	(void)state;
	connect_to(&here, &there);
	write_all(&here, 100000);
	write_all(&there, 70000);
	run(1000);
	assert_int_equal(there.got, 100000);
	assert_int_equal(here.got, 70000);
	/* One way ends, the other goes on. */
	there.ends = false;
	channel_end(here.channel);
	run(100);
	assert_true(there.got_end && !here.got_end);
	assert_int_equal(channel_write(here.channel, "x", 1), CHANNEL_BROKEN);
	write_all(&there, 5000);
	assert_int_equal(here.closed + there.closed, 0);
	channel_end(there.channel);
	channel_end(there.channel);
	run(1000);
	assert_true(here.got_end);
	assert_int_equal(here.got, 75000);
	assert_int_equal(here.wrong + there.wrong, 0);
	assert_int_equal(here.closed, 1);
	assert_int_equal(there.closed, 1);
	assert_int_equal(here.why, ERR_NONE);
	assert_int_equal(there.why, ERR_NONE);
	assert_int_equal(channel_mux_count(a.mux) + channel_mux_count(b.mux), 0);
	assert_int_equal(channel_write(there.channel, "x", 1), CHANNEL_BROKEN);
	channel_close(&here.channel);
	channel_abort(&there.channel);
	assert_int_equal(a.sent[CHANNEL_RESET] + b.sent[CHANNEL_RESET], 0);
}

/* Who does not read holds the other one up, and nobody's memory grows. */
static void test_slow_reader(void **state)
{
	struct end here = {0}, there = {0};
	size_t held;

	(void)state;
	connect_to(&here, &there);
	for (unsigned i = 0; i < 3000; i++) {
		write_some(&here, 100000);
		run(1);
	}
	held = here.written;
	assert_int_equal(held, CHANNEL_WINDOW + CHANNEL_SEND_MAX);
	/* A little is read: a little goes on. */
	for (unsigned i = 0; i < 20; i++) {
		uint8_t data[CHANNEL_WINDOW / 16];
		long len = channel_read(there.channel, data, sizeof(data));

		for (long k = 0; k < len; k++)
			there.wrong += data[k] != byte_at(there.got++);
		run(1000);
		write_some(&here, 100000);
		assert_true(here.written <= there.got + CHANNEL_WINDOW + CHANNEL_SEND_MAX);
	}
	assert_true(here.written > held && here.writable > 0);
	there.reads = true;
	read_all(&there);
	channel_end(here.channel);
	run(5000);
	assert_int_equal(there.got, here.written);
	assert_true(there.got_end);
	assert_int_equal(there.wrong, 0);
	channel_abort(&here.channel);
	channel_abort(&there.channel);
}

/* A long copy leaves the others their turns. */
static void test_turns(void **state)
{
	struct end here[4] = {{0}},
		   there[4] = {{.reads = true}, {.reads = true}, {.reads = true}, {.reads = true}};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		connect_to(&here[i], &there[i]);
	write_some(&here[0], CHANNEL_SEND_MAX);
	run(3);
	for (unsigned i = 1; i < 4; i++)
		write_some(&here[i], 20000);
	run(60);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(there[i].got, 20000);
	assert_true(there[0].got < CHANNEL_SEND_MAX);
	for (unsigned i = 0; i < 4; i++) {
		channel_close(&here[i].channel);
		channel_close(&there[i].channel);
	}
	run(2000);
	assert_int_equal(there[0].wrong, 0);
	assert_int_equal(channel_mux_count(a.mux) + channel_mux_count(b.mux), 0);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
	    "", "a b", "\x7f", "12345678901234567890123456789012345678901234567890123456789012345"};
	struct end here = {0}, there = {0};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(channel_mux_open(a.mux, bad[i], &end_handler, &here, &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
	/* No such service, and nobody there. */
	b.takes = &there;
	here.channel = channel_mux_open(a.mux, "other", &end_handler, &here, &err);
	run(100);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why, ERR_NOT_FOUND);
	channel_close(&here.channel);
	b.takes = NULL;
	here.channel = channel_mux_open(a.mux, "echo", &end_handler, &here, &err);
	run(100);
	assert_int_equal(here.closed, 2);
	channel_close(&here.channel);
	assert_int_equal(b.sent[CHANNEL_RESET], 2);
	/* Nobody answers at all. */
	b.deaf = true;
	here.channel = channel_mux_open(a.mux, "echo", &end_handler, &here, &err);
	run(CHANNEL_ACCEPT_MS + 1000);
	assert_int_equal(here.closed, 3);
	assert_int_equal(here.why, ERR_TIMEOUT);
	channel_close(&here.channel);
	/* The answer comes late. */
	b.takes = &there;
	b.deaf = false;
	run(1000);
	assert_int_equal(channel_mux_count(a.mux) + channel_mux_count(b.mux), 0);
	assert_null(there.channel);
}

static void test_limits(void **state)
{
	static struct end ends[CHANNELS_MAX + 1], theirs[CHANNELS_MAX + 1];
	struct err err = {0};
	unsigned refused = 0;

	(void)state;
	memset(ends, 0, sizeof(ends));
	memset(theirs, 0, sizeof(theirs));
	for (unsigned i = 0; i < CHANNELS_MAX; i++)
		connect_to(&ends[i], &theirs[i]);
	assert_null(channel_mux_open(a.mux, "echo", &end_handler, &ends[0], &err));
	assert_int_equal(err.code, ERR_LIMIT);
	for (unsigned i = 0; i < CHANNELS_MAX; i++)
		channel_close(&ends[i].channel);
	/* They are still there until the other side has closed them, too. */
	assert_null(channel_mux_open(a.mux, "echo", &end_handler, &ends[0], &err));
	for (unsigned i = 0; i < CHANNELS_MAX; i++)
		channel_close(&theirs[i].channel);
	run(100);
	/* So many at once, and then slowly. */
	run(60 * 1000);
	for (unsigned i = 0; i < CHANNEL_OPENS + 10; i++) {
		ends[0] = theirs[0] = (struct end){0};
		b.takes = &theirs[0];
		ends[0].channel = channel_mux_open(a.mux, "echo", &end_handler, &ends[0], &err);
		run(4);
		refused += ends[0].closed;
		channel_abort(&ends[0].channel);
		channel_abort(&theirs[0].channel);
		run(1);
	}
	assert_in_range(refused, 1, 10);
}

/* Of all sessions together: ours is refused at once, the contact's with a reason; both are taken
 * again when others have gone. */
static void test_budget(void **state)
{
	struct end here = {0}, there = {0}, more = {0};
	struct err err = {0};

	(void)state;
	connect_to(&here, &there);
	budget.max = 2;
	assert_null(channel_mux_open(a.mux, "echo", &end_handler, &more, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_true(budget.told);
	budget.max = 3;
	for (unsigned i = 0; i < 2; i++) {
		more = (struct end){0};
		/* Room for our end of it, but not for the other one; whether there is such a
		 * service does not matter. */
		more.channel =
		    channel_mux_open(a.mux, i ? "nothing" : "echo", &end_handler, &more, &err);
		assert_non_null(more.channel);
		run(100);
		assert_int_equal(more.closed, 1);
		assert_int_equal(more.why, ERR_LIMIT);
		channel_close(&more.channel);
	}
	assert_int_equal(here.closed + there.closed, 0);
	channel_abort(&here.channel);
	run(100);
	channel_close(&there.channel);
	assert_int_equal(budget.used, 0);
	more = there = (struct end){0};
	connect_to(&more, &there);
	channel_abort(&more.channel);
	run(100);
	channel_abort(&there.channel);
}

/* The session ends: what has come can be read, and then it is broken. */
static void test_session_ends(void **state)
{
	struct end here = {0}, there = {0}, waiting = {0}, gone = {0}, gone_there = {0};
	struct err err = {0};
	uint8_t data[100];

	(void)state;
	connect_to(&gone, &gone_there);
	connect_to(&here, &there);
	write_some(&here, 50);
	run(10);
	b.deaf = true;
	waiting.channel = channel_mux_open(a.mux, "echo", &end_handler, &waiting, &err);
	/* Nobody's, but not over. */
	write_some(&gone, 50);
	channel_close(&gone.channel);
	channel_mux_free(&a.mux);
	channel_mux_free(&b.mux);
	run(10);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why, ERR_UNAVAILABLE);
	assert_int_equal(waiting.why, ERR_UNAVAILABLE);
	assert_int_equal(there.why, ERR_UNAVAILABLE);
	assert_int_equal(gone.closed, 0);
	assert_int_equal(channel_read(there.channel, data, sizeof(data)), 50);
	assert_int_equal(channel_read(there.channel, data, sizeof(data)), CHANNEL_BROKEN);
	assert_int_equal(channel_write(here.channel, data, 1), CHANNEL_BROKEN);
	channel_end(here.channel);
	channel_close(&here.channel);
	channel_close(&there.channel);
	channel_abort(&waiting.channel);
	channel_close(&gone_there.channel);
}

/* close() sends what was written, unless something was not read; abort() does not. */
static void test_close(void **state)
{
	struct end here = {0}, there = {.reads = true};

	(void)state;
	connect_to(&here, &there);
	write_some(&here, 100000);
	channel_close(&here.channel);
	channel_close(&here.channel);
	run(1000);
	assert_int_equal(there.got, 100000);
	assert_true(there.got_end);
	/* It is not read any more. */
	write_some(&there, 10);
	run(100);
	assert_int_equal(there.closed, 1);
	assert_int_equal(there.why, ERR_CLOSED);
	channel_close(&there.channel);

	here = there = (struct end){0};
	connect_to(&here, &there);
	write_some(&there, 10);
	run(10);
	channel_close(&here.channel);
	run(10);
	assert_int_equal(there.why, ERR_CLOSED);
	channel_close(&there.channel);

	here = there = (struct end){0};
	connect_to(&here, &there);
	write_some(&here, 100000);
	channel_abort(&here.channel);
	run(100);
	assert_int_equal(there.why, ERR_CLOSED);
	channel_abort(&there.channel);
	assert_int_equal(channel_mux_count(a.mux) + channel_mux_count(b.mux), 0);
}

/* Any handler may close it. */
static void test_close_in_handlers(void **state)
{
	(void)state;
	for (unsigned in = 1; in <= 4; in++) {
		struct end here = {.close_in = in}, there = {0};
		struct err err = {0};

		b.takes = &there;
		here.channel = channel_mux_open(a.mux, "echo", &end_handler, &here, &err);
		run(100);
		if (here.channel != NULL)
			write_some(&here, 2 * CHANNEL_SEND_MAX);
		write_some(&there, 10);
		run(100);
		there.reads = true;
		read_all(&there);
		run(100);
		if (here.channel != NULL)
			channel_abort(&there.channel);
		run(100);
		assert_null(here.channel);
		channel_close(&there.channel);
		run(3000);
		assert_int_equal(channel_mux_count(a.mux) + channel_mux_count(b.mux), 0);
	}
}

/* --- what must not come --- */

enum { FINE, RESET, ENDS };

static void say(uint8_t op, uint32_t id, const void *rest, size_t len)
{
	uint8_t payload[FRAME_PAYLOAD_MAX];
	struct writer w;

	writer_init(&w, payload, sizeof(payload));
	write_u8(&w, op);
	write_u32(&w, id);
	write_bytes(&w, rest, len);
	assert_int_equal(side_send(&a, payload, w.len), 0);
}

static const uint8_t much[4] = {0x3f, 0xff, 0xff, 0xff};

static void end_twice(void)
{
	say(CHANNEL_END, 1, NULL, 0);
	say(CHANNEL_END, 1, NULL, 0);
}

static void data_after_end(void)
{
	say(CHANNEL_END, 1, NULL, 0);
	say(CHANNEL_DATA, 1, "x", 1);
}

static void overrun(void)
{
	static const uint8_t data[CHANNEL_DATA_MAX];

	for (unsigned i = 0; i < CHANNEL_WINDOW / CHANNEL_DATA_MAX + 2; i++)
		say(CHANNEL_DATA, 1, data, sizeof(data));
}

static void too_much_credit(void)
{
	say(CHANNEL_CREDIT, 1, much, 4);
	say(CHANNEL_CREDIT, 1, much, 4);
}

static void accept_twice(void)
{
	say(CHANNEL_ACCEPT, 1, much, 4);
}

static void ended_before_the_end(void)
{
	say(CHANNEL_ENDED, 1, NULL, 0);
}

static void reset_twice(void)
{
	say(CHANNEL_RESET, 1, "\2", 1);
	say(CHANNEL_RESET, 1, "\2", 1);
	say(CHANNEL_DATA, 1, "x", 1);
	say(CHANNEL_END, 1, NULL, 0);
}

static void open_again(void)
{
	say(CHANNEL_OPEN, 1, "\0\0\1\0echo", 8);
}

static void open_as_the_other(void)
{
	say(CHANNEL_OPEN, 2, "\0\0\1\0echo", 8);
}

static void unknown_id(void)
{
	say(CHANNEL_DATA, 99, "x", 1);
}

static void unknown_id_of_ours(void)
{
	say(CHANNEL_END, 98, NULL, 0);
}

static void no_id(void)
{
	say(CHANNEL_DATA, 0, "x", 1);
}

static void no_data(void)
{
	say(CHANNEL_DATA, 1, NULL, 0);
}

static void short_credit(void)
{
	say(CHANNEL_CREDIT, 1, "abc", 3);
}

static void long_end(void)
{
	say(CHANNEL_END, 1, "x", 1);
}

static void open_without_name(void)
{
	say(CHANNEL_OPEN, 3, "\0\0\1\0", 4);
}

static void open_with_a_bad_name(void)
{
	say(CHANNEL_OPEN, 3, "\0\0\1\0a\nb", 7);
}

static void unknown_op(void)
{
	say(77, 1, "whatever", 8);
	say(0, 1, NULL, 0);
}

static void test_violations(void **state)
{
	static const struct {
		void (*say)(void);
		int outcome;
	} cases[] = {
	    {end_twice, RESET},        {data_after_end, RESET},      {overrun, RESET},
	    {too_much_credit, RESET},  {accept_twice, RESET},        {ended_before_the_end, RESET},
	    {reset_twice, FINE},       {open_again, ENDS},           {open_as_the_other, ENDS},
	    {unknown_id, ENDS},        {unknown_id_of_ours, ENDS},   {no_id, ENDS},
	    {no_data, ENDS},           {short_credit, ENDS},         {long_end, ENDS},
	    {open_without_name, ENDS}, {open_with_a_bad_name, ENDS}, {unknown_op, FINE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct end here = {0}, there = {0};

		tear_down(state);
		set_up(state);
		connect_to(&here, &there);
		cases[i].say();
		run(1000);
		assert_int_equal(b.error, cases[i].outcome == ENDS ? -1 : 0);
		assert_int_equal(b.sent[CHANNEL_RESET], cases[i].outcome == RESET);
		assert_int_equal(there.why == ERR_PROTOCOL, cases[i].outcome == RESET);
		channel_abort(&here.channel);
		channel_abort(&there.channel);
	}
}

/* Ten thousand at once: each is answered, and nothing is kept. */
static void test_flood(void **state)
{
	struct end there = {0};

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		say(CHANNEL_OPEN, 1 + 2 * i, "\0\0\1\0other", 9);
	run(1);
	assert_in_range(channel_mux_count(b.mux), 0, CHANNELS_MAX);
	run(1000);
	assert_int_equal(channel_mux_count(b.mux), 0);
	assert_int_equal(b.sent[CHANNEL_RESET], 10000);
	assert_int_equal(b.error, 0);
	b.takes = &there;
	for (uint32_t i = 10000; i < 20000; i++) {
		there.channel = NULL;
		say(CHANNEL_OPEN, 1 + 2 * i, "\0\0\1\0nothing", 11);
	}
	run(1000);
	assert_int_equal(channel_mux_count(b.mux), 0);
}

/* A frame that cannot be queued ends the session, not the program. */
static void test_cannot_send(void **state)
{
	struct end here = {0}, there = {0};

	(void)state;
	connect_to(&here, &there);
	a.full = true;
	write_some(&here, 1000);
	run(10);
	assert_int_equal(a.broken, 1);
	assert_int_equal(here.why, ERR_UNAVAILABLE);
	channel_close(&here.channel);
	channel_close(&there.channel);
}

/* --- at random --- */

static void random_step(struct end *end)
{
	uint64_t what = env_random_below(fake_env_env(fake), 100);

	if (end->channel == NULL)
		return;
	if (what < 50)
		write_some(end, env_random_below(fake_env_env(fake), 60000));
	else if (what < 85)
		read_all(end);
	else if (what < 87)
		channel_end(end->channel);
	else if (what < 88)
		channel_close(&end->channel);
	else if (what < 89)
		channel_abort(&end->channel);
}

static void test_at_random(void **state)
{
	size_t moved = 0;

	for (unsigned round = 0; round < 60; round++) {
		struct end here[5] = {{0}}, there[5] = {{0}};

		seed = round;
		tear_down(state);
		set_up(state);
		for (unsigned i = 0; i < 5; i++)
			connect_to(&here[i], &there[i]);
		for (unsigned step = 0; step < 200; step++) {
			random_step(&here[env_random_below(fake_env_env(fake), 5)]);
			random_step(&there[env_random_below(fake_env_env(fake), 5)]);
			run((int64_t)env_random_below(fake_env_env(fake), 30));
			assert_int_equal(a.error + b.error, 0);
		}
		if (round % 3 == 0)
			channel_mux_free(&a.mux);
		for (unsigned i = 0; i < 5; i++) {
			/* What has come is a beginning of what was sent. */
			assert_int_equal(here[i].wrong + there[i].wrong, 0);
			assert_true(there[i].got <= here[i].written &&
				    here[i].got <= there[i].written);
			moved += there[i].got;
			channel_abort(&here[i].channel);
			channel_abort(&there[i].channel);
		}
		run(1000);
		if (a.mux != NULL)
			assert_int_equal(channel_mux_count(a.mux) + channel_mux_count(b.mux), 0);
	}
	assert_true(moved > 10000000);
}

/* --- when memory is short --- */

static void test_no_memory(void **state)
{
	bool failed = true;

	for (long n = 0; failed; n++) {
		struct end here = {.reads = true}, there = {.reads = true, .ends = true};
		struct err err = {0};

		tear_down(state);
		set_up(state);
		b.takes = &there;
		/* The fake clock's own memory is not what is tested. */
		timer_set(a.timer, 0);
		fail_malloc_arm(n);
		here.channel = channel_mux_open(a.mux, "echo", &end_handler, &here, &err);
		if (here.channel != NULL) {
			run(10);
			write_some(&here, 20000);
			channel_end(here.channel);
			run(200);
		}
		failed = fail_malloc_disarm();
		if (here.channel == NULL)
			assert_int_equal(err.code, ERR_MEMORY);
		else if (!failed)
			assert_int_equal(there.got, 20000);
		if (!failed)
			assert_int_equal(here.why, ERR_NONE);
		else if (here.channel != NULL)
			assert_int_equal(here.closed, 1);
		channel_abort(&here.channel);
		channel_abort(&there.channel);
		run(10);
		assert_int_equal(channel_mux_count(a.mux) + channel_mux_count(b.mux), 0);
	}
}

/* --- ring --- */

static void test_ring(void **state)
{
	struct ring ring;
	size_t in = 0, out = 0;
	uint8_t data[3000];
	const uint8_t *view;

	(void)state;
	ring_init(&ring, 10000);
	assert_int_equal(ring_peek(&ring, &view), 0);
	assert_int_equal(ring_take(&ring, data, 10), 0);
	for (unsigned i = 0; i < 5000; i++) {
		size_t len = env_random_below(fake_env_env(fake), sizeof(data));

		for (size_t k = 0; k < len; k++)
			data[k] = byte_at(in + k);
		if (ring_add(&ring, data, len) == 0)
			in += len;
		else
			assert_true(in - out + len > 10000);
		len = ring_take(&ring, data, env_random_below(fake_env_env(fake), sizeof(data)));
		for (size_t k = 0; k < len; k++)
			assert_int_equal(data[k], byte_at(out + k));
		out += len;
		len = ring_peek(&ring, &view);
		assert_int_equal(len > 0, in > out);
		for (size_t k = 0; k < len; k++)
			assert_int_equal(view[k], byte_at(out + k));
		assert_int_equal(ring.len, in - out);
		if (i % 500 == 0) {
			out = in;
			ring_drop(&ring, SIZE_MAX);
		}
	}
	ring_free(&ring);
}

#define WITH_LINE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_LINE(test_both_ways),
	    WITH_LINE(test_slow_reader),
	    WITH_LINE(test_turns),
	    WITH_LINE(test_refused),
	    WITH_LINE(test_limits),
	    WITH_LINE(test_budget),
	    WITH_LINE(test_session_ends),
	    WITH_LINE(test_close),
	    WITH_LINE(test_close_in_handlers),
	    WITH_LINE(test_violations),
	    WITH_LINE(test_flood),
	    WITH_LINE(test_cannot_send),
	    WITH_LINE(test_at_random),
	    WITH_LINE(test_no_memory),
	    WITH_LINE(test_ring),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
