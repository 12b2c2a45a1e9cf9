/*
 * cursor.h: read and write fixed layouts without ever passing the end.
 *
 * A cursor that was asked for more than there is turns bad, gives zeros, and stays bad, so that a
 * parser checks once at its end. All numbers are big-endian.
 */
#ifndef CORE_BASE_CURSOR_H
#define CORE_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

void reader_init(struct reader *r, const void *data, size_t len);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
/* Copy len bytes to out (zeros when there are fewer). */
void read_bytes(struct reader *r, void *out, size_t len);
/* The next len bytes in place, or NULL when there are fewer. */
const uint8_t *read_view(struct reader *r, size_t len);

struct writer {
	uint8_t *start;
	size_t size;
	size_t len; /* written so far */
	bool bad;
};

void writer_init(struct writer *w, void *out, size_t size);
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_u64(struct writer *w, uint64_t v);
void write_bytes(struct writer *w, const void *data, size_t len);
/* Zeros up to size. */
void write_padding(struct writer *w);

#endif
