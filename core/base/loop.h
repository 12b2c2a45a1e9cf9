/*
 * loop.h: the one event loop of a process, on libevent. Only core/base includes libevent.
 */
#ifndef CORE_BASE_LOOP_H
#define CORE_BASE_LOOP_H

#include "core/base/env.h"
#include "core/base/err.h"

struct loop;
struct watch;

/* NULL with *err when libevent cannot start. Ignores SIGPIPE for the process. */
struct loop *loop_new(struct err *err);
/* Everything that was made on the loop must have been freed before. */
void loop_free(struct loop **loop);

/* Run until loop_stop. */
void loop_run(struct loop *loop);
/* Wait for and handle what is ready, for at most timeout_ms; for tests and foreign loops. */
void loop_run_once(struct loop *loop, int64_t timeout_ms);
void loop_stop(struct loop *loop);

/*
 * For loops of others: a descriptor that is readable when loop_run_once(loop, 0) has something to
 * do. loop_run_once keeps it right; after anything else that sets a timer or writes to a stream
 * call loop_touch, which makes it readable. The loop's own; -1 with *err.
 */
int loop_fd(struct loop *loop, struct err *err);
void loop_touch(struct loop *loop);

/* The real clock, generator and timers; lives as long as the loop. */
const struct env *loop_env(struct loop *loop);

enum { WATCH_READ = 1, WATCH_WRITE = 2 };

/* Call ready(arg, what) whenever fd is ready; fd stays the caller's. NULL when memory is short. */
struct watch *watch_fd(struct loop *loop, int fd, unsigned what,
		       void (*ready)(void *arg, unsigned what), void *arg);
/* Call caught(arg, signo) from the loop for each signal. */
struct watch *watch_signal(struct loop *loop, int signo, void (*caught)(void *arg, unsigned signo),
			   void *arg);
void watch_free(struct watch **watch);

#endif
