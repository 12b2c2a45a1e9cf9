/*
 * ctl_run.c: see ctl_run.h.
 */
#include "component/ctl_run.h"

#include "core/base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is read at once. */
#define PIECE 4096
/* Status of a child that could not become the command, as a shell has it. */
#define STATUS_NOT_RUN 127

struct ctl_run {
	struct loop *loop;
	pid_t pid; /* and process group; 0: it was waited for */
	int pidfd, in, out;
	struct watch *ended, *writable, *readable;
	struct timer *limit;
	char *input;
	size_t input_len, input_done;
	struct buf output;
	size_t output_max;
	enum ctl_run_end how;
	ctl_run_done done;
	void *arg;
};

char *ctl_run_find(const char *command, struct err *err)
{
	const char *path = getenv("PATH");
	char *copy, *rest, *directory, *found = NULL;

	if (strchr(command, '/')) {
		if (access(command, X_OK)) {
			err_system(err, "%s", command);
			return NULL;
		}
		return strdup(command);
	}
	copy = rest = strdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
	while (rest && !found && (directory = strsep(&rest, ":"))) {
		struct stat stat_of;

		if (asprintf(&found, "%s/%s", directory[0] ? directory : ".", command) < 0)
			found = NULL;
		if (found &&
		    (access(found, X_OK) || stat(found, &stat_of) || !S_ISREG(stat_of.st_mode))) {
			free(found);
			found = NULL;
		}
	}
	free(copy);
	if (!found)
		err_set(err, ERR_NOT_FOUND, "%s: no such command", command);
	return found;
}

/* --- the end --- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void stop_input(struct ctl_run *run)
{
	watch_free(&run->writable);
	close_fd(&run->in);
}

/* The leader is not waited for yet, so its number is still the group's. */
static void kill_group(const struct ctl_run *run)
{
	if (run->pid > 0)
		kill(-run->pid, SIGKILL);
}

static void stop_because(struct ctl_run *run, enum ctl_run_end how)
{
	if (run->how == RUN_DONE)
		run->how = how;
	watch_free(&run->readable);
	kill_group(run);
}

static void too_long(void *arg)
{
	stop_because(arg, RUN_TOO_LONG);
}

/* 1: there may be more; 0: not now; -1: never. */
static int read_piece(struct ctl_run *run)
{
	char piece[PIECE];
	ssize_t got = read(run->out, piece, sizeof(piece));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return -1;
	if (run->output.len + (size_t)got <= run->output_max &&
	    buf_add(&run->output, piece, (size_t)got) == 0)
		return 1;
	stop_because(run, RUN_TOO_MUCH);
	return -1;
}

static void readable(void *arg, unsigned what)
{
	struct ctl_run *run = arg;

	(void)what;
	if (read_piece(run) < 0)
		watch_free(&run->readable);
}

static void writable(void *arg, unsigned what)
{
	struct ctl_run *run = arg;
	size_t left = run->input_len - run->input_done;
	ssize_t put = write(run->in, run->input + run->input_done, left);

	(void)what;
	if (put > 0)
		run->input_done += (size_t)put;
	/* A command need not read what it is told. */
	if (run->input_done == run->input_len || (put < 0 && errno != EAGAIN && errno != EINTR))
		stop_input(run);
}

static void ended(void *arg, unsigned what)
{
	struct ctl_run *run = arg;
	int status = 0;

	(void)what;
	watch_free(&run->ended);
	timer_stop(run->limit);
	stop_input(run);
	/* What it left running may hold the other end open, so not until the end of file. */
	while (run->how == RUN_DONE && read_piece(run) > 0)
		;
	watch_free(&run->readable);
	kill_group(run);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	run->pid = 0;
	if (run->how == RUN_DONE && status != 0)
		run->how = RUN_FAILED;
	run->done(run->arg, run->how, status, buf_text(&run->output), run->output.len);
}

