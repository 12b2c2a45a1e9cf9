/*
 * fake_http.c: stands in for core/http_client.c, under the fake clock, with fake_gateways.c at the
 * other end. The program that is linked with it opens no socket for HTTP.
 *
 * It keeps http_client.h's contract: time limit, body limit, pieces of a body, callbacks from the
 * loop only. Gateways are http://10.0.N.1.
 */
#include "core/base/codec.h"
#include "core/http_client.h"
#include "tests/scenario/fake_gateways.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A body comes in pieces of this size, and so many bytes a ms. */
#define PIECE      4096
#define BYTES_A_MS 1000

struct http_request {
	struct http_client *client;
	struct http_request *next, **link;
	struct timer *timer;
	struct http_question question; /* its strings are not kept */
	struct fake_request request;
	struct fake_answer answer;
	char circuit[HTTP_ISOLATION_MAX + 1];
	int64_t back_ms; /* how long the answer travels */
	size_t in_time;  /* so many bytes of it come in time */
	bool asked;
	struct http_result result;
};

struct http_client {
	const struct env *env;
	struct fake_gateways *gateways;
	struct http_request *requests;
};

static int64_t travel(const struct http_client *client)
{
	return FAKE_TOR_MIN_MS +
	       (int64_t)env_random_below(client->env, FAKE_TOR_MAX_MS - FAKE_TOR_MIN_MS);
}

static void request_free(struct http_request *r)
{
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	timer_free(&r->timer);
	buf_free(&r->answer.body);
	free(r);
}

static enum http_end body_arrives(struct http_request *r)
{
	const struct buf *body = &r->answer.body;
	size_t most = r->answer.half ? body->len / 2 : body->len;
	bool cut = most > r->question.body_limit, late = most > r->in_time;
	if (cut)
		most = r->question.body_limit;
	if (late && most > r->in_time)
		most = r->in_time;
	for (size_t at = 0; at < most && r->question.received && r->result.status == 200;) {
		size_t len = most - at < PIECE ? most - at : PIECE;
		if (!r->question.received(r->question.arg, body->data + at, len))
			return HTTP_CONTENT;
		at += len;
	}
	return late ? HTTP_TIMEOUT : cut ? HTTP_CUT : r->answer.half ? HTTP_FAILED : HTTP_COMPLETE;
}

static void request_end(struct http_request *r, enum http_end end)
{
	void (*done)(void *, const struct http_result *) = r->question.done;
	void *arg = r->question.arg;
	struct http_result result = r->result;
	result.end = end;
	request_free(r);
	done(arg, &result);
}

/* As long as the patience lasts, which is longer for a body that is long. */
static void body_travels(struct http_request *r, int64_t left)
{
	const struct http_question *q = &r->question;
	size_t len = r->answer.body.len < q->body_limit ? r->answer.body.len : q->body_limit;
	int64_t most;
	if (!r->result.status)
		return;
	most = left - r->back_ms;
	if (q->long_timeout_ms > 0 && (int64_t)len > most * BYTES_A_MS &&
	    most * BYTES_A_MS > (int64_t)q->long_bytes)
		most += q->long_timeout_ms - q->timeout_ms;
	r->in_time = (size_t)most * BYTES_A_MS;
	r->back_ms += (int64_t)(len < r->in_time ? len : r->in_time) / BYTES_A_MS;
}

/* First the question arrives, then the answer, or the patience is over. */
static void request_fire(void *arg)
{
	struct http_request *r = arg;
	int64_t spent = r->result.duration_ms, left = r->question.timeout_ms - spent;
	if (r->asked) {
		request_end(r, r->result.status ? body_arrives(r) : HTTP_TIMEOUT);
		return;
	}
	r->asked = true;
	fake_gateways_ask(r->client->gateways, &r->request, r->question.body_limit, &r->answer);
	if (r->answer.refused) {
		request_end(r, HTTP_FAILED);
		return;
	}
	r->result.reached = true;
	r->back_ms = travel(r->client) + r->answer.delay_ms;
	if (r->answer.status && r->back_ms <= left)
		r->result.status = r->answer.status;
	else
		r->back_ms = left;
	body_travels(r, left);
	r->result.duration_ms += r->back_ms;
	timer_set(r->timer, r->back_ms);
}

/* http://10.0.N.1/key/<40 hex> */
static void parse(struct http_request *r, const struct http_question *q)
{
	static const char start[] = "{\"data\":\"";
	const char *key = strrchr(q->url, '/') + 1;
	assert(sscanf(q->url, "http://10.0.%u.1/key/", &r->request.gateway) == 1);
	assert(hex_decode(key, strlen(key), r->request.key, LOOKUP_KEY_LEN) == LOOKUP_KEY_LEN);
	r->request.put = q->json != NULL;
	if (!q->json)
		return;
	assert(strncmp(q->json, start, strlen(start)) == 0);
	assert(base64_decode(q->json + strlen(start), BASE64_LEN(RECORD_LEN), r->request.value,
			     RECORD_LEN) == RECORD_LEN);
}

struct http_request *http_client_ask(struct http_client *client, const struct http_question *q)
{
	struct http_request *r = calloc(1, sizeof *r);
	assert(r);
	r->client = client;
	r->question = *q;
	r->result.date_ms = -1;
	snprintf(r->circuit, sizeof r->circuit, "%s", q->isolation);
	r->request.circuit = r->circuit;
	parse(r, q);
	r->timer = timer_new(client->env, request_fire, r);
	r->next = client->requests;
	r->link = &client->requests;
	if (r->next)
		r->next->link = &r->next;
	client->requests = r;
	r->result.duration_ms = 2 * travel(client); /* a connection and the question */
	timer_set(r->timer, r->result.duration_ms);
	return r;
}

void http_request_cancel(struct http_request **request)
{
	struct http_request *old = *request;
	*request = NULL;
	if (old)
		request_free(old);
}

struct http_client *fake_http_new(struct fake_gateways *gateways, const struct env *env)
{
	struct http_client *client = calloc(1, sizeof *client);
	assert(client);
	client->env = env;
	client->gateways = gateways;
	return client;
}

struct http_client *http_client_new(struct loop *loop, const char *socks, struct err *err)
{
	(void)loop;
	(void)socks;
	err_set(err, ERR_UNAVAILABLE, "no HTTP here");
	return NULL;
}

void http_client_free(struct http_client **client)
{
	struct http_client *old = *client;
	*client = NULL;
	if (!old)
		return;
	while (old->requests)
		request_free(old->requests);
	free(old);
}

int http_client_add_proxy(struct http_client *client, const char *socks, struct err *err)
{
	(void)client;
	(void)socks;
	return err_set(err, ERR_UNAVAILABLE, "no proxies here");
}

void http_client_set_usable(struct http_client *client, unsigned number, bool usable)
{
	(void)client;
	(void)number;
	(void)usable;
}
