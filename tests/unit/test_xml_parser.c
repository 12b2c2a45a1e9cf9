/*
 * test_xml_parser.c: what the parser reports and refuses, as text in tables. Each input is fed
 * whole, one byte at a time and in odd pieces, and must give the same each time.
 */
#include "tests/unit/fail_malloc.h"
#include "xmpp/xml.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OPEN   "<s:s xmlns='c' xmlns:s='http://etherx.jabber.org/streams'>"
#define OPEN_P "<s:s xmlns='c' xmlns:p='n' xmlns:s='http://etherx.jabber.org/streams'>"
#define OPENED "(stream:s)"

static const struct xml_limits wide = {XML_LIMIT_BYTES, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};

/* A parser and what it has reported: "(root)", stanzas as they are written in namespace "c", "."
 * for the end, "!condition" for an error, "-<head/>" for a stanza that is left out. */
struct recorder {
	struct xml_parser *parser;
	struct buf log;
	unsigned stanzas;
};

/* How long a stanza that is left out may be; 0: none is, and each ends the stream. */
static size_t leave_out;

/* Stanzas with these names make the handler act. */
static void obey(struct recorder *r, const char *name)
{
	if (strcmp(name, "reset") == 0)
		xml_parser_reset(r->parser);
	if (strcmp(name, "stop") == 0)
		xml_parser_stop(r->parser);
}

static void on_opened(void *arg, const struct xml *root)
{
	struct recorder *r = arg;

	buf_printf(&r->log, "(%s%s)", strstr(xml_ns(root), "streams") ? "stream:" : "",
		   xml_name(root));
	obey(r, xml_name(root));
}

static void on_stanza(void *arg, struct xml *stanza)
{
	struct recorder *r = arg;

	r->stanzas++;
	xml_write(stanza, "c", &r->log);
	obey(r, xml_name(stanza));
	xml_free(&stanza);
}

static void on_closed(void *arg)
{
	struct recorder *r = arg;

	buf_add_text(&r->log, ".");
	obey(r, "none");
}

static void on_left_out(void *arg, struct xml *head)
{
	struct recorder *r = arg;

	buf_add_text(&r->log, "-");
	on_stanza(arg, head);
}

static const struct xml_handler handler = {on_opened, on_stanza, on_closed};

static int recorder_init(struct recorder *r, const struct xml_limits *limits)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->log, 1 << 20);
	r->parser = xml_parser_new(limits, &handler, r);
	if (r->parser && leave_out)
		xml_parser_leave_out(r->parser, leave_out, on_left_out);
	return r->parser ? 0 : -1;
}

static void recorder_end(struct recorder *r)
{
	xml_parser_free(&r->parser);
	buf_free(&r->log);
}

/* Feed in pieces until the end or an error. Returns the bytes taken before the error, or len. */
static size_t feed(struct recorder *r, const char *data, size_t len, size_t piece)
{
	struct err err = {0}, again = {0};

	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		if (xml_parse(r->parser, data + at, n, &err) == 0)
			continue;
		buf_printf(&r->log, "!%s", err.text);
		/* The error stays. */
		assert_int_equal(xml_parse(r->parser, "<a/>", 4, &again), -1);
		assert_string_equal(again.text, err.text);
		assert_int_equal(again.code, err.code);
		return at;
	}
	return len;
}

static void check(const char *input, size_t len, const struct xml_limits *limits,
		  const char *expected)
{
	static const size_t pieces[] = {1 << 20, 1, 2, 7};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct recorder r;

		assert_int_equal(recorder_init(&r, limits), 0);
		feed(&r, input, len, pieces[i]);
		if (strcmp(buf_text(&r.log), expected) != 0)
			fail_msg("%.100s\nin pieces of %zu gives %s\ninstead of %s", input,
				 pieces[i], buf_text(&r.log), expected);
		recorder_end(&r);
	}
}

