/*
 * tacetctl_options.c: see tacetctl_options.h.
 */
#include <config.h> /* of autoconf */

#include "component/tacetctl_options.h"

#include "component/text_file.h"
#include "core/base/secret.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

const struct option options_long[] = {
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

unsigned options_bit(const struct option *option)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (settings[i].c == option->val)
			return settings[i].bit;
	return 0;
}

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

int options_read(int argc, char **argv, struct options *options)
{
	int c;

	argc = cut_command(argc, argv, options);
	while ((c = getopt_long(argc, argv, OPTIONS_SHORT, options_long, NULL)) != -1) {
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
	options->words = argv + optind;
	options->word_count = argc - optind;
	return -1;
}
