/*
 * channel_frame.h: what the CHANNEL frames of a session say, byte by byte.
 *
 *     OPEN    1 ‖ id 4 ‖ window 4 ‖ service name    the opener takes so many bytes at first
 *     ACCEPT  2 ‖ id 4 ‖ window 4                   so does the other side
 *     DATA    3 ‖ id 4 ‖ bytes, 1 … 464
 *     CREDIT  4 ‖ id 4 ‖ bytes 4                    so many more may be sent
 *     END     5 ‖ id 4                              nothing more will come from this side
 *     ENDED   6 ‖ id 4                              … and the program has read it all
 *     RESET   7 ‖ id 4 ‖ reason 1                   both ways are over, at once
 *
 * Each goes in one frame. Ids of channels that the session's dialler opens are odd, the listener's
 * even; each side's only go up.
 */
#ifndef CORE_CHANNEL_FRAME_H
#define CORE_CHANNEL_FRAME_H

#include "core/base/err.h"
#include "core/frame.h"

#define CHANNEL_HEAD_LEN 5
#define CHANNEL_DATA_MAX (FRAME_PAYLOAD_MAX - CHANNEL_HEAD_LEN)
/* Longest name of a service, in bytes: the longest of the names in /etc/services, and room for a
 * program's name in front. */
#define CHANNEL_SERVICE_MAX 64

enum channel_op {
	CHANNEL_OPEN = 1,
	CHANNEL_ACCEPT = 2,
	CHANNEL_DATA = 3,
	CHANNEL_CREDIT = 4,
	CHANNEL_END = 5,
	CHANNEL_ENDED = 6,
	CHANNEL_RESET = 7,
};

enum channel_reason {
	CHANNEL_REFUSED = 1,  /* no such service, or not now, or not for you */
	CHANNEL_ABORTED = 2,  /* the program does not want any more */
	CHANNEL_VIOLATED = 3, /* something came that must not come */
	CHANNEL_BUSY = 4,     /* too many are open, or were opened in too short a time */
};

struct channel_frame {
	uint8_t op; /* enum channel_op, or one that we do not know */
	uint32_t id;
	uint32_t count; /* window, credit, or reason */
	/* DATA, and OPEN's service: what is read points into the frame. */
	const uint8_t *data;
	size_t len;
};

/* Is it 1 … CHANNEL_SERVICE_MAX visible ASCII characters? */
bool channel_service_valid(const void *name, size_t len);
/* ERR_PROTOCOL: malformed. What follows an op that we do not know is not looked at. */
int channel_frame_parse(const uint8_t *payload, size_t len, struct channel_frame *frame,
			struct err *err);
/* Returns the length. data is at most CHANNEL_DATA_MAX, a service name at most its maximum. */
size_t channel_frame_write(const struct channel_frame *frame, uint8_t payload[FRAME_PAYLOAD_MAX]);

#endif
