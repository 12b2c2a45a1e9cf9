/*
 * puppet.c: see puppet.h.
 */
#include "tests/unit/puppet.h"

#include "core/base/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- lines --- */

static int on_frame(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
	struct line *line = arg;
	unsigned n = line->frames;

	line->count[type]++;
	if (n < PUPPET_FRAMES) {
		line->frame[n].type = type;
		line->frame[n].len = len;
		if (len > 0)
			memcpy(line->frame[n].data, data, len < 64 ? len : 64);
		line->frames++;
	}
	return 0;
}

static void read_frames(struct line *line)
{
	struct err err = {0};

	if (!line->up || line->bytes.len == 0)
		return;
	if (frame_read(&line->reader, line->bytes.data, line->bytes.len, on_frame, line, &err) != 0)
		fail_msg("puppet: %s", err.text);
	buf_clear(&line->bytes);
}

static void on_received(void *arg, const uint8_t *data, size_t len)
{
	struct line *line = arg;

	line->total += len;
	assert_int_equal(buf_add(&line->bytes, data, len), 0);
	read_frames(line);
}

static void on_closed(void *arg, const struct err *why)
{
	struct line *line = arg;

	(void)why;
	line->closed = true;
	line->closed_ms = fake_clock_now(line->puppet->rig->clock);
	stream_free(&line->stream);
}

static const struct stream_handler stream_handler = {.received = on_received, .closed = on_closed};

static struct line *line_new(struct puppet *puppet, bool dialled)
{
	struct line *line = calloc(1, sizeof(*line));

	assert_non_null(line);
	line->puppet = puppet;
	line->dialled = dialled;
	buf_init(&line->bytes, 1 << 24);
	line->next = puppet->lines;
	puppet->lines = line;
	return line;
}

static void line_open(struct line *line, struct stream *stream)
{
	line->stream = stream;
	line->opened_ms = fake_clock_now(line->puppet->rig->clock);
	stream_set_handler(stream, &stream_handler, line);
}

void line_close(struct line *line)
{
	stream_free(&line->stream);
	line->closed = true;
}

static void line_free(struct line *line)
{
	dial_cancel(&line->dial);
	stream_free(&line->stream);
	noise_free(&line->noise);
	noise_cipher_wipe(&line->send);
	frame_reader_wipe(&line->reader);
	buf_free(&line->bytes);
	free(line);
}

static void on_dialled(void *arg, struct stream *stream, const struct err *why)
{
	struct line *line = arg;

	line->dial = NULL;
	if (stream == NULL)
		fail_msg("puppet: %s", why->text);
	line_open(line, stream);
}

struct line *puppet_dial(struct puppet *puppet)
{
	struct line *line = line_new(puppet, true);
	struct endpoint endpoint;

	assert_int_equal(fake_host_endpoint(puppet->victim->host, 0, &endpoint), 0);
	line->dial = transport_dial(fake_host_transport(puppet->host), &endpoint, "puppet",
				    on_dialled, line, NULL);
	while (line->stream == NULL)
		rig_run(puppet->rig, 10);
	return line;
}

struct hello puppet_hello(const struct puppet *puppet)
{
	struct hello hello = {.time_ms = env_wall_ms(puppet->env),
			      .version_min = SESSION_VERSION,
			      .version_max = SESSION_VERSION};

	memcpy(hello.instance, puppet->instance, INSTANCE_LEN);
	return hello;
}

void line_knock(struct line *line, const struct hello *hello, bool in_bytes)
{
	struct puppet *puppet = line->puppet;
	uint8_t knock[KNOCK_LEN];
	uint64_t epoch = pair_epoch(&puppet->pair, env_wall_ms(puppet->env));

	line->noise = knock_write(puppet->env, &puppet->identity, puppet->victim_key, &puppet->pair,
				  epoch, hello, knock, NULL);
	assert_non_null(line->noise);
	for (size_t i = 0; in_bytes && i < KNOCK_LEN; i++) {
		stream_write(line->stream, knock + i, 1);
		rig_run(puppet->rig, 10);
	}
	if (!in_bytes)
		stream_write(line->stream, knock, KNOCK_LEN);
}

static void split(struct line *line)
{
	struct noise_cipher receive;

	assert_int_equal(noise_split(line->noise, &line->send, &receive, line->hash, NULL), 0);
	frame_reader_init(&line->reader, &receive);
	noise_cipher_wipe(&receive);
	line->up = true;
	read_frames(line);
}

bool line_shake(struct line *line)
{
	int64_t end = fake_clock_now(line->puppet->rig->clock) + 2000;
	uint8_t answer[ANSWER_LEN];

	while (line->bytes.len < ANSWER_LEN) {
		if (fake_clock_now(line->puppet->rig->clock) >= end)
			return false;
		rig_run(line->puppet->rig, 1);
	}
	memcpy(answer, line->bytes.data, ANSWER_LEN);
	buf_drain(&line->bytes, ANSWER_LEN);
	assert_int_equal(answer_read(line->noise, answer, &line->hello, NULL), 0);
	split(line);
	return true;
}

struct line *puppet_link(struct puppet *puppet)
{
	struct line *line = puppet_dial(puppet);
	struct hello hello = puppet_hello(puppet);

	line_knock(line, &hello, false);
	assert_true(line_shake(line));
	line_status(line, SHOW_AVAILABLE, env_wall_ms(puppet->env));
	rig_run(puppet->rig, 500);
	return line;
}

/* --- being dialled --- */

static void on_accepted(void *arg, struct stream *stream)
{
	struct puppet *puppet = arg;

	puppet->accepted = line_new(puppet, false);
	line_open(puppet->accepted, stream);
}

