/*
 * bridge_commands.c: what a user can do from within the client (XEP-0050), beside adding contacts.
 *
 * Each command reads its form, does one thing through the bridge, and says what came of it.
 */
#include "component/bridge_archive.h"
#include "component/bridge_private.h"

#include "component/qr_png.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)
/* The longest that an invitation made here is good for. */
#define DAYS_MAX 365
/* Longest list of who is blocked; some thousand. */
#define ANSWER_BYTES ((size_t)128 * 1024)
/* A QR code of a link has about 2 KB. */
#define PNG_MAX ((size_t)64 * 1024)

/* A command while it runs. */
struct run {
	struct bridge *bridge;
	const char *(*get)(void *form, const char *name);
	void *form;
	void (*answer)(void *answer_arg, const struct server_answer *answer);
	void *answer_arg;
};

static const char *field(const struct run *run, const char *name)
{
	const char *value = run->get(run->form, name);

	return value ? value : "";
}

static bool is_true(const char *value)
{
	return strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
}

static void say(const struct run *run, const char *note)
{
	const struct server_answer answer = {.note = note};

	run->answer(run->answer_arg, &answer);
}

static void refuse(const struct run *run, const struct err *err)
{
	const struct server_answer answer = {.note = err->text, .error = true};

	run->answer(run->answer_arg, &answer);
}

/* What was written, or none if it is nothing. Half of it is not shown as if it were all. */
static void say_list(const struct run *run, const struct buf *text, const char *none)
{
	static const struct err starved = {.code = ERR_MEMORY, .text = "out of memory"};

	if (text->starved)
		refuse(run, &starved);
	else
		say(run, text->len > 0 ? buf_text(text) : none);
}

/* A link as text and as a picture; without the picture when there can be none. */
static void show_link(const struct run *run, const char *note, const char *label, const char *link)
{
	const struct server_field fields[] = {
	    {.name = "link", .label = label, .type = "text-single", .value = link}, {0}};
	struct server_answer answer = {.note = note, .fields = fields};
	struct buf png;

	buf_init(&png, PNG_MAX);
	if (qr_png(link, &png, NULL) == 0) {
		answer.png = png.data;
		answer.png_len = png.len;
	}
	run->answer(run->answer_arg, &answer);
	buf_free(&png);
}

/* --- the commands --- */

static void my_id(const struct run *run, struct account *account)
{
	char link[sizeof("tacet:") + ID_LEN];

	snprintf(link, sizeof(link), "tacet:%s", account_id(account));
	show_link(run, "Somebody who adds this id is found once you have added theirs.", "My id",
		  link);
}

static const struct server_field invite_form[] = {
    {.name = "name", .label = "What the link calls you (may be empty)", .type = "text-single"},
    {.name = "reusable", .label = "For any number of people", .type = "boolean", .value = "0"},
    {.name = "days", .label = "Days that it is good for", .type = "text-single", .value = "7"},
    {0}};

static void invite(const struct run *run, struct account *account)
{
	char *end;
	long days = strtol(field(run, "days"), &end, 10);
	char link[INVITATION_LINK_SIZE];
	struct err err = {0};

	if (*end || days < 1 || days > DAYS_MAX) {
		err_set(&err, ERR_INPUT, "The days are a number from 1 to %d.", DAYS_MAX);
		refuse(run, &err);
	} else if (account_invite(account, field(run, "name"), is_true(field(run, "reusable")),
				  days * DAY_MS, link, &err)) {
		refuse(run, &err);
	} else {
		show_link(run,
			  "Give this link to the one you invite, by a way that nobody else sees.",
			  "Invitation", link);
	}
}

static const struct server_field introduce_form[] = {
    {.name = "link", .label = "Link or id", .type = "text-single", .required = true},
    {.name = "as", .label = "Your name, for them to see", .type = "text-single"},
    {.name = "text", .label = "A word to them", .type = "text-single"},
    {.name = "name", .label = "What you call them", .type = "text-single"},
    {0}};

