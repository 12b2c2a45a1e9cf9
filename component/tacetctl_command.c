/*
 * tacetctl_command.c: see tacetctl_command.h.
 */
#include "component/tacetctl_command.h"

#include "component/ctl_bench.h"
#include "component/ctl_complete.h"
#include "component/ctl_doctor.h"
#include "component/ctl_listen.h"
#include "component/ctl_message.h"
#include "component/ctl_password.h"
#include "component/ctl_trust.h"
#include "component/text_file.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* text NULL: leave it out. */
static int put(json_t *args, const char *key, const char *text, struct err *err)
{
	if (text && json_object_set_new(args, key, json_string(text)))
		return err_set(err, ERR_INPUT, "%s is not UTF-8", key);
	return 0;
}

static int put_value(json_t *args, const char *key, json_t *value, struct err *err)
{
	if (json_object_set_new(args, key, value))
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

/* --- what single commands need --- */

/* The first line of a file, or asked for. */
static int put_secret(json_t *args, const char *key, const char *file, struct err *err)
{
	char *secret = file ? text_file_read_line(file, err) : ctl_password_ask(key, err);
	int result = secret ? put(args, key, secret, err) : -1;

	text_wipe(secret);
	return result;
}

static int build_password(const struct options *options, char **argv, json_t *args, struct err *err)
{
	(void)argv;
	return put_secret(args, "password", options->password_file, err);
}

/* A bot needs no password: it may have no client. */
static int build_account_add(const struct options *options, char **argv, json_t *args,
			     struct err *err)
{
	bool bot = options->given & OPT_BOT;

	if (!bot && options->accept)
		return err_set(err, ERR_INPUT, "--accept needs --bot");
	if (bot && put(args, "bot", options->accept ? options->accept : "invited", err))
		return -1;
	return bot && !options->password_file ? 0 : build_password(options, argv, args, err);
}

static int build_account_bot(const struct options *options, char **argv, json_t *args,
			     struct err *err)
{
	(void)options;
	return put(args, "bot", argv[1], err);
}

static int build_contact_add(const struct options *options, char **argv, json_t *args,
			     struct err *err)
{
	(void)argv;
	if (options->secret_file)
		return put_secret(args, "passphrase", options->secret_file, err);
	return put(args, "passphrase", options->secret, err);
}

/* What cannot be undone is asked about, unless --yes was said. */
static int build_account_remove(const struct options *options, char **argv, json_t *args,
				struct err *err)
{
	char question[256], *answer;
	bool sure = options->given & OPT_YES;

	(void)args;
	if (sure)
		return 0;
	snprintf(question, sizeof(question),
		 "Account %.64s, its contacts and its messages will be gone for good. Go on? "
		 "(yes/no) ",
		 argv[0]);
	answer = ctl_question_ask(question, err);
	if (!answer)
		return -1;
	sure = strcmp(answer, "yes") == 0;
	text_wipe(answer);
	return sure ? 0 : err_set(err, ERR_WRONG_STATE, "nothing was done");
}

int command_duration(const char *text, int64_t *ms, struct err *err)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {
	    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		/* A hundred years are enough; more would not fit one day. */
		if (end == text || errno || number < 1 || number > INT32_MAX)
			break;
		if (strcmp(end, units[i].unit) == 0) {
			*ms = number * units[i].ms;
			return 0;
		}
	}
	return err_set(err, ERR_INPUT, "%s: a time is written as 30m, 12h or 7d", text);
}

static int build_invite(const struct options *options, char **argv, json_t *args, struct err *err)
{
	int64_t expires_ms = 0;

	(void)argv;
	if (put_value(args, "reusable", json_boolean(options->given & OPT_REUSABLE), err))
		return -1;
	if (!options->expires)
		return 0;
	if (command_duration(options->expires, &expires_ms, err))
		return -1;
	return put_value(args, "expires_ms", json_integer(expires_ms), err);
}

static int build_revoke(const struct options *options, char **argv, json_t *args, struct err *err)
{
	char *end;
	long number = strtol(argv[0], &end, 10);

	(void)options;
	if (end == argv[0] || *end)
		return err_set(err, ERR_INPUT, "%s is no number; see: tacetctl invitations",
			       argv[0]);
	return put_value(args, "number", json_integer(number), err);
}

