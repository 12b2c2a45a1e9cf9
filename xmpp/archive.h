/*
 * archive.h: what the message archive (XEP-0313) asks of the layer above. feature_archive.c is the
 * protocol; where the messages are kept, and for how long, is the host's matter.
 */
#ifndef XMPP_ARCHIVE_H
#define XMPP_ARCHIVE_H

#include "core/base/err.h"
#include "xmpp/xml.h"

#include <stdbool.h>
#include <stdint.h>

/* Longest id of an archived message, in bytes. */
#define ARCHIVE_ID_MAX 128
/* Messages in a page when the client does not say how many it wants, and at most; and how long all
 * of them together may be, in bytes: a page is in memory while it is sent. */
#define ARCHIVE_PAGE_USUAL 50
#define ARCHIVE_PAGE_MAX   100
#define ARCHIVE_PAGE_BYTES ((size_t)512 * 1024)
/* Ids in one query, and contacts in a list of the preferences, at most. */
#define ARCHIVE_IDS_MAX  100
#define ARCHIVE_LIST_MAX 500

/* In place of a contact: what the user's clients have told the own account. */
#define ARCHIVE_OWN ""

struct archive_query {
	const char *contact;      /* the local part of the contact's JID, ARCHIVE_OWN; NULL: all */
	int64_t start_ms, end_ms; /* both included; INT64_MIN, INT64_MAX: no limit */
	const char *after,
	    *before;            /* only messages after, before the one with this id; NULL: all */
	unsigned max;           /* 0 … ARCHIVE_PAGE_MAX */
	bool last;              /* the last max of them; else the first */
	uint64_t skip;          /* not the first so many of them; 0 with last */
	const char *const *ids; /* only these, ends with NULL; NULL: all */
};

struct archive_message {
	const char *id;
	int64_t stamp_ms;
	struct xml
	    *message; /* each may take it out (and set it to NULL); else the caller frees it */
};

struct archive_result {
	uint64_t count; /* of messages that fit, without after, before, skip and max */
	uint64_t index; /* of these, how many come before the first of the page */
	bool complete;  /* there are no more in the direction of the page */
};

enum archive_default { ARCHIVE_ALWAYS, ARCHIVE_NEVER, ARCHIVE_ROSTER };

/* Which messages are archived (XEP-0441). The lists hold local parts, and end with NULL. */
struct archive_prefs {
	enum archive_default preset;
	char *always[ARCHIVE_LIST_MAX + 1], *never[ARCHIVE_LIST_MAX + 1];
};
void archive_prefs_free(struct archive_prefs *prefs);

/* All return 0, or -1 as the functions of struct server_host; ERR_NOT_FOUND: no message has one of
 * the ids. */
struct archive_host {
	/* A client has told the own account or another client of it this. 1: it is archived, under
	 * the id; 0: it is none that is; -1. What contacts are told and tell the host sees anyway.
	 */
	int (*keep)(void *arg, const char *user, const struct xml *message,
		    char id[ARCHIVE_ID_MAX + 1], struct err *err);
	/* Call each for the messages of the page, oldest first. */
	int (*query)(void *arg, const char *user, const struct archive_query *query,
		     void (*each)(void *each_arg, struct archive_message *message), void *each_arg,
		     struct archive_result *result, struct err *err);
	/* The first and the last message: each is called twice, once, or never. */
	int (*metadata)(void *arg, const char *user,
			void (*each)(void *each_arg, struct archive_message *message),
			void *each_arg, struct err *err);
	/* prefs is to be freed with archive_prefs_free, after an error too. */
	int (*prefs_get)(void *arg, const char *user, struct archive_prefs *prefs, struct err *err);
	int (*prefs_set)(void *arg, const char *user, const struct archive_prefs *prefs,
			 struct err *err);
};

#endif
