/*
 * tor.c: keeps one tor usable: starts it (or finds one), follows its bootstrap, notices its end,
 * and begins again after a pause.
 *
 *     idle → connecting → bootstrapping ⇄ ready
 *               └───────────────┴───────────┴── lost ──→ [stopping →] resting → idle
 *
 * The process is tor_process.c, the control connection tor_control.c, services and dialling
 * transport_tor.c; here is only when each of them has its turn.
 */
#include "core/tor.h"

#include "core/base/log.h"
#include "core/tor_control.h"
#include "core/tor_directory.h"
#include "core/tor_process.h"
#include "core/tor_socket.h"
#include "core/transport_tor.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Pause before the next start, doubled each time until a tor was ready again. */
#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 60000
/* A tor that was just started opens its control socket after some 50 ms; one that finds the lock of
 * an earlier tor waits 5 s first. */
#define CONNECT_STEP_MS  100
#define CONNECT_LIMIT_MS 30000
/* How often tor is asked how old its consensus is, in ms. Its answer is also its pulse: a tor that
 * hangs is noticed within this time and TOR_ANSWER_LIMIT_MS, and not when all sessions have died.
 */
#define PULSE_MS (30 * 1000)

enum front_state {
	FRONT_IDLE,          /* about to start */
	FRONT_CONNECTING,    /* a tor runs or should; its control port is tried, authentication */
	FRONT_BOOTSTRAPPING, /* tor answers and cannot build circuits yet, or not at present */
	FRONT_READY,
	FRONT_STOPPING, /* a tor of ours that is no use any more is being ended */
	FRONT_RESTING,  /* pause before the next start */
};

static const struct {
	const char *name;
	enum tor_state shown;
} fronts[] = {
    [FRONT_IDLE] = {"idle", TOR_STARTING},
    [FRONT_CONNECTING] = {"connecting", TOR_STARTING},
    [FRONT_BOOTSTRAPPING] = {"bootstrapping", TOR_BOOTSTRAPPING},
    [FRONT_READY] = {"ready", TOR_READY},
    [FRONT_STOPPING] = {"stopping", TOR_DOWN},
    [FRONT_RESTING] = {"resting", TOR_DOWN},
};

struct tor {
	enum front_state state;
	struct loop *loop;
	const struct env *env;
	const struct tor_handler *handler;
	void *arg;
	bool own; /* the process is ours */
	char *program;
	char *directory;
	char *extra;
	char *control_address;
	char *socks_address;
	char *password;
	struct tor_process *process;
	struct tor_control *control;
	struct tor_transport *transport;
	bool transport_up;
	bool circuits_lost; /* tor has said so after it was ready */
	struct timer *step; /* next start, next try to connect, next pulse */
	struct timer *news; /* tell the handler */
	int64_t pause_ms;   /* before the next start */
	int64_t pulse_ms, answer_limit_ms;
	int64_t connect_end_ms; /* when to give up CONNECTING, on the monotonic clock */
	struct tor_status status;
};

const char *tor_state_name(enum tor_state state)
{
	static const char *const names[] = {
	    [TOR_STARTING] = "starting",
	    [TOR_BOOTSTRAPPING] = "bootstrapping",
	    [TOR_READY] = "ready",
	    [TOR_DOWN] = "down",
	};

	return names[state];
}

/* --- status --- */

/* Told from the loop, so that the handler may do anything, and once for what changes together. */
static void status_changed(struct tor *tor)
{
	timer_set(tor->news, 0);
}

static void tell(void *arg)
{
	struct tor *tor = arg;

	if (tor->handler != NULL && tor->handler->changed != NULL)
		tor->handler->changed(tor->arg, &tor->status);
}

static void enter_state(struct tor *tor, enum front_state state)
{
	log_info("tor: %s -> %s", fronts[tor->state].name, fronts[state].name);
	tor->state = state;
	tor->status.state = fronts[state].shown;
	if (tor->status.state != TOR_DOWN)
		tor->status.problem[0] = '\0';
	status_changed(tor);
}

static void set_problem(struct tor *tor, const struct err *why)
{
	snprintf(tor->status.problem, sizeof tor->status.problem, "%s", why->text);
	status_changed(tor);
}