static void test_streams(void **state)
{
	static const struct {
		const char *input, *expected;
	} cases[] = {
	    {"", ""},
	    {OPEN, OPENED},
	    {"<?xml version='1.0'?>" OPEN, OPENED},
	    {"<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n" OPEN, OPENED},
	    {"<?xml version='1.0' encoding='utf-8'?>" OPEN, OPENED},
	    {"\xef\xbb\xbf" OPEN, OPENED},
	    {OPEN "<a/>", OPENED "<a/>"},
	    {OPEN " <a/>\n\n<b/>\t ", OPENED "<a/><b/>"},
	    {OPEN "<a/></s:s>", OPENED "<a/>."},
	    {OPEN "<a/></s:s>\n ", OPENED "<a/>."},
	    {"<s/>", "(s)."},
	    {OPEN "<a><b>t</b>u<c x='1' xml:lang='de'/></a>",
	     OPENED "<a><b>t</b>u<c x='1' xml:lang='de'/></a>"},
	    {OPEN "<a xmlns='n'><b/><c xmlns=''/></a>",
	     OPENED "<a xmlns='n'><b/><c xmlns=''/></a>"},
	    {OPEN "<s:error/>",
	     OPENED "<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>"},
	    {OPEN "<p:a xmlns:p='n' p:x='1'/>", OPENED "<a xmlns='n' xmlns:a0='n' a0:x='1'/>"},
	    {OPEN "<a><![CDATA[<b>&amp;]]>x</a>", OPENED "<a>&lt;b&gt;&amp;amp;x</a>"},
	    {OPEN "<![CDATA[ ]]><a/>", OPENED "<a/>"},
	    {OPEN "<a>&lt;&#x20ac;&#228;&apos;</a>",
	     OPENED "<a>&lt;\xe2\x82\xac\xc3\xa4&apos;</a>"},
	    {OPEN "<a>\r\n</a>", OPENED "<a>\n</a>"},
	    {OPEN "<a b='&gt;>'/>", OPENED "<a b='&gt;&gt;'/>"},
	    /* not well-formed */
	    {"x y", "!not-well-formed"},
	    {"<a/><b/>", "(a).!not-well-formed"},
	    {OPEN "<a></b>", OPENED "!not-well-formed"},
	    {OPEN "<a/></s:s>x", OPENED "<a/>.!not-well-formed"},
	    {OPEN "<a x='1' x='2'/>", OPENED "!not-well-formed"},
	    {OPEN "<a xmlns:p='n' xmlns:q='n' p:x='' q:x=''/>", OPENED "!not-well-formed"},
	    {OPEN "<a x=1/>", OPENED "!not-well-formed"},
	    {OPEN "<p:a/>", OPENED "!not-well-formed"},
	    {OPEN "<a p:x=''/>", OPENED "!not-well-formed"},
	    {OPEN "<a:b:c xmlns:a='n'/>", OPENED "!not-well-formed"},
	    {OPEN "<xmlns:a/>", OPENED "!not-well-formed"},
	    {OPEN "<a xmlns:p=''/>", OPENED "!not-well-formed"},
	    {OPEN "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", OPENED "!not-well-formed"},
	    {OPEN "<a xmlns:xml='n'/>", OPENED "!not-well-formed"},
	    {OPEN "<a>]]></a>", OPENED "!not-well-formed"},
	    {OPEN "<a>&#0;</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>&#1;</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>\x01</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>&#xd800;</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>&#x110000;</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>& </a>", OPENED "!not-well-formed"},
	    {OPEN "<?xml version='1.0'?><a/>", OPENED "!not-well-formed"},
	    /* bad UTF-8 */
	    {OPEN "<a>\xff</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>\xc3(</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>\xc0\xaf</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>\xed\xa0\x80</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>\xef\xbf\xbf</a>", OPENED "!not-well-formed"},
	    {OPEN "<a>\xf4\x90\x80\x80</a>", OPENED "!not-well-formed"},
	    {OPEN "<\xc3\xa4/>", OPENED "<\xc3\xa4/>"},
	    /* other encodings */
	    {"<?xml version='1.0' encoding='ISO-8859-1'?>" OPEN, "!unsupported-encoding"},
	    {"<?xml version='1.0' encoding='UTF-16'?>" OPEN, "!unsupported-encoding"},
	    {"<?xml version='1.0' encoding='none'?>" OPEN, "!unsupported-encoding"},
	    {"\xfe\xff", "!not-well-formed"},
	    {"\xff\xfe<", "!not-well-formed"},
	    /* RFC 6120 section 11.1 */
	    {"<!DOCTYPE s>" OPEN, "!restricted-xml"},
	    {"<!DOCTYPE s SYSTEM 'file:///etc/passwd'>" OPEN, "!restricted-xml"},
	    {"<!DOCTYPE s [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><s>&b;</s>",
	     "!restricted-xml"},
	    {"<!DOCTYPE s [<!ENTITY % p SYSTEM 'http://127.0.0.1/'> %p;]><s/>", "!restricted-xml"},
	    {OPEN "<!DOCTYPE s>", OPENED "!not-well-formed"},
	    {OPEN "<a>&nbsp;</a>", OPENED "!restricted-xml"},
	    {OPEN "<a b='&e;'/>", OPENED "!restricted-xml"},
	    {"<!-- c -->" OPEN, "!restricted-xml"},
	    {OPEN "<!-- c -->", OPENED "!restricted-xml"},
	    {OPEN "<a><!-- c --></a>", OPENED "!restricted-xml"},
	    {"<?pi x?>" OPEN, "!restricted-xml"},
	    {OPEN "<a/><?pi?>", OPENED "<a/>!restricted-xml"},
	    {OPEN "<a/></s:s><!---->", OPENED "<a/>.!restricted-xml"},
	    /* text between stanzas */
	    {OPEN "x", OPENED "!bad-format"},
	    {OPEN "<a/> \n x<b/>", OPENED "<a/>!bad-format"},
	    {OPEN "&#160;", OPENED "!bad-format"},
	    /* handlers that reset and stop */
	    {OPEN "<reset/>", OPENED "<reset/>"},
	    {OPEN "<stop/><a/>", OPENED "<stop/>"},
	    {"<stop><a/></stop>", "(stop)"},
	    {"<stop/>", "(stop)"},
	    {OPEN "<stop/>!!not xml", OPENED "<stop/>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].input, strlen(cases[i].input), &wide, cases[i].expected);
	check(OPEN "<a>\0</a>", sizeof(OPEN "<a>\0</a>") - 1, &wide, OPENED "!not-well-formed");
	check("<\0s\0>\0", 6, &wide, "!not-well-formed");
}

/* After a reset in a handler the rest of that call is dropped; the next call begins a document. */
static void test_reset(void **state)
{
	struct recorder r;

	(void)state;
	assert_int_equal(recorder_init(&r, &wide), 0);
	feed(&r, OPEN "<reset/><dropped/>", sizeof(OPEN "<reset/><dropped/>") - 1, 1 << 20);
	feed(&r, "<?xml version='1.0'?><s><a/>", 28, 1);
	assert_string_equal(buf_text(&r.log), OPENED "<reset/>(s)<a xmlns=''/>");
	buf_clear(&r.log);
	/* From outside, in the middle of a stanza and after an error. */
	feed(&r, "<half><deep>", 12, 5);
	xml_parser_reset(r.parser);
	feed(&r, "<s>text", 7, 20);
	xml_parser_reset(r.parser);
	feed(&r, "<s><a/></s>", 11, 20);
	assert_string_equal(buf_text(&r.log), "(s)!bad-format(s)<a xmlns=''/>.");
	buf_clear(&r.log);
	/* A root that resets. */
	xml_parser_reset(r.parser);
	feed(&r, "<reset>", 7, 20);
	feed(&r, "<s/>", 4, 20);
	assert_string_equal(buf_text(&r.log), "(reset)(s).");
	/* Once stopped it stays so. */
	xml_parser_stop(r.parser);
	xml_parser_reset(r.parser);
	feed(&r, "<s/>", 4, 20);
	assert_string_equal(buf_text(&r.log), "(reset)(s).");
	recorder_end(&r);
}

/* --- limits --- */

static char *repeat(const char *before, const char *what, size_t count, const char *after)
{
	size_t n = strlen(what), at = strlen(before);
	char *text = malloc(at + n * count + strlen(after) + 1);

	strcpy(text, before);
	for (size_t i = 0; i < count; i++, at += n)
		memcpy(text + at, what, n);
	strcpy(text + at, after);
	return text;
}

static void check_repeat(const char *before, const char *what, size_t count, const char *after,
			 const struct xml_limits *limits, bool refused)
{
	static const size_t pieces[] = {1 << 22, 1, 4097};
	char *text = repeat(before, what, count, after);
	size_t len = strlen(text);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct recorder r;
		const char *error;

		assert_int_equal(recorder_init(&r, limits), 0);
		feed(&r, text, len, pieces[i]);
		error = strchr(buf_text(&r.log), '!');
		if (refused != (error && strcmp(error, "!policy-violation") == 0))
			fail_msg("%zu times %.20s in pieces of %zu: %.100s", count, what, pieces[i],
				 error ? error : "taken");
		if (!refused)
			assert_null(error);
		recorder_end(&r);
	}
	free(text);
}

static void test_limits(void **state)
{
	static const struct xml_limits small = {100, 3, 5};

	(void)state;
	/* bytes of a stanza, to the byte */
	check_repeat(OPEN "<a>", "x", 93, "</a>", &small, false);
	check_repeat(OPEN "<a>", "x", 94, "</a>", &small, true);
	check_repeat(OPEN "<a>", "&lt;", 23, "</a>", &small, false);
	check_repeat(OPEN "<a>", "&lt;", 24, "</a>", &small, true);
	check_repeat(OPEN "<a>", "<![CDATA[]]>", 8, "</a>", &small, true);
	check_repeat(OPEN "<a x='", "x", 91, "'/>", &small, false);
	check_repeat(OPEN "<a x='", "x", 92, "'/>", &small, true);
	/* without an end */
	check_repeat(OPEN "<a>", "x", 98, "", &small, true);
	check_repeat(OPEN "<a>", "x", 97, "", &small, false);
	check_repeat(OPEN "<a><b x='", "x", 92, "", &small, true);
	check_repeat(OPEN "<a><b x='", "x", 91, "", &small, false);
	/* depth below the stanza */
	check_repeat(OPEN "<a><b><c>", "<d/>", 1, "</c></b></a>", &small, false);
	check_repeat(OPEN "<a><b><c><d>", "<e/>", 1, "</d></c></b></a>", &small, true);
	/* elements, attributes, declarations; counted anew for each stanza */
	check_repeat(OPEN, "<a x='' y='' z=''><b/></a>", 50, "", &small, false);
	check_repeat(OPEN "<a>", "<b/>", 4, "</a>", &small, false);
	check_repeat(OPEN "<a>", "<b/>", 5, "</a>", &small, true);
	check_repeat(OPEN "<a x='' y='' z='' p='' ", "q=''", 1, "/>", &small, true);
	check_repeat(OPEN "<a xmlns='1'>", "<b xmlns='2'/>", 2, "</a>", &small, true);
	/* many stanzas are fine */
	check_repeat(OPEN, "<a>text</a>\n", 2000, "", &small, false);
}

static void test_floods(void **state)
{
	(void)state;
	check_repeat(OPEN "<a>", "<b>", XML_LIMIT_DEPTH, "", &wide, false);
	check_repeat(OPEN "<a>", "<b>", XML_LIMIT_DEPTH + 1, "", &wide, true);
	check_repeat(OPEN "<a>", "<b>", 100000, "", &wide, true);
	check_repeat(OPEN "<a>", "<b/>", XML_LIMIT_CHILDREN - 1, "</a>", &wide, false);
	check_repeat(OPEN "<a>", "<b/>", 100000, "</a>", &wide, true);
	check_repeat(OPEN "<a>", "x", 1 << 20, "</a>", &wide, true);
	check_repeat(OPEN "<a><b>", "<c>x</c>", 1 << 16, "", &wide, true);
	/* things without an end, anywhere */
	check_repeat("<", "s", 1 << 18, "", &wide, true);
	check_repeat("<s x='", "x", 1 << 18, "", &wide, true);
	check_repeat("<s ", "x ", 1, "", &wide, false);
	check_repeat("<s", " ", 1 << 18, "", &wide, true);
	check_repeat("", " ", 1 << 18, "", &wide, true);
	check_repeat("<?xml ", " ", 1 << 18, "", &wide, true);
	check_repeat("<!--", "x", 1 << 18, "", &wide, true);
	check_repeat("<?p ", "x", 1 << 18, "", &wide, true);
	check_repeat(OPEN "<!--", "x", 1 << 18, "", &wide, true);
	check_repeat(OPEN "<", "s", 1 << 18, "", &wide, true);
	check_repeat(OPEN "<a x='", "x", 1 << 18, "", &wide, true);
	check_repeat(OPEN "<a x='", ">", 1 << 18, "", &wide, true);
	check_repeat(OPEN "<a>&", "x", 1 << 18, "", &wide, true);
	check_repeat(OPEN, "<![CDATA[]]>", 1 << 16, "", &wide, true);
	check_repeat(OPEN "</s", " ", 1 << 18, "", &wide, true);
	check_repeat(OPEN "</s:s>", " ", 1 << 18, "", &wide, true);
	/* a tag, to the byte */
	check_repeat("<s x='", "x", XML_LIMIT_TAG - 9, "'/>", &wide, false);
	check_repeat("<s x='", "x", XML_LIMIT_TAG - 8, "'/>", &wide, true);
	/* keepalives may go on for ever */
	check_repeat(OPEN, " ", 1 << 18, "<a/>", &wide, false);
	check_repeat(OPEN, "\n", 1 << 18, "<a/>", &wide, false);
	/* a long namespace would be copied many times */
	check_repeat("<s xmlns='", "n", XML_LIMIT_NS, "'/>", &wide, false);
	check_repeat("<s xmlns='", "n", XML_LIMIT_NS + 1, "'/>", &wide, true);
	check_repeat(OPEN "<a xmlns:p='", "n", XML_LIMIT_NS + 1, "'/>", &wide, true);
}

/* A stanza of 1 MB must be refused when its limit is passed, not when it is whole. */
static void test_refused_early(void **state)
{
	static const char *const before[] = {"<s><a>", "<s><a><![CDATA[", "<s><a x='", "<s x='",
					     "<!--",   "<s><!--"};
	char *text = repeat("", "x", 1 << 20, "");

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		struct recorder r;

		assert_int_equal(recorder_init(&r, &wide), 0);
		feed(&r, before[i], strlen(before[i]), 100);
		assert_true(feed(&r, text, 1 << 20, 100) <= XML_LIMIT_BYTES + 100);
		assert_non_null(strstr(buf_text(&r.log), "!policy-violation"));
		recorder_end(&r);
	}
	free(text);
}

