/* Tests of xmpp/secret_file.c. */
#include "tests/scenario/fake_env.h"
#include "xmpp/secret_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	struct fake_clock *clock;
	struct fake_env *fake;
	char directory[64];
	char path[96];
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->directory, "/tmp/tacet-secret-XXXXXX");
	if (!mkdtemp(place->directory))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/secret", place->directory);
	place->clock = fake_clock_new(1);
	place->fake = fake_env_new(place->clock);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	rmdir(place->directory);
	fake_env_free(&place->fake);
	fake_clock_free(&place->clock);
	free(place);
	return 0;
}

static void write_file(const char *path, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	while (len--)
		fputc('x', file);
	fclose(file);
}

static void test_made_once_and_kept(void **state)
{
	struct place *place = *state;
	const struct env *env = fake_env_env(place->fake);
	struct key first, second;
	struct stat info;
	struct err err;

	assert_int_equal(secret_file_load(env, place->path, &first, &err), 0);
	assert_false(secret_is_zero(first.bytes, KEY_LEN));
	assert_int_equal(stat(place->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(secret_file_load(env, place->path, &second, &err), 0);
	assert_memory_equal(first.bytes, second.bytes, KEY_LEN);
}

/* Made anew in silence, it would look like a good one; somebody has to look. */
static void test_wrong_length(void **state)
{
	static const size_t lengths[] = {0, KEY_LEN - 1, KEY_LEN + 1, 1000};
	struct place *place = *state;
	struct key secret;
	struct err err;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		write_file(place->path, lengths[i]);
		assert_int_equal(
		    secret_file_load(fake_env_env(place->fake), place->path, &secret, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

static void test_no_such_directory(void **state)
{
	struct place *place = *state;
	struct key secret;
	struct err err;

	assert_int_equal(
	    secret_file_load(fake_env_env(place->fake), "/nonexistent/secret", &secret, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_made_once_and_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_wrong_length, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_no_such_directory, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
