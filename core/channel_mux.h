/*
 * channel_mux.h: the channels of one session.
 *
 * It knows no session: what it belongs to gives it a way to send and says when there is room.
 */
#ifndef CORE_CHANNEL_MUX_H
#define CORE_CHANNEL_MUX_H

#include "core/channel.h"

struct channel_mux;

struct channel_mux_ops {
	/* Queue a CHANNEL frame. -1: the session must end. Calls nothing back. */
	int (*send)(void *arg, const uint8_t *payload, size_t len);
	/* May one more frame of data be queued now? */
	bool (*room)(void *arg);
	/* The contact wants to open this one, whose service says what for: true when somebody has
	 * taken it (channel_take). Called from the loop; may end the session. */
	bool (*accept)(void *arg, struct channel *channel);
	/* A frame could not be queued: end the session. Called from the loop; frees the mux. */
	void (*broken)(void *arg);
};

/* How many channels there are in all sessions of an engine. All zero but max at first. */
struct channel_budget {
	unsigned max, used;
	bool told; /* that there are too many */
};

/* dialled: did we dial the session? budget outlives the mux. NULL: memory is short. */
struct channel_mux *channel_mux_new(const struct env *env, struct channel_budget *budget,
				    bool dialled, const struct channel_mux_ops *ops, void *arg);
/* The session is over: every channel that has an owner is broken, the others are freed. */
void channel_mux_free(struct channel_mux **mux);

/* A CHANNEL frame has come. -1: the session must end (ERR_PROTOCOL). */
int channel_mux_frame(struct channel_mux *mux, const uint8_t *payload, size_t len, struct err *err);
/* There is room: send what waits, the channels in turn. */
void channel_mux_pump(struct channel_mux *mux);

/* Open a channel to a service of the contact's. ERR_INPUT: no proper name; ERR_LIMIT: CHANNELS_MAX
 * are open, or as many in all as the budget has; ERR_MEMORY. */
struct channel *channel_mux_open(struct channel_mux *mux, const char *service,
				 const struct channel_handler *handler, void *arg, struct err *err);
/* Channels that are there, with those that nobody owns any more. */
unsigned channel_mux_count(const struct channel_mux *mux);

#endif
