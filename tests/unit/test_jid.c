/* test_jid.c: addresses taken apart and normalised, in tables; limits; bad input. */
#include "xmpp/jid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
	static const struct {
		const char *text, *local, *domain, *resource;
	} cases[] = {
	    {"localhost", "", "localhost", ""},
	    {"juliet@localhost", "juliet", "localhost", ""},
	    {"juliet@localhost/balcony", "juliet", "localhost", "balcony"},
	    {"localhost/r", "", "localhost", "r"},
	    {"a@b/c@d/e", "a", "b", "c@d/e"},
	    {"a/b@c", "", "a", "b@c"},
	    {"a@b//", "a", "b", "/"},
	    {"a@b/ c ", "a", "b", " c "},
	    {"JULIET@Example.COM/Balcony", "juliet", "example.com", "Balcony"},
	    {"a@example.com.", "a", "example.com", ""},
	    {"a@127.0.0.1", "a", "127.0.0.1", ""},
	    {"a@[::1]/x", "a", "[::1]", "x"},
	    {"a@under_score.test", "a", "under_score.test", ""},
	    /* case folding and compatibility forms */
	    {"\xce\xa3@x", "\xcf\x83", "x", ""}, /* capital sigma */
	    {"stra\xc3\x9f"
	     "e@x",
	     "strasse", "x", ""},                                     /* sharp s */
	    {"\xc3\x85@x/\xe2\x84\xab", "\xc3\xa5", "x", "\xc3\x85"}, /* A ring, angstrom sign */
	    {"a\xcc\x8a@x", "\xc3\xa5", "x", ""},                     /* a and combining ring */
	    {"\xef\xbc\xa1\xef\xbc\xa2@x", "ab", "x", ""},            /* full width AB */
	    {"\xe2\x85\xa3@x", "iv", "x", ""},                        /* roman numeral four */
	    {"a\xc2\xad"
	     "b@x",
	     "ab", "x", ""}, /* soft hyphen */
	    {"a@\xe3\x82\xb5\xe3\x80\x82jp", "a", "\xe3\x82\xb5.jp",
	     ""}, /* ideographic full stop */
	    {"a@\xc3\x84.de", "a", "\xc3\xa4.de", ""},
	    {"a@x/\xf0\x9f\x98\x80", "a", "x", "\xf0\x9f\x98\x80"}, /* emoji */
	    {"a@x/\xc2\xaa", "a", "x", "a"},                        /* feminine ordinal */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jid jid, again;
		struct err err = {0};
		char text[JID_TEXT_SIZE];

		if (jid_parse(cases[i].text, &jid, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_string_equal(jid.local, cases[i].local);
		assert_string_equal(jid.domain, cases[i].domain);
		assert_string_equal(jid.resource, cases[i].resource);
		/* Its text is the same address. */
		jid_format(&jid, text);
		assert_int_equal(jid_parse(text, &again, &err), 0);
		assert_true(jid_equal(&jid, &again));
	}
}

static void test_bad(void **state)
{
	static const char *const cases[] = {
	    "",
	    "@",
	    "/",
	    "@x",
	    "a@",
	    "a@/r",
	    "/r",
	    "a@b/",
	    "a@b@c",
	    "a b@x",
	    "a@b c",
	    "a\"b@x",
	    "a&b@x",
	    "a'b@x",
	    "a:b@x",
	    "a<b@x",
	    "a>b@x",
	    "a@b:5222",
	    "a@b&c",
	    "a@<x>",
	    "a@.",
	    "a@.x",
	    "a@x..y",
	    "a@x..",
	    "a@[::1",
	    "a@::1",
	    "a@[]",
	    "a@[zz]",
	    "a@[::1].x",
	    "a@[127.0.0.1]",
	    "a@b/\x01",
	    "a\x7f@x",
	    "a@x/\x7f",
	    "\xff@x",
	    "a@\xff",
	    "a@b/\xff",
	    "a\xc0\xaf@x",
	    "\xed\xa0\x80@x",
	    "a@b/\xed\xa0\x80",
	    "a\xef\xbc\xa0"
	    "b@x", /* full width @ */
	    "a@b\xef\xbc\x8f"
	    "c", /* full width / */
	    "a\xef\xbc\x8f"
	    "b@x",        /* full width / */
	    "\xc2\xad@x", /* nothing is left */
	    "a@\xc2\xad",
	    "a@b/\xc2\xad",
	    "a\xe2\x80\x83"
	    "b@x", /* em space */
	    "a\xe2\x80\xae"
	    "b@x",               /* right-to-left override */
	    "a@b\xe2\x80\xaf/c", /* narrow space */
	    "\xd7\x90"
	    "a@x",              /* Hebrew and Latin mixed */
	    "a@x/\xee\x80\x80", /* private use */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jid jid;
		struct err err = {0};

		if (jid_parse(cases[i], &jid, &err) == 0)
			fail_msg("case %zu was taken: %s", i, cases[i]);
		assert_int_equal(err.code, ERR_INPUT);
		assert_string_equal(jid.domain, "");
		assert_int_equal(jid_parse(cases[i], &jid, NULL), -1);
	}
}

/* A local part, label or resource of len bytes. */
static int parse_filled(const char *before, char fill, size_t len, const char *after)
{
	static char text[8192];
	struct jid jid;
	size_t at = strlen(before);

	memcpy(text, before, at);
	memset(text + at, fill, len);
	strcpy(text + at + len, after);
	return jid_parse(text, &jid, NULL);
}

static void test_limits(void **state)
{
	char text[2100] = "";
	struct jid jid;
	char out[JID_TEXT_SIZE];

	(void)state;
	assert_int_equal(parse_filled("", 'a', 1023, "@x"), 0);
	assert_int_equal(parse_filled("", 'a', 1024, "@x"), -1);
	assert_int_equal(parse_filled("a@x/", 'r', 1023, ""), 0);
	assert_int_equal(parse_filled("a@x/", 'r', 1024, ""), -1);
	assert_int_equal(parse_filled("a@x/", 'r', 8000, ""), -1);
	assert_int_equal(parse_filled("a@", 'd', 63, ".x/r"), 0);
	assert_int_equal(parse_filled("a@", 'd', 64, ".x/r"), -1);
	/* Labels up to the longest domain, and one more. */
	for (int i = 0; i < 511; i++)
		strcat(text, "d.");
	strcat(text, "d");
	assert_int_equal(jid_parse(text, &jid, NULL), 0);
	jid_format(&jid, out);
	assert_int_equal(strlen(out), 1023);
	strcat(text, "d");
	assert_int_equal(jid_parse(text, &jid, NULL), -1);
	/* What grows past the limit when it is normalised: U+FDFA becomes 18 characters. */
	strcpy(text, "a@x/");
	for (int i = 0; i < 300; i++)
		strcat(text, "\xef\xb7\xba");
	assert_int_equal(jid_parse(text, &jid, NULL), -1);
}

static void test_format_and_compare(void **state)
{
	struct jid full, bare, other;
	char text[JID_TEXT_SIZE];

	(void)state;
	assert_int_equal(jid_parse("A@X/R", &full, NULL), 0);
	assert_int_equal(jid_parse("a@x", &bare, NULL), 0);
	assert_int_equal(jid_parse("x", &other, NULL), 0);
	jid_format(&full, text);
	assert_string_equal(text, "a@x/R");
	jid_format_bare(&full, text);
	assert_string_equal(text, "a@x");
	jid_format(&bare, text);
	assert_string_equal(text, "a@x");
	jid_format(&other, text);
	assert_string_equal(text, "x");
	assert_true(jid_is_bare(&bare));
	assert_false(jid_is_bare(&full));
	assert_true(jid_equal_bare(&full, &bare));
	assert_false(jid_equal(&full, &bare));
	assert_false(jid_equal_bare(&bare, &other));
}

/* The letters that look alike stay different names. */
static void test_homographs(void **state)
{
	struct jid latin, cyrillic;

	(void)state;
	assert_int_equal(jid_parse("paypal@x", &latin, NULL), 0);
	assert_int_equal(jid_parse("p\xd0\xb0yp\xd0\xb0l@x", &cyrillic, NULL), 0);
	assert_false(jid_equal(&latin, &cyrillic));
}

static void test_prepare(void **state)
{
	char out[JID_PART_MAX + 1], small[4];

	(void)state;
	assert_int_equal(jid_resource_prepare("Home \xe2\x84\xab", out), 0);
	assert_string_equal(out, "Home \xc3\x85");
	assert_int_equal(jid_resource_prepare("", out), -1);
	assert_int_equal(jid_resource_prepare("a\nb", out), -1);

	/* RFC 4013 section 3 */
	assert_int_equal(jid_saslprep("I\xc2\xadX", out, sizeof(out)), 0);
	assert_string_equal(out, "IX");
	assert_int_equal(jid_saslprep("user", out, sizeof(out)), 0);
	assert_string_equal(out, "user");
	assert_int_equal(jid_saslprep("USER", out, sizeof(out)), 0);
	assert_string_equal(out, "USER");
	assert_int_equal(jid_saslprep("\xc2\xaa", out, sizeof(out)), 0);
	assert_string_equal(out, "a");
	assert_int_equal(jid_saslprep("\xe2\x85\xa8", out, sizeof(out)), 0);
	assert_string_equal(out, "IX");
	assert_int_equal(jid_saslprep("\x07", out, sizeof(out)), -1);
	assert_int_equal(jid_saslprep("\xd8\xa7\x31", out, sizeof(out)), -1);
	assert_int_equal(jid_saslprep("", out, sizeof(out)), -1);
	assert_int_equal(jid_saslprep("\xff", out, sizeof(out)), -1);
	assert_int_equal(jid_saslprep("abc", small, sizeof(small)), 0);
	assert_int_equal(jid_saslprep("abcd", small, sizeof(small)), -1);
	assert_int_equal(jid_saslprep("\xe2\x85\xa8\x41", small, sizeof(small)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),       cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_limits),     cmocka_unit_test(test_format_and_compare),
	    cmocka_unit_test(test_homographs), cmocka_unit_test(test_prepare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
