/*
 * c2s_framing.c: see c2s_framing.h.
 */
#include "xmpp/c2s_framing.h"

#include "core/base/websocket.h"
#include "xmpp/ns.h"

#include <string.h>

#define STREAM_PREFIX "<stream:"

const struct c2s_framing c2s_framing_tcp = {
    .header = "<?xml version='1.0'?><stream:stream xmlns='" NS_CLIENT "' "
	      "xmlns:stream='" NS_STREAMS "'",
    .header_end = ">",
    .end = "</stream:stream>",
    .open = "stream",
    .open_ns = NS_STREAMS,
    .starttls = true,
    .parse = xml_parse,
};

const struct c2s_framing c2s_framing_websocket = {
    .header = "<open xmlns='" NS_FRAMING "'",
    .header_end = "/>",
    .end = "<close xmlns='" NS_FRAMING "'/>",
    .open = "open",
    .open_ns = NS_FRAMING,
    .close = "close",
    .alone = true,
    .parse = xml_parse_document,
    .set_limit = websocket_set_limit,
};

/* xml_write and our own texts write declarations with an apostrophe, and no attribute holds one. */
static bool declares(const char *tag, size_t len, const char *what)
{
	return memmem(tag, len, what, strlen(what)) != NULL;
}

int c2s_framing_declare(const struct buf *element, struct buf *out)
{
	const char *text = buf_text(element);
	size_t tag = strcspn(text, ">");
	size_t name = strcspn(text, " />");
	const char *more = "";

	/* In "</" there is no name, and nothing to declare. */
	if (name < 2)
		return buf_add(out, text, element->len);
	if (strncmp(text, STREAM_PREFIX, strlen(STREAM_PREFIX)) == 0) {
		if (!declares(text, tag, " xmlns:stream='"))
			more = " xmlns:stream='" NS_STREAMS "'";
	} else if (!declares(text, tag, " xmlns='")) {
		more = " xmlns='" NS_CLIENT "'";
	}
	if (buf_add(out, text, name) < 0 || buf_add_text(out, more) < 0)
		return -1;
	return buf_add(out, text + name, element->len - name);
}
