/*
 * dialogue_host_archive.c: five archived messages, the same for every user, and preferences; the
 * filters are those of the real one in short. Neighbour: dialogue_host_people.c.
 */
#include "tests/xmpp/dialogue_host_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With two contacts, a minute apart from 2020-01-01T00:00:00Z on. */
static const struct {
	const char *id, *contact, *body;
} archived[] = {
    {"m1", "aaaa", "one"},  {"m2", "bbbb", "two"},  {"m3", "aaaa", "three"},
    {"m4", "bbbb", "four"}, {"m5", "aaaa", "five"},
};

#define ARCHIVED (sizeof(archived) / sizeof(archived[0]))
#define FIRST_MS INT64_C(1577836800000)

static int64_t stamp(size_t i)
{
	return FIRST_MS + (int64_t)i * 60000;
}

static bool fits(const struct archive_query *query, size_t i)
{
	if (query->contact && strcmp(query->contact, archived[i].contact) != 0)
		return false;
	return stamp(i) >= query->start_ms && stamp(i) <= query->end_ms;
}

/* The index of the message, for id NULL otherwise. */
static int find(const char *id, int otherwise, struct err *err)
{
	if (!id)
		return otherwise;
	for (size_t i = 0; i < ARCHIVED; i++)
		if (strcmp(archived[i].id, id) == 0)
			return (int)i;
	err_set(err, ERR_NOT_FOUND, "the archive has no message with this id");
	return -2;
}

static void give(size_t i, void (*each)(void *each_arg, struct archive_message *message),
		 void *each_arg)
{
	struct archive_message message = {.id = archived[i].id, .stamp_ms = stamp(i)};
	char jid[64];

	snprintf(jid, sizeof(jid), "%s@localhost/tacet", archived[i].contact);
	message.message = xml_new("message", "jabber:client");
	xml_set(message.message, "from", jid);
	xml_text_add(xml_child_add(message.message, "body", NULL), archived[i].body);
	each(each_arg, &message);
	xml_free(&message.message);
}

static int on_query(void *arg, const char *user, const struct archive_query *query,
		    void (*each)(void *each_arg, struct archive_message *message), void *each_arg,
		    struct archive_result *result, struct err *err)
{
	int after = find(query->after, -1, err), before = find(query->before, ARCHIVED, err);
	size_t chosen[ARCHIVED], count = 0, first = 0, last;
	uint64_t skipped = 0;

	(void)user;
	if (dialogue_host_refused(arg, err) || after == -2 || before == -2)
		return -1;
	for (size_t i = 0; query->ids && query->ids[i]; i++) {
		int at = find(query->ids[i], -2, err);

		if (at == -2)
			return -1;
		give((size_t)at, each, each_arg);
		result->count++;
	}
	for (size_t i = 0; !query->ids && i < ARCHIVED; i++) {
		if (!fits(query, i))
			continue;
		result->count++;
		if ((int)i > after && (int)i < before && skipped++ >= query->skip)
			chosen[count++] = i;
	}
	result->complete = count <= query->max;
	last = count;
	if (!result->complete && query->last)
		first = count - query->max;
	else if (!result->complete)
		last = query->max;
	for (size_t i = 0; first < last && i < chosen[first]; i++)
		result->index += fits(query, i);
	for (; first < last; first++)
		give(chosen[first], each, each_arg);
	return 0;
}

static int on_metadata(void *arg, const char *user,
		       void (*each)(void *each_arg, struct archive_message *message),
		       void *each_arg, struct err *err)
{
	(void)user;
	if (dialogue_host_refused(arg, err))
		return -1;
	give(0, each, each_arg);
	give(ARCHIVED - 1, each, each_arg);
	return 0;
}

static int on_prefs_get(void *arg, const char *user, struct archive_prefs *prefs, struct err *err)
{
	(void)user;
	if (dialogue_host_refused(arg, err))
		return -1;
	prefs->preset = ARCHIVE_ROSTER;
	prefs->never[0] = strdup("bbbb");
	return 0;
}

static int on_prefs_set(void *arg, const char *user, const struct archive_prefs *prefs,
			struct err *err)
{
	dialogue_host_note(arg, NULL, "archive %s %d %s %s", user, (int)prefs->preset,
			   prefs->always[0] ? prefs->always[0] : "-",
			   prefs->never[0] ? prefs->never[0] : "-");
	return dialogue_host_refused(arg, err) ? -1 : 0;
}

/* What is none that a script waits for is not kept. */
static int on_keep(void *arg, const char *user, const struct xml *message,
		   char id[ARCHIVE_ID_MAX + 1], struct err *err)
{
	struct dialogue_host *host = arg;

	(void)err;
	if (!*host->archives)
		return 0;
	dialogue_host_note(host, message, "archives %s", user);
	snprintf(id, ARCHIVE_ID_MAX + 1, "%s", host->archives);
	host->archives[0] = '\0';
	return 1;
}

const struct archive_host dialogue_archive_host = {
    .keep = on_keep,
    .query = on_query,
    .metadata = on_metadata,
    .prefs_get = on_prefs_get,
    .prefs_set = on_prefs_set,
};
