/* Tests of core/base/websocket.c on a stream in memory, with a clock that is turned by hand. The
 * frames are written here by hand, from RFC 6455 section 5. */
#include "core/base/websocket.h"
#include "tests/scenario/fake_env.h"
#include "tests/unit/memory_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT 100

struct owner {
	struct fake_clock *clock;
	struct fake_env *fake;
	struct memory_stream inner;
	struct stream *stream;
	char got[4096];       /* messages, each with '|' behind it */
	unsigned pause_after; /* messages; 0: never */
	unsigned free_after;  /* messages; 0: never */
	unsigned messages;
	unsigned closed, drained;
	enum err_code why;
};

static void on_received(void *arg, const uint8_t *data, size_t len)
{
	struct owner *o = arg;
	size_t at = strlen(o->got);

	assert_true(len > 0 && at + len + 2 < sizeof(o->got));
	memcpy(o->got + at, data, len);
	memcpy(o->got + at + len, "|", 2);
	o->messages++;
	if (o->messages == o->pause_after)
		stream_pause(o->stream, true);
	if (o->messages == o->free_after)
		stream_free(&o->stream);
}

static void on_drained(void *arg)
{
	((struct owner *)arg)->drained++;
}

static void on_closed(void *arg, const struct err *why)
{
	struct owner *o = arg;

	o->closed++;
	o->why = why->code;
}

static const struct stream_handler handler = {
    .received = on_received, .drained = on_drained, .closed = on_closed};

static void open_it(struct owner *o)
{
	*o = (struct owner){0};
	o->clock = fake_clock_new(1);
	o->fake = fake_env_new(o->clock);
	memory_stream_init(&o->inner);
	o->stream = websocket_new(fake_env_env(o->fake), &o->inner.stream, LIMIT);
	assert_non_null(o->stream);
	stream_set_handler(o->stream, &handler, o);
}

static void close_it(struct owner *o)
{
	stream_free(&o->stream);
	assert_true(o->inner.freed);
	memory_stream_clear(&o->inner);
	fake_env_free(&o->fake);
	fake_clock_free(&o->clock);
}

/* A frame of a client: first is FIN, RSV and opcode; masked with a key. */
static void add_frame(struct buf *out, uint8_t first, const void *payload, size_t len)
{
	static const uint8_t key[4] = {0x12, 0x34, 0x56, 0x78};
	uint8_t head[4] = {first, (uint8_t)(0x80 | (len < 126 ? len : 126)), (uint8_t)(len >> 8),
			   (uint8_t)len};

	buf_add(out, head, len < 126 ? 2 : 4);
	buf_add(out, key, 4);
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = ((const uint8_t *)payload)[i] ^ key[i % 4];

		buf_add(out, &byte, 1);
	}
}

static void add_text(struct buf *out, uint8_t first, const char *text)
{
	add_frame(out, first, text, strlen(text));
}

static void receive(struct owner *o, struct buf *frames, size_t piece)
{
	memory_stream_receive(&o->inner, frames->data, frames->len, piece);
	buf_free(frames);
}

