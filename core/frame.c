/*
 * frame.c: see frame.h.
 *
 *     plaintext:  0 type 1 | 1 more and length 2 | 3 payload | 3 + length zeros up to 472
 */
#include "core/frame.h"

#include "core/base/cursor.h"
#include "core/base/secret.h"

#include <string.h>

#define MORE_BIT    0x8000u
#define LENGTH_MASK 0x7fffu

/* One frame, for good: its key exists no more afterwards. */
static int seal_one(struct noise_cipher *cipher, enum frame_type type, const uint8_t *payload,
		    size_t len, bool more, struct buf *out, struct err *err)
{
	uint8_t frame[FRAME_LEN];
	struct writer w;

	writer_init(&w, frame, FRAME_PLAIN_LEN);
	write_u8(&w, (uint8_t)type);
	write_u16(&w, (uint16_t)(len | (more ? MORE_BIT : 0)));
	write_bytes(&w, payload, len);
	write_padding(&w);
	if (noise_cipher_seal(cipher, frame, FRAME_PLAIN_LEN, frame) != 0 ||
	    noise_cipher_rekey(cipher) != 0) {
		secret_wipe(frame, sizeof frame);
		return err_set(err, ERR_CRYPTO, "cannot seal a frame");
	}
	if (buf_add(out, frame, sizeof frame) != 0)
		return err_set(err, ERR_MEMORY, "no room for a frame");
	return 0;
}

int frame_seal(struct noise_cipher *cipher, enum frame_type type, const void *message, size_t len,
	       struct buf *out, struct err *err)
{
	const uint8_t *at = message;
	bool more;

	if (len > FRAME_MESSAGE_MAX || (type == FRAME_PAD && len > 0))
		return err_set(err, ERR_LIMIT, "a message of %zu bytes is too long", len);
	do {
		size_t part = len < FRAME_PAYLOAD_MAX ? len : FRAME_PAYLOAD_MAX;

		more = len > part;
		if (seal_one(cipher, type, at, part, more, out, err) != 0)
			return -1;
		if (more)
			at += part;
		len -= part;
	} while (more);
	return 0;
}

void frame_reader_init(struct frame_reader *reader, const struct noise_cipher *cipher)
{
	*reader = (struct frame_reader){.cipher = *cipher};
	buf_init(&reader->message, FRAME_MESSAGE_MAX);
}

void frame_reader_wipe(struct frame_reader *reader)
{
	buf_free(&reader->message);
	secret_wipe(reader, sizeof *reader);
}

/* What one frame says; payload points into its plaintext. */
struct content {
	uint8_t type;
	bool more;
	const uint8_t *payload;
	size_t len;
};

static int parse(const uint8_t plain[FRAME_PLAIN_LEN], struct content *content, struct err *err)
{
	static const uint8_t zeros[FRAME_PLAIN_LEN];
	struct reader r;
	uint16_t head;

	reader_init(&r, plain, FRAME_PLAIN_LEN);
	content->type = read_u8(&r);
	head = read_u16(&r);
	content->more = (head & MORE_BIT) != 0;
	content->len = head & LENGTH_MASK;
	content->payload = read_view(&r, content->len);
	if (!content->payload)
		return err_set(err, ERR_PROTOCOL, "a frame with a bad length");
	if (memcmp(r.at, zeros, r.left) != 0)
		return err_set(err, ERR_PROTOCOL, "a frame with something in its padding");
	/* One message is cut up in one way only. */
	if (content->more && content->len != FRAME_PAYLOAD_MAX)
		return err_set(err, ERR_PROTOCOL, "a fragment that is not full");
	if (content->type == FRAME_PAD && (content->more || content->len > 0))
		return err_set(err, ERR_PROTOCOL, "a padding frame with a payload");
	return 0;
}

/* Does the frame fit what came before? */
static int check_order(const struct frame_reader *reader, const struct content *content,
		       struct err *err)
{
	if (content->type == FRAME_PAD || !reader->more)
		return 0;
	if (content->type != reader->type || content->len == 0)
		return err_set(err, ERR_PROTOCOL, "a frame amid the fragments of another message");
	if (reader->message.len + content->len > FRAME_MESSAGE_MAX)
		return err_set(err, ERR_LIMIT, "a message that is too long");
	return 0;
}

typedef int (*message_handler)(void *arg, uint8_t type, const uint8_t *data, size_t len);

/* Hand over the message that is complete with this frame; 1 when the caller wants no more. */
static int finish(struct frame_reader *reader, const struct content *content,
		  message_handler message, void *arg)
{
	struct buf whole = reader->message;
	uint8_t type = content->type;
	int result;

	/* The reader must not be needed any more, since the callee may wipe it. */
	buf_init(&reader->message, FRAME_MESSAGE_MAX);
	reader->more = false;
	result = message(arg, type, whole.data, whole.len);
	buf_free(&whole);
	return result == 0 ? 0 : 1;
}

static int take(struct frame_reader *reader, const struct content *content, message_handler message,
		void *arg, struct err *err)
{
	if (check_order(reader, content, err) != 0)
		return -1;
	/* Most messages fit one frame, and padding leaves alone what is under way. */
	if (content->type == FRAME_PAD || (!reader->more && !content->more))
		return message(arg, content->type, content->payload, content->len) == 0 ? 0 : 1;
	if (buf_add(&reader->message, content->payload, content->len) != 0)
		return err_set(err, ERR_MEMORY, "no memory for a message");
	reader->type = content->type;
	reader->more = true;
	return content->more ? 0 : finish(reader, content, message, arg);
}

/* Open the frame in reader->wire. */
static int read_one(struct frame_reader *reader, message_handler message, void *arg,
		    struct err *err)
{
	uint8_t plain[FRAME_PLAIN_LEN];
	struct content content;
	int result = -1;

	reader->wire_len = 0;
	if (noise_cipher_open(&reader->cipher, reader->wire, FRAME_LEN, plain) != 0 ||
	    noise_cipher_rekey(&reader->cipher) != 0)
		err_set(err, ERR_CRYPTO, "a frame does not open");
	else if (parse(plain, &content, err) == 0)
		result = take(reader, &content, message, arg, err);
	secret_wipe(plain, sizeof plain);
	return result;
}

int frame_read(struct frame_reader *reader, const uint8_t *data, size_t len,
	       int (*message)(void *arg, uint8_t type, const uint8_t *data, size_t len), void *arg,
	       struct err *err)
{
	while (len > 0) {
		size_t wanted = FRAME_LEN - reader->wire_len;
		size_t part = len < wanted ? len : wanted;
		int result;

		memcpy(reader->wire + reader->wire_len, data, part);
		reader->wire_len += part;
		data += part;
		len -= part;
		if (reader->wire_len < FRAME_LEN)
			return 0;
		result = read_one(reader, message, arg, err);
		if (result != 0)
			return result;
	}
	return 0;
}
