/*
 * service.h: what a service manager wants to hear (sd_notify(3)), and a log for its journal.
 *
 *     NOTIFY_SOCKET   a datagram socket, "/path" or "@abstract": READY=1, STOPPING=1
 *     WATCHDOG_USEC, WATCHDOG_PID   WATCHDOG=1 is to come at least so often
 *     JOURNAL_STREAM  device and inode of the stream behind standard error
 *
 * The protocol is that small, and stable (sd_notify(3), "Notes"), so no library is needed. Where
 * no service manager is, nothing happens.
 */
#ifndef COMPONENT_SERVICE_H
#define COMPONENT_SERVICE_H

#include "core/base/env.h"
#include "core/base/log.h"

struct service_manager;

/* Take what the environment says, and out of it, so that it is not tor that answers. NULL: memory
 * is short. */
struct service_manager *service_manager_new(const struct env *env);
void service_manager_free(struct service_manager **manager);
/* Ready for clients; from now on the watchdog is told as long as the loop goes round. */
void service_manager_ready(struct service_manager *manager);
/* On the way to the end. */
void service_manager_stopping(struct service_manager *manager);

/* If standard error is the journal's: write "<N>line" to it, N being the priority of syslog(3), and
 * no time (sd-daemon(3)). */
void service_log_to_journal(void);
/* Its log_sink; for tests. */
void service_log_sink(void *arg, enum log_level level, const char *line);

#endif
