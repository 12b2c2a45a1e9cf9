/* Tests of status.c and utf8.c: what a STATUS frame says, and what it must not. */
#include "core/status.h"
#include "core/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
	static const struct status_frame frames[] = {
	    {{SHOW_OFFLINE, 0, ""}, 1000, 0},
	    {{SHOW_AVAILABLE, -128, "hello"}, 120000, 1767225600000},
	    {{SHOW_CHAT, 127, "gr\xc3\xbc\xc3\x9f"}, 65535000, INT64_MAX},
	    {{SHOW_XA, 5, "\xf0\x9f\x92\xa4"}, 5000, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		uint8_t data[STATUS_FRAME_MAX];
		struct status_frame back;
		struct err err = {0};
		size_t len = status_encode(&frames[i], data);
		assert_int_equal(status_decode(data, len, &back, &err), 0);
		assert_true(status_equal(&back.status, &frames[i].status));
		assert_int_equal(back.renewal_ms, frames[i].renewal_ms);
		assert_int_equal(back.time_ms, frames[i].time_ms);
	}
}

/* Other implementations depend on these bytes. */
static void test_layout(void **state)
{
	static const struct status_frame frame = {
	    {SHOW_AWAY, -1, "hi"}, 120000, 0x0102030405060708};
	static const uint8_t expected[] = {3, 0xff, 0, 120, 1, 2, 3, 4, 5, 6, 7, 8, 'h', 'i'};
	uint8_t data[STATUS_FRAME_MAX];

	(void)state;
	assert_int_equal(status_encode(&frame, data), sizeof(expected));
	assert_memory_equal(data, expected, sizeof(expected));
}

static void test_renewal_is_rounded(void **state)
{
	static const struct {
		int64_t given, back;
	} cases[] = {{0, 1000}, {1, 1000}, {999, 1000}, {1001, 2000}, {1 << 30, 65535000}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct status_frame frame = {.renewal_ms = cases[i].given}, back;
		uint8_t data[STATUS_FRAME_MAX];
		size_t len = status_encode(&frame, data);
		assert_int_equal(status_decode(data, len, &back, NULL), 0);
		assert_int_equal(back.renewal_ms, cases[i].back);
	}
}

static void test_malformed(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} cases[] = {
	    {"", 0},
	    {"\1\0\0\170\0\0\0\0\0\0\0", 11},       /* one byte too short */
	    {"\6\0\0\170\0\0\0\0\0\0\0\1", 12},     /* no such show */
	    {"\1\0\0\0\0\0\0\0\0\0\0\1", 12},       /* no renewal */
	    {"\1\0\0\170\x80\0\0\0\0\0\0\1", 12},   /* a time before 1970 */
	    {"\1\0\0\170\0\0\0\0\0\0\0\1\xff", 13}, /* not UTF-8 */
	    {"\1\0\0\170\0\0\0\0\0\0\0\1"
	     "a\0b",
	     15},                                       /* NUL */
	    {"\1\0\0\170\0\0\0\0\0\0\0\1\xe2\x82", 14}, /* half a character */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct status_frame frame;
		struct err err = {0};
		assert_int_equal(
		    status_decode((const uint8_t *)cases[i].data, cases[i].len, &frame, &err), -1);
		assert_int_equal(err.code, ERR_PROTOCOL);
	}
}

static void test_long_text(void **state)
{
	uint8_t data[STATUS_HEAD_LEN + STATUS_TEXT_MAX + 100] = {1, 0, 0, 120};
	struct status_frame frame;

	(void)state;
	memset(data + STATUS_HEAD_LEN, 'x', STATUS_TEXT_MAX + 100);
	assert_int_equal(status_decode(data, sizeof(data), &frame, NULL), 0);
	assert_int_equal(strlen(frame.status.text), STATUS_TEXT_MAX);
	/* A character that does not fit as a whole is left out. */
	memcpy(data + STATUS_HEAD_LEN + STATUS_TEXT_MAX - 1, "\xc3\xbc", 2);
	assert_int_equal(status_decode(data, sizeof(data), &frame, NULL), 0);
	assert_int_equal(strlen(frame.status.text), STATUS_TEXT_MAX - 1);
}

static void test_copy(void **state)
{
	struct status from = {.show = SHOW_DND, .priority = 3}, to = {.show = SHOW_CHAT};
	struct err err = {0};

	(void)state;
	strcpy(from.text, "\xff");
	assert_int_equal(status_copy(&to, &from, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(to.show, SHOW_CHAT);
	/* Cut in the middle of a character by whoever filled the field. */
	memset(from.text, 'x', sizeof(from.text));
	memcpy(from.text + STATUS_TEXT_MAX - 1, "\xe2\x82", 2);
	assert_int_equal(status_copy(&to, &from, &err), 0);
	assert_int_equal(strlen(to.text), STATUS_TEXT_MAX - 1);
	assert_int_equal(to.show, SHOW_DND);
	from.show = (enum show)77;
	assert_int_equal(status_copy(&to, &from, &err), -1);
	assert_string_equal(show_name(SHOW_XA), "xa");
	assert_string_equal(show_name((enum show)77), "unknown");
}

static void test_utf8(void **state)
{
	static const struct {
		const char *text;
		int len; /* -1: bad */
	} cases[] = {
	    {"", 0},
	    {"plain", 5},
	    {"\xc2\x80", 2},
	    {"\xc1\xbf", -1},     /* overlong */
	    {"\xe0\x9f\xbf", -1}, /* overlong */
	    {"\xe0\xa0\x80", 3},
	    {"\xed\x9f\xbf", 3},
	    {"\xed\xa0\x80", -1},     /* surrogate */
	    {"\xf0\x8f\xbf\xbf", -1}, /* overlong */
	    {"\xf4\x8f\xbf\xbf", 4},
	    {"\xf4\x90\x80\x80", -1}, /* beyond U+10FFFF */
	    {"\x80", -1},
	    {"a\xc3", -1},
	    {"\xc3(", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(utf8_cut(cases[i].text, strlen(cases[i].text), 100), cases[i].len);
	assert_int_equal(utf8_cut("a\xc3\xbc", 3, 2), 1);
	assert_int_equal(utf8_cut("a\xc3\xbc", 3, 3), 3);
	assert_int_equal(utf8_cut("a\0", 2, 3), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_layout),
	    cmocka_unit_test(test_renewal_is_rounded),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_long_text),
	    cmocka_unit_test(test_copy),
	    cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
