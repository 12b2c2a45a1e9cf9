/*
 * fuzz_xml.c: streams and single elements, as a client or a contact may send them.
 *
 *     input: mode 1 ‖ piece 1 ‖ the text
 *     mode bit 0: one element (xml_parse_element) instead of a stream
 *     mode bit 1: limits small enough to be met
 *     mode bit 2: the handler resets and stops at certain names; what follows depends on the pieces
 *     mode bit 3: stanzas that pass a limit are left out
 *
 * A stream must give the same whole and in pieces. Each stanza must still be the same when it is
 * written and read again, copied, and taken apart.
 */
#include "tests/fuzz/fuzz.h"
#include "xmpp/xml.h"

#include <string.h>

#define OUT_MAX (16 << 20)

static const struct xml_limits wide = {XML_LIMIT_BYTES, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};
static const struct xml_limits small = {200, 3, 12};
/* For what was written by us: escapes and declarations make it longer. */
static const struct xml_limits none = {OUT_MAX, 1000, 1 << 20};

/* --- what must hold for every tree --- */

static void write(const struct xml *element, struct buf *out)
{
	buf_init(out, OUT_MAX);
	FUZZ_CHECK(xml_write(element, "", out) == 0);
}

static void check_written(const struct xml *element, const struct buf *expected)
{
	struct buf out;

	write(element, &out);
	FUZZ_CHECK(out.len == expected->len && memcmp(out.data, expected->data, out.len) == 0);
	buf_free(&out);
}

static void check_reread(const struct buf *text)
{
	struct err err = {0};
	struct xml *again = xml_parse_element(text->data, text->len, &none, &err);

	/* Only a tag that grew by escapes may be too long now. */
	FUZZ_CHECK(again || (err.code == ERR_LIMIT && text->len > XML_LIMIT_TAG));
	if (again)
		check_written(again, text);
	xml_free(&again);
}

static size_t count_and_visit(struct xml *element)
{
	size_t count = 1;

	FUZZ_CHECK(*xml_name(element));
	FUZZ_CHECK(strlen(xml_ns(element)) <= XML_LIMIT_NS);
	(void)strlen(xml_text(element));
	(void)xml_get(element, "xml:lang");
	for (struct xml *child = xml_first(element); child; child = xml_next(child))
		count += count_and_visit(child);
	return count;
}

static void check_tree(struct xml *element)
{
	struct xml *copy = xml_copy(element), *child;
	struct buf text;

	write(element, &text);
	check_reread(&text);
	FUZZ_CHECK(copy);
	check_written(copy, &text);
	FUZZ_CHECK(count_and_visit(copy) == count_and_visit(element));
	buf_free(&text);
	while ((child = xml_first(copy))) {
		struct xml *same = xml_copy(child);

		write(child, &text);
		buf_free(&text);
		write(same, &text);
		FUZZ_CHECK(xml_detach(child) == child);
		check_written(child, &text);
		buf_free(&text);
		xml_free(&same);
		xml_free(&child);
	}
	xml_free(&copy);
}

/* --- streams --- */

struct run {
	struct xml_parser *parser;
	bool acts;
	bool closed;
	unsigned opened;
	struct buf log;
	struct err err;
};

static void act(struct run *run, const char *name)
{
	if (run->acts && *name == 'r')
		xml_parser_reset(run->parser);
	if (run->acts && *name == 's')
		xml_parser_stop(run->parser);
}

static void on_opened(void *arg, const struct xml *root)
{
	struct run *run = arg;

	FUZZ_CHECK(run->acts || run->opened == 0);
	run->opened++;
	xml_write(root, "", &run->log);
	act(run, xml_name(root));
}

static void on_stanza(void *arg, struct xml *stanza)
{
	struct run *run = arg;

	FUZZ_CHECK(run->opened);
	xml_write(stanza, "", &run->log);
	act(run, xml_name(stanza));
	check_tree(stanza);
	xml_free(&stanza);
}

static void on_closed(void *arg)
{
	struct run *run = arg;

	FUZZ_CHECK(run->acts || !run->closed);
	run->closed = true;
	buf_add_text(&run->log, "!");
}

static void on_left_out(void *arg, struct xml *head)
{
	struct run *run = arg;

	buf_add_text(&run->log, "-");
	FUZZ_CHECK(!xml_first(head) && !*xml_text(head));
	on_stanza(arg, head);
}

static void feed(struct run *run, const struct xml_limits *limits, unsigned mode,
		 const uint8_t *data, size_t size, size_t piece)
{
	static const struct xml_handler handler = {on_opened, on_stanza, on_closed};

	memset(run, 0, sizeof(*run));
	run->acts = mode & 4;
	buf_init(&run->log, OUT_MAX);
	run->parser = xml_parser_new(limits, &handler, run);
	FUZZ_CHECK(run->parser);
	if (mode & 8)
		xml_parser_leave_out(run->parser, 2 * limits->bytes, on_left_out);
	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (xml_parse(run->parser, data + at, n, &run->err) < 0) {
			FUZZ_CHECK(run->err.code != ERR_NONE && run->err.code != ERR_MEMORY);
			break;
		}
	}
	xml_parser_free(&run->parser);
}

static void fuzz_stream(const struct xml_limits *limits, unsigned mode, const uint8_t *data,
			size_t size, size_t piece)
{
	struct run whole, pieces;

	feed(&whole, limits, mode, data, size, size ? size : 1);
	feed(&pieces, limits, mode, data, size, piece);
	if (!(mode & 4)) {
		FUZZ_CHECK(whole.log.len == pieces.log.len);
		FUZZ_CHECK(strcmp(buf_text(&whole.log), buf_text(&pieces.log)) == 0);
		FUZZ_CHECK((whole.err.code == ERR_NONE) == (pieces.err.code == ERR_NONE));
	}
	buf_free(&whole.log);
	buf_free(&pieces.log);
}

static void fuzz_element(const struct xml_limits *limits, const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct xml *element = xml_parse_element(data, size, limits, &err);

	FUZZ_CHECK(!element == (err.code != ERR_NONE));
	if (element)
		check_tree(element);
	xml_free(&element);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct xml_limits *limits;

	if (size < 2)
		return 0;
	limits = data[0] & 2 ? &small : &wide;
	if (data[0] & 1)
		fuzz_element(limits, data + 2, size - 2);
	else
		fuzz_stream(limits, data[0], data + 2, size - 2, data[1] ? data[1] : 1);
	return 0;
}
