/*
 * test_frame.c: messages through frames, in any pieces, and frames that must end a session.
 */
#include "core/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define WIRE_MAX     ((size_t)200 * FRAME_LEN)

static const struct noise_cipher first_cipher = {.k = {{4, 2}}};

/* Both ends of a line, and what has come out of it. */
struct line {
	struct noise_cipher cipher;
	struct buf wire;
	struct frame_reader reader;
	unsigned count;
	uint8_t types[64];
	size_t lengths[64];
	struct buf last; /* the last message that was not padding */
	int answer;      /* of the callback */
};

static void line_init(struct line *line)
{
	memset(line, 0, sizeof *line);
	line->cipher = first_cipher;
	buf_init(&line->wire, WIRE_MAX);
	buf_init(&line->last, FRAME_MESSAGE_MAX);
	frame_reader_init(&line->reader, &first_cipher);
}

static void line_free(struct line *line)
{
	buf_free(&line->wire);
	buf_free(&line->last);
	frame_reader_wipe(&line->reader);
}

static int keep(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
	struct line *line = arg;

	assert_true(line->count < COUNT(line->types));
	line->types[line->count] = type;
	line->lengths[line->count++] = len;
	if (type != FRAME_PAD) {
		buf_clear(&line->last);
		assert_int_equal(buf_add(&line->last, data, len), 0);
	}
	return line->answer;
}

static void send(struct line *line, enum frame_type type, const void *message, size_t len)
{
	assert_int_equal(frame_seal(&line->cipher, type, message, len, &line->wire, NULL), 0);
}

/* One frame with anything in it; length with the "more" bit. */
static void send_raw(struct line *line, uint8_t type, uint16_t head, size_t dirt_at)
{
	uint8_t frame[FRAME_LEN] = {type, (uint8_t)(head >> 8), (uint8_t)head};

	if (dirt_at > 0)
		frame[dirt_at] = 1;
	assert_int_equal(noise_cipher_seal(&line->cipher, frame, FRAME_PLAIN_LEN, frame), 0);
	assert_int_equal(noise_cipher_rekey(&line->cipher), 0);
	assert_int_equal(buf_add(&line->wire, frame, FRAME_LEN), 0);
}

/* Read the whole wire in pieces; ERR_NONE, or why it ended. */
static enum err_code receive(struct line *line, size_t piece)
{
	struct err err = {0};

	for (size_t at = 0; at < line->wire.len; at += piece) {
		size_t len = line->wire.len - at < piece ? line->wire.len - at : piece;
		int result = frame_read(&line->reader, line->wire.data + at, len, keep, line, &err);

		if (result != 0) {
			assert_int_equal(result, -1);
			return err.code;
		}
	}
	buf_clear(&line->wire);
	return ERR_NONE;
}

static uint8_t *make_message(size_t len)
{
	uint8_t *message = malloc(len + 1);

	assert_non_null(message);
	for (size_t i = 0; i < len; i++)
		message[i] = (uint8_t)(i * 7 + i / 256);
	return message;
}

static void messages_of_all_lengths_come_back(void **state)
{
	static const size_t lengths[] = {0,
					 1,
					 FRAME_PAYLOAD_MAX - 1,
					 FRAME_PAYLOAD_MAX,
					 FRAME_PAYLOAD_MAX + 1,
					 2 * FRAME_PAYLOAD_MAX,
					 64 * 1024,
					 FRAME_MESSAGE_MAX};
	static const size_t pieces[] = {1, 487, 488, 489, 5000, SIZE_MAX / 2};

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		uint8_t *message = make_message(lengths[i]);
		size_t frames = lengths[i] == 0 ? 1 : (lengths[i] + 468) / 469;

		for (size_t j = 0; j < COUNT(pieces); j++) {
			struct line line;

			line_init(&line);
			send(&line, FRAME_DATA, message, lengths[i]);
			assert_int_equal(line.wire.len, frames * FRAME_LEN);
			assert_int_equal(line.cipher.n, frames);
			assert_int_equal(receive(&line, pieces[j]), ERR_NONE);
			assert_int_equal(line.count, 1);
			assert_int_equal(line.types[0], FRAME_DATA);
			assert_int_equal(line.last.len, lengths[i]);
			if (lengths[i] > 0)
				assert_memory_equal(line.last.data, message, lengths[i]);
			assert_memory_equal(&line.cipher, &line.reader.cipher, sizeof line.cipher);
			line_free(&line);
		}
		free(message);
	}
}

