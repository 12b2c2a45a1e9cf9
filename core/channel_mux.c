/*
 * channel_mux.c: see channel_mux.h.
 */
#include "core/channel_private.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

/* --- life --- */

static void soon(void *arg)
{
	struct channel_mux *mux = arg;

	if (mux->failed)
		mux->ops->broken(mux->arg);
	else
		channel_mux_pump(mux);
}

struct channel_mux *channel_mux_new(const struct env *env, struct channel_budget *budget,
				    bool dialled, const struct channel_mux_ops *ops, void *arg)
{
	struct channel_mux *mux = calloc(1, sizeof(*mux));

	if (mux != NULL)
		mux->soon = timer_new(env, soon, mux);
	if (mux == NULL || mux->soon == NULL) {
		free(mux);
		return NULL;
	}
	mux->env = env;
	mux->budget = budget;
	mux->ops = ops;
	mux->arg = arg;
	mux->out_id = dialled ? 1 : 2;
	mux->in_parity = dialled ? 0 : 1;
	return mux;
}

void channel_mux_free(struct channel_mux **mux)
{
	struct channel_mux *m = *mux;

	if (m == NULL)
		return;
	*mux = NULL;
	while (m->channels != NULL)
		channel_over(m->channels, ERR_UNAVAILABLE,
			     "the session with the contact has ended");
	timer_free(&m->soon);
	free(m);
}

static void add(struct channel_mux *mux, struct channel *channel)
{
	channel->next = mux->channels;
	mux->channels = channel;
	mux->budget->used++;
}

void channel_mux_drop(struct channel_mux *mux, struct channel *channel)
{
	struct channel **at = &mux->channels;

	while (*at != channel)
		at = &(*at)->next;
	*at = channel->next;
	mux->budget->used--;
	if (mux->turn == channel)
		mux->turn = channel->next;
}

static struct channel *find(const struct channel_mux *mux, uint32_t id)
{
	struct channel *channel = mux->channels;

	while (channel != NULL && channel->id != id)
		channel = channel->next;
	return channel;
}

static unsigned count(const struct channel_mux *mux, bool ours)
{
	unsigned n = 0;

	for (const struct channel *c = mux->channels; c != NULL; c = c->next)
		n += c->ours == ours;
	return n;
}

unsigned channel_mux_count(const struct channel_mux *mux)
{
	return count(mux, true) + count(mux, false);
}

/* --- sending --- */

void channel_mux_soon(struct channel_mux *mux)
{
	timer_set(mux->soon, 0);
}

void channel_mux_send(struct channel_mux *mux, const struct channel_frame *frame)
{
	uint8_t payload[FRAME_PAYLOAD_MAX];

	if (mux->failed)
		return;
	mux->failed = mux->ops->send(mux->arg, payload, channel_frame_write(frame, payload)) < 0;
	if (mux->failed)
		channel_mux_soon(mux);
}

void channel_mux_pump(struct channel_mux *mux)
{
	struct channel *last = NULL; /* since whom nobody had anything */

	while (mux->channels != NULL && !mux->failed && mux->ops->room(mux->arg)) {
		struct channel *channel = mux->turn != NULL ? mux->turn : mux->channels;

		if (channel == last)
			return;
		mux->turn = channel->next;
		if (channel_send_one(channel))
			last = NULL;
		else if (last == NULL)
			last = channel;
	}
}

/* --- opening --- */

/* Is there room for one more in all? That there is not is told once, until half are gone. */
static bool is_free(struct channel_budget *budget)
{
	bool free = budget->used < budget->max;

	if (!free && !budget->told)
		log_warn("channel: %u are open in all: no more are taken", budget->used);
	budget->told = budget->used > budget->max / 2 && (budget->told || !free);
	return free;
}

struct channel *channel_mux_open(struct channel_mux *mux, const char *service,
				 const struct channel_handler *handler, void *arg, struct err *err)
{
	struct channel *channel;
	size_t len = strlen(service);

	if (!channel_service_valid(service, len)) {
		err_set(err, ERR_INPUT, "a service has a name of 1 to %d visible characters",
			CHANNEL_SERVICE_MAX);
		return NULL;
	}
	if (count(mux, true) >= CHANNELS_MAX || mux->out_id > UINT32_MAX - 2) {
		err_set(err, ERR_LIMIT, "too many streams to this contact");
		return NULL;
	}
	if (!is_free(mux->budget)) {
		err_set(err, ERR_LIMIT, "too many streams in all: %u are open", mux->budget->used);
		return NULL;
	}
	channel = channel_new(mux, mux->out_id, service, len);
	if (channel == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	mux->out_id += 2;
	channel->ours = true;
	channel->owned = true;
	channel->state = CHANNEL_STATE_OPENING;
	channel->window = CHANNEL_WINDOW;
	channel_take(channel, handler, arg);
	add(mux, channel);
	timer_set(channel->limit, CHANNEL_ACCEPT_MS);
	channel_mux_send(mux, &(struct channel_frame){.op = CHANNEL_OPEN,
						      .id = channel->id,
						      .count = CHANNEL_WINDOW,
						      .data = (const uint8_t *)service,
						      .len = len});
	return channel;
}

static void refuse(struct channel_mux *mux, uint32_t id)
{
	channel_mux_send(
	    mux, &(struct channel_frame){.op = CHANNEL_RESET, .id = id, .count = CHANNEL_BUSY});
}

static void on_open(struct channel_mux *mux, const struct channel_frame *frame)
{
	struct channel *channel = NULL;

	mux->in_id = frame->id;
	if (count(mux, false) < CHANNELS_MAX && is_free(mux->budget) &&
	    ration_take(&mux->opens, CHANNEL_OPENS, CHANNEL_OPEN_EACH_MS, env_mono_ms(mux->env)) ==
		0)
		channel = channel_new(mux, frame->id, frame->data, frame->len);
	if (channel == NULL) {
		refuse(mux, frame->id);
		return;
	}
	channel->state = CHANNEL_STATE_OFFERED;
	channel->credit = frame->count < CHANNEL_CREDIT_MAX ? frame->count : CHANNEL_CREDIT_MAX;
	add(mux, channel);
	/* Also when there is no such service: one that is there must not take longer. */
	channel_tell(channel, NEWS_OFFERED);
}

/* Was there ever a channel of this id? */
static bool was_opened(const struct channel_mux *mux, uint32_t id)
{
	return id % 2 == mux->in_parity ? id <= mux->in_id : id < mux->out_id;
}

int channel_mux_frame(struct channel_mux *mux, const uint8_t *payload, size_t len, struct err *err)
{
	struct channel_frame frame;
	struct channel *channel;

	if (channel_frame_parse(payload, len, &frame, err) < 0)
		return -1;
	if (frame.op == CHANNEL_OPEN) {
		if (frame.id % 2 != mux->in_parity || frame.id <= mux->in_id)
			return err_set(err, ERR_PROTOCOL, "a channel that cannot be opened");
		on_open(mux, &frame);
		return 0;
	}
	if (!was_opened(mux, frame.id))
		return err_set(err, ERR_PROTOCOL, "a frame for a channel that was never opened");
	/* One that is over here and not yet there is still spoken to. */
	channel = find(mux, frame.id);
	if (channel != NULL && !channel_frame(channel, &frame)) {
		log_info("channel: the contact breaks the rules");
		channel_reset(channel, CHANNEL_VIOLATED, ERR_PROTOCOL,
			      "the contact's daemon breaks the rules");
	}
	return 0;
}
