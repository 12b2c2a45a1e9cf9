/* test_xml.c: trees made, changed, found, written, and read back. */
#include "tests/unit/fail_malloc.h"
#include "xmpp/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIENT "jabber:client"
#define STREAM "http://etherx.jabber.org/streams"

static const struct xml_limits limits = {XML_LIMIT_BYTES, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};

/* element as it is written inside outer_ns must be expected. */
static void assert_written(const struct xml *element, const char *outer_ns, const char *expected)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(xml_write(element, outer_ns, &out), 0);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static struct xml *parse(const char *text)
{
	struct err err = {0};
	struct xml *element = xml_parse_element(text, strlen(text), &limits, &err);

	if (!element)
		fail_msg("%s: %s", text, err.text);
	return element;
}

static void test_make_and_find(void **state)
{
	struct xml *message = xml_new("message", CLIENT), *body, *x;

	(void)state;
	assert_ptr_equal(xml_set(message, "to", "a@b"), message);
	xml_set(message, "id", "1");
	xml_set(message, "xml:lang", "de");
	body = xml_child_add(message, "body", NULL);
	assert_ptr_equal(xml_text_add(body, "1 < 2"), body);
	xml_text_add(body, " & more");
	x = xml_child_add(message, "x", "jabber:x:oob");
	xml_child_add(x, "url", NULL);

	assert_string_equal(xml_name(message), "message");
	assert_string_equal(xml_ns(body), CLIENT);
	assert_string_equal(xml_ns(xml_child(x, "url", NULL)), "jabber:x:oob");
	assert_ptr_equal(xml_child(message, "body", CLIENT), body);
	assert_null(xml_child(message, "body", "other"));
	assert_ptr_equal(xml_child(message, NULL, "jabber:x:oob"), x);
	assert_ptr_equal(xml_first(message), body);
	assert_ptr_equal(xml_next(body), x);
	assert_null(xml_next(x));
	assert_string_equal(xml_child_text(message, "body", NULL), "1 < 2 & more");
	assert_null(xml_child_text(message, "subject", NULL));
	assert_string_equal(xml_text(message), "");
	assert_string_equal(xml_get(message, "xml:lang"), "de");
	assert_null(xml_get(message, "from"));
	assert_true(xml_is(message, "message", NULL));
	assert_true(xml_is(message, NULL, CLIENT));
	assert_false(xml_is(message, "iq", CLIENT));
	assert_false(xml_is(NULL, NULL, NULL));
	assert_written(message, CLIENT,
		       "<message to='a@b' id='1' xml:lang='de'><body>1 &lt; 2 &amp; more</body>"
		       "<x xmlns='jabber:x:oob'><url/></x></message>");
	assert_int_equal(xml_rename_ns(message, CLIENT, "jabber:component:accept"), 0);
	assert_string_equal(xml_ns(body), "jabber:component:accept");
	assert_written(message, "jabber:component:accept",
		       "<message to='a@b' id='1' xml:lang='de'><body>1 &lt; 2 &amp; more</body>"
		       "<x xmlns='jabber:x:oob'><url/></x></message>");
	xml_free(&message);
	assert_null(message);
	xml_free(&message);
}

static void test_attributes(void **state)
{
	struct xml *e = xml_new("e", NULL);

	(void)state;
	xml_set(e, "a", "1");
	xml_set(e, "b", "2");
	xml_set(e, "c", "3");
	xml_set(e, "b", "x");
	assert_written(e, "", "<e a='1' b='x' c='3'/>");
	xml_set(e, "c", NULL);
	xml_set(e, "d", "4");
	xml_set(e, "a", NULL);
	xml_set(e, "none", NULL);
	assert_written(e, "", "<e b='x' d='4'/>");
	xml_set(e, "b", "\t\n\r'\"<>&");
	assert_written(e, "", "<e b='&#9;&#10;&#13;&apos;&quot;&lt;&gt;&amp;' d='4'/>");
	xml_free(&e);
}

