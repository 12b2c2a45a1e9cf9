/*
 * visit.c: see visit.h.
 */
#include "core/visit.h"

#include "core/base/log.h"
#include "core/introduction.h"
#include "core/request.h"

#include <stdlib.h>
#include <string.h>

struct visit {
	struct account *account;
	struct visit *next;
	struct door *door;
	struct stream *stream;
	struct timer *limit;
	struct noise *noise;
	uint8_t mark[INSTANCE_LEN];
	unsigned bits; /* of work that we have asked for */
	uint8_t challenge[SHA256_LEN];
	uint8_t message[INTRODUCTION_LEN];
	size_t len; /* of message, as far as it has come */
};

/* The stream is the caller's. */
static struct stream *visit_release(struct visit *visit)
{
	struct visit **link = &visit->account->visits;
	struct stream *stream = visit->stream;

	while (*link != visit)
		link = &(*link)->next;
	*link = visit->next;
	visit->account->visit_count--;
	timer_free(&visit->limit);
	noise_free(&visit->noise);
	secret_free(visit, sizeof(*visit));
	return stream;
}

static void visit_silence(struct visit *visit, const char *why)
{
	struct resident *resident = visit->account->resident;

	log_info("invitation: a guest is not let in: %s", why);
	resident_silence(resident, visit_release(visit));
}

/* The request is stored: say so, and let him go. */
static void acknowledge(struct visit *visit)
{
	struct farewells *farewells = visit->account->engine->farewells;
	struct noise_cipher send, receive;
	uint8_t hash[SHA256_LEN];
	struct buf out;
	struct err why = {0};
	bool sent = false;

	buf_init(&out, FRAME_LEN);
	if (noise_split(visit->noise, &send, &receive, hash, &why) == 0) {
		sent = frame_seal(&send, FRAME_ACK, NULL, 0, &out, &why) == 0 &&
		       stream_write(visit->stream, out.data, out.len) == 0;
		noise_cipher_wipe(&send);
		noise_cipher_wipe(&receive);
	}
	buf_free(&out);
	if (sent)
		farewells_add(farewells, visit_release(visit));
	else
		visit_silence(visit, why.text);
}

static void judge(struct visit *visit)
{
	struct introduction introduction;
	uint8_t guest[X25519_LEN];
	struct err why = {0};

	if (introduction_read(visit->noise, visit->message, guest, &introduction, &why) < 0)
		visit_silence(visit, why.text);
	else if (!work_good(visit->challenge, introduction.nonce, visit->bits))
		visit_silence(visit, "he has not done the work");
	else if (request_admit(visit->account, visit->door, guest, visit->mark, &introduction,
			       &why) < 0)
		visit_silence(visit, why.text);
	else
		acknowledge(visit);
	secret_wipe(&introduction, sizeof(introduction));
}

static void received(void *arg, const uint8_t *data, size_t len)
{
	struct visit *visit = arg;

	if (len > INTRODUCTION_LEN - visit->len) {
		visit_silence(visit, "he says too much");
		return;
	}
	memcpy(visit->message + visit->len, data, len);
	visit->len += len;
	if (visit->len == INTRODUCTION_LEN)
		judge(visit);
}

static void closed(void *arg, const struct err *why)
{
	struct stream *stream = visit_release(arg);

	(void)why;
	stream_free(&stream);
}

static const struct stream_handler stream_handler = {.received = received, .closed = closed};

static void too_slow(void *arg)
{
	visit_silence(arg, "too slow");
}

static int answer(struct visit *visit, struct err *err)
{
	struct engine *engine = visit->account->engine;
	uint8_t bytes[ANSWER_LEN];

	visit->bits = requests_half_full(visit->account) ? WORK_BITS : 0;
	if (introduction_answer(visit->noise, engine_now_ms(engine), visit->bits, bytes, err) < 0)
		return -1;
	work_challenge(bytes, visit->challenge);
	if (stream_write(visit->stream, bytes, sizeof(bytes)) < 0)
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

bool visits_full(const struct account *account)
{
	return account->visit_count >= VISITS_MAX;
}

bool visit_begin(struct account *account, struct door *door, struct stream *stream,
		 struct noise *noise, const uint8_t mark[INSTANCE_LEN])
{
	struct visit *visit = calloc(1, sizeof(*visit));
	struct err why = {0};

	if (visit != NULL)
		visit->limit = timer_new(account->engine->env, too_slow, visit);
	if (visit == NULL || visit->limit == NULL) {
		free(visit);
		noise_free(&noise);
		return false;
	}
	visit->account = account;
	visit->door = door;
	visit->stream = stream;
	visit->noise = noise;
	memcpy(visit->mark, mark, INSTANCE_LEN);
	visit->next = account->visits;
	account->visits = visit;
	account->visit_count++;
	if (answer(visit, &why) < 0) {
		log_warn("invitation: cannot answer: %s", why.text);
		visit_release(visit);
		return false;
	}
	stream_set_handler(stream, &stream_handler, visit);
	timer_set(visit->limit, visit->bits > 0 ? VISIT_WORK_MS : VISIT_MS);
	return true;
}

void visits_silence(struct account *account, const struct door *door)
{
	struct visit *next = NULL;

	for (struct visit *visit = account->visits; visit != NULL; visit = next) {
		next = visit->next;
		if (visit->door == door)
			visit_silence(visit, "the invitation is closed");
	}
}

void visits_free(struct account *account)
{
	while (account->visits != NULL) {
		struct stream *stream = visit_release(account->visits);
		stream_free(&stream);
	}
}
