/*
 * ring.h: bytes that go in at one end and out at the other, up to a limit.
 *
 * Unlike buf.h nothing is moved when the first bytes go, so that half a megabyte can be taken out
 * in small pieces.
 */
#ifndef CORE_BASE_RING_H
#define CORE_BASE_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *data; /* NULL while empty, or not much was in it */
	size_t start;
	size_t len;
	size_t size;  /* allocated */
	size_t limit; /* len never passes it */
};

/* Empty; nothing is allocated yet. */
void ring_init(struct ring *ring, size_t limit);
/* Wipe and free the content; it can be used again. */
void ring_free(struct ring *ring);
/* -1 when the limit would be passed or memory is short; nothing has changed then. */
int ring_add(struct ring *ring, const void *data, size_t len);
/* The first bytes, as many as lie in one piece; 0 only when there are none. */
size_t ring_peek(const struct ring *ring, const uint8_t **data);
/* Remove the first len bytes (at most all). */
void ring_drop(struct ring *ring, size_t len);
/* Copy and remove up to len bytes; how many. */
size_t ring_take(struct ring *ring, void *out, size_t len);

#endif
