/*
 * lobby.c: see lobby.h.
 */
#include "core/lobby.h"

#include "core/base/secret.h"

#include <stdlib.h>
#include <string.h>

struct stranger {
	struct lobby *lobby;
	struct stranger *next; /* newer */
	struct stream *stream;
	struct timer *timer;
	bool silent; /* has knocked wrongly, or too late */
	uint8_t knock[KNOCK_LEN];
	size_t len; /* of knock, as far as it has come */
};

struct lobby {
	const struct env *env;
	lobby_knock knocked;
	void *arg;
	struct stranger *first; /* oldest */
	unsigned count;
};

/* Take it out of the lobby; the stream is the caller's. */
static struct stream *stranger_release(struct stranger *stranger)
{
	struct stranger **link = &stranger->lobby->first;
	struct stream *stream = stranger->stream;

	while (*link != stranger)
		link = &(*link)->next;
	*link = stranger->next;
	stranger->lobby->count--;
	timer_free(&stranger->timer);
	secret_free(stranger, sizeof(*stranger));
	return stream;
}

static void stranger_close(struct stranger *stranger)
{
	struct stream *stream = stranger_release(stranger);

	stream_free(&stream);
}

static void stranger_silence(struct stranger *stranger)
{
	int64_t span = LOBBY_SILENCE_MAX_MS - LOBBY_SILENCE_MIN_MS;

	stranger->silent = true;
	timer_set(stranger->timer,
		  LOBBY_SILENCE_MIN_MS +
		      (int64_t)env_random_below(stranger->lobby->env, (uint64_t)span + 1));
}

static void too_long(void *arg)
{
	struct stranger *stranger = arg;

	if (stranger->silent)
		stranger_close(stranger);
	else
		stranger_silence(stranger);
}

static void received(void *arg, const uint8_t *data, size_t len)
{
	struct stranger *stranger = arg;
	struct lobby *lobby = stranger->lobby;

	if (stranger->silent)
		return;
	/* A dialler says nothing more before it has our answer. */
	if (len > KNOCK_LEN - stranger->len) {
		stranger_silence(stranger);
		return;
	}
	memcpy(stranger->knock + stranger->len, data, len);
	stranger->len += len;
	if (stranger->len < KNOCK_LEN)
		return;
	if (lobby->knocked(lobby->arg, stranger->stream, stranger->knock))
		stranger_release(stranger);
	else
		stranger_silence(stranger);
}

static void closed(void *arg, const struct err *why)
{
	(void)why;
	stranger_close(arg);
}

static const struct stream_handler stream_handler = {.received = received, .closed = closed};

struct lobby *lobby_new(const struct env *env, lobby_knock knocked, void *arg)
{
	struct lobby *lobby = calloc(1, sizeof(*lobby));

	if (lobby == NULL)
		return NULL;
	lobby->env = env;
	lobby->knocked = knocked;
	lobby->arg = arg;
	return lobby;
}

static struct stranger *stranger_new(struct lobby *lobby, struct stream *stream)
{
	struct stranger *stranger = calloc(1, sizeof(*stranger));
	struct stranger **link = &lobby->first;

	if (stranger != NULL)
		stranger->timer = timer_new(lobby->env, too_long, stranger);
	if (stranger == NULL || stranger->timer == NULL) {
		free(stranger);
		stream_free(&stream);
		return NULL;
	}
	if (lobby->count == LOBBY_MAX)
		stranger_close(lobby->first);
	stranger->lobby = lobby;
	stranger->stream = stream;
	while (*link != NULL)
		link = &(*link)->next;
	*link = stranger;
	lobby->count++;
	stream_set_handler(stream, &stream_handler, stranger);
	return stranger;
}

void lobby_add(struct lobby *lobby, struct stream *stream)
{
	struct stranger *stranger = stranger_new(lobby, stream);

	if (stranger != NULL)
		timer_set(stranger->timer, LOBBY_KNOCK_MS);
}

void lobby_silence(struct lobby *lobby, struct stream *stream)
{
	struct stranger *stranger = stranger_new(lobby, stream);

	if (stranger != NULL)
		stranger_silence(stranger);
}

unsigned lobby_count(const struct lobby *lobby)
{
	return lobby->count;
}

void lobby_clear(struct lobby *lobby)
{
	while (lobby->first != NULL)
		stranger_close(lobby->first);
}

void lobby_free(struct lobby **lobby)
{
	if (*lobby == NULL)
		return;
	lobby_clear(*lobby);
	free(*lobby);
	*lobby = NULL;
}
