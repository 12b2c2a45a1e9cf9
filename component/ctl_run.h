/*
 * ctl_run.h: one run of a command, with a text as its input and its output as an answer, within
 * limits, beside others. Never through a shell.
 */
#ifndef COMPONENT_CTL_RUN_H
#define COMPONENT_CTL_RUN_H

#include "core/base/loop.h"

#include <stddef.h>

struct ctl_run;

enum ctl_run_end {
	RUN_DONE,     /* it has ended by itself with status 0 */
	RUN_FAILED,   /* with another one, or by a signal */
	RUN_TOO_LONG, /* it took longer than it may, and was killed */
	RUN_TOO_MUCH, /* it said more than it may, and was killed */
};

struct ctl_run_limits {
	int64_t time_ms;
	size_t output; /* bytes */
};

/* A variable of the environment. */
struct ctl_run_variable {
	const char *name, *value;
};

/* The end of a run. status: as of waitpid. output: what it has said, with a NUL that is not
 * counted; gone after the call, in which the run may be freed. */
typedef void (*ctl_run_done)(void *arg, enum ctl_run_end how, int status, const char *output,
			     size_t len);

/* Where the command is, as execvp(3) would find it; the caller frees it. NULL with *err:
 * ERR_NOT_FOUND, or it cannot be executed. */
char *ctl_run_find(const char *command, struct err *err);

/*
 * Start program with argv and the variables (the last one has a NULL name) added to our
 * environment. It reads input, and is the leader of a process group of its own; when it ends, or
 * has to, the whole group is killed, and done is called once from the loop. input is copied.
 */
struct ctl_run *ctl_run_new(struct loop *loop, const char *program, char *const *argv,
			    const struct ctl_run_variable *variables, const char *input,
			    const struct ctl_run_limits *limits, ctl_run_done done, void *arg,
			    struct err *err);
/* Kills what still runs; done is not called any more. */
void ctl_run_free(struct ctl_run **run);

#endif
