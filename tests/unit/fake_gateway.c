/*
 * fake_gateway.c: HTTP gateways of an OpenDHT that never was; see fake_gateway.h.
 */
#include "tests/unit/fake_gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define HUGE_BODY 100000000u

struct fake_connection {
	struct fake_gateway *gateway;
	struct fake_connection *next;
	struct stream *stream;
	struct timer *dribble;
	struct buf in;
	uint64_t left; /* of an endless answer */
};

/* --- the network --- */

void fake_dht_put(struct fake_dht *dht, const char *key, const char *data, size_t len)
{
	struct fake_value *value;

	dht->values = realloc(dht->values, (dht->count + 1) * sizeof(*dht->values));
	assert_non_null(dht->values);
	value = &dht->values[dht->count++];
	snprintf(value->key, sizeof(value->key), "%s", key);
	value->data = strndup(data, len);
}

void fake_dht_clear(struct fake_dht *dht)
{
	for (size_t i = 0; i < dht->count; i++)
		free(dht->values[i].data);
	free(dht->values);
	*dht = (struct fake_dht){0};
}

/* --- answers --- */

static void say(struct fake_connection *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct fake_connection *c, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	assert_true(len >= 0);
	c->gateway->sent += (uint64_t)len;
	stream_write(c->stream, text, (size_t)len);
	free(text);
}

