/*
 * session.c: see session.h.
 */
#include "core/session.h"

#include "core/base/log.h"
#include "core/cover.h"

#include <stdlib.h>
#include <string.h>

/* Memory for sealing that a session keeps, in bytes: a few frames. */
#define OUT_KEPT 4096
/* Most bytes that wait for their moment: all that link.c queues before it stops, and a message. */
#define HELD_MAX (2 * SESSION_QUEUE_MAX)

enum session_state {
	SESSION_CALLING,  /* we have knocked; the answer has not come */
	SESSION_ANSWERED, /* we have answered; the first frame has not come */
	SESSION_UP,
};

static const char *const state_names[] = {
    [SESSION_CALLING] = "calling", [SESSION_ANSWERED] = "answered", [SESSION_UP] = "up"};

struct session {
	const struct env *env;
	const struct session_handler *handler;
	void *arg;
	enum session_state state;
	bool dialled;
	bool paused;
	uint8_t instance[INSTANCE_LEN];
	uint8_t pair_id[PAIR_ID_LEN];
	uint8_t hash[SHA256_LEN]; /* of the handshake */
	int64_t established_ms;
	struct stream *stream;
	struct timer *limit;        /* of the handshake */
	struct noise *noise;        /* while calling */
	uint8_t answer[ANSWER_LEN]; /* as far as it has come */
	size_t answer_len;
	struct noise_cipher send;
	struct frame_reader reader; /* from answered or up on */
	struct buf out;
	int64_t cover_ms;    /* 0: no cover */
	struct timer *cover; /* the next moment; NULL: there was no cover yet */
	struct buf held;     /* whole frames that wait for theirs */
};

static void enter_state(struct session *session, enum session_state state)
{
	log_debug("session: %s -> %s", state_names[session->state], state_names[state]);
	session->state = state;
}

static void fail(struct session *session, const struct err *why)
{
	timer_stop(session->limit);
	session->handler->closed(session->arg, session, why);
}

static void too_slow(void *arg)
{
	struct session *session = arg;
	struct err why = {0};

	err_set(&why, ERR_TIMEOUT, "handshake: no answer");
	fail(session, &why);
}

/* The handshake is complete: the ciphers take its place. */
static int split(struct session *session, struct noise **noise, struct err *err)
{
	struct noise_cipher receive;
	int result = noise_split(*noise, &session->send, &receive, session->hash, err);

	noise_free(noise);
	if (result == 0)
		frame_reader_init(&session->reader, &receive);
	noise_cipher_wipe(&receive);
	return result;
}

static int establish(struct session *session)
{
	enter_state(session, SESSION_UP);
	timer_stop(session->limit);
	session->established_ms = env_mono_ms(session->env);
	return session->handler->established(session->arg, session);
}

static int on_message(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
	struct session *session = arg;

	if (session->state == SESSION_ANSWERED && establish(session) < 0)
		return -1;
	return session->handler->frame(session->arg, session, type, data, len);
}

static void read_frames(struct session *session, const uint8_t *data, size_t len)
{
	struct err why = {0};
	int result = frame_read(&session->reader, data, len, on_message, session, &why);

	if (result == 1)
		return;
	/* What came before a broken frame was good, and has been said to be so by its seal. */
	if (session->state == SESSION_UP && session->handler->settle(session->arg, session) < 0)
		return;
	if (result < 0)
		fail(session, &why);
}

/* Returns the bytes used up, or -1 when the session has ended. */
static int read_answer(struct session *session, const uint8_t *data, size_t len)
{
	struct hello hello = {0};
	struct err why = {0};
	size_t take = ANSWER_LEN - session->answer_len;

	if (take > len)
		take = len;
	memcpy(session->answer + session->answer_len, data, take);
	session->answer_len += take;
	if (session->answer_len < ANSWER_LEN)
		return (int)take;
	if (answer_read(session->noise, session->answer, &hello, &why) < 0 ||
	    split(session, &session->noise, &why) < 0) {
		fail(session, &why);
		return -1;
	}
	memcpy(session->instance, hello.instance, INSTANCE_LEN);
	return establish(session) < 0 ? -1 : (int)take;
}

