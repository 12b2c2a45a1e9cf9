/*
 * test_tor_reply.c: replies of tor's control port: whole, in pieces of one byte, too long,
 * malformed.
 */
#include "core/tor_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* What was read, as text: "code[!]:line[{data}]|line…\n" a reply, "!" for an event. */
static void describe(const struct tor_reply *reply, char *out, size_t size)
{
	size_t len = strlen(out);

	len +=
	    (size_t)snprintf(out + len, size - len, "%d%s:", reply->code, reply->event ? "!" : "");
	for (size_t i = 0; i < reply->count; i++) {
		const struct tor_line *line = &reply->lines[i];

		len +=
		    (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? "|" : "", line->text);
		if (line->data != NULL)
			len += (size_t)snprintf(out + len, size - len, "{%s}", line->data);
	}
	snprintf(out + len, size - len, "\n");
}

/* Feed input in pieces of at most step bytes, each in a block of its own; describe what comes. */
static enum tor_parsed feed(const char *input, size_t step, char *out, size_t size)
{
	struct tor_parser *parser = tor_parser_new();
	const struct tor_reply *reply = NULL;
	enum tor_parsed parsed = TOR_PARSED_MORE;
	size_t left = strlen(input);
	struct err err;

	assert_non_null(parser);
	out[0] = '\0';
	while (left > 0 && parsed != TOR_PARSED_BAD) {
		size_t piece = left < step ? left : step;
		size_t used;
		char *copy = malloc(piece);

		assert_non_null(copy);
		memcpy(copy, input, piece);
		parsed = tor_parser_feed(parser, copy, piece, &used, &reply, &err);
		free(copy);
		assert_true(used <= piece);
		if (parsed == TOR_PARSED_REPLY)
			describe(reply, out, size);
		else if (parsed == TOR_PARSED_MORE)
			assert_int_equal(used, piece);
		input += used;
		left -= used;
	}
	tor_parser_free(&parser);
	assert_null(parser);
	return parsed;
}

static const struct {
	const char *input;
	const char *replies;
	enum tor_parsed end;
} cases[] = {
    {"250 OK\r\n", "250:OK\n", TOR_PARSED_REPLY},
    {"250 OK\n", "250:OK\n", TOR_PARSED_REPLY},
    {"250 \r\n", "250:\n", TOR_PARSED_REPLY},
    {"250 OK\r\n515 No\r\n", "250:OK\n515:No\n", TOR_PARSED_REPLY},
    {"250-a=1\r\n250-b=2\r\n250 OK\r\n", "250:a=1|b=2|OK\n", TOR_PARSED_REPLY},
    {"650 HS_DESC UPLOADED x\r\n250 OK\r\n", "650!:HS_DESC UPLOADED x\n250:OK\n", TOR_PARSED_REPLY},
    {"250+a=\r\nx\r\ny\r\n.\r\n250 OK\r\n", "250:a={x\ny\n}|OK\n", TOR_PARSED_REPLY},
    {"250+a=\r\n.\r\n250 OK\r\n", "250:a={}|OK\n", TOR_PARSED_REPLY},
    {"250+a=\r\n..\r\n..x\r\n.y\r\n\r\n.\r\n250 OK\r\n", "250:a={.\n.x\ny\n\n}|OK\n",
     TOR_PARSED_REPLY},
    {"250+a=\r\n250 OK\r\n.\r\n250 OK\r\n", "250:a={250 OK\n}|OK\n", TOR_PARSED_REPLY},
    {"250+a=\r\n1\r\n.\r\n250+b=\r\n2\r\n.\r\n250 OK\r\n", "250:a={1\n}|b={2\n}|OK\n",
     TOR_PARSED_REPLY},
    {"650+X\r\nd\r\n.\r\n650 OK\r\n", "650!:X{d\n}|OK\n", TOR_PARSED_REPLY},
    {"512-too few\r\n513 bad\r\n", "513:too few|bad\n", TOR_PARSED_REPLY},
    {"250 a\tb\r\n", "250:a\tb\n", TOR_PARSED_REPLY},
    {"250+a=\r\na\rb\033\r\n.\r\n250 OK\r\n", "250:a={a\rb\033\n}|OK\n", TOR_PARSED_REPLY},
    /* not whole */
    {"250 OK", "", TOR_PARSED_MORE},
    {"250-a=1\r\n", "", TOR_PARSED_MORE},
    {"250+a=\r\nx\r\n250 OK\r\n", "", TOR_PARSED_MORE},
    /* malformed */
    {"\r\n", "", TOR_PARSED_BAD},
    {"250\r\n", "", TOR_PARSED_BAD},
    {"25 OK\r\n", "", TOR_PARSED_BAD},
    {"250 a\rb\r\n", "", TOR_PARSED_BAD},
    {"250 \033[2J\r\n", "", TOR_PARSED_BAD},
    {"250 a\177b\r\n", "", TOR_PARSED_BAD},
    {"2x0 OK\r\n", "", TOR_PARSED_BAD},
    {"250=OK\r\n", "", TOR_PARSED_BAD},
    {"HTTP/1.0 200 OK\r\n", "", TOR_PARSED_BAD},
    {"250-a=1\r\n650 X\r\n", "", TOR_PARSED_BAD},
    {"650-X\r\n250 OK\r\n", "", TOR_PARSED_BAD},
    {"250 OK\r\nrubbish\r\n", "250:OK\n", TOR_PARSED_BAD},
};

