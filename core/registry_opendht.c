/*
 * registry_opendht.c: records in OpenDHT, through its HTTP gateways, through Tor.
 *
 * An operation is a handful of tasks, one an entry or key, that run side by side and each ask one
 * gateway after the other:
 *
 *     publication   PUT (next gateway on failure) -> CHECK (read back elsewhere) -> ENDED
 *     lookup        GET (next gateway on failure) -> ENDED
 *
 * Which gateway: gateway.c. How it is asked: http_client.c. What is said: opendht_json.c. When and
 * how often anything is published or looked up is the engine's matter. Front: registry.c.
 */
#include "core/registry_opendht.h"

#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/gateway.h"
#include "core/gateway_memory.h"
#include "core/http_address.h"
#include "core/http_client.h"
#include "core/opendht_json.h"
#include "core/registry_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Time limit of a request when none is configured, in ms: a gateway that is cut off from the DHT
 * answers after 8 to 18 s, a good one through Tor after 1 to 2 s. */
#define TIMEOUT_MS 5000
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
enum task_state { TASK_PUT, TASK_CHECK, TASK_GET, TASK_ENDED };

static const unsigned tries_max[] = {
    [TASK_PUT] = PUT_TRIES, [TASK_CHECK] = CHECK_TRIES, [TASK_GET] = GET_TRIES};

struct opendht_op;

struct task {
	struct opendht_op *op;
	enum task_state state;
	struct http_request *request; /* NULL: none under way */
	struct gateway_set asked;
	int gateway;    /* asked now, or last */
	unsigned tries; /* in this state */
	size_t bytes;   /* of the answer that is coming */
	struct opendht_values reader;
	struct registry_entry entry; /* a lookup has only the key */
	char isolation[REGISTRY_ISOLATION_MAX + 1];
	/* publication */
	int keeper; /* the gateway that took the entry */
	int denier; /* a gateway that did not have it when it was read back; -1: none */
	bool seen;  /* it was there */
	/* lookup */
	uint8_t (*values)[RECORD_LEN]; /* REGISTRY_VALUES_MAX of them; NULL until there is one */
	unsigned found, handed;
	bool answered;
};

struct opendht_op {
	struct registry_op base;
	struct opendht_op *next, **link; /* link: what points to us */
	struct timer *finish;            /* set when no task is left */
	struct gateway_set asked;
	struct gateway_set suspects; /* not reached in time: they or tor may be to blame */
	bool through;                /* tor did bring a request through */
	bool delivering;             /* a value is being handed on: cancel only marks */
	bool cancelled;
	struct registry_published result;
	unsigned answered;
	bool (*value)(void *arg, unsigned index, const uint8_t value[RECORD_LEN]);
	void (*published)(void *arg,
			  const struct registry_published *result); /* of a publication */
	void (*looked_up)(void *arg, unsigned answered);            /* of a lookup */
	void *arg;
	unsigned count, pending;
	struct task tasks[];
};

struct opendht {
	struct registry base;
	const struct env *env;
	struct http_client *http;
	struct gateway_pool *pool;
	int64_t timeout_ms;
	struct opendht_op *ops;
	struct gateway_memory *memory;
	/* What floods have cost in this FLOOD_WINDOW_MS, and since when it runs. */
	size_t flood_bytes;
	int64_t flood_ms;
};

static struct opendht *task_registry(const struct task *task)
{
	return (struct opendht *)task->op->base.registry;
}

/* --- asking a gateway --- */

static void task_end(struct task *task)
{
	task->state = TASK_ENDED;
	if (--task->op->pending == 0)
		timer_set(task->op->finish, 0);
}

/* Whom the tasks beside it have asked that are about the same record: their keys are of one pair
 * and epoch, and share a circuit. */
static struct gateway_set asked_beside(const struct task *task)
{
	struct gateway_set asked = {0};

	for (unsigned i = 0; i < task->op->count; i++)
		if (strcmp(task->op->tasks[i].isolation, task->isolation) == 0)
			gateway_set_join(&asked, &task->op->tasks[i].asked);
	return asked;
}

/* One that the whole operation has not asked yet, else one that the other replicas have not been
 * to, else one that this task has not: two replicas that meet at one gateway are better than one
 * that is not kept at all. Never one of avoid. */
static int choose_among(const struct task *task, const struct gateway_set *avoid)
{
	const struct gateway_set sets[] = {task->op->asked, asked_beside(task), task->asked};
	int gateway = -1;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]) && gateway < 0; i++) {
		struct gateway_set set = sets[i];

		gateway_set_join(&set, avoid);
		gateway = gateway_choose(task_registry(task)->pool, &set);
	}
	return gateway;
}

