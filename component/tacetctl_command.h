/*
 * tacetctl_command.h: the commands of tacetctl: what each takes, and the request that it becomes.
 */
#ifndef COMPONENT_TACETCTL_COMMAND_H
#define COMPONENT_TACETCTL_COMMAND_H

#include "component/tacetctl_print.h"
#include "core/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

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
	OPT_HERE = 1 << 30, /* no option: the command is not the daemon's, build does it */
};

/* A command line. Texts that were not given are NULL. */
struct options {
	const char *socket, *config;
	bool json;
	unsigned given; /* OPT_* */
	const char *account, *name, *text, *as, *expires;
	const char *secret_file, *password_file, *passphrase_file;
	char *secret; /* a copy; the one in argv is overwritten */
};

struct command {
	const char *words; /* the daemon's name for it, too */
	const char *arguments;
	int min, max;         /* number of arguments */
	const char *argument; /* what the daemon calls the first one */
	unsigned options;
	/* Put into args what is not put there anyway; NULL: nothing. With OPT_HERE: do the whole
	 * command; args is NULL. */
	int (*build)(const struct options *options, char **argv, json_t *args, struct err *err);
	void (*print)(const json_t *answer, FILE *out);
};

/* Ends with NULL words. */
extern const struct command commands[];

/* The command that words begin with, or NULL; *used: how many words it has. */
const struct command *command_find(int count, char **words, int *used);
/* Fill args with what the daemon needs; asks for passwords. */
int command_build(const struct command *command, const struct options *options, char **argv,
		  json_t *args, struct err *err);

#endif
