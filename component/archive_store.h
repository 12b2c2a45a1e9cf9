/*
 * archive_store.h: the archive of messages in the local store: rows in the order in which they were
 * added, each of one user and with one contact. What belongs in it is bridge_archive.c's matter.
 *
 * Ids, contacts, and messages are sealed; times are not, since messages are found and erased by
 * them. What is erased is in none of the files after local_store_scrub.
 */
#ifndef COMPONENT_ARCHIVE_STORE_H
#define COMPONENT_ARCHIVE_STORE_H

#include "component/local_store.h"

struct archive_row {
	const char *id;      /* of the archive, unique for the user */
	const char *contact; /* its id */
	/* By what a retraction finds it and its corrections: who sent it and the stanza's id; ""
	 * for none. */
	const char *mark;
	int64_t stamp_ms;
	const void *message;
	size_t len; /* at most LOCAL_VALUE_MAX */
};

/* A message that has the id already is not added again. */
int archive_add(struct local_store *store, const char *user, const struct archive_row *row,
		struct err *err);
/* Put message in the place of what was said in the rows with this contact and mark, which is not ""
 * and which they lose. How many there were, or -1. */
int archive_replace(struct local_store *store, const char *user, const char *contact,
		    const char *mark, const void *message, size_t len, struct err *err);

/* Rows are told apart by their place in the archive: 1, 2, … */
struct archive_span {
	const char *contact; /* NULL: all */
	int64_t start_ms, end_ms;
	int64_t after, before; /* places, both excluded; 0 and INT64_MAX: all */
	int64_t skip;          /* not the first so many; for a walk forwards */
};
extern const struct archive_span archive_everything;

/* Rows of the span, backwards from the end if backwards; each returning non-zero ends the walk
 * (1: enough; -1: an error, *err filled). each does not use the store. */
int archive_walk(struct local_store *store, const char *user, const struct archive_span *span,
		 bool backwards, int (*each)(void *arg, const struct archive_row *row), void *arg,
		 struct err *err);
int archive_count(struct local_store *store, const char *user, const struct archive_span *span,
		  uint64_t *count, struct err *err);
/* The place of the row with this id. 1: found; 0: there is none. */
int archive_find(struct local_store *store, const char *user, const char *id, int64_t *place,
		 struct err *err);

/* Erase those of the contact, those older than before_ms, all but the newest keep ones; how many
 * were erased, or -1. */
int archive_erase_contact(struct local_store *store, const char *user, const char *contact,
			  struct err *err);
int archive_erase_before(struct local_store *store, const char *user, int64_t before_ms,
			 struct err *err);
int archive_erase_surplus(struct local_store *store, const char *user, unsigned keep,
			  struct err *err);

#endif
