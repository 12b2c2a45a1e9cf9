/*
 * control_archive.c: the control socket's commands about the archive.
 */
#include "component/control_private.h"

#include "component/bridge_archive.h"

#include <string.h>

/* Take what the request says into the settings. 1: something; 0: nothing. */
static int change(const struct control_call *call, struct archive_settings *settings,
		  struct err *err)
{
	const char *word;
	int64_t days = settings->days, count = settings->count;

	if (control_text_optional(call, "set", &word, err) ||
	    control_number_optional(call, "days", &days, err) ||
	    control_number_optional(call, "count", &count, err) ||
	    control_flag_optional(call, "keep_removed", &settings->keep_removed, err))
		return -1;
	if (days < 0 || days > ARCHIVE_DAYS_MAX || count < 1 || count > ARCHIVE_COUNT_MAX)
		return err_set(err, ERR_INPUT, "at most %d days (0: for ever) and 1 to %d messages",
			       ARCHIVE_DAYS_MAX, ARCHIVE_COUNT_MAX);
	settings->days = (unsigned)days;
	settings->count = (unsigned)count;
	if (word && strcmp(word, "on") == 0)
		settings->prefs.preset = ARCHIVE_ALWAYS;
	else if (word && strcmp(word, "off") == 0)
		bridge_archive_off(settings);
	else if (word)
		return err_set(err, ERR_INPUT, "\"on\" or \"off\"?");
	return word || json_object_get(call->args, "days") ||
	       json_object_get(call->args, "count") || json_object_get(call->args, "keep_removed");
}

static int describe(const struct control_call *call, const struct archive_settings *settings,
		    uint64_t messages, struct err *err)
{
	static const char *const words[] = {"on", "off", "on"};
	const char *word = settings->prefs.preset == ARCHIVE_NEVER && settings->prefs.always[0]
			       ? "some"
			       : words[settings->prefs.preset];

	if (control_put(call->reply, "archive", json_string(word), err) ||
	    control_put(call->reply, "days", json_integer(settings->days), err) ||
	    control_put(call->reply, "count", json_integer(settings->count), err) ||
	    control_put(call->reply, "keep_removed", json_boolean(settings->keep_removed), err))
		return -1;
	return control_put(call->reply, "messages", json_integer((json_int_t)messages), err);
}

static int archive(struct control_call *call, struct err *err)
{
	struct bridge *bridge = call->host->bridge;
	struct account *account = control_account(call, err);
	struct archive_settings settings;
	uint64_t messages;
	int changed;

	if (!account)
		return -1;
	changed = bridge_archive_settings(bridge, account_name(account), &settings, err);
	if (!changed)
		changed = change(call, &settings, err);
	if (changed > 0)
		changed = bridge_archive_set(bridge, account_name(account), &settings, err);
	if (!changed)
		changed = bridge_archive_count(bridge, account_name(account), &messages, err);
	if (!changed)
		changed = describe(call, &settings, messages, err);
	archive_prefs_free(&settings.prefs);
	return changed;
}

static int archive_purge(struct control_call *call, struct err *err)
{
	struct bridge *bridge = call->host->bridge;
	struct account *account = control_account(call, err);
	struct contact *contact = NULL;
	const char *word;
	int erased;

	if (!account || control_text_optional(call, "contact", &word, err))
		return -1;
	if (word && !(contact = bridge_contact_find(account, word, err)))
		return -1;
	erased = bridge_archive_purge(bridge, account_name(account),
				      contact ? contact_id(contact) : NULL, err);
	return erased < 0 ? -1 : control_put(call->reply, "erased", json_integer(erased), err);
}

const struct control_command control_archive_commands[] = {
    {"archive", archive, 0},
    {"archive keep-removed", archive, 0},
    {"archive purge", archive_purge, 0},
    {"archive retention", archive, 0},
    {0},
};