static int build_cancel(const struct options *options, char **argv, json_t *args, struct err *err)
{
	char *end;
	long number;

	(void)options;
	if (strcmp(argv[1], "all") == 0)
		return 0;
	number = strtol(argv[1], &end, 10);
	if (end == argv[1] || *end)
		return err_set(err, ERR_INPUT, "%s is no number; see: tacetctl outbox", argv[1]);
	return put_value(args, "number", json_integer(number), err);
}

static int build_cover(const struct options *options, char **argv, json_t *args, struct err *err)
{
	int64_t ms = 0;

	(void)options;
	if (!argv[0])
		return 0;
	if (strcmp(argv[0], "off") != 0 && command_duration(argv[0], &ms, err))
		return -1;
	return put_value(args, "mean_ms", json_integer(ms), err);
}

static int put_number(json_t *args, const char *key, const char *word, struct err *err)
{
	char *end;
	long number = strtol(word, &end, 10);

	if (end == word || *end)
		return err_set(err, ERR_INPUT, "%s is no number", word);
	return put_value(args, key, json_integer(number), err);
}

static int build_retention(const struct options *options, char **argv, json_t *args,
			   struct err *err)
{
	(void)options;
	if (put_number(args, "days", argv[0], err))
		return -1;
	return argv[1] ? put_number(args, "count", argv[1], err) : 0;
}

static int build_keep_removed(const struct options *options, char **argv, json_t *args,
			      struct err *err)
{
	bool yes = strcmp(argv[0], "yes") == 0;

	(void)options;
	if (!yes && strcmp(argv[0], "no") != 0)
		return err_set(err, ERR_INPUT, "yes or no?");
	return put_value(args, "keep_removed", json_boolean(yes), err);
}

static int build_show(const struct options *options, char **argv, json_t *args, struct err *err)
{
	(void)options;
	return put(args, "show", argv[1], err);
}

static int build_verify(const struct options *options, char **argv, json_t *args, struct err *err)
{
	(void)argv;
	if (!(options->given & (OPT_YES | OPT_NO)))
		return 0;
	return put_value(args, "verified", json_boolean(options->given & OPT_YES), err);
}

/* The daemon has another working directory. */
static int put_path(json_t *args, const char *path, struct err *err)
{
	char cwd[PATH_MAX], full[2 * PATH_MAX];

	if (path[0] == '/')
		return put(args, "file", path, err);
	if (!getcwd(cwd, sizeof(cwd)))
		return err_system(err, "current directory");
	snprintf(full, sizeof(full), "%s/%s", cwd, path);
	return put(args, "file", full, err);
}

static int build_backup(const struct options *options, char **argv, json_t *args, struct err *err)
{
	if (put_path(args, argv[0], err))
		return -1;
	return put_secret(args, "passphrase", options->passphrase_file, err);
}

static int trust(const struct options *options, char **argv)
{
	struct err err;
	const struct ctl_trust wish = {.config = options->config,
				       .file = argv[0],
				       .remove = options->given & OPT_REMOVE,
				       .yes = options->given & OPT_YES,
				       .out = options->json ? stderr : stdout};

	if (ctl_trust(&wish, &err)) {
		command_fail(options, &err);
		return EXIT_REFUSED;
	}
	if (options->json)
		puts("{\"ok\":true}");
	return EXIT_SUCCESS;
}

/* --- the key of the store --- */

static int build_passphrase(const struct options *options, char **argv, json_t *args,
			    struct err *err)
{
	(void)argv;
	return put_secret(args, "passphrase", options->passphrase_file, err);
}

/* One that is wrong is told at once, so it is asked for once. */
static int build_unlock(const struct options *options, char **argv, json_t *args, struct err *err)
{
	char *passphrase;
	int result;

	if (options->passphrase_file)
		return build_passphrase(options, argv, args, err);
	passphrase = ctl_password_ask_once("passphrase", err);
	if (!passphrase)
		return -1;
	result = put(args, "passphrase", passphrase, err);
	text_wipe(passphrase);
	return result;
}

/* --- all of them --- */

