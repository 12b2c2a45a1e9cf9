/*
 * test_tor.c: a tor of our own without a network: start, login, loss and return, its end with ours.
 *
 * It runs the real program; without one it is skipped (exit status 77).
 */
#include "core/tor.h"
#include "core/tor_directory.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Starting tor takes 0.1 s; a lock that must time out 5 s. */
#define TEST_LIMIT_MS 20000
#define OFFLINE       "DisableNetwork 1"
/* A pulse, and a limit that a loaded machine keeps. */
#define HANG_PULSE_MS  100
#define HANG_ANSWER_MS 2000

struct world {
	struct loop *loop;
	char directory[32];
	struct tor *tor;
	struct tor_status status; /* the last one told */
	unsigned told;
};

static void changed(void *arg, const struct tor_status *status)
{
	struct world *w = arg;

	w->status = *status;
	w->told++;
}

static const struct tor_handler handler = {.changed = changed};

static void world_new(struct world *w)
{
	struct err err;

	*w = (struct world){.directory = "/tmp/tacet-test-XXXXXX"};
	assert_non_null(mkdtemp(w->directory));
	w->loop = loop_new(&err);
	assert_non_null(w->loop);
}

static void remove_tree(const char *directory)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	assert_int_equal(system(command), 0);
}

static void world_free(struct world *w)
{
	tor_free(&w->tor);
	loop_free(&w->loop);
	remove_tree(w->directory);
}

