/*
 * channel_pump.h: a channel joined to a socket: what comes from one goes to the other, both ways.
 *
 * An end on one side becomes an end on the other (shutdown), and whoever is slow holds up the rest.
 * A channel that breaks resets the socket, if it is one that can be reset, and the other way round.
 */
#ifndef CORE_CHANNEL_PUMP_H
#define CORE_CHANNEL_PUMP_H

#include "core/base/loop.h"
#include "core/channel.h"

struct channel_pump;

/* Called from the loop. */
struct channel_pump_handler {
	/* The contact has accepted the channel. */
	void (*opened)(void *arg);
	/* It is over, as channel_handler.closed says; the owner frees the pump. */
	void (*closed)(void *arg, const struct err *why);
};

/* fd: a connected stream socket. Takes channel and fd over unless it fails: ERR_SYSTEM, ERR_MEMORY.
 */
struct channel_pump *channel_pump_new(struct loop *loop, struct channel *channel, int fd,
				      const struct channel_pump_handler *handler, void *arg,
				      struct err *err);
/* Resets what is not over. */
void channel_pump_free(struct channel_pump **pump);

#endif
