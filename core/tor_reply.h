/*
 * tor_reply.h: reads what tor says on its control port (control-spec, section 2.3), without I/O.
 *
 *     250-ServiceID=…          a line that others follow
 *     250+info/names=          the same, with a block of data after it, up to a line with one dot
 *     …
 *     .
 *     250 OK                   the last line of a reply
 *     650 STATUS_CLIENT …      an event; its code begins with 6
 *
 * It knows the form of replies and not what they mean; tor_control.c does.
 */
#ifndef CORE_TOR_REPLY_H
#define CORE_TOR_REPLY_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest that tacet asks for is the answer to ADD_ONION with 16 keys: 18 lines. */
#define TOR_REPLY_LINES_MAX 64
/* Longest line without CR LF; events carry quoted texts of the network's, but short ones. */
#define TOR_REPLY_LINE_MAX 8192
/* Most bytes in a whole reply. */
#define TOR_REPLY_MAX 65536

struct tor_line {
	const char *text; /* what stands behind code and separator */
	const char
	    *data; /* the block of a + line, dots unstuffed, each line ending with \n; else NULL */
};

struct tor_reply {
	int code; /* of the last line */
	bool event;
	size_t count; /* at least 1 */
	struct tor_line lines[TOR_REPLY_LINES_MAX];
};

struct tor_parser;

/* NULL when memory is short. */
struct tor_parser *tor_parser_new(void);
void tor_parser_free(struct tor_parser **parser);

enum tor_parsed { TOR_PARSED_MORE, TOR_PARSED_REPLY, TOR_PARSED_BAD };

/*
 * Take bytes up to the end of the next reply and say in *used how many that were. REPLY: *reply is
 * good until the next call. MORE: all were taken. BAD: this is not the control protocol, or a limit
 * was passed (ERR_PROTOCOL, ERR_LIMIT, ERR_MEMORY); the parser gives BAD from then on.
 */
enum tor_parsed tor_parser_feed(struct tor_parser *parser, const void *data, size_t len,
				size_t *used, const struct tor_reply **reply, struct err *err);

/* What follows "keyword " in the first line that begins with it ("AUTH"), or NULL. */
const char *tor_reply_find(const struct tor_reply *reply, const char *keyword);
/* What follows "name=" in the first line that begins with it (GETINFO, ServiceID), or NULL. */
const char *tor_reply_value(const struct tor_reply *reply, const char *name);

/*
 * Find KEY=VALUE among the words of text and write VALUE to out, with quotes and escapes resolved
 * (control-spec section 2.1.1: QuotedString and CString). -1: there is none, it is malformed, or it
 * does not fit in size (out is then "").
 */
int tor_text_value(const char *text, const char *key, char *out, size_t size);
/* Copy word number index (from 0) of a text split at blanks; -1 when there are fewer or size is
 * too small (out is then ""). */
int tor_text_word(const char *text, unsigned index, char *out, size_t size);
/* The same text as a QuotedString, for a command; -1 when size is too small or the text holds a
 * line break. */
int tor_text_quote(const char *text, char *out, size_t size);

#endif
