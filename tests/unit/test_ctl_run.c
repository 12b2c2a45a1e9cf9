/*
 * Tests of what runs a bot's command: real processes, on a real loop.
 */
#include "component/ctl_run.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Far longer than a shell takes, in ms. */
#define LIMIT_MS  20000
#define TURN_MS   20
#define TURNS_MAX 2000

struct result {
	unsigned count;
	enum ctl_run_end how;
	int status;
	char output[256];
};

static void done(void *arg, enum ctl_run_end how, int status, const char *output, size_t len)
{
	struct result *result = arg;

	result->count++;
	result->how = how;
	result->status = status;
	assert_true(len < sizeof(result->output));
	memcpy(result->output, output, len + 1);
}

/* Run a script for a shell: that is the command here, and asked for. */
static struct result run(const char *script, const char *input, int64_t time_ms, size_t output)
{
	const struct ctl_run_limits limits = {time_ms, output};
	const struct ctl_run_variable variables[] = {{"TACET_FROM", "a 'b' $(c)"}, {NULL, NULL}};
	char *const argv[] = {"sh", "-c", (char *)(uintptr_t)script, NULL};
	struct err err = {0};
	struct loop *loop = loop_new(&err);
	struct result result = {0};
	struct ctl_run *running =
	    ctl_run_new(loop, "/bin/sh", argv, variables, input, &limits, done, &result, &err);

	assert_non_null(running);
	for (int i = 0; i < TURNS_MAX && result.count == 0; i++)
		loop_run_once(loop, TURN_MS);
	loop_run_once(loop, 0);
	assert_int_equal(result.count, 1);
	ctl_run_free(&running);
	loop_free(&loop);
	return result;
}

static void ends(void **state)
{
	static const struct {
		const char *script;
		int64_t time_ms;
		enum ctl_run_end how;
		const char *output;
	} cases[] = {
	    {"cat", LIMIT_MS, RUN_DONE, "hello"},
	    {"echo \"$TACET_FROM\"", LIMIT_MS, RUN_DONE, "a 'b' $(c)\n"},
	    {"exit 3", LIMIT_MS, RUN_FAILED, ""},
	    {"kill -SEGV $$", LIMIT_MS, RUN_FAILED, ""},
	    {"echo begun; sleep 1000 & sleep 1000", 300, RUN_TOO_LONG, "begun\n"},
	    {"trap '' TERM INT HUP; sleep 1000", 300, RUN_TOO_LONG, ""},
	    {"while :; do echo 0123456789; done", LIMIT_MS, RUN_TOO_MUCH, NULL},
	    /* What it leaves holds its output open, and is not waited for. */
	    {"sleep 1000 & echo left", LIMIT_MS, RUN_DONE, "left\n"},
	    {"exec 1>&-; sleep 0.1", LIMIT_MS, RUN_DONE, ""},
	    /* Nothing of ours is open in it but the three. */
	    {"ls /proc/self/fd | grep -c .", LIMIT_MS, RUN_DONE, "4\n"},
	    {"kill -PIPE $$; echo ignored", LIMIT_MS, RUN_FAILED, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result result = run(cases[i].script, "hello", cases[i].time_ms, 200);

		if (result.how != cases[i].how)
			fail_msg("%s: ended as %d", cases[i].script, result.how);
		if (cases[i].output)
			assert_string_equal(result.output, cases[i].output);
	}
}

static void a_long_input(void **state)
{
	char *input = calloc(1, 300001);
	struct result result;

	(void)state;
	memset(input, 'x', 300000);
	result = run("wc -c", input, LIMIT_MS, 200);
	assert_int_equal(result.how, RUN_DONE);
	assert_int_equal(atoi(result.output), 300000);
	/* One who does not read is no trouble. */
	result = run("exec 0<&-; sleep 0.1; echo ok", input, LIMIT_MS, 200);
	assert_int_equal(result.how, RUN_DONE);
	assert_string_equal(result.output, "ok\n");
	free(input);
}

/* What runs in the background is killed as well, at the end and when the run is given up. */
static void children(void **state)
{
	struct result result = run("sleep 1000 & echo $!", "", LIMIT_MS, 200);
	pid_t pid = atoi(result.output);

	(void)state;
	assert_true(pid > 1);
	for (int i = 0; i < TURNS_MAX && kill(pid, 0) == 0; i++)
		usleep(TURN_MS * 1000);
	assert_int_equal(kill(pid, 0), -1);
}

static void given_up(void **state)
{
	const struct ctl_run_limits limits = {LIMIT_MS, 200};
	const struct ctl_run_variable none[] = {{NULL, NULL}};
	char *const argv[] = {"sleep", "1000", NULL};
	struct err err = {0};
	struct loop *loop = loop_new(&err);
	struct result result = {0};
	char *program = ctl_run_find("sleep", &err);
	struct ctl_run *running =
	    ctl_run_new(loop, program, argv, none, "", &limits, done, &result, &err);

	(void)state;
	assert_non_null(running);
	loop_run_once(loop, TURN_MS);
	ctl_run_free(&running);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	loop_run_once(loop, TURN_MS);
	assert_int_equal(result.count, 0);
	loop_free(&loop);
	free(program);
}

static void finding(void **state)
{
	struct err err = {0};
	char *found = ctl_run_find("sh", &err);

	(void)state;
	assert_non_null(found);
	assert_int_equal(found[0], '/');
	free(found);
	assert_null(ctl_run_find("no-such-command-of-tacet", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_null(ctl_run_find("/etc/passwd", &err));
	assert_null(ctl_run_find("./nothing here; rm", &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ends),     cmocka_unit_test(a_long_input), cmocka_unit_test(children),
	    cmocka_unit_test(given_up), cmocka_unit_test(finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
