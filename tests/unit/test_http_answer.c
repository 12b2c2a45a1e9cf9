/* Tests of http_answer.c: each answer is read at once and byte by byte. */
#include "core/http_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
	const char *answer;
	const char *body; /* NULL: refused */
	int status;
	bool done;  /* before the stream ends */
	bool whole; /* when it ends then */
} answers[] = {
    {OK "Content-Length: 5\r\n\r\nhello", "hello", 200, true, true},
    {OK "Content-Length: 5\r\n\r\nhello there", "hello", 200, true, true},
    {OK "content-length:5\r\n\r\nhell", "hell", 200, false, false},
    {OK "Content-Length: 0\r\n\r\n", "", 200, true, true},
    {OK "Content-Length: 5 \t\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, true, true},
    {OK "\r\nhello", "hello", 200, false, true},
    {"HTTP/1.0 404\n\nno", "no", 404, false, true},
    {"HTTP/1.1 204 No Content\r\n\r\n", "", 204, true, true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", 304, true, true},
    {"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 1\r\n\r\n.", ".", 302, true,
     true},
    {"HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\n" OK "Content-Length: 1\r\n\r\n1", "1", 200,
     true, true},
    {OK "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n there\r\n0\r\n\r\nx",
     "hello there", 200, true, true},
    {OK "Transfer-Encoding: chunked\r\n\r\n0A \r\n0123456789\r\n000\r\nDate: x\r\n\r\n",
     "0123456789", 200, true, true},
    {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello", 200, false, false},
    {OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "", 200, false, false},
    {OK, "", 200, false, false},
    {"", "", 0, false, false},
    {"\r\n" OK, NULL, 0, false, false},
    {"SSH-2.0-x\r\n", NULL, 0, false, false},
    {"HTTP/2 200\r\n\r\n", NULL, 0, false, false},
    {"HTTP/1.1 20 OK\r\n\r\n", NULL, 0, false, false},
    {"HTTP/1.1 2000 OK\r\n\r\n", NULL, 0, false, false},
    {"HTTP/1.1 099 OK\r\n\r\n", NULL, 0, false, false},
    {"HTTP/1.1 101 Switching\r\n\r\n", NULL, 0, false, false},
    {OK "no colon\r\n\r\n", NULL, 0, false, false},
    {OK ": no name\r\n\r\n", NULL, 0, false, false},
    {OK "A: b\r\n folded\r\n\r\n", NULL, 0, false, false},
    {OK "Content-Length : 5\r\n\r\n", NULL, 0, false, false},
    {OK "Content-Length: -5\r\n\r\n", NULL, 0, false, false},
    {OK "Content-Length: 5, 5\r\n\r\n", NULL, 0, false, false},
    {OK "Content-Length:\r\n\r\n", NULL, 0, false, false},
    {OK "Content-Length: 18446744073709551621\r\n\r\n", NULL, 0, false, false},
    {OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", NULL, 0, false, false},
    {OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", NULL, 0, false, false},
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", NULL, 0, false, false},
    {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", NULL, 0, false, false},
    {OK "Transfer-Encoding: chunked\r\n\r\n\r\n", NULL, 0, false, false},
    {OK "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", NULL, 0, false, false},
    {OK "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n", NULL, 0, false, false},
    {OK "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\n", NULL, 0, false, false},
};

struct seen {
	struct http_answer answer;
	struct err err;
	char body[64];
	size_t body_len, used;
};

static int feed(struct seen *seen, const char *data, size_t len)
{
	const uint8_t *at = (const uint8_t *)data, *body;
	size_t used, body_len;

	for (; len > 0 && seen->answer.state != HTTP_ANSWER_DONE; at += used, len -= used) {
		if (http_answer_feed(&seen->answer, at, len, &used, &body, &body_len, &seen->err))
			return -1;
		assert_in_range(used, 1, len);
		assert_true(seen->body_len + body_len < sizeof(seen->body));
		memcpy(seen->body + seen->body_len, body, body_len);
		seen->body_len += body_len;
		seen->used += used;
	}
	return 0;
}

static void check(size_t i, size_t piece)
{
	const char *text = answers[i].answer;
	size_t len = strlen(text);
	struct seen seen = {.used = 0};
	int result = 0;

	http_answer_start(&seen.answer);
	for (size_t at = 0; at < len && result == 0; at += piece)
		result = feed(&seen, text + at, len - at < piece ? len - at : piece);
	if ((result == 0) != (answers[i].body != NULL))
		fail_msg("%s: %d", text, result);
	if (result) {
		assert_int_equal(seen.err.code, ERR_PROTOCOL);
		return;
	}
	assert_string_equal(seen.body, answers[i].body);
	assert_int_equal(seen.answer.status, answers[i].status);
	assert_int_equal(seen.answer.state == HTTP_ANSWER_DONE, answers[i].done);
	assert_int_equal(http_answer_is_whole(&seen.answer), answers[i].whole);
}

static void read_at_once_and_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		check(i, 1000);
		check(i, 7);
		check(i, 1);
	}
}

static const struct {
	const char *date;
	int64_t seconds;
} dates[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
    {"Sunday, 06-Nov-94 08:49:37 GMT", -1},
    {"Sun Nov  6 08:49:37 1994", -1},
    {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
    {"Sun, 06 Nov 1994 08:49:37 GMT+1", -1},
    {"Sun, 06 anF 1994 08:49:37 GMT", -1},
    {"Sun, 06 N 1994 08:49:37 GMT", -1},
    {"", -1},
};

static void the_date(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		struct seen seen = {.used = 0};
		char text[200];

		snprintf(text, sizeof(text), OK "Date: %s\r\n\r\n", dates[i].date);
		http_answer_start(&seen.answer);
		assert_int_equal(feed(&seen, text, strlen(text)), 0);
		if (seen.answer.date_s != dates[i].seconds)
			fail_msg("%s: %lld", dates[i].date, (long long)seen.answer.date_s);
	}
}

/* Lines without end, many lines, many interim answers, trailers: all have the one limit. */
static void the_head_has_a_limit(void **state)
{
	static const struct {
		const char *begin, *again;
	} floods[] = {
	    {OK "A:", "b"},
	    {OK, "A: b\r\n"},
	    {"", "HTTP/1.1 103 Early Hints\r\n\r\n"},
	    {OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		struct seen seen = {.used = 0};
		size_t len = strlen(floods[i].again);
		int result;

		http_answer_start(&seen.answer);
		result = feed(&seen, floods[i].begin, strlen(floods[i].begin));
		for (size_t sent = 0; result == 0 && sent < 2 * HTTP_HEADERS_MAX; sent += len)
			result = feed(&seen, floods[i].again, len);
		assert_int_equal(result, -1);
		assert_int_equal(seen.err.code, ERR_LIMIT);
	}
}

/* What is cut off of a long line must not change what the line says. */
static void a_long_line_is_not_misread(void **state)
{
	static const char *const names[] = {"Content-Length", "Transfer-Encoding", "X", "Date"};
	char text[600];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct seen seen = {.used = 0};

		snprintf(text, sizeof(text), OK "%s: 1%300s\r\n\r\n", names[i], "2");
		http_answer_start(&seen.answer);
		assert_int_equal(feed(&seen, text, strlen(text)), i < 2 ? -1 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read_at_once_and_in_pieces),
	    cmocka_unit_test(the_date),
	    cmocka_unit_test(the_head_has_a_limit),
	    cmocka_unit_test(a_long_line_is_not_misread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