static void test_accept(void **state)
{
	static const char *const bad[] = {"",
					  "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ==x",
					  "dGhlIHNhbXBsZSBub25j====", "dGhlIHNhbXBsZSBub25jZSEh"};
	char out[WEBSOCKET_ACCEPT_SIZE];

	(void)state;
	/* RFC 6455 section 1.3 */
	assert_int_equal(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", out), 0);
	assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(websocket_accept(bad[i], out), -1);
}

/* Messages, one in three fragments with a ping between, in pieces of every size. */
static void test_messages(void **state)
{
	static const char pong[] = "\x8a\x02hi";

	(void)state;
	for (size_t piece = 1; piece < 80; piece++) {
		struct buf frames;
		struct owner o;

		open_it(&o);
		buf_init(&frames, 4096);
		add_text(&frames, 0x81, "<one/>");
		add_text(&frames, 0x01, "<t");
		add_text(&frames, 0x89, "hi");
		add_text(&frames, 0x00, "");
		add_text(&frames, 0x80, "wo/>");
		add_text(&frames, 0x81, "");
		add_text(&frames, 0x8a, "not asked for");
		add_text(&frames, 0x81, "\xc3\xbc");
		receive(&o, &frames, piece);
		assert_string_equal(o.got, "<one/>|<two/>|\xc3\xbc|");
		assert_int_equal(o.inner.out.len, 4);
		assert_memory_equal(o.inner.out.data, pong, 4);
		assert_int_equal(o.closed, 0);
		close_it(&o);
	}
}

/* While the owner pauses nothing is delivered, and nothing is lost. */
static void test_pause(void **state)
{
	struct buf frames;
	struct owner o;

	(void)state;
	open_it(&o);
	o.pause_after = 2;
	buf_init(&frames, 4096);
	for (int i = 0; i < 5; i++)
		add_text(&frames, 0x81, "<a/>");
	receive(&o, &frames, SIZE_MAX);
	assert_string_equal(o.got, "<a/>|<a/>|");
	assert_true(o.inner.paused);
	stream_pause(o.stream, false);
	assert_false(o.inner.paused);
	/* Not from within stream_pause. */
	assert_int_equal(o.messages, 2);
	fake_clock_run(o.clock, 0);
	assert_int_equal(o.messages, 5);
	/* What comes before that turn of the loop stays behind what waited. */
	o.pause_after = 6;
	buf_init(&frames, 4096);
	add_text(&frames, 0x81, "<b/>");
	add_text(&frames, 0x81, "<c/>");
	receive(&o, &frames, SIZE_MAX);
	stream_pause(o.stream, false);
	buf_init(&frames, 4096);
	add_text(&frames, 0x81, "<d/>");
	receive(&o, &frames, SIZE_MAX);
	fake_clock_run(o.clock, 0);
	assert_string_equal(o.got + 25, "<b/>|<c/>|<d/>|");
	close_it(&o);
}

/* The owner may free it in received(). */
static void test_free_within(void **state)
{
	struct buf frames;
	struct owner o;

	(void)state;
	open_it(&o);
	o.free_after = 2;
	buf_init(&frames, 4096);
	for (int i = 0; i < 3; i++)
		add_text(&frames, 0x81, "<a/>");
	receive(&o, &frames, SIZE_MAX);
	assert_string_equal(o.got, "<a/>|<a/>|");
	assert_true(o.inner.freed);
	close_it(&o);
}

/* What ends it, the code that the other side is told, and the reason that the owner is. */
static void test_refused(void **state)
{
	char body[LIMIT + 1];
	static const struct {
		const char *name;
		uint8_t first;
		const char *payload; /* NULL: LIMIT + 1 letters */
		unsigned code;
		enum err_code why;
	} cases[] = {
	    {"close without code", 0x88, "", 0, ERR_CLOSED},
	    {"going away", 0x88, "\x03\xe9", 1001, ERR_CLOSED},
	    {"binary", 0x82, "<a/>", 1003, ERR_PROTOCOL},
	    {"too long", 0x81, NULL, 1009, ERR_PROTOCOL},
	    {"not UTF-8", 0x81, "<\xff/>", 1007, ERR_PROTOCOL},
	    {"reserved bit", 0xc1, "<a/>", 1002, ERR_PROTOCOL},
	    {"reserved opcode", 0x83, "<a/>", 1002, ERR_PROTOCOL},
	    {"nothing to continue", 0x80, "<a/>", 1002, ERR_PROTOCOL},
	    /* wslay gives no code for these */
	    {"ping in fragments", 0x09, "hi", 0, ERR_PROTOCOL},
	    {"ping that is too long", 0x89, NULL, 0, ERR_PROTOCOL},
	};

	(void)state;
	memset(body, 'x', sizeof(body));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err gone = {.code = ERR_CLOSED, .text = "gone"};
		const uint8_t *out;
		struct buf frames;
		struct owner o;
		size_t len = cases[i].payload ? strlen(cases[i].payload) : sizeof(body);

		if (cases[i].first == 0x89 && !cases[i].payload)
			len = 126;
		open_it(&o);
		buf_init(&frames, 4096);
		add_text(&frames, 0x81, "<good/>");
		if (len == 126) {
			char ping[126] = {0};

			add_frame(&frames, cases[i].first, ping, len);
		} else {
			add_frame(&frames, cases[i].first,
				  cases[i].payload ? cases[i].payload : body, len);
		}
		add_text(&frames, 0x81, "<late/>");
		receive(&o, &frames, SIZE_MAX);
		if (strcmp(o.got, "<good/>|") != 0)
			fail_msg("%s: %s", cases[i].name, o.got);
		assert_true(o.inner.finished);
		out = o.inner.out.data;
		assert_int_equal(out[0], 0x88);
		if (cases[i].code)
			assert_int_equal(out[2] << 8 | out[3], cases[i].code);
		/* Nothing is sent behind the end. */
		assert_int_equal(stream_write(o.stream, "<a/>", 4), 0);
		assert_int_equal(o.inner.out.len, 2u + out[1]);
		assert_int_equal(o.closed, 0);
		o.inner.stream.handler->closed(o.inner.stream.arg, &gone);
		assert_int_equal(o.closed, 1);
		assert_int_equal(o.why, cases[i].why);
		close_it(&o);
	}
}

