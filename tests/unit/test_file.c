/* test_file.c: files replaced as a whole, and what is left when that cannot be done. */
#include "core/base/file.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char top[] = "/tmp/test_file.XXXXXX";

static const char *in_top(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static void assert_content(const char *name, const char *expected, unsigned mode)
{
	char text[100] = "";
	struct stat info;
	FILE *file = fopen(in_top(name), "r");

	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, file), strlen(expected));
	assert_string_equal(text, expected);
	assert_int_equal(fstat(fileno(file), &info), 0);
	assert_int_equal(info.st_mode & 07777, mode);
	fclose(file);
	/* Nothing is left on the way. */
	strcat(strcpy(text, name), ".new");
	assert_int_equal(access(in_top(text), F_OK), -1);
}

static void test_replace(void **state)
{
	FILE *file;

	(void)state;
	assert_int_equal(file_replace(in_top("a"), 0600, "one", 3, NULL), 0);
	assert_content("a", "one", 0600);
	assert_int_equal(file_replace(in_top("a"), 0644, "", 0, NULL), 0);
	assert_content("a", "", 0644);
	/* One left from a crash, longer and open to all. */
	file = fopen(in_top("a.new"), "w");
	fputs("half of another", file);
	fclose(file);
	assert_int_equal(file_replace(in_top("a"), 0600, "two", 3, NULL), 0);
	assert_content("a", "two", 0600);
	/* A link that somebody has put there is replaced, not followed. */
	assert_int_equal(symlink("a", in_top("b.new")), 0);
	assert_int_equal(file_replace(in_top("b"), 0600, "three", 5, NULL), 0);
	assert_content("b", "three", 0600);
	assert_content("a", "two", 0600);
	unlink(in_top("a"));
	unlink(in_top("b"));
}

static void test_relative(void **state)
{
	(void)state;
	assert_int_equal(chdir(top), 0);
	assert_int_equal(file_replace("here", 0600, "x", 1, NULL), 0);
	assert_content("here", "x", 0600);
	unlink("here");
	assert_int_equal(chdir("/"), 0);
}

static void test_refused(void **state)
{
	static char too_long[PATH_MAX + 10];
	struct err err;

	(void)state;
	assert_int_equal(file_replace(in_top("none/a"), 0600, "x", 1, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "none/a"));
	memset(too_long, 'a', sizeof(too_long) - 1);
	assert_int_equal(file_replace(too_long, 0600, "x", 1, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	/* A folder stands where the file should be: what is there stays. */
	assert_int_equal(mkdir(in_top("folder"), 0700), 0);
	assert_int_equal(mkdir(in_top("folder/inner"), 0700), 0);
	assert_int_equal(file_replace(in_top("folder"), 0600, "x", 1, &err), -1);
	assert_int_equal(access(in_top("folder/inner"), F_OK), 0);
	assert_int_equal(access(in_top("folder.new"), F_OK), -1);
	rmdir(in_top("folder/inner"));
	rmdir(in_top("folder"));
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(top) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_replace),
	    cmocka_unit_test(test_relative),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
