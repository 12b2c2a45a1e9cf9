/*
 * cover.c: see cover.h.
 */
#include "core/cover.h"

#include <math.h>

/* As many bits as a double holds. */
#define STEPS (UINT64_C(1) << 53)

int64_t cover_gap_ms(const struct env *env, int64_t mean_ms)
{
	/* In (0, 1]: the logarithm of 0 is not wanted. */
	double u = ((double)env_random_below(env, STEPS) + 1) / (double)STEPS;

	return (int64_t)llround(-log(u) * (double)mean_ms);
}