/* Expat is replaced now and then; that must not show, wherever the pieces end. */
static void test_long_stream(void **state)
{
	static const size_t pieces[] = {1 << 22, 1, 4096, 4099};
	static const char stanza[] = "<p:a xmlns:q='m' q:x='1'><b>text &amp; more</b></p:a> \n";
	char *text = repeat("<?xml version='1.0'?>" OPEN_P, stanza, 12000, "</s:s>");

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct recorder r;

		assert_int_equal(recorder_init(&r, &wide), 0);
		r.log.limit = 4 << 20;
		feed(&r, text, strlen(text), pieces[i]);
		assert_int_equal(r.stanzas, 12000);
		assert_int_equal(r.log.data[r.log.len - 1], '.');
		/* The last is as the first. */
		assert_non_null(strstr(buf_text(&r.log) + r.log.len - 100,
				       "<a xmlns='n' xmlns:a0='m' a0:x='1'><b xmlns='c'>text "
				       "&amp; more</b></a>."));
		recorder_end(&r);
	}
	free(text);
}

/* Names that never come again must not fill the memory. (Sanitizers count no memory here.) */
static void test_ever_new_names(void **state)
{
	struct recorder r;
	size_t before, most = 0;

	(void)state;
	assert_int_equal(recorder_init(&r, &wide), 0);
	feed(&r, OPEN, strlen(OPEN), 100);
	before = mallinfo2().uordblks;
	for (int i = 0; i < 60000; i++) {
		char stanza[100];
		size_t now;

		snprintf(stanza, sizeof(stanza), "<a%d xmlns:p%d='n' x%d=''/>", i, i, i);
		assert_int_equal(xml_parse(r.parser, stanza, strlen(stanza), NULL), 0);
		buf_clear(&r.log);
		now = mallinfo2().uordblks;
		if (now > before && now - before > most)
			most = now - before;
	}
	assert_int_equal(r.stanzas, 60000);
	assert_true(most < 6 << 20);
	recorder_end(&r);
}

