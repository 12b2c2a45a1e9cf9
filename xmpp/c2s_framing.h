/*
 * c2s_framing.h: how a client's stream lies in the bytes of its connection. All that differs
 * between TCP and WebSocket stands in this table; the states of a stream (c2s.c) are the same.
 *
 * TCP (RFC 6120): the stream is one XML document, its elements are children of <stream:stream>.
 * WebSocket (RFC 7395): each message is a document, <open/> and <close/> begin and end the stream.
 */
#ifndef XMPP_C2S_FRAMING_H
#define XMPP_C2S_FRAMING_H

#include "core/base/stream.h"
#include "xmpp/xml.h"

struct c2s_framing {
	/* Our header up to its attributes, and behind them. */
	const char *header, *header_end;
	/* Our end of the stream. */
	const char *end;
	/* The element that is the client's header, and the one that is its end (NULL: an end tag).
	 */
	const char *open, *open_ns, *close;
	/* STARTTLS can be had: a WebSocket has the TLS of its address, or none (section 3.9). */
	bool starttls;
	/* What is sent stands alone: it must declare the namespaces that <stream:stream> would. */
	bool alone;
	/* Each received() of the stream is one document. */
	int (*parse)(struct xml_parser *parser, const void *data, size_t len, struct err *err);
	/* NULL, or for a stream that collects what is parsed: how much at most. */
	void (*set_limit)(struct stream *stream, size_t bytes);
};

extern const struct c2s_framing c2s_framing_tcp, c2s_framing_websocket;

/* Append to out one element that was written to stand in <stream:stream>, with the declarations
 * that it needs alone. -1 when memory is short. */
int c2s_framing_declare(const struct buf *element, struct buf *out);

#endif
