/*
 * ctl_bot.c: see ctl_bot.h.
 *
 *     message ──> queued ──> run ──(output)──> "send" asked ──(ok)──> "taken" asked ──> gone
 *                                └─(none, or it failed)─────────────────^
 *
 * The daemon hands over one message of a contact at a time, so those of a contact are dealt with in
 * order, those of several beside each other. What dies before "taken" is handed over again.
 *
 * When the daemon ends, runs go on and jobs wait where they are until the next daemon hands their
 * messages over again.
 */
#include "component/ctl_bot.h"

#include "component/ctl_client.h"
#include "component/ctl_retry.h"
#include "component/ctl_run.h"
#include "component/tacetctl_print.h"
#include "core/base/buf.h"
#include "core/base/stream_socket.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* Longest line of the daemon's, in bytes: the contacts of an account, and a message. */
#define LINE_MAX_BYTES (64 * 1024 * 1024)

enum job_state {
	JOB_QUEUED,
	JOB_RUNS,
	JOB_SENT,  /* what it has answered is to be stored by the daemon */
	JOB_TAKEN, /* it is to be forgotten by the daemon */
};

struct job {
	struct bot *bot;
	struct job *next;
	enum job_state state;
	json_t *message; /* the event */
	bool here;       /* the daemon that we are connected to has handed it over */
	char *answer;
	struct ctl_run *run;
};

struct bot {
	const struct ctl_bot *config;
	struct loop *loop;
	struct stream *stream;
	struct watch *interrupted, *terminated;
	struct ctl_retry retry;
	struct timer *again; /* to connect */
	char *program;
	struct buf line;
	struct job *jobs;  /* in the order in which they came */
	struct job **asks; /* whose request the daemon has not answered, oldest first */
	size_t ask_count, ask_size;
	unsigned running;
	int result;
	struct err *err;
};

static void give_up(struct bot *bot, enum err_code code, const char *text)
{
	if (bot->result == 0)
		bot->result = err_set(bot->err, code, "%s", text);
	loop_stop(bot->loop);
}

/* --- asking the daemon --- */

/* job NULL: for the bot itself. args is freed. */
static void ask(struct bot *bot, const char *command, json_t *args, struct job *job)
{
	json_t *request = json_pack("{s:s, s:o*}", "cmd", command, "args", args);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	struct job **more = bot->asks;

	if (bot->ask_count == bot->ask_size) {
		bot->ask_size = bot->ask_size ? 2 * bot->ask_size : 16;
		more = realloc(bot->asks, bot->ask_size * sizeof(struct job *));
	}
	if (more)
		bot->asks = more;
	if (!text || !more || stream_write(bot->stream, text, strlen(text)) ||
	    stream_write(bot->stream, "\n", 1))
		give_up(bot, ERR_MEMORY, "out of memory");
	else
		bot->asks[bot->ask_count++] = job;
	free(text);
	json_decref(request);
}

/* Ask for what the job has come to; if the daemon is not there, when it is. */
static void proceed(struct job *job)
{
	const char *contact = print_member(job->message, "contact");

	if (!job->here)
		return;
	if (job->state == JOB_SENT)
		ask(job->bot, "send",
		    json_pack("{s:s, s:s, s:s}", "account", print_member(job->message, "account"),
			      "contact", contact, "text", job->answer),
		    job);
	else if (job->state == JOB_TAKEN)
		ask(job->bot, "taken",
		    json_pack("{s:s, s:I}", "contact", contact, "number",
			      (json_int_t)print_number(job->message, "number")),
		    job);
}

static void go_on(struct job *job, enum job_state state)
{
	job->state = state;
	proceed(job);
}

/* --- runs --- */

static void complain(const struct job *job, const char *what)
{
	const char *name = print_member(job->message, "name");

	fputs("tacetctl: a message of ", stderr);
	print_text(name[0] ? name : print_member(job->message, "contact"), stderr);
	fputs(": ", stderr);
	print_text(what, stderr);
	fputc('\n', stderr);
}

static void complain_of_end(const struct job *job, enum ctl_run_end how, int status)
{
	const struct ctl_bot *config = job->bot->config;
	char text[128];

	if (how == RUN_TOO_LONG)
		snprintf(text, sizeof(text), "the command was killed after %lld ms",
			 (long long)config->time_ms);
	else if (how == RUN_TOO_MUCH)
		snprintf(text, sizeof(text), "the command said more than %zu bytes, and was killed",
			 config->output);
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "the command was killed by signal %d",
			 WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "the command ended with status %d",
			 WEXITSTATUS(status));
	complain(job, text);
}

static void start_next(struct bot *bot);

