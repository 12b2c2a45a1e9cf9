/*
 * ctl_trust.h: `tacetctl trust`: makes programs that use the system's certificate store trust the
 * authority of a tacetd. It needs no daemon, but root.
 */
#ifndef COMPONENT_CTL_TRUST_H
#define COMPONENT_CTL_TRUST_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdio.h>

struct ctl_trust {
	const char *config; /* file, NULL: the usual one; says where the authority is */
	const char *file;   /* NULL: where the configuration says */
	bool remove;        /* undo it */
	bool yes;           /* do not ask */
	FILE *out;          /* where what is to be done is printed */
};

/*
 * Print what is to be done, ask unless wish->yes, and do it. -1 with *err when it is not to be, or
 * cannot be done; nothing has been changed then that the text does not say.
 */
int ctl_trust(const struct ctl_trust *wish, struct err *err);

#endif