static void reads_replies_in_any_pieces(void **state)
{
	char out[512];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i].input); step++) {
			assert_int_equal(feed(cases[i].input, step, out, sizeof out), cases[i].end);
			assert_string_equal(out, cases[i].replies);
		}
}

static void refuses_a_zero_byte(void **state)
{
	struct tor_parser *parser = tor_parser_new();
	const struct tor_reply *reply;
	struct err err;
	size_t used;

	(void)state;
	assert_int_equal(tor_parser_feed(parser, "250 O\0K\r\n", 9, &used, &reply, &err),
			 TOR_PARSED_BAD);
	assert_int_equal(err.code, ERR_PROTOCOL);
	/* and stays bad */
	assert_int_equal(tor_parser_feed(parser, "250 OK\r\n", 8, &used, &reply, &err),
			 TOR_PARSED_BAD);
	tor_parser_free(&parser);
}

/* head, then count times piece, then tail: how does it end? */
static enum tor_parsed feed_many(const char *head, const char *piece, size_t count,
				 const char *tail, enum err_code *code)
{
	struct tor_parser *parser = tor_parser_new();
	enum tor_parsed parsed;
	const struct tor_reply *reply;
	struct err err = {.code = ERR_NONE};
	size_t used;

	parsed = tor_parser_feed(parser, head, strlen(head), &used, &reply, &err);
	for (size_t i = 0; i < count && parsed == TOR_PARSED_MORE; i++)
		parsed = tor_parser_feed(parser, piece, strlen(piece), &used, &reply, &err);
	if (parsed == TOR_PARSED_MORE)
		parsed = tor_parser_feed(parser, tail, strlen(tail), &used, &reply, &err);
	*code = err.code;
	tor_parser_free(&parser);
	return parsed;
}

static void keeps_its_limits(void **state)
{
	static const char ten[] = "0123456789";
	enum err_code code;

	(void)state;
	/* one line */
	assert_int_equal(feed_many("250 ", ten, TOR_REPLY_LINE_MAX / 10 - 1, "\r\n", &code),
			 TOR_PARSED_REPLY);
	assert_int_equal(feed_many("250 ", ten, TOR_REPLY_LINE_MAX / 10 + 1, "\r\n", &code),
			 TOR_PARSED_BAD);
	assert_int_equal(code, ERR_LIMIT);
	/* lines */
	assert_int_equal(feed_many("", "250-a\r\n", TOR_REPLY_LINES_MAX - 1, "250 OK\r\n", &code),
			 TOR_PARSED_REPLY);
	assert_int_equal(feed_many("", "250-a\r\n", TOR_REPLY_LINES_MAX, "250 OK\r\n", &code),
			 TOR_PARSED_BAD);
	assert_int_equal(code, ERR_LIMIT);
	/* bytes of a reply */
	assert_int_equal(feed_many("250+a=\r\n", "0123456789\r\n", TOR_REPLY_MAX / 11 - 10,
				   ".\r\n250 OK\r\n", &code),
			 TOR_PARSED_REPLY);
	assert_int_equal(feed_many("250+a=\r\n", "0123456789\r\n", TOR_REPLY_MAX / 11 + 1,
				   ".\r\n250 OK\r\n", &code),
			 TOR_PARSED_BAD);
	assert_int_equal(code, ERR_LIMIT);
}

