/*
 * dialler.c: see dialler.h.
 */
#include "core/dialler.h"

#include "core/base/codec.h"
#include "core/base/log.h"
#include "core/ration.h"

#include <stdlib.h>
#include <string.h>

/* Random bytes of an isolation name: each dial has a circuit of its own. */
#define ISOLATION_LEN 12

struct address {
	struct endpoint endpoint;
	unsigned failures; /* one after another */
	int64_t next_ms;   /* env_mono_ms from when on it may be dialled */
};

enum dialler_state { DIALLER_IDLE, DIALLER_DIALLING, DIALLER_SHAKING };

struct dialler {
	const struct env *env;
	struct transport *transport;
	const struct dialler_handler *handler;
	void *arg;
	enum dialler_state state;
	struct dial *dial;
	struct timer *limit, *slow; /* while it is dialled */
	struct address *addresses;  /* DIALLER_ADDRESSES, newest first; NULL before the first */
	unsigned count;
	struct ration fresh; /* new ones */
};

static void enter_state(struct dialler *dialler, enum dialler_state state)
{
	static const char *const names[] = {[DIALLER_IDLE] = "idle",
					    [DIALLER_DIALLING] = "dialling",
					    [DIALLER_SHAKING] = "shaking"};

	log_debug("dialler: %s -> %s", names[dialler->state], names[state]);
	dialler->state = state;
}

/* The address that is being dialled, or was dialled last, stands first. */
static struct address *present(struct dialler *dialler)
{
	return &dialler->addresses[0];
}

static int64_t backoff(const struct dialler *dialler, unsigned failures)
{
	int64_t pause = DIAL_BACKOFF_MIN_MS;

	while (--failures > 0 && pause < DIAL_BACKOFF_MAX_MS)
		pause *= 2;
	if (pause > DIAL_BACKOFF_MAX_MS)
		pause = DIAL_BACKOFF_MAX_MS;
	return env_jitter(dialler->env, pause, 25);
}

static int64_t count_failure(struct dialler *dialler)
{
	struct address *address = present(dialler);
	int64_t pause = backoff(dialler, ++address->failures);

	address->next_ms = env_mono_ms(dialler->env) + pause;
	return pause;
}

static void free_timers(struct dialler *dialler)
{
	timer_free(&dialler->limit);
	timer_free(&dialler->slow);
}

void dialler_fail(struct dialler *dialler)
{
	int64_t retry_ms = count_failure(dialler);

	dialler_stop(dialler);
	dialler->handler->failed(dialler->arg, retry_ms);
}

static void dial_done(void *arg, struct stream *stream, const struct err *why)
{
	struct dialler *dialler = arg;

	dialler->dial = NULL;
	free_timers(dialler);
	if (stream == NULL) {
		log_debug("dialler: %s", log_private(why->text));
		dialler_fail(dialler);
		return;
	}
	enter_state(dialler, DIALLER_SHAKING);
	dialler->handler->connected(dialler->arg, stream);
}

static void too_slow(void *arg)
{
	dialler_fail(arg);
}

static void is_slow(void *arg)
{
	struct dialler *dialler = arg;

	if (dialler->handler->slow)
		dialler->handler->slow(dialler->arg);
}

static int dial(struct dialler *dialler)
{
	uint8_t name[ISOLATION_LEN];
	char isolation[HEX_LEN(ISOLATION_LEN) + 1];
	struct err why = {0};

	dialler->limit = timer_new(dialler->env, too_slow, dialler);
	dialler->slow = timer_new(dialler->env, is_slow, dialler);
	if (dialler->limit == NULL || dialler->slow == NULL)
		return -1;
	env_random(dialler->env, name, sizeof(name));
	hex_encode(name, sizeof(name), isolation);
	dialler->dial = transport_dial(dialler->transport, &present(dialler)->endpoint, isolation,
				       dial_done, dialler, &why);
	if (dialler->dial == NULL) {
		log_debug("dialler: %s", log_private(why.text));
		return -1;
	}
	timer_set(dialler->limit, DIAL_LIMIT_MS);
	timer_set(dialler->slow, DIAL_SLOW_MS);
	enter_state(dialler, DIALLER_DIALLING);
	return 0;
}

/* Put the address first; > 0: it would be one too many before so many ms. */
static int64_t remember(struct dialler *dialler, const struct endpoint *endpoint)
{
	struct address found = {.endpoint = *endpoint};
	int64_t wait_ms = 0;
	unsigned at = 0;

	if (dialler->addresses == NULL)
		dialler->addresses = calloc(DIALLER_ADDRESSES, sizeof(found));
	/* Try again as if it had failed. */
	if (dialler->addresses == NULL)
		return DIAL_BACKOFF_MIN_MS;
	while (at < dialler->count && !endpoint_equal(&dialler->addresses[at].endpoint, endpoint))
		at++;
	if (at < dialler->count) {
		found = dialler->addresses[at];
	} else {
		wait_ms = ration_take(&dialler->fresh, DIALLER_ADDRESSES, DIALLER_REFILL_MS,
				      env_mono_ms(dialler->env));
		if (wait_ms > 0)
			return wait_ms;
		if (dialler->count < DIALLER_ADDRESSES)
			dialler->count++;
		at = dialler->count - 1;
	}
	memmove(&dialler->addresses[1], &dialler->addresses[0], at * sizeof(found));
	dialler->addresses[0] = found;
	secret_wipe(&found, sizeof(found));
	return 0;
}

int64_t dialler_offer(struct dialler *dialler, const struct endpoint *endpoint)
{
	int64_t wait_ms;

	if (dialler_busy(dialler)) {
		if (endpoint_equal(&present(dialler)->endpoint, endpoint))
			return 0;
		dialler_stop(dialler);
		dialler->handler->hang_up(dialler->arg);
	}
	wait_ms = remember(dialler, endpoint);
	if (wait_ms > 0)
		return wait_ms;
	wait_ms = present(dialler)->next_ms - env_mono_ms(dialler->env);
	if (wait_ms > 0)
		return wait_ms;
	if (dial(dialler) == 0)
		return 0;
	free_timers(dialler);
	return count_failure(dialler);
}

bool dialler_busy(const struct dialler *dialler)
{
	return dialler->state != DIALLER_IDLE;
}

void dialler_done(struct dialler *dialler)
{
	enter_state(dialler, DIALLER_IDLE);
}

void dialler_link_lost(struct dialler *dialler, int64_t age_ms)
{
	if (dialler->count == 0)
		return;
	if (age_ms < DIAL_GOOD_LINK_MS)
		count_failure(dialler);
	else
		present(dialler)->failures = 0;
}

void dialler_stop(struct dialler *dialler)
{
	dial_cancel(&dialler->dial);
	free_timers(dialler);
	if (dialler->state != DIALLER_IDLE)
		enter_state(dialler, DIALLER_IDLE);
}

struct dialler *dialler_new(const struct env *env, struct transport *transport,
			    const struct dialler_handler *handler, void *arg)
{
	struct dialler *dialler = calloc(1, sizeof(*dialler));

	if (dialler == NULL)
		return NULL;
	dialler->env = env;
	dialler->transport = transport;
	dialler->handler = handler;
	dialler->arg = arg;
	return dialler;
}

void dialler_free(struct dialler **dialler)
{
	if (*dialler == NULL)
		return;
	dial_cancel(&(*dialler)->dial);
	free_timers(*dialler);
	secret_free((*dialler)->addresses,
		    (*dialler)->addresses != NULL ? DIALLER_ADDRESSES * sizeof(struct address) : 0);
	secret_free(*dialler, sizeof(**dialler));
	*dialler = NULL;
}
