/*
 * ring.c: see ring.h.
 */
#include "core/base/ring.h"
#include "core/base/secret.h"

#include <stdlib.h>
#include <string.h>

/* First allocation, and what an empty ring may keep: a few frames. */
#define RING_FIRST_SIZE 4096

void ring_init(struct ring *ring, size_t limit)
{
	*ring = (struct ring){.limit = limit};
}

void ring_free(struct ring *ring)
{
	secret_free(ring->data, ring->size);
	ring_init(ring, ring->limit);
}

/* Copy the first len bytes. */
static void copy_out(const struct ring *ring, uint8_t *out, size_t len)
{
	size_t first = ring->size - ring->start;

	if (first > len)
		first = len;
	memcpy(out, ring->data + ring->start, first);
	memcpy(out + first, ring->data, len - first);
}

static int reserve(struct ring *ring, size_t len)
{
	size_t size = ring->size < RING_FIRST_SIZE ? RING_FIRST_SIZE : ring->size;
	uint8_t *data;

	if (len > ring->limit - ring->len)
		return -1;
	if (ring->len + len <= ring->size)
		return 0;
	while (size < ring->len + len)
		size *= 2;
	data = malloc(size);
	if (data == NULL)
		return -1;
	if (ring->len > 0)
		copy_out(ring, data, ring->len);
	secret_free(ring->data, ring->size);
	ring->data = data;
	ring->size = size;
	ring->start = 0;
	return 0;
}

int ring_add(struct ring *ring, const void *data, size_t len)
{
	size_t at, first;

	if (len == 0)
		return 0;
	if (reserve(ring, len) < 0)
		return -1;
	at = (ring->start + ring->len) % ring->size;
	first = ring->size - at < len ? ring->size - at : len;
	memcpy(ring->data + at, data, first);
	memcpy(ring->data, (const uint8_t *)data + first, len - first);
	ring->len += len;
	return 0;
}

size_t ring_peek(const struct ring *ring, const uint8_t **data)
{
	size_t first = ring->size - ring->start;

	*data = ring->len > 0 ? ring->data + ring->start : NULL;
	return ring->len < first ? ring->len : first;
}

void ring_drop(struct ring *ring, size_t len)
{
	if (len < ring->len) {
		ring->len -= len;
		ring->start = (ring->start + len) % ring->size;
		return;
	}
	ring->len = ring->start = 0;
	if (ring->size > RING_FIRST_SIZE)
		ring_free(ring);
}

size_t ring_take(struct ring *ring, void *out, size_t len)
{
	if (len > ring->len)
		len = ring->len;
	if (len > 0)
		copy_out(ring, out, len);
	ring_drop(ring, len);
	return len;
}