static void received(void *arg, const uint8_t *data, size_t len)
{
	struct session *session = arg;
	int used = 0;

	if (session->state == SESSION_CALLING)
		used = read_answer(session, data, len);
	if (used >= 0 && session->state != SESSION_CALLING)
		read_frames(session, data + used, len - (size_t)used);
}

static void drained(void *arg)
{
	struct session *session = arg;

	if (session->held.len > 0)
		return;
	if (session->paused) {
		session->paused = false;
		stream_pause(session->stream, false);
	}
	if (session->state == SESSION_UP)
		session->handler->drained(session->arg, session);
}

static void closed(void *arg, const struct err *why)
{
	fail(arg, why);
}

static const struct stream_handler stream_handler = {
    .received = received,
    .drained = drained,
    .closed = closed,
};

static struct session *session_new(const struct session_start *start, struct stream *stream,
				   struct err *err)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session != NULL)
		session->limit = timer_new(start->env, too_slow, session);
	if (session == NULL || session->limit == NULL) {
		err_set(err, ERR_MEMORY, "session: out of memory");
		stream_free(&stream);
		free(session);
		return NULL;
	}
	session->env = start->env;
	session->handler = start->handler;
	session->arg = start->arg;
	memcpy(session->pair_id, start->pair->id, PAIR_ID_LEN);
	session->established_ms = -1;
	session->stream = stream;
	/* One message, sealed: each fragment carries FRAME_PAYLOAD_MAX bytes of it. */
	buf_init(&session->held, HELD_MAX);
	buf_init(&session->out, (FRAME_MESSAGE_MAX / FRAME_PAYLOAD_MAX + 1) * FRAME_LEN);
	stream_set_handler(stream, &stream_handler, session);
	timer_set(session->limit, SESSION_HANDSHAKE_MS);
	return session;
}

struct session *session_call(const struct session_start *start, struct stream *stream,
			     uint64_t epoch, const struct hello *hello, struct err *err)
{
	struct session *session = session_new(start, stream, err);
	uint8_t knock[KNOCK_LEN];

	if (session == NULL)
		return NULL;
	session->dialled = true;
	session->state = SESSION_CALLING;
	session->noise = knock_write(start->env, start->own, start->contact, start->pair, epoch,
				     hello, knock, err);
	if (session->noise == NULL) {
		session_free(&session);
	} else if (stream_write(stream, knock, sizeof(knock)) < 0) {
		err_set(err, ERR_MEMORY, "session: out of memory");
		session_free(&session);
	}
	return session;
}

struct session *session_answer(const struct session_start *start, struct stream *stream,
			       struct noise *noise, const struct hello *theirs,
			       const struct hello *ours, struct err *err)
{
	struct session *session = session_new(start, stream, err);
	uint8_t answer[ANSWER_LEN];

	if (session == NULL) {
		noise_free(&noise);
		return NULL;
	}
	session->noise = noise;
	session->state = SESSION_ANSWERED;
	memcpy(session->instance, theirs->instance, INSTANCE_LEN);
	if (answer_write(session->noise, ours, answer, err) < 0 ||
	    split(session, &session->noise, err) < 0) {
		session_free(&session);
	} else if (stream_write(stream, answer, sizeof(answer)) < 0) {
		err_set(err, ERR_MEMORY, "session: out of memory");
		session_free(&session);
	}
	return session;
}

struct stream *session_release(struct session **session)
{
	struct session *s = *session;
	struct stream *stream = NULL;

