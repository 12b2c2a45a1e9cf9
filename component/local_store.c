/*
 * local_store.c: the file of the local server, its schema, its users and their items.
 *
 * Neighbours: core/database.h (the file), archive_store.c (the archive's rows).
 */
#include "component/local_store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "tacl": tells our files from other programs' SQLite files. */
#define APPLICATION_ID 0x7461636c

/* Each takes the schema from the version of its index to the next. Never change one that has been
 * released: add another. */
static const char *const migrations[] = {
    /* Names and values are sealed (place_of and its neighbours). items, bytes: what the user has.
     */
    "CREATE TABLE owner ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name BLOB NOT NULL UNIQUE,"
    " items INTEGER NOT NULL DEFAULT 0,"
    " bytes INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE item ("
    " sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
    " owner INTEGER NOT NULL REFERENCES owner ON DELETE CASCADE,"
    " space BLOB NOT NULL,"
    " node BLOB NOT NULL,"
    " id BLOB NOT NULL,"
    " value BLOB NOT NULL,"
    " UNIQUE (owner, space, node, id));"
    "CREATE TRIGGER item_added AFTER INSERT ON item BEGIN"
    " UPDATE owner SET items = items + 1, bytes = bytes + length(NEW.value)"
    " WHERE id = NEW.owner; END;"
    "CREATE TRIGGER item_removed AFTER DELETE ON item BEGIN"
    " UPDATE owner SET items = items - 1, bytes = bytes - length(OLD.value)"
    " WHERE id = OLD.owner; END;",
    /* The archive (archive_store.c); all but the times is sealed. */
    "CREATE TABLE archive ("
    " place INTEGER PRIMARY KEY AUTOINCREMENT,"
    " owner INTEGER NOT NULL REFERENCES owner ON DELETE CASCADE,"
    " id BLOB NOT NULL,"
    " contact BLOB NOT NULL,"
    " mark BLOB NOT NULL,"
    " stamp_ms INTEGER NOT NULL,"
    " message BLOB NOT NULL,"
    " UNIQUE (owner, id));"
    "CREATE INDEX archive_all ON archive (owner, place, stamp_ms);"
    "CREATE INDEX archive_contact ON archive (owner, contact, place, stamp_ms);"
    "CREATE INDEX archive_mark ON archive (owner, contact, mark);",
};

/* ?1: owner, then struct archive_span. */
#define SPAN                                                                                       \
	" FROM archive WHERE owner = ?1 AND place > ?2 AND place < ?3 AND stamp_ms >= ?4"          \
	" AND stamp_ms <= ?5"
#define WITH_CONTACT " AND contact = ?6"
#define ROW          "SELECT id, contact, stamp_ms, message"

static const char *const local_sql[SQL_COUNT] = {
    [SQL_OWNER_ADD] = "INSERT INTO owner (name) VALUES (?1)",
    [SQL_OWNER] = "SELECT id FROM owner WHERE name = ?1",
    [SQL_OWNER_SIZE] = "SELECT items, bytes FROM owner WHERE id = ?1",
    [SQL_OWNER_REMOVE] = "DELETE FROM owner WHERE id = ?1",
    [SQL_ITEM_ADD] = "INSERT INTO item (owner, space, node, id, value)"
		     " VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_ITEM_GET] = "SELECT value FROM item WHERE owner = ?1 AND space = ?2 AND node = ?3"
		     " AND id = ?4",
    [SQL_ITEM_REMOVE] = "DELETE FROM item WHERE owner = ?1 AND space = ?2 AND node = ?3"
			" AND id = ?4",
    [SQL_ITEMS] = "SELECT id, value FROM item WHERE owner = ?1 AND space = ?2 AND node = ?3"
		  " ORDER BY sequence",
    [SQL_NODES] = "SELECT DISTINCT node FROM item WHERE owner = ?1 AND space = ?2",
    [SQL_NODE_REMOVE] = "DELETE FROM item WHERE owner = ?1 AND space = ?2 AND node = ?3",
    [SQL_ARCHIVE_ADD] = "INSERT OR IGNORE INTO archive (owner, id, contact, mark, stamp_ms,"
			" message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_ARCHIVE_MARKED] = "SELECT place, id FROM archive WHERE owner = ?1 AND contact = ?2"
			   " AND mark = ?3 ORDER BY place DESC LIMIT 1",
    [SQL_ARCHIVE_REPLACE] = "UPDATE archive SET message = ?2, mark = ?3 WHERE place = ?1",
    [SQL_ARCHIVE_FIND] = "SELECT place, id FROM archive WHERE owner = ?1 AND id = ?2",
    [SQL_ARCHIVE_FORWARDS] = ROW SPAN " ORDER BY place LIMIT -1 OFFSET ?7",
    [SQL_ARCHIVE_CONTACT_FORWARDS] = ROW SPAN WITH_CONTACT " ORDER BY place LIMIT -1 OFFSET ?7",
    [SQL_ARCHIVE_BACKWARDS] = ROW SPAN " ORDER BY place DESC",
    [SQL_ARCHIVE_CONTACT_BACKWARDS] = ROW SPAN WITH_CONTACT " ORDER BY place DESC",
    [SQL_ARCHIVE_COUNT] = "SELECT count(*)" SPAN,
    [SQL_ARCHIVE_CONTACT_COUNT] = "SELECT count(*)" SPAN WITH_CONTACT,
    [SQL_ARCHIVE_ERASE_CONTACT] = "DELETE FROM archive WHERE owner = ?1 AND contact = ?2",
    [SQL_ARCHIVE_ERASE_BEFORE] = "DELETE FROM archive WHERE owner = ?1 AND stamp_ms < ?2",
    [SQL_ARCHIVE_ERASE_SURPLUS] = "DELETE FROM archive WHERE owner = ?1 AND place <="
				  " (SELECT place FROM archive WHERE owner = ?1"
				  " ORDER BY place DESC LIMIT 1 OFFSET ?2)",
    [SQL_SPACE_REMOVE] = "DELETE FROM item WHERE owner = ?1 AND space = ?2",
};

