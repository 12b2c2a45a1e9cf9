/*
 * tor_dial.c: dialling an onion service: client authorization to tor, then SOCKS, and again when
 * the reason of a failure may pass.
 */
#include "core/base/log.h"
#include "core/onion.h"
#include "core/socks.h"
#include "core/tor_socket.h"
#include "core/transport_tor_private.h"

#include <stdlib.h>
#include <string.h>

/* From the call to the result, whatever happens; tor itself gives up a stream after 120 s. */
#define DIAL_LIMIT_MS 120000
/* How often tor is asked, and the pause between: time for a descriptor to reach the relays. */
#define DIAL_TRIES_MAX 4
#define DIAL_PAUSE_MS  1500

enum dial_state {
	DIAL_WAITING,    /* for tor, or for a dial with another key to end */
	DIAL_GRANTING,   /* tor is being given the client authorization */
	DIAL_CONNECTING, /* SOCKS is under way */
	DIAL_PAUSED,     /* before the next try */
	DIAL_OVER,       /* failed; done is about to be called */
};

static const char *const state_names[] = {
    [DIAL_WAITING] = "waiting", [DIAL_GRANTING] = "granting", [DIAL_CONNECTING] = "connecting",
    [DIAL_PAUSED] = "paused",   [DIAL_OVER] = "over",
};

struct tor_dial {
	struct dial dial;
	enum dial_state state;
	struct tor_transport *owner;
	struct tor_dial *next;
	struct endpoint endpoint;
	char name[ONION_NAME_LEN + 1];
	char *isolation;
	struct tor_grant *grant;
	struct stream *stream;
	struct socks socks;
	unsigned tries;
	struct err last;     /* why the last try failed */
	struct timer *limit; /* of the whole dial */
	struct timer *step;  /* goes on from the loop */
	void (*done)(void *arg, struct stream *stream, const struct err *why);
	void *arg;
};

/* What a refusal of tor means for us. */
static const struct {
	int code;
	enum err_code error;
	bool passes; /* a later try may succeed */
} refusals[] = {
    {SOCKS_FAILURE, ERR_UNAVAILABLE, true},
    {SOCKS_NET_UNREACHABLE, ERR_UNAVAILABLE, true},
    {SOCKS_HOST_UNREACHABLE, ERR_UNAVAILABLE, true},
    {SOCKS_TTL_EXPIRED, ERR_TIMEOUT, true},
    {SOCKS_ONION_NO_DESCRIPTOR, ERR_NOT_FOUND, true},
    {SOCKS_ONION_BAD_DESCRIPTOR, ERR_UNAVAILABLE, true},
    {SOCKS_ONION_NO_INTRODUCTION, ERR_UNAVAILABLE, true},
    {SOCKS_ONION_NO_RENDEZVOUS, ERR_UNAVAILABLE, true},
    {SOCKS_ONION_INTRODUCTION_TIMEOUT, ERR_TIMEOUT, true},
    {SOCKS_ONION_NO_AUTH, ERR_AUTH, false},
    {SOCKS_ONION_WRONG_AUTH, ERR_AUTH, false},
    {SOCKS_ONION_BAD_ADDRESS, ERR_INPUT, false},
    {SOCKS_REFUSED, ERR_UNAVAILABLE, false},
};

static void enter_state(struct tor_dial *dial, enum dial_state state)
{
	log_debug("dial: %s -> %s", state_names[dial->state], state_names[state]);
	dial->state = state;
}

static void destroy(struct tor_dial *dial)
{
	struct tor_dial **at = &dial->owner->dials;

	while (*at != NULL && *at != dial)
		at = &(*at)->next;
	if (*at == dial)
		*at = dial->next;
	stream_free(&dial->stream);
	timer_free(&dial->limit);
	timer_free(&dial->step);
	tor_grant_drop(&dial->grant);
	free(dial->isolation);
	secret_free(dial, sizeof *dial);
}

