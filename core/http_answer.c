/*
 * http_answer.c: HTTP/1.1 answers (RFC 9112), byte by byte.
 *
 *     HTTP/1.x SP status [SP reason] CRLF        interim answers (1xx) may stand before it
 *     *( name ":" OWS value OWS CRLF ) CRLF
 *     body: none (204, 304) | Content-Length bytes | *chunk 0 CRLF trailers CRLF | up to the end
 *     chunk: size in hex [";" extension] CRLF bytes CRLF
 */
#include "core/http_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Digits of a Content-Length or a chunk's size: 10^15 bytes and more are no answer to us. */
#define LENGTH_DIGITS_MAX 15

void http_answer_start(struct http_answer *answer)
{
	*answer = (struct http_answer){.date_s = -1};
}

static int malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_PROTOCOL, "HTTP answer: %s", what);
}

/* --- lines of the head --- */

static int status_line(struct http_answer *a, struct err *err)
{
	const char *line = a->line;

	if (strncmp(line, "HTTP/1.", 7) != 0 || line[7] < '0' || line[7] > '9' || line[8] != ' ')
		return malformed(err, "the status line is none");
	if (strspn(line + 9, "0123456789") != 3 || (line[12] != ' ' && line[12] != '\0'))
		return malformed(err, "the status is none");
	a->status = (int)strtol(line + 9, NULL, 10);
	/* We have asked for no other protocol. */
	if (a->status < 100 || a->status == 101)
		return malformed(err, "unexpected status");
	a->state = HTTP_ANSWER_HEADER;
	return 0;
}

static int content_length(struct http_answer *a, const char *value, struct err *err)
{
	size_t digits = strspn(value, "0123456789");
	uint64_t length = strtoull(value, NULL, 10);

	if (digits == 0 || digits > LENGTH_DIGITS_MAX || value[digits] != '\0')
		return malformed(err, "bad Content-Length");
	if (a->has_length && a->left != length)
		return malformed(err, "two lengths");
	a->has_length = true;
	a->left = length;
	return 0;
}

static int transfer_encoding(struct http_answer *a, const char *value, struct err *err)
{
	if (a->chunked || strcasecmp(value, "chunked") != 0)
		return malformed(err, "unknown Transfer-Encoding");
	a->chunked = true;
	return 0;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7), not the two forms of the last century.
 * Without strptime, which follows the locale of libtacet's user. */
static int date(struct http_answer *a, const char *value, struct err *err)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {0};
	char month[4] = "";
	const char *found;
	int end = 0;

	(void)err;
	if (sscanf(value, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
		   &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6 ||
	    end == 0 || value[end] != '\0' || strlen(month) != 3)
		return 0;
	found = strstr(months, month);
	if (!found || (found - months) % 3 != 0)
		return 0;
	tm.tm_mon = (int)(found - months) / 3;
	tm.tm_year -= 1900;
	a->date_s = timegm(&tm);
	return 0;
}

static const struct {
	const char *name;
	bool decides; /* how long the answer is */
	int (*take)(struct http_answer *a, const char *value, struct err *err);
} headers[] = {
    {"content-length", true, content_length},
    {"transfer-encoding", true, transfer_encoding},
    {"date", false, date},
};

static int header_line(struct http_answer *a, struct err *err)
{
	char *colon = strchr(a->line, ':'), *value, *end;

	/* A line that goes on with a blank has been forbidden since RFC 7230. */
	if (!colon || colon == a->line || strcspn(a->line, " \t") < (size_t)(colon - a->line))
		return malformed(err, "bad header");
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = '\0';
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (strcasecmp(a->line, headers[i].name) != 0)
			continue;
		if (a->line_len < sizeof(a->line))
			return headers[i].take(a, value, err);
		if (headers[i].decides)
			return malformed(err, "a header is too long");
	}
	return 0;
}

static int head_end(struct http_answer *a, struct err *err)
{
	if (a->chunked && a->has_length)
		return malformed(err, "two lengths");
	if (a->status < 200) {
		*a = (struct http_answer){.date_s = -1, .head_bytes = a->head_bytes};
	} else if (a->status == 204 || a->status == 304) {
		a->state = HTTP_ANSWER_DONE;
	} else if (a->chunked) {
		a->state = HTTP_ANSWER_CHUNK_SIZE;
	} else if (a->has_length) {
		a->state = a->left > 0 ? HTTP_ANSWER_BODY : HTTP_ANSWER_DONE;
	} else {
		a->state = HTTP_ANSWER_REST;
	}
	return 0;
}

