/*
 * channel.c: one channel. See channel.h, and channel_mux.h for all those of a session.
 *
 *     OPENING --ACCEPT--> OPEN --both ends sent and read--> OVER
 *     OFFERED --taken---> OPEN
 *     any --RESET, or the session ends--> OVER
 *
 * Its owner is told from a timer, one piece of news each time, so that it may close the channel in
 * any of them.
 */
#include "core/channel_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Credit is given back when so much was read: a few frames for each window. */
#define CREDIT_EACH (CHANNEL_WINDOW / 4)

/* --- telling --- */

static void offer(struct channel *channel)
{
	struct channel_mux *mux = channel->mux;
	bool taken;

	channel->deciding = true;
	taken = mux->ops->accept(mux->arg, channel);
	channel->deciding = false;
	channel->owned = taken;
	if (channel->mux == NULL) {
		/* The session has ended meanwhile. */
		if (taken)
			channel_tell(channel, NEWS_CLOSED);
		else
			channel_free(&channel);
		return;
	}
	if (!taken) {
		channel_reset(channel, CHANNEL_REFUSED, ERR_NOT_FOUND, "refused");
		return;
	}
	channel->state = CHANNEL_STATE_OPEN;
	channel->window = CHANNEL_WINDOW;
	channel_mux_send(mux, &(struct channel_frame){.op = CHANNEL_ACCEPT,
						      .id = channel->id,
						      .count = CHANNEL_WINDOW});
	channel_mux_soon(mux);
}

static void tell_one(struct channel *channel, unsigned news)
{
	const struct channel_handler *handler = channel->handler;

	if (news == NEWS_OFFERED)
		offer(channel);
	else if (news == NEWS_OPENED && handler->opened != NULL)
		handler->opened(channel->arg, channel);
	else if (news == NEWS_READABLE && handler->readable != NULL)
		handler->readable(channel->arg, channel);
	else if (news == NEWS_WRITABLE && handler->writable != NULL)
		handler->writable(channel->arg, channel);
	else if (news == NEWS_CLOSED && handler->closed != NULL)
		handler->closed(channel->arg, channel,
				channel->why.code != ERR_NONE ? &channel->why : NULL);
}

static void tell(void *arg)
{
	struct channel *channel = arg;
	unsigned news = channel->news & (~channel->news + 1);

	channel->news &= ~news;
	if (channel->news != 0)
		timer_set(channel->tell, 0);
	/* Only now: it may be freed in there. */
	tell_one(channel, news);
}

void channel_tell(struct channel *channel, unsigned news)
{
	channel->news |= news;
	timer_set(channel->tell, 0);
}

/* --- life --- */

static void not_accepted(void *arg)
{
	channel_reset(arg, CHANNEL_ABORTED, ERR_TIMEOUT, "the contact does not answer");
}

struct channel *channel_new(struct channel_mux *mux, uint32_t id, const void *service, size_t len)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return NULL;
	channel->tell = timer_new(mux->env, tell, channel);
	channel->limit = timer_new(mux->env, not_accepted, channel);
	if (channel->tell == NULL || channel->limit == NULL) {
		channel_free(&channel);
		return NULL;
	}
	channel->mux = mux;
	channel->id = id;
	memcpy(channel->service, service, len);
	ring_init(&channel->in, CHANNEL_WINDOW);
	ring_init(&channel->out, CHANNEL_SEND_MAX);
	return channel;
}

void channel_free(struct channel **channel)
{
	struct channel *c = *channel;

	if (c == NULL)
		return;
	*channel = NULL;
	timer_free(&c->tell);
	timer_free(&c->limit);
	ring_free(&c->in);
	ring_free(&c->out);
	free(c);
}

void channel_over(struct channel *channel, enum err_code code, const char *why)
{
	channel_mux_drop(channel->mux, channel);
	channel->mux = NULL;
	channel->state = CHANNEL_STATE_OVER;
	timer_stop(channel->limit);
	ring_free(&channel->out);
	if (why != NULL)
		err_set(&channel->why, code, "%s", why);
	if (channel->owned)
		channel_tell(channel, NEWS_CLOSED);
	else if (!channel->deciding)
		channel_free(&channel);
}

void channel_reset(struct channel *channel, enum channel_reason reason, enum err_code code,
		   const char *why)
{
	channel_mux_send(
	    channel->mux,
	    &(struct channel_frame){.op = CHANNEL_RESET, .id = channel->id, .count = reason});
	channel_over(channel, code, why);
}

