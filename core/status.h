/*
 * status.h: what a STATUS frame says.
 *
 *     show 1 ‖ priority 1 ‖ renewal s 2 ‖ time ms 8 ‖ text (UTF-8, the rest)
 *
 * renewal: the sender says the same again after about this long, so that its silence means
 * something. Paper 000 section 7.2.
 */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include "core/engine.h"

#define STATUS_HEAD_LEN 12
/* Longest frame that is written, in bytes. */
#define STATUS_FRAME_MAX (STATUS_HEAD_LEN + STATUS_TEXT_MAX)
/* Longest renewal that can be announced, in ms: the field has 16 bits of seconds. */
#define STATUS_RENEWAL_MAX_MS ((int64_t)65535 * 1000)

struct status_frame {
	struct status status;
	int64_t renewal_ms; /* goes as whole seconds, at least one, rounded up */
	int64_t time_ms;    /* Unix time of the sender */
};

/* Returns the length. */
size_t status_encode(const struct status_frame *frame, uint8_t out[STATUS_FRAME_MAX]);
/* A text that is too long is cut. ERR_PROTOCOL: too short, an unknown show, a renewal or time that
 * cannot be, text that is not UTF-8 or has a NUL. */
int status_decode(const uint8_t *data, size_t len, struct status_frame *frame, struct err *err);

/* Copy, with the text cut at a character if it is longer than STATUS_TEXT_MAX. ERR_INPUT: no such
 * show, or the text is not UTF-8; *to is then unchanged. */
int status_copy(struct status *to, const struct status *from, struct err *err);
bool status_equal(const struct status *a, const struct status *b);
/* The status of this show with priority 0 and no text; lives for ever. */
const struct status *status_plain(enum show show);

#endif
