/*
 * account_reach.c: can an account's service be dialled, from outside as a contact would? The
 * account dials itself. Nothing is said on the stream.
 */
#include "core/engine_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A dial that has not ended by then is a failure, in ms; most take some seconds. */
#define REACH_LIMIT_MS ((int64_t)90 * 1000)

struct account_reach {
	struct dial *dial;
	struct timer *limit;
	void (*done)(void *arg, const struct err *why);
	void *arg;
};

static void end(struct account_reach *reach, const struct err *why)
{
	reach->done(reach->arg, why);
}

static void dialled(void *arg, struct stream *stream, const struct err *why)
{
	struct account_reach *reach = arg;
	const struct err unknown = {ERR_UNAVAILABLE, "it could not be dialled"};

	reach->dial = NULL;
	timer_stop(reach->limit);
	if (stream == NULL && why == NULL)
		why = &unknown;
	if (stream != NULL)
		stream_free(&stream);
	end(reach, why);
}

static void too_late(void *arg)
{
	struct account_reach *reach = arg;
	struct err why;

	dial_cancel(&reach->dial);
	err_set(&why, ERR_TIMEOUT, "no connection within %" PRId64 " s", REACH_LIMIT_MS / 1000);
	end(reach, &why);
}

struct account_reach *account_reach(struct account *account,
				    void (*done)(void *arg, const struct err *why), void *arg,
				    struct err *err)
{
	const struct engine *engine = account->engine;
	struct account_reach *reach;
	struct endpoint endpoint;
	char isolation[ISOLATION_NAME_SIZE];
	uint64_t number;

	if (resident_endpoint(account->resident, 0, &endpoint)) {
		err_set(err, ERR_WRONG_STATE, "the onion service is not published");
		return NULL;
	}
	reach = calloc(1, sizeof(*reach));
	if (reach == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	reach->done = done;
	reach->arg = arg;
	reach->limit = timer_new(engine->env, too_late, reach);
	env_random(engine->env, &number, sizeof(number));
	snprintf(isolation, sizeof(isolation), "reach-%016" PRIx64, number);
	if (reach->limit == NULL)
		err_set(err, ERR_MEMORY, "out of memory");
	else
		reach->dial = transport_dial(account_transport(account), &endpoint, isolation,
					     dialled, reach, err);
	key_wipe(&endpoint.auth);
	if (reach->dial == NULL) {
		account_reach_free(&reach);
		return NULL;
	}
	timer_set(reach->limit, REACH_LIMIT_MS);
	return reach;
}

void account_reach_free(struct account_reach **reach)
{
	if (*reach == NULL)
		return;
	dial_cancel(&(*reach)->dial);
	timer_free(&(*reach)->limit);
	free(*reach);
	*reach = NULL;
}
