/*
 * attack.c: one dial each, from the host STRANGER, which has no engine.
 */
#include "tests/scenario/attack.h"

#include "tests/scenario/check_wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define GARBAGE_LEN 600
/* The tag of session's first message, see protocol.md, Session. */
#define TAG_LEN 16

struct attack {
	struct daemon *victim;
	struct transport *transport;
	enum attack_kind kind;
	struct dial *dial;
	struct stream *stream;
	int64_t opened_ms, closed_ms; /* -1: not yet */
};

static const char *const kind_names[] = {"silent", "garbage", "tag", "half", "replay", NULL};

const char *attack_kind_name(enum attack_kind kind)
{
	return kind_names[kind];
}

static int64_t now(const struct attack *attack)
{
	return fake_clock_now(attack->victim->world->clock);
}

/* What a contact has sent to the victim in the first connection. */
static const struct buf *heard(const struct attack *attack)
{
	const struct fake_net *net = attack->victim->world->net;
	for (unsigned i = 0; i < fake_net_conns(net); i++) {
		const struct fake_conn *conn = fake_net_conn(net, i);
		if (strcmp(conn->listener, attack->victim->name) == 0 &&
		    strcmp(conn->dialler, STRANGER) != 0 && conn->up.bytes.len > TAG_LEN)
			return &conn->up.bytes;
	}
	world_fail(attack->victim->world, "nobody has dialled %s yet", attack->victim->name);
	return NULL;
}

static void speak(struct attack *attack)
{
	struct world *world = attack->victim->world;
	uint8_t garbage[GARBAGE_LEN];
	size_t hello = check_wire_hello(world->wire);
	const struct buf *bytes = NULL;
	env_random(world->env, garbage, sizeof garbage);
	if (attack->kind >= ATTACK_TAG)
		bytes = heard(attack);
	if (attack->kind >= ATTACK_TAG && (!bytes || hello == 0))
		return;
	if (attack->kind == ATTACK_TAG)
		memcpy(garbage, bytes->data, TAG_LEN);
	if (attack->kind == ATTACK_GARBAGE || attack->kind == ATTACK_TAG)
		stream_write(attack->stream, garbage, sizeof garbage);
	else if (attack->kind == ATTACK_HALF)
		stream_write(attack->stream, bytes->data, (hello + TAG_LEN) / 2);
	else if (attack->kind == ATTACK_REPLAY)
		stream_write(attack->stream, bytes->data, bytes->len);
}

static void on_received(void *arg, const uint8_t *data, size_t len)
{
	struct attack *attack = arg;
	(void)data;
	world_fail(attack->victim->world, "%s has sent %zu bytes to a stranger",
		   attack->victim->name, len);
}

static void on_closed(void *arg, const struct err *why)
{
	struct attack *attack = arg;
	(void)why;
	attack->closed_ms = now(attack);
	stream_free(&attack->stream);
}

static const struct stream_handler stream_handler = {.received = on_received, .closed = on_closed};

static void on_dialled(void *arg, struct stream *stream, const struct err *why)
{
	struct attack *attack = arg;
	attack->dial = NULL;
	if (!stream) {
		world_fail(attack->victim->world, "the stranger cannot dial %s: %s",
			   attack->victim->name, why->text);
		return;
	}
	attack->stream = stream;
	attack->opened_ms = now(attack);
	stream_set_handler(stream, &stream_handler, attack);
	speak(attack);
}

struct attack *attack_new(struct daemon *victim, enum attack_kind kind)
{
	struct endpoint endpoint;
	struct attack *attack = calloc(1, sizeof *attack);
	assert(attack);
	attack->victim = victim;
	attack->kind = kind;
	attack->opened_ms = attack->closed_ms = -1;
	attack->transport = fake_host_transport(fake_net_host(victim->world->net, STRANGER));
	if (fake_host_endpoint(victim->host, 0, &endpoint) < 0)
		world_fail(victim->world, "%s has no service", victim->name);
	else
		attack->dial = attack->transport->ops->dial(attack->transport, &endpoint,
							    "stranger", on_dialled, attack, NULL);
	return attack;
}

void attack_free(struct attack **attack)
{
	if ((*attack)->dial)
		(*attack)->transport->ops->dial_cancel((*attack)->dial);
	stream_free(&(*attack)->stream);
	free(*attack);
	*attack = NULL;
}

int64_t attack_lasted_ms(const struct attack *attack)
{
	if (attack->opened_ms < 0)
		return -2;
	return attack->closed_ms < 0 ? -1 : attack->closed_ms - attack->opened_ms;
}
