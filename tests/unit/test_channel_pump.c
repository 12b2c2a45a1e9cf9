/* Tests of channels that are joined to sockets, on the real loop. */
#include "core/channel_mux.h"
#include "core/channel_pump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE_MAX 4096
#define ROUNDS   20000

struct side {
	struct side *other;
	struct channel_mux *mux;
	struct timer *timer;
	struct packet {
		size_t len;
		uint8_t payload[FRAME_PAYLOAD_MAX];
	} queue[LINE_MAX];
	size_t head, tail;
	int fd; /* of the program */
	struct channel_pump *pump;
	unsigned opened, closed;
	enum err_code why;
};

static struct loop *loop;
static struct side a, b;
static struct channel_budget budget = {.max = CHANNELS_ALL_MAX};
static int offered; /* the descriptor that b joins to what comes */

static int side_send(void *arg, const uint8_t *payload, size_t len)
{
	struct side *side = arg;
	struct packet *packet = &side->queue[side->tail++ % LINE_MAX];

	assert_true(side->tail - side->head < LINE_MAX);
	memcpy(packet->payload, payload, len);
	packet->len = len;
	timer_set(side->timer, 0);
	return 0;
}

static bool side_room(void *arg)
{
	struct side *side = arg;

	return side->tail - side->head < 32;
}

static void on_opened(void *arg)
{
	((struct side *)arg)->opened++;
}

static void on_closed(void *arg, const struct err *why)
{
	struct side *side = arg;

	side->closed++;
	side->why = why != NULL ? why->code : ERR_NONE;
	channel_pump_free(&side->pump);
}

static const struct channel_pump_handler handler = {.opened = on_opened, .closed = on_closed};

static bool side_accept(void *arg, struct channel *channel)
{
	struct side *side = arg;
	struct err err = {0};

	side->pump = channel_pump_new(loop, channel, offered, &handler, side, &err);
	return side->pump != NULL;
}

static void side_broken(void *arg)
{
	channel_mux_free(&((struct side *)arg)->mux);
}

static const struct channel_mux_ops ops = {
    .send = side_send, .room = side_room, .accept = side_accept, .broken = side_broken};

static void deliver(void *arg)
{
	struct side *side = arg;
	struct err err = {0};

	while (side->head < side->tail) {
		struct packet *packet = &side->queue[side->head++ % LINE_MAX];

		if (side->other->mux != NULL)
			assert_int_equal(
			    channel_mux_frame(side->other->mux, packet->payload, packet->len, &err),
			    0);
	}
	if (side->mux != NULL)
		channel_mux_pump(side->mux);
}

static void open_side(struct side *side, struct side *other, bool dialled)
{
	memset(side, 0, sizeof(*side));
	side->other = other;
	side->timer = timer_new(loop_env(loop), deliver, side);
	side->mux = channel_mux_new(loop_env(loop), &budget, dialled, &ops, side);
	assert_non_null(side->mux);
}

static int set_up(void **state)
{
	struct err err = {0};

	(void)state;
	loop = loop_new(&err);
	open_side(&a, &b, true);
	open_side(&b, &a, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (struct side *side = &a;; side = &b) {
		channel_pump_free(&side->pump);
		channel_mux_free(&side->mux);
		timer_free(&side->timer);
		if (side->fd > 0)
			close(side->fd);
		if (side == &b)
			break;
	}
	loop_free(&loop);
	return 0;
}

static void unix_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
}

static void tcp_pair(int pair[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(pair[0], (struct sockaddr *)&address, len), 0);
	pair[1] = accept(listener, NULL, NULL);
	close(listener);
}

static void join(void (*make_pair)(int pair[2]))
{
	int here[2], there[2];
	struct err err = {0};
	struct channel *channel = channel_mux_open(a.mux, "copy", NULL, NULL, &err);

	make_pair(here);
	make_pair(there);
	a.fd = here[0];
	b.fd = there[0];
	offered = there[1];
	a.pump = channel_pump_new(loop, channel, here[1], &handler, &a, &err);
	assert_non_null(a.pump);
	for (unsigned i = 0; i < ROUNDS && !a.opened; i++)
		loop_run_once(loop, 1);
	assert_int_equal(a.opened, 1);
}

static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

/* Send as much as goes now. */
static size_t put(int fd, size_t from, size_t len)
{
	uint8_t data[10000];
	ssize_t sent;

	if (len > sizeof(data))
		len = sizeof(data);
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(from + i);
	sent = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent > 0 ? (size_t)sent : 0;
}

