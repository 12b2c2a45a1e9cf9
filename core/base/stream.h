/*
 * stream.h: a buffered, two-way byte stream, whatever carries it.
 *
 * The daemon's streams are sockets on the loop (stream_socket.h); tests bring streams of their
 * own (tests/scenario/fake_net.h) by filling in struct stream_ops of stream_private.h.
 */
#ifndef CORE_BASE_STREAM_H
#define CORE_BASE_STREAM_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream;

/*
 * What the owner of a stream is told. Every function may be NULL. None is called from within a
 * stream_* function, none after stream_free; any of them may free the stream.
 */
struct stream_handler {
	/* A stream that was being connected is open now. */
	void (*opened)(void *arg);
	/* len >= 1 bytes have come; they are gone after the call. */
	void (*received)(void *arg, const uint8_t *data, size_t len);
	/* All that was written has left the queue. */
	void (*drained)(void *arg);
	/* The end, exactly once: ERR_CLOSED after an orderly end of file. The owner frees the
	 * stream. */
	void (*closed)(void *arg, const struct err *why);
};

/* Give the stream a (new) owner; handler must outlive the stream. Bytes that came before wait. */
void stream_set_handler(struct stream *stream, const struct stream_handler *handler, void *arg);

/* Queue len bytes (copied). After the end of the stream they are dropped. -1: memory is short. */
int stream_write(struct stream *stream, const void *data, size_t len);
/* Bytes written and not yet taken by the kernel or by the other end. */
size_t stream_queued(const struct stream *stream);
/* Stop (true) or resume (false) reading: the back-pressure. */
void stream_pause(struct stream *stream, bool pause);
/* Send what is queued, then end the stream in order; closed() comes when that is done. */
void stream_finish(struct stream *stream);
/* Close at once, drop what is queued, and free. */
void stream_free(struct stream **stream);

#endif
