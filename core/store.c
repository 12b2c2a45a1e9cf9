/*
 * store.c: makes, opens, checks and migrates the database.
 *
 * Neighbours: store_sql.c (statements, transactions), store_rows.c and store_message.c (the rows).
 *
 * The file is in WAL mode and locked by this process alone. It is made under another name and then
 * renamed, so that an empty or half-made file is never ours: it is damage.
 */
#include "core/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "tace": tells our files from other programs' SQLite files. */
#define APPLICATION_ID 0x74616365
/* How long to wait for a lock, in ms: the process before us may still be ending. */
#define LOCK_WAIT_MS 2000
/* SQLite's default, which we make our files with. */
#define PAGE_SIZE 4096
/* Longest path, with room for the endings that are put to it. */
#define PATH_SIZE 4096

/* A key of zeros, in SQL. */
#define NO_KEY "x'0000000000000000000000000000000000000000000000000000000000000000'"

/* Each takes the schema from the version of its index to the next. Never change one that has been
 * released: add another. */
static const char *const migrations[] = {
    "CREATE TABLE account ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " private_key BLOB NOT NULL);"
    "CREATE TABLE setting ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " key TEXT NOT NULL,"
    " value BLOB NOT NULL,"
    " PRIMARY KEY (account, key));"
    "CREATE TABLE contact ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " public_key BLOB NOT NULL,"
    " name TEXT NOT NULL,"
    " secret BLOB NOT NULL,"
    " out_sequence INTEGER NOT NULL,"
    " in_sequence INTEGER NOT NULL,"
    " in_issued_ms INTEGER NOT NULL,"
    " out_handshake_ms INTEGER NOT NULL,"
    " in_handshake_ms INTEGER NOT NULL,"
    " out_id INTEGER NOT NULL,"
    " in_id INTEGER NOT NULL,"
    " UNIQUE (account, public_key));"
    "CREATE TABLE contact_setting ("
    " contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
    " key TEXT NOT NULL,"
    " value BLOB NOT NULL,"
    " PRIMARY KEY (contact, key));"
    "CREATE TABLE outbox ("
    " contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
    " id INTEGER NOT NULL,"
    " sent_ms INTEGER NOT NULL,"
    " payload BLOB NOT NULL,"
    " PRIMARY KEY (contact, id));"
    "CREATE TABLE inbox ("
    " contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
    " id INTEGER NOT NULL,"
    " sent_ms INTEGER NOT NULL,"
    " payload BLOB NOT NULL,"
    " PRIMARY KEY (contact, id));",
    /* Invitations, and what comes of them. guest: who used a one-time one (store.h), else empty. */
    "CREATE TABLE invitation ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " secret BLOB NOT NULL,"
    " name TEXT NOT NULL,"
    " reusable INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL,"
    " used INTEGER NOT NULL,"
    " guest BLOB NOT NULL,"
    " sequence INTEGER NOT NULL);"
    "CREATE TABLE request ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " public_key BLOB NOT NULL,"
    " name TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " secret BLOB NOT NULL,"
    " since_ms INTEGER NOT NULL,"
    " PRIMARY KEY (account, public_key));"
    "CREATE TABLE blocked ("
    " account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,"
    " public_key BLOB NOT NULL,"
    " PRIMARY KEY (account, public_key));"
    "CREATE TABLE introduction ("
    " contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,"
    " secret BLOB NOT NULL,"
    " own_name TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " expires_ms INTEGER NOT NULL);",
    /* Renewal of pair secrets, and the phrase to compare. Zeros: there is none. */
    "ALTER TABLE contact ADD COLUMN next_secret BLOB NOT NULL DEFAULT " NO_KEY ";"
    "ALTER TABLE contact ADD COLUMN verification BLOB NOT NULL DEFAULT " NO_KEY ";"
    "ALTER TABLE contact ADD COLUMN secret_serial INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE contact ADD COLUMN renewed_ms INTEGER NOT NULL DEFAULT 0;",
};

#define SCHEMA_VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

static int run_text(struct store *store, const char *sql, const char *doing, struct err *err)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_error(store, doing, err);
	return 0;
}

/* The first column of the first row of sql, as a number. */
static int read_number(struct store *store, const char *sql, int *number, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int result = -1;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW) {
		store_error(store, "read", err);
	} else {
		*number = sqlite3_column_int(statement, 0);
		result = 0;
	}
	sqlite3_finalize(statement);
	return result;
}

