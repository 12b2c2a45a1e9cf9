/*
 * bridge_archive.h: the archive of each account: what of the messages with contacts is kept, for
 * how long, and what clients are given of it (xmpp/archive.h).
 */
#ifndef COMPONENT_BRIDGE_ARCHIVE_H
#define COMPONENT_BRIDGE_ARCHIVE_H

#include "component/bridge.h"
#include "xmpp/archive.h"

/* For how long, and how many messages, when nothing was said. A month is what a client that was
 * away for a holiday needs; who wants a history for good has it in the client. */
#define ARCHIVE_DAYS_USUAL  30
#define ARCHIVE_COUNT_USUAL 50000
/* The most that can be asked for. */
#define ARCHIVE_DAYS_MAX  36500
#define ARCHIVE_COUNT_MAX 1000000

struct archive_settings {
	struct archive_prefs prefs;
	unsigned days;     /* messages older than that are erased; 0: none are */
	unsigned count;    /* all but the newest are erased */
	bool keep_removed; /* those with a contact who is removed stay */
};

/* To be freed with archive_prefs_free(&settings->prefs), after an error too. */
int bridge_archive_settings(struct bridge *bridge, const char *user,
			    struct archive_settings *settings, struct err *err);
/* Nothing is archived any more, with nobody. */
void bridge_archive_off(struct archive_settings *settings);
/* What is too old or too much is erased at once. */
int bridge_archive_set(struct bridge *bridge, const char *user,
		       const struct archive_settings *settings, struct err *err);
/* Erase all that is archived, or with contact (an id) all with that one. How many, or -1. */
int bridge_archive_purge(struct bridge *bridge, const char *user, const char *contact,
			 struct err *err);
/* To be called with how many messages were erased: the log still has what the file has no more.
 * Returns count, or -1. */
int bridge_archive_erased(struct bridge *bridge, int count, struct err *err);
/* How many messages there are. */
int bridge_archive_count(struct bridge *bridge, const char *user, uint64_t *count, struct err *err);

#endif
