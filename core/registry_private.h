/*
 * registry_private.h: what a back end of the registry fills in.
 */
#ifndef CORE_REGISTRY_PRIVATE_H
#define CORE_REGISTRY_PRIVATE_H

#include "core/registry.h"

struct registry_ops {
	const char *name;
	struct registry_op *(*publish)(struct registry *registry, const char *isolation,
				       const struct registry_entry *entries, unsigned count,
				       void (*done)(void *, const struct registry_published *),
				       void *arg);
	struct registry_op *(*lookup)(struct registry *registry, const char *isolation,
				      const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
				      bool (*value)(void *, unsigned, const uint8_t *),
				      void (*done)(void *, unsigned), void *arg);
	void (*cancel)(struct registry_op *op);
	void (*gateways)(const struct registry *registry,
			 void (*each)(void *, const struct registry_gateway *), void *arg);
	int (*clock_offset)(const struct registry *registry, int64_t *offset_ms);
	void (*free)(struct registry *registry);
};

/* Every back end's registry and operation begin with these. */
struct registry {
	const struct registry_ops *ops;
};
struct registry_op {
	struct registry *registry;
	bool (*sift)(void *arg, unsigned index, const uint8_t *value); /* NULL: none */
};

#endif
