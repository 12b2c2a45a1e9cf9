/*
 * http_client.c: HTTP requests through tor's SOCKS port, on the loop; see http_client.h.
 *
 * A request is a stream of its own: to the proxy, through it to the server (socks.h), TLS if it is
 * wanted, the question, the answer (http_answer.h). Requests that have ended are listed and told
 * one at a time by a timer, so that a callback may do anything, even free the client.
 *
 * Why no library: libevent's client connects by itself, and neither to a Unix socket nor through
 * SOCKS; libcurl does, but in Debian brings 25 libraries and 4 MB that nothing here needs.
 */
#include "core/http_client.h"

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/stream_socket.h"
#include "core/http_address.h"
#include "core/http_answer.h"
#include "core/socks.h"
#include "core/tor_socket.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In front of each isolation string: no circuit is shared with other users of the same tor. */
#define SOCKS_USER_PREFIX "tacet-registry-"
/* Longest question, in bytes: head and a record in base64 take 1300. */
#define QUESTION_MAX 8192

enum request_state { REQUEST_WAITING, REQUEST_ACTIVE, REQUEST_ENDED };

/* How far the stream of an active request has come. */
enum request_step {
	STEP_CONNECT, /* to the proxy or, without one, to the server */
	STEP_SOCKS,   /* the proxy connects to the server */
	STEP_TLS,     /* handshake */
	STEP_ANSWER,  /* the question was sent */
};

struct http_request {
	struct http_client *client;
	struct http_request *next, *previous; /* in the list of its state */
	enum request_state state;
	enum request_step step;
	char *isolation, *host;
	uint16_t port;
	bool tls;
	struct buf question;
	struct stream *stream; /* this and the next two while it is active */
	struct timer *limit;
	struct socks *socks; /* while it is needed */
	struct http_answer answer;
	size_t body_bytes, body_limit;
	int64_t timeout_ms;
	size_t long_bytes;
	int64_t long_timeout_ms; /* 0: it has no longer, or has that already */
	int64_t started_ms;
	int64_t dated_ms; /* when the Date header came */
	struct http_result result;
	bool (*received)(void *arg, const uint8_t *data, size_t len);
	void (*done)(void *arg, const struct http_result *result);
	void *arg;
};

struct request_list {
	struct http_request *first, *last;
};

struct http_client {
	struct loop *loop;
	SSL_CTX *tls;          /* made for the first https question */
	struct timer *deliver; /* tells of the first request that has ended */
	struct request_list lists[REQUEST_ENDED + 1];
	unsigned active;
	bool starting;        /* start_waiting is at work */
	unsigned proxy_count; /* 0: connect directly */
	char *proxies[HTTP_PROXIES_MAX];
	bool unusable[HTTP_PROXIES_MAX];
};

static int64_t now_ms(const struct http_client *client)
{
	return env_mono_ms(loop_env(client->loop));
}

/* --- lists --- */

static void request_enter(struct http_request *r, enum request_state state)
{
	struct request_list *list = &r->client->lists[state];

	r->state = state;
	r->next = NULL;
	r->previous = list->last;
	*(list->last ? &list->last->next : &list->first) = r;
	list->last = r;
}

static void request_leave(struct http_request *r)
{
	struct request_list *list = &r->client->lists[r->state];

	*(r->previous ? &r->previous->next : &list->first) = r->next;
	*(r->next ? &r->next->previous : &list->last) = r->previous;
}

/* --- the end of a request --- */

/* Let go of what only an active one has. */
static void request_stop(struct http_request *r)
{
	stream_free(&r->stream);
	timer_free(&r->limit);
	free(r->socks);
	r->socks = NULL;
	buf_free(&r->question);
	if (r->state == REQUEST_ACTIVE)
		r->client->active--;
}

static void request_free(struct http_request *r)
{
	request_stop(r);
	request_leave(r);
	free(r->isolation);
	free(r->host);
	free(r);
}

static void start_waiting(struct http_client *client);

static void request_end(struct http_request *r, enum http_end end)
{
	struct http_client *client = r->client;

	request_stop(r);
	request_leave(r);
	request_enter(r, REQUEST_ENDED);
	r->result.end = end;
	r->result.status = r->answer.status;
	r->result.duration_ms = now_ms(client) - r->started_ms;
	log_debug("http: ended after %lld ms: %d, status %d", (long long)r->result.duration_ms,
		  (int)end, r->result.status);
	timer_set(client->deliver, 0);
	start_waiting(client);
}

