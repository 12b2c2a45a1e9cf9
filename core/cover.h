/*
 * cover.h: when frames leave a session whose account wants cover.
 *
 * Frames go at the moments of a Poisson process and at no others, one each: something that waits,
 * or PAD. Whoever watches the line sees moments that do not depend on what is said; the gaps have
 * no memory, so that nothing can be learnt from where one stands in them either. It costs one frame
 * of 488 bytes a gap, each way and contact, and messages wait: a kilobyte takes three gaps.
 */
#ifndef CORE_COVER_H
#define CORE_COVER_H

#include "core/base/env.h"

/* The mean gap, in ms. The longest is such that the contact, who gives up after 468 s without a
 * frame, hardly ever does: not once in a million gaps. */
#define COVER_MEAN_MIN_MS ((int64_t)50)
#define COVER_MEAN_MAX_MS ((int64_t)30 * 1000)

/* The time to the next moment: exponentially distributed with this mean. */
int64_t cover_gap_ms(const struct env *env, int64_t mean_ms);

#endif
