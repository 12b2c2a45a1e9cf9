/*
 * fake_stream.c: one end of a connection in memory.
 *
 * A write goes from the queue into segments that are under way to the other end, as far as its
 * window allows; each segment has a moment of arrival, in order. One timer for each end delivers
 * what is due and tells the rest (drained, closed), so that no callback comes from within a call.
 */
#include "tests/scenario/fake_net_private.h"

#include <stdlib.h>
#include <string.h>

/* Largest segment; longer writes arrive in several pieces, as they do from a socket. */
#define SEGMENT_MAX 4096

static const struct stream_ops fake_stream_ops;

/* --- under way --- */

static bool held(const struct fake_stream *to)
{
	return to->host->frozen || to->other->frozen;
}

static void wake(struct fake_stream *stream)
{
	struct fake_net *net = stream->host->net;
	const struct fake_segment *first = STAILQ_FIRST(&stream->incoming);
	bool owed = stream->drain_due || stream->told_end != stream->ended;
	if (stream->told_end || !stream->stream.handler)
		return;
	if (owed) {
		timer_set(stream->timer, 0);
	} else if (first && !held(stream) && (!stream->paused || first->end != ERR_NONE)) {
		timer_set(stream->timer, first->due - fake_clock_now(net->clock));
	}
}

static void segment_add(struct fake_stream *to, const uint8_t *data, size_t len, enum err_code end,
			int64_t delay)
{
	struct fake_net *net = to->host->net;
	struct fake_segment *segment = fake_alloc(sizeof *segment + len);
	segment->len = len;
	segment->end = end;
	if (len)
		memcpy(segment->data, data, len);
	segment->due = fake_clock_now(net->clock) + delay;
	if (segment->due < to->last_due)
		segment->due = to->last_due;
	to->last_due = segment->due;
	to->under_way += len;
	STAILQ_INSERT_TAIL(&to->incoming, segment, next);
	wake(to);
}

/* Put what fits the other end's window under way. */
static void pump(struct fake_stream *from)
{
	struct fake_stream *to = from->peer;
	struct fake_net *net = from->host->net;
	bool had = from->queue.len > 0;
	if (!to) /* to a host that is gone, and does not say so */
		buf_clear(&from->queue);
	while (to && from->queue.len && to->under_way < FAKE_WINDOW) {
		size_t len = 1 + env_random_below(net->env, SEGMENT_MAX);
		if (len > from->queue.len)
			len = from->queue.len;
		segment_add(to, from->queue.data, len, ERR_NONE, fake_latency(net));
		buf_drain(&from->queue, len);
	}
	if (had && from->queue.len == 0)
		from->drain_due = true;
	if (from->queue.len == 0 && from->finishing && !from->ended) {
		if (to)
			segment_add(to, NULL, 0, ERR_CLOSED, fake_latency(net));
		from->ended = true;
	}
	wake(from);
}

static void segment_drop(struct fake_stream *stream)
{
	struct fake_segment *segment = STAILQ_FIRST(&stream->incoming);
	STAILQ_REMOVE_HEAD(&stream->incoming, next);
	stream->under_way -= segment->len;
	free(segment);
}

static void drop_all(struct fake_stream *stream)
{
	while (!STAILQ_EMPTY(&stream->incoming))
		segment_drop(stream);
}

/* Separate the two ends; what is under way stays so. */
static void part(struct fake_stream *stream)
{
	if (stream->peer)
		stream->peer->peer = NULL;
	stream->peer = NULL;
}

/* --- telling the owner --- */

static void tell_end(struct fake_stream *stream, enum err_code code)
{
	struct err why;
	err_set(&why, code, code == ERR_CLOSED ? "closed by the other side" : "connection broken");
	stream->ended = stream->told_end = true;
	drop_all(stream);
	if (stream->conn->closed_ms < 0)
		stream->conn->closed_ms = fake_clock_now(stream->host->net->clock);
	if (stream->stream.handler && stream->stream.handler->closed)
		stream->stream.handler->closed(stream->stream.arg, &why);
}

/* Deliver the first segment, which is due. *freed tells whether the owner has freed the stream. */
static void deliver(struct fake_stream *stream, const bool *freed)
{
	struct fake_segment *segment = STAILQ_FIRST(&stream->incoming);
	const struct stream_handler *handler = stream->stream.handler;
	if (segment->end != ERR_NONE) {
		tell_end(stream, segment->end);
		return;
	}
	STAILQ_REMOVE_HEAD(&stream->incoming, next);
	stream->under_way -= segment->len;
	if (handler->received)
		handler->received(stream->stream.arg, segment->data, segment->len);
	free(segment);
	if (*freed)
		return;
	if (stream->peer)
		pump(stream->peer);
	wake(stream);
}

/* One thing at a time: any callback may free the stream. */
static void fire(void *arg)
{
	struct fake_stream *stream = arg;
	const struct stream_handler *handler = stream->stream.handler;
	const struct fake_segment *first = STAILQ_FIRST(&stream->incoming);
	if (stream->told_end || !handler)
		return;
	if (stream->drain_due) {
		stream->drain_due = false;
		wake(stream);
		if (handler->drained)
			handler->drained(stream->stream.arg);
	} else if (stream->ended) {
		tell_end(stream, ERR_CLOSED);
	} else if (first && !held(stream) && (!stream->paused || first->end != ERR_NONE)) {
		bool freed = false;
		stream->freed = &freed;
		deliver(stream, &freed);
		if (!freed)
			stream->freed = NULL;
	}
}

