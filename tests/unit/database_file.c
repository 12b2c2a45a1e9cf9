/*
 * database_file.c: see database_file.h.
 */
#include "tests/unit/database_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int database_file_make(struct database_file *file)
{
	snprintf(file->directory, sizeof(file->directory), "/tmp/tacet-database-XXXXXX");
	if (!mkdtemp(file->directory))
		return -1;
	snprintf(file->path, sizeof(file->path), "%s/test.db", file->directory);
	return 0;
}

int database_file_remove(struct database_file *file)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal", ".new"};
	char name[sizeof(file->path) + 16];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", file->path, endings[i]);
		unlink(name);
	}
	return rmdir(file->directory);
}