/* --- loss --- */

static void rest(struct tor *tor)
{
	enter_state(tor, FRONT_RESTING);
	timer_set(tor->step, tor->pause_ms);
	tor->pause_ms *= 2;
	if (tor->pause_ms > PAUSE_MAX_MS)
		tor->pause_ms = PAUSE_MAX_MS;
}

static void lost(struct tor *tor, const struct err *why)
{
	log_warn("tor: %s; trying again in %d s", why->text, (int)(tor->pause_ms / 1000));
	timer_stop(tor->step);
	tor->transport_up = false;
	tor_transport_down(tor->transport);
	tor_control_free(&tor->control);
	tor->status.progress = 0;
	tor->status.summary[0] = '\0';
	tor->status.valid_after_ms = tor->status.valid_until_ms = 0;
	if (tor->process != NULL) {
		enter_state(tor, FRONT_STOPPING);
		tor_process_stop(tor->process);
	} else {
		rest(tor);
	}
	set_problem(tor, why);
}

static void process_ended(void *arg, const struct err *why)
{
	struct tor *tor = arg;
	struct err told = *why;

	tor_process_free(&tor->process);
	if (tor->state != FRONT_STOPPING) {
		lost(tor, &told);
		return;
	}
	rest(tor);
	/* It died first and was stopped then: its own words say more than a closed connection. */
	if (told.code != ERR_CLOSED)
		set_problem(tor, &told);
}

/* --- consensus --- */

/* "2025-01-31 12:00:00", in UTC. */
static int parse_time(const char *text, int64_t *ms)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

	if (end == NULL || *end != '\0')
		return -1;
	*ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static void got_consensus(void *arg, const struct tor_reply *reply)
{
	struct tor *tor = arg;
	const char *after = tor_reply_value(reply, "consensus/valid-after");
	const char *until = tor_reply_value(reply, "consensus/valid-until");
	int64_t after_ms, until_ms;

	if (reply->code != 250 || after == NULL || until == NULL ||
	    parse_time(after, &after_ms) != 0 || parse_time(until, &until_ms) != 0) {
		log_debug("tor does not say how old its consensus is");
		return;
	}
	if (tor->status.valid_after_ms == after_ms && tor->status.valid_until_ms == until_ms)
		return;
	tor->status.valid_after_ms = after_ms;
	tor->status.valid_until_ms = until_ms;
	status_changed(tor);
}

static void ask_consensus(struct tor *tor)
{
	tor_control_send(tor->control, got_consensus, tor, NULL,
			 "GETINFO consensus/valid-after consensus/valid-until");
	timer_set(tor->step, tor->pulse_ms);
}

/* --- bootstrap --- */

static void become_ready(struct tor *tor)
{
	enter_state(tor, FRONT_READY);
	tor->pause_ms = PAUSE_MIN_MS;
	ask_consensus(tor);
	if (tor->transport_up)
		return;
	tor->transport_up = true;
	tor_transport_up(tor->transport, tor->control,
			 tor->own || tor_control_same_user(tor->control));
}

/* Ready or not, by all that is known. */
static void judge(struct tor *tor)
{
	bool ready = tor->status.progress >= 100 && !tor->circuits_lost;

	if (ready && tor->state == FRONT_BOOTSTRAPPING)
		become_ready(tor);
	else if (!ready && tor->state == FRONT_READY)
		enter_state(tor, FRONT_BOOTSTRAPPING);
}

/* text: "… PROGRESS=50 TAG=loading SUMMARY="Loading relays" …" */
static void handle_phase(struct tor *tor, const char *text)
{
	char number[8], summary[sizeof tor->status.summary];
	long progress;

	if (tor_text_value(text, "PROGRESS", number, sizeof number) != 0)
		return;
	progress = strtol(number, NULL, 10);
	if (progress < 0 || progress > 100)
		return;
	tor->status.progress = (int)progress;
	if (tor_text_value(text, "WARNING", summary, sizeof summary) == 0 ||
	    tor_text_value(text, "SUMMARY", summary, sizeof summary) == 0)
		memcpy(tor->status.summary, summary, sizeof summary);
	status_changed(tor);
	judge(tor);
}