static void test_null(void **state)
{
	struct xml *none = NULL;
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	assert_null(xml_set(none, "a", "b"));
	assert_null(xml_text_add(none, "t"));
	assert_null(xml_child_add(none, "a", NULL));
	assert_null(xml_append(none, xml_new("freed", NULL)));
	assert_null(xml_append(none, NULL));
	assert_null(xml_detach(none));
	assert_null(xml_copy(none));
	assert_null(xml_first(none));
	assert_null(xml_next(none));
	assert_null(xml_child(none, NULL, NULL));
	assert_null(xml_get(none, "a"));
	assert_string_equal(xml_text(none), "");
	assert_null(xml_child_text(none, "a", NULL));
	assert_int_equal(xml_write(none, "", &out), -1);
	buf_free(&out);
}

static void test_detach_keeps_namespace(void **state)
{
	struct xml *e = parse("<a xmlns='one'><b/>t<c xmlns='two'><d/></c><e/></a>");
	struct xml *b = xml_detach(xml_child(e, "b", NULL));
	struct xml *d = xml_detach(xml_child(xml_child(e, "c", NULL), "d", NULL));

	(void)state;
	assert_written(b, "", "<b xmlns='one'/>");
	assert_written(d, "one", "<d xmlns='two'/>");
	assert_written(e, "", "<a xmlns='one'>t<c xmlns='two'/><e/></a>");
	assert_ptr_equal(xml_detach(b), b);
	xml_append(e, b);
	xml_append(xml_child(e, "c", NULL), d);
	assert_written(e, "one", "<a>t<c xmlns='two'><d/></c><e/><b/></a>");
	while (xml_first(e)) {
		struct xml *child = xml_detach(xml_first(e));

		xml_free(&child);
	}
	assert_written(e, "one", "<a>t</a>");
	xml_free(&e);
}

static void test_copy(void **state)
{
	const char *text =
	    "<a xmlns='one' x='1' xmlns:a0='f' a0:y='2' xml:lang='fr'>p<b>q</b>r<c/>s</a>";
	struct xml *e = parse(text), *copy = xml_copy(e),
		   *child = xml_copy(xml_child(e, "b", NULL));

	(void)state;
	xml_free(&e);
	assert_written(copy, "", text);
	assert_written(child, "", "<b xmlns='one'>q</b>");
	xml_free(&copy);
	xml_free(&child);
}