/* Both ways have ended, and both programs know. */
static bool is_done(const struct channel *channel)
{
	return channel->end_read && channel->end_taken;
}

/* Our program has read the contact's end, or has left having read all that there was. */
static void take_end(struct channel *channel)
{
	if (channel->end_taken || channel->mux == NULL)
		return;
	channel->end_taken = true;
	channel_mux_send(channel->mux,
			 &(struct channel_frame){.op = CHANNEL_ENDED, .id = channel->id});
}

/* --- what comes --- */

static bool on_accept(struct channel *channel, const struct channel_frame *frame)
{
	if (channel->state != CHANNEL_STATE_OPENING || frame->count > CHANNEL_CREDIT_MAX)
		return false;
	channel->state = CHANNEL_STATE_OPEN;
	channel->credit = frame->count;
	timer_stop(channel->limit);
	channel_tell(channel, NEWS_OPENED);
	channel_mux_soon(channel->mux);
	return true;
}

static bool on_data(struct channel *channel, const struct channel_frame *frame)
{
	if (channel->state != CHANNEL_STATE_OPEN || channel->end_came ||
	    frame->len > channel->window)
		return false;
	channel->window -= (uint32_t)frame->len;
	if (!channel->owned)
		channel_reset(channel, CHANNEL_ABORTED, ERR_CLOSED, "nobody reads");
	else if (ring_add(&channel->in, frame->data, frame->len) < 0)
		channel_reset(channel, CHANNEL_ABORTED, ERR_MEMORY, "out of memory");
	else
		channel_tell(channel, NEWS_READABLE);
	return true;
}

static bool on_credit(struct channel *channel, const struct channel_frame *frame)
{
	if (channel->state != CHANNEL_STATE_OPEN ||
	    frame->count > CHANNEL_CREDIT_MAX - channel->credit)
		return false;
	channel->credit += frame->count;
	channel_mux_soon(channel->mux);
	return true;
}

static bool on_end(struct channel *channel, const struct channel_frame *frame)
{
	(void)frame;
	if (channel->state != CHANNEL_STATE_OPEN || channel->end_came)
		return false;
	channel->end_came = true;
	if (channel->owned) {
		channel_tell(channel, NEWS_READABLE);
		return true;
	}
	take_end(channel);
	if (is_done(channel))
		channel_over(channel, ERR_NONE, NULL);
	return true;
}

static bool on_ended(struct channel *channel, const struct channel_frame *frame)
{
	(void)frame;
	if (!channel->end_sent || channel->end_read)
		return false;
	channel->end_read = true;
	if (is_done(channel))
		channel_over(channel, ERR_NONE, NULL);
	return true;
}

static bool on_reset(struct channel *channel, const struct channel_frame *frame)
{
	if (frame->count == CHANNEL_REFUSED)
		channel_over(channel, ERR_NOT_FOUND, "the contact does not offer this to us now");
	else if (frame->count == CHANNEL_BUSY)
		channel_over(channel, ERR_LIMIT, "too many streams are open at the contact's");
	else if (frame->count == CHANNEL_VIOLATED)
		channel_over(channel, ERR_PROTOCOL, "the contact's daemon does not understand us");
	else
		channel_over(channel, ERR_CLOSED, "reset by the contact");
	return true;
}

static bool (*const handlers[])(struct channel *channel, const struct channel_frame *frame) = {
    [CHANNEL_ACCEPT] = on_accept, [CHANNEL_DATA] = on_data,   [CHANNEL_CREDIT] = on_credit,
    [CHANNEL_END] = on_end,       [CHANNEL_ENDED] = on_ended, [CHANNEL_RESET] = on_reset,
};

bool channel_frame(struct channel *channel, const struct channel_frame *frame)
{
	if (frame->op >= sizeof(handlers) / sizeof(handlers[0]) || handlers[frame->op] == NULL)
		return true;
	return handlers[frame->op](channel, frame);
}

/* --- what goes --- */

