/*
 * tacetctl_command.h: the commands of tacetctl: what each takes, and the request that it becomes.
 */
#ifndef COMPONENT_TACETCTL_COMMAND_H
#define COMPONENT_TACETCTL_COMMAND_H

#include "component/tacetctl_print.h"
#include "core/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes, beside EXIT_SUCCESS; tacetctl(1) explains them. */
enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3, EXIT_WAITS = 4 };

/* Options that only some commands take. */
enum {
	OPT_ACCOUNT = 1 << 0,
	OPT_NAME = 1 << 1,
	OPT_SECRET = 1 << 2,
	OPT_SECRET_FILE = 1 << 3,
	OPT_PASSWORD_FILE = 1 << 4,
	OPT_WATCH = 1 << 5,
	OPT_QR = 1 << 6,
	OPT_REUSABLE = 1 << 7,
	OPT_EXPIRES = 1 << 8,
	OPT_TEXT = 1 << 9,
	OPT_AS = 1 << 10,
	OPT_PASSPHRASE_FILE = 1 << 11,
	OPT_YES = 1 << 12,
	OPT_NO = 1 << 13,
	OPT_REMOVE = 1 << 14,
	OPT_BOT = 1 << 15,
	OPT_ACCEPT = 1 << 16,
	OPT_TIMEOUT = 1 << 17,
	OPT_JOBS = 1 << 18,
	OPT_MAX_OUTPUT = 1 << 19,
	OPT_EXEC = 1 << 20,
	OPT_ONCE = 1 << 21,
	OPT_NUMBER = 1 << 22,
	OPT_PLOT = 1 << 23,
};

/* A command line. Texts that were not given are NULL. */
struct options {
	const char *socket, *config;
	bool json;
	unsigned given; /* OPT_* */
	const char *account, *name, *text, *as, *expires;
	const char *accept, *timeout, *jobs, *max_output, *number, *plot;
	char *const *exec; /* the command after --exec, ends with NULL */
	const char *secret_file, *password_file, *passphrase_file;
	char *secret; /* a copy; the one in argv is overwritten */
	char **words; /* what is no option: the command and its arguments */
	int word_count;
};

struct command {
	const char *words; /* the daemon's name for it, too */
	const char *arguments;
	int min, max;         /* number of arguments */
	const char *argument; /* what the daemon calls the first one */
	unsigned options;
	/* Put into args what is not put there anyway; NULL: nothing. */
	int (*build)(const struct options *options, char **argv, json_t *args, struct err *err);
	void (*print)(const json_t *answer, FILE *out);
	/* Do the whole command, in place of all that; returns the exit code. argv ends with NULL.
	 */
	int (*run)(const struct options *options, char **argv);
};

/* Ends with NULL words. */
extern const struct command commands[];

/* The command that words begin with, or NULL; *used: how many words it has. */
const struct command *command_find(int count, char **words, int *used);
/* "7d", "12h", "30m", "90s", "50ms" in ms. */
int command_duration(const char *text, int64_t *ms, struct err *err);
/* Fill args with what the daemon needs; asks for passwords. */
int command_build(const struct command *command, const struct options *options, char **argv,
		  json_t *args, struct err *err);
/* Say what has failed, on standard error or, if JSON is wanted, as the daemon would refuse it;
 * returns the exit code. */
int command_fail(const struct options *options, const struct err *err);
/* One JSON object in a line of standard output. */
void print_json(const json_t *object);

#endif
