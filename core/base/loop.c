/*
 * loop.c: see loop.h.
 */
#include "core/base/loop.h"
#include "core/base/log.h"
#include "core/base/loop_poll.h"
#include "core/base/loop_private.h"

#include <openssl/rand.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct loop {
	struct event_base *base;
	struct event *timeout;  /* of loop_run_once */
	struct loop_poll *poll; /* NULL until loop_fd */
	struct env env;
};

struct loop_timer {
	struct timer timer;
	struct event *event;
	void (*fire)(void *arg);
	void *arg;
};

struct watch {
	struct event *event;
	void (*ready)(void *arg, unsigned what);
	void *arg;
};

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_wall_ms(void *self)
{
	(void)self;
	return clock_ms(CLOCK_REALTIME);
}

static int64_t real_mono_ms(void *self)
{
	(void)self;
	/* BOOTTIME goes on while the machine is suspended, as everybody else's clock does. */
	return clock_ms(CLOCK_BOOTTIME);
}

static void real_random(void *self, void *out, size_t len)
{
	(void)self;
	if (RAND_bytes(out, (int)len) != 1) {
		log_error("the random number generator failed");
		abort();
	}
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	t->fire(t->arg);
}

static const struct env_ops real_ops;

static struct timer *real_timer_new(void *self, void (*fire)(void *arg), void *arg)
{
	struct loop *loop = self;
	struct loop_timer *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->timer.ops = &real_ops;
	t->fire = fire;
	t->arg = arg;
	t->event = evtimer_new(loop->base, timer_fired, t);
	if (t->event == NULL) {
		free(t);
		return NULL;
	}
	return &t->timer;
}

static void real_timer_set(struct timer *timer, int64_t delay_ms)
{
	struct loop_timer *t = (struct loop_timer *)timer;
	struct timeval tv = {0};

	if (delay_ms > 0) {
		tv.tv_sec = (time_t)(delay_ms / 1000);
		tv.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000);
	}
	evtimer_add(t->event, &tv);
}

static void real_timer_stop(struct timer *timer)
{
	evtimer_del(((struct loop_timer *)timer)->event);
}

static bool real_timer_pending(const struct timer *timer)
{
	return evtimer_pending(((const struct loop_timer *)timer)->event, NULL) != 0;
}

static void real_timer_free(struct timer *timer)
{
	struct loop_timer *t = (struct loop_timer *)timer;

	event_free(t->event);
	free(t);
}

static const struct env_ops real_ops = {
    .wall_ms = real_wall_ms,
    .mono_ms = real_mono_ms,
    .random = real_random,
    .timer_new = real_timer_new,
    .timer_set = real_timer_set,
    .timer_stop = real_timer_stop,
    .timer_pending = real_timer_pending,
    .timer_free = real_timer_free,
};

static void wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

struct loop *loop_new(struct err *err)
{
	struct loop *loop = calloc(1, sizeof *loop);

	if (loop == NULL) {
		err_set(err, ERR_MEMORY, "event loop: out of memory");
		return NULL;
	}
	loop->base = event_base_new();
	if (loop->base != NULL)
		loop->timeout = evtimer_new(loop->base, wake, NULL);
	if (loop->timeout == NULL) {
		err_set(err, ERR_SYSTEM, "event loop: libevent cannot start");
		loop_free(&loop);
		return NULL;
	}
	loop->env = (struct env){.ops = &real_ops, .self = loop};
	signal(SIGPIPE, SIG_IGN);
	return loop;
}

void loop_free(struct loop **loop)
{
	if (*loop == NULL)
		return;
	loop_poll_free(&(*loop)->poll);
	if ((*loop)->timeout != NULL)
		event_free((*loop)->timeout);
	if ((*loop)->base != NULL) {
		/* A stream that was freed while a callback was due is let go of in the next round.
		 */
		event_base_loop((*loop)->base, EVLOOP_NONBLOCK);
		event_base_free((*loop)->base);
	}
	free(*loop);
	*loop = NULL;
}

void loop_run(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_run_once(struct loop *loop, int64_t timeout_ms)
{
	struct timeval tv = {.tv_sec = (time_t)(timeout_ms / 1000),
			     .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000)};

	if (timeout_ms <= 0) {
		event_base_loop(loop->base, EVLOOP_NONBLOCK);
	} else {
		evtimer_add(loop->timeout, &tv);
		event_base_loop(loop->base, EVLOOP_ONCE);
		evtimer_del(loop->timeout);
	}
	if (loop->poll != NULL)
		loop_poll_sync(loop->poll);
}

int loop_fd(struct loop *loop, struct err *err)
{
	if (loop->poll == NULL)
		loop->poll = loop_poll_new(loop->base, err);
	return loop->poll != NULL ? loop_poll_fd(loop->poll) : -1;
}

void loop_touch(struct loop *loop)
{
	if (loop->poll != NULL)
		loop_poll_touch(loop->poll);
}

void loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

const struct env *loop_env(struct loop *loop)
{
	return &loop->env;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

static void watch_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	if (what & EV_SIGNAL)
		watch->ready(watch->arg, (unsigned)fd);
	else
		watch->ready(watch->arg, ((what & EV_READ) ? WATCH_READ : 0u) |
					     ((what & EV_WRITE) ? WATCH_WRITE : 0u));
}

static struct watch *watch_new(struct loop *loop, int fd, short what,
			       void (*ready)(void *arg, unsigned what), void *arg)
{
	struct watch *watch = calloc(1, sizeof *watch);

	if (watch == NULL)
		return NULL;
	watch->ready = ready;
	watch->arg = arg;
	watch->event = event_new(loop->base, fd, (short)(what | EV_PERSIST), watch_event, watch);
	if (watch->event == NULL || event_add(watch->event, NULL) != 0)
		watch_free(&watch);
	return watch;
}

struct watch *watch_fd(struct loop *loop, int fd, unsigned what,
		       void (*ready)(void *arg, unsigned what), void *arg)
{
	short events =
	    (short)(((what & WATCH_READ) ? EV_READ : 0) | ((what & WATCH_WRITE) ? EV_WRITE : 0));

	return watch_new(loop, fd, events, ready, arg);
}

struct watch *watch_signal(struct loop *loop, int signo, void (*caught)(void *arg, unsigned signo),
			   void *arg)
{
	return watch_new(loop, signo, EV_SIGNAL, caught, arg);
}

void watch_free(struct watch **watch)
{
	if (*watch == NULL)
		return;
	if ((*watch)->event != NULL)
		event_free((*watch)->event);
	free(*watch);
	*watch = NULL;
}
