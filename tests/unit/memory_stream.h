/*
 * memory_stream.h: a stream that keeps what is written to it, and says what it is told to.
 */
#ifndef TESTS_UNIT_MEMORY_STREAM_H
#define TESTS_UNIT_MEMORY_STREAM_H

#include "core/base/buf.h"
#include "core/base/stream_private.h"

struct memory_stream {
	struct stream stream;
	struct buf out;               /* all that was written */
	size_t queued;                /* what it says is waiting */
	bool paused, finished, freed; /* what was done to it */
};

/* It is the caller's before and after; stream_free only notes that it was called. */
void memory_stream_init(struct memory_stream *memory);
void memory_stream_clear(struct memory_stream *memory);
/* Give the owner text in pieces, until it pauses, finishes or frees the stream. */
void memory_stream_receive(struct memory_stream *memory, const void *data, size_t len,
			   size_t piece);

/* Tell the owner that all was written. */
void memory_stream_drain(struct memory_stream *memory);

#endif
