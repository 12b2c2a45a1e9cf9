/*
 * bridge_chat.c: the commands (bridge_commands.c) as chat messages to the server or gateway itself,
 * for clients that have no menu for them:
 *
 *     help
 *     invite                        a command by its node; what it does not need to know is as
 *                                   its form has it at first
 *     invite Romeo days=3           fields in the form's order, or by name; the last takes the rest
 *     tacet:ID?s=SECRET             a link or an id alone makes a contact
 */
#include "component/bridge_private.h"

#include "core/base/secret.h"
#include "core/invitation.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Fields of a form that can be filled in here; no command has as many. */
#define FIELDS_MAX 8
/* Longest answer: a list of all contacts may be cut. */
#define ANSWER_MAX ((size_t)16 * 1024)
/* What is read of a message. */
#define TOLD_MAX ((size_t)4096)

struct chat {
	const struct server_command *command;
	char *values[FIELDS_MAX]; /* in the message; NULL: as the form has it */
	struct buf answer;
};

static const struct server_command *find_command(const char *word, size_t len)
{
	const struct server_command *command = bridge_commands;

	while (command->node &&
	       (strlen(command->node) != len || strncasecmp(command->node, word, len) != 0))
		command++;
	return command->node ? command : NULL;
}

static unsigned field_count(const struct server_command *command)
{
	unsigned count = 0;

	while (command->form && command->form[count].name && count < FIELDS_MAX)
		count++;
	return count;
}

/* "name=value": the field of that name, and *at is where the value begins. */
static int named_field(const struct server_command *command, char **at)
{
	for (unsigned i = 0; i < field_count(command); i++) {
		size_t len = strlen(command->form[i].name);

		if (strncmp(*at, command->form[i].name, len) == 0 && (*at)[len] == '=') {
			*at += len + 1;
			return (int)i;
		}
	}
	return -1;
}

/* Into values, in place. */
static void fill(struct chat *chat, char *rest)
{
	unsigned count = field_count(chat->command), next = 0;

	for (rest += strspn(rest, " \t\r\n"); *rest; rest += strspn(rest, " \t\r\n")) {
		int field = named_field(chat->command, &rest);

		while (field < 0 && next < count && chat->values[next])
			next++;
		if (field < 0 && next == count)
			return;
		if (field < 0)
			field = (int)next;
		chat->values[field] = rest;
		if ((unsigned)field == count - 1)
			return;
		rest += strcspn(rest, " \t\r\n");
		if (*rest)
			*rest++ = '\0';
	}
}

static const char *get(void *form, const char *name)
{
	const struct chat *chat = form;

	for (unsigned i = 0; i < field_count(chat->command); i++)
		if (strcmp(chat->command->form[i].name, name) == 0)
			return chat->values[i] ? chat->values[i] : chat->command->form[i].value;
	return NULL;
}

static bool is_option(const char *const *options, const char *value)
{
	for (; options && options[0]; options += 2)
		if (strcmp(options[0], value) == 0)
			return true;
	return !options;
}

/* What is missing, or no choice; NULL: all is well. */
static const struct server_field *wrong_field(struct chat *chat)
{
	for (unsigned i = 0; i < field_count(chat->command); i++) {
		const struct server_field *field = &chat->command->form[i];
		const char *value = get(chat, field->name);

		/* What a menu shows as the first choice is not chosen here by saying nothing. */
		if ((field->required && (!chat->values[i] || !*value)) ||
		    (value && !is_option(field->options, value)))
			return field;
	}
	return NULL;
}

/* The choices, or the field's name where there are none. */
static void explain_place(struct buf *out, const struct server_field *field)
{
	const char *const *options = field->options;

	buf_add_text(out, field->required ? " " : " [");
	if (!options)
		buf_add_text(out, field->name);
	for (unsigned i = 0; options && options[i]; i += 2)
		buf_printf(out, "%s%s", i > 0 ? "|" : "", options[i]);
	buf_add_text(out, field->required ? "" : "]");
}

static void explain(struct buf *out, const struct server_command *command)
{
	buf_add_text(out, command->node);
	for (unsigned i = 0; i < field_count(command); i++)
		explain_place(out, &command->form[i]);
	buf_printf(out, ": %s\n", command->name);
}

static void explain_field(struct buf *out, const struct server_field *field)
{
	if (field->options)
		buf_printf(out, "%s\n", field->label);
	else
		buf_printf(out, "%s: %s\n", field->name, field->label);
	for (const char *const *option = field->options; option && option[0]; option += 2)
		buf_printf(out, "    %s: %s\n", option[0], option[1]);
}

static void help(struct buf *out)
{
	buf_add_text(out, "Write a link or an id to add a contact, or one of:\n");
	for (const struct server_command *command = bridge_commands; command->node; command++)
		explain(out, command);
}

static void on_answer(void *arg, const struct server_answer *answer)
{
	struct chat *chat = arg;

	if (answer->note)
		buf_printf(&chat->answer, "%s\n", answer->note);
	for (const struct server_field *field = answer->fields; field && field->name; field++)
		if (field->value)
			buf_printf(&chat->answer, "%s: %s\n", field->label, field->value);
}

static void run(struct bridge *bridge, const char *user, struct chat *chat, char *rest)
{
	const struct server_field *wrong;

	if (chat->command->form)
		fill(chat, rest);
	wrong = wrong_field(chat);
	if (wrong) {
		explain(&chat->answer, chat->command);
		explain_field(&chat->answer, wrong);
		return;
	}
	chat->command->run(bridge, user, get, chat, on_answer, chat);
}

static void add(struct bridge *bridge, const char *user, const char *text, struct buf *out)
{
	struct err err = {0};
	struct account *account = bridge_account(bridge, user, &err);
	struct invitation invitation = {0};

	if (account && invitation_parse(text, &invitation, &err))
		buf_printf(out,
			   "This is no command, and no link or id: %s. Write \"help\" to see what "
			   "there is.",
			   err.text);
	else if (!account || !bridge_contact_add(bridge, account, text, NULL, NULL, &err))
		buf_add_text(out, err.text);
	else if (invitation.with_secret)
		buf_add_text(out, "Added. You will see each other once they have accepted.");
	else
		buf_add_text(out, "Added. You will see each other once both have done so.");
	invitation_wipe(&invitation);
}

void bridge_told(void *arg, const char *user, const char *text)
{
	struct chat chat = {0};
	char *copy = strndup(text + strspn(text, " \t\r\n"), TOLD_MAX);
	size_t size = copy ? strlen(copy) : 0; /* it is cut into words */
	size_t len = copy ? strcspn(copy, " \t\r\n") : 0;

	if (!copy)
		return;
	buf_init(&chat.answer, ANSWER_MAX);
	chat.command = find_command(copy, len);
	if (chat.command)
		run(arg, user, &chat, copy + len);
	else if (len == strlen("help") && strncasecmp(copy, "help", len) == 0)
		help(&chat.answer);
	else
		add(arg, user, copy, &chat.answer);
	while (chat.answer.len > 0 && chat.answer.data[chat.answer.len - 1] == '\n')
		chat.answer.data[--chat.answer.len] = '\0';
	bridge_say(arg, user, buf_text(&chat.answer));
	buf_free(&chat.answer);
	secret_free(copy, size);
}