static void got_phase(void *arg, const struct tor_reply *reply)
{
	struct tor *tor = arg;
	const char *text = tor_reply_value(reply, "status/bootstrap-phase");
	struct err why;

	if (reply->code == 250 && text != NULL) {
		handle_phase(tor, text);
		return;
	}
	err_set(&why, ERR_PROTOCOL, "tor does not say how far it is: %d", reply->code);
	lost(tor, &why);
}

static void got_events(void *arg, const struct tor_reply *reply)
{
	struct tor *tor = arg;
	struct err why;

	if (reply->code == 250)
		return;
	err_set(&why, ERR_PROTOCOL, "tor refuses to send events: %d", reply->code);
	lost(tor, &why);
}

/* The events first, so that nothing is missed between question and answer. */
static void control_ready(void *arg)
{
	struct tor *tor = arg;
	struct err why;

	snprintf(tor->status.version, sizeof tor->status.version, "%s",
		 tor_control_version(tor->control));
	timer_set(tor->step, tor->pulse_ms);
	tor->circuits_lost = false;
	enter_state(tor, FRONT_BOOTSTRAPPING);
	if (tor_control_send(tor->control, got_events, tor, &why,
			     "SETEVENTS STATUS_CLIENT HS_DESC") != 0 ||
	    tor_control_send(tor->control, got_phase, tor, &why,
			     "GETINFO status/bootstrap-phase") != 0)
		lost(tor, &why);
}

static void handle_status(struct tor *tor, const char *text)
{
	char action[32];

	if (tor_text_word(text, 2, action, sizeof action) != 0)
		return;
	if (strcmp(action, "BOOTSTRAP") == 0) {
		handle_phase(tor, text);
	} else if (strcmp(action, "CIRCUIT_ESTABLISHED") == 0) {
		tor->circuits_lost = false;
		judge(tor);
	} else if (strcmp(action, "CIRCUIT_NOT_ESTABLISHED") == 0) {
		tor->circuits_lost = true;
		judge(tor);
	}
}

static void control_event(void *arg, const struct tor_reply *event)
{
	struct tor *tor = arg;
	char word[32];

	if (tor_text_word(event->lines[0].text, 0, word, sizeof word) != 0)
		return;
	if (strcmp(word, "STATUS_CLIENT") == 0)
		handle_status(tor, event->lines[0].text);
	else if (strcmp(word, "HS_DESC") == 0)
		tor_transport_event(tor->transport, event);
}

/* --- start --- */

/* A tor of ours that was started just now may not listen yet. */
static void unreachable(struct tor *tor, const struct err *why)
{
	if (tor->own && tor->state == FRONT_CONNECTING && why->code == ERR_UNAVAILABLE &&
	    env_mono_ms(tor->env) < tor->connect_end_ms)
		timer_set(tor->step, CONNECT_STEP_MS);
	else
		lost(tor, why);
}

static void control_closed(void *arg, const struct err *why)
{
	struct tor *tor = arg;
	struct err told = *why;

	tor_control_free(&tor->control);
	unreachable(tor, &told);
}

static const struct tor_control_handler control_handler = {
    .ready = control_ready,
    .event = control_event,
    .closed = control_closed,
};

static void connect_control(struct tor *tor)
{
	const struct tor_control_config config = {
	    .address = tor->control_address,
	    .password = tor->password,
	    .own = tor->own,
	    .answer_limit_ms = tor->answer_limit_ms,
	};
	struct err why;

	tor->control = tor_control_new(tor->loop, &config, &control_handler, tor, &why);
	if (tor->control == NULL)
		unreachable(tor, &why);
}

static void start(struct tor *tor)
{
	struct err why;

	enter_state(tor, FRONT_CONNECTING);
	tor->connect_end_ms = env_mono_ms(tor->env) + CONNECT_LIMIT_MS;
	if (tor->own) {
		tor->process = tor_process_new(tor->loop, tor->program, tor->directory, tor->extra,
					       process_ended, tor, &why);
		if (tor->process == NULL) {
			lost(tor, &why);
			return;
		}
	}
	connect_control(tor);
}

