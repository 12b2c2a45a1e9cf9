/*
 * local_store_private.h: what the parts of the local store share.
 */
#ifndef COMPONENT_LOCAL_STORE_PRIVATE_H
#define COMPONENT_LOCAL_STORE_PRIVATE_H

#include "component/local_store.h"
#include "core/database.h"

/* The index of each statement's text in the table of local_store.c. */
enum local_statement {
	SQL_OWNER_ADD,
	SQL_OWNER,
	SQL_OWNER_SIZE,
	SQL_OWNER_REMOVE,
	SQL_ITEM_ADD,
	SQL_ITEM_GET,
	SQL_ITEM_REMOVE,
	SQL_ITEMS,
	SQL_NODES,
	SQL_NODE_REMOVE,
	SQL_SPACE_REMOVE,
	SQL_ARCHIVE_ADD,
	SQL_ARCHIVE_MARKED,
	SQL_ARCHIVE_REPLACE,
	SQL_ARCHIVE_FIND,
	SQL_ARCHIVE_FORWARDS, /* with a contact: + 1; so with those below */
	SQL_ARCHIVE_CONTACT_FORWARDS,
	SQL_ARCHIVE_BACKWARDS,
	SQL_ARCHIVE_CONTACT_BACKWARDS,
	SQL_ARCHIVE_COUNT,
	SQL_ARCHIVE_CONTACT_COUNT,
	SQL_ARCHIVE_ERASE_CONTACT,
	SQL_ARCHIVE_ERASE_BEFORE,
	SQL_ARCHIVE_ERASE_SURPLUS,
	SQL_COUNT,
};

struct local_store {
	struct database *db;
};

/* The row of the user. 1: there is one; 0: none, and none was made. */
int local_owner(struct local_store *store, const char *user, bool make, int64_t *owner,
		struct err *err);

#endif
