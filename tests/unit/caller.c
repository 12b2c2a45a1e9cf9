/*
 * caller.c: see caller.h.
 */
#include "tests/unit/caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How long an answer may take, in ms: twice the net's latency. */
#define ANSWER_MS 1000

static void on_received(void *arg, const uint8_t *data, size_t len)
{
	struct caller *caller = arg;

	assert_int_equal(buf_add(&caller->bytes, data, len), 0);
}

static void on_closed(void *arg, const struct err *why)
{
	struct caller *caller = arg;

	(void)why;
	caller->closed = true;
	stream_free(&caller->stream);
}

static const struct stream_handler stream_handler = {.received = on_received, .closed = on_closed};

struct caller *caller_new(struct rig *rig, struct node_rig *host, const char *name,
			  const char *link)
{
	struct caller *caller = calloc(1, sizeof(*caller));
	SECRET struct key secret;

	assert_non_null(caller);
	caller->host = host;
	caller->net_host = fake_net_host(rig->net, name);
	caller->fake = fake_env_new(rig->clock);
	caller->env = fake_env_env(caller->fake);
	buf_init(&caller->bytes, 1 << 20);
	assert_int_equal(identity_generate(caller->env, &caller->identity, NULL), 0);
	env_random(caller->env, caller->secret.bytes, KEY_LEN);
	assert_int_equal(invitation_parse(link, &caller->invitation, NULL), 0);
	assert_int_equal(
	    invitation_door(&caller->invitation, &caller->door_identity, &secret, NULL), 0);
	assert_int_equal(pair_derive(&caller->door_identity, caller->invitation.host, &secret,
				     &caller->door, NULL),
			 0);
	caller->introduction.secret = caller->secret;
	snprintf(caller->introduction.name, sizeof(caller->introduction.name), "%s", name);
	return caller;
}

static void hang_up(struct caller *caller)
{
	dial_cancel(&caller->dial);
	stream_free(&caller->stream);
	noise_free(&caller->noise);
	buf_clear(&caller->bytes);
	caller->closed = false;
}

void caller_free(struct caller **caller)
{
	hang_up(*caller);
	buf_free(&(*caller)->bytes);
	fake_env_free(&(*caller)->fake);
	free(*caller);
	*caller = NULL;
}

static void on_dialled(void *arg, struct stream *stream, const struct err *why)
{
	struct caller *caller = arg;

	caller->dial = NULL;
	if (stream == NULL)
		fail_msg("caller: %s", why->text);
	caller->stream = stream;
	stream_set_handler(stream, &stream_handler, caller);
}

void caller_dial(struct caller *caller)
{
	struct endpoint endpoint;

	hang_up(caller);
	assert_int_equal(fake_host_endpoint(caller->host->host, 0, &endpoint), 0);
	caller->dial = transport_dial(fake_host_transport(caller->net_host), &endpoint, "caller",
				      on_dialled, caller, NULL);
	while (caller->stream == NULL)
		rig_run(caller->host->rig, 10);
}

void caller_say(struct caller *caller, const void *data, size_t len)
{
	assert_int_equal(stream_write(caller->stream, data, len), 0);
}

static bool wait_for(struct caller *caller, size_t len)
{
	for (int ms = 0; ms < ANSWER_MS && caller->bytes.len < len; ms += 10)
		rig_run(caller->host->rig, 10);
	return caller->bytes.len >= len;
}

/* As introduction_knock, with a key out of thin air. */
static struct noise *knock_by_guess(struct caller *caller, uint64_t epoch)
{
	static const char label[] = "tacet 1 introduction";
	uint8_t prologue[sizeof(label) - 1 + KNOCK_TAG_LEN], payload[KNOCK_PAYLOAD_LEN];
	const struct key guess = {{1}};
	const struct noise_start start = {
	    .pattern = NOISE_XKPSK3,
	    .role = NOISE_INITIATOR,
	    .prologue = prologue,
	    .prologue_len = sizeof(prologue),
	    .s = &caller->identity.private_key,
	    .s_public = caller->identity.public_key,
	    .rs = caller->invitation.host,
	    .psk = &guess,
	};
	struct noise *noise;

	pair_knock_tag(&caller->door.out, epoch, caller->knock);
	memcpy(prologue, label, sizeof(label) - 1);
	memcpy(prologue + sizeof(label) - 1, caller->knock, KNOCK_TAG_LEN);
	hello_write(&caller->hello, payload);
	noise = noise_new(caller->env, &start, NULL);
	assert_non_null(noise);
	assert_int_equal(noise_write(noise, payload, sizeof(payload), caller->knock + KNOCK_TAG_LEN,
				     KNOCK_LEN - KNOCK_TAG_LEN, NULL),
			 KNOCK_LEN - KNOCK_TAG_LEN);
	return noise;
}

bool caller_knock(struct caller *caller)
{
	int64_t now = env_wall_ms(caller->env);
	uint8_t answer[ANSWER_LEN];

	if (caller->hello.time_ms == 0)
		caller->hello = (struct hello){
		    .time_ms = now, .version_min = SESSION_VERSION, .version_max = SESSION_VERSION};
	introduction_mark(&caller->secret, caller->hello.instance);
	noise_free(&caller->noise);
	if (caller->guesses)
		caller->noise = knock_by_guess(caller, pair_epoch(&caller->door, now));
	else
		caller->noise = introduction_knock(
		    caller->env, &caller->identity, caller->invitation.host, &caller->door,
		    pair_epoch(&caller->door, now), &caller->hello, caller->knock, NULL);
	assert_non_null(caller->noise);
	caller->hello.time_ms = 0;
	caller_say(caller, caller->knock, KNOCK_LEN);
	if (!wait_for(caller, ANSWER_LEN))
		return false;
	memcpy(answer, caller->bytes.data, ANSWER_LEN);
	assert_int_equal(caller->bytes.len, ANSWER_LEN);
	buf_clear(&caller->bytes);
	assert_int_equal(introduction_read_answer(caller->noise, answer, &caller->bits, NULL), 0);
	work_challenge(answer, caller->introduction.secret.bytes);
	assert_true(work_try(caller->introduction.secret.bytes, caller->bits, 1 << 24,
			     &caller->introduction.nonce));
	caller->introduction.secret = caller->secret;
	return true;
}

static int on_frame(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
	(void)data;
	*(bool *)arg = type == FRAME_ACK && len == 0;
	return 0;
}

bool caller_show(struct caller *caller)
{
	uint8_t message[INTRODUCTION_LEN], hash[SHA256_LEN];
	struct noise_cipher send, receive;
	struct frame_reader reader;
	bool acknowledged = false;

	assert_int_equal(introduction_write(caller->noise, &caller->introduction, message, NULL),
			 0);
	caller_say(caller, message, sizeof(message));
	if (!wait_for(caller, FRAME_LEN))
		return false;
	assert_int_equal(caller->bytes.len, FRAME_LEN);
	assert_int_equal(noise_split(caller->noise, &send, &receive, hash, NULL), 0);
	frame_reader_init(&reader, &receive);
	assert_int_equal(
	    frame_read(&reader, caller->bytes.data, FRAME_LEN, on_frame, &acknowledged, NULL), 0);
	frame_reader_wipe(&reader);
	return acknowledged;
}

bool caller_visit(struct caller *caller)
{
	caller_dial(caller);
	return caller_knock(caller) && caller_show(caller);
}

bool caller_hears_nothing(struct caller *caller)
{
	for (int s = 0; s < 60 && !caller->closed; s++)
		rig_run(caller->host->rig, 1000);
	assert_true(caller->closed);
	return caller->bytes.len == 0;
}
