/*
 * fuzz_tor_reply.c: what a tor, or something in its place, says on the control port.
 *
 *     input: piece 1 ‖ the stream
 *
 * What is read must not depend on the pieces it comes in: it is read once whole, and once in pieces
 * of "piece" bytes. The texts of all replies go through the functions that look for values in them.
 */
#include "core/tor_reply.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* What reading came to. */
struct outcome {
	enum tor_parsed end;
	unsigned replies;
	uint64_t sum; /* over all that was read */
};

static void add(struct outcome *outcome, const char *text)
{
	for (; *text != '\0'; text++)
		outcome->sum = outcome->sum * 31 + (uint8_t)*text;
	outcome->sum = outcome->sum * 31 + 1;
}

/* A text that can be quoted comes back from its quotes. */
static void check_quotes(const char *text)
{
	char line[2 * TOR_REPLY_LINE_MAX + 8] = "A=";
	char back[TOR_REPLY_LINE_MAX + 1];

	if (tor_text_quote(text, line + 2, sizeof line - 2) != 0)
		return;
	FUZZ_CHECK(tor_text_value(line, "A", back, sizeof back) == 0);
	FUZZ_CHECK(strcmp(back, text) == 0);
}

static void check_text(const char *text)
{
	char out[64];

	FUZZ_CHECK(strlen(text) <= TOR_REPLY_LINE_MAX);
	for (unsigned i = 0; i < 4; i++)
		if (tor_text_word(text, i, out, sizeof out) == 0)
			FUZZ_CHECK(out[0] != '\0' && strchr(out, ' ') == NULL);
	if (tor_text_value(text, "METHODS", out, sizeof out) == 0)
		FUZZ_CHECK(strstr(text, "METHODS=") != NULL && strlen(out) < sizeof out);
	tor_text_value(text, "COOKIEFILE", out, 8);
	tor_text_value(text, "PROGRESS", out, 1);
	check_quotes(text);
}

static void take(struct outcome *outcome, const struct tor_reply *reply)
{
	const char *value;

	FUZZ_CHECK(reply->count >= 1 && reply->count <= TOR_REPLY_LINES_MAX);
	FUZZ_CHECK(reply->code >= 0 && reply->code <= 999);
	FUZZ_CHECK(reply->event == (reply->code / 100 == 6));
	outcome->replies++;
	outcome->sum = outcome->sum * 31 + (unsigned)reply->code;
	for (size_t i = 0; i < reply->count; i++) {
		const struct tor_line *line = &reply->lines[i];

		add(outcome, line->text);
		check_text(line->text);
		if (line->data != NULL) {
			add(outcome, line->data);
			FUZZ_CHECK(line->data[0] == '\0' ||
				   line->data[strlen(line->data) - 1] == '\n');
		}
	}
	tor_reply_find(reply, "AUTH");
	value = tor_reply_value(reply, "ServiceID");
	FUZZ_CHECK(value == NULL || value[-1] == '=');
}

static void read_in_pieces(const uint8_t *data, size_t len, size_t piece, struct outcome *outcome)
{
	struct tor_parser *parser = tor_parser_new();
	const struct tor_reply *reply;
	struct err err = {.code = ERR_NONE};

	FUZZ_CHECK(parser != NULL);
	*outcome = (struct outcome){.end = TOR_PARSED_MORE};
	while (len > 0 && outcome->end != TOR_PARSED_BAD) {
		size_t part = len < piece ? len : piece;
		size_t used;

		outcome->end = tor_parser_feed(parser, data, part, &used, &reply, &err);
		FUZZ_CHECK(used <= part);
		FUZZ_CHECK((outcome->end == TOR_PARSED_BAD) == (err.code != ERR_NONE));
		if (outcome->end == TOR_PARSED_REPLY)
			take(outcome, reply);
		else if (outcome->end == TOR_PARSED_MORE)
			FUZZ_CHECK(used == part);
		data += used;
		len -= used;
	}
	tor_parser_free(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;

	if (size < 2)
		return 0;
	read_in_pieces(data + 1, size - 1, size - 1, &whole);
	read_in_pieces(data + 1, size - 1, (size_t)data[0] + 1, &pieces);
	FUZZ_CHECK(whole.replies == pieces.replies && whole.sum == pieces.sum);
	FUZZ_CHECK((whole.end == TOR_PARSED_BAD) == (pieces.end == TOR_PARSED_BAD));
	/* Which limit or rule was broken first may depend on the pieces; that one was, may not. */
	return 0;
}
