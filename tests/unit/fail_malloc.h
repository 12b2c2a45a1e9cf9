/*
 * fail_malloc.h: makes one allocation fail, for tests that fail each of them in turn.
 *
 *     for (long n = 0;; n++) {
 *             fail_malloc_arm(n);
 *             … what is tested …
 *             if (!fail_malloc_disarm())
 *                     break;          it needs only n allocations
 *     }
 *
 * The program is linked with $(fail_malloc_ldflags): it sees the calls that stand in our own code.
 */
#ifndef TESTS_UNIT_FAIL_MALLOC_H
#define TESTS_UNIT_FAIL_MALLOC_H

#include <stdbool.h>

/* The n-th allocation from now (0: the next) gives NULL. */
void fail_malloc_arm(long n);
/* Back to normal. Was there an allocation that failed? */
bool fail_malloc_disarm(void);

#endif
