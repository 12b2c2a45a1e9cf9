/*
 * link_channels.c: see link_channels.h.
 */
#include "core/link_channels.h"

#include "core/base/log.h"
#include "core/channel_mux.h"
#include "core/engine_private.h"

#include <stdlib.h>

struct link_channels {
	struct contact *contact;
	struct session *session;
	struct channel_mux *mux;
	size_t limit; /* of what may be queued */
};

static int send_frame(void *arg, const uint8_t *payload, size_t len)
{
	struct link_channels *channels = arg;

	return session_send(channels->session, FRAME_CHANNEL, payload, len, NULL);
}

static bool has_room(void *arg)
{
	const struct link_channels *channels = arg;

	return session_queued(channels->session) < channels->limit;
}

static bool accept_channel(void *arg, struct channel *channel)
{
	struct link_channels *channels = arg;

	return services_accept(channels->contact->account->services, channels->contact, channel);
}

static void broken(void *arg)
{
	struct link_channels *channels = arg;

	log_warn("channel: a frame cannot be sent: ending the session");
	contact_break(channels->contact);
}

static const struct channel_mux_ops mux_ops = {
    .send = send_frame, .room = has_room, .accept = accept_channel, .broken = broken};

static size_t usual_limit(const struct session *session)
{
	return session_has_cover(session) ? LINK_CHANNEL_QUEUE_COVER : LINK_CHANNEL_QUEUE;
}

struct link_channels *link_channels_new(struct contact *contact, struct session *session)
{
	struct link_channels *channels = calloc(1, sizeof(*channels));

	if (channels != NULL)
		channels->mux = channel_mux_new(contact->account->engine->env,
						&contact->account->engine->channels,
						session_dialled(session), &mux_ops, channels);
	if (channels == NULL || channels->mux == NULL) {
		free(channels);
		return NULL;
	}
	channels->contact = contact;
	channels->session = session;
	channels->limit = usual_limit(session);
	return channels;
}

void link_channels_free(struct link_channels **channels)
{
	if (*channels == NULL)
		return;
	channel_mux_free(&(*channels)->mux);
	free(*channels);
	*channels = NULL;
}

int link_channels_frame(struct link_channels *channels, const uint8_t *data, size_t len,
			struct err *err)
{
	return channel_mux_frame(channels->mux, data, len, err);
}

void link_channels_pump(struct link_channels *channels, size_t limit)
{
	size_t usual = usual_limit(channels->session);

	channels->limit = limit < usual ? limit : usual;
	channel_mux_pump(channels->mux);
	channels->limit = usual;
}

struct channel *link_channels_open(struct link_channels *channels, const char *service,
				   const struct channel_handler *handler, void *arg,
				   struct err *err)
{
	return channel_mux_open(channels->mux, service, handler, arg, err);
}

/* --- what the layer above asks --- */

int account_listen(struct account *account, const char *service,
		   bool (*accept)(void *arg, struct contact *contact, struct channel *channel),
		   void *arg, void (*free_arg)(void *arg), struct err *err)
{
	return services_add(&account->services, service, accept, arg, free_arg, err);
}

int account_unlisten(struct account *account, const char *service, struct err *err)
{
	return services_remove(account->services, service, err);
}

struct channel *contact_connect(struct contact *contact, const char *service,
				const struct channel_handler *handler, void *arg, struct err *err)
{
	if (contact->link == NULL) {
		err_set(err, ERR_UNAVAILABLE, "the contact is not there");
		return NULL;
	}
	return link_connect(contact->link, service, handler, arg, err);
}