/* What cannot stand in XML must not get out, or the stream of the one who receives it ends. */
static void test_bad_characters(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	    {"plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
	     "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
	    {"a\x01z", "a\xef\xbf\xbdz"},
	    {"a\x1bz\x7f", "a\xef\xbf\xbdz\x7f"},
	    {"\t\n\r", "\t\n\r"},
	    {"\xff", "\xef\xbf\xbd"},
	    {"\xc3", "\xef\xbf\xbd"},                                 /* cut short */
	    {"\xe2\x82z", "\xef\xbf\xbd\xef\xbf\xbdz"},               /* cut short */
	    {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
	    {"\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong */
	    {"\xed\xa0\x80", "\xef\xbf\xbd"},                         /* surrogate */
	    {"\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd"}, /* U+FFFE, U+FFFF */
	    {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},                 /* U+10FFFF */
	    {"\xf4\x90\x80\x80", "\xef\xbf\xbd"},                     /* past the last */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct xml *e = xml_new("e", NULL), *back;
		struct buf out;

		xml_text_add(e, cases[i].text);
		xml_set(e, "v", cases[i].text);
		assert_string_equal(xml_text(e), cases[i].expected);
		assert_string_equal(xml_get(e, "v"), cases[i].expected);
		buf_init(&out, 1000);
		assert_int_equal(xml_write(e, "", &out), 0);
		back = parse(buf_text(&out));
		assert_string_equal(xml_text(back), cases[i].expected);
		assert_string_equal(xml_get(back, "v"), cases[i].expected);
		buf_free(&out);
		xml_free(&back);
		xml_free(&e);
	}
}

/* Read, then written into outer_ns. */
static void test_write(void **state)
{
	static const struct {
		const char *text, *outer_ns, *expected;
	} cases[] = {
	    {"<a xmlns='n'/>", "n", "<a/>"},
	    {"<a xmlns='n'/>", "", "<a xmlns='n'/>"},
	    {"<a/>", "n", "<a xmlns=''/>"},
	    {"<p:a xmlns:p='n'><p:b/></p:a>", "", "<a xmlns='n'><b/></a>"},
	    {"<p:a xmlns:p='n'><b/></p:a>", "", "<a xmlns='n'><b xmlns=''/></a>"},
	    {"<a xmlns='n'><b xmlns='m'/><c/></a>", "n", "<a><b xmlns='m'/><c/></a>"},
	    {"<a xmlns='x&apos;y'/>", "", "<a xmlns='x&apos;y'/>"},
	    {"<a>x<b/>y<c>z</c></a>", "", "<a>x<b/>y<c>z</c></a>"},
	    {"<a><![CDATA[<&]]>]]&gt;</a>", "", "<a>&lt;&amp;]]&gt;</a>"},
	    {"<a>\n\t&#13;</a>", "", "<a>\n\t&#13;</a>"},
	    {"<a b='&#10; \n'/>", "", "<a b='&#10;  '/>"},
	    {"<a xmlns:p='n' xmlns:q='m' p:x='1' q:x='2' x='3'/>", "",
	     "<a xmlns:a0='n' a0:x='1' xmlns:a1='m' a1:x='2' x='3'/>"},
	    {"<a xml:lang='en'/>", "", "<a xml:lang='en'/>"},
	    {"<s:features xmlns:s='" STREAM "'><a xmlns='n'/></s:features>", "n",
	     "<stream:features xmlns:stream='" STREAM "'><a/></stream:features>"},
	    {"<features xmlns='" STREAM "'><a xmlns=''/></features>", "n",
	     "<stream:features xmlns:stream='" STREAM "'><a xmlns=''/></stream:features>"},
	    {"<a xmlns='n'><xml:b><c/></xml:b></a>", "", "<a xmlns='n'><xml:b><c/></xml:b></a>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct xml *e = parse(cases[i].text);

		assert_written(e, cases[i].outer_ns, cases[i].expected);
		xml_free(&e);
	}
}

/* A buffer that is too small must be left as it was. */
static void test_write_limit(void **state)
{
	struct xml *e = parse("<a x='1'>text<b/></a>");
	const size_t whole = strlen("<a x='1'>text<b/></a>");

	(void)state;
	for (size_t limit = 3; limit <= 3 + whole; limit++) {
		struct buf out;

		buf_init(&out, limit);
		assert_int_equal(buf_add_text(&out, "pre"), 0);
		assert_int_equal(xml_write(e, "", &out), limit == 3 + whole ? 0 : -1);
		assert_int_equal(out.len, limit == 3 + whole ? limit : 3);
		assert_int_equal(strlen(buf_text(&out)), out.len);
		buf_free(&out);
	}
	xml_free(&e);
}

static void test_escape(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(xml_escape("a<b>&'\"c", &out), 0);
	assert_string_equal(buf_text(&out), "a&lt;b&gt;&amp;&apos;&quot;c");
	assert_int_equal(xml_escape("", &out), 0);
	buf_free(&out);
}

/* One stanza made, copied, taken apart and written; false if a step said that it failed. */
static bool build(struct buf *out)
{
	struct xml *e = xml_new("message", CLIENT), *copy = NULL, *child = NULL;
	bool good = xml_set(e, "to", "x") &&
		    xml_text_add(xml_child_add(e, "body", NULL), "hello") &&
		    xml_child_add(e, "x", "n") && (copy = xml_copy(e)) &&
		    (child = xml_detach(xml_child(copy, "body", NULL))) && xml_set(e, "to", "y") &&
		    xml_write(e, CLIENT, out) == 0;

	xml_free(&e);
	xml_free(&copy);
	xml_free(&child);
	return good;
}

static void test_allocation_failures(void **state)
{
	(void)state;
	for (long n = 0;; n++) {
		struct buf out;
		bool good, failed;

		buf_init(&out, 1000);
		fail_malloc_arm(n);
		good = build(&out);
		failed = fail_malloc_disarm();
		/* Only a buffer or a block that is made smaller may fail without notice. */
		if (good)
			assert_string_equal(
			    buf_text(&out),
			    "<message to='y'><body>hello</body><x xmlns='n'/></message>");
		buf_free(&out);
		if (!failed) {
			assert_true(good);
			assert_true(n > 15);
			return;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_make_and_find), cmocka_unit_test(test_attributes),
	    cmocka_unit_test(test_null),          cmocka_unit_test(test_detach_keeps_namespace),
	    cmocka_unit_test(test_copy),          cmocka_unit_test(test_bad_characters),
	    cmocka_unit_test(test_write),         cmocka_unit_test(test_write_limit),
	    cmocka_unit_test(test_escape),        cmocka_unit_test(test_allocation_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