static void world_start(struct world *w, const char *program, const char *extra)
{
	const struct tor_config config = {
	    .program = program, .directory = w->directory, .extra = extra};
	struct err err;

	w->tor = tor_new(w->loop, &config, &handler, w, &err);
	if (w->tor == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(w->told, 0);
	assert_int_equal(tor_status(w->tor)->state, TOR_STARTING);
}

static void run_until(struct world *w, enum tor_state state)
{
	const struct env *env = loop_env(w->loop);
	int64_t end = env_mono_ms(env) + TEST_LIMIT_MS;

	while (w->told == 0 || w->status.state != state) {
		if (env_mono_ms(env) > end)
			fail_msg("state is %s (%s) and not %s", tor_state_name(w->status.state),
				 w->status.problem, tor_state_name(state));
		loop_run_once(w->loop, 100);
	}
}

/* The process id of the tor that uses the directory, as tor itself does not tell it: its torrc is
 * on its command line. 0: there is none. */
static pid_t find_tor(const char *directory)
{
	char command[96];
	long pid = 0;
	FILE *pipe;

	snprintf(command, sizeof command,
		 "grep -lsz '^%s/torrc$' /proc/[0-9]*/cmdline | cut -d/ -f3", directory);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	if (fscanf(pipe, "%ld", &pid) != 1)
		pid = 0;
	pclose(pipe);
	return (pid_t)pid;
}

static void starts_a_tor_and_ends_it(void **state)
{
	struct world w;
	struct stat st;
	char path[64];
	pid_t pid;

	(void)state;
	world_new(&w);
	world_start(&w, NULL, OFFLINE);
	run_until(&w, TOR_BOOTSTRAPPING);
	assert_true(strncmp(w.status.version, "0.", 2) == 0);
	assert_string_equal(w.status.problem, "");
	snprintf(path, sizeof path, "unix:%s/socks", w.directory);
	assert_string_equal(tor_socks(w.tor), path);
	snprintf(path, sizeof path, "%s/torrc", w.directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	pid = find_tor(w.directory);
	assert_true(pid > 0);
	tor_free(&w.tor);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	world_free(&w);
}

static void comes_back_after_a_kill(void **state)
{
	struct world w;
	pid_t pid;

	(void)state;
	world_new(&w);
	world_start(&w, NULL, OFFLINE);
	run_until(&w, TOR_BOOTSTRAPPING);
	pid = find_tor(w.directory);
	assert_int_equal(kill(pid, SIGKILL), 0);
	run_until(&w, TOR_DOWN);
	/* The process's end is told after the connection's, or instead of it. */
	while (strstr(w.status.problem, "signal 9") == NULL && w.status.state == TOR_DOWN)
		loop_run_once(w.loop, 100);
	assert_non_null(strstr(w.status.problem, "signal 9"));
	run_until(&w, TOR_BOOTSTRAPPING);
	assert_string_equal(w.status.problem, "");
	assert_true(find_tor(w.directory) > 0 && find_tor(w.directory) != pid);
	world_free(&w);
}

/* A tor that is stopped, as by a debugger or a machine without memory, is replaced; one that is
 * only asked and answers stays. */
static void replaces_a_tor_that_hangs(void **state)
{
	const struct env *env;
	struct world w;
	struct err err;
	int64_t end;
	pid_t pid;

	(void)state;
	world_new(&w);
	env = loop_env(w.loop);
	const struct tor_config config = {.directory = w.directory,
					  .extra = OFFLINE,
					  .pulse_ms = HANG_PULSE_MS,
					  .answer_limit_ms = HANG_ANSWER_MS};
	w.tor = tor_new(w.loop, &config, &handler, &w, &err);
	assert_non_null(w.tor);
	run_until(&w, TOR_BOOTSTRAPPING);
	pid = find_tor(w.directory);
	for (end = env_mono_ms(env) + HANG_ANSWER_MS + 5 * HANG_PULSE_MS; env_mono_ms(env) < end;)
		loop_run_once(w.loop, HANG_PULSE_MS);
	assert_int_equal(w.status.state, TOR_BOOTSTRAPPING);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	run_until(&w, TOR_DOWN);
	assert_non_null(strstr(w.status.problem, "no answer"));
	run_until(&w, TOR_BOOTSTRAPPING);
	assert_true(find_tor(w.directory) > 0 && find_tor(w.directory) != pid);
	assert_int_equal(kill(pid, 0), -1);
	world_free(&w);
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *program;
		const char *extra;
		const char *words;
	} cases[] = {
	    {"/nonexistent/tor", NULL, "cannot run /nonexistent/tor: No such file or directory"},
	    {"/etc/passwd", NULL, "cannot run /etc/passwd: Permission denied"},
	    {"/bin/false", NULL, "tor ended with status 1"},
	    {"/bin/true", NULL, "tor ended"},
	    {NULL, "Nonsense 1", "Nonsense"},
	    {NULL, "ControlSocket 0", "tor ended with status"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world w;

		world_new(&w);
		world_start(&w, cases[i].program, cases[i].extra);
		run_until(&w, TOR_DOWN);
		if (strstr(w.status.problem, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].words, w.status.problem);
		world_free(&w);
	}
}

/* A program of ours that starts a tor, says so on a descriptor, and goes on. */
static void be_a_parent(const char *directory, int ready_fd)
{
	struct world w = {0};

	snprintf(w.directory, sizeof w.directory, "%s", directory);
	w.loop = loop_new(NULL);
	world_start(&w, NULL, OFFLINE);
	run_until(&w, TOR_BOOTSTRAPPING);
	if (write(ready_fd, "x", 1) != 1)
		_exit(1);
	for (;;)
		loop_run_once(w.loop, 1000);
}

static void does_not_outlive_us(void **state)
{
	const struct timespec step = {.tv_nsec = 10 * 1000 * 1000};
	char directory[] = "/tmp/tacet-test-XXXXXX";
	int ready[2];
	pid_t parent, tor;
	char byte;

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(pipe(ready), 0);
	parent = fork();
	if (parent == 0)
		be_a_parent(directory, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	tor = find_tor(directory);
	assert_true(tor > 0);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	for (int i = 0; i < 300 && find_tor(directory) != 0; i++)
		nanosleep(&step, NULL);
	assert_int_equal(find_tor(directory), 0);
	remove_tree(directory);
}

static void refuses_a_directory_that_cannot_work(void **state)
{
	static const struct {
		const char *name; /* added to the world's directory */
		mode_t mode;      /* made with it, unless 0 */
		enum err_code code;
	} cases[] = {
	    {"", 0, ERR_NONE},
	    {"/new", 0, ERR_NONE},
	    {"/private", 0700, ERR_NONE},
	    {"/open", 0750, ERR_INPUT},
	    {"/a b", 0, ERR_INPUT},
	    {"/a\"b", 0, ERR_INPUT},
	    {"/missing/parent", 0, ERR_SYSTEM},
	    {"/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0,
	     ERR_INPUT},
	};
	struct world w;

	(void)state;
	world_new(&w);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char path[256];
		struct err err = {.code = ERR_NONE};
		char *made;

		snprintf(path, sizeof path, "%s%s", w.directory, cases[i].name);
		if (cases[i].mode != 0)
			assert_int_equal(mkdir(path, cases[i].mode), 0);
		made = tor_directory_make(path, &err);
		assert_int_equal(err.code, cases[i].code);
		assert_int_equal(made != NULL, cases[i].code == ERR_NONE);
		free(made);
	}
	world_free(&w);
}

static void refuses_a_configuration_that_cannot_work(void **state)
{
	struct world w;

	(void)state;
	world_new(&w);
	const struct tor_config configs[] = {
	    {.directory = NULL},
	    {.directory = "/dev/null"},
	    {.directory = w.directory, .control = "unix:/run/tor/control"},
	    {.directory = w.directory, .control = "localhost:9051", .socks = "127.0.0.1:9050"},
	    {.directory = w.directory, .control = "127.0.0.1:0", .socks = "127.0.0.1:9050"},
	    {.directory = w.directory, .control = "127.0.0.1:9051", .socks = "127.0.0.1:99999"},
	    {.directory = w.directory, .control = "unix:relative", .socks = "127.0.0.1:9050"},
	    {.directory = w.directory, .control = "[::1:9051", .socks = "127.0.0.1:9050"},
	    {.directory = w.directory, .control = "::1:9051", .socks = "127.0.0.1:9050"},
	};
	for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
		struct err err = {.code = ERR_NONE};

		assert_null(tor_new(w.loop, &configs[i], &handler, &w, &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
	world_free(&w);
}

static void says_when_a_foreign_tor_is_not_there(void **state)
{
	struct world w;
	struct tor_config config = {.control = "[::1]:1", .socks = "127.0.0.1:1"};
	struct err err;

	(void)state;
	world_new(&w);
	config.directory = w.directory;
	w.tor = tor_new(w.loop, &config, &handler, &w, &err);
	assert_non_null(w.tor);
	run_until(&w, TOR_DOWN);
	assert_non_null(strstr(w.status.problem, "connect to tor's control port"));
	world_free(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(starts_a_tor_and_ends_it),
	    cmocka_unit_test(comes_back_after_a_kill),
	    cmocka_unit_test(replaces_a_tor_that_hangs),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(does_not_outlive_us),
	    cmocka_unit_test(refuses_a_directory_that_cannot_work),
	    cmocka_unit_test(refuses_a_configuration_that_cannot_work),
	    cmocka_unit_test(says_when_a_foreign_tor_is_not_there),
	};

	if (access(TOR_PROGRAM, X_OK) != 0) {
		fprintf(stderr, "no %s here: skipped\n", TOR_PROGRAM);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