/* Give the result; the dial is gone afterwards. Only from a callback of the dial's own. */
static void finish(struct tor_dial *dial, struct stream *stream, const struct err *why)
{
	void (*done)(void *arg, struct stream *stream, const struct err *why) = dial->done;
	void *arg = dial->arg;
	struct err told;

	if (why != NULL) {
		told = *why;
		err_wrap(&told, "dial");
	}
	destroy(dial);
	done(arg, stream, why != NULL ? &told : NULL);
}

/* The result comes from the loop. */
static void give_up(struct tor_dial *dial, const struct err *why)
{
	stream_free(&dial->stream);
	dial->last = *why;
	enter_state(dial, DIAL_OVER);
	timer_set(dial->step, 0);
}

static void try_failed(struct tor_dial *dial, const struct err *why, bool passes)
{
	log_debug("dial: try %u of %d: %s", dial->tries, DIAL_TRIES_MAX, why->text);
	if (!passes || dial->tries >= DIAL_TRIES_MAX) {
		give_up(dial, why);
		return;
	}
	stream_free(&dial->stream);
	dial->last = *why;
	enter_state(dial, DIAL_PAUSED);
	timer_set(dial->step, DIAL_PAUSE_MS);
}

static void refused(struct tor_dial *dial, struct err *why)
{
	bool passes = false;

	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (refusals[i].code == dial->socks.code) {
			why->code = refusals[i].error;
			passes = refusals[i].passes;
		}
	try_failed(dial, why, passes);
}

/* --- the SOCKS connection --- */

static void send_out(struct tor_dial *dial)
{
	struct err why;

	if (stream_write(dial->stream, dial->socks.out, dial->socks.out_len) != 0) {
		err_set(&why, ERR_MEMORY, "out of memory");
		give_up(dial, &why);
	}
}

static void opened(void *arg)
{
	send_out(arg);
}

static void received(void *arg, const uint8_t *data, size_t len)
{
	struct tor_dial *dial = arg;
	struct stream *stream;
	struct err why;
	size_t used;

	if (socks_feed(&dial->socks, data, len, &used, &why) != 0) {
		refused(dial, &why);
		return;
	}
	if (dial->socks.state != SOCKS_OPEN) {
		send_out(dial);
		return;
	}
	if (used < len) {
		err_set(&why, ERR_PROTOCOL, "the other end spoke before it was spoken to");
		try_failed(dial, &why, false);
		return;
	}
	stream = dial->stream;
	dial->stream = NULL;
	stream_set_handler(stream, NULL, NULL);
	finish(dial, stream, NULL);
}

static void closed(void *arg, const struct err *why)
{
	struct err told = *why;

	err_wrap(&told, "tor's SOCKS port");
	try_failed(arg, &told, true);
}

static const struct stream_handler stream_handler = {
    .opened = opened,
    .received = received,
    .closed = closed,
};

static void connect_socks(struct tor_dial *dial)
{
	char host[ONION_NAME_LEN + sizeof ".onion"];
	struct err why;

	enter_state(dial, DIAL_CONNECTING);
	dial->tries++;
	strcpy(host, dial->name);
	strcat(host, ".onion");
	if (socks_start(&dial->socks, dial->isolation, host, dial->endpoint.port, &why) != 0) {
		give_up(dial, &why);
		return;
	}
	dial->stream = tor_socket_connect(dial->owner->loop, dial->owner->socks, &why);
	if (dial->stream == NULL)
		try_failed(dial, &why, true);
	else
		stream_set_handler(dial->stream, &stream_handler, dial);
}

/* --- the way there --- */

static void try_once(struct tor_dial *dial)
{
	struct err why;

	if (dial->grant != NULL) {
		connect_socks(dial);
		return;
	}
	switch (tor_grant_take(dial->owner, &dial->endpoint, dial->name, &dial->grant, &why)) {
	case TOR_GRANT_READY:
		connect_socks(dial);
		break;
	case TOR_GRANT_SOON:
		enter_state(dial, DIAL_GRANTING);
		break;
	case TOR_GRANT_BUSY:
		enter_state(dial, DIAL_WAITING);
		break;
	case TOR_GRANT_FAILED:
		give_up(dial, &why);
		break;
	}
}