void ctl_run_free(struct ctl_run **run)
{
	struct ctl_run *gone = *run;

	if (!gone)
		return;
	*run = NULL;
	kill_group(gone);
	if (gone->pid > 0)
		while (waitpid(gone->pid, NULL, 0) < 0 && errno == EINTR)
			;
	stop_input(gone);
	watch_free(&gone->readable);
	watch_free(&gone->ended);
	timer_free(&gone->limit);
	close_fd(&gone->out);
	close_fd(&gone->pidfd);
	buf_free(&gone->output);
	free(gone->input);
	free(gone);
}

/* --- the beginning --- */

static bool is_ours(const char *entry, const struct ctl_run_variable *variables)
{
	for (; variables->name; variables++) {
		size_t len = strlen(variables->name);

		if (strncmp(entry, variables->name, len) == 0 && entry[len] == '=')
			return true;
	}
	return false;
}

/* Our environment with the variables; in the child, which frees nothing. */
static char **make_environment(const struct ctl_run_variable *variables)
{
	size_t count = 0, added = 0;
	char **all;

	while (environ[count])
		count++;
	while (variables[added].name)
		added++;
	all = calloc(count + added + 1, sizeof(*all));
	if (!all)
		return NULL;
	count = 0;
	for (char **entry = environ; *entry; entry++)
		if (!is_ours(*entry, variables))
			all[count++] = *entry;
	for (; variables->name; variables++)
		if (asprintf(&all[count++], "%s=%s", variables->name, variables->value) < 0)
			return NULL;
	return all;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become(const char *program, char *const *argv, const struct ctl_run_variable *variables,
		   int in, int out)
{
	char **environment = make_environment(variables);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	reset_signals();
	/* The daemon's socket is none of its business. */
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	if (environment && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execve(program, argv, environment);
	fprintf(stderr, "tacetctl: %s: %s\n", program, strerror(errno));
	_exit(STATUS_NOT_RUN);
}

static int start(struct ctl_run *run, const char *program, char *const *argv,
		 const struct ctl_run_variable *variables, struct err *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || (run->pid = fork()) < 0) {
		err_system(err, "%s", program);
		run->pid = 0;
	} else if (run->pid == 0) {
		become(program, argv, variables, in[0], out[1]);
	}
	close_fd(&in[0]);
	close_fd(&out[1]);
	run->in = in[1];
	run->out = out[0];
	if (run->pid == 0)
		return -1;
	/* In both, since nobody knows who comes first. */
	setpgid(run->pid, run->pid);
	if (fcntl(run->in, F_SETFL, O_NONBLOCK) || fcntl(run->out, F_SETFL, O_NONBLOCK))
		return err_system(err, "pipe");
	run->pidfd = pidfd_open(run->pid, 0);
	return run->pidfd < 0 ? err_system(err, "pidfd") : 0;
}

static int watch(struct ctl_run *run, int64_t limit_ms, struct err *err)
{
	run->ended = watch_fd(run->loop, run->pidfd, WATCH_READ, ended, run);
	run->readable = watch_fd(run->loop, run->out, WATCH_READ, readable, run);
	run->writable = watch_fd(run->loop, run->in, WATCH_WRITE, writable, run);
	run->limit = timer_new(loop_env(run->loop), too_long, run);
	if (!run->ended || !run->readable || !run->writable || !run->limit)
		return err_set(err, ERR_MEMORY, "out of memory");
	timer_set(run->limit, limit_ms);
	return 0;
}

struct ctl_run *ctl_run_new(struct loop *loop, const char *program, char *const *argv,
			    const struct ctl_run_variable *variables, const char *input,
			    const struct ctl_run_limits *limits, ctl_run_done done, void *arg,
			    struct err *err)
{
	struct ctl_run *run = calloc(1, sizeof(*run));

	if (!run || !(run->input = strdup(input))) {
		free(run);
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	run->loop = loop;
	run->pidfd = run->in = run->out = -1;
	run->input_len = strlen(input);
	run->output_max = limits->output;
	buf_init(&run->output, limits->output);
	run->done = done;
	run->arg = arg;
	if (start(run, program, argv, variables, err) || watch(run, limits->time_ms, err))
		ctl_run_free(&run);
	return run;
}
