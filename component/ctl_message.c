/*
 * ctl_message.c: see ctl_message.h.
 */
#include "component/ctl_message.h"

#include "component/ctl_bot.h"
#include "component/ctl_client.h"
#include "core/engine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long `send` waits for the contact's daemon when nothing is said, in ms. */
#define SEND_TIMEOUT_MS 60000
/* The bounds of `bot` when nothing is said: a run that takes longer looks hung to who waits for an
 * answer; an answer that is longer fills the contact's screen. */
#define BOT_TIMEOUT_MS 30000
#define BOT_JOBS       4
#define BOT_JOBS_MAX   32 /* as many as the daemon hands over at once */
#define BOT_OUTPUT     (16 * 1024)

/* --- pieces --- */

static int fail(const struct err *err)
{
	fprintf(stderr, "tacetctl: %s\n", err->text);
	switch (err->code) {
	case ERR_UNAVAILABLE:
	case ERR_CLOSED:
		return EXIT_UNREACHABLE;
	case ERR_TIMEOUT:
		return EXIT_WAITS;
	case ERR_INPUT:
		return EXIT_USAGE;
	default:
		return EXIT_REFUSED;
	}
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct ctl_client *connect_daemon(const struct options *options, struct err *err)
{
	char *path = ctl_client_path(options->socket, options->config, err);
	struct ctl_client *client = path ? ctl_client_new(path, err) : NULL;

	free(path);
	return client;
}

static void print_json(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
}

/* --- send --- */

/* Standard input, without the newline at its end. */
static char *read_text(struct err *err)
{
	char *text = malloc(PAYLOAD_MAX + 1);
	size_t len = text ? fread(text, 1, PAYLOAD_MAX + 1, stdin) : 0;

	if (!text) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	if (len > PAYLOAD_MAX || memchr(text, '\0', len)) {
		err_set(err, ERR_LIMIT,
			len > PAYLOAD_MAX ? "the text is longer than %d bytes"
					  : "the text holds a NUL",
			PAYLOAD_MAX);
		free(text);
		return NULL;
	}
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return text;
}

static char *join_words(char **words, struct err *err)
{
	size_t size = 1;
	char *text, *at;

	for (char **word = words; *word; word++)
		size += strlen(*word) + 1;
	at = text = malloc(size);
	if (!text) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	*at = '\0';
	for (char **word = words; *word; word++)
		at += sprintf(at, "%s%s", word == words ? "" : " ", *word);
	return text;
}

static json_t *send_arguments(const struct options *options, char **argv, bool wait,
			      struct err *err)
{
	bool from_input = strcmp(argv[1], "-") == 0 && !argv[2];
	char *text = from_input ? read_text(err) : join_words(argv + 1, err);
	json_t *args = text ? json_pack("{s:s, s:s, s:b, s:s*}", "contact", argv[0], "text", text,
					"wait", (int)wait, "account", options->account)
			    : NULL;

	if (text && !args)
		err_set(err, ERR_INPUT, "the text is not UTF-8");
	free(text);
	return args;
}

/* The next thing the daemon says, within limit_ms in all (0: for ever). NULL with *err. */
static json_t *next(struct ctl_client *client, int64_t since_ms, int64_t limit_ms, struct err *err)
{
	int64_t left_ms = limit_ms ? since_ms + limit_ms - now_ms() : 0;

	ctl_client_limit(client, limit_ms && left_ms < 1 ? 1 : left_ms);
	return ctl_client_answer(client, err);
}

/* What has become of the message: the exit code. */
static int report(const struct options *options, const json_t *event)
{
	const char *how = print_member(event, "how");

	if (options->json)
		print_json(event);
	if (strcmp(how, "acked") == 0)
		return EXIT_SUCCESS;
	if (!options->json) {
		fprintf(stderr, "tacetctl: the message was %s",
			strcmp(how, "rejected") == 0 ? "refused by the contact: " : "taken back");
		print_text(print_member(event, "reason"), stderr);
		fputc('\n', stderr);
	}
	return EXIT_REFUSED;
}

static int wait_for_end(const struct options *options, struct ctl_client *client, int64_t limit_ms)
{
	int64_t since_ms = now_ms();
	struct err err;
	int result;

	for (;;) {
		json_t *event = next(client, since_ms, limit_ms, &err);

		if (!event && err.code == ERR_TIMEOUT)
			err_set(&err, ERR_TIMEOUT,
				"not acknowledged yet; it waits for the contact (tacetctl outbox)");
		if (!event)
			return fail(&err);
		if (strcmp(print_member(event, "event"), "delivered") == 0) {
			result = report(options, event);
			json_decref(event);
			return result;
		}
		json_decref(event);
	}
}

static int refused(const struct options *options, const json_t *answer)
{
	if (options->json)
		print_json(answer);
	else
		fprintf(stderr, "tacetctl: %s\n", print_member(answer, "error"));
	return EXIT_REFUSED;
}

static int send_over(const struct options *options, char **argv, struct ctl_client *client,
		     int64_t limit_ms)
{
	struct err err;
	json_t *args = send_arguments(options, argv, limit_ms > 0, &err);
	json_t *answer = NULL;
	int result;

	if (args && !ctl_client_ask(client, "send", args, &err))
		answer = ctl_client_answer(client, &err);
	json_decref(args);
	if (!answer)
		return fail(&err);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		result = refused(options, answer);
	} else {
		if (options->json && limit_ms == 0)
			print_json(answer);
		result = limit_ms > 0 ? wait_for_end(options, client, limit_ms) : EXIT_SUCCESS;
	}
	json_decref(answer);
	return result;
}

