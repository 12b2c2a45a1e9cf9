/*
 * frame.h: a session's frames: 488 bytes on the wire each, whatever they carry.
 *
 *     plaintext 472: type 1 ‖ more 1 bit, length 15 bits ‖ payload ‖ zero padding
 *     wire 488:      plaintext sealed with the transport key ‖ tag 16
 *
 * The transport key is rekeyed after each frame (Noise specification section 4.2): each key
 * protects one frame. A message longer than FRAME_PAYLOAD_MAX goes in several frames of the same
 * type, all but the last with "more" set, not interleaved with other types except PAD.
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include "core/base/buf.h"
#include "core/noise.h"

#define FRAME_LEN         488
#define FRAME_PLAIN_LEN   (FRAME_LEN - AEAD_TAG_LEN)
#define FRAME_PAYLOAD_MAX (FRAME_PLAIN_LEN - 3)
/* Longest message over all its fragments: 64 KiB of payload and some room for its header. */
#define FRAME_MESSAGE_MAX (64 * 1024 + 256)

enum frame_type {
	FRAME_PAD = 0, /* nothing: keeps the line alive, or covers */
	FRAME_STATUS = 1,
	FRAME_DATA = 2,
	FRAME_ACK = 3,
	FRAME_REJECT = 4,
	FRAME_BYE = 5,
	FRAME_SECRET = 6,
	FRAME_CONTACT = 7,
	FRAME_ROOM = 8,
	FRAME_CHANNEL = 9, /* channel_frame.h */
};

/* Append the frames of one message to out; PAD has an empty one. cipher moves on by as many steps.
 * -1: ERR_LIMIT when it is too long, and nothing has happened; else the session must end. */
int frame_seal(struct noise_cipher *cipher, enum frame_type type, const void *message, size_t len,
	       struct buf *out, struct err *err);

/* Puts fragments together again; one for each session. */
struct frame_reader {
	struct noise_cipher cipher;
	uint8_t wire[FRAME_LEN];
	size_t wire_len; /* bytes of the present frame that have come */
	uint8_t type;    /* of the message under way */
	bool more;       /* a message is under way */
	struct buf message;
};

/* Takes cipher over. */
void frame_reader_init(struct frame_reader *reader, const struct noise_cipher *cipher);
void frame_reader_wipe(struct frame_reader *reader);

/*
 * Feed bytes in any pieces; message(arg, type, data, len) is called for each whole message (PAD
 * too, with len 0; unknown types as well: the caller skips them). A callback returning -1 ends the
 * reading at once (it may have wiped the reader's owner) and frame_read returns 1. 0: all was
 * taken; -1: *err, the session must end (ERR_CRYPTO: a seal did not open; ERR_PROTOCOL: bad length,
 * padding that is not zero, fragments mixed; ERR_LIMIT: message too long).
 */
int frame_read(struct frame_reader *reader, const uint8_t *data, size_t len,
	       int (*message)(void *arg, uint8_t type, const uint8_t *data, size_t len), void *arg,
	       struct err *err);

#endif