static void introduce(const struct run *run, struct account *account)
{
	const struct bridge_introduction words = {.own_name = field(run, "as"),
						  .text = field(run, "text")};
	struct err err = {0};

	if (bridge_contact_add(run->bridge, account, field(run, "link"), field(run, "name"), &words,
			       &err))
		say(run, "Added. You see each other once they have accepted.");
	else
		refuse(run, &err);
}

static const struct server_field verify_form[] = {
    {.name = "contact", .label = "Name or id", .type = "text-single", .required = true},
    {.name = "same",
     .label = "We have compared the numbers, and they are the same",
     .type = "boolean",
     .value = "0"},
    {0}};

static void verify(const struct run *run, struct account *account)
{
	struct err err = {0};
	struct contact *contact = bridge_contact_find(account, field(run, "contact"), &err);
	char phrase[VERIFICATION_SIZE], note[VERIFICATION_SIZE + 128];

	if (!contact ||
	    (is_true(field(run, "same")) && contact_set_verified(contact, true, &err))) {
		refuse(run, &err);
		return;
	}
	contact_verification(contact, phrase);
	snprintf(note, sizeof(note), "%s\n%s", phrase,
		 contact_verified(contact) ? "Verified."
					   : "Read this to each other by a way that you trust.");
	say(run, note);
}

static const char *const mode_options[] = {"steady", "Linked day and night", "follow",
					   "Only while a client is there", NULL};

static const struct server_field mode_form[] = {
    {.name = "mode", .label = "Be reachable", .type = "list-single", .options = mode_options}, {0}};

/* Nothing chosen: say which it is. */
static void presence_mode(const struct run *run, struct account *account)
{
	const char *wanted = field(run, "mode");
	struct err err = {0};
	bool follows;

	if (*wanted ? bridge_set_mode(run->bridge, account, wanted, &err)
		    : bridge_mode_read(account, &follows, &err))
		refuse(run, &err);
	else if (*wanted)
		say(run, "Done.");
	else
		say(run, follows ? "follow: reachable only while a client is there"
				 : "steady: linked day and night");
}

static const char *const cover_options[] = {
    "0",     "Off: messages leave at once",
    "500",   "A frame every half second: 3.7 MB an hour, each way",
    "2000",  "Every 2 seconds: 0.9 MB an hour",
    "10000", "Every 10 seconds: 0.2 MB an hour",
    NULL};

static const struct server_field cover_form[] = {
    {.name = "mean_ms",
     .label = "Frames at random moments hide when you talk; messages wait for them. With each "
	      "contact:",
     .type = "list-single",
     .value = "0",
     .options = cover_options,
     .required = true},
    {0}};

static void cover(const struct run *run, struct account *account)
{
	char *end;
	long mean_ms = strtol(field(run, "mean_ms"), &end, 10);
	struct err err = {0};

	if (*end || end == field(run, "mean_ms"))
		err_set(&err, ERR_INPUT, "The time is a number of milliseconds.");
	else
		account_set_cover(account, mean_ms, &err);
	if (err.code)
		refuse(run, &err);
	else
		say(run, mean_ms ? "Your side is covered. It takes both: ask your contacts to do "
				   "the same."
				 : "Off.");
}

static const char *const answer_options[] = {
    "off", "Nobody is told", "on",
    "Contacts who see me there get the version of tacet and the time", NULL};

static const struct server_field answer_form[] = {{.name = "answer",
						   .label = "When contacts ask for them",
						   .type = "list-single",
						   .value = "off",
						   .options = answer_options,
						   .required = true},
						  {0}};

static void answer_contacts(const struct run *run, struct account *account)
{
	bool on = strcmp(field(run, "answer"), "on") == 0;
	struct err err = {0};
	int result = 0;

	if (!on && strcmp(field(run, "answer"), "off") != 0)
		result = err_set(&err, ERR_INPUT, "Nobody is told, or contacts are?");
	else
		result = bridge_answers_set(run->bridge, account_name(account), on, &err);
	if (result)
		refuse(run, &err);
	else
		say(run, "Done.");
}

