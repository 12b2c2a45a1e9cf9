/*
 * tacetctl.c: tacetctl(1): the command line of tacetd, over its control socket.
 *
 * Options may stand anywhere; which belong to which command is said in tacetctl_command.c, where
 * requests are made. What the daemon says is printed by tacetctl_print.c.
 */
#include <config.h> /* of autoconf */

#include "component/ctl_client.h"
#include "component/ctl_view.h"
#include "component/tacetctl_command.h"
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

static void print_usage(FILE *out)
{
	fputs("usage: tacetctl [-c FILE | -s SOCKET] [--json] COMMAND …\n", out);
	for (const struct command *command = commands; command->words; command++)
		fprintf(out, "       tacetctl %s%s%s\n", command->words,
			command->arguments[0] ? " " : "", command->arguments);
	fputs("       tacetctl -h | -V\n"
	      "  -c, --config FILE   tacetd's configuration, which says where its socket is\n"
	      "  -s, --socket PATH   tacetd's control socket\n"
	      "  -a, --account NAME  whose contacts; not needed when there is one account\n"
	      "      --json          print the daemon's answer as it is\n",
	      out);
}

static const struct option long_options[] = {
    {"accept", required_argument, NULL, 'B'},
    {"account", required_argument, NULL, 'a'},
    {"as", required_argument, NULL, 'A'},
    {"bot", no_argument, NULL, 'b'},
    {"config", required_argument, NULL, 'c'},
    {"expires", required_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},
    {"jobs", required_argument, NULL, 'J'},
    {"json", no_argument, NULL, 'j'},
    {"max-output", required_argument, NULL, 'M'},
    {"name", required_argument, NULL, 'm'},
    {"no", no_argument, NULL, 'N'},
    {"once", no_argument, NULL, 'O'},
    {"passphrase-file", required_argument, NULL, 'P'},
    {"password-file", required_argument, NULL, 'p'},
    {"plot", required_argument, NULL, 'G'},
    {"qr", no_argument, NULL, 'q'},
    {"remove", no_argument, NULL, 'R'},
    {"reusable", no_argument, NULL, 'r'},
    {"secret", required_argument, NULL, 'S'},
    {"secret-file", required_argument, NULL, 'F'},
    {"socket", required_argument, NULL, 's'},
    {"text", required_argument, NULL, 't'},
    {"timeout", required_argument, NULL, 'T'},
    {"version", no_argument, NULL, 'V'},
    {"watch", no_argument, NULL, 'w'},
    {"yes", no_argument, NULL, 'y'},
    {NULL, 0, NULL, 0},
};

/* Which option sets what. */
static const struct {
	int c;
	unsigned bit;
	size_t offset; /* of its text in struct options; 0: it has none */
} settings[] = {
    {'a', OPT_ACCOUNT, offsetof(struct options, account)},
    {'A', OPT_AS, offsetof(struct options, as)},
    {'b', OPT_BOT, 0},
    {'B', OPT_ACCEPT, offsetof(struct options, accept)},
    {'e', OPT_EXPIRES, offsetof(struct options, expires)},
    {'F', OPT_SECRET_FILE, offsetof(struct options, secret_file)},
    {'G', OPT_PLOT, offsetof(struct options, plot)},
    {'J', OPT_JOBS, offsetof(struct options, jobs)},
    {'M', OPT_MAX_OUTPUT, offsetof(struct options, max_output)},
    {'m', OPT_NAME, offsetof(struct options, name)},
    {'n', OPT_NUMBER, offsetof(struct options, number)},
    {'N', OPT_NO, 0},
    {'O', OPT_ONCE, 0},
    {'p', OPT_PASSWORD_FILE, offsetof(struct options, password_file)},
    {'P', OPT_PASSPHRASE_FILE, offsetof(struct options, passphrase_file)},
    {'q', OPT_QR, 0},
    {'r', OPT_REUSABLE, 0},
    {'R', OPT_REMOVE, 0},
    {'S', OPT_SECRET, 0},
    {'t', OPT_TEXT, offsetof(struct options, text)},
    {'T', OPT_TIMEOUT, offsetof(struct options, timeout)},
    {'w', OPT_WATCH, 0},
    {'y', OPT_YES, 0},
};

/* Take the passphrase out of what `ps` shows. */
static char *take_secret(char *argument)
{
	char *copy = strdup(argument);

	secret_wipe(argument, strlen(argument));
	return copy;
}

static void set_option(struct options *options, int c, char *argument)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (settings[i].c != c)
			continue;
		options->given |= settings[i].bit;
		if (settings[i].offset)
			*(const char **)((char *)options + settings[i].offset) = argument;
	}
	if (c == 'S') {
		text_wipe(options->secret);
		options->secret = take_secret(argument);
	}
}

/* -1: go on; else exit with that. */
static int read_options(int argc, char **argv, struct options *options)
{
	int c;

	while ((c = getopt_long(argc, argv, "a:c:hn:s:V", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 's':
			options->socket = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 'h':
			print_usage(stdout);
			return EXIT_SUCCESS;
		case 'V':
			puts("tacetctl " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case '?':
			fputs("try: tacetctl -h\n", stderr);
			return EXIT_USAGE;
		default:
			set_option(options, c, optarg);
			break;
		}
	}
	return -1;
}

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
		return usage_error("no such command", NULL);
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

/* What follows --exec is the command of a bot, with its own options: for us the line ends there. */
static int cut_command(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--exec") != 0)
			continue;
		options->given |= OPT_EXEC;
		options->exec = argv + i + 1;
		argv[i] = NULL;
		return i;
	}
	return argc;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	int result;

	argc = cut_command(argc, argv, &options);
	result = read_options(argc, argv, &options);

	if (result < 0)
		result = run(argc - optind, argv + optind, &options);
	text_wipe(options.secret);
	return result;
}
