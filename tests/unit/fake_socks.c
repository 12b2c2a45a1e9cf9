/*
 * fake_socks.c: a SOCKS 5 proxy that remembers who asked for what; see fake_socks.h.
 */
#include "tests/unit/fake_socks.h"

#include "core/base/cursor.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum tunnel_state { TUNNEL_GREETING, TUNNEL_PASSWORD, TUNNEL_REQUEST, TUNNEL_OPEN };

struct fake_tunnel {
	struct fake_socks *socks;
	struct fake_tunnel *next;
	enum tunnel_state state;
	struct stream *client, *server;
	struct buf in;
	struct fake_socks_request request;
	bool opened; /* to the server */
};

static void tunnel_free(struct fake_tunnel *t)
{
	struct fake_tunnel **link = &t->socks->tunnels;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	stream_free(&t->client);
	stream_free(&t->server);
	buf_free(&t->in);
	free(t);
}

static void reply(struct fake_tunnel *t, uint8_t code)
{
	const uint8_t bytes[] = {5, code, 0, 1, 0, 0, 0, 0, 0, 0};

	stream_write(t->client, bytes, sizeof(bytes));
}

/* --- the side of the gateway --- */

/* What the client has said behind its request goes on, as tor does it. */
static void server_opened(void *arg)
{
	struct fake_tunnel *t = arg;

	reply(t, 0);
	t->opened = true;
	t->socks->early += t->in.len;
	if (t->in.len > 0)
		stream_write(t->server, t->in.data, t->in.len);
	buf_clear(&t->in);
}

static void server_received(void *arg, const uint8_t *data, size_t len)
{
	stream_write(((struct fake_tunnel *)arg)->client, data, len);
}

static void any_closed(void *arg, const struct err *why)
{
	(void)why;
	tunnel_free(arg);
}

static const struct stream_handler server_handler = {
    .opened = server_opened, .received = server_received, .closed = any_closed};

static void connect_server(struct fake_tunnel *t)
{
	struct fake_socks *socks = t->socks;
	const char *address = t->request.by_name ? "127.0.0.1" : t->request.host;

	assert_in_range(socks->count, 0, FAKE_SOCKS_MAX - 1);
	socks->requests[socks->count++] = t->request;
	if (socks->refuse_with > 0)
		reply(t, (uint8_t)socks->refuse_with);
	if (socks->refuse_with ||
	    (socks->black_hole && strcmp(t->request.host, socks->black_hole) == 0))
		return;
	t->server = stream_connect_tcp(socks->loop, address, (uint16_t)t->request.port, NULL);
	assert_non_null(t->server);
	stream_set_handler(t->server, &server_handler, t);
}

/* --- the side of the client --- */

static void read_text(struct reader *r, size_t len, char out[256])
{
	read_bytes(r, out, len);
	out[len] = '\0';
}

/* One message if it is there whole; false: wait for more. */
static bool step(struct fake_tunnel *t)
{
	struct reader r;
	char ignored[256];
	uint8_t address[4], type;

	reader_init(&r, t->in.data, t->in.len);
	switch (t->state) {
	case TUNNEL_GREETING:
		read_u8(&r);
		read_text(&r, read_u8(&r), ignored);
		break;
	case TUNNEL_PASSWORD:
		read_u8(&r);
		read_text(&r, read_u8(&r), t->request.user);
		read_text(&r, read_u8(&r), t->request.password);
		break;
	default:
		read_u16(&r);
		read_u8(&r);
		type = read_u8(&r);
		t->request.by_name = type == 3;
		if (type == 3) {
			read_text(&r, read_u8(&r), t->request.host);
		} else {
			read_bytes(&r, address, sizeof(address));
			inet_ntop(AF_INET, address, t->request.host, sizeof(t->request.host));
		}
		t->request.port = read_u16(&r);
	}
	if (r.bad)
		return false;
	buf_drain(&t->in, t->in.len - r.left);
	if (t->state == TUNNEL_GREETING)
		stream_write(t->client, "\5\2", 2);
	else if (t->state == TUNNEL_PASSWORD)
		stream_write(t->client, "\1\0", 2);
	else
		connect_server(t);
	t->state++;
	return true;
}

static void client_received(void *arg, const uint8_t *data, size_t len)
{
	struct fake_tunnel *t = arg;

	if (t->opened) {
		stream_write(t->server, data, len);
		return;
	}
	assert_int_equal(buf_add(&t->in, data, len), 0);
	while (t->state != TUNNEL_OPEN && step(t))
		;
}

static const struct stream_handler client_handler = {.received = client_received,
						     .closed = any_closed};

static void accepted(void *arg, struct stream *stream)
{
	struct fake_socks *socks = arg;
	struct fake_tunnel *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->socks = socks;
	t->client = stream;
	buf_init(&t->in, 4096);
	t->next = socks->tunnels;
	socks->tunnels = t;
	stream_set_handler(stream, &client_handler, t);
}

void fake_socks_start(struct fake_socks *socks, struct loop *loop, const char *path)
{
	memset(socks, 0, sizeof(*socks));
	socks->loop = loop;
	if (path)
		socks->listener = listener_new_unix(loop, path, 0600, accepted, socks, NULL);
	else
		socks->listener = listener_new_tcp(loop, "127.0.0.1", 0, accepted, socks, NULL);
	assert_non_null(socks->listener);
	if (path)
		snprintf(socks->address, sizeof(socks->address), "unix:%s", path);
	else
		snprintf(socks->address, sizeof(socks->address), "127.0.0.1:%u",
			 listener_port(socks->listener));
}

void fake_socks_stop(struct fake_socks *socks)
{
	listener_free(&socks->listener);
	while (socks->tunnels)
		tunnel_free(socks->tunnels);
}
