/* Tests of opendht_json.c: what is said to a gateway, and what of its answers is taken. */
#include "core/opendht_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct seen {
	unsigned count;
	uint8_t first[4]; /* the first byte of each of the first values */
	unsigned content_after;
};

static bool on_value(void *arg, const uint8_t value[RECORD_LEN])
{
	struct seen *seen = arg;

	if (seen->count < 4)
		seen->first[seen->count] = value[0];
	assert_int_equal(value[RECORD_LEN - 1], value[0]);
	return ++seen->count == seen->content_after;
}

/* "text" with @N for the base64 of a record of bytes N, #N for one of 511 bytes, and *N for N times
 * 100 blanks. The caller frees. */
static char *expand(const char *text)
{
	size_t size = 1;
	char *out = NULL;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	for (; *text; text++) {
		uint8_t record[RECORD_LEN];
		char base64[BASE64_LEN(RECORD_LEN) + 1];

		if (*text == '*') {
			for (int i = 0; i < (text[1] - '0') * 100; i++)
				fputc(' ', f);
			text++;
		} else if (*text == '@' || *text == '#') {
			memset(record, text[1] - '0', sizeof(record));
			base64_encode(record, *text == '@' ? RECORD_LEN : RECORD_LEN - 1, base64);
			fputs(base64, f);
			text++;
		} else {
			fputc(*text, f);
		}
	}
	fclose(f);
	return out;
}

static struct seen feed(const char *text, size_t len, size_t step, unsigned content_after)
{
	struct opendht_values values;
	struct seen seen = {.content_after = content_after};

	opendht_values_init(&values, on_value, &seen);
	for (size_t at = 0; at < len; at += step)
		if (!opendht_values_feed(&values, text + at, len - at < step ? len - at : step))
			break;
	opendht_values_end(&values);
	return seen;
}

static const struct {
	const char *name;
	const char *text;
	unsigned count;
	uint8_t first[2];
} cases[] = {
    {"nothing", "", 0, {0}},
    {"one", "{\"data\":\"@1\",\"id\":\"4\",\"type\":0}\n", 1, {1}},
    {"two", "{\"data\":\"@1\"}\n{\"data\":\"@2\"}\n", 2, {1, 2}},
    {"the last without a newline", "{\"data\":\"@1\"}\n{\"data\":\"@2\"}", 2, {1, 2}},
    {"carriage returns", "{\"data\":\"@1\"}\r\n{\"data\":\"@2\"}\r\n", 2, {1, 2}},
    {"empty lines", "\n\n\n{\"data\":\"@1\"}\n\n\n", 1, {1}},
    {"other order and blanks", " {\"type\" : 0, \"id\":\"1\", \"data\" :\t\"@3\" } \n", 1, {3}},
    {"other members", "{\"data\":\"@3\",\"prio\":1,\"seq\":[1,{\"data\":\"x\"}]}\n", 1, {3}},
    {"nested", "{\"a\":{\"data\":\"@1\"}}\n[{\"data\":\"@1\"}]\n[\"@1\"]\n\"@1\"\n", 0, {0}},
    {"cut", "{\"data\":\"@1\"", 0, {0}},
    {"cut in the middle of the base64", "{\"data\":\"@1", 0, {0}},
    {"bad base64", "{\"data\":\"@1@2\"}\n{\"data\":\"!@1\"}\n{\"data\":\"@4\"}\n", 1, {4}},
    {"blank in the base64", "{\"data\":\"@1 \"}\n{\"data\":\"@4\"}\n", 1, {4}},
    {"another length", "{\"data\":\"#1\"}\n{\"data\":\"QUJD*8\"}\n{\"data\":\"@4\"}\n", 1, {4}},
    {"not a string", "{\"data\":[\"@1\"]}\n{\"data\":7*8}\n{\"data\":null*8}\n", 0, {0}},
    {"no data", "{\"dat\":\"@1\"}\n{\"DATA\":\"@1\"}\n", 0, {0}},
    {"encrypted", "{\"cypher\":\"@1\",\"id\":\"1\"}\n", 0, {0}},
    {"not JSON", "<html><body>@1</body></html>\n@1\n\x01\x02\xff@1\n{\"data\":\"@5\"}\n", 1, {5}},
    {"something behind", "{\"data\":\"@1\"}{\"data\":\"@2\"}\n{\"data\":\"@5\"} x\n", 0, {0}},
    {"an escaped value", "{\"d\\u0061ta\":\"@1\"}\n", 1, {1}},
    {"a NUL in it", "{\"data\":\"@1\\u0000\"}\n", 0, {0}},
    {"a huge line, then a good one", "{\"data\":\"@1\"*9*9*9}\n{\"data\":\"@2\"}\n", 1, {2}},
    {"a huge last line", "{\"data\":\"@2\"}\n{\"data\":\"@1\"*9*9*9}", 1, {2}},
    {"a line just long enough", "{\"data\":\"@1\"*9*4}\n", 1, {1}},
};

