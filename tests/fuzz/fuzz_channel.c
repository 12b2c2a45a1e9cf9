/*
 * fuzz_channel.c: what a contact says about channels.
 *
 *     input: parts of length 1 ‖ bytes. Length 0: time passes, and the program reads and writes;
 *            255: the program closes what it has; else: a frame's payload
 *
 * A payload that can be read is the same when it is written again. Whatever comes, in whatever
 * order: what is sent is well-formed, and memory is bounded.
 */
#include "core/base/cursor.h"
#include "core/channel_mux.h"
#include "tests/fuzz/fuzz.h"
#include "tests/scenario/fake_env.h"

#include <string.h>

#define PART_TIME  0
#define PART_CLOSE 255
#define OWNED_MAX  (2 * CHANNELS_MAX)

struct program {
	struct channel *owned[OWNED_MAX];
	size_t read;
};

static int send_frame(void *arg, const uint8_t *payload, size_t len)
{
	struct channel_frame frame;
	struct err err = {0};

	(void)arg;
	FUZZ_CHECK(channel_frame_parse(payload, len, &frame, &err) == 0);
	return 0;
}

static bool has_room(void *arg)
{
	(void)arg;
	return true;
}

static void on_closed(void *arg, struct channel *channel, const struct err *why)
{
	struct program *program = arg;

	(void)why;
	for (unsigned i = 0; i < OWNED_MAX; i++)
		if (program->owned[i] == channel)
			channel_close(&program->owned[i]);
}

static const struct channel_handler handler = {.closed = on_closed};

static bool keep(struct program *program, struct channel *channel)
{
	for (unsigned i = 0; channel != NULL && i < OWNED_MAX; i++) {
		if (program->owned[i] == NULL) {
			program->owned[i] = channel;
			return true;
		}
	}
	return false;
}

static bool accept_channel(void *arg, struct channel *channel)
{
	channel_take(channel, &handler, arg);
	return channel_service(channel)[0] != 'x' && keep(arg, channel);
}

static void broken(void *arg)
{
	(void)arg;
	FUZZ_CHECK(false);
}

static const struct channel_mux_ops ops = {
    .send = send_frame, .room = has_room, .accept = accept_channel, .broken = broken};

static void use_all(struct program *program, bool close)
{
	uint8_t data[700] = {0};
	long len;

	for (unsigned i = 0; i < OWNED_MAX; i++) {
		if (program->owned[i] == NULL)
			continue;
		len = channel_read(program->owned[i], data, sizeof(data));
		program->read += len > 0 ? (size_t)len : 0;
		channel_write(program->owned[i], data, sizeof(data));
		if (close)
			channel_close(&program->owned[i]);
	}
}

static void check_same(const uint8_t *payload, size_t len)
{
	uint8_t again[FRAME_PAYLOAD_MAX];
	struct channel_frame frame;
	struct err err = {0};

	if (channel_frame_parse(payload, len, &frame, &err) < 0) {
		FUZZ_CHECK(err.code == ERR_PROTOCOL);
		return;
	}
	if (frame.op < CHANNEL_OPEN || frame.op > CHANNEL_RESET)
		return;
	FUZZ_CHECK(channel_frame_write(&frame, again) == len);
	FUZZ_CHECK(memcmp(again, payload, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program program = {0};
	struct fake_clock *clock = fake_clock_new(1);
	struct fake_env *fake = fake_env_new(clock);
	struct channel_budget budget = {.max = CHANNELS_ALL_MAX};
	struct channel_mux *mux =
	    channel_mux_new(fake_env_env(fake), &budget, true, &ops, &program);
	struct reader r;
	struct err err = {0};
	int result = 0;

	FUZZ_CHECK(mux != NULL);
	keep(&program, channel_mux_open(mux, "service", &handler, &program, &err));
	reader_init(&r, data, size);
	while (r.left > 0 && result == 0) {
		size_t len = read_u8(&r);
		const uint8_t *payload;

		if (len == PART_TIME || len == PART_CLOSE) {
			fake_clock_run(clock, 10);
			use_all(&program, len == PART_CLOSE);
			continue;
		}
		len = len < r.left ? len : r.left;
		payload = read_view(&r, len);
		if (payload == NULL)
			break;
		check_same(payload, len);
		result = channel_mux_frame(mux, payload, len, &err);
		FUZZ_CHECK(channel_mux_count(mux) <= OWNED_MAX);
	}
	FUZZ_CHECK(program.read <= size);
	fake_clock_run(clock, 10);
	channel_mux_free(&mux);
	fake_clock_run(clock, 10);
	use_all(&program, true);
	fake_env_free(&fake);
	fake_clock_free(&clock);
	return 0;
}
