/*
 * registry.c: the front of the registry: finds the way to the back end.
 *
 * What the back ends must keep is said in registry.h; the back ends are registry_memory.c and
 * registry_opendht.c.
 */
#include "core/registry_private.h"

#include <assert.h>
#include <string.h>

struct registry_op *
registry_publish(struct registry *registry, const char *isolation,
		 const struct registry_entry *entries, unsigned count,
		 void (*done)(void *arg, const struct registry_published *result), void *arg)
{
	assert(count <= REGISTRY_KEYS_MAX && strlen(isolation) <= REGISTRY_ISOLATION_MAX);
	return registry->ops->publish(registry, isolation, entries, count, done, arg);
}

struct registry_op *registry_lookup(struct registry *registry, const char *isolation,
				    const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
				    bool (*value)(void *arg, unsigned index,
						  const uint8_t value[RECORD_LEN]),
				    void (*done)(void *arg, unsigned answered), void *arg)
{
	assert(count <= REGISTRY_KEYS_MAX && strlen(isolation) <= REGISTRY_ISOLATION_MAX);
	return registry->ops->lookup(registry, isolation, keys, count, value, done, arg);
}

void registry_sift(struct registry_op *op,
		   bool (*sift)(void *arg, unsigned index, const uint8_t value[RECORD_LEN]))
{
	op->sift = sift;
}

void registry_cancel(struct registry_op **op)
{
	struct registry_op *old = *op;

	*op = NULL;
	if (old)
		old->registry->ops->cancel(old);
}

void registry_gateways(const struct registry *registry,
		       void (*each)(void *arg, const struct registry_gateway *gateway), void *arg)
{
	registry->ops->gateways(registry, each, arg);
}

int registry_clock_offset(const struct registry *registry, int64_t *offset_ms)
{
	return registry->ops->clock_offset(registry, offset_ms);
}

void registry_free(struct registry **registry)
{
	struct registry *old = *registry;

	*registry = NULL;
	if (old)
		old->ops->free(old);
}