/* Wider limits once it is known who sends; the stanza that is told of still had the narrow ones. */
static void test_set_limits(void **state)
{
	static const struct xml_limits narrow = {10, 1, 3};
	struct recorder r;

	(void)state;
	assert_int_equal(recorder_init(&r, &narrow), 0);
	feed(&r, OPEN "<a/>", strlen(OPEN "<a/>"), 100);
	xml_parser_set_limits(r.parser, &wide);
	feed(&r, "<a><b><c/></b></a>", 18, 100);
	xml_parser_set_limits(r.parser, &narrow);
	feed(&r, "<a><b><c/></b></a>", 18, 100);
	assert_string_equal(buf_text(&r.log), OPENED "<a/><a><b><c/></b></a>!policy-violation");
	recorder_end(&r);
}

/* --- one element --- */

static void test_element(void **state)
{
	static const struct xml_limits small = {60, 2, 6};
	static const struct {
		const char *text, *expected; /* written in "c", or the condition with '!' */
	} cases[] = {
	    {"<a xmlns='c'/>", "<a/>"},
	    {" <a>x<b/></a>\n", "<a xmlns=''>x<b/></a>"},
	    {"<a><b><c/></b></a>", "<a xmlns=''><b><c/></b></a>"},
	    {"<a><b><c><d/></c></b></a>", "!policy-violation"},
	    {"<a><b/><b/><b/><b/><b/><b/></a>", "!policy-violation"},
	    {"<a>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx</a>",
	     "!policy-violation"},
	    {"", "!not-well-formed"},
	    {" ", "!not-well-formed"},
	    {"text", "!not-well-formed"},
	    {"<a>", "!not-well-formed"},
	    {"<a", "!not-well-formed"},
	    {"<a></a", "!not-well-formed"},
	    {"</a>", "!not-well-formed"},
	    {"<a/><b/>", "!not-well-formed"},
	    {"<a/>x", "!not-well-formed"},
	    {"<a/><", "!not-well-formed"},
	    {"<a>\xc3", "!not-well-formed"},
	    {"<!DOCTYPE a><a/>", "!restricted-xml"},
	    {"<a/><!-- c -->", "!restricted-xml"},
	    {"<a>&e;</a>", "!restricted-xml"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		struct xml *e =
		    xml_parse_element(cases[i].text, strlen(cases[i].text), &small, &err);
		struct buf out;

		buf_init(&out, 1000);
		if (e)
			xml_write(e, "c", &out);
		else
			buf_printf(&out, "!%s", err.text);
		assert_string_equal(buf_text(&out), cases[i].expected);
		buf_free(&out);
		xml_free(&e);
		e = xml_parse_element(cases[i].text, strlen(cases[i].text), &small, NULL);
		xml_free(&e);
	}
}

/* --- allocation failures --- */

#define SMALL                                                                                      \
	"<s:s xmlns='c' xmlns:s='t'><a x='1' xml:lang='de' s:y='2'><b>text &amp; "                 \
	"<c/></b></a></s:s>"

static void test_allocation_failures(void **state)
{
	(void)state;
	for (long n = 0;; n++) {
		struct recorder r;
		struct err err = {0};
		bool failed;
		int result;

		fail_malloc_arm(n);
		result = recorder_init(&r, &wide);
		if (result == 0)
			result = xml_parse(r.parser, SMALL, sizeof(SMALL) - 1, &err);
		failed = fail_malloc_disarm();
		if (result < 0 && r.parser) {
			assert_int_equal(err.code, ERR_MEMORY);
			assert_string_equal(err.text, "resource-constraint");
			/* It can be used again when there is memory. */
			buf_clear(&r.log);
			xml_parser_reset(r.parser);
			assert_int_equal(xml_parse(r.parser, SMALL, sizeof(SMALL) - 1, &err), 0);
			assert_int_equal(r.log.data[r.log.len - 1], '.');
		}
		if (!failed)
			assert_int_equal(result, 0);
		recorder_end(&r);
		if (!failed) {
			assert_true(n > 20);
			return;
		}
	}
}

static void test_element_allocation_failures(void **state)
{
	(void)state;
	for (long n = 0;; n++) {
		struct err err = {0};
		struct xml *e;
		bool failed;

		fail_malloc_arm(n);
		e = xml_parse_element(SMALL, sizeof(SMALL) - 1, &wide, &err);
		failed = fail_malloc_disarm();
		if (!e)
			assert_int_equal(err.code, ERR_MEMORY);
		xml_free(&e);
		if (!failed) {
			assert_true(n > 20);
			return;
		}
	}
}

/* Memory that runs out while a handler resets shows as an error, and goes away with the next reset.
 */
static void test_reset_without_memory(void **state)
{
	struct recorder r;
	struct err err = {0};

	(void)state;
	assert_int_equal(recorder_init(&r, &wide), 0);
	fail_malloc_arm(0);
	xml_parser_reset(r.parser);
	assert_true(fail_malloc_disarm());
	assert_int_equal(xml_parse(r.parser, "<s>", 3, &err), -1);
	assert_int_equal(err.code, ERR_MEMORY);
	xml_parser_reset(r.parser);
	assert_int_equal(xml_parse(r.parser, "<s>", 3, &err), 0);
	recorder_end(&r);
}

/* The same for the moment at which expat is replaced. */
static void test_renewal_without_memory(void **state)
{
	char *text = repeat(OPEN, "<a/>\n", (256 * 1024 - strlen(OPEN)) / 5 - 3, "");

	(void)state;
	for (long n = 0;; n++) {
		struct recorder r;
		struct err err = {0};
		bool failed;
		int result = 0;

		assert_int_equal(recorder_init(&r, &wide), 0);
		assert_int_equal(xml_parse(r.parser, text, strlen(text), &err), 0);
		fail_malloc_arm(n);
		for (int i = 0; i < 8 && result == 0; i++)
			result = xml_parse(r.parser, "<a/>\n", 5, &err);
		failed = fail_malloc_disarm();
		if (result < 0)
			assert_int_equal(err.code, ERR_MEMORY);
		recorder_end(&r);
		if (!failed) {
			assert_int_equal(result, 0);
			/* More than eight stanzas need by themselves. */
			assert_true(n > 50);
			break;
		}
	}
	free(text);
}

static void test_left_out(void **state)
{
	static const struct xml_limits small = {60, 2, 6};
	static const struct {
		const char *input, *expected;
	} cases[] = {
	    {OPEN "<a><b><c/></b></a><d/>", OPENED "<a><b><c/></b></a><d/>"},
	    /* too deep, too many, too long, and what comes after */
	    {OPEN "<a><b><c><d/></c></b></a><e/></s:s>", OPENED "-<a/><e/>."},
	    {OPEN "<a><b><c><d><e/></d></c>t</b>u<f/></a><g/>", OPENED "-<a/><g/>"},
	    {OPEN "<a><b/><b/><b/><b/><b/><b/><b/></a><e/>", OPENED "-<a/><e/>"},
	    {OPEN "<a>0123456789012345678901234567890123456789012345678901234567</a><e/>",
	     OPENED "-<a/><e/>"},
	    {OPEN "<a b='01234567890123456789012345678901234567890123456789012345'/><e/>",
	     OPENED "-<a/><e/>"},
	    {OPEN "<a><b c='0123456789012345678901234567890123456789012345678901234'/></a><e/>",
	     OPENED "-<a/><e/>"},
	    /* in the start tag itself */
	    {OPEN "<a b='' c='' d='' e='' f='' g=''/><e/>", OPENED "-<a/><e/>"},
	    {OPEN "<a xmlns:b='b' xmlns:c='c' xmlns:d='d' f='' g='' h=''/><e/>",
	     OPENED "-<a/><e/>"},
	    {OPEN "<a><b c='' d='' e='' f='' g=''>t<h/></b></a><e/>", OPENED "-<a/><e/>"},
	    /* what is kept of it */
	    {OPEN "<a id='1' from='f' to='t' type='y' x='z'><b><c><d/></c></b></a>",
	     OPENED "-<a from='f' to='t' type='y' id='1'/>"},
	    {OPEN "<a xmlns:f='n' from='f' f:from='g'><b><c><d/></c></b></a>",
	     OPENED "-<a from='f'/>"},
	    /* two in turn; the counts begin anew */
	    {OPEN "<a><b><c><d/></c></b></a><e><b><c><d/></c></b></e><f><g><h/></g></f>",
	     OPENED "-<a/>-<e/><f><g><h/></g></f>"},
	    /* it must still be good */
	    {OPEN "<a><b><c><d/></b></c></a><e/>", OPENED "!not-well-formed"},
	    {OPEN "<a><b><c><d><!-- --></d></c></b></a>", OPENED "!restricted-xml"},
	    {"<s:s xmlns:s='c' a='' b='' c='' d='' e='' f=''><a/>", "!policy-violation"},
	    /* and not endless, as a whole or in one tag: 100 bytes */
	    {OPEN "<a>01234567890123456789012345678901234567890123456789012345678901234567890"
		  "12345678901234567890123456789</a><e/>",
	     OPENED "!policy-violation"},
	    {OPEN "<a b='0123456789012345678901234567890123456789012345678901234567890123456789"
		  "12345678901234567890123456789'/><e/>",
	     OPENED "!policy-violation"},
	};

	(void)state;
	leave_out = 100;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].input, strlen(cases[i].input), &small, cases[i].expected);
	leave_out = 0;
}