static const struct database_kind kind = {
    .application_id = APPLICATION_ID,
    .migrations = migrations,
    .version = (int)(sizeof(migrations) / sizeof(migrations[0])),
    .sql = local_sql,
    .sql_count = SQL_COUNT,
    .use = "local",
    .sealed_from = 1,
};

struct local_store *local_store_open(const char *path, const struct key *store_key, struct err *err)
{
	struct local_store *store = calloc(1, sizeof(*store));

	if (!store) {
		err_set(err, ERR_MEMORY, "database: out of memory");
		return NULL;
	}
	store->db = database_open(path, &kind, store_key, err);
	if (!store->db)
		local_store_free(&store);
	return store;
}

void local_store_free(struct local_store **store)
{
	if (!*store)
		return;
	database_free(&(*store)->db);
	free(*store);
	*store = NULL;
}

int local_store_begin(struct local_store *store, struct err *err)
{
	return database_begin(store->db, false, err);
}

int local_store_commit(struct local_store *store, struct err *err)
{
	return database_commit(store->db, err);
}

void local_store_rollback(struct local_store *store)
{
	database_rollback(store->db);
}

int local_store_scrub(struct local_store *store, struct err *err)
{
	return database_scrub(store->db, err);
}

/* --- users --- */

static int find_owner(struct local_store *store, enum local_statement which, const char *user,
		      sqlite3_stmt **statement, struct err *err)
{
	const struct seal_place place = {.column = "owner.name"};

	*statement = database_statement(store->db, which, err);
	if (!*statement ||
	    database_bind_sealed(store->db, *statement, 1, &place, user, strlen(user), err))
		return -1;
	return database_step(store->db, *statement, "find the user", err);
}

int local_owner(struct local_store *store, const char *user, bool make, int64_t *owner,
		struct err *err)
{
	sqlite3_stmt *statement;
	int row = find_owner(store, SQL_OWNER, user, &statement, err);

	if (row == 1) {
		*owner = sqlite3_column_int64(statement, 0);
		database_done(statement);
	}
	if (row != 0 || !make)
		return row;
	if (find_owner(store, SQL_OWNER_ADD, user, &statement, err))
		return -1;
	*owner = database_last_id(store->db);
	return 1;
}

int local_user_remove(struct local_store *store, const char *user, struct err *err)
{
	sqlite3_stmt *statement;
	int64_t owner;
	int found = local_owner(store, user, false, &owner, err);

	if (found != 1)
		return found;
	statement = database_statement(store->db, SQL_OWNER_REMOVE, err);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, owner);
	return database_run(store->db, statement, "remove the user", err);
}

/* --- the address of an item --- */

/* Where its names and its value are sealed: each within those before it. */
struct address {
	int64_t owner;
	char names[3 * (LOCAL_NAME_MAX + 1)]; /* space, node and id, each with its NUL */
	size_t starts[4];                     /* of each in names, and the end */
	int count;
};