static void say_head(struct fake_connection *c, const char *status, const char *more)
{
	const char *type = c->gateway->mood == FAKE_WRONG_TYPE ? "text/html" : "application/json";
	char date[64] = "";
	time_t t = (time_t)(c->gateway->date_ms / 1000);
	struct tm tm;

	if (c->gateway->date_ms)
		strftime(date, sizeof(date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
			 gmtime_r(&t, &tm));
	say(c, "HTTP/1.1 %s\r\nContent-Type: %s\r\n%s%s\r\n", status, type, date, more);
}

static void say_chunk(struct fake_connection *c, const char *text)
{
	say(c, "%zx\r\n%s\r\n", strlen(text), text);
}

static void say_values(struct fake_connection *c, const char *key)
{
	const struct fake_gateway *gateway = c->gateway;
	const struct fake_dht *dht = gateway->dht;
	char line[1024];

	for (unsigned i = 0; i < gateway->flood; i++) {
		snprintf(line, sizeof(line), "{\"data\":\"QUJD\",\"id\":\"%u\",\"type\":0}\n", i);
		say_chunk(c, line);
	}
	if (gateway->mood == FAKE_LIAR)
		return;
	for (size_t i = 0; i < dht->count; i++) {
		if (strcmp(dht->values[i].key, key) != 0)
			continue;
		snprintf(line, sizeof(line), "{\"data\":\"%s%s\",\"id\":\"1\",\"type\":0}\n",
			 gateway->mood == FAKE_MANGLE ? "!" : "", dht->values[i].data);
		say_chunk(c, line);
	}
}

/* More of an answer that does not end; called whenever all before has been taken. */
static void say_more(struct fake_connection *c)
{
	static char block[64 * 1024];
	size_t len = c->left < sizeof(block) ? (size_t)c->left : sizeof(block);

	memset(block, 'x', sizeof(block));
	if (c->gateway->mood == FAKE_HEADERS)
		for (size_t i = 0; i < sizeof(block); i += 32)
			memcpy(block + i, "X-Header: 012345678901234567890\n", 32);
	if (len == 0)
		return;
	c->left -= len;
	c->gateway->sent += len;
	stream_write(c->stream, block, len);
}

static void dribble_fire(void *arg)
{
	struct fake_connection *c = arg;

	say_chunk(c, "x");
	timer_set(c->dribble, 50);
}

static void answer_get(struct fake_connection *c, const char *key)
{
	say_head(c, "200 OK", "Transfer-Encoding: chunked\r\n");
	say_values(c, key);
	if (c->gateway->mood == FAKE_DRIBBLE)
		timer_set(c->dribble, 0);
	else
		say(c, "0\r\n\r\n");
}

static void answer_post(struct fake_connection *c, const char *key, const char *body)
{
	const char *data = strstr(body, "\"data\":\"");

	say_head(c, "200 OK", "Transfer-Encoding: chunked\r\n");
	say_chunk(c, body);
	if (c->gateway->mood == FAKE_DRIBBLE)
		timer_set(c->dribble, 0);
	else
		say(c, "0\r\n\r\n");
	if (data && c->gateway->mood != FAKE_LIAR)
		fake_dht_put(c->gateway->dht, key, data + 8, strcspn(data + 8, "\""));
}

static void answer(struct fake_connection *c, bool post, const char *key, const char *body)
{
	char location[128];

	switch (c->gateway->mood) {
	case FAKE_HANG:
	case FAKE_CLOSE:
		return;
	case FAKE_ERROR:
		say_head(c, "500 Internal Server Error", "Content-Length: 6\r\n");
		say(c, "Sorry\n");
		return;
	case FAKE_HALF:
		say_head(c, "200 OK", "Content-Length: 5000\r\n");
		say(c, "{\"data\":\"QUJD\"}\n");
		stream_finish(c->stream);
		return;
	case FAKE_GARBAGE:
		say(c, "220 mail.example ESMTP\r\n");
		return;
	case FAKE_REDIRECT:
		snprintf(location, sizeof(location),
			 "Location: %s/redirected\r\nContent-Length: 0\r\n", c->gateway->url);
		say_head(c, "302 Found", location);
		return;
	case FAKE_ENDLESS:
		say_head(c, "200 OK", "");
		c->left = UINT64_MAX;
		return;
	case FAKE_HUGE:
		say_head(c, "200 OK", "Content-Length: 100000000\r\n");
		c->left = HUGE_BODY;
		return;
	case FAKE_HEADERS:
		say(c, "HTTP/1.1 200 OK\r\n");
		c->left = UINT64_MAX;
		return;
	default:
		if (post)
			answer_post(c, key, body);
		else
			answer_get(c, key);
	}
}

/* --- requests --- */

static void connection_free(struct fake_connection *c)
{
	struct fake_connection **link = &c->gateway->connections;

	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	stream_free(&c->stream);
	timer_free(&c->dribble);
	buf_free(&c->in);
	free(c);
}

/* Answer each whole request that has come: a client may send several over one connection. */
static void requests(struct fake_connection *c)
{
	for (;;) {
		const char *text = buf_text(&c->in), *end = strstr(text, "\r\n\r\n"), *length;
		char method[8] = "", path[64] = "", *body;
		size_t head, len = 0;

		if (!end)
			return;
		head = (size_t)(end + 4 - text);
		length = strstr(text, "Content-Length: ");
		if (length && length < end)
			len = (size_t)atol(length + 16);
		if (c->in.len < head + len)
			return;
		snprintf(c->gateway->request, sizeof(c->gateway->request), "%.*s",
			 (int)(head + len), text);
		assert_int_equal(sscanf(text, "%7s %63s", method, path), 2);
		body = strndup(text + head, len);
		buf_drain(&c->in, head + len);
		if (strcmp(path, "/redirected") == 0)
			c->gateway->redirected++;
		else if (strcmp(method, "POST") == 0)
			c->gateway->posts++;
		else
			c->gateway->gets++;
		answer(c, strcmp(method, "POST") == 0, path + 5, body);
		free(body);
	}
}

static void received(void *arg, const uint8_t *data, size_t len)
{
	struct fake_connection *c = arg;

	assert_int_equal(buf_add(&c->in, data, len), 0);
	requests(c);
}

static void drained(void *arg)
{
	say_more(arg);
}

static void closed(void *arg, const struct err *why)
{
	(void)why;
	connection_free(arg);
}

static void accepted(void *arg, struct stream *stream)
{
	static const struct stream_handler handler = {
	    .received = received, .drained = drained, .closed = closed};
	struct fake_gateway *gateway = arg;
	struct fake_connection *c;

	gateway->accepted++;
	if (gateway->mood == FAKE_CLOSE) {
		stream_free(&stream);
		return;
	}
	c = calloc(1, sizeof(*c));
	assert_non_null(c);
	c->gateway = gateway;
	c->stream = stream;
	c->dribble = timer_new(loop_env(gateway->loop), dribble_fire, c);
	buf_init(&c->in, 65536);
	c->next = gateway->connections;
	gateway->connections = c;
	stream_set_handler(stream, &handler, c);
}

void fake_gateway_start(struct fake_gateway *gateway, struct loop *loop, struct fake_dht *dht,
			const char *address)
{
	memset(gateway, 0, sizeof(*gateway));
	gateway->loop = loop;
	gateway->dht = dht;
	gateway->listener = listener_new_tcp(loop, address, 0, accepted, gateway, NULL);
	assert_non_null(gateway->listener);
	snprintf(gateway->url, sizeof(gateway->url), "http://%s:%u", address,
		 listener_port(gateway->listener));
}

void fake_gateway_stop(struct fake_gateway *gateway)
{
	listener_free(&gateway->listener);
	while (gateway->connections)
		connection_free(gateway->connections);
}