/* Read what is there; -1: the end. */
static long get(int fd, size_t from)
{
	uint8_t data[7000];
	ssize_t len = recv(fd, data, sizeof(data), MSG_DONTWAIT);

	for (ssize_t i = 0; i < len; i++)
		assert_int_equal(data[i], byte_at(from + (size_t)i));
	return len == 0 ? -1 : len < 0 ? 0 : (long)len;
}

static void copy(int from, int to, size_t size)
{
	size_t sent = 0, got = 0;

	for (unsigned i = 0; i < ROUNDS && got < size; i++) {
		sent += put(from, sent, size - sent);
		got += (size_t)get(to, got);
		loop_run_once(loop, 0);
	}
	assert_int_equal(got, size);
}

static void wait_end(int fd)
{
	for (unsigned i = 0; i < ROUNDS && get(fd, 0) >= 0; i++)
		loop_run_once(loop, 0);
	assert_int_equal(get(fd, 0), -1);
}

static void wait_closed(void)
{
	for (unsigned i = 0; i < ROUNDS && !(a.closed && b.closed); i++)
		loop_run_once(loop, 1);
	assert_int_equal(a.closed, 1);
	assert_int_equal(b.closed, 1);
}

static void both_ways(void (*make_pair)(int pair[2]))
{
	join(make_pair);
	copy(a.fd, b.fd, 2000000);
	copy(b.fd, a.fd, 1000000);
	/* One way ends, the other goes on. */
	shutdown(a.fd, SHUT_WR);
	wait_end(b.fd);
	copy(b.fd, a.fd, 500000);
	shutdown(b.fd, SHUT_WR);
	wait_end(a.fd);
	wait_closed();
	assert_int_equal(a.why, ERR_NONE);
	assert_int_equal(b.why, ERR_NONE);
}

static void test_unix(void **state)
{
	(void)state;
	both_ways(unix_pair);
}

static void test_tcp(void **state)
{
	(void)state;
	both_ways(tcp_pair);
}

/* Who does not read holds up who writes. */
static void test_slow(void **state)
{
	size_t sent = 0, got = 0, idle = 0;

	(void)state;
	join(unix_pair);
	while (idle < 1000) {
		size_t n = put(a.fd, sent, 10000);

		sent += n;
		idle = n > 0 ? 0 : idle + 1;
		loop_run_once(loop, 0);
	}
	/* Windows, and what the kernel keeps for the two pairs. */
	assert_in_range(sent, CHANNEL_WINDOW + CHANNEL_SEND_MAX / 2,
			CHANNEL_WINDOW + CHANNEL_SEND_MAX + 4 * 1024 * 1024);
	while (got < sent) {
		got += (size_t)get(b.fd, got);
		loop_run_once(loop, 0);
	}
	copy(b.fd, a.fd, 100000);
}

/* The program has gone: the other one hears it. */
static void test_program_leaves(void **state)
{
	(void)state;
	join(tcp_pair);
	copy(a.fd, b.fd, 1000);
	close(a.fd);
	a.fd = -1;
	wait_end(b.fd);
	for (unsigned i = 0; i < 200; i++) {
		put(b.fd, 0, 10000);
		loop_run_once(loop, 1);
	}
	wait_closed();
	assert_int_equal(a.why, ERR_SYSTEM);
	assert_int_equal(b.why, ERR_CLOSED);
}

/* The session ends: nobody takes that for an end of file. */
static void test_session_ends(void **state)
{
	char byte;

	(void)state;
	join(tcp_pair);
	copy(a.fd, b.fd, 1000);
	channel_mux_free(&a.mux);
	channel_mux_free(&b.mux);
	wait_closed();
	assert_int_equal(a.why, ERR_UNAVAILABLE);
	assert_int_equal(b.why, ERR_UNAVAILABLE);
	assert_int_equal(recv(a.fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(recv(b.fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void test_bad_descriptor(void **state)
{
	struct err err = {0};
	struct channel *channel = channel_mux_open(a.mux, "copy", NULL, NULL, &err);

	(void)state;
	assert_null(channel_pump_new(loop, channel, -1, &handler, &a, &err));
	assert_int_equal(err.code, ERR_SYSTEM);
	channel_abort(&channel);
}

#define WITH_LINE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_LINE(test_unix),         WITH_LINE(test_tcp),
	    WITH_LINE(test_slow),         WITH_LINE(test_program_leaves),
	    WITH_LINE(test_session_ends), WITH_LINE(test_bad_descriptor),
	};

	return cmocka_run_group_tests_name("channel pump", tests, NULL, NULL);
}
