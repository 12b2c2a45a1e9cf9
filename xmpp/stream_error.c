/*
 * stream_error.c: see stream_error.h.
 */
#include "xmpp/stream_error.h"

#include "xmpp/ns.h"
#include "xmpp/xml.h"

#include <assert.h>
#include <string.h>

static const char *const conditions[STREAM_ERRORS] = {
    [STREAM_BAD_FORMAT] = "bad-format",
    [STREAM_CONFLICT] = "conflict",
    [STREAM_CONNECTION_TIMEOUT] = "connection-timeout",
    [STREAM_HOST_UNKNOWN] = "host-unknown",
    [STREAM_IMPROPER_ADDRESSING] = "improper-addressing",
    [STREAM_INTERNAL_SERVER_ERROR] = "internal-server-error",
    [STREAM_INVALID_FROM] = "invalid-from",
    [STREAM_INVALID_NAMESPACE] = "invalid-namespace",
    [STREAM_NOT_AUTHORIZED] = "not-authorized",
    [STREAM_NOT_WELL_FORMED] = "not-well-formed",
    [STREAM_POLICY_VIOLATION] = "policy-violation",
    [STREAM_RESET] = "reset",
    [STREAM_RESOURCE_CONSTRAINT] = "resource-constraint",
    [STREAM_RESTRICTED_XML] = "restricted-xml",
    [STREAM_SYSTEM_SHUTDOWN] = "system-shutdown",
    [STREAM_UNDEFINED_CONDITION] = "undefined-condition",
    [STREAM_UNSUPPORTED_ENCODING] = "unsupported-encoding",
    [STREAM_UNSUPPORTED_STANZA_TYPE] = "unsupported-stanza-type",
    [STREAM_UNSUPPORTED_VERSION] = "unsupported-version",
};

const char *stream_error_condition(enum stream_error error)
{
	assert(error < STREAM_ERRORS);
	return conditions[error];
}

enum stream_error stream_error_find(const char *condition)
{
	for (enum stream_error error = 0; error < STREAM_ERRORS; error++)
		if (strcmp(conditions[error], condition) == 0)
			return error;
	return STREAM_NOT_WELL_FORMED;
}

int stream_error_write(enum stream_error error, const char *text, struct buf *out)
{
	if (buf_printf(out, "<stream:error><%s xmlns='" NS_STREAM_ERRORS "'/>",
		       stream_error_condition(error)) < 0)
		return -1;
	if (text && (buf_add_text(out, "<text xmlns='" NS_STREAM_ERRORS "' xml:lang='en'>") < 0 ||
		     xml_escape(text, out) < 0 || buf_add_text(out, "</text>") < 0))
		return -1;
	return buf_add_text(out, "</stream:error>");
}
