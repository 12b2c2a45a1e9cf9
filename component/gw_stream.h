/*
 * gw_stream.h: the gateway (gw.h) on a stream to a Jabber server (component_stream.h), as the
 * configuration says.
 */
#ifndef COMPONENT_GW_STREAM_H
#define COMPONENT_GW_STREAM_H

#include "component/component_stream.h"
#include "component/config.h"
#include "component/gw.h"

struct gw_stream;

/* config.component_domain is set; all outlive the stream. NULL with *err. */
struct gw_stream *gw_stream_new(struct loop *loop, struct bridge *bridge, struct server *server,
				struct local_store *local, const struct config *config,
				struct err *err);
/* Say that nobody is there any more, and end the stream; that takes until gw_stream_is_ended. */
void gw_stream_stop(struct gw_stream *stream);
bool gw_stream_is_ended(const struct gw_stream *stream);
void gw_stream_free(struct gw_stream **stream);
/* For people: the component's domain and stream, and how many users there are. */
struct gw_stream_info {
	const char *domain;
	struct component_stream_info stream;
	struct gw_counts counts;
};
void gw_stream_describe(const struct gw_stream *stream, struct gw_stream_info *info);

#endif