static void answers(void **state)
{
	static const size_t steps[] = {1, 2, 3, 7, 64, 731, 732, 733, 4096, 1000000};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = expand(cases[i].text);

		for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			struct seen seen = feed(text, strlen(text), steps[s], 0);

			if (seen.count != cases[i].count ||
			    memcmp(seen.first, cases[i].first, sizeof(cases[i].first)) != 0)
				fail_msg("%s, %zu at a time: %u values", cases[i].name, steps[s],
					 seen.count);
		}
		free(text);
	}
}

static void content_stops_the_reader(void **state)
{
	char *text = expand("{\"data\":\"@1\"}\n{\"data\":\"@2\"}\n{\"data\":\"@3\"}");

	(void)state;
	for (size_t step = 1; step < 2000; step += 37) {
		assert_int_equal(feed(text, strlen(text), step, 2).count, 2);
		assert_int_equal(feed(text, strlen(text), step, 3).count, 3);
	}
	free(text);
}

/* A line of exactly the limit is read, one of a byte more is not. */
static void longest_line(void **state)
{
	char line[OPENDHT_LINE_MAX + 2];
	char *text = expand("{\"data\":\"@1\"}");
	size_t len = strlen(text);

	(void)state;
	memset(line, ' ', sizeof(line));
	memcpy(line, text, len);
	line[OPENDHT_LINE_MAX] = '\n';
	assert_int_equal(feed(line, OPENDHT_LINE_MAX + 1, 100, 0).count, 1);
	assert_int_equal(feed(line, OPENDHT_LINE_MAX + 1, 100000, 0).count, 1);
	line[OPENDHT_LINE_MAX] = ' ';
	line[OPENDHT_LINE_MAX + 1] = '\n';
	assert_int_equal(feed(line, OPENDHT_LINE_MAX + 2, 100, 0).count, 0);
	assert_int_equal(feed(line, OPENDHT_LINE_MAX + 2, 100000, 0).count, 0);
	free(text);
}

static void flood(void **state)
{
	char *small = expand("{\"data\":\"QUJD\",\"id\":\"1\",\"type\":0}\n"), *good, *all;
	size_t size;
	FILE *f = open_memstream(&all, &size);

	(void)state;
	assert_non_null(f);
	good = expand("{\"data\":\"@7\"}\n");
	for (int i = 0; i < 100000; i++)
		fputs(small, f);
	fputs(good, f);
	fclose(f);
	assert_int_equal(feed(all, size, 1400, 0).count, 1);
	free(all);
	free(good);
	free(small);
}

static void deep_nesting_is_no_harm(void **state)
{
	char text[OPENDHT_LINE_MAX + 1];

	(void)state;
	memset(text, '[', sizeof(text));
	text[OPENDHT_LINE_MAX] = '\n';
	assert_int_equal(feed(text, sizeof(text), sizeof(text), 0).count, 0);
}

static void body_reads_back(void **state)
{
	char body[OPENDHT_BODY_LEN + 1];
	uint8_t record[RECORD_LEN];

	(void)state;
	memset(record, 9, sizeof(record));
	memset(body, 'x', sizeof(body));
	opendht_body(record, body);
	assert_int_equal(strlen(body), OPENDHT_BODY_LEN);
	assert_memory_equal(body, "{\"data\":\"CQkJ", 13);
	assert_string_equal(body + OPENDHT_BODY_LEN - 12, "=\",\"type\":0}");
	assert_int_equal(feed(body, OPENDHT_BODY_LEN, 1, 0).count, 1);
}

/* --- memory that runs short --- */

static unsigned allowed;

static void *scarce_malloc(size_t size)
{
	return allowed > 0 && allowed-- ? malloc(size) : NULL;
}

static void short_memory(void **state)
{
	char *text = expand("{\"data\":\"@1\",\"id\":\"5\",\"type\":0}\n");
	unsigned n = 0, count;

	(void)state;
	json_set_alloc_funcs(scarce_malloc, free);
	do {
		allowed = n++;
		count = feed(text, strlen(text), 5000, 0).count;
	} while (count == 0 && n < 1000);
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(count, 1);
	assert_in_range(n, 3, 999);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers),
	    cmocka_unit_test(content_stops_the_reader),
	    cmocka_unit_test(longest_line),
	    cmocka_unit_test(flood),
	    cmocka_unit_test(deep_nesting_is_no_harm),
	    cmocka_unit_test(body_reads_back),
	    cmocka_unit_test(short_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
