/* Tests of text_file.c: what it takes for a text, a line, a secret. */
#include "component/text_file.h"

#include <fcntl.h>
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

static char path[] = "/tmp/test_text_file-XXXXXX";

static void put(const char *text, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void lines(void **state)
{
	static const struct {
		const char *text, *line; /* NULL: refused */
	} cases[] = {
	    {"secret\n", "secret"}, {"secret", "secret"}, {"a b\r\nc\n", "a b"}, {"", NULL},
	    {"\nx\n", NULL},
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *line, *secret;

		put(cases[i].text, strlen(cases[i].text), 0600);
		line = text_file_read_line(path, &err);
		secret = text_file_read_secret(path, &err);
		if (cases[i].line) {
			assert_string_equal(line, cases[i].line);
			assert_string_equal(secret, cases[i].line);
		} else {
			assert_null(line);
			assert_null(secret);
			assert_int_equal(err.code, ERR_INPUT);
		}
		text_wipe(line);
		text_wipe(secret);
	}
	put("a\0b", 3, 0600);
	assert_null(text_file_read(path, &err));
	assert_null(text_file_read("/nonexistent/x", &err));
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_null(text_file_read_secret("/nonexistent/x", &err));
	assert_int_equal(err.code, ERR_SYSTEM);
}

static void modes(void **state)
{
	static const struct {
		mode_t mode;
		int good;
	} cases[] = {{0600, 1}, {0400, 1}, {0640, 1}, {0440, 1}, {0644, 0},
		     {0604, 0}, {0602, 0}, {0660, 0}, {0601, 0}};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *secret;

		put("secret\n", 7, cases[i].mode);
		secret = text_file_read_secret(path, &err);
		assert_int_equal(secret != NULL, cases[i].good);
		if (!secret) {
			assert_int_equal(err.code, ERR_AUTH);
			/* The group may be the daemon's: it goes on reading. */
			assert_non_null(strstr(err.text, "chmod g-w,o= "));
		}
		text_wipe(secret);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(modes)};
	int fd = mkstemp(path), result;

	if (fd < 0)
		return 1;
	close(fd);
	result = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return result;
}