/* Is every page where it should be? */
static int check_pages(struct store *store, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int result = -1;

	if (sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &statement, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		store_error(store, "check", err);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		err_set(err, ERR_INPUT, "check: %s",
			(const char *)sqlite3_column_text(statement, 0));
	else
		result = 0;
	sqlite3_finalize(statement);
	return result;
}

/* Everything that can be found out without writing. */
static int check_file(struct store *store, struct err *err)
{
	int application = 0, version = 0;

	if (check_pages(store, err) < 0 ||
	    read_number(store, "PRAGMA application_id", &application, err) < 0 ||
	    read_number(store, "PRAGMA user_version", &version, err) < 0)
		return -1;
	if (application != APPLICATION_ID)
		return err_set(err, ERR_INPUT, "another program's database");
	if (version > SCHEMA_VERSION)
		return err_set(err, ERR_INPUT, "written by a newer tacet (schema %d, known: %d)",
			       version, SCHEMA_VERSION);
	return 0;
}

static int migrate(struct store *store, struct err *err)
{
	int version = 0;
	char set_version[64];

	if (read_number(store, "PRAGMA user_version", &version, err) < 0)
		return -1;
	for (; version < SCHEMA_VERSION; version++) {
		snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", version + 1);
		if (store_begin(store, true, err) < 0)
			return -1;
		if (run_text(store, migrations[version], "change the schema", err) < 0 ||
		    run_text(store, set_version, "change the schema", err) < 0) {
			store_rollback(store);
			return -1;
		}
		if (store_commit(store, err) < 0)
			return -1;
	}
	return 0;
}

static void disconnect(struct store *store)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(store->statements[i]);
		store->statements[i] = NULL;
	}
	sqlite3_close(store->db);
	store->db = NULL;
}

/* Open the file as it is; nothing is written, not even at a close without more. */
static int connect_file(struct store *store, const char *path, struct err *err)
{
	int result =
	    sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (store->db == NULL)
		return err_set(err, ERR_MEMORY, "open: out of memory");
	if (result != SQLITE_OK)
		return store_error(store, "open", err);
	sqlite3_extended_result_codes(store->db, 1);
	sqlite3_busy_timeout(store->db, LOCK_WAIT_MS);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return run_text(store,
			"PRAGMA locking_mode = EXCLUSIVE;"
			"PRAGMA temp_store = MEMORY;"
			"PRAGMA foreign_keys = ON;"
			"PRAGMA secure_delete = ON;",
			"configure", err);
}

static int make_schema(struct store *store, struct err *err)
{
	char mark[128];

	/* No journal on the disk: a file that was not finished is thrown away. */
	snprintf(mark, sizeof(mark),
		 "PRAGMA page_size = %d; PRAGMA journal_mode = MEMORY; PRAGMA application_id = %d;",
		 PAGE_SIZE, APPLICATION_ID);
	if (run_text(store, mark, "make", err) < 0)
		return -1;
	return migrate(store, err);
}

/* The file exists and is whole: write to it from now on. */
static int enter_wal(struct store *store, struct err *err)
{
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	if (run_text(store, "PRAGMA journal_mode = WAL;", "open the log", err) < 0 ||
	    store_set_durable(store, false, err) < 0 || migrate(store, err) < 0)
		return -1;
	/* It changes nothing, but a file that cannot be written shows now and not at midnight. */
	if (store_begin(store, false, err) < 0)
		return -1;
	return store_commit(store, err);
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
static int make_file(struct store *store, const char *path, struct err *err)
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
	made = connect_file(store, fresh, err) < 0 ? -1 : make_schema(store, err);
	disconnect(store);
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

static int open_file(struct store *store, const char *path, struct err *err)
{
	struct stat info;

	if (stat(path, &info) < 0) {
		if (errno != ENOENT)
			return err_set(err, ERR_UNAVAILABLE, "%s", strerror(errno));
		if (make_file(store, path, err) < 0)
			return -1;
		info.st_size = 0;
	} else if (!S_ISREG(info.st_mode)) {
		return err_set(err, ERR_INPUT, "not a file");
	} else if (info.st_size == 0) {
		return err_set(err, ERR_INPUT, "the file is empty");
	}
	if (connect_file(store, path, err) < 0 || check_file(store, err) < 0 ||
	    check_length(path, info.st_size, err) < 0)
		return -1;
	/* Keys are inside: whoever widened the mode did not mean it. The log takes the same mode.
	 */
	if (chmod(path, 0600) < 0)
		return err_set(err, ERR_UNAVAILABLE, "set the mode: %s", strerror(errno));
	return enter_wal(store, err);
}

static int open_memory(struct store *store, const char *path, struct err *err)
{
	if (connect_file(store, path, err) < 0)
		return -1;
	return make_schema(store, err);
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

struct store *store_open(const char *path, struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));
	struct err why = {0};
	int result;

	if (store == NULL) {
		err_set(err, ERR_MEMORY, "database: out of memory");
		return NULL;
	}
	store->durable = true; /* SQLite's own default */
	result = strcmp(path, ":memory:") == 0 ? open_memory(store, path, &why)
					       : open_file(store, path, &why);
	if (result == 0)
		return store;
	advise(path, &why);
	if (err != NULL)
		*err = why;
	store_free(&store);
	return NULL;
}

void store_free(struct store **store)
{
	if (*store == NULL)
		return;
	disconnect(*store);
	free(*store);
	*store = NULL;
}
