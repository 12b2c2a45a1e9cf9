/*
 * tacet_stream.c: streams: channels (channel.h) as programs see them. Contracts are in tacet.h.
 *
 * A stream is read and written by the program itself, or handed to a pump that joins it to a
 * socket.
 */
#include "core/channel_pump.h"
#include "core/tacet_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tacet_stream {
	struct tacet *tacet;
	struct tacet_stream *next;
	struct tacet_contact *contact;
	char service[TACET_SERVICE_MAX + 1];
	struct channel *channel;   /* NULL: it is the pump's */
	struct channel_pump *pump; /* NULL: the program reads and writes by itself */
	struct tacet_stream_handlers handlers;
	void *arg;
};

/* What an account listens for. */
struct listening {
	struct tacet *tacet;
	bool (*accept)(void *arg, struct tacet_stream *stream);
	void *arg;
	char service[];
};

/* --- what the engine tells --- */

static int stream_err(struct tacet_err *out, const struct err *why)
{
	facade_err(out, why);
	if (out != NULL && why->code == ERR_CLOSED)
		out->code = TACET_RESET;
	return -1;
}

static void on_opened(void *arg, struct channel *channel)
{
	struct tacet_stream *stream = arg;

	(void)channel;
	if (stream->handlers.opened != NULL)
		stream->handlers.opened(stream->arg, stream);
}

static void on_readable(void *arg, struct channel *channel)
{
	struct tacet_stream *stream = arg;

	(void)channel;
	if (stream->handlers.readable != NULL)
		stream->handlers.readable(stream->arg, stream);
}

static void on_writable(void *arg, struct channel *channel)
{
	struct tacet_stream *stream = arg;

	(void)channel;
	if (stream->handlers.writable != NULL)
		stream->handlers.writable(stream->arg, stream);
}

static void say_closed(struct tacet_stream *stream, const struct err *why)
{
	struct tacet_err out;

	if (why != NULL)
		stream_err(&out, why);
	if (stream->handlers.closed != NULL)
		stream->handlers.closed(stream->arg, stream, why != NULL ? &out : NULL);
}

static void on_closed(void *arg, struct channel *channel, const struct err *why)
{
	(void)channel;
	say_closed(arg, why);
}

static const struct channel_handler channel_handler = {
    .opened = on_opened, .readable = on_readable, .writable = on_writable, .closed = on_closed};

static void on_pump_opened(void *arg)
{
	on_opened(arg, NULL);
}

/* The program may close it there, or let it go by itself. */
static void on_pump_closed(void *arg, const struct err *why)
{
	struct tacet_stream *stream = arg;
	struct tacet *tacet = stream->tacet;
	struct tacet_stream *left;
	/* The pump's, and gone with it. */
	const struct err copy = why != NULL ? *why : (struct err){0};

	channel_pump_free(&stream->pump);
	say_closed(stream, why != NULL ? &copy : NULL);
	for (left = tacet->streams; left != NULL && left != stream; left = left->next)
		;
	if (left != NULL)
		tacet_stream_reset(&left);
}

static const struct channel_pump_handler pump_handler = {.opened = on_pump_opened,
							 .closed = on_pump_closed};

/* --- life --- */

static struct tacet_stream *stream_new(struct tacet *tacet, struct tacet_contact *contact,
				       const char *service)
{
	struct tacet_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->tacet = tacet;
	stream->contact = contact;
	strncpy(stream->service, service, TACET_SERVICE_MAX);
	stream->next = tacet->streams;
	tacet->streams = stream;
	return stream;
}

static void drop(struct tacet_stream *stream)
{
	struct tacet_stream **at = &stream->tacet->streams;

	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	loop_touch(stream->tacet->loop);
	free(stream);
}

void tacet_stream_close(struct tacet_stream **stream)
{
	struct tacet_stream *old = *stream;

	if (old == NULL)
		return;
	*stream = NULL;
	channel_pump_free(&old->pump);
	channel_close(&old->channel);
	drop(old);
}

void tacet_stream_reset(struct tacet_stream **stream)
{
	struct tacet_stream *old = *stream;

	if (old == NULL)
		return;
	*stream = NULL;
	channel_pump_free(&old->pump);
	channel_abort(&old->channel);
	drop(old);
}

void facade_end_streams(struct tacet *tacet)
{
	while (tacet->streams != NULL) {
		struct tacet_stream *stream = tacet->streams;

		tacet_stream_reset(&stream);
	}
}

struct tacet_stream *tacet_connect(struct tacet_contact *contact, const char *service,
				   const struct tacet_stream_handlers *handlers, void *arg,
				   struct tacet_err *err)
{
	struct tacet *tacet = facade_of(contact_account(contact_in(contact)));
	struct tacet_stream *stream = stream_new(tacet, contact, service);
	struct err why;

