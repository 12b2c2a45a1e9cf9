/*
 * database_private.h: what the two files of the database share.
 */
#ifndef CORE_DATABASE_PRIVATE_H
#define CORE_DATABASE_PRIVATE_H

#include "core/database.h"

/* The statements that every database has: the index of each text in database_sql.c. */
enum database_own {
	OWN_BEGIN,
	OWN_COMMIT,
	OWN_ROLLBACK,
	OWN_DURABLE,
	OWN_NOT_DURABLE,
	OWN_COUNT,
};

/* Why a file cannot be written: the system's words for it. */
#define DATABASE_TROUBLE_SIZE 128

struct database {
	sqlite3 *connection;
	const struct database_kind *kind;
	struct seal *seal;                   /* NULL: no value is sealed */
	bool durable;                        /* what the connection is set to */
	char trouble[DATABASE_TROUBLE_SIZE]; /* database_trouble */
	void (*watch)(void *arg);
	void *watch_arg;
	sqlite3_stmt *own[OWN_COUNT];
	sqlite3_stmt **statements;
};

/* Should commits from now on reach the disk before they return? */
int database_set_durable(struct database *db, bool durable, struct err *err);

#endif
