/*
 * check_records.h: what must hold for everything that daemons put into the registry.
 *
 * - A lookup key is used by one daemon only, for one epoch (with its edges), and once in a
 *   publication.
 * - No run of 8 bytes in a value has ever been seen in another value, nor in anybody's public key:
 *   nothing tells that two values belong together. (A key's own value may be put again as it is.)
 */
#ifndef TESTS_SCENARIO_CHECK_RECORDS_H
#define TESTS_SCENARIO_CHECK_RECORDS_H

#include "core/registry.h"

struct check_circuits;
struct check_records;
struct fake_gateways;
struct world;

/* Watches world's store. */
struct check_records *check_records_new(struct world *world);
void check_records_free(struct check_records **records);
/* The daemons' values go to these gateways instead, which show each that is stored as it came. */
void check_records_gateways(struct check_records *records, struct fake_gateways *gateways);
/* A registry for one daemon, in front of inner (which it owns). */
struct registry *check_records_spy(struct check_records *records, const char *daemon,
				   const struct env *env, struct registry *inner);
/* Different keys that daemon has put so far; values stored in all; lookups of daemon so far. */
unsigned check_records_keys(const struct check_records *records, const char *daemon);
unsigned check_records_values(const struct check_records *records);
unsigned check_records_lookups(struct check_records *records, const char *daemon);
/* What its requests have gone through. */
const struct check_circuits *check_records_circuits(struct check_records *records,
						    const char *daemon);
/* id's public key must not stand in a value. */
void check_records_know(struct check_records *records, const char *id);

#endif