static void take_step(void *arg)
{
	struct tor *tor = arg;

	switch (tor->state) {
	case FRONT_IDLE:
	case FRONT_RESTING:
		start(tor);
		break;
	case FRONT_CONNECTING:
		connect_control(tor);
		break;
	case FRONT_BOOTSTRAPPING:
	case FRONT_READY:
		ask_consensus(tor);
		break;
	case FRONT_STOPPING:
		break;
	}
}

/* --- the calls of tor.h --- */

static char *copy(const char *text, bool *short_of_memory)
{
	char *made = text != NULL ? strdup(text) : NULL;

	if (text != NULL && made == NULL)
		*short_of_memory = true;
	return made;
}

static char *socket_address(const char *directory, const char *name)
{
	char *made;

	return asprintf(&made, "unix:%s/%s", directory, name) >= 0 ? made : NULL;
}

static int copy_config(struct tor *tor, const struct tor_config *config, struct err *err)
{
	bool failed = false;

	tor->own = config->control == NULL;
	if (config->directory == NULL || (!tor->own && config->socks == NULL))
		return err_set(err, ERR_INPUT,
			       "tor needs a directory, and a SOCKS address "
			       "when it is not ours");
	tor->directory = tor_directory_make(config->directory, err);
	if (tor->directory == NULL)
		return -1;
	tor->program = copy(config->program != NULL ? config->program : TOR_PROGRAM, &failed);
	tor->extra = copy(config->extra, &failed);
	tor->password = copy(config->password, &failed);
	tor->control_address = tor->own ? socket_address(tor->directory, TOR_CONTROL_SOCKET)
					: copy(config->control, &failed);
	tor->socks_address = tor->own ? socket_address(tor->directory, TOR_SOCKS_SOCKET)
				      : copy(config->socks, &failed);
	if (failed || tor->control_address == NULL || tor->socks_address == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	if (tor_socket_check(tor->control_address, err) != 0 ||
	    tor_socket_check(tor->socks_address, err) != 0)
		return -1;
	return 0;
}

static int set_up(struct tor *tor, const struct tor_config *config, struct err *err)
{
	if (copy_config(tor, config, err) != 0)
		return -1;
	tor->step = timer_new(tor->env, take_step, tor);
	tor->news = timer_new(tor->env, tell, tor);
	tor->transport = tor_transport_new(tor->loop, tor->directory, tor->socks_address);
	if (tor->step == NULL || tor->news == NULL || tor->transport == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

struct tor *tor_new(struct loop *loop, const struct tor_config *config,
		    const struct tor_handler *handler, void *arg, struct err *err)
{
	struct tor *tor = calloc(1, sizeof *tor);

	if (tor == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	tor->loop = loop;
	tor->env = loop_env(loop);
	tor->handler = handler;
	tor->arg = arg;
	tor->pause_ms = PAUSE_MIN_MS;
	tor->pulse_ms = config->pulse_ms > 0 ? config->pulse_ms : PULSE_MS;
	tor->answer_limit_ms = config->answer_limit_ms;
	if (set_up(tor, config, err) != 0)
		tor_free(&tor);
	else
		timer_set(tor->step, 0);
	return tor;
}

const struct tor_status *tor_status(const struct tor *tor)
{
	return &tor->status;
}

const char *tor_socks(const struct tor *tor)
{
	return tor->socks_address;
}

struct transport *tor_transport(struct tor *tor)
{
	return tor_transport_front(tor->transport);
}

void tor_free(struct tor **tor)
{
	struct tor *t = *tor;

	if (t == NULL)
		return;
	tor_transport_free(&t->transport);
	/* A tor of ours ends with the control connection; then it is waited for. */
	tor_control_free(&t->control);
	tor_process_free(&t->process);
	timer_free(&t->step);
	timer_free(&t->news);
	free(t->program);
	free(t->directory);
	free(t->extra);
	free(t->control_address);
	free(t->socks_address);
	if (t->password != NULL)
		secret_free(t->password, strlen(t->password));
	free(t);
	*tor = NULL;
}
