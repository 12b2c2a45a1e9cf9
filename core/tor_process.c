/*
 * tor_process.c: see tor_process.h. The directory and the torrc are made in tor_directory.c.
 */
#include "core/tor_process.h"

#include "core/base/log.h"
#include "core/tor_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long tor may take to end when asked, before it is killed. A client needs some 20 ms. */
#define STOP_LIMIT_MS 4000
/* How long a killed process may take to be gone; only one stuck in the kernel needs long. */
#define KILL_LIMIT_MS 1000
/* Between two looks at a process that is waited for. */
#define WAIT_STEP_MS 5
/* Longest line of tor's log that is kept whole. */
#define LOG_LINE_SIZE 512
/* Read at once from tor's log. */
#define LOG_CHUNK 4096

struct tor_process {
	struct loop *loop;
	pid_t pid; /* 0 once it was waited for */
	bool stopping;
	bool killed; /* by us */
	int log_fd;
	int pid_fd; /* readable when the process has ended; SIGCHLD is the program's, not ours */
	struct watch *child;
	struct watch *log;
	struct timer *limit; /* until it is killed */
	void (*ended)(void *arg, const struct err *why);
	void *arg;
	char line[LOG_LINE_SIZE]; /* of the log, being gathered */
	size_t line_len;
	char words[LOG_LINE_SIZE]; /* the last warning or error, without its date */
};

/* --- its log --- */

/* Tor's last line before it gives up only says "see warnings above". */
static void keep_words(struct tor_process *process, const char *line)
{
	const char *warn = strstr(line, "[warn] ");
	const char *error = strstr(line, "[err] ");

	if (warn != NULL)
		snprintf(process->words, sizeof process->words, "%s", warn + strlen("[warn] "));
	else if (error != NULL && process->words[0] == '\0')
		snprintf(process->words, sizeof process->words, "%s", error + strlen("[err] "));
}

static void end_line(struct tor_process *process)
{
	process->line[process->line_len] = '\0';
	process->line_len = 0;
	keep_words(process, process->line);
	log_debug("tor: %s", log_private(process->line));
}

static void take_log(struct tor_process *process, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n')
			end_line(process);
		else if (process->line_len < sizeof process->line - 1)
			process->line[process->line_len++] = data[i];
	}
}

static void close_log(struct tor_process *process)
{
	watch_free(&process->log);
	if (process->log_fd >= 0)
		close(process->log_fd);
	process->log_fd = -1;
}

/* One chunk; what is left makes the descriptor ready again. */
static void log_ready(void *arg, unsigned what)
{
	struct tor_process *process = arg;
	char chunk[LOG_CHUNK];
	ssize_t len = read(process->log_fd, chunk, sizeof chunk);

	(void)what;
	if (len > 0)
		take_log(process, chunk, (size_t)len);
	else if (len == 0 || (errno != EAGAIN && errno != EINTR))
		close_log(process);
}

/* What it wrote before it died may still be in the pipe, whose size bounds it. */
static void drain_log(struct tor_process *process)
{
	char chunk[LOG_CHUNK];
	ssize_t len;

	while (process->log_fd >= 0 && (len = read(process->log_fd, chunk, sizeof chunk)) > 0)
		take_log(process, chunk, (size_t)len);
}

/* --- its end --- */

static void describe_end(const struct tor_process *process, int status, struct err *why)
{
	int signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	bool obeyed = status == 0 || signo == SIGTERM || (signo == SIGKILL && process->killed);

	if (process->stopping && obeyed)
		err_set(why, ERR_CLOSED, "tor was stopped");
	else if (signo != 0)
		err_set(why, ERR_UNAVAILABLE, "tor was ended by signal %d (%s)", signo,
			strsignal(signo));
	else if (WEXITSTATUS(status) == 0)
		err_set(why, ERR_UNAVAILABLE, "tor ended");
	else
		err_set(why, ERR_UNAVAILABLE, "tor ended with status %d%s%.150s",
			WEXITSTATUS(status), process->words[0] != '\0' ? ": " : "", process->words);
}

static void close_pid(struct tor_process *process)
{
	watch_free(&process->child);
	if (process->pid_fd >= 0)
		close(process->pid_fd);
	process->pid_fd = -1;
}

static void child_ended(void *arg, unsigned what)
{
	struct tor_process *process = arg;
	struct err why;
	int status = 0;

	(void)what;
	/* A program that ignores SIGCHLD leaves no status to be had: -1. */
	if (waitpid(process->pid, &status, WNOHANG) == 0)
		return;
	process->pid = 0;
	close_pid(process);
	drain_log(process);
	close_log(process);
	timer_stop(process->limit);
	describe_end(process, status, &why);
	log_info("%s", why.code == ERR_CLOSED ? why.text : "tor has ended by itself");
	process->ended(process->arg, &why);
}

static void stop_is_late(void *arg)
{
	struct tor_process *process = arg;

	log_warn("tor does not end; killing it");
	process->killed = true;
	kill(process->pid, SIGKILL);
}