/* Tell of one request; nothing of ours is touched after the callback. */
static void deliver_fire(void *arg)
{
	struct http_client *client = arg;
	struct http_request *r = client->lists[REQUEST_ENDED].first;
	void (*done)(void *, const struct http_result *);
	struct http_result result;
	void *done_arg;

	if (!r)
		return;
	if (r->next)
		timer_set(client->deliver, 0);
	done = r->done;
	done_arg = r->arg;
	result = r->result;
	if (result.date_ms >= 0)
		result.date_ms += now_ms(client) - r->dated_ms;
	request_free(r);
	done(done_arg, &result);
}

/* --- a request on its way --- */

static int write_out(struct http_request *r)
{
	int result = stream_write(r->stream, r->question.data, r->question.len);

	buf_free(&r->question);
	return result;
}

static void send_question(struct http_request *r)
{
	r->step = STEP_ANSWER;
	r->result.reached = true;
	if (r->question.len > 0 && write_out(r))
		request_end(r, HTTP_FAILED);
}

static SSL_CTX *tls_of(struct http_client *client)
{
	SSL_CTX *ctx = client->tls;

	if (ctx)
		return ctx;
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_default_verify_paths(ctx) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* A resumed TLS session is as good as a cookie. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	client->tls = ctx;
	return ctx;
}

static void server_connected(struct http_request *r)
{
	SSL_CTX *ctx;

	if (!r->tls) {
		send_question(r);
		return;
	}
	r->step = STEP_TLS;
	ctx = tls_of(r->client);
	if (!ctx || stream_start_tls_client(r->stream, ctx, r->host, NULL))
		request_end(r, HTTP_FAILED);
}

/* With the last step goes the question, and tor takes it along to the exit, which needs it as soon
 * as it is connected: waiting for that would cost up to a round trip over the circuit. */
static void send_socks(struct http_request *r)
{
	bool last = r->socks->state == SOCKS_REQUEST && !r->tls;

	r->step = STEP_SOCKS;
	if ((r->socks->out_len > 0 && stream_write(r->stream, r->socks->out, r->socks->out_len)) ||
	    (last && r->question.len > 0 && write_out(r)))
		request_end(r, HTTP_FAILED);
}

static void on_opened(void *arg)
{
	struct http_request *r = arg;

	if (r->step == STEP_TLS)
		send_question(r);
	else if (r->socks)
		send_socks(r);
	else
		server_connected(r);
}

/* Replies that tell what became of the connection behind the circuit. With any other the proxy has
 * no circuit, or is told not to make one: none of the gateway's fault. */