	if (s == NULL)
		return NULL;
	*session = NULL;
	stream = s->stream;
	timer_free(&s->limit);
	timer_free(&s->cover);
	buf_free(&s->held);
	noise_free(&s->noise);
	noise_cipher_wipe(&s->send);
	frame_reader_wipe(&s->reader);
	buf_free(&s->out);
	secret_free(s, sizeof(*s));
	return stream;
}

void session_free(struct session **session)
{
	struct stream *stream = session_release(session);

	if (stream != NULL)
		stream_free(&stream);
}

bool session_dialled(const struct session *session)
{
	return session->dialled;
}

const uint8_t *session_instance(const struct session *session)
{
	return session->instance;
}

const uint8_t *session_pair_id(const struct session *session)
{
	return session->pair_id;
}

const uint8_t *session_hash(const struct session *session)
{
	return session->hash;
}

int64_t session_established_ms(const struct session *session)
{
	return session->established_ms;
}

bool session_can_send(const struct session *session)
{
	return session->state != SESSION_CALLING;
}

/* Sealed frames: away with them, or in line. */
static int pass_on(struct session *session, const struct buf *frames, struct err *err)
{
	int result = session->cover_ms > 0
			 ? buf_add(&session->held, frames->data, frames->len)
			 : stream_write(session->stream, frames->data, frames->len);

	return result == 0 ? 0 : err_set(err, ERR_MEMORY, "session: out of memory");
}

int session_send(struct session *session, enum frame_type type, const void *data, size_t len,
		 struct err *err)
{
	int result = -1;

	if (!session_can_send(session))
		return err_set(err, ERR_WRONG_STATE, "session: not established");
	/* Before it is sealed: a frame that is sealed and not sent breaks the session. */
	if (session->held.len > SESSION_QUEUE_MAX + SESSION_QUEUE_MAX / 2)
		return err_set(err, ERR_LIMIT, "session: too much waits to be sent");
	if (frame_seal(&session->send, type, data, len, &session->out, err) == 0)
		result = pass_on(session, &session->out, err);
	/* Thousands of sessions must not each keep what their longest message needed. */
	if (session->out.size > OUT_KEPT)
		buf_free(&session->out);
	else
		buf_clear(&session->out);
	if (!session->paused && session_queued(session) > SESSION_QUEUE_MAX) {
		session->paused = true;
		stream_pause(session->stream, true);
	}
	return result;
}

size_t session_queued(const struct session *session)
{
	return session->held.len + stream_queued(session->stream);
}

/* --- cover --- */

static void cover_moment(void *arg)
{
	struct session *session = arg;
	struct err why = {0};

	timer_set(session->cover, cover_gap_ms(session->env, session->cover_ms));
	if (session->held.len == 0 && session_send(session, FRAME_PAD, NULL, 0, &why) < 0) {
		fail(session, &why);
		return;
	}
	if (stream_write(session->stream, session->held.data, FRAME_LEN) < 0) {
		err_set(&why, ERR_MEMORY, "session: out of memory");
		fail(session, &why);
		return;
	}
	buf_drain(&session->held, FRAME_LEN);
}

static int end_cover(struct session *session)
{
	int result = 0;

	if (session->cover_ms == 0)
		return 0;
	session->cover_ms = 0;
	timer_stop(session->cover);
	if (session->held.len > 0)
		result = stream_write(session->stream, session->held.data, session->held.len);
	buf_free(&session->held);
	return result;
}

int session_set_cover(struct session *session, int64_t mean_ms)
{
	if (mean_ms == session->cover_ms)
		return 0;
	if (mean_ms == 0)
		return end_cover(session);
	if (session->cover == NULL)
		session->cover = timer_new(session->env, cover_moment, session);
	if (session->cover == NULL)
		return -1;
	session->cover_ms = mean_ms;
	timer_set(session->cover, cover_gap_ms(session->env, mean_ms));
	return 0;
}

bool session_has_cover(const struct session *session)
{
	return session->cover_ms > 0;
}

bool session_holds(const struct session *session)
{
	return session->held.len > 0;
}
