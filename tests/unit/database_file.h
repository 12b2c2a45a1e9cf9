/*
 * database_file.h: a place for one database file in a directory of the test's own.
 */
#ifndef TESTS_UNIT_DATABASE_FILE_H
#define TESTS_UNIT_DATABASE_FILE_H

struct database_file {
	char directory[64];
	char path[80]; /* in it; there is nothing yet */
};

/* cmocka's setup and teardown of a test; the latter fails when anything but SQLite's files is left
 * in the directory. */
int database_file_make(struct database_file *file);
int database_file_remove(struct database_file *file);

#endif
