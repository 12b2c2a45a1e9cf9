/*
 * stream.c: the front of all kinds of streams.
 */
#include "core/base/stream_private.h"

void stream_set_handler(struct stream *stream, const struct stream_handler *handler, void *arg)
{
	stream->handler = handler;
	stream->arg = arg;
	stream->ops->handler_set(stream);
}

int stream_write(struct stream *stream, const void *data, size_t len)
{
	return len > 0 ? stream->ops->write(stream, data, len) : 0;
}

size_t stream_queued(const struct stream *stream)
{
	return stream->ops->queued(stream);
}

void stream_pause(struct stream *stream, bool pause)
{
	stream->ops->pause(stream, pause);
}

void stream_finish(struct stream *stream)
{
	stream->ops->finish(stream);
}

void stream_free(struct stream **stream)
{
	if (*stream != NULL)
		(*stream)->ops->free(*stream);
	*stream = NULL;
}
