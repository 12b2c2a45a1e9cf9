/*
 * link_channels.h: the channels of a link (channel_mux.h), made when the first one is opened.
 */
#ifndef CORE_LINK_CHANNELS_H
#define CORE_LINK_CHANNELS_H

#include "core/channel.h"

struct contact;
struct link_channels;
struct session;

/* Of the contact's present link, in this session; all of them outlive it. NULL: memory is short. */
struct link_channels *link_channels_new(struct contact *contact, struct session *session);
/* All of them break. */
void link_channels_free(struct link_channels **channels);
/* A CHANNEL frame has come. -1: the session must end. */
int link_channels_frame(struct link_channels *channels, const uint8_t *data, size_t len,
			struct err *err);
/* Send what waits, as long as less than limit bytes are queued in the session. */
void link_channels_pump(struct link_channels *channels, size_t limit);
/* As contact_connect. */
struct channel *link_channels_open(struct link_channels *channels, const char *service,
				   const struct channel_handler *handler, void *arg,
				   struct err *err);

#endif
