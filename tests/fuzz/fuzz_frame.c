/*
 * fuzz_frame.c: a session's frames: any bytes, and any frames that are sealed properly.
 *
 *     input: mode 1 ‖ piece 1 ‖ the rest
 *     mode even: the rest is the wire
 *     mode odd:  the rest is frames: type 1 ‖ length 2 ‖ dirt 1 ‖ n 1 ‖ n bytes of payload; the
 *                plaintext is filled up with zeros, but its last byte is dirt
 *
 * What is read must not depend on the pieces it comes in: it is read once whole, and once in pieces
 * of "piece" bytes.
 */
#include "core/base/cursor.h"
#include "core/frame.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* Enough for a message that is too long. */
#define WIRE_MAX ((size_t)200 * FRAME_LEN)
/* The type upon which the callback ends the reading. */
#define TYPE_END 0xee

static const struct noise_cipher first_cipher = {.k = {{1}}};

/* What reading came to. */
struct outcome {
	int result;
	enum err_code code;
	unsigned messages;
	size_t bytes;
	uint64_t sum; /* over all that was handed on */
};

static int count_message(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
	struct outcome *outcome = arg;

	FUZZ_CHECK(len <= FRAME_MESSAGE_MAX);
	FUZZ_CHECK(type != FRAME_PAD || len == 0);
	outcome->messages++;
	outcome->bytes += len;
	outcome->sum = outcome->sum * 31 + type;
	for (size_t i = 0; i < len; i++)
		outcome->sum = outcome->sum * 31 + data[i];
	return type == TYPE_END ? -1 : 0;
}

static void read_in_pieces(const uint8_t *wire, size_t len, size_t piece, struct outcome *outcome)
{
	struct frame_reader reader;
	struct err err = {0};

	memset(outcome, 0, sizeof *outcome);
	frame_reader_init(&reader, &first_cipher);
	for (size_t at = 0; at < len && outcome->result == 0; at += piece) {
		size_t part = len - at < piece ? len - at : piece;

		outcome->result =
		    frame_read(&reader, wire + at, part, count_message, outcome, &err);
		FUZZ_CHECK((outcome->result == -1) == (err.code != ERR_NONE));
	}
	outcome->code = err.code;
	frame_reader_wipe(&reader);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
	FUZZ_CHECK(a->result == b->result && a->code == b->code);
	FUZZ_CHECK(a->messages == b->messages && a->bytes == b->bytes && a->sum == b->sum);
}

/* Seal the frame that the reader describes; false when there is none. */
static bool seal_next(struct reader *r, struct noise_cipher *cipher, struct buf *wire)
{
	uint8_t frame[FRAME_LEN] = {0};
	uint8_t len;

	frame[0] = read_u8(r);
	frame[1] = read_u8(r);
	frame[2] = read_u8(r);
	frame[FRAME_PLAIN_LEN - 1] = read_u8(r);
	len = read_u8(r);
	if (r->bad)
		return false;
	if (len > r->left)
		len = (uint8_t)r->left;
	read_bytes(r, frame + 3, len);
	FUZZ_CHECK(noise_cipher_seal(cipher, frame, FRAME_PLAIN_LEN, frame) == 0);
	FUZZ_CHECK(noise_cipher_rekey(cipher) == 0);
	return buf_add(wire, frame, FRAME_LEN) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct noise_cipher cipher = first_cipher;
	struct outcome whole, pieces;
	struct reader r;
	struct buf wire;
	uint8_t mode, piece;

	reader_init(&r, data, size);
	mode = read_u8(&r);
	piece = read_u8(&r);
	if (r.bad)
		return 0;
	buf_init(&wire, WIRE_MAX);
	if (mode % 2 == 0)
		buf_add(&wire, r.at, r.left < WIRE_MAX ? r.left : WIRE_MAX);
	else
		while (seal_next(&r, &cipher, &wire))
			;
	if (wire.len > 0) {
		read_in_pieces(wire.data, wire.len, wire.len, &whole);
		read_in_pieces(wire.data, wire.len, (size_t)piece * 3 + 1, &pieces);
		check_same(&whole, &pieces);
	}
	buf_free(&wire);
	return 0;
}