/* --- struct stream --- */

static void note(struct fake_stream *stream, const void *data, size_t len)
{
	struct fake_net *net = stream->host->net;
	struct fake_log *log = stream->up ? &stream->conn->up : &stream->conn->down;
	size_t room = FAKE_LOG_MAX - log->bytes.len;
	if (!net->forget)
		buf_add(&log->bytes, data, len < room ? len : room);
	log->total += len;
	log->writes++;
	if (net->seen)
		net->seen(net->seen_arg, stream->conn, stream->up, data, len);
}

static int fake_write(struct stream *base, const void *data, size_t len)
{
	struct fake_stream *stream = (struct fake_stream *)base;
	if (stream->ended || stream->finishing || len == 0)
		return 0;
	if (buf_add(&stream->queue, data, len) < 0)
		return -1;
	note(stream, data, len);
	pump(stream);
	return 0;
}

static size_t fake_queued(const struct stream *base)
{
	return ((const struct fake_stream *)base)->queue.len;
}

static void fake_pause(struct stream *base, bool pause)
{
	struct fake_stream *stream = (struct fake_stream *)base;
	stream->paused = pause;
	wake(stream);
}

static void fake_finish(struct stream *base)
{
	struct fake_stream *stream = (struct fake_stream *)base;
	if (stream->ended || stream->finishing)
		return;
	stream->finishing = true;
	pump(stream);
}

static void fake_handler_set(struct stream *base)
{
	wake((struct fake_stream *)base);
}

static void fake_free(struct stream *base)
{
	struct fake_stream *stream = (struct fake_stream *)base;
	struct fake_net *net = stream->host->net;
	if (stream->freed)
		*stream->freed = true;
	if (stream->peer && !stream->ended)
		segment_add(stream->peer, NULL, 0, ERR_CLOSED, fake_latency(net));
	part(stream);
	drop_all(stream);
	buf_free(&stream->queue);
	timer_free(&stream->timer);
	LIST_REMOVE(stream, next);
	free(stream);
}

static const struct stream_ops fake_stream_ops = {
    .write = fake_write,
    .queued = fake_queued,
    .pause = fake_pause,
    .finish = fake_finish,
    .handler_set = fake_handler_set,
    .free = fake_free,
};

/* --- for fake_net.c --- */

static struct fake_stream *end_new(struct fake_host *host, struct fake_host *other,
				   struct fake_conn *conn, bool up)
{
	struct fake_stream *stream = fake_alloc(sizeof *stream);
	stream->stream.ops = &fake_stream_ops;
	stream->host = host;
	stream->other = other;
	stream->conn = conn;
	stream->up = up;
	stream->timer = timer_new(host->net->env, fire, stream);
	buf_init(&stream->queue, SIZE_MAX / 2);
	STAILQ_INIT(&stream->incoming);
	LIST_INSERT_HEAD(&host->streams, stream, next);
	return stream;
}

static struct fake_conn *conn_new(struct fake_host *dialler, struct fake_host *listener)
{
	struct fake_net *net = dialler->net;
	if (net->conn_count == net->conn_size) {
		net->conn_size = net->conn_size ? 2 * net->conn_size : 64;
		net->conns = realloc(net->conns, net->conn_size * sizeof *net->conns);
		if (!net->conns)
			abort();
	}
	struct fake_conn *conn = fake_alloc(sizeof *conn);
	conn->dialler = dialler->name;
	conn->listener = listener->name;
	conn->opened_ms = fake_clock_now(net->clock);
	conn->closed_ms = -1;
	buf_init(&conn->up.bytes, FAKE_LOG_MAX);
	buf_init(&conn->down.bytes, FAKE_LOG_MAX);
	net->conns[net->conn_count++] = conn;
	return conn;
}

void fake_stream_pair(struct fake_host *dialler, struct fake_host *listener,
		      struct fake_stream *ends[2])
{
	struct fake_conn *conn = conn_new(dialler, listener);
	ends[0] = end_new(dialler, listener, conn, true);
	ends[1] = end_new(listener, dialler, conn, false);
	ends[0]->peer = ends[1];
	ends[1]->peer = ends[0];
}

void fake_stream_kill(struct fake_stream *stream, int64_t closed_ms)
{
	struct fake_net *net = stream->host->net;
	struct fake_stream *peer = stream->peer;
	stream->ended = stream->told_end = true;
	timer_stop(stream->timer);
	drop_all(stream);
	part(stream);
	if (!peer)
		return;
	if (env_random_below(net->env, 2))
		drop_all(peer);
	if (closed_ms >= 0 && !peer->ended)
		segment_add(peer, NULL, 0, ERR_CLOSED, closed_ms);
}

void fake_stream_cut(struct fake_stream *stream)
{
	drop_all(stream);
	if (stream->peer)
		drop_all(stream->peer);
	part(stream);
}

void fake_stream_break(struct fake_stream *stream)
{
	struct fake_stream *ends[2] = {stream, stream->peer};
	part(stream);
	for (unsigned i = 0; i < 2; i++) {
		if (ends[i] && !ends[i]->ended) {
			drop_all(ends[i]);
			ends[i]->last_due = 0;
			segment_add(ends[i], NULL, 0, ERR_UNAVAILABLE, 0);
		}
	}
}

void fake_stream_thaw(struct fake_stream *stream)
{
	wake(stream);
}
