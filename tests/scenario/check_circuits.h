/*
 * check_circuits.h: what a daemon's requests to the registry give away through their circuits.
 *
 * It counts as a relay would: a name that was not used for ten minutes means a new circuit.
 */
#ifndef TESTS_SCENARIO_CHECK_CIRCUITS_H
#define TESTS_SCENARIO_CHECK_CIRCUITS_H

#include "core/pair.h"

struct check_circuits;

struct check_circuits *check_circuits_new(void);
void check_circuits_free(struct check_circuits **circuits);
/* A process begins: what the one before it has begun does not count against it. */
void check_circuits_restart(struct check_circuits *circuits);
void check_circuits_use(struct check_circuits *circuits, int64_t now_ms, const char *isolation,
			const uint8_t key[LOOKUP_KEY_LEN]);
/* The most that one process has begun within ten minutes. */
unsigned check_circuits_most(const struct check_circuits *circuits);
/* The most different keys under one name. */
unsigned check_circuits_keys(const struct check_circuits *circuits);

#endif
