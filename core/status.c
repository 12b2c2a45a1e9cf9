/*
 * status.c: see status.h.
 */
#include "core/status.h"

#include "core/base/cursor.h"
#include "core/utf8.h"

#include <assert.h>
#include <string.h>

/* Copy text to out (STATUS_TEXT_MAX + 1 bytes) as far as it fits. */
static int copy_text(char *out, const void *text, size_t len)
{
	int fits = utf8_cut(text, len, STATUS_TEXT_MAX);

	if (fits < 0)
		return -1;
	memcpy(out, text, (size_t)fits);
	out[fits] = '\0';
	return 0;
}

size_t status_encode(const struct status_frame *frame, uint8_t out[STATUS_FRAME_MAX])
{
	struct writer w;
	int64_t renewal = (frame->renewal_ms + 999) / 1000;

	if (renewal < 1)
		renewal = 1;
	if (renewal > UINT16_MAX)
		renewal = UINT16_MAX;
	writer_init(&w, out, STATUS_FRAME_MAX);
	write_u8(&w, (uint8_t)frame->status.show);
	write_u8(&w, (uint8_t)frame->status.priority);
	write_u16(&w, (uint16_t)renewal);
	write_u64(&w, (uint64_t)frame->time_ms);
	write_bytes(&w, frame->status.text, strlen(frame->status.text));
	return w.len;
}

int status_decode(const uint8_t *data, size_t len, struct status_frame *frame, struct err *err)
{
	struct reader r;
	uint8_t show;
	uint16_t renewal;
	uint64_t time_ms;

	reader_init(&r, data, len);
	show = read_u8(&r);
	frame->status.priority = (int8_t)read_u8(&r);
	renewal = read_u16(&r);
	time_ms = read_u64(&r);
	if (r.bad || show > SHOW_XA || renewal == 0 || time_ms > INT64_MAX)
		return err_set(err, ERR_PROTOCOL, "malformed status");
	frame->status.show = (enum show)show;
	frame->renewal_ms = (int64_t)renewal * 1000;
	frame->time_ms = (int64_t)time_ms;
	if (copy_text(frame->status.text, r.at, r.left) < 0)
		return err_set(err, ERR_PROTOCOL, "status text is not UTF-8");
	return 0;
}

int status_copy(struct status *to, const struct status *from, struct err *err)
{
	struct status copy = {.show = from->show, .priority = from->priority};
	size_t len = strnlen(from->text, sizeof(from->text));

	if ((unsigned)from->show > SHOW_XA)
		return err_set(err, ERR_INPUT, "no such show");
	/* Without a NUL the text was cut by whoever filled it in, maybe within a character. */
	if (len == sizeof(from->text))
		while (--len > 0 && ((uint8_t)from->text[len] & 0xc0) == 0x80)
			;
	if (copy_text(copy.text, from->text, len) < 0)
		return err_set(err, ERR_INPUT, "status text is not UTF-8");
	*to = copy;
	return 0;
}

bool status_equal(const struct status *a, const struct status *b)
{
	return a->show == b->show && a->priority == b->priority && strcmp(a->text, b->text) == 0;
}

const char *show_name(enum show show)
{
	static const char *const names[] = {
	    [SHOW_OFFLINE] = "offline", [SHOW_AVAILABLE] = "available",
	    [SHOW_CHAT] = "chat",       [SHOW_AWAY] = "away",
	    [SHOW_DND] = "dnd",         [SHOW_XA] = "xa",
	};

	return (unsigned)show <= SHOW_XA ? names[show] : "unknown";
}

const struct status *status_plain(enum show show)
{
	static const struct status plain[] = {
	    [SHOW_OFFLINE] = {.show = SHOW_OFFLINE}, [SHOW_AVAILABLE] = {.show = SHOW_AVAILABLE},
	    [SHOW_CHAT] = {.show = SHOW_CHAT},       [SHOW_AWAY] = {.show = SHOW_AWAY},
	    [SHOW_DND] = {.show = SHOW_DND},         [SHOW_XA] = {.show = SHOW_XA},
	};

	assert(show <= SHOW_XA);
	return &plain[show];
}