	if (stream == NULL) {
		facade_fail(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	if (tacet_stream_handle(stream, handlers, arg, err) < 0) {
		drop(stream);
		return NULL;
	}
	stream->channel =
	    contact_connect(contact_in(contact), service, &channel_handler, stream, &why);
	if (stream->channel == NULL) {
		facade_err(err, &why);
		drop(stream);
		return NULL;
	}
	loop_touch(tacet->loop);
	return stream;
}

/* --- listening --- */

static bool accept_channel(void *arg, struct contact *contact, struct channel *channel)
{
	struct listening *listening = arg;
	struct tacet_stream *stream =
	    stream_new(listening->tacet, contact_out(contact), channel_service(channel));

	if (stream == NULL)
		return false;
	stream->channel = channel;
	channel_take(channel, &channel_handler, stream);
	if (listening->accept(listening->arg, stream))
		return true;
	/* The channel is refused, not ours to close. */
	stream->channel = NULL;
	drop(stream);
	return false;
}

int tacet_listen(struct tacet_account *account, const char *service,
		 bool (*accept)(void *arg, struct tacet_stream *stream), void *arg,
		 struct tacet_err *err)
{
	struct listening *listening = calloc(1, sizeof(*listening));
	struct err why;

	if (listening == NULL)
		return facade_fail(err, ERR_MEMORY, "out of memory");
	*listening = (struct listening){facade_of(account_in(account)), accept, arg};
	if (account_listen(account_in(account), service, accept_channel, listening, free, &why) ==
	    0)
		return 0;
	free(listening);
	return facade_err(err, &why);
}

int tacet_unlisten(struct tacet_account *account, const char *service, struct tacet_err *err)
{
	struct err why;

	return account_unlisten(account_in(account), service, &why) == 0 ? 0
									 : facade_err(err, &why);
}

/* --- using one --- */

int tacet_stream_handle(struct tacet_stream *stream, const struct tacet_stream_handlers *handlers,
			void *arg, struct tacet_err *err)
{
	stream->arg = arg;
	memset(&stream->handlers, 0, sizeof(stream->handlers));
	if (handlers == NULL)
		return 0;
	return facade_take(&stream->handlers, sizeof(stream->handlers), handlers, err);
}

struct tacet_contact *tacet_stream_contact(const struct tacet_stream *stream)
{
	return stream->contact;
}

const char *tacet_stream_service(const struct tacet_stream *stream)
{
	return stream->service;
}

/* What channel_read and channel_write have returned. */
static ssize_t transferred(struct tacet_stream *stream, long result, struct tacet_err *err)
{
	if (result >= 0) {
		loop_touch(stream->tacet->loop);
		return result;
	}
	facade_fail(err, ERR_UNAVAILABLE,
		    result == CHANNEL_AGAIN ? "not now" : "the stream is over");
	if (err != NULL)
		err->code = result == CHANNEL_AGAIN ? TACET_AGAIN : TACET_RESET;
	return -1;
}

ssize_t tacet_stream_read(struct tacet_stream *stream, void *data, size_t len,
			  struct tacet_err *err)
{
	if (stream->channel == NULL)
		return facade_fail(err, ERR_WRONG_STATE, "the stream is read by its descriptor");
	return transferred(stream, channel_read(stream->channel, data, len), err);
}

ssize_t tacet_stream_write(struct tacet_stream *stream, const void *data, size_t len,
			   struct tacet_err *err)
{
	if (stream->channel == NULL)
		return facade_fail(err, ERR_WRONG_STATE, "the stream is written by its descriptor");
	return transferred(stream, channel_write(stream->channel, data, len), err);
}

void tacet_stream_shutdown(struct tacet_stream *stream)
{
	if (stream->channel != NULL)
		channel_end(stream->channel);
	loop_touch(stream->tacet->loop);
}

int tacet_stream_attach(struct tacet_stream *stream, int fd, struct tacet_err *err)
{
	struct err why;

	if (stream->channel == NULL)
		return facade_fail(err, ERR_WRONG_STATE, "the stream has a descriptor already");
	stream->pump =
	    channel_pump_new(stream->tacet->loop, stream->channel, fd, &pump_handler, stream, &why);
	if (stream->pump == NULL)
		return facade_err(err, &why);
	stream->channel = NULL;
	loop_touch(stream->tacet->loop);
	return 0;
}

int tacet_stream_fd(struct tacet_stream *stream, struct tacet_err *err)
{
	struct err why;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		err_system(&why, "socketpair");
		return facade_err(err, &why);
	}
	if (tacet_stream_attach(stream, pair[0], err) == 0)
		return pair[1];
	close(pair[0]);
	close(pair[1]);
	return -1;
}