static const char *const archive_options[] = {"on",    "Keep messages, for as many days as below",
					      "off",   "Keep none from now on; what is there stays",
					      "purge", "Erase all that is kept",
					      NULL};

static const struct server_field archive_form[] = {
    {.name = "do",
     .label = "Messages on this machine, for clients that were away",
     .type = "list-single",
     .value = "on",
     .options = archive_options,
     .required = true},
    {.name = "days", .label = "Days (0: for ever)", .type = "text-single", .value = "30"},
    {0}};

/* What the form says, into the settings. */
static int read_archive(const struct run *run, struct archive_settings *settings, struct err *err)
{
	const char *text = field(run, "days");
	unsigned long days = strtoul(text, NULL, 10);

	if (strcmp(field(run, "do"), "off") == 0) {
		bridge_archive_off(settings);
		return 0;
	}
	if (text[strspn(text, "0123456789")] || days > ARCHIVE_DAYS_MAX)
		return err_set(err, ERR_INPUT, "The days are a number of at most %d.",
			       ARCHIVE_DAYS_MAX);
	settings->prefs.preset = ARCHIVE_ALWAYS;
	if (text[0])
		settings->days = (unsigned)days;
	return 0;
}

static void archive(const struct run *run, struct account *account)
{
	const char *user = account_name(account);
	struct archive_settings settings;
	struct err err = {0};
	int result;

	if (strcmp(field(run, "do"), "purge") == 0) {
		result = bridge_archive_purge(run->bridge, user, NULL, &err) < 0 ? -1 : 0;
	} else {
		result = bridge_archive_settings(run->bridge, user, &settings, &err);
		if (!result)
			result = read_archive(run, &settings, &err);
		if (!result)
			result = bridge_archive_set(run->bridge, user, &settings, &err);
		archive_prefs_free(&settings.prefs);
	}
	if (result)
		refuse(run, &err);
	else
		say(run, "Done.");
}

static const char *const show_options[] = {
    "same",      "As everybody sees me", "offline", "Always offline",
    "available", "Always available",     "away",    "Always away",
    "dnd",       "Always busy",          "xa",      "Always away for long",
    NULL};

static const struct server_field show_form[] = {
    {.name = "contact", .label = "Name or id", .type = "text-single", .required = true},
    {.name = "show",
     .label = "Is shown me",
     .type = "list-single",
     .value = "same",
     .options = show_options,
     .required = true},
    {0}};

static void show_contact(const struct run *run, struct account *account)
{
	struct err err = {0};
	struct contact *contact = bridge_contact_find(account, field(run, "contact"), &err);

	if (!contact || bridge_contact_show(run->bridge, contact, field(run, "show"), &err))
		refuse(run, &err);
	else
		say(run, "Done.");
}

static const struct server_field remove_form[] = {
    {.name = "contact", .label = "Name or id", .type = "text-single", .required = true}, {0}};

static void remove_contact(const struct run *run, struct account *account)
{
	struct err err = {0};
	struct contact *contact = bridge_contact_find(account, field(run, "contact"), &err);

	if (!contact || bridge_contact_remove(run->bridge, &contact, &err))
		refuse(run, &err);
	else
		say(run, "Removed.");
}

static const struct server_field block_form[] = {
    {.name = "contact", .label = "Name or id", .type = "text-single", .required = true},
    {.name = "lift", .label = "Let in again", .type = "boolean", .value = "0"},
    {0}};

/* Also somebody who is no contact, by the id. */
static void block(const struct run *run, struct account *account)
{
	const char *who = field(run, "contact");
	const struct contact *contact = bridge_contact_find(account, who, NULL);
	bool lift = is_true(field(run, "lift"));
	struct err err = {0};

	if (bridge_account_block(run->bridge, account, contact ? contact_id(contact) : who, !lift,
				 &err))
		refuse(run, &err);
	else
		say(run, lift ? "Let in again: but who was a contact has to be added again."
			      : "Blocked: no contact any more, and not heard.");
}