static void test_left_out_namespace(void **state)
{
	char input[2048], ns[XML_LIMIT_NS + 2];

	(void)state;
	memset(ns, 'n', sizeof(ns) - 1);
	ns[sizeof(ns) - 1] = 0;
	leave_out = 2 * XML_LIMIT_BYTES;
	snprintf(input, sizeof(input), OPEN "<a xmlns:p='%s'/><b><c xmlns='%s'/></b><d/>", ns, ns);
	check(input, strlen(input), &wide, OPENED "-<a/>-<b/><d/>");
	leave_out = 0;
}

/* Nothing but the head is kept, however much is skipped. */
static void test_left_out_memory(void **state)
{
	struct recorder r;
	size_t before, most = 0;

	(void)state;
	leave_out = 4 * XML_LIMIT_BYTES;
	assert_int_equal(recorder_init(&r, &wide), 0);
	feed(&r, OPEN "<a id='1'>", strlen(OPEN "<a id='1'>"), 1000);
	before = mallinfo2().uordblks;
	for (size_t sent = 0; sent < 3 * XML_LIMIT_BYTES; sent += 4) {
		feed(&r, "<b/>", 4, 4);
		if (sent > XML_LIMIT_BYTES && mallinfo2().uordblks > most)
			most = mallinfo2().uordblks;
	}
	assert_true(most < before + 64 * 1024);
	feed(&r, "</a>", 4, 4);
	assert_string_equal(buf_text(&r.log), OPENED "-<a id='1'/>");
	recorder_end(&r);
	leave_out = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_left_out),
	    cmocka_unit_test(test_left_out_namespace),
	    cmocka_unit_test(test_left_out_memory),
	    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_reset),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_floods),
	    cmocka_unit_test(test_refused_early),
	    cmocka_unit_test(test_long_stream),
	    cmocka_unit_test(test_ever_new_names),
	    cmocka_unit_test(test_set_limits),
	    cmocka_unit_test(test_element),
	    cmocka_unit_test(test_allocation_failures),
	    cmocka_unit_test(test_element_allocation_failures),
	    cmocka_unit_test(test_reset_without_memory),
	    cmocka_unit_test(test_renewal_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
