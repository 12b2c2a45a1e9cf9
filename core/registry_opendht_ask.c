/*
 * registry_opendht_ask.c: a task asks one gateway: which one, with what limits, and what its
 * answer says of it.
 *
 * What becomes of the answer is registry_opendht.c's matter.
 */
#include "core/base/codec.h"
#include "core/http_address.h"
#include "core/registry_opendht_private.h"

#include <stdio.h>

/* Gateways that are asked at most for one entry or key: each may cost the whole time limit. */
#define PUT_TRIES   4
#define CHECK_TRIES 2
#define GET_TRIES   3
/* Most bytes of an answer: 10,000 values that someone has put under the key, and ours among them.
 */
#define GET_BODY_MAX (8 * 1024 * 1024)
/* An answer of more than so many bytes is a flood: 16 records are 12 kB. Whose fault it is is not
 * known: anybody can put values under a key at any gateway. */
#define FLOOD_BYTES (256 * 1024)
/* A flood takes a gateway up to 10 s and its way through Tor as much, so it has longer; and all of
 * them may cost so many bytes in ten minutes, beyond FLOOD_BYTES each: a part of a line's or a
 * processor's time (each value is tried, in about 0.1 ms) that can be borne. */
#define FLOOD_TIMEOUT_MS 30000
#define FLOOD_BYTES_MAX  (64 * 1024 * 1024)
#define FLOOD_WINDOW_MS  ((int64_t)600 * 1000)
/* The answer to a publication repeats the record once. */
#define PUT_BODY_MAX (16 * 1024)

static const unsigned tries_max[] = {
    [TASK_PUT] = PUT_TRIES, [TASK_CHECK] = CHECK_TRIES, [TASK_GET] = GET_TRIES};

/* One that no replica of the operation has been to, else one that this task has not: two replicas
 * that meet at one gateway are better than one that is not kept at all. Never one of avoid. */
static int choose_among(const struct opendht_task *task, const struct gateway_set *avoid)
{
	const struct gateway_set sets[] = {task->op->asked, task->asked};
	int gateway = -1;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]) && gateway < 0; i++) {
		struct gateway_set set = sets[i];

		gateway_set_join(&set, avoid);
		gateway = gateway_choose(opendht_task_registry(task)->pool, &set);
	}
	return gateway;
}

/* A reader avoids as many of the last ones as it can. */
static int task_choose(const struct opendht_task *task)
{
	struct gateway_memory *memory = opendht_task_registry(task)->memory;
	uint8_t last[GATEWAY_MEMORY_DEPTH];
	unsigned avoided = 0;
	int gateway = -1;

	if (task->state == TASK_GET)
		avoided = gateway_memory_last(memory, task->entry.key, last);
	for (;; avoided--) {
		struct gateway_set avoid = {0};

		for (unsigned i = 0; i < avoided; i++)
			gateway_set_add(&avoid, last[i]);
		gateway = choose_among(task, &avoid);
		if (gateway >= 0 || avoided == 0)
			break;
	}
	if (task->state == TASK_GET && gateway >= 0)
		gateway_memory_note(memory, task->entry.key, gateway);
	return gateway;
}

static struct http_request *task_send(struct opendht_task *task, struct http_question *question)
{
	struct opendht *registry = opendht_task_registry(task);
	char url[HTTP_URL_MAX + sizeof("/key/") + HEX_LEN(LOOKUP_KEY_LEN)];
	char key[HEX_LEN(LOOKUP_KEY_LEN) + 1], body[OPENDHT_BODY_LEN + 1];

	hex_encode(task->entry.key, LOOKUP_KEY_LEN, key);
	snprintf(url, sizeof(url), "%s/key/%s", gateway_url(registry->pool, task->gateway), key);
	question->url = url;
	question->isolation = task->op->isolation;
	question->timeout_ms = registry->timeout_ms;
	question->arg = task;
	if (task->state == TASK_PUT) {
		opendht_body(task->entry.value, body);
		question->json = body;
	}
	return http_client_ask(registry->http, question);
}

bool opendht_task_flooded(const struct opendht_task *task)
{
	return task->bytes > FLOOD_BYTES / 2;
}

/* May a flood cost so much more? */
static bool may_flood(struct opendht *registry, size_t len)
{
	int64_t now = env_mono_ms(registry->env);

	if (now - registry->flood_ms >= FLOOD_WINDOW_MS) {
		registry->flood_bytes = 0;
		registry->flood_ms = now;
	}
	registry->flood_bytes += len;
	return registry->flood_bytes <= FLOOD_BYTES_MAX;
}

static bool values_received(void *arg, const uint8_t *data, size_t len)
{
	struct opendht_task *task = arg;

	task->bytes += len;
	if (task->bytes > FLOOD_BYTES && !may_flood(opendht_task_registry(task), len))
		return false;
	return opendht_values_feed(&task->reader, data, len);
}

static const struct http_question questions[] = {
    [TASK_PUT] = {.body_limit = PUT_BODY_MAX, .done = opendht_put_done},
    [TASK_CHECK] = {.body_limit = FLOOD_BYTES,
		    .received = values_received,
		    .done = opendht_check_done},
    [TASK_GET] = {.body_limit = GET_BODY_MAX,
		  .long_bytes = FLOOD_BYTES / 4,
		  .long_timeout_ms = FLOOD_TIMEOUT_MS,
		  .received = values_received,
		  .done = opendht_get_done},
};

bool opendht_task_ask(struct opendht_task *task)
{
	struct http_question question = questions[task->state];

	if (task->tries == tries_max[task->state])
		return false;
	task->gateway = task_choose(task);
	if (task->gateway < 0)
		return false;
	task->tries++;
	task->bytes = 0;
	gateway_set_add(&task->asked, task->gateway);
	gateway_set_add(&task->op->asked, task->gateway);
	opendht_values_init(
	    &task->reader, task->state == TASK_GET ? opendht_get_value : opendht_check_value, task);
	task->request = task_send(task, &question);
	return task->request;
}

static bool is_silent(const struct http_result *result)
{
	return result->end == HTTP_TIMEOUT && !result->reached;
}

/* Without a network all requests end in silence, and all gateways would lose what they have earned.
 * So who is silent is blamed only once it is known that others can be reached. */
static void suspect(struct opendht_task *task, const struct http_result *result)
{
	struct gateway_pool *pool = opendht_task_registry(task)->pool;
	struct opendht_op *op = task->op;

	if (is_silent(result))
		gateway_set_add(&op->suspects, task->gateway);
	else if (result->end != HTTP_PROXY_DOWN)
		op->through = true;
	for (int i = 0; op->through && i < gateway_pool_count(pool); i++)
		if (gateway_set_has(&op->suspects, i))
			gateway_failed(pool, i);
	if (op->through)
		op->suspects = (struct gateway_set){0};
}

bool opendht_task_judge(struct opendht_task *task, const struct http_result *result)
{
	struct gateway_pool *pool = opendht_task_registry(task)->pool;
	bool good =
	    result->status == 200 && (result->end == HTTP_COMPLETE || result->end == HTTP_CONTENT);

	task->request = NULL;
	suspect(task, result);
	if (result->date_ms >= 0)
		gateway_told_date(pool, task->gateway, result->date_ms);
	/* One that passes a flood on has done what it could, or has made it: nothing is known. */
	if (opendht_task_flooded(task))
		return false;
	if (good)
		gateway_succeeded(pool, task->gateway, result->duration_ms);
	else if (result->end != HTTP_PROXY_DOWN && !is_silent(result))
		gateway_failed(pool, task->gateway);
	return good;
}