int ctl_send(const struct options *options, char **argv)
{
	int64_t limit_ms = SEND_TIMEOUT_MS;
	struct ctl_client *client;
	struct err err;
	int result;

	if (options->timeout && strcmp(options->timeout, "0") == 0)
		limit_ms = 0;
	else if (options->timeout && command_duration(options->timeout, &limit_ms, &err))
		return fail(&err);
	client = connect_daemon(options, &err);
	if (!client)
		return fail(&err);
	result = send_over(options, argv, client, limit_ms);
	ctl_client_free(&client);
	return result;
}

/* --- listen --- */

/* In one line: a newline is shown as "\n". */
static void print_line_of(const char *text, FILE *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *piece = strndup(text, len);

		print_text(piece ? piece : "?", out);
		free(piece);
		text += len;
		if (*text == '\n') {
			fputs("\\n", out);
			text++;
		}
	}
}

static void print_who(const json_t *event, const char *id)
{
	const char *name = print_member(event, "name");

	print_text(name[0] ? name : print_member(event, id), stdout);
}

static void print_message_event(const json_t *event)
{
	print_moment(print_number(event, "time_ms"), stdout);
	putchar('\t');
	print_who(event, "contact");
	fputs("\t", stdout);
	print_line_of(print_member(event, "body"), stdout);
}

static void print_presence_event(const json_t *event)
{
	fputs("presence\t", stdout);
	print_who(event, "contact");
	printf("\t%s\t", print_member(event, "show"));
	print_line_of(print_member(event, "text"), stdout);
}

static void print_request_event(const json_t *event)
{
	fputs("request\t", stdout);
	print_who(event, "id");
	printf("\t%s\t", print_member(event, "id"));
	print_line_of(print_member(event, "text"), stdout);
}

static void print_missed_event(const json_t *event)
{
	(void)event;
	fputs("missed\tpresences or requests were left out", stdout);
}

static const struct {
	const char *event;
	void (*print)(const json_t *event);
} event_printers[] = {
    {"message", print_message_event},
    {"presence", print_presence_event},
    {"request", print_request_event},
    {"missed", print_missed_event},
};

static void print_event(const struct options *options, const json_t *event)
{
	for (size_t i = 0; i < sizeof(event_printers) / sizeof(event_printers[0]); i++) {
		if (strcmp(event_printers[i].event, print_member(event, "event")) != 0)
			continue;
		if (options->json) {
			print_json(event);
		} else {
			event_printers[i].print(event);
			putchar('\n');
		}
	}
}

/* Only what has been written counts as taken. */
static int handle_event(const struct options *options, struct ctl_client *client,
			const json_t *event, struct err *err)
{
	json_t *args;
	int result;

	print_event(options, event);
	if (fflush(stdout) || ferror(stdout))
		return err_system(err, "standard output");
	if (strcmp(print_member(event, "event"), "message") != 0)
		return 0;
	args = json_pack("{s:s, s:I}", "contact", print_member(event, "contact"), "number",
			 (json_int_t)print_number(event, "number"));
	result = ctl_client_ask(client, "taken", args, err);
	json_decref(args);
	return result;
}

static int listen_on(const struct options *options, struct ctl_client *client)
{
	json_t *args = options->account ? json_pack("{s:s}", "account", options->account) : NULL;
	struct err err;
	int result = ctl_client_ask(client, "listen", args, &err);

	json_decref(args);
	while (!result) {
		json_t *event = ctl_client_answer(client, &err);
		const json_t *ok = json_object_get(event, "ok");

		if (!event)
			result = -1;
		else if (json_is_false(ok))
			result = err_set(&err, ERR_EXISTS, "%s", print_member(event, "error"));
		else if (json_object_get(event, "account") && ok)
			fprintf(stderr, "tacetctl: %s listens\n", print_member(event, "account"));
		else if (!ok)
			result = handle_event(options, client, event, &err);
		json_decref(event);
	}
	return fail(&err);
}

int ctl_listen(const struct options *options, char **argv)
{
	struct err err;
	struct ctl_client *client = connect_daemon(options, &err);
	int result;

	(void)argv;
	if (!client)
		return fail(&err);
	result = listen_on(options, client);
	ctl_client_free(&client);
	return result;
}

/* --- bot --- */

static int read_number(const char *text, long min, long max, long *number, struct err *err)
{
	char *end;

	if (!text)
		return 0;
	*number = strtol(text, &end, 10);
	if (end == text || *end || *number < min || *number > max)
		return err_set(err, ERR_INPUT, "%s is no number from %ld to %ld", text, min, max);
	return 0;
}

int ctl_message_bot(const struct options *options, char **argv)
{
	struct ctl_bot bot = {
	    .account = options->account, .command = options->exec, .time_ms = BOT_TIMEOUT_MS};
	long jobs = BOT_JOBS, output = BOT_OUTPUT;
	struct err err = {0};
	char *path = NULL;
	int result = -1;

	(void)argv;
	if (!options->exec || !options->exec[0])
		err_set(&err, ERR_INPUT, "bot: --exec COMMAND is missing");
	else if (read_number(options->jobs, 1, BOT_JOBS_MAX, &jobs, &err) ||
		 read_number(options->max_output, 1, PAYLOAD_MAX, &output, &err) ||
		 (options->timeout && command_duration(options->timeout, &bot.time_ms, &err)))
		result = -1;
	else if ((path = ctl_client_path(options->socket, options->config, &err))) {
		bot.socket = path;
		bot.jobs = (unsigned)jobs;
		bot.output = (size_t)output;
		result = ctl_bot(&bot, &err);
	}
	free(path);
	return result ? fail(&err) : EXIT_SUCCESS;
}
