/*
 * dialogue_host_commands.c: ad-hoc commands of the stand-in: without a form, with one that gives a
 * picture, one that fails, one that forgets to answer.
 */
#include "tests/xmpp/dialogue_host_private.h"

#include <stddef.h>

/* Two pixels, one white. */
static const uint8_t picture[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00,
    0x00, 0xdc, 0x59, 0x42, 0x27, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
    0x9c, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0x00,
    0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

static void run_hello(void *arg, const char *user, const char *(*get)(void *form, const char *name),
		      void *form,
		      void (*answer)(void *answer_arg, const struct server_answer *answer),
		      void *answer_arg)
{
	const char *name = get(form, "name");

	dialogue_host_note(arg, NULL, "hello %s %s", user, name ? name : "-");
	answer(answer_arg, &(struct server_answer){.note = "good morning"});
}

static const char *or_none(const char *value)
{
	return value ? value : "-";
}

static void run_invite(void *arg, const char *user,
		       const char *(*get)(void *form, const char *name), void *form,
		       void (*answer)(void *answer_arg, const struct server_answer *answer),
		       void *answer_arg)
{
	const struct server_field fields[] = {
	    {.name = "link", .label = "Link", .type = "text-single", .value = "tacet:abc"},
	    {.name = "", .type = "fixed", .value = "Show it to nobody else."},
	    {.name = NULL},
	};

	dialogue_host_note(arg, NULL, "invite %s %s %s %s", user, or_none(get(form, "name")),
			   or_none(get(form, "kind")), or_none(get(form, "secret")));
	answer(answer_arg, &(struct server_answer){.note = "here is your invitation",
						   .fields = fields,
						   .png = picture,
						   .png_len = sizeof(picture)});
}

static void run_fail(void *arg, const char *user, const char *(*get)(void *form, const char *name),
		     void *form,
		     void (*answer)(void *answer_arg, const struct server_answer *answer),
		     void *answer_arg)
{
	(void)get;
	(void)form;
	dialogue_host_note(arg, NULL, "fail %s", user);
	answer(answer_arg, &(struct server_answer){.note = "it is broken", .error = true});
}

static void run_mute(void *arg, const char *user, const char *(*get)(void *form, const char *name),
		     void *form,
		     void (*answer)(void *answer_arg, const struct server_answer *answer),
		     void *answer_arg)
{
	(void)get;
	(void)form;
	(void)answer;
	(void)answer_arg;
	dialogue_host_note(arg, NULL, "mute %s", user);
}

const struct server_command *dialogue_host_commands(void)
{
	static const char *const kinds[] = {"once", "One person", "many", "Anybody", NULL};
	static const struct server_field form[] = {
	    {.name = "", .type = "fixed", .value = "An invitation is for one who has none."},
	    {.name = "name", .label = "Your name", .type = "text-single", .required = true},
	    {.name = "kind",
	     .label = "For",
	     .type = "list-single",
	     .value = "once",
	     .options = kinds},
	    {.name = "secret", .label = "Passphrase", .type = "text-private"},
	    {.name = NULL},
	};
	static const struct server_command commands[] = {
	    {.node = "hello", .name = "Say hello", .run = run_hello},
	    {.node = "invite", .name = "Invite somebody", .form = form, .run = run_invite},
	    {.node = "fail", .name = "Fail", .run = run_fail},
	    {.node = "mute", .name = "Say nothing", .run = run_mute},
	    {.node = NULL},
	};

	return commands;
}
