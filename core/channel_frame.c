/*
 * channel_frame.c: see channel_frame.h.
 */
#include "core/channel_frame.h"

#include "core/base/cursor.h"

#include <assert.h>

/* What follows op and id. */
struct layout {
	unsigned count_len;
	bool data;
};

static const struct layout layouts[] = {
    [CHANNEL_OPEN] = {4, true},    [CHANNEL_ACCEPT] = {4, false}, [CHANNEL_DATA] = {0, true},
    [CHANNEL_CREDIT] = {4, false}, [CHANNEL_END] = {0, false},    [CHANNEL_ENDED] = {0, false},
    [CHANNEL_RESET] = {1, false},
};

bool channel_service_valid(const void *name, size_t len)
{
	const uint8_t *c = name;

	for (size_t i = 0; i < len; i++)
		if (c[i] <= ' ' || c[i] > '~')
			return false;
	return len > 0 && len <= CHANNEL_SERVICE_MAX;
}

static bool known(uint8_t op)
{
	return op != 0 && op < sizeof(layouts) / sizeof(layouts[0]);
}

int channel_frame_parse(const uint8_t *payload, size_t len, struct channel_frame *frame,
			struct err *err)
{
	struct reader r;

	*frame = (struct channel_frame){0};
	reader_init(&r, payload, len);
	frame->op = read_u8(&r);
	frame->id = read_u32(&r);
	if (r.bad || frame->id == 0)
		return err_set(err, ERR_PROTOCOL, "a channel frame without a channel");
	if (!known(frame->op))
		return 0;
	if (layouts[frame->op].count_len == 4)
		frame->count = read_u32(&r);
	else if (layouts[frame->op].count_len == 1)
		frame->count = read_u8(&r);
	frame->len = r.left;
	frame->data = read_view(&r, r.left);
	if (r.bad || (frame->len > 0) != layouts[frame->op].data || frame->len > CHANNEL_DATA_MAX)
		return err_set(err, ERR_PROTOCOL, "a channel frame of a wrong length");
	if (frame->op == CHANNEL_OPEN && !channel_service_valid(frame->data, frame->len))
		return err_set(err, ERR_PROTOCOL, "a channel to something without a proper name");
	return 0;
}

size_t channel_frame_write(const struct channel_frame *frame, uint8_t payload[FRAME_PAYLOAD_MAX])
{
	struct writer w;

	writer_init(&w, payload, FRAME_PAYLOAD_MAX);
	write_u8(&w, frame->op);
	write_u32(&w, frame->id);
	if (layouts[frame->op].count_len == 4)
		write_u32(&w, frame->count);
	else if (layouts[frame->op].count_len == 1)
		write_u8(&w, (uint8_t)frame->count);
	if (layouts[frame->op].data)
		write_bytes(&w, frame->data, frame->len);
	assert(!w.bad);
	return w.len;
}