const struct command commands[] = {
    {"account add", "NAME [--password-file FILE] [--bot [--accept RULE]]", 1, 1, "name",
     OPT_PASSWORD_FILE | OPT_BOT | OPT_ACCEPT, build_account_add, print_account_added, NULL},
    {"account bot", "NAME [off|nobody|invited|ID,…]", 1, 2, "account", 0, build_account_bot,
     print_bot, NULL},
    {"account list", "", 0, 0, NULL, 0, NULL, print_accounts, NULL},
    {"account remove", "NAME [--yes]", 1, 1, "account", OPT_YES, build_account_remove, NULL, NULL},
    {"account passwd", "NAME [--password-file FILE]", 1, 1, "account", OPT_PASSWORD_FILE,
     build_password, NULL, NULL},
    {"id", "[NAME] [--qr]", 0, 1, "account", OPT_ACCOUNT | OPT_QR, NULL, print_id, NULL},
    {"contact add", "[-a NAME] ID [--name PETNAME] [--secret TEXT | --secret-file FILE]", 1, 1,
     "id", OPT_ACCOUNT | OPT_NAME | OPT_SECRET | OPT_SECRET_FILE, build_contact_add,
     print_contact_added, NULL},
    {"contact list", "[-a NAME]", 0, 0, NULL, OPT_ACCOUNT, NULL, print_contacts, NULL},
    {"contacts", "[-a NAME]", 0, 0, NULL, OPT_ACCOUNT, NULL, print_contact_table, NULL},
    {"contact remove", "[-a NAME] ID|PETNAME", 1, 1, "contact", OPT_ACCOUNT, NULL, NULL, NULL},
    {"invite", "[-a NAME] [--reusable] [--expires 7d] [--name NAME] [--qr]", 0, 0, NULL,
     OPT_ACCOUNT | OPT_REUSABLE | OPT_EXPIRES | OPT_NAME | OPT_QR, build_invite, print_link, NULL},
    {"invitations revoke", "[-a NAME] NUMBER", 1, 1, NULL, OPT_ACCOUNT, build_revoke, NULL, NULL},
    {"invitations", "[-a NAME]", 0, 0, NULL, OPT_ACCOUNT, NULL, print_invitations, NULL},
    {"introduce", "[-a NAME] LINK [--text TEXT] [--as NAME] [--name PETNAME]", 1, 1, "link",
     OPT_ACCOUNT | OPT_TEXT | OPT_AS | OPT_NAME, NULL, print_introduced, NULL},
    {"requests", "[-a NAME]", 0, 0, NULL, OPT_ACCOUNT, NULL, print_requests, NULL},
    {"accept", "[-a NAME] ID [--name PETNAME]", 1, 1, "id", OPT_ACCOUNT | OPT_NAME, NULL,
     print_accepted, NULL},
    {"deny", "[-a NAME] ID", 1, 1, "id", OPT_ACCOUNT, NULL, NULL, NULL},
    {"block", "[-a NAME] ID|PETNAME", 1, 1, "id", OPT_ACCOUNT, NULL, NULL, NULL},
    {"unblock", "[-a NAME] ID", 1, 1, "id", OPT_ACCOUNT, NULL, NULL, NULL},
    {"blocked", "[-a NAME]", 0, 0, NULL, OPT_ACCOUNT, NULL, print_blocked, NULL},
    {"verify", "[-a NAME] [ID|PETNAME [--yes | --no]]", 0, 1, "contact",
     OPT_ACCOUNT | OPT_YES | OPT_NO, build_verify, print_verification, NULL},
    {"mode", "[-a NAME] [steady|follow]", 0, 1, "mode", OPT_ACCOUNT, NULL, print_mode, NULL},
    {"show", "[-a NAME] ID|PETNAME [same|offline|available|away|chat|dnd|xa]", 1, 2, "contact",
     OPT_ACCOUNT, build_show, print_shown, NULL},
    {"answer", "[-a NAME] [on|off]", 0, 1, "set", OPT_ACCOUNT, NULL, print_answers, NULL},
    {"cover", "[-a NAME] [off|TIME]", 0, 1, NULL, OPT_ACCOUNT, build_cover, print_cover, NULL},
    {"send", "[-a NAME] [--timeout TIME] ID|PETNAME TEXT…|-", 2, INT_MAX, NULL,
     OPT_ACCOUNT | OPT_TIMEOUT, NULL, NULL, ctl_send},
    {"listen", "[-a NAME] [--once]", 0, 0, NULL, OPT_ACCOUNT | OPT_ONCE, NULL, NULL, ctl_listen},
    {"bot",
     "[-a NAME] [--once] [--timeout TIME] [--jobs NUMBER] [--max-output BYTES]"
     " --exec COMMAND [ARGUMENT…]",
     0, 0, NULL, OPT_ACCOUNT | OPT_ONCE | OPT_TIMEOUT | OPT_JOBS | OPT_MAX_OUTPUT | OPT_EXEC, NULL,
     NULL, ctl_message_bot},
    {"archive purge", "[-a NAME] [ID|PETNAME]", 0, 1, "contact", OPT_ACCOUNT, NULL, print_erased,
     NULL},
    {"archive retention", "[-a NAME] DAYS [COUNT]", 1, 2, NULL, OPT_ACCOUNT, build_retention,
     print_archive, NULL},
    {"archive keep-removed", "[-a NAME] yes|no", 1, 1, NULL, OPT_ACCOUNT, build_keep_removed,
     print_archive, NULL},
    {"archive", "[-a NAME] [on|off]", 0, 1, "set", OPT_ACCOUNT, NULL, print_archive, NULL},
    {"outbox", "[-a NAME] [ID|PETNAME]", 0, 1, "contact", OPT_ACCOUNT, NULL, print_outbox, NULL},
    {"cancel", "[-a NAME] ID|PETNAME NUMBER|all", 2, 2, "contact", OPT_ACCOUNT, build_cancel,
     print_cancelled, NULL},
    {"backup", "[-a NAME] FILE [--passphrase-file FILE]", 1, 1, NULL,
     OPT_ACCOUNT | OPT_PASSPHRASE_FILE, build_backup, NULL, NULL},
    {"restore", "FILE [--name NAME] [--passphrase-file FILE]", 1, 1, NULL,
     OPT_NAME | OPT_PASSPHRASE_FILE, build_backup, print_account_added, NULL},
    {"passphrase set", "[--passphrase-file FILE]", 0, 0, NULL, OPT_PASSPHRASE_FILE,
     build_passphrase, NULL, NULL},
    {"passphrase remove", "", 0, 0, NULL, 0, NULL, NULL, NULL},
    {"unlock", "[--passphrase-file FILE]", 0, 0, NULL, OPT_PASSPHRASE_FILE, build_unlock, NULL,
     NULL},
    {"status", "[--watch]", 0, 0, NULL, OPT_WATCH, NULL, print_status, NULL},
    {"doctor", "", 0, 0, NULL, 0, NULL, NULL, ctl_doctor},
    {"bench", "[-n ROUNDS] [--timeout TIME] [--plot FILE]", 0, 0, NULL,
     OPT_NUMBER | OPT_TIMEOUT | OPT_PLOT, NULL, NULL, ctl_bench},
    {"trust", "[--remove] [--yes] [FILE]", 0, 1, NULL, OPT_REMOVE | OPT_YES, NULL, NULL, trust},
    {"complete", "-- [WORD…]", 0, INT_MAX, NULL, 0, NULL, NULL, ctl_complete},
    {"stop", "", 0, 0, NULL, 0, NULL, NULL, NULL},
    {0},
};

