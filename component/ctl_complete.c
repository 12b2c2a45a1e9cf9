/*
 * ctl_complete.c: see ctl_complete.h.
 *
 * All is taken from the tables of commands and options. What a command's arguments may be is read
 * from its line of usage: what is in lower case there is meant literally, a word in capitals stands
 * for something, and that in brackets with a hyphen is an option.
 */
#include "component/ctl_complete.h"

#include "component/ctl_client.h"
#include "component/tacetctl_options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Longer than this nobody waits for a list, in ms. */
#define ANSWER_MS 1000
/* Of a command's line of usage, in bytes. */
#define USAGE_MAX 256
/* Words of a command that are looked at: no command has more arguments that can be offered. */
#define PLAIN_MAX 8

struct completion {
	const char *socket, *config, *account; /* as the words say */
	const char *word;                      /* to be completed */
	const char *before;                    /* what of it stays: "--account=" */
	const struct option *value_of;         /* the option whose value it is */
	char *plain[PLAIN_MAX];                /* words before that are no options */
	int plain_count;
	bool over; /* what follows is another program's */
};

/* --- candidates --- */

static void offer(const struct completion *completion, const char *text)
{
	if (strncmp(text, completion->word, strlen(completion->word)) == 0)
		printf("%s%s\n", completion->before, text);
}

/* One that a terminal or a line would take for something else is not offered. */
static bool is_plain(const char *name)
{
	for (const char *c = name; *c; c++)
		if (iscntrl((unsigned char)*c))
			return false;
	return name[0] != '\0' && name[0] != '-';
}

static json_t *ask(const struct completion *completion, const char *command)
{
	struct err err;
	struct ctl_client *client = ctl_client_reach(completion->socket, completion->config, &err);
	json_t *args =
	    completion->account ? json_pack("{s:s}", "account", completion->account) : NULL;
	json_t *answer = NULL;

	if (client) {
		ctl_client_limit(client, ANSWER_MS);
		if (!ctl_client_ask(client, command, args, &err))
			answer = ctl_client_answer(client, &err);
	}
	json_decref(args);
	ctl_client_free(&client);
	return answer;
}

static bool is_unique(const json_t *list, const char *key, const char *name)
{
	unsigned count = 0;
	size_t i;
	const json_t *one;

	json_array_foreach(list, i, one) count += strcmp(print_member(one, key), name) == 0;
	return count == 1;
}

/* What is named in a list of the daemon's: its name where that says which, else its id. */
static void offer_list(const struct completion *completion, const char *command, const char *list,
		       const char *name, const char *id)
{
	json_t *answer = ask(completion, command);
	const json_t *members = json_object_get(answer, list);
	const json_t *one;
	size_t i;

	json_array_foreach(members, i, one)
	{
		const char *text = print_member(one, name);

		if (is_plain(text) && is_unique(members, name, text))
			offer(completion, text);
		else if (json_is_string(one))
			offer(completion, json_string_value(one));
		else
			offer(completion, print_member(one, id));
	}
	json_decref(answer);
}

static void offer_accounts(const struct completion *completion)
{
	offer_list(completion, "account list", "accounts", "name", "name");
}

/* --- arguments --- */

/* What words in capitals stand for, by command; a command of NULL: for every other one. */
static const struct {
	const char *kind, *words;
	const char *ask, *list, *name; /* ask NULL: nothing is offered */
} kinds[] = {
    {"NAME", "account add", NULL, NULL, NULL},
    {"NAME", NULL, "account list", "accounts", "name"},
    {"PETNAME", NULL, "contact list", "contacts", "name"},
    {"ID", "accept", "requests", "requests", "id"},
    {"ID", "deny", "requests", "requests", "id"},
    {"ID", "unblock", "blocked", "blocked", ""},
};

static void offer_kind(const struct completion *completion, const struct command *command,
		       const char *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].kind, kind) != 0 ||
		    (kinds[i].words && strcmp(kinds[i].words, command->words) != 0))
			continue;
		if (kinds[i].ask)
			offer_list(completion, kinds[i].ask, kinds[i].list, kinds[i].name, "id");
		return;
	}
}

/* "[-a NAME] [ID|PETNAME [--yes | --no]]" becomes " ID|PETNAME ". */
static void cut_options(const char *usage, char out[USAGE_MAX])
{
	unsigned depth = 0, skipped = 0; /* brackets, and at which the option began */
	size_t len = 0;

	for (const char *c = usage; *c && len < USAGE_MAX - 1; c++) {
		depth += *c == '[';
		if (*c == '[' && c[1] == '-' && !skipped)
			skipped = depth;
		if (!skipped && *c != '[' && *c != ']')
			out[len++] = *c;
		if (*c == ']' && skipped == depth)
			skipped = 0;
		depth -= *c == ']';
	}
	out[len] = '\0';
}

