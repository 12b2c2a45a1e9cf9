/*
 * http_answer.h: the answer to an HTTP/1.1 request (RFC 9112), as it comes from the wire, without
 * I/O.
 *
 * As little as gateways need, so that as little as possible can be attacked: a status, the Date,
 * and the body by Content-Length, in chunks or up to the end. It follows no redirect, keeps no
 * cookie and unpacks nothing. An answer that two readers could take for different ones is refused.
 */
#ifndef CORE_HTTP_ANSWER_H
#define CORE_HTTP_ANSWER_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most bytes of headers in an answer, interim ones and trailers included: gateways send 200, fronts
 * of theirs below 1000. */
#define HTTP_HEADERS_MAX 8192
/* A line is kept up to this length with its NUL: those that matter are shorter than 60. */
#define HTTP_ANSWER_LINE_SIZE 128

enum http_answer_state {
	HTTP_ANSWER_STATUS, /* the status line */
	HTTP_ANSWER_HEADER,
	HTTP_ANSWER_BODY, /* so many bytes are left */
	HTTP_ANSWER_CHUNK_SIZE,
	HTTP_ANSWER_CHUNK,
	HTTP_ANSWER_CHUNK_END, /* the empty line behind a chunk */
	HTTP_ANSWER_TRAILER,
	HTTP_ANSWER_REST, /* a body up to the end of the stream */
	HTTP_ANSWER_DONE,
};

struct http_answer {
	enum http_answer_state state;
	int status;     /* 0 before it is known */
	int64_t date_s; /* Unix time of the Date header; -1: none, or none that makes sense */
	bool chunked, has_length;
	uint64_t left; /* of the body, or of the chunk */
	size_t head_bytes;
	size_t line_len; /* of the present line; what is beyond the buffer is dropped */
	char line[HTTP_ANSWER_LINE_SIZE];
};

void http_answer_start(struct http_answer *answer);
/*
 * Take bytes, *used of them (at least one of len >= 1, unless it is done); *body_len bytes at
 * *body, within data, belong to the body. Call again with the rest. ERR_PROTOCOL: this is no HTTP/1
 * answer, or an ambiguous one. ERR_LIMIT: its headers are too long. Not to be called again after an
 * error.
 */
int http_answer_feed(struct http_answer *answer, const uint8_t *data, size_t len, size_t *used,
		     const uint8_t **body, size_t *body_len, struct err *err);
/* The stream has ended: is the answer whole? */
bool http_answer_is_whole(const struct http_answer *answer);

#endif