static void write_blocked(void *arg, const char *id)
{
	buf_printf(arg, "%s\n", id);
}

static void blocked(const struct run *run, struct account *account)
{
	struct buf text;
	struct err err = {0};

	buf_init(&text, ANSWER_BYTES);
	if (account_blocked(account, write_blocked, &text, &err))
		refuse(run, &err);
	else
		say_list(run, &text, "Nobody.");
	buf_free(&text);
}

static void write_contact(void *arg, struct contact *contact)
{
	buf_printf(arg, "%s %s: %s, %s%s\n", contact_name(contact), contact_id(contact),
		   contact_state_name(contact_state(contact)),
		   show_name(contact_status(contact)->show),
		   contact_verified(contact) ? ", verified" : "");
}

static void status(const struct run *run, struct account *account)
{
	struct buf text;

	buf_init(&text, (size_t)CONTACTS_MAX * (CONTACT_NAME_MAX + ID_LEN + 64));
	buf_printf(&text, "%s, %s.\n",
		   account_published(account) ? "Your contacts can reach you"
					      : "You cannot be reached yet",
		   bridge_follows(account) ? "while a client is there" : "day and night");
	account_contacts(account, write_contact, &text);
	say_list(run, &text, "");
	buf_free(&text);
}

static void write_request(void *arg, const struct contact_request *request)
{
	buf_printf(arg, "%s\n%s\n%s\n\n", request->name, request->id, request->text);
}

static void requests(const struct run *run, struct account *account)
{
	struct buf text;

	buf_init(&text, (size_t)REQUESTS_MAX * 2 * REQUEST_TEXT_MAX);
	account_requests(account, write_request, &text);
	say_list(run, &text, "Nobody waits for an answer.");
	buf_free(&text);
}

/* --- the table --- */

static void run_for(void *arg, const char *user, const struct run *given,
		    void (*command)(const struct run *run, struct account *account))
{
	struct err err = {0};
	struct account *account = bridge_account(arg, user, &err);
	struct run run = *given;

	run.bridge = arg;
	if (account)
		command(&run, account);
	else
		refuse(&run, &err);
}

/* struct server_command has no argument of ours: each gets a function of its own. */
#define COMMAND(function)                                                                          \
	static void run_##function(                                                                \
	    void *arg, const char *user, const char *(*get)(void *form, const char *name),         \
	    void *form, void (*answer)(void *answer_arg, const struct server_answer *answer),      \
	    void *answer_arg)                                                                      \
	{                                                                                          \
		const struct run run = {NULL, get, form, answer, answer_arg};                      \
                                                                                                   \
		run_for(arg, user, &run, function);                                                \
	}

COMMAND(my_id)
COMMAND(invite)
COMMAND(introduce)
COMMAND(verify)
COMMAND(presence_mode)
COMMAND(cover)
COMMAND(archive)
COMMAND(answer_contacts)
COMMAND(show_contact)
COMMAND(requests)
COMMAND(remove_contact)
COMMAND(block)
COMMAND(blocked)
COMMAND(status)

const struct server_command bridge_commands[] = {
    {"id", "My id", NULL, run_my_id},
    {"invite", "Invite somebody", invite_form, run_invite},
    {"introduce", "Accept an invitation", introduce_form, run_introduce},
    {"verify", "Verify a contact", verify_form, run_verify},
    {"requests", "Requests", NULL, run_requests},
    {"remove", "Remove a contact", remove_form, run_remove_contact},
    {"block", "Block somebody", block_form, run_block},
    {"blocked", "Who is blocked", NULL, run_blocked},
    {"status", "Status", NULL, run_status},
    {"mode", "Presence mode", mode_form, run_presence_mode},
    {"show", "Presence for one contact", show_form, run_show_contact},
    {"cover", "Cover traffic", cover_form, run_cover},
    {"answer", "Version and time", answer_form, run_answer_contacts},
    {"archive", "Archive", archive_form, run_archive},
    {0},
};
