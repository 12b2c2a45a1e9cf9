/*
 * stream_private.h: for those who implement a kind of stream (stream_socket.c, the fake net).
 */
#ifndef CORE_BASE_STREAM_PRIVATE_H
#define CORE_BASE_STREAM_PRIVATE_H

#include "core/base/stream.h"

#include <sys/types.h>

struct stream_ops {
	int (*write)(struct stream *stream, const void *data, size_t len);
	size_t (*queued)(const struct stream *stream);
	void (*pause)(struct stream *stream, bool pause);
	void (*finish)(struct stream *stream);
	/* A new handler is set: deliver from the loop what has come before. */
	void (*handler_set)(struct stream *stream);
	void (*free)(struct stream *stream);
	/* stream_peer_uid (stream_socket.h); NULL: it cannot be known. */
	int (*peer_uid)(struct stream *stream, uid_t *uid);
};

/* Every kind of stream begins with this. */
struct stream {
	const struct stream_ops *ops;
	const struct stream_handler *handler; /* NULL until set */
	void *arg;
};

#endif
