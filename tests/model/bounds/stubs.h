/*
 * stubs.h: for the proofs: any bytes, and what stands in for the files that are not part of one.
 */
#ifndef TESTS_MODEL_BOUNDS_STUBS_H
#define TESTS_MODEL_BOUNDS_STUBS_H

#include "core/base/err.h"

#include <__fc_builtin.h>
#include <stdint.h>

/* An error is made, and nothing else happens. */
int err_set(struct err *err, enum err_code code, const char *format, ...)
{
	(void)format;
	if (err)
		err->code = code;
	return -1;
}

/* Any len bytes. Where the length matters, a proof goes through all lengths one by one: the
 * analysis knows ranges, but not that two of them belong together. */
static inline void any(void *data, size_t len)
{
	Frama_C_make_unknown((char *)data, len);
}

#endif