/* node, or node and id, may be NULL. */
static int make_address(struct address *address, int64_t owner, const char *space, const char *node,
			const char *id, struct err *err)
{
	const char *const names[] = {space, node, id};

	address->owner = owner;
	address->count = 0;
	address->starts[0] = 0;
	for (int i = 0; i < 3 && names[i]; i++) {
		size_t len = strlen(names[i]) + 1, start = address->starts[i];

		if (len > LOCAL_NAME_MAX + 1)
			return err_set(err, ERR_LIMIT, "a name is longer than %d bytes",
				       LOCAL_NAME_MAX);
		memcpy(address->names + start, names[i], len);
		address->starts[i + 1] = start + len;
		address->count = i + 1;
	}
	return 0;
}

/* The place of its i-th name; 3: of the value. */
static struct seal_place place_of(const struct address *address, int i)
{
	static const char *const columns[] = {"item.space", "item.node", "item.id", "item.value"};

	return (struct seal_place){
	    .column = columns[i],
	    .owner = address->owner,
	    .name = address->names,
	    .name_len = address->starts[i],
	};
}

/* The statement with the owner and the names of the address bound; NULL with *err. */
static sqlite3_stmt *prepare(struct local_store *store, enum local_statement which,
			     const struct address *address, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, which, err);

	if (!statement)
		return NULL;
	sqlite3_bind_int64(statement, 1, address->owner);
	for (int i = 0; i < address->count; i++) {
		const struct seal_place place = place_of(address, i);
		const char *name = address->names + address->starts[i];

		if (database_bind_sealed(store->db, statement, 2 + i, &place, name, strlen(name),
					 err))
			return NULL;
	}
	return statement;
}

/* 1: the user has a row, and the statement is ready; 0: the user has nothing. */
static int ready(struct local_store *store, enum local_statement which, const char *user,
		 struct address *address, const char *const names[3], sqlite3_stmt **statement,
		 struct err *err)
{
	int64_t owner;
	int found = local_owner(store, user, false, &owner, err);

	if (found != 1)
		return found;
	if (make_address(address, owner, names[0], names[1], names[2], err))
		return -1;
	*statement = prepare(store, which, address, err);
	return *statement ? 1 : -1;
}

/* --- items --- */

static int check_room(struct local_store *store, int64_t owner, size_t len, struct err *err)
{
	sqlite3_stmt *statement = database_statement(store->db, SQL_OWNER_SIZE, err);
	int64_t items, bytes;

	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, owner);
	if (database_step(store->db, statement, "read the size", err) != 1)
		return -1;
	items = sqlite3_column_int64(statement, 0);
	bytes = sqlite3_column_int64(statement, 1);
	database_done(statement);
	if (items >= LOCAL_ITEMS_MAX || bytes + (int64_t)len > LOCAL_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the account has too many items");
	return 0;
}

static int set_item(struct local_store *store, const char *user, const char *const names[3],
		    const void *value, size_t len, struct err *err)
{
	struct address address;
	struct seal_place place;
	sqlite3_stmt *statement;
	int64_t owner = 0;

	if (local_owner(store, user, true, &owner, err) != 1 ||
	    make_address(&address, owner, names[0], names[1], names[2], err))
		return -1;
	statement = prepare(store, SQL_ITEM_REMOVE, &address, err);
	if (!statement || database_run(store->db, statement, "store the item", err) ||
	    check_room(store, owner, len, err))
		return -1;
	statement = prepare(store, SQL_ITEM_ADD, &address, err);
	place = place_of(&address, 3);
	if (!statement || database_bind_sealed(store->db, statement, 5, &place, value, len, err))
		return -1;
	return database_run(store->db, statement, "store the item", err);
}

int local_item_set(struct local_store *store, const char *user, const char *space, const char *node,
		   const char *id, const void *value, size_t len, struct err *err)
{
	const char *const names[] = {space, node, id};
	bool own = !database_in_transaction(store->db);

	if (len > LOCAL_VALUE_MAX)
		return err_set(err, ERR_LIMIT, "the item is longer than %zu bytes",
			       LOCAL_VALUE_MAX);
	if (own && local_store_begin(store, err))
		return -1;
	if (set_item(store, user, names, value, len, err)) {
		if (own)
			local_store_rollback(store);
		return -1;
	}
	return own ? local_store_commit(store, err) : 0;
}

int local_item_read(struct local_store *store, const char *user, const char *space,
		    const char *node, const char *id, void **value, size_t *len, struct err *err)
{
	const char *const names[] = {space, node, id};
	struct address address;
	struct seal_place place;
	sqlite3_stmt *statement;
	int found = ready(store, SQL_ITEM_GET, user, &address, names, &statement, err);

	*value = NULL;
	*len = 0;
	if (found == 1)
		found = database_step(store->db, statement, "read the item", err);
	if (found != 1)
		return found;
	place = place_of(&address, 3);
	*value = database_unseal(store->db, statement, 0, &place, len);
	database_done(statement);
	return *value ? 1 : err_set(err, ERR_CRYPTO, "the item cannot be read");
}

