/*
 * cursor.c: see cursor.h.
 */
#include "core/base/cursor.h"

#include <string.h>

void reader_init(struct reader *r, const void *data, size_t len)
{
	*r = (struct reader){.at = data, .left = len};
}

const uint8_t *read_view(struct reader *r, size_t len)
{
	const uint8_t *view = r->at;

	if (r->bad || len > r->left) {
		r->bad = true;
		return NULL;
	}
	r->at += len;
	r->left -= len;
	return view;
}

static uint64_t read_number(struct reader *r, size_t len)
{
	const uint8_t *bytes = read_view(r, len);
	uint64_t v = 0;

	if (bytes == NULL)
		return 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | bytes[i];
	return v;
}

uint8_t read_u8(struct reader *r)
{
	return (uint8_t)read_number(r, 1);
}

uint16_t read_u16(struct reader *r)
{
	return (uint16_t)read_number(r, 2);
}

uint32_t read_u32(struct reader *r)
{
	return (uint32_t)read_number(r, 4);
}

uint64_t read_u64(struct reader *r)
{
	return read_number(r, 8);
}

void read_bytes(struct reader *r, void *out, size_t len)
{
	const uint8_t *bytes = read_view(r, len);

	if (bytes != NULL)
		memcpy(out, bytes, len);
	else
		memset(out, 0, len);
}

void writer_init(struct writer *w, void *out, size_t size)
{
	*w = (struct writer){.start = out, .size = size};
}

static uint8_t *write_view(struct writer *w, size_t len)
{
	uint8_t *view;

	if (w->bad || len > w->size - w->len) {
		w->bad = true;
		return NULL;
	}
	view = w->start + w->len;
	w->len += len;
	return view;
}

static void write_number(struct writer *w, uint64_t v, size_t len)
{
	uint8_t *bytes = write_view(w, len);

	if (bytes == NULL)
		return;
	for (size_t i = len; i > 0; i--, v >>= 8)
		bytes[i - 1] = (uint8_t)v;
}

void write_u8(struct writer *w, uint8_t v)
{
	write_number(w, v, 1);
}

void write_u16(struct writer *w, uint16_t v)
{
	write_number(w, v, 2);
}

void write_u32(struct writer *w, uint32_t v)
{
	write_number(w, v, 4);
}

void write_u64(struct writer *w, uint64_t v)
{
	write_number(w, v, 8);
}

void write_bytes(struct writer *w, const void *data, size_t len)
{
	uint8_t *bytes = write_view(w, len);

	if (bytes != NULL && len > 0)
		memcpy(bytes, data, len);
}

void write_padding(struct writer *w)
{
	size_t len = w->size - w->len;
	uint8_t *bytes = write_view(w, len);

	if (bytes != NULL && len > 0)
		memset(bytes, 0, len);
}
