/*
 * gateway_memory.c: see gateway_memory.h.
 */
#include "core/gateway_memory.h"

#include "core/base/secret.h"
#include "core/gateway.h"

#include <stdlib.h>
#include <string.h>

/* Keys that are remembered, a place each: those of 100 contacts, 3 replicas in 2 epochs, rarely
 * meet. Whoever is forgotten may be asked again. 28 kB. */
#define PLACES 1024
/* Then all is forgotten, in ms: keys of past epochs are not asked for, and not to be found in our
 * memory later on. */
#define LIFE_MS EPOCH_MS

_Static_assert(GATEWAYS_MAX <= 256, "struct place has a byte for each");

struct place {
	uint8_t key[LOOKUP_KEY_LEN];
	uint8_t count;
	uint8_t last[GATEWAY_MEMORY_DEPTH]; /* the newest first */
};

struct gateway_memory {
	const struct env *env;
	int64_t since_ms;
	struct place places[PLACES];
};

struct gateway_memory *gateway_memory_new(const struct env *env)
{
	struct gateway_memory *memory = calloc(1, sizeof(*memory));

	if (memory) {
		memory->env = env;
		memory->since_ms = env_mono_ms(env);
	}
	return memory;
}

void gateway_memory_free(struct gateway_memory **memory)
{
	secret_free(*memory, sizeof(**memory));
	*memory = NULL;
}

/* It may have been another key's. Keys are pseudo-random. */
static struct place *place_of(struct gateway_memory *memory, const uint8_t key[LOOKUP_KEY_LEN])
{
	struct place *place = &memory->places[((unsigned)key[0] << 8 | key[1]) % PLACES];
	int64_t now = env_mono_ms(memory->env);

	if (now - memory->since_ms >= LIFE_MS) {
		secret_wipe(memory->places, sizeof(memory->places));
		memory->since_ms = now;
	}
	if (memcmp(place->key, key, LOOKUP_KEY_LEN) != 0) {
		memcpy(place->key, key, LOOKUP_KEY_LEN);
		place->count = 0;
	}
	return place;
}

unsigned gateway_memory_last(struct gateway_memory *memory, const uint8_t key[LOOKUP_KEY_LEN],
			     uint8_t last[GATEWAY_MEMORY_DEPTH])
{
	const struct place *place = place_of(memory, key);

	memcpy(last, place->last, place->count);
	return place->count;
}

void gateway_memory_note(struct gateway_memory *memory, const uint8_t key[LOOKUP_KEY_LEN],
			 int gateway)
{
	struct place *place = place_of(memory, key);

	if (place->count < sizeof(place->last))
		place->count++;
	memmove(place->last + 1, place->last, place->count - 1u);
	place->last[0] = (uint8_t)gateway;
}