void *local_item_get(struct local_store *store, const char *user, const char *space,
		     const char *node, const char *id, size_t *len)
{
	void *value;

	local_item_read(store, user, space, node, id, &value, len, NULL);
	return value;
}

/* Run a statement that removes what is at the address. */
static int remove_at(struct local_store *store, enum local_statement which, const char *user,
		     const char *const names[3], struct err *err)
{
	struct address address;
	sqlite3_stmt *statement;
	int found = ready(store, which, user, &address, names, &statement, err);

	if (found != 1)
		return found;
	if (database_run(store->db, statement, "remove the item", err))
		return -1;
	return database_changes(store->db) > 0;
}

int local_item_remove(struct local_store *store, const char *user, const char *space,
		      const char *node, const char *id, struct err *err)
{
	return remove_at(store, SQL_ITEM_REMOVE, user, (const char *const[]){space, node, id}, err);
}

int local_node_remove(struct local_store *store, const char *user, const char *space,
		      const char *node, struct err *err)
{
	const char *const names[] = {space, node, NULL};

	return remove_at(store, SQL_NODE_REMOVE, user, names, err) < 0 ? -1 : 0;
}

int local_space_remove(struct local_store *store, const char *user, const char *space,
		       struct err *err)
{
	const char *const names[] = {space, NULL, NULL};

	return remove_at(store, SQL_SPACE_REMOVE, user, names, err) < 0 ? -1 : 0;
}

/* --- walks --- */

struct walk {
	const struct address *address; /* of what is walked through */
	int (*item)(void *arg, const char *id, const void *value, size_t len);
	int (*node)(void *arg, const char *node); /* this, or item */
	void *arg;
};

static int malformed(struct err *err)
{
	return err_set(err, ERR_INPUT, "read the items: a row is damaged");
}

/* name: the node or id in the row. */
static int visit_value(struct local_store *store, sqlite3_stmt *row, const struct walk *walk,
		       const char *name, struct err *err)
{
	struct address address = *walk->address;
	struct seal_place place;
	size_t end = address.starts[2], len;
	void *value;
	int result;

	snprintf(address.names + end, LOCAL_NAME_MAX + 1, "%s", name);
	address.starts[3] = end + strlen(name) + 1;
	place = place_of(&address, 3);
	value = database_unseal(store->db, row, 1, &place, &len);
	if (!value)
		return malformed(err);
	result = walk->item(walk->arg, name, value, len);
	secret_free(value, len);
	return result;
}

static int visit(struct local_store *store, sqlite3_stmt *row, const struct walk *walk,
		 struct err *err)
{
	const struct seal_place place = place_of(walk->address, walk->address->count);
	char name[LOCAL_NAME_MAX + 1];

	if (database_unseal_text(store->db, row, 0, &place, name, LOCAL_NAME_MAX))
		return malformed(err);
	return walk->node ? walk->node(walk->arg, name) : visit_value(store, row, walk, name, err);
}

static int walk_rows(struct local_store *store, sqlite3_stmt *statement, const struct walk *walk,
		     struct err *err)
{
	int row;

	while ((row = database_step(store->db, statement, "read the items", err)) == 1)
		if (visit(store, statement, walk, err) < 0) {
			database_done(statement);
			return -1;
		}
	return row;
}

int local_items(struct local_store *store, const char *user, const char *space, const char *node,
		int (*each)(void *arg, const char *id, const void *value, size_t len), void *arg,
		struct err *err)
{
	const char *const names[] = {space, node, NULL};
	struct address address;
	const struct walk walk = {.address = &address, .item = each, .arg = arg};
	sqlite3_stmt *statement;
	int found = ready(store, SQL_ITEMS, user, &address, names, &statement, err);

	return found == 1 ? walk_rows(store, statement, &walk, err) : found;
}

int local_nodes(struct local_store *store, const char *user, const char *space,
		int (*each)(void *arg, const char *node), void *arg, struct err *err)
{
	const char *const names[] = {space, NULL, NULL};
	struct address address;
	const struct walk walk = {.address = &address, .node = each, .arg = arg};
	sqlite3_stmt *statement;
	int found = ready(store, SQL_NODES, user, &address, names, &statement, err);

	return found == 1 ? walk_rows(store, statement, &walk, err) : found;
}
