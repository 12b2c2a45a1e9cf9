/* memory_stream.c: see memory_stream.h. */
#include "tests/unit/memory_stream.h"

#include <string.h>

#define OUT_MAX (16 << 20)

static struct memory_stream *memory_of(struct stream *stream)
{
	return (struct memory_stream *)stream;
}

static int memory_write(struct stream *stream, const void *data, size_t len)
{
	return buf_add(&memory_of(stream)->out, data, len);
}

static size_t memory_queued(const struct stream *stream)
{
	return ((const struct memory_stream *)stream)->queued;
}

static void memory_pause(struct stream *stream, bool pause)
{
	memory_of(stream)->paused = pause;
}

static void memory_finish(struct stream *stream)
{
	memory_of(stream)->finished = true;
}

static void memory_handler_set(struct stream *stream)
{
	(void)stream;
}

static void memory_free(struct stream *stream)
{
	memory_of(stream)->freed = true;
}

static const struct stream_ops memory_ops = {
    .write = memory_write,
    .queued = memory_queued,
    .pause = memory_pause,
    .finish = memory_finish,
    .handler_set = memory_handler_set,
    .free = memory_free,
};

void memory_stream_init(struct memory_stream *memory)
{
	memset(memory, 0, sizeof(*memory));
	memory->stream.ops = &memory_ops;
	buf_init(&memory->out, OUT_MAX);
}

void memory_stream_clear(struct memory_stream *memory)
{
	buf_free(&memory->out);
}

void memory_stream_receive(struct memory_stream *memory, const void *data, size_t len, size_t piece)
{
	const uint8_t *at = data;

	while (len && !memory->paused && !memory->finished && !memory->freed) {
		size_t n = piece < len ? piece : len;

		memory->stream.handler->received(memory->stream.arg, at, n);
		at += n;
		len -= n;
	}
}

void memory_stream_drain(struct memory_stream *memory)
{
	memory->stream.handler->drained(memory->stream.arg);
}
