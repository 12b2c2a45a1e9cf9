/*
 * gateway_memory.h: through which gateways a key was read lately.
 *
 * One that says "there is nothing" may lie, and be as friendly as any in all else. So each lookup
 * of a key goes to one that the last ones have not been to: with r replicas at r gateways, r - 1
 * liars cannot hide a record from r lookups. No I/O.
 */
#ifndef CORE_GATEWAY_MEMORY_H
#define CORE_GATEWAY_MEMORY_H

#include "core/base/env.h"
#include "core/pair.h"

/* So many gateways of a key are remembered. */
#define GATEWAY_MEMORY_DEPTH (REPLICAS_MAX - 1)

struct gateway_memory;

/* NULL: memory is short. */
struct gateway_memory *gateway_memory_new(const struct env *env);
void gateway_memory_free(struct gateway_memory **memory);

/* The last ones, the newest first; returns how many. */
unsigned gateway_memory_last(struct gateway_memory *memory, const uint8_t key[LOOKUP_KEY_LEN],
			     uint8_t last[GATEWAY_MEMORY_DEPTH]);
/* The key is read through this one now. */
void gateway_memory_note(struct gateway_memory *memory, const uint8_t key[LOOKUP_KEY_LEN],
			 int gateway);

#endif