static void go_on(void *arg)
{
	struct tor_dial *dial = arg;

	if (dial->state == DIAL_OVER)
		finish(dial, NULL, &dial->last);
	else if (dial->owner->control != NULL)
		try_once(dial);
	else
		enter_state(dial, DIAL_WAITING);
}

static void limit_passed(void *arg)
{
	struct tor_dial *dial = arg;
	struct err why;

	if (dial->last.code != ERR_NONE)
		err_set(&why, ERR_TIMEOUT, "no connection in %d s; last: %s", DIAL_LIMIT_MS / 1000,
			dial->last.text);
	else
		err_set(&why, ERR_TIMEOUT, "no connection in %d s", DIAL_LIMIT_MS / 1000);
	finish(dial, NULL, &why);
}

void tor_dials_granted(struct tor_transport *transport, const struct tor_grant *grant,
		       const struct err *why)
{
	for (struct tor_dial *d = transport->dials; d != NULL; d = d->next) {
		if (d->grant != grant || d->state != DIAL_GRANTING)
			continue;
		if (why != NULL)
			give_up(d, why);
		else
			connect_socks(d);
	}
}

void tor_dials_wake(struct tor_transport *transport)
{
	for (struct tor_dial *d = transport->dials; d != NULL; d = d->next)
		if (d->state == DIAL_WAITING)
			timer_set(d->step, 0);
}

void tor_dials_down(struct tor_transport *transport)
{
	for (struct tor_dial *d = transport->dials; d != NULL; d = d->next) {
		stream_free(&d->stream);
		tor_grant_drop(&d->grant);
		if (d->state == DIAL_OVER)
			continue;
		timer_stop(d->step);
		enter_state(d, DIAL_WAITING);
	}
}

/* --- the calls of transport.h --- */

static int set_up(struct tor_dial *dial, const struct endpoint *endpoint, const char *isolation,
		  struct err *err)
{
	struct socks probe;

	if (endpoint->kind != ENDPOINT_ONION)
		return err_set(err, ERR_INPUT, "dial: not an onion endpoint");
	if (onion_name(endpoint->service, dial->name) != 0)
		return err_set(err, ERR_CRYPTO, "dial: SHA3-256");
	/* So that a bad isolation string shows here and not in the loop. */
	if (socks_start(&probe, isolation, dial->name, endpoint->port, err) != 0)
		return err_wrap(err, "dial");
	dial->endpoint = *endpoint;
	dial->isolation = strdup(isolation);
	dial->limit = timer_new(dial->owner->env, limit_passed, dial);
	dial->step = timer_new(dial->owner->env, go_on, dial);
	if (dial->isolation == NULL || dial->limit == NULL || dial->step == NULL)
		return err_set(err, ERR_MEMORY, "dial: out of memory");
	return 0;
}

struct dial *tor_dial_new(struct transport *transport, const struct endpoint *endpoint,
			  const char *isolation,
			  void (*done)(void *arg, struct stream *stream, const struct err *why),
			  void *arg, struct err *err)
{
	struct tor_transport *owner = (struct tor_transport *)transport;
	struct tor_dial *dial = calloc(1, sizeof *dial);

	if (dial == NULL) {
		err_set(err, ERR_MEMORY, "dial: out of memory");
		return NULL;
	}
	dial->dial.transport = transport;
	dial->owner = owner;
	dial->done = done;
	dial->arg = arg;
	if (set_up(dial, endpoint, isolation, err) != 0) {
		destroy(dial);
		return NULL;
	}
	dial->next = owner->dials;
	owner->dials = dial;
	timer_set(dial->limit, DIAL_LIMIT_MS);
	timer_set(dial->step, 0);
	return &dial->dial;
}

void tor_dial_cancel(struct dial *dial)
{
	destroy((struct tor_dial *)dial);
}
