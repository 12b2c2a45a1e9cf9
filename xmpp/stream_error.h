/*
 * stream_error.h: the table of stream errors (RFC 6120 section 4.9.3).
 */
#ifndef XMPP_STREAM_ERROR_H
#define XMPP_STREAM_ERROR_H

#include "core/base/buf.h"

enum stream_error {
	STREAM_BAD_FORMAT,
	STREAM_CONFLICT,
	STREAM_CONNECTION_TIMEOUT,
	STREAM_HOST_UNKNOWN,
	STREAM_IMPROPER_ADDRESSING,
	STREAM_INTERNAL_SERVER_ERROR,
	STREAM_INVALID_FROM,
	STREAM_INVALID_NAMESPACE,
	STREAM_NOT_AUTHORIZED,
	STREAM_NOT_WELL_FORMED,
	STREAM_POLICY_VIOLATION,
	STREAM_RESET,
	STREAM_RESOURCE_CONSTRAINT,
	STREAM_RESTRICTED_XML,
	STREAM_SYSTEM_SHUTDOWN,
	STREAM_UNDEFINED_CONDITION,
	STREAM_UNSUPPORTED_ENCODING,
	STREAM_UNSUPPORTED_STANZA_TYPE,
	STREAM_UNSUPPORTED_VERSION,
	STREAM_ERRORS, /* how many there are */
};

/* "bad-format" … */
const char *stream_error_condition(enum stream_error error);
/* The error with that condition (the text of xml_parse's err); not-well-formed for another word. */
enum stream_error stream_error_find(const char *condition);
/* Append <stream:error/>; text NULL: none. -1 when memory is short. */
int stream_error_write(enum stream_error error, const char *text, struct buf *out);

#endif