/* A reader avoids as many of the last ones as it can. */
static int task_choose(const struct task *task)
{
	struct gateway_memory *memory = task_registry(task)->memory;
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

static struct http_request *task_send(struct task *task, struct http_question *question)
{
	struct opendht *registry = task_registry(task);
	char url[HTTP_URL_MAX + sizeof("/key/") + HEX_LEN(LOOKUP_KEY_LEN)];
	char key[HEX_LEN(LOOKUP_KEY_LEN) + 1], body[OPENDHT_BODY_LEN + 1];

	hex_encode(task->entry.key, LOOKUP_KEY_LEN, key);
	snprintf(url, sizeof(url), "%s/key/%s", gateway_url(registry->pool, task->gateway), key);
	question->url = url;
	question->isolation = task->isolation;
	question->timeout_ms = registry->timeout_ms;
	question->arg = task;
	if (task->state == TASK_PUT) {
		opendht_body(task->entry.value, body);
		question->json = body;
	}
	return http_client_ask(registry->http, question);
}

static bool is_flooded(const struct task *task)
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
	struct task *task = arg;

	task->bytes += len;
	if (task->bytes > FLOOD_BYTES && !may_flood(task_registry(task), len))
		return false;
	return opendht_values_feed(&task->reader, data, len);
}

static void put_done(void *arg, const struct http_result *result);
static void check_done(void *arg, const struct http_result *result);
static void get_done(void *arg, const struct http_result *result);
static bool check_value(void *arg, const uint8_t value[RECORD_LEN]);
static bool get_value(void *arg, const uint8_t value[RECORD_LEN]);

static const struct http_question questions[] = {
    [TASK_PUT] = {.body_limit = PUT_BODY_MAX, .done = put_done},
    [TASK_CHECK] = {.body_limit = FLOOD_BYTES, .received = values_received, .done = check_done},
    [TASK_GET] = {.body_limit = GET_BODY_MAX,
		  .long_bytes = FLOOD_BYTES / 4,
		  .long_timeout_ms = FLOOD_TIMEOUT_MS,
		  .received = values_received,
		  .done = get_done},
};

/* Ask the next gateway; false: there is none, or enough have been asked. */
static bool task_ask(struct task *task)
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
	opendht_values_init(&task->reader, task->state == TASK_GET ? get_value : check_value, task);
	task->request = task_send(task, &question);
	return task->request;
}

static bool is_silent(const struct http_result *result)
{
	return result->end == HTTP_TIMEOUT && !result->reached;
}

/* Without a network all requests end in silence, and all gateways would lose what they have earned.
 * So who is silent is blamed only once it is known that others can be reached. */
