/*
 * dialogue_websocket.c: see dialogue_websocket.h.
 */
#include "tests/xmpp/dialogue_websocket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#define WAIT_MS 8000
#define MAX     (64 << 20)
/* RFC 6455 section 1.3. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct dialogue_websocket {
	wslay_event_context_ptr wslay;
	const uint8_t *at;
	size_t left;
	struct buf *out;
	void (*message)(void *arg, const void *text, size_t len);
	void *arg;
};

static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *out, size_t len, int flags,
		       void *arg)
{
	struct dialogue_websocket *ws = arg;
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

static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *data, size_t len, int flags,
		       void *arg)
{
	(void)wslay;
	(void)flags;
	return buf_add(((struct dialogue_websocket *)arg)->out, data, len) == 0 ? (ssize_t)len : -1;
}

/* Only a proxy in between would care that it cannot be guessed. */
static int on_mask(wslay_event_context_ptr wslay, uint8_t *out, size_t len, void *arg)
{
	(void)wslay;
	(void)arg;
	memset(out, 0x5a, len);
	return 0;
}

static void on_message(wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *msg,
		       void *arg)
{
	struct dialogue_websocket *ws = arg;

	(void)wslay;
	if (msg->opcode == WSLAY_TEXT_FRAME)
		ws->message(ws->arg, msg->msg, msg->msg_length);
}

static int ask(int fd, const char *origin)
{
	struct buf text;
	int result;

	buf_init(&text, 4096);
	buf_add_text(&text,
		     "GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
		     "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		     "Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Key: " KEY "\r\n");
	if (origin)
		buf_printf(&text, "Origin: %s\r\n", origin);
	buf_add_text(&text, "\r\n");
	result = send(fd, text.data, text.len, MSG_NOSIGNAL) == (ssize_t)text.len ? 0 : -1;
	buf_free(&text);
	return result;
}

/* The head of the answer, byte by byte, so that nothing behind it is taken. */
static int hear(struct loop *loop, int fd)
{
	int64_t deadline = env_mono_ms(loop_env(loop)) + WAIT_MS;
	char head[2048] = "";
	size_t len = 0;

	while (len < sizeof(head) - 1 && !strstr(head, "\r\n\r\n")) {
		ssize_t n = recv(fd, head + len, 1, 0);

		if (n == 0 || env_mono_ms(loop_env(loop)) > deadline)
			return -1;
		if (n > 0)
			head[++len] = '\0';
		else
			loop_run_once(loop, 5);
	}
	return strncmp(head, "HTTP/1.1 101 ", 13) == 0 &&
		       strstr(head, "Sec-WebSocket-Accept: " ACCEPT "\r\n") &&
		       strstr(head, "Sec-WebSocket-Protocol: xmpp\r\n")
		   ? 0
		   : -1;
}

struct dialogue_websocket *dialogue_websocket_new(struct loop *loop, int fd, const char *origin)
{
	static const struct wslay_event_callbacks callbacks = {.recv_callback = on_recv,
							       .send_callback = on_send,
							       .genmask_callback = on_mask,
							       .on_msg_recv_callback = on_message};
	struct dialogue_websocket *ws;

	if (ask(fd, origin) < 0 || hear(loop, fd) < 0)
		return NULL;
	ws = calloc(1, sizeof(*ws));
	if (!ws || wslay_event_context_client_init(&ws->wslay, &callbacks, ws) != 0)
		abort();
	wslay_event_config_set_max_recv_msg_length(ws->wslay, MAX);
	return ws;
}

void dialogue_websocket_free(struct dialogue_websocket **ws)
{
	if (*ws)
		wslay_event_context_free((*ws)->wslay);
	free(*ws);
	*ws = NULL;
}

void dialogue_websocket_frame(struct dialogue_websocket *ws, const void *data, size_t len,
			      struct buf *out)
{
	const struct wslay_event_msg message = {
	    .opcode = WSLAY_TEXT_FRAME, .msg = data, .msg_length = len};

	ws->out = out;
	wslay_event_queue_msg(ws->wslay, &message);
	wslay_event_send(ws->wslay);
}

void dialogue_websocket_feed(struct dialogue_websocket *ws, const void *data, size_t len,
			     void (*message)(void *arg, const void *text, size_t len), void *arg)
{
	ws->at = data;
	ws->left = len;
	ws->message = message;
	ws->arg = arg;
	wslay_event_recv(ws->wslay);
}
