/*
 * check_wire.h: what must hold for every byte between daemons.
 *
 * The first write of the dialler and that of the listener have the same length in every
 * connection; after them each write is a whole number of frames of 488 bytes. A stranger
 * (attack.h) gets no byte.
 */
#ifndef TESTS_SCENARIO_CHECK_WIRE_H
#define TESTS_SCENARIO_CHECK_WIRE_H

#include "tests/scenario/fake_net.h"

/* Host name of the stranger. */
#define STRANGER "mallory"

struct check_wire;
struct world;

/* Watches world's net. */
struct check_wire *check_wire_new(struct world *world);
void check_wire_free(struct check_wire **wire);
/* Length of a dialler's first write; 0 while there was none. */
size_t check_wire_hello(const struct check_wire *wire);

#endif
