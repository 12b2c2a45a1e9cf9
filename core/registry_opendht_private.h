/*
 * registry_opendht_private.h: what registry_opendht.c and registry_opendht_ask.c share.
 */
#ifndef CORE_REGISTRY_OPENDHT_PRIVATE_H
#define CORE_REGISTRY_OPENDHT_PRIVATE_H

#include "core/gateway.h"
#include "core/gateway_memory.h"
#include "core/http_client.h"
#include "core/opendht_json.h"
#include "core/registry_private.h"

enum opendht_task_state { TASK_PUT, TASK_CHECK, TASK_GET, TASK_ENDED };

struct opendht_op;

struct opendht_task {
	struct opendht_op *op;
	enum opendht_task_state state;
	struct http_request *request; /* NULL: none under way */
	struct gateway_set asked;
	int gateway;    /* asked now, or last */
	unsigned tries; /* in this state */
	size_t bytes;   /* of the answer that is coming */
	struct opendht_values reader;
	struct registry_entry entry; /* a lookup has only the key */
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
	char isolation[REGISTRY_ISOLATION_MAX + 1];
	struct opendht_task tasks[];
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

static inline struct opendht *opendht_task_registry(const struct opendht_task *task)
{
	return (struct opendht *)task->op->base.registry;
}

/* Ask the next gateway; false: there is none, or enough have been asked. */
bool opendht_task_ask(struct opendht_task *task);

/* What an answer says of the gateway; true: it did what it was asked. */
bool opendht_task_judge(struct opendht_task *task, const struct http_result *result);

/* Was the answer so long that it says nothing of the gateway? */
bool opendht_task_flooded(const struct opendht_task *task);

/*
 * How the request that a task has made ended, and each value that it brought: called from there.
 * Values: true, no more are wanted.
 */
void opendht_put_done(void *arg, const struct http_result *result);
void opendht_check_done(void *arg, const struct http_result *result);
void opendht_get_done(void *arg, const struct http_result *result);
bool opendht_check_value(void *arg, const uint8_t value[RECORD_LEN]);
bool opendht_get_value(void *arg, const uint8_t value[RECORD_LEN]);

#endif
