/*
 * tacetctl.c: tacetctl(1): the command line of tacetd, over its control socket.
 *
 * Options (tacetctl_options.c) may stand anywhere; which belong to which command is said in
 * tacetctl_command.c, where requests are made. What the daemon says is printed by tacetctl_print.c.
 */
#include <config.h> /* of autoconf */

#include "component/ctl_client.h"
#include "component/ctl_view.h"
#include "component/tacetctl_command.h"
#include "component/tacetctl_options.h"
#include "component/text_file.h"
#include "core/base/secret.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the command line --- */

static int usage_error(const char *what, const struct command *command)
{
	fprintf(stderr, "tacetctl: %s\n", what);
	if (command)
		fprintf(stderr, "usage: tacetctl %s %s\n", command->words, command->arguments);
	else
		fputs("try: tacetctl -h\n", stderr);
	return EXIT_USAGE;
}

static int check_usage(const struct command *command, const struct options *options, int count)
{
	if (!command)
		return usage_error(count > 0 ? "no such command" : "a command is missing", NULL);
	if (count < command->min)
		return usage_error("an argument is missing", command);
	if (count > command->max)
		return usage_error("too many arguments", command);
	if (options->given & ~command->options)
		return usage_error("an option does not belong to this command", command);
	if ((options->given & OPT_SECRET) && (options->given & OPT_SECRET_FILE))
		return usage_error("--secret and --secret-file exclude each other", command);
	if ((options->given & OPT_YES) && (options->given & OPT_NO))
		return usage_error("--yes and --no exclude each other", command);
	return -1;
}

/* --- talking to the daemon --- */

/* What the command prints of the answer, which the caller frees. NULL: memory is short. */
static char *text_of(const struct command *command, const json_t *answer)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	command->print(answer, stream);
	if (fclose(stream)) {
		free(text);
		text = NULL;
	}
	return text;
}

static void print_answer(const struct command *command, const struct options *options,
			 const json_t *answer)
{
	char *text;

	if (options->json) {
		print_json(answer);
	} else if (command->print && (text = text_of(command, answer))) {
		print_out(text, print_coloured(stdout), stdout);
		free(text);
		if ((command->options & OPT_QR) &&
		    (isatty(STDOUT_FILENO) || (options->given & OPT_QR)))
			print_code(answer, stdout);
		if (options->given & OPT_WATCH)
			putchar('\n');
	}
	fflush(stdout);
}

/* Print one answer; whether it was a refusal is in the exit code. */
static int take_answer(const struct command *command, const struct options *options,
		       struct ctl_client *client)
{
	struct err err;
	json_t *answer = ctl_client_answer(client, &err);
	const char *refusal = json_string_value(json_object_get(answer, "error"));
	int result = EXIT_SUCCESS;

	if (!answer)
		return command_fail(options, &err);
	if (!json_is_true(json_object_get(answer, "ok")))
		result = EXIT_REFUSED;
	if (result == EXIT_SUCCESS || options->json)
		print_answer(command, options, answer);
	else
		fprintf(stderr, "tacetctl: %s\n", refusal ? refusal : "refused");
	json_decref(answer);
	return result;
}

static int converse(const struct command *command, const struct options *options, char **argv,
		    struct ctl_client *client)
{
	bool watch = options->given & OPT_WATCH;
	json_t *args = json_object();
	struct err err;
	int result;

	if (command_build(command, options, argv, args, &err) ||
	    ctl_client_ask(client, watch ? "status watch" : command->words, args, &err)) {
		json_decref(args);
		return command_fail(options, &err);
	}
	json_decref(args);
	if (watch && !options->json && isatty(STDOUT_FILENO)) {
		ctl_view(client, command->print, &err);
		return command_fail(options, &err);
	}
	do
		result = take_answer(command, options, client);
	while (watch && result == EXIT_SUCCESS);
	return result;
}

static int run(int count, char **words, const struct options *options)
{
	int used = 0;
	const struct command *command = command_find(count, words, &used);
	int result = check_usage(command, options, count - used);
	struct ctl_client *client;
	struct err err;

	if (result >= 0)
		return result;
	if (command->run)
		return command->run(options, words + used);
	client = ctl_client_reach(options->socket, options->config, &err);
	if (!client)
		return command_fail(options, &err);
	result = converse(command, options, words + used, client);
	ctl_client_free(&client);
	return result;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	int result;

	result = options_read(argc, argv, &options);

	if (result < 0)
		result = run(options.word_count, options.words, &options);
	text_wipe(options.secret);
	return result;
}