void tor_process_stop(struct tor_process *process)
{
	if (process->pid == 0 || process->stopping)
		return;
	process->stopping = true;
	kill(process->pid, SIGTERM);
	timer_set(process->limit, STOP_LIMIT_MS);
}

static bool wait_end(pid_t pid, int64_t limit_ms)
{
	const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};

	for (int64_t waited = 0; waited < limit_ms; waited += WAIT_STEP_MS) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

void tor_process_free(struct tor_process **process)
{
	struct tor_process *p = *process;

	if (p == NULL)
		return;
	/* First, because tor would wait for us if the pipe were full. */
	close_log(p);
	if (p->pid != 0) {
		kill(p->pid, SIGTERM);
		if (!wait_end(p->pid, STOP_LIMIT_MS)) {
			kill(p->pid, SIGKILL);
			wait_end(p->pid, KILL_LIMIT_MS);
		}
	}
	close_pid(p);
	timer_free(&p->limit);
	free(p);
	*process = NULL;
}

/* --- its start --- */

/* In the child, between fork and exec: only calls that are safe there. Does not return. */
static void become_tor(const char *const *argv, pid_t parent, int log_fd, int report_fd)
{
	sigset_t none;
	int error;

	/* The handlers we have inherited write to the loop's own pipe: a signal for this child
	 * would be taken for one for us. */
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Away from the terminal's signals, since we end tor ourselves. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	/* What a library may have left open; it is no harm where the kernel cannot do that. */
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	if (dup2(log_fd, STDOUT_FILENO) >= 0 && dup2(log_fd, STDERR_FILENO) >= 0)
		execv(argv[0], (char *const *)argv);
	error = errno;
	if (write(report_fd, &error, sizeof error) != sizeof error)
		_exit(126);
	_exit(127);
}

/* fork and exec; the second pipe says whether exec worked, and why not. */
static int run(struct tor_process *process, const char *const *argv, struct err *err)
{
	int log[2] = {-1, -1}, report[2] = {-1, -1};
	pid_t parent = getpid();
	sigset_t all, before;
	int error = 0;

	if (pipe2(log, O_CLOEXEC) != 0)
		return err_system(err, "pipe");
	if (pipe2(report, O_CLOEXEC) != 0) {
		err_system(err, "pipe");
		goto fail;
	}
	/* So that no signal meets a handler of ours in the child before it is reset there. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	process->pid = fork();
	if (process->pid == 0)
		become_tor(argv, parent, log[1], report[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (process->pid < 0) {
		process->pid = 0;
		err_system(err, "fork");
		goto fail;
	}
	close(log[1]);
	close(report[1]);
	process->log_fd = log[0];
	if (read(report[0], &error, sizeof error) == sizeof error)
		errno = error;
	close(report[0]);
	return error != 0 ? err_system(err, "cannot run %s", argv[0]) : 0;
fail:
	close(log[0]);
	close(log[1]);
	if (report[0] >= 0) {
		close(report[0]);
		close(report[1]);
	}
	return -1;
}

static int start(struct tor_process *process, const char *program, const char *directory,
		 struct err *err)
{
	char torrc[PATH_MAX];
	const char *argv[] = {program, "--defaults-torrc", "/dev/null", "-f", torrc, NULL};

	snprintf(torrc, sizeof torrc, "%s/torrc", directory);
	process->limit = timer_new(loop_env(process->loop), stop_is_late, process);
	if (process->limit == NULL)
		return err_set(err, ERR_MEMORY, "start tor: out of memory");
	if (run(process, argv, err) != 0)
		return -1;
	process->pid_fd = pidfd_open(process->pid, 0);
	if (process->pid_fd < 0)
		return err_system(err, "start tor: watch the process");
	process->child = watch_fd(process->loop, process->pid_fd, WATCH_READ, child_ended, process);
	if (process->child == NULL)
		return err_set(err, ERR_MEMORY, "start tor: out of memory");
	fcntl(process->log_fd, F_SETFL, O_NONBLOCK);
	process->log = watch_fd(process->loop, process->log_fd, WATCH_READ, log_ready, process);
	if (process->log == NULL)
		return err_set(err, ERR_MEMORY, "start tor: out of memory");
	return 0;
}

struct tor_process *tor_process_new(struct loop *loop, const char *program, const char *directory,
				    const char *extra,
				    void (*ended)(void *arg, const struct err *why), void *arg,
				    struct err *err)
{
	struct tor_process *process;

	if (tor_directory_fill(directory, extra, err) != 0)
		return NULL;
	process = calloc(1, sizeof *process);
	if (process == NULL) {
		err_set(err, ERR_MEMORY, "start tor: out of memory");
		return NULL;
	}
	process->loop = loop;
	process->log_fd = -1;
	process->pid_fd = -1;
	process->ended = ended;
	process->arg = arg;
	if (start(process, program, directory, err) != 0)
		tor_process_free(&process);
	else
		log_info("started tor, process %ld", (long)process->pid);
	return process;
}
