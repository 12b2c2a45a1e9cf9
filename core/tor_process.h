/*
 * tor_process.h: a tor of our own: its start, its log, its end.
 *
 * What lies in the directory: tor_directory.h. It does not speak to tor; tor.c does, through
 * tor_control.h.
 */
#ifndef CORE_TOR_PROCESS_H
#define CORE_TOR_PROCESS_H

#include "core/base/loop.h"

struct tor_process;

/*
 * Start program with the directory (from tor_directory_make) and extra lines of configuration (or
 * NULL). ended(arg, why) comes once from the loop when it has ended, with tor's own last words if
 * it had some; the owner then frees. why->code is ERR_CLOSED when the end was asked for with
 * tor_process_stop, else ERR_UNAVAILABLE. NULL with *err: it could not be started ("cannot run
 * /usr/bin/tor: No such file or directory").
 *
 * Tor ends when we do, whatever ends us: it is told to watch our process id and gets a signal when
 * the thread that called this ends.
 */
struct tor_process *tor_process_new(struct loop *loop, const char *program, const char *directory,
				    const char *extra,
				    void (*ended)(void *arg, const struct err *why), void *arg,
				    struct err *err);
/* Ask it to end; ended() comes within some seconds, because it is killed if it does not obey. */
void tor_process_stop(struct tor_process *process);
/* End it (waits for that, at most 5 s) if it has not ended, and free. */
void tor_process_free(struct tor_process **process);

#endif
