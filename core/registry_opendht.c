/*
 * registry_opendht.c: records in OpenDHT, through its HTTP gateways, through Tor.
 *
 * An operation is a handful of tasks, one an entry or key, that run side by side and each ask one
 * gateway after the other:
 *
 *     publication   PUT (next gateway on failure) -> CHECK (read back elsewhere) -> ENDED
 *     lookup        GET (next gateway on failure) -> ENDED
 *
 * Whom a task asks, and what an answer says of him: registry_opendht_ask.c, gateway.c. How it is
 * asked: http_client.c. What is said: opendht_json.c. When and how often anything is published or
 * looked up is the engine's matter. Front: registry.c.
 */
#include "core/registry_opendht.h"

#include "core/base/log.h"
#include "core/http_address.h"
#include "core/registry_opendht_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Time limit of a request when none is configured, in ms: a gateway that is cut off from the DHT
 * answers after 8 to 18 s, a good one through Tor after 1 to 2 s. */
#define TIMEOUT_MS 5000

static void task_end(struct opendht_task *task)
{
	task->state = TASK_ENDED;
	if (--task->op->pending == 0)
		timer_set(task->op->finish, 0);
}

/* --- publication --- */

void opendht_put_done(void *arg, const struct http_result *result)
{
	struct opendht_task *task = arg;

	if (opendht_task_judge(task, result)) {
		task->op->result.stored++;
		task->keeper = task->gateway;
		task->state = TASK_CHECK;
		task->tries = 0;
	}
	if (result->end == HTTP_PROXY_DOWN || !opendht_task_ask(task))
		task_end(task);
}

bool opendht_check_value(void *arg, const uint8_t value[RECORD_LEN])
{
	struct opendht_task *task = arg;

	task->seen = memcmp(value, task->entry.value, RECORD_LEN) == 0;
	return task->seen;
}

/* One of the two gateways is to blame: the one that took the entry, if nobody else has it. */
static void check_blame(struct opendht_task *task)
{
	if (task->denier < 0)
		return;
	gateway_failed(opendht_task_registry(task)->pool, task->seen ? task->denier : task->keeper);
	log_debug("registry: a gateway has lost or hidden a value");
}

void opendht_check_done(void *arg, const struct http_result *result)
{
	struct opendht_task *task = arg;

	opendht_values_end(&task->reader);
	if (opendht_task_judge(task, result) && !task->seen)
		task->denier = task->gateway;
	if (!task->seen && result->end != HTTP_PROXY_DOWN && opendht_task_ask(task))
		return;
	if (task->seen)
		task->op->result.confirmed++;
	check_blame(task);
	task_end(task);
}

/* --- lookup --- */

/* Keep a value until its request has ended, if the caller can make something of it; one that comes
 * again must not crowd out others. */
bool opendht_get_value(void *arg, const uint8_t value[RECORD_LEN])
{
	struct opendht_task *task = arg;
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
static bool task_hand_on(struct opendht_task *task)
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

void opendht_get_done(void *arg, const struct http_result *result)
{
	struct opendht_task *task = arg;
	bool good = opendht_task_judge(task, result);
	bool cut = result->status == 200 && (result->end == HTTP_CUT || opendht_task_flooded(task));

	opendht_values_end(&task->reader);
	if ((good || cut) && !task->answered) {
		task->answered = true;
		task->op->answered++;
	}
	if (!task_hand_on(task))
		return;
	/* Whether a flood or the gateway hides what is there, another one may tell. */
	if (good || (cut && task->found > 0) || task->found == REGISTRY_VALUES_MAX ||
	    result->end == HTTP_PROXY_DOWN || !opendht_task_ask(task))
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

static struct opendht_op *op_new(struct registry *base, const char *isolation, unsigned count,
				 enum opendht_task_state first, void *arg)
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
	snprintf(op->isolation, sizeof(op->isolation), "%s", isolation);
	for (unsigned i = 0; i < count; i++) {
		op->tasks[i].op = op;
		op->tasks[i].state = first;
		op->tasks[i].denier = -1;
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
		if (!opendht_task_ask(&op->tasks[i]))
			task_end(&op->tasks[i]);
	return &op->base;
}

static struct registry_op *opendht_publish(struct registry *registry, const char *isolation,
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

static struct registry_op *opendht_lookup(struct registry *registry, const char *isolation,
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