static bool is_gateways_fault(int code)
{
	static const int codes[] = {
	    SOCKS_NOT_ALLOWED, /* by the exits that were tried */
	    SOCKS_NET_UNREACHABLE,
	    SOCKS_HOST_UNREACHABLE,
	    SOCKS_REFUSED,
	    SOCKS_TTL_EXPIRED,
	    SOCKS_ONION_NO_DESCRIPTOR,
	    SOCKS_ONION_BAD_DESCRIPTOR,
	    SOCKS_ONION_NO_INTRODUCTION,
	    SOCKS_ONION_NO_RENDEZVOUS,
	    SOCKS_ONION_NO_AUTH,
	    SOCKS_ONION_WRONG_AUTH,
	    SOCKS_ONION_BAD_ADDRESS,
	    SOCKS_ONION_INTRODUCTION_TIMEOUT,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return false;
}

static void take_answer(struct http_request *r, const uint8_t *data, size_t len);

static void take_socks(struct http_request *r, const uint8_t *data, size_t len)
{
	struct err err;
	size_t used;

	if (socks_feed(r->socks, data, len, &used, &err)) {
		log_debug("http: %s", err.text);
		request_end(r, is_gateways_fault(r->socks->code) ? HTTP_FAILED : HTTP_PROXY_DOWN);
	} else if (r->socks->state != SOCKS_OPEN) {
		send_socks(r);
	} else if (used < len && r->question.len > 0) {
		/* The server spoke before it was asked. */
		request_end(r, HTTP_FAILED);
	} else {
		free(r->socks);
		r->socks = NULL;
		server_connected(r);
		if (used < len)
			take_answer(r, data + used, len - used);
	}
}

/* A piece of the body; false: it was the last that is wanted, and the request has ended. */
static bool take_body(struct http_request *r, const uint8_t *data, size_t len)
{
	size_t room = r->body_limit - r->body_bytes;
	bool cut = len > room;

	if (cut)
		len = room;
	r->body_bytes += len;
	if (r->received && len > 0 && r->answer.status == 200 && !r->received(r->arg, data, len)) {
		request_end(r, HTTP_CONTENT);
		return false;
	}
	if (cut)
		request_end(r, HTTP_CUT);
	return !cut;
}

static void take_date(struct http_request *r)
{
	if (r->result.date_ms >= 0 || r->answer.date_s <= 0)
		return;
	/* The header is cut to seconds: half of one more is the best guess. */
	r->result.date_ms = r->answer.date_s * 1000 + 500;
	r->dated_ms = now_ms(r->client);
}

static void take_answer(struct http_request *r, const uint8_t *data, size_t len)
{
	const uint8_t *body;
	size_t used, body_len;
	struct err err;

	for (; len > 0; data += used, len -= used) {
		if (http_answer_feed(&r->answer, data, len, &used, &body, &body_len, &err)) {
			log_debug("http: %s", err.text);
			request_end(r, HTTP_FAILED);
			return;
		}
		take_date(r);
		if (body_len > 0 && !take_body(r, body, body_len))
			return;
		if (r->answer.state == HTTP_ANSWER_DONE) {
			request_end(r, HTTP_COMPLETE);
			return;
		}
	}
}

static void on_received(void *arg, const uint8_t *data, size_t len)
{
	struct http_request *r = arg;

	if (r->step == STEP_ANSWER)
		take_answer(r, data, len);
	else if (r->step == STEP_SOCKS)
		take_socks(r, data, len);
	else
		request_end(r, r->socks ? HTTP_PROXY_DOWN : HTTP_FAILED);
}

static void on_closed(void *arg, const struct err *why)
{
	struct http_request *r = arg;

	log_debug("http: %s", why->text);
	if (r->step == STEP_ANSWER && why->code == ERR_CLOSED && http_answer_is_whole(&r->answer))
		request_end(r, HTTP_COMPLETE);
	else
		request_end(r, r->socks ? HTTP_PROXY_DOWN : HTTP_FAILED);
}

static const struct stream_handler handler = {
    .opened = on_opened, .received = on_received, .closed = on_closed};

static void limit_passed(void *arg)
{
	struct http_request *r = arg;

	if (r->long_timeout_ms <= r->timeout_ms || r->body_bytes <= r->long_bytes) {
		request_end(r, HTTP_TIMEOUT);
		return;
	}
	timer_set(r->limit, r->long_timeout_ms - r->timeout_ms);
	r->long_timeout_ms = 0;
}

/* --- asking --- */

/* The same for each question with this isolation, so that it finds its circuit; if that one cannot
 * be used, the next that can. */
static const char *choose_proxy(const struct http_client *client, const char *isolation)
{
	unsigned hash = 0, number;

	/* It is random text already. */
	for (const char *at = isolation; *at != '\0'; at++)
		hash = 31 * hash + (unsigned char)*at;
	for (unsigned i = 0; i < client->proxy_count; i++) {
		number = (hash + i) % client->proxy_count;
		if (!client->unusable[number])
			return client->proxies[number];
	}
	return client->proxies[hash % client->proxy_count];
}

/* With a proxy nothing else is ever connected to, whatever the environment says. */
static struct stream *connect_first(struct http_request *r)
{
	struct http_client *client = r->client;
	char user[sizeof(SOCKS_USER_PREFIX) + HTTP_ISOLATION_MAX];

	if (client->proxy_count == 0)
		return stream_connect_tcp(client->loop, r->host, r->port, NULL);
	r->socks = malloc(sizeof(*r->socks));
	snprintf(user, sizeof(user), "%s%s", SOCKS_USER_PREFIX, r->isolation);
	if (!r->socks || socks_start(r->socks, user, r->host, r->port, NULL))
		return NULL;
	return tor_socket_connect(client->loop, choose_proxy(client, r->isolation), NULL);
}

static void request_start(struct http_request *r)
{
	struct http_client *client = r->client;

	request_leave(r);
	request_enter(r, REQUEST_ACTIVE);
	client->active++;
	r->started_ms = now_ms(client);
	r->limit = timer_new(loop_env(client->loop), limit_passed, r);
	if (!r->limit) {
		request_end(r, HTTP_FAILED);
		return;
	}
	timer_set(r->limit, r->timeout_ms);
	r->stream = connect_first(r);
	if (r->stream)
		stream_set_handler(r->stream, &handler, r);
	else
		request_end(r, client->proxy_count > 0 ? HTTP_PROXY_DOWN : HTTP_FAILED);
}

/* Not deeper than once: one that cannot start ends, which comes here again. */
static void start_waiting(struct http_client *client)
{
	if (client->starting)
		return;
	client->starting = true;
	while (client->active < HTTP_ACTIVE_MAX && client->lists[REQUEST_WAITING].first)
		request_start(client->lists[REQUEST_WAITING].first);
	client->starting = false;
}

static int write_question(struct http_request *r, const struct http_url *url, const char *json)
{
	buf_init(&r->question, QUESTION_MAX);
	if (buf_printf(&r->question, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n",
		       json ? "POST" : "GET", url->path, url->authority))
		return -1;
	if (!json)
		return buf_add_text(&r->question, "\r\n");
	return buf_printf(&r->question,
			  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			  strlen(json), json);
}

struct http_request *http_client_ask(struct http_client *client, const struct http_question *q)
{
	struct http_request *r = calloc(1, sizeof(*r));
	struct http_url url;

	assert(strlen(q->isolation) <= HTTP_ISOLATION_MAX);
	if (!r)
		return NULL;
	r->client = client;
	r->body_limit = q->body_limit;
	r->timeout_ms = q->timeout_ms;
	r->long_bytes = q->long_bytes;
	r->long_timeout_ms = q->long_timeout_ms;
	r->result.date_ms = -1;
	r->received = q->received;
	r->done = q->done;
	r->arg = q->arg;
	http_answer_start(&r->answer);
	request_enter(r, REQUEST_WAITING);
	if (http_url_parse(q->url, &url, NULL) || write_question(r, &url, q->json) ||
	    !(r->isolation = strdup(q->isolation)) || !(r->host = strdup(url.host))) {
		request_free(r);
		return NULL;
	}
	r->port = url.port;
	r->tls = url.tls;
	start_waiting(client);
	return r;
}

void http_request_cancel(struct http_request **request)
{
	struct http_request *r = *request;
	struct http_client *client;

	*request = NULL;
	if (!r)
		return;
	client = r->client;
	request_free(r);
	start_waiting(client);
}

/* --- the client --- */

int http_client_add_proxy(struct http_client *client, const char *socks, struct err *err)
{
	if (client->proxy_count == HTTP_PROXIES_MAX)
		return err_set(err, ERR_INPUT, "HTTP client: too many proxies");
	if (tor_socket_check(socks, err))
		return err_wrap(err, "SOCKS proxy");
	client->proxies[client->proxy_count] = strdup(socks);
	if (!client->proxies[client->proxy_count])
		return err_set(err, ERR_MEMORY, "HTTP client: out of memory");
	client->proxy_count++;
	return 0;
}

void http_client_set_usable(struct http_client *client, unsigned number, bool usable)
{
	assert(number < client->proxy_count);
	client->unusable[number] = !usable;
}

struct http_client *http_client_new(struct loop *loop, const char *socks, struct err *err)
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (!client) {
		err_set(err, ERR_MEMORY, "HTTP client: out of memory");
		return NULL;
	}
	client->loop = loop;
	client->deliver = timer_new(loop_env(loop), deliver_fire, client);
	if (!client->deliver)
		err_set(err, ERR_MEMORY, "HTTP client: out of memory");
	if (!client->deliver || (socks && http_client_add_proxy(client, socks, err)))
		http_client_free(&client);
	return client;
}

void http_client_free(struct http_client **client)
{
	struct http_client *old = *client;

	*client = NULL;
	if (!old)
		return;
	for (int state = REQUEST_WAITING; state <= REQUEST_ENDED; state++)
		while (old->lists[state].first)
			request_free(old->lists[state].first);
	for (unsigned i = 0; i < old->proxy_count; i++)
		free(old->proxies[i]);
	SSL_CTX_free(old->tls);
	timer_free(&old->deliver);
	free(old);
}
