/*
 * loop_poll.c: one descriptor that stands for a whole loop, so that a foreign loop can wait for it.
 *
 * libevent does not give its own descriptor away. So what libevent waits for is copied, after each
 * round, into an epoll set of ours, with a timerfd for the next timer. Only who asks for the
 * descriptor pays for that.
 */
#include "core/base/loop_poll.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* libevent's clock goes in steps of up to 4 ms: who wakes it sooner would wake it again and again.
 */
#define CLOCK_STEP_US 5000

struct loop_poll {
	struct event_base *base;
	int epoll, timer;
	uint32_t *wanted, *had; /* epoll's masks, by descriptor */
	int size;
	bool short_of_memory;
	int64_t next_us; /* until the next timer; -1: there is none */
};

/* Make room for fd. */
static int grow(struct loop_poll *poll, int fd)
{
	int size = poll->size > 0 ? poll->size : 64;

	while (size <= fd)
		size *= 2;
	if (size == poll->size)
		return 0;
	uint32_t *wanted = realloc(poll->wanted, (size_t)size * sizeof(*wanted));
	if (wanted != NULL)
		poll->wanted = wanted;
	uint32_t *had = realloc(poll->had, (size_t)size * sizeof(*had));
	if (had != NULL)
		poll->had = had;
	if (wanted == NULL || had == NULL)
		return -1;
	size_t fresh = (size_t)(size - poll->size) * sizeof(*wanted);
	memset(wanted + poll->size, 0, fresh);
	memset(had + poll->size, 0, fresh);
	poll->size = size;
	return 0;
}

static void note_timer(struct loop_poll *poll, const struct timeval *at)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	int64_t us = (at->tv_sec - now.tv_sec) * INT64_C(1000000) + at->tv_usec - now.tv_usec;
	us = us > 0 ? us + CLOCK_STEP_US : CLOCK_STEP_US;
	if (poll->next_us < 0 || us < poll->next_us)
		poll->next_us = us;
}

static int note_event(const struct event_base *base, const struct event *event, void *arg)
{
	struct loop_poll *poll = arg;
	struct timeval at;
	int fd = event_get_fd(event);
	short events = event_get_events(event);

	(void)base;
	if (event_pending(event, EV_TIMEOUT, &at))
		note_timer(poll, &at);
	if (fd < 0 || !(events & (EV_READ | EV_WRITE)) ||
	    !event_pending(event, EV_READ | EV_WRITE, NULL))
		return 0;
	if (grow(poll, fd) < 0) {
		poll->short_of_memory = true;
		return 0;
	}
	if (events & EV_READ)
		poll->wanted[fd] |= EPOLLIN;
	if (events & EV_WRITE)
		poll->wanted[fd] |= EPOLLOUT;
	return 0;
}

/* A number may have been closed and be another descriptor now, which epoll does not know: so each
 * is set anew. */
static void set_fd(struct loop_poll *poll, int fd)
{
	struct epoll_event event = {.events = poll->wanted[fd], .data.fd = fd};

	if (event.events == 0) {
		if (poll->had[fd] != 0)
			epoll_ctl(poll->epoll, EPOLL_CTL_DEL, fd, NULL);
	} else if (epoll_ctl(poll->epoll, EPOLL_CTL_MOD, fd, &event) < 0) {
		epoll_ctl(poll->epoll, EPOLL_CTL_ADD, fd, &event);
	}
	poll->had[fd] = event.events;
}

static void set_timer(struct loop_poll *poll, int64_t us)
{
	struct itimerspec when = {{0, 0}, {0, 0}};

	if (us >= 0) {
		when.it_value.tv_sec = (time_t)(us / 1000000);
		/* Zero would mean "never". */
		when.it_value.tv_nsec = (long)(us % 1000000) * 1000 + 1;
	}
	timerfd_settime(poll->timer, 0, &when, NULL);
}

void loop_poll_sync(struct loop_poll *poll)
{
	poll->next_us = -1;
	poll->short_of_memory = false;
	if (poll->size > 0)
		memset(poll->wanted, 0, (size_t)poll->size * sizeof(*poll->wanted));
	event_base_foreach_event(poll->base, note_event, poll);
	for (int fd = 0; fd < poll->size; fd++)
		set_fd(poll, fd);
	/* What is to be called already, and what could not be noted, needs another round. */
	if (event_base_get_num_events(poll->base, EVENT_BASE_COUNT_ACTIVE) > 0 ||
	    poll->short_of_memory)
		poll->next_us = 0;
	set_timer(poll, poll->next_us);
}

void loop_poll_touch(struct loop_poll *poll)
{
	set_timer(poll, 0);
}

struct loop_poll *loop_poll_new(struct event_base *base, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct loop_poll *poll = calloc(1, sizeof(*poll));

	if (poll == NULL) {
		err_set(err, ERR_MEMORY, "event loop: out of memory");
		return NULL;
	}
	poll->base = base;
	poll->epoll = epoll_create1(EPOLL_CLOEXEC);
	poll->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	event.data.fd = poll->timer;
	if (poll->epoll < 0 || poll->timer < 0 ||
	    epoll_ctl(poll->epoll, EPOLL_CTL_ADD, poll->timer, &event) < 0) {
		err_system(err, "event loop: descriptor");
		loop_poll_free(&poll);
		return NULL;
	}
	loop_poll_sync(poll);
	return poll;
}

void loop_poll_free(struct loop_poll **poll)
{
	if (*poll == NULL)
		return;
	if ((*poll)->epoll >= 0)
		close((*poll)->epoll);
	if ((*poll)->timer >= 0)
		close((*poll)->timer);
	free((*poll)->wanted);
	free((*poll)->had);
	free(*poll);
	*poll = NULL;
}

int loop_poll_fd(const struct loop_poll *poll)
{
	return poll->epoll;
}
