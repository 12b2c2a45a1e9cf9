/*
 * registry_memory.h: a registry in the memory of this process, shared by those who hold the same
 * store. Values live as long as OpenDHT's (600 s). Tests can make it fail or lie.
 */
#ifndef CORE_REGISTRY_MEMORY_H
#define CORE_REGISTRY_MEMORY_H

#include "core/registry.h"

/* How long a value lives: as a value of type 0 in OpenDHT. */
#define REGISTRY_MEMORY_LIFE_MS ((int64_t)600 * 1000)

struct registry_memory_store;

struct registry_memory_store *registry_memory_store_new(const struct env *env);
void registry_memory_store_free(struct registry_memory_store **store);
/* For tests: each entry that is stored is shown to seen(arg, entry). */
void registry_memory_store_watch(struct registry_memory_store *store,
				 void (*seen)(void *arg, const struct registry_entry *entry),
				 void *arg);
/* For tests: this share of the keys is neither stored nor answered; with 100, none is. */
void registry_memory_store_fail(struct registry_memory_store *store, unsigned percent);

/* delay_ms: how long each operation takes. The store must outlive the registry. */
struct registry *registry_memory_new(const struct env *env, struct registry_memory_store *store,
				     int64_t delay_ms);

#endif