/* Fragments count together, and many empty ones cost nothing. */
static void test_fragments_limited(void **state)
{
	struct buf frames;
	struct owner o;

	(void)state;
	open_it(&o);
	buf_init(&frames, 1 << 20);
	add_text(&frames, 0x01, "<");
	for (int i = 0; i < 10000; i++)
		add_text(&frames, 0x00, "");
	for (int i = 0; i < LIMIT - 1; i++)
		add_text(&frames, 0x00, "x");
	add_text(&frames, 0x80, "");
	receive(&o, &frames, 4096);
	assert_int_equal(strlen(o.got), LIMIT + 1);
	assert_false(o.inner.finished);
	buf_init(&frames, 1 << 20);
	add_text(&frames, 0x01, "<");
	for (int i = 0; i < LIMIT; i++)
		add_text(&frames, 0x00, "x");
	receive(&o, &frames, 4096);
	assert_true(o.inner.finished);
	assert_int_equal(o.messages, 1);
	close_it(&o);
	/* Another limit, from the next message on. */
	open_it(&o);
	websocket_set_limit(o.stream, 3);
	buf_init(&frames, 4096);
	add_text(&frames, 0x81, "abc");
	add_text(&frames, 0x81, "abcd");
	receive(&o, &frames, SIZE_MAX);
	assert_string_equal(o.got, "abc|");
	assert_true(o.inner.finished);
	close_it(&o);
}

/* Lengths of 7, 16 and 64 bits. */
static void test_write(void **state)
{
	static const size_t lens[] = {1, 125, 126, 65535, 65536, 200000};
	char *text = calloc(1, 200000);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 200000);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		size_t head = lens[i] < 126 ? 2 : lens[i] < 65536 ? 4 : 10;
		struct owner o;

		open_it(&o);
		assert_int_equal(stream_write(o.stream, text, lens[i]), 0);
		assert_int_equal(o.inner.out.len, head + lens[i]);
		assert_int_equal(o.inner.out.data[0], 0x81);
		assert_int_equal(o.inner.out.data[1], head == 2 ? lens[i] : head == 4 ? 126 : 127);
		assert_memory_equal(o.inner.out.data + head, text, lens[i]);
		o.inner.queued = 17;
		assert_int_equal(stream_queued(o.stream), 17);
		o.inner.stream.handler->drained(o.inner.stream.arg);
		assert_int_equal(o.drained, 1);
		close_it(&o);
	}
	free(text);
}

static void test_finish(void **state)
{
	static const char close_frame[] = {'\x88', '\x02', '\x03', '\xe8'};
	struct err gone = {.code = ERR_CLOSED, .text = "gone"};
	struct buf frames;
	struct owner o;

	(void)state;
	open_it(&o);
	stream_finish(o.stream);
	stream_finish(o.stream);
	assert_true(o.inner.finished);
	assert_int_equal(o.inner.out.len, 4);
	assert_memory_equal(o.inner.out.data, close_frame, 4);
	assert_int_equal(stream_write(o.stream, "<a/>", 4), 0);
	o.inner.finished = false; /* else memory_stream_receive would not give it */
	buf_init(&frames, 4096);
	add_text(&frames, 0x81, "<a/>");
	receive(&o, &frames, SIZE_MAX);
	assert_int_equal(o.messages, 0);
	assert_int_equal(o.inner.out.len, 4);
	assert_int_equal(o.closed, 0);
	o.inner.stream.handler->closed(o.inner.stream.arg, &gone);
	assert_int_equal(o.closed, 1);
	close_it(&o);
}

/* One who sends pings and reads nothing, and one who does not close the connection. */
static void test_hangs(void **state)
{
	struct buf frames;
	struct owner o;

	(void)state;
	open_it(&o);
	o.inner.queued = (size_t)8 * 1024 * 1024;
	buf_init(&frames, 4096);
	add_text(&frames, 0x89, "hi");
	receive(&o, &frames, SIZE_MAX);
	assert_int_equal(o.closed, 0);
	fake_clock_run(o.clock, 0);
	assert_int_equal(o.closed, 1);
	assert_int_equal(o.why, ERR_LIMIT);
	close_it(&o);
	open_it(&o);
	buf_init(&frames, 4096);
	add_text(&frames, 0x88, "");
	receive(&o, &frames, SIZE_MAX);
	fake_clock_run(o.clock, 2000);
	assert_int_equal(o.closed, 0);
	fake_clock_run(o.clock, 2000);
	assert_int_equal(o.closed, 1);
	assert_int_equal(o.why, ERR_CLOSED);
	close_it(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_accept),  cmocka_unit_test(test_messages),
	    cmocka_unit_test(test_pause),   cmocka_unit_test(test_free_within),
	    cmocka_unit_test(test_refused), cmocka_unit_test(test_fragments_limited),
	    cmocka_unit_test(test_write),   cmocka_unit_test(test_finish),
	    cmocka_unit_test(test_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
