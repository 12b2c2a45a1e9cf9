/*
 * utf8.c: see utf8.h.
 */
#include "core/utf8.h"

#include <limits.h>

/* RFC 3629 section 4: the first byte decides the length and the range of the second one. */
struct row {
	uint8_t first, last;
	uint8_t second_first, second_last;
	unsigned len;
};

static const struct row rows[] = {
    {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* The length of the character that text begins with; 0: none, or not whole. */
static unsigned character_len(const uint8_t *text, size_t left)
{
	const struct row *row = rows;
	const struct row *end = rows + sizeof(rows) / sizeof(rows[0]);

	while (row < end && (text[0] < row->first || text[0] > row->last))
		row++;
	if (row == end || row->len > left)
		return 0;
	for (unsigned i = 1; i < row->len; i++) {
		uint8_t low = i == 1 ? row->second_first : 0x80;
		uint8_t high = i == 1 ? row->second_last : 0xbf;
		if (text[i] < low || text[i] > high)
			return 0;
	}
	return row->len;
}

int utf8_cut(const void *text, size_t len, size_t max)
{
	const uint8_t *bytes = text;
	size_t at = 0, fits = 0;

	if (len > INT_MAX)
		return -1;
	while (at < len) {
		unsigned step = character_len(bytes + at, len - at);
		if (step == 0)
			return -1;
		at += step;
		if (at <= max)
			fits = at;
	}
	return (int)fits;
}
