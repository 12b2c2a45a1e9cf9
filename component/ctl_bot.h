/*
 * ctl_bot.h: `tacetctl bot`: a command is run for each message to an account, and what it says is
 * the answer.
 */
#ifndef COMPONENT_CTL_BOT_H
#define COMPONENT_CTL_BOT_H

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct ctl_bot {
	const char *socket;   /* the daemon's */
	const char *account;  /* NULL: the only one */
	char *const *command; /* ends with NULL */
	int64_t time_ms;      /* for one run */
	size_t output;        /* longest answer, in bytes */
	unsigned jobs;        /* runs at once */
};

/* Until a signal to end (0), or -1 with *err: ERR_CLOSED when the daemon has ended. */
int ctl_bot(const struct ctl_bot *config, struct err *err);

#endif
