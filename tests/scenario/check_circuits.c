/*
 * check_circuits.c: see check_circuits.h.
 */
#include "tests/scenario/check_circuits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MS INT64_C(600000)

struct seen_key {
	struct seen_key *next;
	uint8_t key[LOOKUP_KEY_LEN];
};

struct seen_circuit {
	struct seen_circuit *next;
	char name[80];
	int64_t used_ms;
	struct seen_key *keys;
	unsigned key_count;
};

struct check_circuits {
	struct seen_circuit *seen; /* newest first */
	int64_t *begun_ms;         /* of this process */
	unsigned begun, size;
	unsigned most, most_keys;
};

struct check_circuits *check_circuits_new(void)
{
	struct check_circuits *circuits = calloc(1, sizeof *circuits);
	assert(circuits);
	return circuits;
}

void check_circuits_restart(struct check_circuits *circuits)
{
	while (circuits->seen) {
		struct seen_circuit *seen = circuits->seen;
		circuits->seen = seen->next;
		while (seen->keys) {
			struct seen_key *key = seen->keys;
			seen->keys = key->next;
			free(key);
		}
		free(seen);
	}
	circuits->begun = 0;
}

void check_circuits_free(struct check_circuits **circuits)
{
	check_circuits_restart(*circuits);
	free((*circuits)->begun_ms);
	free(*circuits);
	*circuits = NULL;
}

static void note_begin(struct check_circuits *circuits, int64_t now_ms)
{
	unsigned recent = 0;
	if (circuits->begun == circuits->size) {
		circuits->size = circuits->size ? 2 * circuits->size : 64;
		circuits->begun_ms =
		    realloc(circuits->begun_ms, circuits->size * sizeof *circuits->begun_ms);
		assert(circuits->begun_ms);
	}
	circuits->begun_ms[circuits->begun++] = now_ms;
	while (recent < circuits->begun &&
	       now_ms - circuits->begun_ms[circuits->begun - 1 - recent] < WINDOW_MS)
		recent++;
	if (recent > circuits->most)
		circuits->most = recent;
}

static struct seen_circuit *find(struct check_circuits *circuits, const char *name)
{
	struct seen_circuit *seen = circuits->seen;
	while (seen && strcmp(seen->name, name) != 0)
		seen = seen->next;
	return seen;
}

static void note_key(struct check_circuits *circuits, struct seen_circuit *seen,
		     const uint8_t key[LOOKUP_KEY_LEN])
{
	struct seen_key *known = seen->keys;
	while (known && memcmp(known->key, key, LOOKUP_KEY_LEN) != 0)
		known = known->next;
	if (known)
		return;
	known = calloc(1, sizeof *known);
	assert(known);
	memcpy(known->key, key, LOOKUP_KEY_LEN);
	known->next = seen->keys;
	seen->keys = known;
	if (++seen->key_count > circuits->most_keys)
		circuits->most_keys = seen->key_count;
}

void check_circuits_use(struct check_circuits *circuits, int64_t now_ms, const char *isolation,
			const uint8_t key[LOOKUP_KEY_LEN])
{
	struct seen_circuit *seen = find(circuits, isolation);
	if (!seen || now_ms - seen->used_ms >= WINDOW_MS)
		note_begin(circuits, now_ms);
	if (!seen) {
		seen = calloc(1, sizeof *seen);
		assert(seen && strlen(isolation) < sizeof seen->name);
		strcpy(seen->name, isolation);
		seen->next = circuits->seen;
		circuits->seen = seen;
	}
	seen->used_ms = now_ms;
	note_key(circuits, seen, key);
}

unsigned check_circuits_most(const struct check_circuits *circuits)
{
	return circuits->most;
}

unsigned check_circuits_keys(const struct check_circuits *circuits)
{
	return circuits->most_keys;
}