/* What the command has said, without the newlines at its end, if it can be an answer. */
static char *answer_of(const struct job *job, const char *output, size_t len)
{
	json_t *text;
	char *copy;

	while (len > 0 && (output[len - 1] == '\n' || output[len - 1] == '\r'))
		len--;
	if (len == 0)
		return NULL;
	/* jansson looks whether it is UTF-8; a NUL would cut it. */
	text = memchr(output, '\0', len) ? NULL : json_stringn(output, len);
	copy = text ? strdup(json_string_value(text)) : NULL;
	json_decref(text);
	if (!copy)
		complain(job, "what the command said is not UTF-8");
	return copy;
}

static void run_done(void *arg, enum ctl_run_end how, int status, const char *output, size_t len)
{
	struct job *job = arg;
	struct bot *bot = job->bot;

	job->answer = how == RUN_DONE ? answer_of(job, output, len) : NULL;
	ctl_run_free(&job->run);
	bot->running--;
	if (how != RUN_DONE)
		complain_of_end(job, how, status);
	go_on(job, job->answer ? JOB_SENT : JOB_TAKEN);
	start_next(bot);
}

/* XEP-0082 section 3.2. */
static void format_time(int64_t ms, char *out, size_t size)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}

static void start_job(struct job *job)
{
	struct bot *bot = job->bot;
	const struct ctl_run_limits limits = {bot->config->time_ms, bot->config->output};
	char when[32];
	struct err err;

	format_time(print_number(job->message, "time_ms"), when, sizeof(when));
	job->state = JOB_RUNS;
	bot->running++;
	job->run = ctl_run_new(bot->loop, bot->program, bot->config->command,
			       (const struct ctl_run_variable[]){
				   {"TACET_ACCOUNT", print_member(job->message, "account")},
				   {"TACET_FROM", print_member(job->message, "contact")},
				   {"TACET_FROM_NAME", print_member(job->message, "name")},
				   {"TACET_ID", print_member(job->message, "id")},
				   {"TACET_REPLACES", print_member(job->message, "replaces")},
				   {"TACET_TIME", when},
				   {NULL, NULL},
			       },
			       print_member(job->message, "body"), &limits, run_done, job, &err);
	if (job->run)
		return;
	bot->running--;
	complain(job, err.text);
	go_on(job, JOB_TAKEN);
}

static void start_next(struct bot *bot)
{
	for (struct job *job = bot->jobs; job; job = job->next)
		if (job->state == JOB_QUEUED && bot->running < bot->config->jobs)
			start_job(job);
}

static void job_free(struct job *job)
{
	struct job **at = &job->bot->jobs;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	if (job->state == JOB_RUNS)
		job->bot->running--;
	ctl_run_free(&job->run);
	json_decref(job->message);
	free(job->answer);
	free(job);
}

/* Was it with us when another daemon ended? Then it goes on where it was. */
static bool resume(struct bot *bot, const json_t *message)
{
	for (struct job *job = bot->jobs; job; job = job->next) {
		if (job->here || !json_equal(job->message, message))
			continue;
		job->here = true;
		proceed(job);
		return true;
	}
	return false;
}

static void add_job(struct bot *bot, json_t *message)
{
	struct job **at = &bot->jobs;
	struct job *job = calloc(1, sizeof(*job));

	if (!job) {
		give_up(bot, ERR_MEMORY, "out of memory");
		return;
	}
	job->bot = bot;
	job->here = true;
	job->message = json_incref(message);
	while (*at)
		at = &(*at)->next;
	*at = job;
	start_next(bot);
}

/* --- what the daemon says --- */

static void job_answered(struct job *job, bool ok, const json_t *answer)
{
	if (job->state == JOB_TAKEN) {
		job_free(job);
		return;
	}
	/* Nothing can be stored: later, when someone runs us again, the message is still there. */
	if (!ok && strcmp(print_member(answer, "code"), err_code_name(ERR_UNAVAILABLE)) == 0) {
		give_up(job->bot, ERR_UNAVAILABLE, print_member(answer, "error"));
		return;
	}
	if (!ok)
		complain(job, print_member(answer, "error"));
	go_on(job, JOB_TAKEN);
}

static void lost(struct bot *bot, enum err_code code, const char *text);

static void listen_answered(struct bot *bot, bool ok, const json_t *answer)
{
	enum err_code code = ok ? ERR_NONE : ctl_client_refusal(answer, bot->retry.met);

	if (ok) {
		ctl_retry_met(&bot->retry);
		fprintf(stderr, "tacetctl: %s listens\n", print_member(answer, "account"));
	} else if (code == ERR_UNAVAILABLE) {
		lost(bot, code, print_member(answer, "error"));
	} else {
		give_up(bot, code, print_member(answer, "error"));
	}
}

