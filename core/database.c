/*
 * database.c: makes, opens, checks and migrates a database file.
 *
 * Neighbours: database_sql.c (statements, transactions, values).
 *
 * The file is in WAL mode and locked by this process alone. It is made under another name and then
 * renamed, so that an empty or half-made file is never ours: it is damage.
 */
#include "core/database_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long to wait for a lock, in ms: the process before us may still be ending. */
#define LOCK_WAIT_MS 2000
/* SQLite's default, which we make our files with. */
#define PAGE_SIZE 4096
/* Longest path, with room for the endings that are put to it. */
#define PATH_SIZE 4096

static int run_text(struct database *db, const char *sql, const char *doing, struct err *err)
{
	if (sqlite3_exec(db->connection, sql, NULL, NULL, NULL) != SQLITE_OK)
		return database_error(db, doing, err);
	return 0;
}

/* The first column of the first row of sql, as a number. */
static int read_number(struct database *db, const char *sql, int *number, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int result = -1;

	if (sqlite3_prepare_v2(db->connection, sql, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW) {
		database_error(db, "read", err);
	} else {
		*number = sqlite3_column_int(statement, 0);
		result = 0;
	}
	sqlite3_finalize(statement);
	return result;
}

/* Is every page where it should be? */
static int check_pages(struct database *db, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int result = -1;

	if (sqlite3_prepare_v2(db->connection, "PRAGMA quick_check(1)", -1, &statement, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		database_error(db, "check", err);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		err_set(err, ERR_INPUT, "check: %s",
			(const char *)sqlite3_column_text(statement, 0));
	else
		result = 0;
	sqlite3_finalize(statement);
	return result;
}

static const struct seal_place check_place = {.column = "seal_check.value"};
static const char check_value[] = "tacet";

static int write_seal_check(struct database *db, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int result = -1;

	if (run_text(db, "CREATE TABLE seal_check (value BLOB NOT NULL)", "seal", err) < 0)
		return -1;
	if (sqlite3_prepare_v2(db->connection, "INSERT INTO seal_check (value) VALUES (?1)", -1,
			       &statement, NULL) != SQLITE_OK)
		database_error(db, "seal", err);
	else if (database_bind_sealed(db, statement, 1, &check_place, check_value,
				      sizeof(check_value), err) == 0)
		result = database_run(db, statement, "seal", err);
	sqlite3_finalize(statement);
	return result;
}

/* Was the file sealed with our key? */
static int compare_check(struct database *db, sqlite3_stmt *row, struct err *err)
{
	char value[sizeof(check_value)];

	switch (database_unseal_bytes(db, row, 0, &check_place, value, sizeof(value))) {
	case 0:
		return 0;
	case SEAL_NO_MEMORY:
		return err_set(err, ERR_MEMORY, "out of memory");
	default:
		return err_set(err, ERR_AUTH, "it was sealed with another key (see store.key)");
	}
}

static int read_seal_check(struct database *db, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int result = -1;

	if (sqlite3_prepare_v2(db->connection, "SELECT value FROM seal_check", -1, &statement,
			       NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		database_error(db, "read", err);
	else
		result = compare_check(db, statement, err);
	sqlite3_finalize(statement);
	return result;
}

/* Everything that can be found out without writing. */
static int check_file(struct database *db, struct err *err)
{
	int application = 0, version = 0;

	if (check_pages(db, err) < 0 ||
	    read_number(db, "PRAGMA application_id", &application, err) < 0 ||
	    read_number(db, "PRAGMA user_version", &version, err) < 0)
		return -1;
	if (application != db->kind->application_id)
		return err_set(err, ERR_INPUT, "another program's database");
	if (version > db->kind->version)
		return err_set(err, ERR_INPUT, "written by a newer tacet (schema %d, known: %d)",
			       version, db->kind->version);
	if (db->seal != NULL && version >= db->kind->sealed_from)
		return read_seal_check(db, err);
	return 0;
}

/* From one version to the next, within a transaction. */
static int migrate_once(struct database *db, int version, struct err *err)
{
	char set_version[64];

	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", version + 1);
	if (run_text(db, db->kind->migrations[version], "change the schema", err) < 0 ||
	    run_text(db, set_version, "change the schema", err) < 0)
		return -1;
	if (db->seal != NULL && version + 1 == db->kind->sealed_from &&
	    write_seal_check(db, err) < 0)
		return -1;
	return db->kind->migrated != NULL ? db->kind->migrated(db, version, err) : 0;
}

static int migrate(struct database *db, struct err *err)
{
	int version = 0;

	if (read_number(db, "PRAGMA user_version", &version, err) < 0)
		return -1;
	for (; version < db->kind->version; version++) {
		if (database_begin(db, true, err) < 0)
			return -1;
		if (migrate_once(db, version, err) < 0) {
			database_rollback(db);
			return -1;
		}
		if (database_commit(db, err) < 0)
			return -1;
	}
	return 0;
}

static void disconnect(struct database *db)
{
	for (size_t i = 0; i < OWN_COUNT; i++) {
		sqlite3_finalize(db->own[i]);
		db->own[i] = NULL;
	}
	for (size_t i = 0; db->statements != NULL && i < db->kind->sql_count; i++) {
		sqlite3_finalize(db->statements[i]);
		db->statements[i] = NULL;
	}
	sqlite3_close(db->connection);
	db->connection = NULL;
}

/* Open the file as it is; nothing is written, not even at a close without more. */
static int connect_file(struct database *db, const char *path, struct err *err)
{
	int result = sqlite3_open_v2(path, &db->connection,
				     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (db->connection == NULL)
		return err_set(err, ERR_MEMORY, "open: out of memory");
	if (result != SQLITE_OK)
		return database_error(db, "open", err);
	db->durable = true; /* SQLite's own default */
	sqlite3_extended_result_codes(db->connection, 1);
	sqlite3_busy_timeout(db->connection, LOCK_WAIT_MS);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return run_text(db,
			"PRAGMA locking_mode = EXCLUSIVE;"
			"PRAGMA temp_store = MEMORY;"
			"PRAGMA foreign_keys = ON;"
			"PRAGMA secure_delete = ON;",
			"configure", err);
}

static int make_schema(struct database *db, struct err *err)
{
	char mark[128];

	/* No journal on the disk: a file that was not finished is thrown away. */
	snprintf(mark, sizeof(mark),
		 "PRAGMA page_size = %d; PRAGMA journal_mode = MEMORY; PRAGMA application_id = %d;",
		 PAGE_SIZE, db->kind->application_id);
	if (run_text(db, mark, "make", err) < 0)
		return -1;
	return migrate(db, err);
}

/* The file exists and is whole: write to it from now on. */
static int enter_wal(struct database *db, struct err *err)
{
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	if (run_text(db, "PRAGMA journal_mode = WAL;", "open the log", err) < 0 ||
	    database_set_durable(db, false, err) < 0 || migrate(db, err) < 0)
		return -1;
	/* It changes nothing, but a file that cannot be written shows now and not at midnight. */
	if (database_begin(db, false, err) < 0 || database_commit(db, err) < 0)
		return -1;
	/* The pages that a migration has replaced are to be in none of the files. */
	return database_scrub(db, err);
}

static int join(char out[PATH_SIZE], const char *path, const char *ending, struct err *err)
{
	if (snprintf(out, PATH_SIZE, "%s%s", path, ending) >= PATH_SIZE)
		return err_set(err, ERR_LIMIT, "the path is too long");
	return 0;
}

/* Make the rename last. */
static void sync_directory(const char *path)
{
	char directory[PATH_SIZE];
	char *slash = NULL;
	int fd;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (slash == NULL)
		snprintf(directory, sizeof(directory), ".");
	else
		slash[slash == directory] = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/* Make the database under another name, and give it its own only when it is whole. */
static int make_file(struct database *db, const char *path, struct err *err)
{
	char fresh[PATH_SIZE], log[PATH_SIZE];
	int fd, made;

	if (join(fresh, path, ".new", err) < 0 || join(log, path, "-wal", err) < 0)
		return -1;
	if (access(log, F_OK) == 0)
		return err_set(err, ERR_INPUT,
			       "missing, but its log (-wal) is there: put the "
			       "database back, or remove the log to begin anew");
	unlink(fresh);
	fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot be made: %s", strerror(errno));
	close(fd);
	made = connect_file(db, fresh, err) < 0 ? -1 : make_schema(db, err);
	disconnect(db);
	if (made == 0 && rename(fresh, path) < 0)
		made = err_set(err, ERR_UNAVAILABLE, "cannot be made: %s", strerror(errno));
	if (made < 0)
		unlink(fresh);
	else
		sync_directory(path);
	return made;
}

/* SQLite fills a last page that is cut with zeros; when there is a log the page is in there. */
static int check_length(const char *path, off_t len, struct err *err)
{
	char log[PATH_SIZE];
	struct stat info;

	if (join(log, path, "-wal", err) < 0)
		return -1;
	if (len % PAGE_SIZE != 0 && (stat(log, &info) < 0 || info.st_size == 0))
		return err_set(err, ERR_INPUT, "the file is truncated");
	return 0;
}

static int open_file(struct database *db, const char *path, struct err *err)
{
	struct stat info;

	if (stat(path, &info) < 0) {
		if (errno != ENOENT)
			return err_set(err, ERR_UNAVAILABLE, "%s", strerror(errno));
		if (make_file(db, path, err) < 0)
			return -1;
		info.st_size = 0;
	} else if (!S_ISREG(info.st_mode)) {
		return err_set(err, ERR_INPUT, "not a file");
	} else if (info.st_size == 0) {
		return err_set(err, ERR_INPUT, "the file is empty");
	}
	if (connect_file(db, path, err) < 0 || check_file(db, err) < 0 ||
	    check_length(path, info.st_size, err) < 0)
		return -1;
	/* Keys are inside: whoever widened the mode did not mean it. The log takes the same mode.
	 */
	if (chmod(path, 0600) < 0)
		return err_set(err, ERR_UNAVAILABLE, "set the mode: %s", strerror(errno));
	return enter_wal(db, err);
}

static int open_memory(struct database *db, const char *path, struct err *err)
{
	if (connect_file(db, path, err) < 0)
		return -1;
	return make_schema(db, err);
}

/* What the user can do about it, by the kind of failure. */
static void advise(const char *path, struct err *err)
{
	char why[ERR_TEXT_SIZE];

	snprintf(why, sizeof(why), "%s", err->text);
	if (err->code == ERR_INPUT)
		err_set(err, ERR_INPUT,
			"database %s: %s; it was left as it is: put back a copy, or move it away "
			"to begin anew",
			path, why);
	else
		err_set(err, err->code, "database %s: %s", path, why);
}

static int start(struct database *db, const struct key *store_key, struct err *err)
{
	db->statements = calloc(db->kind->sql_count, sizeof(sqlite3_stmt *));
	if (db->kind->use != NULL && store_key == NULL)
		return err_set(err, ERR_INPUT, "it cannot be read without a key");
	if (db->kind->use != NULL)
		db->seal = seal_new(store_key, db->kind->use);
	if (db->statements == NULL || (db->kind->use != NULL && db->seal == NULL))
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

struct database *database_open(const char *path, const struct database_kind *kind,
			       const struct key *store_key, struct err *err)
{
	struct database *db = calloc(1, sizeof(*db));
	struct err why = {0};
	int result;

	if (db == NULL) {
		err_set(err, ERR_MEMORY, "database: out of memory");
		return NULL;
	}
	db->kind = kind;
	result = start(db, store_key, &why);
	if (result == 0)
		result = strcmp(path, ":memory:") == 0 ? open_memory(db, path, &why)
						       : open_file(db, path, &why);
	if (result == 0)
		return db;
	advise(path, &why);
	if (err != NULL)
		*err = why;
	database_free(&db);
	return NULL;
}

void database_free(struct database **db)
{
	if (*db == NULL)
		return;
	disconnect(*db);
	free((*db)->statements);
	seal_free(&(*db)->seal);
	free(*db);
	*db = NULL;
}
