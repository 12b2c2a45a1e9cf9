/*
 * ctl_message.c: see ctl_message.h.
 */
#include "component/ctl_message.h"

#include "component/ctl_bot.h"
#include "component/ctl_client.h"
#include "core/engine.h"

#include <stdlib.h>
#include <string.h>

/* How long `send` waits for the contact's daemon when nothing is said, in ms. */
#define SEND_TIMEOUT_MS 60000
/* The bounds of `bot` when nothing is said: a run that takes longer looks hung to who waits for an
 * answer; an answer that is longer fills the contact's screen. */
#define BOT_TIMEOUT_MS 30000
#define BOT_JOBS       4
#define BOT_JOBS_MAX   32 /* as many as the daemon hands over at once */
#define BOT_OUTPUT     (16 * 1024)

/* --- send --- */

/* Standard input, without the newline at its end. */
static char *read_text(struct err *err)
{
	char *text = malloc(PAYLOAD_MAX + 2);
	size_t len = text ? fread(text, 1, PAYLOAD_MAX + 2, stdin) : 0;

	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (!text)
		err_set(err, ERR_MEMORY, "out of memory");
	else if (ferror(stdin))
		err_system(err, "standard input");
	else if (len > PAYLOAD_MAX)
		err_set(err, ERR_LIMIT, "the text is longer than %d bytes", PAYLOAD_MAX);
	else if (memchr(text, '\0', len))
		err_set(err, ERR_INPUT, "the text holds a NUL, which no message can");
	else {
		text[len] = '\0';
		return text;
	}
	free(text);
	return NULL;
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
		err_set(err, ERR_INPUT, "the contact or the text is not UTF-8");
	free(text);
	return args;
}

/* The next thing the daemon says, within limit_ms in all (0: for ever). NULL with *err. */
static json_t *next(struct ctl_client *client, int64_t since_ms, int64_t limit_ms, struct err *err)
{
	int64_t left_ms = limit_ms ? since_ms + limit_ms - ctl_client_now_ms() : 0;

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
	int64_t since_ms = ctl_client_now_ms();
	struct err err;
	int result;

	for (;;) {
		json_t *event = next(client, since_ms, limit_ms, &err);

		if (!event && err.code == ERR_TIMEOUT)
			err_set(&err, ERR_TIMEOUT,
				"not acknowledged yet; it waits for the contact (tacetctl outbox)");
		if (!event)
			return command_fail(options, &err);
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
		return command_fail(options, &err);
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
		return command_fail(options, &err);
	client = ctl_client_reach(options->socket, options->config, &err);
	if (!client)
		return command_fail(options, &err);
	result = send_over(options, argv, client, limit_ms);
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
	struct ctl_bot bot = {.account = options->account,
			      .command = options->exec,
			      .once = options->given & OPT_ONCE,
			      .time_ms = BOT_TIMEOUT_MS};
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
	return result ? command_fail(options, &err) : EXIT_SUCCESS;
}