static void finds_lines(void **state)
{
	static const char text[] = "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n"
				   "250-ServiceID=abc\r\n250-Service=x\r\n250 OK\r\n";
	struct tor_parser *parser = tor_parser_new();
	const struct tor_reply *reply;
	struct err err;
	size_t used;

	(void)state;
	assert_int_equal(tor_parser_feed(parser, text, strlen(text), &used, &reply, &err),
			 TOR_PARSED_REPLY);
	assert_string_equal(tor_reply_find(reply, "AUTH"), "METHODS=NULL");
	assert_null(tor_reply_find(reply, "AUT"));
	assert_null(tor_reply_find(reply, "VERSION"));
	assert_string_equal(tor_reply_value(reply, "ServiceID"), "abc");
	assert_string_equal(tor_reply_value(reply, "Service"), "x");
	assert_null(tor_reply_value(reply, "OK"));
	tor_parser_free(&parser);
}

static const struct {
	const char *text;
	const char *key;
	const char *value; /* NULL: -1 */
} values[] = {
    {"A=1 B=2", "A", "1"},
    {"A=1 B=2", "B", "2"},
    {"A=1 B=2", "C", NULL},
    {"BA=1 A=2", "A", "2"},
    {"A=", "A", ""},
    {"A=\"\" B=1", "A", ""},
    {"A=\"x y\" B=1", "A", "x y"},
    {"A=\"B=3\" B=1", "B", "1"},
    {"A=\"\\\" B=3\" B=1", "B", "1"},
    {"A=\"q\\\"\\\\\\n\\t\\r\"", "A", "q\"\\\n\t\r"},
    {"A=\"\\101\\60x\"", "A", "A0x"},
    {"NOTICE BOOTSTRAP PROGRESS=50 TAG=x SUMMARY=\"Loading it\"", "SUMMARY", "Loading it"},
    {"NOTICE \"A=5\" A=6", "A", "6"},
    {"A=12345678", "A", NULL}, /* does not fit, see below */
    {"A=\"12345678\"", "A", NULL},
    {"A=\"x", "A", NULL},
    {"A=\"x\\", "A", NULL},
    {"A=\"x\"y", "A", NULL},
    {"A=\"\\0\"", "A", NULL},
    {"A=\"\\777\"", "A", NULL},
    {"B=\"x A=1", "A", NULL},
    {"", "A", NULL},
    {"A", "A", NULL},
};

static void reads_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		char room[64];
		/* Two cases are for the size. */
		size_t size = strstr(values[i].text, "12345678") != NULL ? 8 : sizeof room;
		int got = tor_text_value(values[i].text, values[i].key, room, size);

		assert_int_equal(got, values[i].value != NULL ? 0 : -1);
		assert_string_equal(room, values[i].value != NULL ? values[i].value : "");
	}
}

static void reads_words(void **state)
{
	char word[8];

	(void)state;
	assert_int_equal(tor_text_word("HS_DESC  UP x", 0, word, sizeof word), 0);
	assert_string_equal(word, "HS_DESC");
	assert_int_equal(tor_text_word("HS_DESC  UP x", 1, word, sizeof word), 0);
	assert_string_equal(word, "UP");
	assert_int_equal(tor_text_word("HS_DESC  UP x", 2, word, sizeof word), 0);
	assert_string_equal(word, "x");
	assert_int_equal(tor_text_word("HS_DESC  UP x ", 3, word, sizeof word), -1);
	assert_string_equal(word, "");
	assert_int_equal(tor_text_word("12345678", 0, word, sizeof word), -1);
	assert_int_equal(tor_text_word("", 0, word, sizeof word), -1);
}

static void quotes_texts(void **state)
{
	char quoted[16], back[16], line[32];

	(void)state;
	assert_int_equal(tor_text_quote("a \"b\\", quoted, sizeof quoted), 0);
	assert_string_equal(quoted, "\"a \\\"b\\\\\"");
	snprintf(line, sizeof line, "A=%s", quoted);
	assert_int_equal(tor_text_value(line, "A", back, sizeof back), 0);
	assert_string_equal(back, "a \"b\\");
	assert_int_equal(tor_text_quote("12345678901234", quoted, sizeof quoted), -1);
	assert_string_equal(quoted, "");
	assert_int_equal(tor_text_quote("a\r\nQUIT", quoted, sizeof quoted), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_replies_in_any_pieces),
	    cmocka_unit_test(refuses_a_zero_byte),
	    cmocka_unit_test(keeps_its_limits),
	    cmocka_unit_test(finds_lines),
	    cmocka_unit_test(reads_values),
	    cmocka_unit_test(reads_words),
	    cmocka_unit_test(quotes_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
