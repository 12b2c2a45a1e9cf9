/*
 * test_tor_group.c: several tors of our own without a network: each in its own directory, one that
 * dies takes no other along, and all end with the group. It runs the real program; without one it
 * is skipped (exit status 77).
 */
#include "core/tor_group.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TORS 3
/* Starting them takes 0.3 s; a lock that must time out 5 s. */
#define TEST_LIMIT_MS 30000

static char top[32], directory[48];
static struct loop *loop;
static struct tor_group *group;
static struct tor_status told; /* the last one */

static void changed(void *arg, const struct tor_status *status)
{
	(void)arg;
	told = *status;
}

static const struct tor_handler handler = {.changed = changed};

/* The process whose torrc is in the number-th's directory; 0: there is none. */
static pid_t find_tor(unsigned number)
{
	char command[160], suffix[16] = "";
	long pid = 0;
	FILE *pipe;

	if (number > 0)
		snprintf(suffix, sizeof(suffix), "-%u", number + 1);
	snprintf(command, sizeof(command),
		 "grep -lsz '^%s%s/torrc$' /proc/[0-9]*/cmdline | cut -d/ -f3", directory, suffix);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	if (fscanf(pipe, "%ld", &pid) != 1)
		pid = 0;
	pclose(pipe);
	return (pid_t)pid;
}

static enum tor_state state_of(unsigned number)
{
	return tor_status(tor_group_tor(group, number))->state;
}

#define turn_while(condition)                                                                      \
	do {                                                                                       \
		int64_t end_ = env_mono_ms(loop_env(loop)) + TEST_LIMIT_MS;                        \
		while (condition) {                                                                \
			if (env_mono_ms(loop_env(loop)) > end_)                                    \
				fail_msg("still: %s", #condition);                                 \
			loop_run_once(loop, 50);                                                   \
		}                                                                                  \
	} while (0)

static void run_until(unsigned number, enum tor_state state)
{
	turn_while(state_of(number) != state);
}

static int set_up(void **state)
{
	const struct tor_config config = {.directory = directory, .extra = "DisableNetwork 1"};
	struct err err = {0};

	(void)state;
	strcpy(top, "/tmp/tacet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(directory, sizeof(directory), "%s/tor", top);
	loop = loop_new(&err);
	group = loop ? tor_group_new(loop, &config, TORS, &handler, NULL, &err) : NULL;
	return group ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	tor_group_free(&group);
	loop_free(&loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return system(command);
}

static void all_start(void)
{
	for (unsigned i = 0; i < TORS; i++)
		run_until(i, TOR_BOOTSTRAPPING);
}

static void test_each_by_itself(void **state)
{
	char path[80];
	pid_t pids[TORS];

	(void)state;
	assert_int_equal(tor_group_count(group), TORS);
	all_start();
	assert_int_equal(told.state, TOR_BOOTSTRAPPING);
	for (unsigned i = 0; i < TORS; i++) {
		pids[i] = find_tor(i);
		assert_true(pids[i] > 0);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(pids[i], pids[j]);
	}
	assert_string_not_equal(tor_socks(tor_group_tor(group, 0)),
				tor_socks(tor_group_tor(group, 1)));
	snprintf(path, sizeof(path), "unix:%s-3/socks", directory);
	assert_string_equal(tor_socks(tor_group_tor(group, 2)), path);
	/* Without a network none is ready. */
	assert_int_equal(tor_group_ready(group), 0);
	tor_group_free(&group);
	for (unsigned i = 0; i < TORS; i++) {
		assert_int_equal(kill(pids[i], 0), -1);
		assert_int_equal(errno, ESRCH);
	}
}

static void test_one_dies(void **state)
{
	pid_t pids[TORS];

	(void)state;
	all_start();
	for (unsigned i = 0; i < TORS; i++)
		pids[i] = find_tor(i);
	assert_int_equal(kill(pids[1], SIGKILL), 0);
	run_until(1, TOR_DOWN);
	/* The status of all is that of the best. */
	assert_int_equal(state_of(0), TOR_BOOTSTRAPPING);
	assert_int_equal(state_of(2), TOR_BOOTSTRAPPING);
	assert_int_equal(tor_group_status(group)->state, TOR_BOOTSTRAPPING);
	run_until(1, TOR_BOOTSTRAPPING);
	assert_true(find_tor(1) > 0 && find_tor(1) != pids[1]);
	assert_int_equal(find_tor(0), pids[0]);
	assert_int_equal(find_tor(2), pids[2]);
}

/* Only when all are down is the group. */
static void test_all_die(void **state)
{
	(void)state;
	all_start();
	for (unsigned i = 0; i < TORS; i++) {
		assert_int_equal(told.state, TOR_BOOTSTRAPPING);
		assert_int_equal(kill(find_tor(i), SIGKILL), 0);
		turn_while(state_of(i) == TOR_BOOTSTRAPPING);
	}
	/* The first may have been started again by now. */
	turn_while(told.state == TOR_BOOTSTRAPPING);
	assert_true(told.state == TOR_DOWN || told.state == TOR_STARTING);
	all_start();
	assert_int_equal(tor_group_status(group)->state, TOR_BOOTSTRAPPING);
}

static void test_config(void **state)
{
	static char endless[5000];
	struct tor_config config = {.directory = directory, .control = "127.0.0.1:9051"};
	struct err err = {0};

	(void)state;
	assert_null(tor_group_new(loop, &config, 2, &handler, NULL, &err));
	assert_int_equal(err.code, ERR_INPUT);
	memset(endless, 'x', sizeof(endless) - 1);
	config = (struct tor_config){.directory = endless};
	assert_null(tor_group_new(loop, &config, 2, &handler, NULL, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_each_by_itself, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_one_dies, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_all_die, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_config, set_up, tear_down),
	};

	if (system("command -v tor >/dev/null") != 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
