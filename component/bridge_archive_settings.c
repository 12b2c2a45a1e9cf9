/*
 * bridge_archive_settings.c: what an account's archive keeps and for how long, and the erasing of
 * what is too old or too much. Neighbours: bridge_archive.c, which asks what is wanted;
 * archive_store.c.
 *
 *     item archive / settings / settings:  "PRESET DAYS COUNT KEEP-REMOVED\n" and lines "+ID",
 * "-ID" for the lists of always and never
 */
#include "component/bridge_archive.h"

#include "component/archive_store.h"
#include "component/bridge_private.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE    "archive"
#define SETTINGS "settings"
/* How often what is too old is erased: a day more or less does not matter, an hour does not cost.
 */
#define ERASE_MS ((int64_t)60 * 60 * 1000)
/* A line for each contact of two lists. */
#define SETTINGS_SIZE (64 + 2 * (ARCHIVE_LIST_MAX + 1) * ((size_t)JID_PART_MAX + 2))

/* --- settings --- */

static int add_to_list(char **list, const char *id, struct err *err)
{
	for (size_t i = 0; i < ARCHIVE_LIST_MAX; i++)
		if (!list[i]) {
			list[i] = strdup(id);
			return list[i] ? 0 : err_set(err, ERR_MEMORY, "out of memory");
		}
	return err_set(err, ERR_LIMIT, "the list has at most %d contacts", ARCHIVE_LIST_MAX);
}

static int read_settings(char *text, struct archive_settings *settings, struct err *err)
{
	unsigned preset, keep_removed;
	char *rest = NULL;

	if (sscanf(text, "%u %u %u %u", &preset, &settings->days, &settings->count,
		   &keep_removed) != 4 ||
	    preset > ARCHIVE_ROSTER)
		return err_set(err, ERR_INPUT, "the settings of the archive are damaged");
	settings->prefs.preset = (enum archive_default)preset;
	settings->keep_removed = keep_removed != 0;
	strtok_r(text, "\n", &rest);
	for (char *line; (line = strtok_r(NULL, "\n", &rest));)
		if (add_to_list(line[0] == '+' ? settings->prefs.always : settings->prefs.never,
				line + 1, err))
			return -1;
	return 0;
}

int bridge_archive_settings(struct bridge *bridge, const char *user,
			    struct archive_settings *settings, struct err *err)
{
	size_t len;
	void *text;
	int result;

	memset(settings, 0, sizeof(*settings));
	settings->days = ARCHIVE_DAYS_USUAL;
	settings->count = ARCHIVE_COUNT_USUAL;
	if (!bridge->local)
		return err_set(err, ERR_UNAVAILABLE, "there is no archive");
	/* What cannot be read is not taken for "as usual": that may erase what is to be kept. */
	result = local_item_read(bridge->local, user, SPACE, SETTINGS, SETTINGS, &text, &len, err);
	if (result != 1)
		return result;
	result = read_settings(text, settings, err);
	secret_free(text, len);
	return result;
}

static int write_list(struct buf *out, char sign, char *const *list)
{
	int result = 0;

	for (; !result && *list; list++)
		result = buf_printf(out, "%c%s\n", sign, *list);
	return result;
}

static int write_settings(struct bridge *bridge, const char *user,
			  const struct archive_settings *settings, struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, SETTINGS_SIZE);
	if (buf_printf(&text, "%u %u %u %u\n", settings->prefs.preset, settings->days,
		       settings->count, settings->keep_removed) ||
	    write_list(&text, '+', settings->prefs.always) ||
	    write_list(&text, '-', settings->prefs.never))
		result = err_set(err, ERR_MEMORY, "out of memory");
	else
		result = local_item_set(bridge->local, user, SPACE, SETTINGS, SETTINGS, text.data,
					text.len, err);
	buf_free(&text);
	return result;
}

