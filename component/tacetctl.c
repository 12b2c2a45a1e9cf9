/*
 * tacetctl.c: tacetctl(1): the command line of tacetd, over its control socket.
 *
 * Options may stand anywhere; a table says which belong to which command. What the daemon says is
 * printed by tacetctl_print.c.
 */
#include <config.h> /* of autoconf */

#include "component/config.h"
#include "component/ctl_client.h"
#include "component/ctl_password.h"
#include "component/tacetctl_print.h"
#include "component/text_file.h"
#include "core/base/secret.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Exit codes, beside EXIT_SUCCESS. */
enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

/* Options that only some commands take. */
enum {
	OPT_ACCOUNT = 1 << 0,
	OPT_NAME = 1 << 1,
	OPT_SECRET = 1 << 2,
	OPT_SECRET_FILE = 1 << 3,
	OPT_PASSWORD_FILE = 1 << 4,
	OPT_WATCH = 1 << 5,
	OPT_QR = 1 << 6,
};

struct options {
	const char *socket, *config;
	bool json;
	unsigned given; /* OPT_* */
	const char *account, *name, *secret_file, *password_file;
	char *secret; /* a copy; the one in argv is overwritten */
};

struct command {
	const char *words; /* the daemon's name for it, too */
	const char *arguments;
	int min, max; /* number of arguments */
	unsigned options;
	/* Put what the daemon needs into args. */
	int (*build)(const struct options *options, char **argv, json_t *args, struct err *err);
	void (*print)(const json_t *answer, FILE *out);
};

/* --- building requests --- */

/* text NULL: leave it out. */
static int put(json_t *args, const char *key, const char *text, struct err *err)
{
	if (text && json_object_set_new(args, key, json_string(text)))
		return err_set(err, ERR_INPUT, "%s is not UTF-8", key);
	return 0;
}

static int put_password(const struct options *options, json_t *args, struct err *err)
{
	char *password = options->password_file ? text_file_read_line(options->password_file, err)
						: ctl_password_ask("password", err);
	int result = password ? put(args, "password", password, err) : -1;

	text_wipe(password);
	return result;
}

static int build_account_add(const struct options *options, char **argv, json_t *args,
			     struct err *err)
{
	return put(args, "name", argv[0], err) || put_password(options, args, err) ? -1 : 0;
}

static int build_account_passwd(const struct options *options, char **argv, json_t *args,
				struct err *err)
{
	return put(args, "account", argv[0], err) || put_password(options, args, err) ? -1 : 0;
}

static int build_id(const struct options *options, char **argv, json_t *args, struct err *err)
{
	return put(args, "account", argv[0] ? argv[0] : options->account, err);
}

static int build_contact_add(const struct options *options, char **argv, json_t *args,
			     struct err *err)
{
	char *secret = options->secret_file ? text_file_read_line(options->secret_file, err) : NULL;
	int result = -1;

	if (!options->secret_file || secret)
		result = put(args, "account", options->account, err) ||
				 put(args, "id", argv[0], err) ||
				 put(args, "name", options->name, err) ||
				 put(args, "passphrase", secret ? secret : options->secret, err)
			     ? -1
			     : 0;
	text_wipe(secret);
	return result;
}

static int build_account(const struct options *options, char **argv, json_t *args, struct err *err)
{
	(void)argv;
	return put(args, "account", options->account, err);
}

static int build_contact_remove(const struct options *options, char **argv, json_t *args,
				struct err *err)
{
	return put(args, "account", options->account, err) || put(args, "contact", argv[0], err)
		   ? -1
		   : 0;
}

