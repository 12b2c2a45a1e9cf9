/*
 * local_store.h: what the local server keeps for its users, in one SQLite file of its own: items
 * (personal eventing, private XML, settings, what is cached of contacts) and the archive of
 * messages (archive_store.h).
 *
 * Everything is keyed by the user: the name of the account, as in JIDs. An item has an address of
 * three words, space / node / id, and a value of bytes; what they mean is the matter of whoever put
 * it there. A space is a word of ours ("pep", "private"), or a contact's id for what is cached of
 * that contact. Names and values are sealed in the file (core/seal.h).
 *
 * Errors are those of core/store.h: ERR_UNAVAILABLE for a full disk, a read-only or failing file.
 */
#ifndef COMPONENT_LOCAL_STORE_H
#define COMPONENT_LOCAL_STORE_H

#include "core/base/err.h"
#include "core/base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest space, node or id, in bytes: that of a namespace or a JID, amply. */
#define LOCAL_NAME_MAX 1024
/* Largest value, in bytes: an avatar of 128 KiB in base64, and some. */
#define LOCAL_VALUE_MAX ((size_t)256 * 1024)
/* What one user has at most: OMEMO bundles and photos of a thousand contacts. */
#define LOCAL_ITEMS_MAX 20000
#define LOCAL_BYTES_MAX ((int64_t)256 * 1024 * 1024)

struct local_store;

/* As store_open (core/store.h); the values are sealed under store_key. */
struct local_store *local_store_open(const char *path, const struct key *store_key,
				     struct err *err);
void local_store_free(struct local_store **store);

/*
 * Several changes that are stored all or not at all, also when the process dies in between. Without
 * them each change below is stored by itself.
 */
int local_store_begin(struct local_store *store, struct err *err);
int local_store_commit(struct local_store *store, struct err *err);
void local_store_rollback(struct local_store *store);

/* Empty the file's log, so that what was removed is in none of the files. */
int local_store_scrub(struct local_store *store, struct err *err);

/* Put the item there, in place of one with the same address; it becomes the newest of its node.
 * ERR_LIMIT: a name or the value is too long, or the user would have too much. */
int local_item_set(struct local_store *store, const char *user, const char *space, const char *node,
		   const char *id, const void *value, size_t len, struct err *err);
/* A copy, followed by a NUL that is not counted; free it with secret_free(*value, *len). 1; 0:
 * there is none (*value is NULL); -1: it cannot be read. */
int local_item_read(struct local_store *store, const char *user, const char *space,
		    const char *node, const char *id, void **value, size_t *len, struct err *err);
/* The same where it does not matter why there is nothing: NULL. */
void *local_item_get(struct local_store *store, const char *user, const char *space,
		     const char *node, const char *id, size_t *len);
/* 1: removed; 0: there was none. */
int local_item_remove(struct local_store *store, const char *user, const char *space,
		      const char *node, const char *id, struct err *err);
/* The items of a node, that which was set first first. each returning -1 ends the walk, which then
 * returns -1; it fills *err of its own, and does not use the store. */
int local_items(struct local_store *store, const char *user, const char *space, const char *node,
		int (*each)(void *arg, const char *id, const void *value, size_t len), void *arg,
		struct err *err);
/* The names of the nodes of a space that have items, in no order; as local_items. */
int local_nodes(struct local_store *store, const char *user, const char *space,
		int (*each)(void *arg, const char *node), void *arg, struct err *err);
/* All items of a node, of a space (what is cached of a contact: space is its id), or all that the
 * user has, the archive too. */
int local_node_remove(struct local_store *store, const char *user, const char *space,
		      const char *node, struct err *err);
int local_space_remove(struct local_store *store, const char *user, const char *space,
		       struct err *err);
int local_user_remove(struct local_store *store, const char *user, struct err *err);

#endif
