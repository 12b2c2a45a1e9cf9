/*
 * loop_poll.h: the descriptor of loop_fd; for loop.c alone.
 */
#ifndef CORE_BASE_LOOP_POLL_H
#define CORE_BASE_LOOP_POLL_H

#include "core/base/err.h"

#include <event2/event.h>

struct loop_poll;

struct loop_poll *loop_poll_new(struct event_base *base, struct err *err);
void loop_poll_free(struct loop_poll **poll);
int loop_poll_fd(const struct loop_poll *poll);
/* Take over what the base waits for now. */
void loop_poll_sync(struct loop_poll *poll);
/* Make the descriptor readable at once. */
void loop_poll_touch(struct loop_poll *poll);

#endif