void bridge_archive_off(struct archive_settings *settings)
{
	archive_prefs_free(&settings->prefs);
	settings->prefs.preset = ARCHIVE_NEVER;
}

/* --- erasing --- */

int bridge_archive_erased(struct bridge *bridge, int count, struct err *err)
{
	return count > 0 && local_store_scrub(bridge->local, err) ? -1 : count;
}

static int erase_old(struct bridge *bridge, const char *user,
		     const struct archive_settings *settings, struct err *err)
{
	int64_t now_ms = env_wall_ms(bridge->env);
	int old = 0, surplus;

	if (settings->days > 0)
		old = archive_erase_before(
		    bridge->local, user, now_ms - (int64_t)settings->days * 24 * 3600 * 1000, err);
	if (old < 0)
		return -1;
	surplus = archive_erase_surplus(bridge->local, user, settings->count, err);
	return surplus < 0 || bridge_archive_erased(bridge, old + surplus, err) < 0 ? -1 : 0;
}

static void erase_of_account(void *arg, struct account *account)
{
	struct bridge *bridge = arg;
	struct archive_settings settings;
	struct err err;

	if (bridge_archive_settings(bridge, account_name(account), &settings, &err) ||
	    erase_old(bridge, account_name(account), &settings, &err))
		log_error("old messages are not erased: %s", err.text);
	archive_prefs_free(&settings.prefs);
}

static void on_erase(void *arg)
{
	struct bridge *bridge = arg;

	timer_set(bridge->archive_erase, ERASE_MS);
	if (bridge->local && bridge->engine)
		engine_accounts(bridge->engine, erase_of_account, bridge);
}

void bridge_archive_start(struct bridge *bridge)
{
	timer_free(&bridge->archive_erase);
	bridge->archive_erase = timer_new(bridge->env, on_erase, bridge);
	if (bridge->archive_erase)
		timer_set(bridge->archive_erase, 0);
	else
		log_error("old messages are not erased: out of memory");
}

int bridge_archive_set(struct bridge *bridge, const char *user,
		       const struct archive_settings *settings, struct err *err)
{
	if (!bridge->local)
		return err_set(err, ERR_UNAVAILABLE, "there is no archive");
	if (settings->days > ARCHIVE_DAYS_MAX || settings->count > ARCHIVE_COUNT_MAX)
		return err_set(err, ERR_LIMIT, "at most %d days and %d messages", ARCHIVE_DAYS_MAX,
			       ARCHIVE_COUNT_MAX);
	if (write_settings(bridge, user, settings, err))
		return -1;
	return erase_old(bridge, user, settings, err);
}

int bridge_archive_purge(struct bridge *bridge, const char *user, const char *contact,
			 struct err *err)
{
	int count;

	if (!bridge->local)
		return err_set(err, ERR_UNAVAILABLE, "there is no archive");
	count = contact ? archive_erase_contact(bridge->local, user, contact, err)
			: archive_erase_surplus(bridge->local, user, 0, err);
	return count < 0 ? -1 : bridge_archive_erased(bridge, count, err);
}

int bridge_archive_count(struct bridge *bridge, const char *user, uint64_t *count, struct err *err)
{
	if (!bridge->local)
		return err_set(err, ERR_UNAVAILABLE, "there is no archive");
	return archive_count(bridge->local, user, &archive_everything, count, err);
}

/* What is cached of it goes, too. */
void bridge_archive_contact_gone(struct bridge *bridge, const char *user, const char *id)
{
	struct archive_settings settings;
	struct err err;

	if (!bridge->local)
		return;
	if (bridge_archive_settings(bridge, user, &settings, &err) ||
	    (!settings.keep_removed && bridge_archive_purge(bridge, user, id, &err) < 0) ||
	    local_space_remove(bridge->local, user, id, &err) ||
	    local_store_scrub(bridge->local, &err))
		log_error("what is kept of a removed contact is still there: %s", err.text);
	archive_prefs_free(&settings.prefs);
}