static void suspect(struct task *task, const struct http_result *result)
{
	struct gateway_pool *pool = task_registry(task)->pool;
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

/* What an answer says of the gateway; true: it did what it was asked. */
static bool task_judge(struct task *task, const struct http_result *result)
{
	struct gateway_pool *pool = task_registry(task)->pool;
	bool good =
	    result->status == 200 && (result->end == HTTP_COMPLETE || result->end == HTTP_CONTENT);

	task->request = NULL;
	suspect(task, result);
	if (result->date_ms >= 0)
		gateway_told_date(pool, task->gateway, result->date_ms);
	/* One that passes a flood on has done what it could, or has made it: nothing is known. */
	if (is_flooded(task))
		return false;
	if (good)
		gateway_succeeded(pool, task->gateway, result->duration_ms);
	else if (result->end != HTTP_PROXY_DOWN && !is_silent(result))
		gateway_failed(pool, task->gateway);
	return good;
}

/* --- publication --- */

static void put_done(void *arg, const struct http_result *result)
{
	struct task *task = arg;

	if (task_judge(task, result)) {
		task->op->result.stored++;
		task->keeper = task->gateway;
		task->state = TASK_CHECK;
		task->tries = 0;
	}
	if (result->end == HTTP_PROXY_DOWN || !task_ask(task))
		task_end(task);
}

static bool check_value(void *arg, const uint8_t value[RECORD_LEN])
{
	struct task *task = arg;

	task->seen = memcmp(value, task->entry.value, RECORD_LEN) == 0;
	return task->seen;
}

/* One of the two gateways is to blame: the one that took the entry, if nobody else has it. */
static void check_blame(struct task *task)
{
	if (task->denier < 0)
		return;
	gateway_failed(task_registry(task)->pool, task->seen ? task->denier : task->keeper);
	log_debug("registry: a gateway has lost or hidden a value");
}

static void check_done(void *arg, const struct http_result *result)
{
	struct task *task = arg;

	opendht_values_end(&task->reader);
	if (task_judge(task, result) && !task->seen)
		task->denier = task->gateway;
	if (!task->seen && result->end != HTTP_PROXY_DOWN && task_ask(task))
		return;
	if (task->seen)
		task->op->result.confirmed++;
	check_blame(task);
	task_end(task);
}

/* --- lookup --- */

/* Keep a value until its request has ended, if the caller can make something of it; one that comes
 * again must not crowd out others. */
static bool get_value(void *arg, const uint8_t value[RECORD_LEN])
{
	struct task *task = arg;
	const struct opendht_op *op = task->op;

	if (op->base.sift && !op->base.sift(op->arg, (unsigned)(task - op->tasks), value))
		return false;
	if (!task->values)
		task->values = calloc(REGISTRY_VALUES_MAX, RECORD_LEN);
	if (!task->values)
		return true;
	for (unsigned i = 0; i < task->found; i++)
		if (memcmp(task->values[i], value, RECORD_LEN) == 0)
			return false;
	memcpy(task->values[task->found++], value, RECORD_LEN);
	return task->found == REGISTRY_VALUES_MAX;
}

static void op_end_tasks(struct opendht_op *op)
{
	for (unsigned i = 0; i < op->count; i++)
		http_request_cancel(&op->tasks[i].request);
}

static void op_free(struct opendht_op *op)
{
	op_end_tasks(op);
	for (unsigned i = 0; i < op->count; i++)
		free(op->tasks[i].values);
	timer_free(&op->finish);
	free(op);
}

/* Hand on what a task has found; false: the caller is content or has cancelled. */
static bool task_hand_on(struct task *task)
{
	struct opendht_op *op = task->op;
	unsigned index = (unsigned)(task - op->tasks);
	bool content = false;

	op->delivering = true;
	while (task->handed < task->found && !content && !op->cancelled)
		content = op->value(op->arg, index, task->values[task->handed++]);
	op->delivering = false;
	if (op->cancelled) {
		op_free(op);
		return false;
	}
	if (content) {
		op_end_tasks(op);
		timer_set(op->finish, 0);
	}
	return !content;
}

static void get_done(void *arg, const struct http_result *result)
{
	struct task *task = arg;
	bool good = task_judge(task, result);
	bool cut = result->status == 200 && (result->end == HTTP_CUT || is_flooded(task));

	opendht_values_end(&task->reader);
	if ((good || cut) && !task->answered) {
		task->answered = true;
		task->op->answered++;
	}
	if (!task_hand_on(task))
		return;
	/* Whether a flood or the gateway hides what is there, another one may tell. */
	if (good || (cut && task->found > 0) || task->found == REGISTRY_VALUES_MAX ||
	    result->end == HTTP_PROXY_DOWN || !task_ask(task))
		task_end(task);
}

/* --- operations --- */

static void op_unlink(struct opendht_op *op)
{
	*op->link = op->next;
	if (op->next)
		op->next->link = op->link;
}

static void opendht_cancel(struct registry_op *base)
{
	struct opendht_op *op = (struct opendht_op *)base;

	op_unlink(op);
	op_end_tasks(op);
	if (op->delivering)
		op->cancelled = true;
	else
		op_free(op);
}

static void publish_finish(void *arg)
{
	struct opendht_op *op = arg;
	struct registry_published result = op->result;
	void (*done)(void *, const struct registry_published *) = op->published;
	void *done_arg = op->arg;

	op_unlink(op);
	op_free(op);
	done(done_arg, &result);
}

static void lookup_finish(void *arg)
{
	struct opendht_op *op = arg;
	unsigned answered = op->answered;
	void (*done)(void *, unsigned) = op->looked_up;
	void *done_arg = op->arg;

	op_unlink(op);
	op_free(op);
	done(done_arg, answered);
}

static struct opendht_op *op_new(struct registry *base, const char *const *isolation,
				 unsigned count, enum task_state first, void *arg)
{
	struct opendht *registry = (struct opendht *)base;
	struct opendht_op *op = calloc(1, sizeof(*op) + count * sizeof(op->tasks[0]));

	if (!op)
		return NULL;
	op->finish =
	    timer_new(registry->env, first == TASK_PUT ? publish_finish : lookup_finish, op);
	if (!op->finish) {
		free(op);
		return NULL;
	}
	op->base.registry = base;
	op->arg = arg;
	op->count = op->pending = count;
	for (unsigned i = 0; i < count; i++) {
		op->tasks[i].op = op;
		op->tasks[i].state = first;
		op->tasks[i].denier = -1;
		snprintf(op->tasks[i].isolation, sizeof(op->tasks[i].isolation), "%s",
			 isolation[i]);
	}
	op->next = registry->ops;
	op->link = &registry->ops;
	if (op->next)
		op->next->link = &op->next;
	registry->ops = op;
	return op;
}

static struct registry_op *op_start(struct opendht_op *op)
{
	if (op->count == 0)
		timer_set(op->finish, 0);
	for (unsigned i = 0; i < op->count; i++)
		if (!task_ask(&op->tasks[i]))
			task_end(&op->tasks[i]);
	return &op->base;
}

static struct registry_op *opendht_publish(struct registry *registry, const char *const *isolation,
					   const struct registry_entry *entries, unsigned count,
					   void (*done)(void *, const struct registry_published *),
					   void *arg)
{
	struct opendht_op *op = op_new(registry, isolation, count, TASK_PUT, arg);

	if (!op)
		return NULL;
	op->published = done;
	for (unsigned i = 0; i < count; i++)
		op->tasks[i].entry = entries[i];
	return op_start(op);
}

static struct registry_op *opendht_lookup(struct registry *registry, const char *const *isolation,
					  const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
					  bool (*value)(void *, unsigned, const uint8_t *),
					  void (*done)(void *, unsigned), void *arg)
{
	struct opendht_op *op = op_new(registry, isolation, count, TASK_GET, arg);

	if (!op)
		return NULL;
	op->value = value;
	op->looked_up = done;
	for (unsigned i = 0; i < count; i++)
		memcpy(op->tasks[i].entry.key, keys[i], LOOKUP_KEY_LEN);
	return op_start(op);
}

/* --- the rest of the back end --- */

static void opendht_gateways(const struct registry *base,
			     void (*each)(void *, const struct registry_gateway *), void *arg)
{
	const struct opendht *registry = (const struct opendht *)base;
	struct registry_gateway gateway;

	for (int i = 0; i < gateway_pool_count(registry->pool); i++) {
		gateway_describe(registry->pool, i, &gateway);
		each(arg, &gateway);
	}
}

static int opendht_clock_offset(const struct registry *base, int64_t *offset_ms)
{
	return gateway_clock_offset(((const struct opendht *)base)->pool, offset_ms);
}

static void opendht_free(struct registry *base)
{
	struct opendht *registry = (struct opendht *)base;

	while (registry->ops)
		opendht_cancel(&registry->ops->base);
	http_client_free(&registry->http);
	gateway_pool_free(&registry->pool);
	gateway_memory_free(&registry->memory);
	free(registry);
}

static const struct registry_ops opendht_ops = {
    .name = "opendht",
    .publish = opendht_publish,
    .lookup = opendht_lookup,
    .cancel = opendht_cancel,
    .gateways = opendht_gateways,
    .clock_offset = opendht_clock_offset,
    .free = opendht_free,
};

static int check_gateways(const struct registry_opendht_config *config, struct err *err)
{
	if (config->gateway_count > GATEWAYS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d gateways", GATEWAYS_MAX);
	for (size_t i = 0; i < config->gateway_count; i++)
		if (http_url_check(config->gateways[i], config->socks == NULL, err))
			return err_wrap(err, "gateway");
	return 0;
}

struct registry *registry_opendht_over(const struct env *env, struct http_client *http,
				       const struct registry_opendht_config *config,
				       struct err *err)
{
	struct opendht *registry = calloc(1, sizeof(*registry));

	if (registry) {
		registry->pool = gateway_pool_new(env, config->gateways, config->gateway_count);
		registry->memory = gateway_memory_new(env);
	}
	if (!registry || !registry->pool || !registry->memory) {
		http_client_free(&http);
		if (registry) {
			gateway_pool_free(&registry->pool);
			gateway_memory_free(&registry->memory);
		}
		free(registry);
		err_set(err, ERR_MEMORY, "registry: out of memory");
		return NULL;
	}
	registry->base.ops = &opendht_ops;
	registry->env = env;
	registry->http = http;
	registry->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : TIMEOUT_MS;
	return &registry->base;
}

int registry_opendht_add_socks(struct registry *registry, const char *socks, struct err *err)
{
	return http_client_add_proxy(((struct opendht *)registry)->http, socks, err);
}

void registry_opendht_socks_usable(struct registry *registry, unsigned number, bool usable)
{
	http_client_set_usable(((struct opendht *)registry)->http, number, usable);
}

struct registry *registry_opendht_new(struct loop *loop,
				      const struct registry_opendht_config *config, struct err *err)
{
	struct http_client *http;

	if (check_gateways(config, err))
		return NULL;
	http = http_client_new(loop, config->socks, err);
	return http ? registry_opendht_over(loop_env(loop), http, config, err) : NULL;
}