static void send_data(struct channel *channel)
{
	uint8_t data[CHANNEL_DATA_MAX];
	size_t len = channel->credit < sizeof(data) ? channel->credit : sizeof(data);

	len = ring_take(&channel->out, data, len);
	channel->credit -= (uint32_t)len;
	channel_mux_send(channel->mux,
			 &(struct channel_frame){
			     .op = CHANNEL_DATA, .id = channel->id, .data = data, .len = len});
	if (channel->blocked && channel->owned && channel->out.len <= CHANNEL_SEND_MAX / 2) {
		channel->blocked = false;
		channel_tell(channel, NEWS_WRITABLE);
	}
}

bool channel_send_one(struct channel *channel)
{
	if (channel->state != CHANNEL_STATE_OPEN || channel->end_sent)
		return false;
	if (channel->out.len > 0) {
		if (channel->credit == 0)
			return false;
		send_data(channel);
		return true;
	}
	if (!channel->end_wanted)
		return false;
	channel->end_sent = true;
	channel_mux_send(channel->mux,
			 &(struct channel_frame){.op = CHANNEL_END, .id = channel->id});
	return true;
}

/* --- what the owner does --- */

void channel_take(struct channel *channel, const struct channel_handler *handler, void *arg)
{
	channel->handler = handler;
	channel->arg = arg;
}

const char *channel_service(const struct channel *channel)
{
	return channel->service;
}

long channel_peek(struct channel *channel, const uint8_t **data)
{
	size_t len = ring_peek(&channel->in, data);

	if (len > 0)
		return (long)len;
	if (channel->end_came) {
		take_end(channel);
		if (channel->mux != NULL && is_done(channel))
			channel_over(channel, ERR_NONE, NULL);
		return 0;
	}
	return channel->state == CHANNEL_STATE_OVER ? CHANNEL_BROKEN : CHANNEL_AGAIN;
}

void channel_skip(struct channel *channel, size_t len)
{
	ring_drop(&channel->in, len);
	channel->taken += (uint32_t)len;
	if (channel->mux == NULL || channel->end_came || channel->taken < CREDIT_EACH)
		return;
	channel_mux_send(channel->mux, &(struct channel_frame){.op = CHANNEL_CREDIT,
							       .id = channel->id,
							       .count = channel->taken});
	channel->window += channel->taken;
	channel->taken = 0;
}

long channel_read(struct channel *channel, void *out, size_t len)
{
	const uint8_t *data = NULL;
	long there = channel_peek(channel, &data);

	if (there <= 0)
		return there;
	if ((size_t)there < len)
		len = (size_t)there;
	memcpy(out, data, len);
	channel_skip(channel, len);
	return (long)len;
}

size_t channel_room(struct channel *channel)
{
	size_t room = CHANNEL_SEND_MAX - channel->out.len;

	channel->blocked |= room == 0;
	return room;
}

long channel_write(struct channel *channel, const void *data, size_t len)
{
	size_t room = CHANNEL_SEND_MAX - channel->out.len;

	if (channel->state == CHANNEL_STATE_OVER || channel->end_wanted)
		return CHANNEL_BROKEN;
	if (room < len) {
		channel->blocked = true;
		len = room;
		if (len == 0)
			return CHANNEL_AGAIN;
	}
	if (ring_add(&channel->out, data, len) < 0) {
		channel_reset(channel, CHANNEL_ABORTED, ERR_MEMORY, "out of memory");
		return CHANNEL_BROKEN;
	}
	channel_mux_soon(channel->mux);
	return (long)len;
}

void channel_end(struct channel *channel)
{
	if (channel->mux == NULL || channel->end_wanted)
		return;
	channel->end_wanted = true;
	channel_mux_soon(channel->mux);
}

void channel_close(struct channel **channel)
{
	struct channel *c = *channel;

	if (c == NULL)
		return;
	if (c->mux == NULL || c->state != CHANNEL_STATE_OPEN || c->in.len > 0) {
		channel_abort(channel);
		return;
	}
	*channel = NULL;
	assert(!c->deciding);
	c->owned = false;
	c->news = 0;
	timer_stop(c->tell);
	channel_end(c);
	if (c->end_came)
		take_end(c);
	if (is_done(c))
		channel_over(c, ERR_NONE, NULL);
}

void channel_abort(struct channel **channel)
{
	struct channel *c = *channel;

	if (c == NULL)
		return;
	*channel = NULL;
	c->owned = false;
	if (c->mux == NULL)
		channel_free(&c);
	else
		channel_reset(c, CHANNEL_ABORTED, ERR_CLOSED, "aborted");
}
