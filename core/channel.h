/*
 * channel.h: byte streams between two contacts, within their session.
 *
 * A channel is to a session what a TCP connection is to a network: opened by one side to a named
 * service at the other, two-way, each way ended by itself. Any number of bytes may be written; what
 * cannot be sent now is kept up to a limit, and then no more is taken. Each side says how many
 * bytes it has room for (a window of credit), so that a reader who is slow slows down the writer
 * and nobody's memory grows. Channels of a session take turns, a frame each, and only a few of
 * their frames are ever queued, so that messages and statuses do not wait behind a long copy.
 *
 * A channel lives in one session. When that ends, whatever the reason, the channel is broken;
 * nothing of it is sent again.
 *
 * channel.c is one channel, channel_mux.c all those of a session, channel_frame.c what goes over
 * the line; services.c knows what an account listens for, link.c carries the frames.
 */
#ifndef CORE_CHANNEL_H
#define CORE_CHANNEL_H

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/channel_frame.h"

/* What comes in is kept for a program that does not read up to this, in bytes: as much as a path
 * through Tor holds (a megabyte a second, half a second back and forth). */
#define CHANNEL_WINDOW ((uint32_t)512 * 1024)
/* So is what goes out and cannot go yet. */
#define CHANNEL_SEND_MAX ((size_t)256 * 1024)
/* Channels that are open between two contacts, of those that one of the sides has opened: 16 MiB of
 * windows in the worst case. */
#define CHANNELS_MAX 32
/* … and between all contacts and accounts of an engine: 192 MiB of windows and queues if all are
 * full both ways, which is more than they are meant to have together. */
#define CHANNELS_ALL_MAX 256
/* A contact may open so many at once, and then one each so many ms: as a browser does. */
#define CHANNEL_OPENS        64
#define CHANNEL_OPEN_EACH_MS ((int64_t)50)
/* How long the contact may take to accept, in ms; one whose daemon knows no channels is silent. */
#define CHANNEL_ACCEPT_MS ((int64_t)60 * 1000)

struct channel;

/* All are called from the loop, never from within a channel_* call; any of them may close the
 * channel. NULL: not interested. */
struct channel_handler {
	/* One that we have opened was accepted. */
	void (*opened)(void *arg, struct channel *channel);
	/* Something has come, or the other side's end. Once: read until there is nothing. */
	void (*readable)(void *arg, struct channel *channel);
	/* There is room again after channel_write has taken less than it was given. */
	void (*writable)(void *arg, struct channel *channel);
	/*
	 * It is over, once. why NULL: both sides have ended it, and each has read all that the
	 * other has written. Else ERR_NOT_FOUND: refused; ERR_LIMIT: too many are open there;
	 * ERR_TIMEOUT: no answer; ERR_CLOSED: the contact's program has reset it; ERR_UNAVAILABLE:
	 * the session has ended; ERR_PROTOCOL; ERR_MEMORY. The owner closes it.
	 */
	void (*closed)(void *arg, struct channel *channel, const struct err *why);
};

/* Become the owner of a channel that is being accepted. handler must outlive it. */
void channel_take(struct channel *channel, const struct channel_handler *handler, void *arg);
const char *channel_service(const struct channel *channel);

enum { CHANNEL_AGAIN = -1, CHANNEL_BROKEN = -2 };

/* The next bytes in place, as many as lie together; 0: the other side's end, and nothing will come
 * any more; CHANNEL_AGAIN: nothing has come; CHANNEL_BROKEN: nothing will. */
long channel_peek(struct channel *channel, const uint8_t **data);
/* They are dealt with: the contact may send as many more. */
void channel_skip(struct channel *channel, size_t len);
/* Both: copy up to len bytes. Results as of channel_peek. */
long channel_read(struct channel *channel, void *out, size_t len);
/* How many bytes channel_write would take; 0: none now, and writable() will be called. */
size_t channel_room(struct channel *channel);
/* Queue up to len bytes; how many were taken. CHANNEL_AGAIN: none now, writable() will be called;
 * CHANNEL_BROKEN: it is broken, or was ended by channel_end. */
long channel_write(struct channel *channel, const void *data, size_t len);
/* Nothing more will be written; what was is sent. The other way stays open. */
void channel_end(struct channel *channel);
/* As close() of a socket: what was written is sent, then the end. The contact is told with a reset
 * if something that it has sent, or sends, is not read. The channel is the caller's no more. NULL
 * is fine. */
void channel_close(struct channel **channel);
/* Reset: what is under way both ways is lost. */
void channel_abort(struct channel **channel);

#endif
