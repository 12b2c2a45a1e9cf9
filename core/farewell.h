/*
 * farewell.h: streams whose last words are still on their way.
 *
 * After a BYE a session is over at once for its contact; the stream lives on here until all is
 * sent.
 */
#ifndef CORE_FAREWELL_H
#define CORE_FAREWELL_H

#include "core/base/env.h"
#include "core/base/stream.h"

struct farewells;

/* A stream that has not got rid of its last bytes after this is closed, in ms. */
#define FAREWELL_MS ((int64_t)10 * 1000)

struct farewells *farewells_new(const struct env *env);
/* Finish the stream and free it when that is done. */
void farewells_add(struct farewells *farewells, struct stream *stream);
bool farewells_empty(const struct farewells *farewells);
/* Closes what is left. */
void farewells_free(struct farewells **farewells);

#endif
