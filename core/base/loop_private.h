/*
 * loop_private.h: libevent's base, for the files of core/base that need it.
 */
#ifndef CORE_BASE_LOOP_PRIVATE_H
#define CORE_BASE_LOOP_PRIVATE_H

#include "core/base/loop.h"

#include <event2/event.h>

struct event_base *loop_base(struct loop *loop);

#endif
