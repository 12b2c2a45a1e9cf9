/*
 * buf.c: see buf.h.
 */
#include "core/base/buf.h"
#include "core/base/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* First allocation: most stanzas and replies fit. */
#define BUF_FIRST_SIZE 256

void buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf){.limit = limit};
}

/* Room for len more bytes and the NUL. */
static int buf_reserve(struct buf *buf, size_t len)
{
	size_t need, size;
	uint8_t *data;

	if (buf->len > buf->limit || len > buf->limit - buf->len)
		return -1;
	need = buf->len + len + 1;
	if (need <= buf->size)
		return 0;
	size = buf->size < BUF_FIRST_SIZE ? BUF_FIRST_SIZE : buf->size;
	while (size < need)
		size *= 2;
	/* Not realloc: it would leave a copy of what may be secret behind. */
	data = malloc(size);
	if (data == NULL) {
		buf->starved = true;
		return -1;
	}
	if (buf->len > 0)
		memcpy(data, buf->data, buf->len);
	data[buf->len] = '\0';
	secret_free(buf->data, buf->size);
	buf->data = data;
	buf->size = size;
	return 0;
}

int buf_add(struct buf *buf, const void *data, size_t len)
{
	if (buf_reserve(buf, len) != 0)
		return -1;
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return 0;
}

int buf_add_text(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, format);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0 || buf_reserve(buf, (size_t)len) != 0) {
		va_end(again);
		return -1;
	}
	vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, again);
	va_end(again);
	buf->len += (size_t)len;
	return 0;
}

void buf_drain(struct buf *buf, size_t len)
{
	if (len >= buf->len) {
		buf_clear(buf);
		return;
	}
	memmove(buf->data, buf->data + len, buf->len - len);
	secret_wipe(buf->data + buf->len - len, len);
	buf->len -= len;
}

void buf_clear(struct buf *buf)
{
	if (buf->data != NULL)
		secret_wipe(buf->data, buf->len + 1);
	buf->len = 0;
}

void buf_free(struct buf *buf)
{
	secret_free(buf->data, buf->size);
	buf->data = NULL;
	buf->len = buf->size = 0;
}

const char *buf_text(const struct buf *buf)
{
	return buf->data != NULL ? (const char *)buf->data : "";
}
