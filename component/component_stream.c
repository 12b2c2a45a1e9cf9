/*
 * component_stream.c: see component_stream.h. Not written yet: nothing connects.
 */
#include "component/component_stream.h"

#include <stddef.h>

struct component_stream *component_stream_new(struct loop *loop,
					      const struct component_stream_config *config,
					      const struct component_stream_handler *handler,
					      void *arg, struct err *err)
{
	(void)loop, (void)config, (void)handler, (void)arg;
	err_set(err, ERR_UNAVAILABLE, "component streams are not written yet");
	return NULL;
}

void component_stream_free(struct component_stream **stream)
{
	*stream = NULL;
}

void component_stream_stop(struct component_stream *stream)
{
	(void)stream;
}

bool component_stream_is_up(const struct component_stream *stream)
{
	(void)stream;
	return false;
}

int component_stream_send(struct component_stream *stream, const struct xml *stanza,
			  struct err *err)
{
	(void)stream, (void)stanza;
	return err_set(err, ERR_UNAVAILABLE, "not connected");
}

bool component_stream_room(struct component_stream *stream)
{
	(void)stream;
	return false;
}

int component_stream_barrier(struct component_stream *stream, void (*passed)(void *arg),
			     void *passed_arg, struct err *err)
{
	(void)stream, (void)passed, (void)passed_arg;
	return err_set(err, ERR_UNAVAILABLE, "not connected");
}
