/*
 * buf.h: a byte string that grows up to a limit of its own.
 */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* NULL while empty; else data[len] is a NUL, so that text can be printed */
	size_t len;
	size_t size;  /* allocated */
	size_t limit; /* len never passes it */
	bool starved; /* something was not added for want of memory, not for the limit */
};

/* Empty, with a limit in bytes. Nothing is allocated yet. */
void buf_init(struct buf *buf, size_t limit);
/* -1 when the limit would be passed or memory is short; the buffer is then unchanged. */
int buf_add(struct buf *buf, const void *data, size_t len);
int buf_add_text(struct buf *buf, const char *text);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Remove the first len bytes (at most all). */
void buf_drain(struct buf *buf, size_t len);
/* Forget the content (wiped), keep the memory. */
void buf_clear(struct buf *buf);
/* Wipe and free the content; the buffer can be used again. */
void buf_free(struct buf *buf);
/* "" while empty. */
const char *buf_text(const struct buf *buf);

#endif
