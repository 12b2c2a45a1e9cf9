/*
 * ctl_bot.h: `tacetctl bot`: a command is run for each message to an account, and what it says is
 * the answer.
 */
#ifndef COMPONENT_CTL_BOT_H
#define COMPONENT_CTL_BOT_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_bot {
	const char *socket;   /* the daemon's */
	const char *account;  /* NULL: the only one */
	char *const *command; /* ends with NULL */
	int64_t time_ms;      /* for one run */
	size_t output;        /* longest answer, in bytes */
	unsigned jobs;        /* runs at once */
	bool once;            /* do not wait for a daemon that has ended (ctl_retry.h) */
};

/* Until a signal to end (0), or -1 with *err: ERR_CLOSED or ERR_UNAVAILABLE when the daemon is not
 * there and is not waited for any longer. */
int ctl_bot(const struct ctl_bot *config, struct err *err);

#endif