static void offer_argument(const struct completion *completion, const struct command *command,
			   int number)
{
	char usage[USAGE_MAX], *rest = usage, *token, *word;

	cut_options(command->arguments, usage);
	while ((token = strsep(&rest, " ")) && (token[0] == '\0' || number-- > 0))
		;
	while (token && (word = strsep(&token, "|"))) {
		if (islower((unsigned char)word[0]))
			offer(completion, word);
		else
			offer_kind(completion, command, word);
	}
}

/* The next word of each command that begins with those that are there. */
static void offer_command(const struct completion *completion)
{
	char last[32] = "";

	for (const struct command *command = commands; command->words; command++) {
		const char *first = completion->plain_count ? completion->plain[0] : "";
		size_t len = strlen(first);
		const char *rest = command->words;
		char word[32];

		if (completion->plain_count > 1 || command->run == ctl_complete)
			continue;
		if (len > 0 && (strncmp(rest, first, len) != 0 || rest[len] != ' '))
			continue;
		rest += len > 0 ? len + 1 : 0;
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(rest, " "), rest);
		/* Commands of one first word stand together. */
		if (strcmp(word, last) != 0)
			offer(completion, word);
		memcpy(last, word, sizeof(last));
	}
}

/* --- options --- */

static const struct option *find_option(const char *word)
{
	size_t len = strcspn(word, "=");

	for (const struct option *option = options_long; option->name; option++) {
		const char letter[] = {'-', (char)option->val, '\0'};

		if ((strncmp(word, "--", 2) == 0 && strlen(option->name) == len - 2 &&
		     strncmp(word + 2, option->name, len - 2) == 0) ||
		    (strchr(OPTIONS_SHORT, option->val) && strcmp(word, letter) == 0))
			return option;
	}
	return NULL;
}

static void offer_options(const struct completion *completion, const struct command *command)
{
	for (const struct option *option = options_long; option->name; option++) {
		unsigned bit = options_bit(option);
		char text[64];

		snprintf(text, sizeof(text), "--%s", option->name);
		if (!bit || (command && (command->options & bit)))
			offer(completion, text);
	}
	if (command && (command->options & OPT_EXEC))
		offer(completion, "--exec");
}

static void offer_value(const struct completion *completion)
{
	static const char *const rules[] = {"invited", "nobody"};

	switch (options_bit(completion->value_of)) {
	case OPT_ACCOUNT:
		offer_accounts(completion);
		break;
	case OPT_ACCEPT:
		for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
			offer(completion, rules[i]);
		break;
	default:
		break;
	}
}

/* --- the line --- */

static void take_value(struct completion *completion, const struct option *option,
		       const char *value)
{
	if (option->val == 's')
		completion->socket = value;
	else if (option->val == 'c')
		completion->config = value;
	else if (option->val == 'a')
		completion->account = value;
}

/* A word before the last one. */
static void take_word(struct completion *completion, char *word)
{
	const char *equals = strchr(word, '=');

	/* bash makes three words of --account=ann. */
	if (strcmp(word, "=") == 0)
		return;
	if (completion->value_of) {
		take_value(completion, completion->value_of, word);
		completion->value_of = NULL;
	} else if (strcmp(word, "--exec") == 0) {
		completion->over = true;
	} else if (word[0] != '-' || word[1] == '\0') {
		if (completion->plain_count < PLAIN_MAX)
			completion->plain[completion->plain_count++] = word;
	} else {
		const struct option *option = find_option(word);

		if (option && option->has_arg == required_argument && equals)
			take_value(completion, option, equals + 1);
		else if (option && option->has_arg == required_argument)
			completion->value_of = option;
	}
}

static void take_last(struct completion *completion, char *word)
{
	char *equals = strchr(word, '=');

	completion->word = strcmp(word, "=") == 0 ? "" : word;
	completion->before = "";
	if (completion->value_of || strncmp(word, "--", 2) != 0 || !equals)
		return;
	completion->value_of = find_option(word);
	completion->over = !completion->value_of;
	completion->word = equals + 1;
	completion->before = word;
}

int ctl_complete(const struct options *options, char **argv)
{
	struct completion completion = {.socket = options->socket, .config = options->config};
	const struct command *command;
	char before[64] = "";
	int used = 0;

	while (argv[0] && argv[1])
		take_word(&completion, *argv++);
	take_last(&completion, argv[0] ? argv[0] : before);
	snprintf(before, sizeof(before), "%.*s", (int)(strcspn(completion.before, "=") + 1),
		 completion.before);
	completion.before = before;
	command = command_find(completion.plain_count, completion.plain, &used);
	if (completion.over)
		return EXIT_SUCCESS;
	if (completion.value_of)
		offer_value(&completion);
	else if (completion.word[0] == '-')
		offer_options(&completion, command);
	else {
		offer_command(&completion);
		if (command)
			offer_argument(&completion, command, completion.plain_count - used);
	}
	return EXIT_SUCCESS;
}