static void messages_follow_each_other(void **state)
{
	uint8_t *message = make_message(1000);
	struct line line;

	(void)state;
	line_init(&line);
	for (size_t i = 0; i < 20; i++)
		send(&line, i % 2 ? FRAME_DATA : FRAME_STATUS, message, i * 50);
	send(&line, (enum frame_type)77, "?", 1); /* unknown: the caller skips it */
	assert_int_equal(receive(&line, 700), ERR_NONE);
	assert_int_equal(line.count, 21);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(line.types[i], i % 2 ? FRAME_DATA : FRAME_STATUS);
		assert_int_equal(line.lengths[i], i * 50);
	}
	assert_int_equal(line.types[20], 77);
	line_free(&line);
	free(message);
}

static void each_frame_has_a_key_of_its_own(void **state)
{
	struct key seen[10];
	struct line line;

	(void)state;
	line_init(&line);
	for (size_t i = 0; i < COUNT(seen); i++) {
		seen[i] = line.cipher.k;
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(seen[i].bytes, seen[j].bytes, KEY_LEN);
		send(&line, FRAME_PAD, NULL, 0);
	}
	/* The same content never looks the same. */
	for (size_t i = 1; i < COUNT(seen); i++)
		assert_memory_not_equal(line.wire.data, line.wire.data + i * FRAME_LEN, 16);
	line_free(&line);
}

static void padding_may_stand_between_fragments(void **state)
{
	struct line line;

	(void)state;
	line_init(&line);
	send_raw(&line, FRAME_DATA, 0x8000 | FRAME_PAYLOAD_MAX, 0);
	send(&line, FRAME_PAD, NULL, 0);
	send_raw(&line, FRAME_DATA, 0x8000 | FRAME_PAYLOAD_MAX, 0);
	send(&line, FRAME_PAD, NULL, 0);
	send(&line, FRAME_PAD, NULL, 0);
	send_raw(&line, FRAME_DATA, 62, 0);
	assert_int_equal(receive(&line, 100), ERR_NONE);
	assert_int_equal(line.count, 4);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(line.types[i], FRAME_PAD);
		assert_int_equal(line.lengths[i], 0);
	}
	assert_int_equal(line.types[3], FRAME_DATA);
	assert_int_equal(line.lengths[3], 1000);
	line_free(&line);
}

static void no_bit_may_be_changed(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < FRAME_LEN * 8; bit += 5) {
		struct line line;

		line_init(&line);
		send(&line, FRAME_DATA, "hello", 5);
		line.wire.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(receive(&line, FRAME_LEN), ERR_CRYPTO);
		assert_int_equal(line.count, 0);
		line_free(&line);
	}
}

static void frames_keep_their_order(void **state)
{
	(void)state;
	/* 0: swapped, 1: one left out, 2: one repeated */
	for (int what = 0; what < 3; what++) {
		uint8_t first[FRAME_LEN];
		struct line line;

		line_init(&line);
		send(&line, FRAME_DATA, "one", 3);
		send(&line, FRAME_DATA, "two", 3);
		memcpy(first, line.wire.data, FRAME_LEN);
		if (what <= 1)
			memcpy(line.wire.data, line.wire.data + FRAME_LEN, FRAME_LEN);
		if (what != 1)
			memcpy(line.wire.data + FRAME_LEN, first, FRAME_LEN);
		assert_int_equal(receive(&line, FRAME_LEN), ERR_CRYPTO);
		assert_int_equal(line.count, what == 2 ? 1 : 0);
		line_free(&line);
	}
}