static const struct service_handler service_handler = {.accepted = on_accepted};

static void on_put(void *arg, const struct registry_published *result)
{
	assert_true(result->stored > 0);
	*(bool *)arg = true;
}

void puppet_publish(struct puppet *puppet, const struct record *record)
{
	static const char *const circuit = "puppet";
	struct registry_entry entry;
	struct registry *registry =
	    registry_memory_new(puppet->env, puppet->rig->store, RIG_REGISTRY_MS);
	bool done = false;

	pair_lookup_key(&puppet->pair.out, pair_epoch(&puppet->pair, env_wall_ms(puppet->env)), 0,
			entry.key);
	assert_int_equal(record_seal(puppet->env, &puppet->identity, puppet->victim_key,
				     &puppet->pair.out, entry.key, record, entry.value, NULL),
			 0);
	assert_non_null(registry_publish(registry, circuit, &entry, 1, on_put, &done));
	while (!done)
		rig_run(puppet->rig, 10);
	registry_free(&registry);
}

void puppet_listen(struct puppet *puppet)
{
	struct record record = {.lifetime_s = 600};

	puppet->service =
	    service_new(fake_host_transport(puppet->host), &service_handler, puppet, NULL);
	assert_non_null(puppet->service);
	rig_run(puppet->rig, 5000);
	record.issued_ms = env_wall_ms(puppet->env);
	record.sequence = ++puppet->sequence;
	assert_int_equal(service_endpoint(puppet->service, 0, &record.endpoint), 0);
	puppet_publish(puppet, &record);
}

void line_answer(struct line *line)
{
	struct puppet *puppet = line->puppet;
	struct hello hello = puppet_hello(puppet);
	uint8_t answer[ANSWER_LEN];
	uint8_t knock[KNOCK_LEN];

	while (line->bytes.len < KNOCK_LEN)
		rig_run(puppet->rig, 1);
	memcpy(knock, line->bytes.data, KNOCK_LEN);
	buf_drain(&line->bytes, KNOCK_LEN);
	line->noise = knock_read(puppet->env, &puppet->identity, puppet->victim_key, &puppet->pair,
				 knock, &line->hello, NULL);
	assert_non_null(line->noise);
	assert_int_equal(answer_write(line->noise, &hello, answer, NULL), 0);
	stream_write(line->stream, answer, sizeof(answer));
	split(line);
}

/* --- saying things --- */

void line_send(struct line *line, enum frame_type type, const void *data, size_t len)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(frame_seal(&line->send, type, data, len, &out, NULL), 0);
	if (line->stream != NULL)
		stream_write(line->stream, out.data, out.len);
	buf_free(&out);
}

void line_status(struct line *line, enum show show, int64_t time_ms)
{
	struct status_frame frame = {
	    .status = {.show = show}, .renewal_ms = 120000, .time_ms = time_ms};
	uint8_t data[STATUS_FRAME_MAX];

	line_send(line, FRAME_STATUS, data, status_encode(&frame, data));
}

void line_data(struct line *line, uint64_t id, const char *text)
{
	uint8_t data[PAYLOAD_MAX + 100];
	struct writer w;

	writer_init(&w, data, sizeof(data));
	write_u64(&w, id);
	write_u64(&w, 1000);
	write_bytes(&w, text, strlen(text));
	assert_false(w.bad);
	line_send(line, FRAME_DATA, data, w.len);
}

void line_id(struct line *line, enum frame_type type, uint64_t id)
{
	uint8_t data[8];
	struct writer w;

	writer_init(&w, data, sizeof(data));
	write_u64(&w, id);
	line_send(line, type, data, sizeof(data));
}

uint64_t line_frame_id(const struct line *line, enum frame_type type, unsigned n)
{
	for (unsigned i = 0; i < line->frames; i++) {
		struct reader r;
		if (line->frame[i].type != type || n-- > 0)
			continue;
		reader_init(&r, line->frame[i].data, line->frame[i].len);
		return read_u64(&r);
	}
	fail_msg("puppet: no such frame");
	return 0;
}

/* --- life --- */

struct puppet *puppet_new(struct rig *rig, struct node_rig *victim, bool low)
{
	static const struct key no_secret;
	struct puppet *puppet = calloc(1, sizeof(*puppet));
	struct err err = {0};

	assert_non_null(puppet);
	puppet->rig = rig;
	puppet->victim = victim;
	puppet->fake = fake_env_new(rig->clock);
	puppet->env = fake_env_env(puppet->fake);
	puppet->host = fake_net_host(rig->net, "puppet");
	env_random(puppet->env, puppet->instance, INSTANCE_LEN);
	assert_int_equal(id_decode(victim->id, puppet->victim_key, &err), 0);
	do {
		identity_wipe(&puppet->identity);
		assert_int_equal(identity_generate(puppet->env, &puppet->identity, &err), 0);
		assert_int_equal(pair_derive(&puppet->identity, puppet->victim_key, &no_secret,
					     &puppet->pair, &err),
				 0);
	} while (puppet->pair.low != low);
	id_encode(puppet->identity.public_key, puppet->id);
	assert_non_null(contact_add(victim->account, puppet->id, "puppet", NULL, &err));
	return puppet;
}

void puppet_free(struct puppet **puppet)
{
	struct puppet *p = *puppet;

	service_free(&p->service);
	while (p->lines != NULL) {
		struct line *line = p->lines;
		p->lines = line->next;
		line_free(line);
	}
	identity_wipe(&p->identity);
	pair_wipe(&p->pair);
	fake_env_free(&p->fake);
	free(p);
	*puppet = NULL;
}

struct contact *puppet_contact(const struct puppet *puppet)
{
	return contact_find(puppet->victim->account, puppet->id);
}