static int chunk_size(struct http_answer *a, struct err *err)
{
	size_t digits = strspn(a->line, "0123456789abcdefABCDEF");
	const char *behind = a->line + digits;

	behind += strspn(behind, " \t");
	if (digits == 0 || digits > LENGTH_DIGITS_MAX || (*behind != '\0' && *behind != ';'))
		return malformed(err, "bad chunk");
	a->left = strtoull(a->line, NULL, 16);
	a->state = a->left > 0 ? HTTP_ANSWER_CHUNK : HTTP_ANSWER_TRAILER;
	return 0;
}

static int take_line(struct http_answer *a, struct err *err)
{
	switch (a->state) {
	case HTTP_ANSWER_STATUS:
		return status_line(a, err);
	case HTTP_ANSWER_HEADER:
		return a->line_len > 0 ? header_line(a, err) : head_end(a, err);
	case HTTP_ANSWER_CHUNK_SIZE:
		return chunk_size(a, err);
	case HTTP_ANSWER_CHUNK_END:
		if (a->line_len > 0)
			return malformed(err, "a chunk is longer than it says");
		a->state = HTTP_ANSWER_CHUNK_SIZE;
		return 0;
	default: /* nothing in a trailer is of interest */
		if (a->line_len == 0)
			a->state = HTTP_ANSWER_DONE;
		return 0;
	}
}

static int take_byte(struct http_answer *a, uint8_t byte, struct err *err)
{
	bool in_body = a->state == HTTP_ANSWER_CHUNK_SIZE || a->state == HTTP_ANSWER_CHUNK_END;
	size_t kept = a->line_len < sizeof(a->line) ? a->line_len : sizeof(a->line) - 1;
	int result;

	/* A chunk's line has a limit of its own: the many of a long body are no head. */
	if (in_body && a->line_len >= sizeof(a->line))
		return malformed(err, "bad chunk");
	if (!in_body && ++a->head_bytes > HTTP_HEADERS_MAX)
		return err_set(err, ERR_LIMIT, "HTTP answer: more than %d bytes of headers",
			       HTTP_HEADERS_MAX);
	if (byte == '\0')
		return malformed(err, "a NUL in the head");
	if (byte != '\n') {
		if (kept + 1 < sizeof(a->line))
			a->line[kept] = (char)byte;
		a->line_len++;
		return 0;
	}
	/* RFC 9112 section 2.2 allows a recipient to take LF alone for the end. */
	if (kept > 0 && a->line_len == kept && a->line[kept - 1] == '\r')
		a->line_len = --kept;
	a->line[kept] = '\0';
	result = take_line(a, err);
	a->line_len = 0;
	return result;
}

/* --- the body --- */

static size_t take_body(struct http_answer *a, size_t len)
{
	if (a->state == HTTP_ANSWER_REST)
		return len;
	if (len > a->left)
		len = (size_t)a->left;
	a->left -= len;
	if (a->left == 0)
		a->state = a->state == HTTP_ANSWER_BODY ? HTTP_ANSWER_DONE : HTTP_ANSWER_CHUNK_END;
	return len;
}

static bool in_body(const struct http_answer *a)
{
	return a->state == HTTP_ANSWER_BODY || a->state == HTTP_ANSWER_CHUNK ||
	       a->state == HTTP_ANSWER_REST;
}

int http_answer_feed(struct http_answer *answer, const uint8_t *data, size_t len, size_t *used,
		     const uint8_t **body, size_t *body_len, struct err *err)
{
	*body = data;
	*body_len = 0;
	for (*used = 0; *used < len && answer->state != HTTP_ANSWER_DONE; (*used)++) {
		if (in_body(answer)) {
			*body = data + *used;
			*body_len = take_body(answer, len - *used);
			*used += *body_len;
			return 0;
		}
		if (take_byte(answer, data[*used], err))
			return -1;
	}
	return 0;
}

bool http_answer_is_whole(const struct http_answer *answer)
{
	return answer->state == HTTP_ANSWER_DONE || answer->state == HTTP_ANSWER_REST;
}