static void bad_frames_end_the_session(void **state)
{
	const uint16_t more = 0x8000, full = FRAME_PAYLOAD_MAX;
	const struct {
		uint8_t type;
		uint16_t head;
		size_t dirt_at; /* an offset that is not zero */
		enum err_code code;
	} rows[] = {
	    {FRAME_DATA, full, FRAME_PLAIN_LEN - 1, ERR_NONE},
	    {FRAME_DATA, (uint16_t)(full + 1), 0, ERR_PROTOCOL},
	    {FRAME_DATA, 0x7fff, 0, ERR_PROTOCOL},
	    /* padding that is not zero: first byte, last byte */
	    {FRAME_DATA, 10, 12, ERR_NONE},
	    {FRAME_DATA, 10, 13, ERR_PROTOCOL},
	    {FRAME_DATA, 10, FRAME_PLAIN_LEN - 1, ERR_PROTOCOL},
	    {FRAME_DATA, 0, 3, ERR_PROTOCOL},
	    {FRAME_PAD, 0, 471, ERR_PROTOCOL},
	    /* fragments that are not full */
	    {FRAME_DATA, more, 0, ERR_PROTOCOL},
	    {FRAME_DATA, (uint16_t)(more | (full - 1)), 0, ERR_PROTOCOL},
	    /* padding that is more than that */
	    {FRAME_PAD, 1, 0, ERR_PROTOCOL},
	    {FRAME_PAD, (uint16_t)(more | full), 0, ERR_PROTOCOL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct line line;

		line_init(&line);
		send_raw(&line, rows[i].type, rows[i].head, rows[i].dirt_at);
		assert_int_equal(receive(&line, FRAME_LEN), rows[i].code);
		line_free(&line);
	}
}

static void fragments_may_not_be_mixed(void **state)
{
	const uint16_t more_full = 0x8000 | FRAME_PAYLOAD_MAX;
	const struct {
		uint8_t type;
		uint16_t head;
		enum err_code code;
	} second[] = {
	    {FRAME_DATA, 1, ERR_NONE},       {FRAME_DATA, more_full, ERR_NONE},
	    {FRAME_STATUS, 1, ERR_PROTOCOL}, {FRAME_STATUS, more_full, ERR_PROTOCOL},
	    {FRAME_DATA, 0, ERR_PROTOCOL}, /* what was before must have been the last */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(second); i++) {
		struct line line;

		line_init(&line);
		send_raw(&line, FRAME_DATA, more_full, 0);
		send_raw(&line, second[i].type, second[i].head, 0);
		assert_int_equal(receive(&line, FRAME_LEN), second[i].code);
		line_free(&line);
	}
}

static void messages_have_a_limit(void **state)
{
	uint8_t *message = make_message(FRAME_MESSAGE_MAX + 1);
	struct line line;
	struct err err;

	(void)state;
	line_init(&line);
	assert_int_equal(
	    frame_seal(&line.cipher, FRAME_DATA, message, FRAME_MESSAGE_MAX + 1, &line.wire, &err),
	    -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(frame_seal(&line.cipher, FRAME_PAD, message, 1, &line.wire, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_memory_equal(&line.cipher, &first_cipher, sizeof first_cipher);
	assert_int_equal(line.wire.len, 0);
	/* Fragments that never end. */
	for (size_t i = 0; i <= FRAME_MESSAGE_MAX / FRAME_PAYLOAD_MAX; i++)
		send_raw(&line, FRAME_DATA, 0x8000 | FRAME_PAYLOAD_MAX, 0);
	assert_int_equal(receive(&line, FRAME_LEN), ERR_LIMIT);
	assert_int_equal(line.count, 0);
	line_free(&line);
	free(message);
}

static void sealing_needs_room(void **state)
{
	struct noise_cipher cipher = first_cipher;
	struct buf out;
	struct err err;

	(void)state;
	buf_init(&out, FRAME_LEN - 1);
	assert_int_equal(frame_seal(&cipher, FRAME_DATA, "x", 1, &out, &err), -1);
	assert_int_equal(err.code, ERR_MEMORY);
	buf_free(&out);
}

/* As an owner does who ends the session in the callback. */
static int wipe_all(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
	struct frame_reader **reader = arg;

	frame_reader_wipe(*reader);
	free(*reader);
	*reader = NULL;
	/* The message itself is still there. */
	assert_int_equal(type, FRAME_BYE);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(data[i], 'x');
	return -1;
}

static void the_callback_may_end_it_all(void **state)
{
	static const size_t lengths[] = {4, 1000};

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct frame_reader *reader = malloc(sizeof *reader);
		struct line line;
		char text[1000];

		assert_non_null(reader);
		memset(text, 'x', sizeof text);
		line_init(&line);
		frame_reader_init(reader, &first_cipher);
		send(&line, FRAME_BYE, text, lengths[i]);
		send(&line, FRAME_BYE, text, lengths[i]);
		assert_int_equal(
		    frame_read(reader, line.wire.data, line.wire.len, wipe_all, &reader, NULL), 1);
		assert_null(reader);
		line_free(&line);
	}
}

static void the_reader_is_wiped(void **state)
{
	struct line line;

	(void)state;
	line_init(&line);
	send_raw(&line, FRAME_DATA, 0x8000 | FRAME_PAYLOAD_MAX, 0);
	assert_int_equal(receive(&line, FRAME_LEN), ERR_NONE);
	frame_reader_wipe(&line.reader);
	assert_true(secret_is_zero(&line.reader, sizeof line.reader));
	line_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_of_all_lengths_come_back),
	    cmocka_unit_test(messages_follow_each_other),
	    cmocka_unit_test(each_frame_has_a_key_of_its_own),
	    cmocka_unit_test(padding_may_stand_between_fragments),
	    cmocka_unit_test(no_bit_may_be_changed),
	    cmocka_unit_test(frames_keep_their_order),
	    cmocka_unit_test(bad_frames_end_the_session),
	    cmocka_unit_test(fragments_may_not_be_mixed),
	    cmocka_unit_test(messages_have_a_limit),
	    cmocka_unit_test(sealing_needs_room),
	    cmocka_unit_test(the_callback_may_end_it_all),
	    cmocka_unit_test(the_reader_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
