/*
 * websocket.c: see websocket.h.
 *
 * wslay takes all bytes that inner has received at once, so messages wait in a list while the owner
 * pauses; at most as many as stand in one piece that inner gives. wslay keeps no part of a message
 * (its way of doing so costs an allocation a fragment): the fragments are joined here.
 */
#include "core/base/websocket.h"

#include "core/base/buf.h"
#include "core/base/codec.h"
#include "core/base/secret.h"
#include "core/base/stream_private.h"
#include "core/base/stream_socket.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

/* RFC 6455 section 1.3. */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define NONCE_LEN   16
#define SHA1_LEN    20
/* What may wait for a client that sends pings and reads no answer; more than any owner lets wait of
 * its own. */
#define QUEUE_MAX ((size_t)8 * 1024 * 1024)
/* How long the last frame may take to leave. */
#define LINGER_MS 3000

struct message {
	struct message *next;
	size_t len;
	uint8_t data[];
};

struct websocket {
	struct stream stream;
	struct stream *inner;
	wslay_event_context_ptr wslay;
	struct timer *timer; /* delivers what waited, or ends a lingering connection */
	/* what wslay reads */
	const uint8_t *at;
	size_t left;
	/* the message that comes in */
	struct buf text;
	bool control, last_frame; /* of the frame */
	unsigned refused;         /* status code to end with; 0: none */
	struct message *first, **end;
	bool paused;
	bool finishing; /* stream_finish was called */
	bool over;      /* the other side, or a mistake of it, has ended the stream */
	bool ended;     /* closed() was called */
	struct err why; /* with over */
	bool *freed;    /* set by free while a handler runs */
};

int websocket_accept(const char *key, char out[WEBSOCKET_ACCEPT_SIZE])
{
	uint8_t nonce[NONCE_LEN + 2], hash[SHA1_LEN];
	char text[BASE64_LEN(NONCE_LEN) + sizeof(ACCEPT_GUID)];
	unsigned len;

	if (strlen(key) != BASE64_LEN(NONCE_LEN) ||
	    base64_decode(key, strlen(key), nonce, sizeof(nonce)) != NONCE_LEN)
		return -1;
	memcpy(text, key, BASE64_LEN(NONCE_LEN));
	memcpy(text + BASE64_LEN(NONCE_LEN), ACCEPT_GUID, sizeof(ACCEPT_GUID));
	if (EVP_Digest(text, strlen(text), hash, &len, EVP_sha1(), NULL) != 1)
		return -1;
	base64_encode(hash, sizeof(hash), out);
	return 0;
}

/* --- the end --- */

static void tell_closed(struct websocket *ws, const struct err *why)
{
	if (ws->ended || ws->stream.handler == NULL)
		return;
	ws->ended = true;
	timer_stop(ws->timer);
	if (ws->stream.handler->closed != NULL)
		ws->stream.handler->closed(ws->stream.arg, why);
}

/* Nothing is read or written any more; closed() comes when the last frame has left, or soon. */
static void end_soon(struct websocket *ws, enum err_code code, const char *text, int64_t delay_ms)
{
	if (ws->over)
		return;
	ws->over = true;
	err_set(&ws->why, code, "%s", text);
	timer_set(ws->timer, delay_ms);
}

/* Give inner what wslay has to say. */
static int flush(struct websocket *ws)
{
	if (wslay_event_send(ws->wslay) == 0)
		return 0;
	end_soon(ws, ERR_LIMIT, "the other side does not read", 0);
	return -1;
}

/* --- what wslay asks for --- */

static ssize_t on_wslay_recv(wslay_event_context_ptr wslay, uint8_t *out, size_t len, int flags,
			     void *arg)
{
	struct websocket *ws = arg;
	size_t n = len < ws->left ? len : ws->left;

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(out, ws->at, n);
	ws->at += n;
	ws->left -= n;
	return (ssize_t)n;
}