static const struct command commands[] = {
    {"account add", "NAME [--password-file FILE]", 1, 1, OPT_PASSWORD_FILE, build_account_add,
     print_account_added},
    {"account list", "", 0, 0, 0, NULL, print_accounts},
    {"account passwd", "NAME [--password-file FILE]", 1, 1, OPT_PASSWORD_FILE, build_account_passwd,
     NULL},
    {"id", "[NAME] [--qr]", 0, 1, OPT_ACCOUNT | OPT_QR, build_id, print_id},
    {"contact add", "[-a NAME] ID [--name PETNAME] [--secret TEXT | --secret-file FILE]", 1, 1,
     OPT_ACCOUNT | OPT_NAME | OPT_SECRET | OPT_SECRET_FILE, build_contact_add, print_contact_added},
    {"contact list", "[-a NAME]", 0, 0, OPT_ACCOUNT, build_account, print_contacts},
    {"contact remove", "[-a NAME] ID|PETNAME", 1, 1, OPT_ACCOUNT, build_contact_remove, NULL},
    {"status", "[--watch]", 0, 0, OPT_WATCH, NULL, print_status},
    {"stop", "", 0, 0, 0, NULL, NULL},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* --- the command line --- */

static void print_usage(FILE *out)
{
	fputs("usage: tacetctl [-c FILE | -s SOCKET] [--json] COMMAND …\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "       tacetctl %s%s%s\n", commands[i].words,
			commands[i].arguments[0] ? " " : "", commands[i].arguments);
	fputs("       tacetctl -h | -V\n"
	      "  -c, --config FILE   tacetd's configuration, which says where its socket is\n"
	      "  -s, --socket PATH   tacetd's control socket\n"
	      "  -a, --account NAME  whose contacts; not needed when there is one account\n"
	      "      --json          print the daemon's answer as it is\n",
	      out);
}

static const struct option long_options[] = {
    {"account", required_argument, NULL, 'a'},
    {"config", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"json", no_argument, NULL, 'j'},
    {"name", required_argument, NULL, 'n'},
    {"password-file", required_argument, NULL, 'p'},
    {"qr", no_argument, NULL, 'q'},
    {"secret", required_argument, NULL, 'S'},
    {"secret-file", required_argument, NULL, 'F'},
    {"socket", required_argument, NULL, 's'},
    {"version", no_argument, NULL, 'V'},
    {"watch", no_argument, NULL, 'w'},
    {NULL, 0, NULL, 0},
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
	switch (c) {
	case 'a':
		options->account = argument;
		options->given |= OPT_ACCOUNT;
		break;
	case 'n':
		options->name = argument;
		options->given |= OPT_NAME;
		break;
	case 'p':
		options->password_file = argument;
		options->given |= OPT_PASSWORD_FILE;
		break;
	case 'q':
		options->given |= OPT_QR;
		break;
	case 'F':
		options->secret_file = argument;
		options->given |= OPT_SECRET_FILE;
		break;
	case 'S':
		text_wipe(options->secret);
		options->secret = take_secret(argument);
		options->given |= OPT_SECRET;
		break;
	case 'w':
		options->given |= OPT_WATCH;
		break;
	default:
		break;
	}
}

/* -1: go on; else exit with that. */
static int read_options(int argc, char **argv, struct options *options)
{
	int c;

	while ((c = getopt_long(argc, argv, "a:c:hs:V", long_options, NULL)) != -1) {
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

/* The command that words begin with; *used: how many words it has. */
static const struct command *find_command(int count, char **words, int *used)
{
	char two[64];

	snprintf(two, sizeof(two), "%s %s", count > 0 ? words[0] : "", count > 1 ? words[1] : "");
	for (size_t i = 0; i < COMMANDS; i++) {
		*used = strchr(commands[i].words, ' ') ? 2 : 1;
		if (count >= *used && strcmp(*used == 2 ? two : words[0], commands[i].words) == 0)
			return &commands[i];
	}
	return NULL;
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
	return -1;
}

/* --- talking to the daemon --- */

static struct ctl_client *reach(const struct options *options, struct err *err)
{
	struct config config;
	struct ctl_client *client;

	if (options->socket)
		return ctl_client_new(options->socket, err);
	if (config_read(options->config, &config, err))
		return NULL;
	client = ctl_client_new(config.control_socket, err);
	config_wipe(&config);
	return client;
}

static void print_answer(const struct command *command, const struct options *options,
			 const json_t *answer)
{
	bool terminal = isatty(STDOUT_FILENO);
	const char *id = json_string_value(json_object_get(answer, "id"));

	if (options->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (command->print) {
		if ((options->given & OPT_WATCH) && terminal)
			fputs("\033[H\033[2J", stdout);
		command->print(answer, stdout);
		if (command->print == print_id && id && (terminal || (options->given & OPT_QR)))
			print_qr(id, stdout);
		if ((options->given & OPT_WATCH) && !terminal)
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

	if (!answer) {
		fprintf(stderr, "tacetctl: %s\n", err.text);
		return EXIT_UNREACHABLE;
	}
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

	if ((command->build && command->build(options, argv, args, &err)) ||
	    ctl_client_ask(client, watch ? "status watch" : command->words, args, &err)) {
		fprintf(stderr, "tacetctl: %s\n", err.text);
		json_decref(args);
		return err.code == ERR_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED;
	}
	json_decref(args);
	do
		result = take_answer(command, options, client);
	while (watch && result == EXIT_SUCCESS);
	return result;
}

static int run(int count, char **words, const struct options *options)
{
	int used = 0;
	const struct command *command = find_command(count, words, &used);
	int result = check_usage(command, options, count - used);
	struct ctl_client *client;
	struct err err;

	if (result >= 0)
		return result;
	client = reach(options, &err);
	if (!client) {
		fprintf(stderr, "tacetctl: %s\n", err.text);
		return err.code == ERR_UNAVAILABLE ? EXIT_UNREACHABLE : EXIT_USAGE;
	}
	result = converse(command, options, words + used, client);
	ctl_client_free(&client);
	return result;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	int result = read_options(argc, argv, &options);

	if (result < 0)
		result = run(argc - optind, argv + optind, &options);
	text_wipe(options.secret);
	return result;
}