const struct command *command_find(int count, char **words, int *used)
{
	char two[64];

	snprintf(two, sizeof(two), "%s %s", count > 0 ? words[0] : "", count > 1 ? words[1] : "");
	for (const struct command *command = commands; command->words; command++) {
		*used = strchr(command->words, ' ') ? 2 : 1;
		if (count >= *used && strcmp(*used == 2 ? two : words[0], command->words) == 0)
			return command;
	}
	return NULL;
}

int command_build(const struct command *command, const struct options *options, char **argv,
		  json_t *args, struct err *err)
{
	if (put(args, "account", options->account, err) || put(args, "name", options->name, err) ||
	    put(args, "text", options->text, err) || put(args, "as", options->as, err))
		return -1;
	if (command->argument && put(args, command->argument, argv[0], err))
		return -1;
	return command->build ? command->build(options, argv, args, err) : 0;
}

/* --- failing --- */

static int exit_code(enum err_code code)
{
	switch (code) {
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

void print_json(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
}

int command_fail(const struct options *options, const struct err *err)
{
	json_t *answer = NULL;

	if (options->json)
		answer = json_pack("{s:b, s:s, s:s}", "ok", 0, "code", err_code_name(err->code),
				   "error", err->text);
	if (answer)
		print_json(answer);
	else
		fprintf(stderr, "tacetctl: %s\n", err->text);
	json_decref(answer);
	return exit_code(err->code);
}