static ssize_t on_wslay_send(wslay_event_context_ptr wslay, const uint8_t *data, size_t len,
			     int flags, void *arg)
{
	struct websocket *ws = arg;

	(void)flags;
	if (stream_queued(ws->inner) + len <= QUEUE_MAX && stream_write(ws->inner, data, len) == 0)
		return (ssize_t)len;
	wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static void on_frame_start(wslay_event_context_ptr wslay,
			   const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
	struct websocket *ws = arg;

	(void)wslay;
	ws->control = wslay_is_ctrl_frame(frame->opcode);
	ws->last_frame = frame->fin;
	if (frame->opcode == WSLAY_BINARY_FRAME && ws->refused == 0)
		ws->refused = WSLAY_CODE_UNSUPPORTED_DATA;
}

static void on_frame_chunk(wslay_event_context_ptr wslay,
			   const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg)
{
	struct websocket *ws = arg;

	(void)wslay;
	if (ws->control || ws->refused != 0)
		return;
	if (buf_add(&ws->text, chunk->data, chunk->data_length) < 0)
		ws->refused = WSLAY_CODE_MESSAGE_TOO_BIG;
}

static void on_frame_end(wslay_event_context_ptr wslay, void *arg)
{
	struct websocket *ws = arg;
	struct message *message;

	(void)wslay;
	/* An empty message says nothing. */
	if (ws->control || ws->refused != 0 || !ws->last_frame || ws->text.len == 0)
		return;
	message = malloc(sizeof(*message) + ws->text.len);
	if (message == NULL) {
		ws->refused = WSLAY_CODE_INTERNAL_SERVER_ERROR;
		return;
	}
	message->next = NULL;
	message->len = ws->text.len;
	memcpy(message->data, ws->text.data, ws->text.len);
	*ws->end = message;
	ws->end = &message->next;
	buf_clear(&ws->text);
}

static const struct wslay_event_callbacks wslay_callbacks = {
    .recv_callback = on_wslay_recv,
    .send_callback = on_wslay_send,
    .on_frame_recv_start_callback = on_frame_start,
    .on_frame_recv_chunk_callback = on_frame_chunk,
    .on_frame_recv_end_callback = on_frame_end,
};

/* --- delivering --- */

static struct message *take_message(struct websocket *ws)
{
	struct message *message = ws->first;

	if (message == NULL)
		return NULL;
	ws->first = message->next;
	if (ws->first == NULL)
		ws->end = &ws->first;
	return message;
}

static void message_free(struct message *message)
{
	/* It may have held a password. */
	secret_wipe(message->data, message->len);
	free(message);
}

/* Not from within a stream_* function. The websocket may be gone afterwards. */
static void deliver(struct websocket *ws)
{
	bool freed = false;
	struct message *message;

	/* cppcheck-suppress autoVariables ; cleared before the return, unless ws is gone */
	ws->freed = &freed;
	while (!ws->paused && !ws->finishing && !ws->ended && ws->stream.handler != NULL &&
	       (message = take_message(ws)) != NULL) {
		if (ws->stream.handler->received != NULL)
			ws->stream.handler->received(ws->stream.arg, message->data, message->len);
		message_free(message);
		if (freed)
			return;
	}
	ws->freed = NULL;
}

static void on_timer(void *arg)
{
	struct websocket *ws = arg;

	if (ws->over)
		tell_closed(ws, &ws->why);
	else
		deliver(ws);
}

/* Has the other side ended the stream, or must we? */
static void check_end(struct websocket *ws)
{
	if (ws->over || (ws->refused == 0 && wslay_event_want_read(ws->wslay)))
		return;
	if (ws->refused != 0)
		wslay_event_queue_close(ws->wslay, (uint16_t)ws->refused, NULL, 0);
	if (flush(ws) < 0)
		return;
	if (ws->refused == 0 && wslay_event_get_close_received(ws->wslay))
		end_soon(ws, ERR_CLOSED, "connection closed", LINGER_MS);
	else
		end_soon(ws, ERR_PROTOCOL, "not what a WebSocket may carry here", LINGER_MS);
	stream_finish(ws->inner);
}

static void on_received(void *arg, const uint8_t *data, size_t len)
{
	struct websocket *ws = arg;

	if (ws->over || ws->finishing)
		return;
	ws->at = data;
	ws->left = len;
	if (wslay_event_recv(ws->wslay) != 0 && ws->refused == 0)
		ws->refused = WSLAY_CODE_INTERNAL_SERVER_ERROR;
	ws->left = 0;
	if (flush(ws) == 0)
		check_end(ws);
	deliver(ws);
}

static void on_drained(void *arg)
{
	struct websocket *ws = arg;

	if (!ws->over && !ws->finishing && ws->stream.handler != NULL &&
	    ws->stream.handler->drained != NULL)
		ws->stream.handler->drained(ws->stream.arg);
}

static void on_closed(void *arg, const struct err *why)
{
	struct websocket *ws = arg;

	if (!ws->over) {
		ws->over = true;
		ws->why = *why;
	}
	tell_closed(ws, &ws->why);
}

static const struct stream_handler on_inner = {
    .received = on_received,
    .drained = on_drained,
    .closed = on_closed,
};

/* --- the stream --- */

static struct websocket *websocket_of(struct stream *stream)
{
	return (struct websocket *)stream;
}

static int websocket_write(struct stream *stream, const void *data, size_t len)
{
	struct websocket *ws = websocket_of(stream);
	const struct wslay_event_msg message = {
	    .opcode = WSLAY_TEXT_FRAME, .msg = data, .msg_length = len};

	if (ws->over || ws->finishing || ws->ended)
		return 0;
	if (wslay_event_queue_msg(ws->wslay, &message) != 0)
		return -1;
	return flush(ws);
}

static size_t websocket_queued(const struct stream *stream)
{
	return stream_queued(((const struct websocket *)stream)->inner);
}

static void websocket_pause(struct stream *stream, bool pause)
{
	struct websocket *ws = websocket_of(stream);

	ws->paused = pause;
	stream_pause(ws->inner, pause);
	if (!pause && ws->first != NULL && !ws->over)
		timer_set(ws->timer, 0);
}

static void websocket_finish(struct stream *stream)
{
	struct websocket *ws = websocket_of(stream);

	if (ws->over || ws->finishing)
		return;
	wslay_event_queue_close(ws->wslay, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
	flush(ws);
	ws->finishing = true;
	stream_finish(ws->inner);
}

static void websocket_handler_set(struct stream *stream)
{
	struct websocket *ws = websocket_of(stream);

	if (ws->first != NULL || ws->over)
		timer_set(ws->timer, 0);
}

static void websocket_free(struct stream *stream)
{
	struct websocket *ws = websocket_of(stream);
	struct message *message;

	if (ws->freed != NULL)
		*ws->freed = true;
	while ((message = take_message(ws)) != NULL)
		message_free(message);
	buf_free(&ws->text);
	timer_free(&ws->timer);
	if (ws->wslay != NULL)
		wslay_event_context_free(ws->wslay);
	stream_free(&ws->inner);
	free(ws);
}

static int websocket_peer_uid(struct stream *stream, uid_t *uid)
{
	return stream_peer_uid(websocket_of(stream)->inner, uid);
}

static const struct stream_ops websocket_ops = {
    .write = websocket_write,
    .queued = websocket_queued,
    .pause = websocket_pause,
    .finish = websocket_finish,
    .handler_set = websocket_handler_set,
    .free = websocket_free,
    .peer_uid = websocket_peer_uid,
};

struct stream *websocket_new(const struct env *env, struct stream *inner, size_t limit)
{
	struct websocket *ws = calloc(1, sizeof(*ws));

	if (ws == NULL) {
		stream_free(&inner);
		return NULL;
	}
	ws->stream.ops = &websocket_ops;
	ws->inner = inner;
	ws->end = &ws->first;
	buf_init(&ws->text, limit);
	ws->timer = timer_new(env, on_timer, ws);
	if (wslay_event_context_server_init(&ws->wslay, &wslay_callbacks, ws) != 0)
		ws->wslay = NULL;
	if (ws->timer == NULL || ws->wslay == NULL) {
		websocket_free(&ws->stream);
		return NULL;
	}
	wslay_event_config_set_no_buffering(ws->wslay, 1);
	stream_set_handler(inner, &on_inner, ws);
	return &ws->stream;
}

void websocket_set_limit(struct stream *stream, size_t limit)
{
	websocket_of(stream)->text.limit = limit;
}