static void answered(struct bot *bot, const json_t *answer)
{
	bool ok = json_is_true(json_object_get(answer, "ok"));
	struct job *job;

	if (bot->ask_count == 0) {
		give_up(bot, ERR_PROTOCOL, "what answered is not tacetd");
		return;
	}
	job = bot->asks[0];
	memmove(bot->asks, bot->asks + 1, --bot->ask_count * sizeof(struct job *));
	if (job)
		job_answered(job, ok, answer);
	else
		listen_answered(bot, ok, answer);
}

static void handle_line(struct bot *bot, const char *text, size_t len)
{
	json_t *object = json_loadb(text, len, 0, NULL);
	const char *event = print_member(object, "event");

	if (strcmp(event, "message") == 0) {
		if (!resume(bot, object))
			add_job(bot, object);
	} else if (!event[0]) {
		answered(bot, object);
	}
	json_decref(object);
}

static void received(void *arg, const uint8_t *data, size_t len)
{
	struct bot *bot = arg;
	const char *end;

	if (buf_add(&bot->line, data, len)) {
		give_up(bot, ERR_LIMIT, "the daemon's answer is too long");
		return;
	}
	/* One that is lost has nothing more to say. */
	while (!timer_pending(bot->again) && bot->line.len > 0 &&
	       (end = memchr(bot->line.data, '\n', bot->line.len))) {
		size_t line = (size_t)(end - (const char *)bot->line.data);

		handle_line(bot, (const char *)bot->line.data, line);
		buf_drain(&bot->line, line + 1);
	}
}

static void closed(void *arg, const struct err *why)
{
	struct bot *bot = arg;

	if (timer_pending(bot->again))
		return;
	if (why->code == ERR_CLOSED)
		lost(bot, ERR_CLOSED, "tacetd has closed the connection");
	else
		lost(bot, ERR_UNAVAILABLE, why->text);
}

static const struct stream_handler handler = {.received = received, .closed = closed};

/* --- the daemon's end, and the next one --- */

/* What has not begun comes again; the rest waits for its message to be handed over again. */
static void keep_jobs(struct bot *bot)
{
	struct job *next;

	for (struct job *job = bot->jobs; job; job = next) {
		next = job->next;
		job->here = false;
		if (job->state == JOB_QUEUED)
			job_free(job);
	}
	bot->ask_count = 0;
}

/* The daemon cannot be reached any more. */
static void lost(struct bot *bot, enum err_code code, const char *text)
{
	bool begins = ctl_retry_begins(&bot->retry);
	int64_t pause_ms = ctl_retry_next(&bot->retry, env_mono_ms(loop_env(bot->loop)));

	if (pause_ms < 0) {
		give_up(bot, code, text);
		return;
	}
	if (begins)
		fprintf(stderr, "tacetctl: %s: trying again\n", text);
	keep_jobs(bot);
	timer_set(bot->again, pause_ms);
}

static void connect_daemon(void *arg)
{
	struct bot *bot = arg;
	const char *account = bot->config->account;
	struct err err;

	stream_free(&bot->stream);
	buf_clear(&bot->line);
	bot->stream = stream_connect_unix(bot->loop, bot->config->socket, &err);
	if (!bot->stream && err.code == ERR_SYSTEM) {
		lost(bot, ERR_UNAVAILABLE, err.text);
		return;
	}
	if (!bot->stream) {
		give_up(bot, err.code, err.text);
		return;
	}
	stream_set_handler(bot->stream, &handler, bot);
	ask(bot, "listen", account ? json_pack("{s:s}", "account", account) : NULL, NULL);
}

/* --- life --- */

static void stop(void *arg, unsigned signo)
{
	struct bot *bot = arg;

	(void)signo;
	loop_stop(bot->loop);
}

static int open_all(struct bot *bot, struct err *err)
{
	bot->program = ctl_run_find(bot->config->command[0], err);
	if (!bot->program || !(bot->loop = loop_new(err)))
		return -1;
	bot->interrupted = watch_signal(bot->loop, SIGINT, stop, bot);
	bot->terminated = watch_signal(bot->loop, SIGTERM, stop, bot);
	bot->again = timer_new(loop_env(bot->loop), connect_daemon, bot);
	return bot->again ? 0 : err_set(err, ERR_MEMORY, "out of memory");
}

static void close_all(struct bot *bot)
{
	while (bot->jobs)
		job_free(bot->jobs);
	watch_free(&bot->interrupted);
	watch_free(&bot->terminated);
	timer_free(&bot->again);
	stream_free(&bot->stream);
	loop_free(&bot->loop);
	buf_free(&bot->line);
	free(bot->asks);
	free(bot->program);
}

int ctl_bot(const struct ctl_bot *config, struct err *err)
{
	struct bot bot = {.config = config, .retry.never = config->once, .err = err};

	buf_init(&bot.line, LINE_MAX_BYTES);
	bot.result = open_all(&bot, err);
	if (!bot.result)
		connect_daemon(&bot);
	if (!bot.result)
		loop_run(bot.loop);
	close_all(&bot);
	return bot.result;
}
