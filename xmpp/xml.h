/*
 * xml.h: XML elements as a small tree, made, read and written.
 *
 * Namespaces are kept with each element; serialising declares them where they differ from the
 * parent's. Only what XMPP needs: no comments, no processing instructions, no DTD (RFC 6120
 * section 11.1), text and elements in order.
 */
#ifndef XMPP_XML_H
#define XMPP_XML_H

#include "core/base/buf.h"
#include "core/base/err.h"

#include <stdbool.h>

struct xml; /* an element */

/* Limits on what is parsed: RFC 6120 section 13.12 asks for them. */
struct xml_limits {
	size_t bytes;      /* of one stanza, as it came */
	unsigned depth;    /* below the stanza */
	unsigned children; /* elements, attributes and namespace declarations in one stanza */
};
/* 256 KiB a stanza, as Prosody's limit for clients; deep enough for forms in forwarded messages. */
#define XML_LIMIT_BYTES    (256 * 1024)
#define XML_LIMIT_DEPTH    64
#define XML_LIMIT_CHILDREN 8192
/* Longest single tag. expat holds a tag until it is whole and scans it again with each piece, so
 * this bounds both; names and attributes in XMPP are short, long things are text. */
#define XML_LIMIT_TAG (16 * 1024)
/* Longest namespace: it is kept with each element, so a long one would multiply. */
#define XML_LIMIT_NS 512

/* --- making --- */
/* ns NULL: the parent's, once it is added. NULL when memory is short; every function below accepts
 * a NULL element and gives NULL or -1, so that a failure is found at the end of a chain. */
struct xml *xml_new(const char *name, const char *ns);
struct xml *xml_copy(const struct xml *element);
void xml_free(struct xml **element);
/* value NULL removes. Returns element, or NULL when memory is short (element is then unchanged). A
 * prefixed attribute has its prefix in the name ("xml:lang"). Not for "xmlns": that is xml_new's
 * ns. */
struct xml *xml_set(struct xml *element, const char *name, const char *value);
/* Append text; what cannot stand in XML (control characters, bad UTF-8) is replaced by U+FFFD, here
 * and in xml_set. */
struct xml *xml_text_add(struct xml *element, const char *text);
/* Append child, which parent then owns (freed even on failure). Returns the child. */
struct xml *xml_append(struct xml *parent, struct xml *child);
/* A new last child. Returns the child. */
struct xml *xml_child_add(struct xml *parent, const char *name, const char *ns);
/* Take child out of its parent; the caller owns it. NULL when memory is short (nothing has changed
 * then). */
struct xml *xml_detach(struct xml *child);

/* What is in namespace from, the element and below it as far as that namespace reaches, is in
 * namespace to from now on: a component's stream has another than a client's. -1: memory is short.
 */
int xml_rename_ns(struct xml *element, const char *from, const char *to);

/* --- reading --- */
const char *xml_name(const struct xml *element);
const char *xml_ns(const struct xml *element); /* "" when there is none */
/* Is it <name xmlns='ns'/>? NULL matches anything. */
bool xml_is(const struct xml *element, const char *name, const char *ns);
const char *xml_get(const struct xml *element, const char *name);
/* The first child that matches; NULL: any name, any ns. */
struct xml *xml_child(const struct xml *element, const char *name, const char *ns);
/* The first child element, the next sibling element. */
struct xml *xml_first(const struct xml *element);
struct xml *xml_next(const struct xml *element);
/* All text directly in element, joined; "" when there is none. Lives until element gets more text
 * or is freed. */
const char *xml_text(struct xml *element);
/* The text of the first child that matches, or NULL when there is none. */
const char *xml_child_text(struct xml *element, const char *name, const char *ns);

/* --- writing --- */
/* Append the element to out; outer_ns is the default namespace where it will stand ("" for none).
 * An element made without a namespace is in it. Elements of the streams' namespace get the prefix
 * "stream:" with its declaration. -1 when out is full or memory is short; out is then unchanged. */
int xml_write(const struct xml *element, const char *outer_ns, struct buf *out);
/* Append text with & < > " ' and the white space that attributes would lose escaped. */
int xml_escape(const char *text, struct buf *out);

/* --- parsing --- */
struct xml_parser;

struct xml_handler {
	/* The root's start tag, without content: <stream:stream>. Owned by the parser. */
	void (*opened)(void *arg, const struct xml *root);
	/* A whole child of the root; the callee owns it. */
	void (*stanza)(void *arg, struct xml *stanza);
	/* The root's end tag. */
	void (*closed)(void *arg);
};

struct xml_parser *xml_parser_new(const struct xml_limits *limits,
				  const struct xml_handler *handler, void *arg);
/* Not from within a handler. */
void xml_parser_free(struct xml_parser **parser);
/* Other limits from now on: a client may do more when it is known who it is. */
void xml_parser_set_limits(struct xml_parser *parser, const struct xml_limits *limits);
/* From now on a stanza that passes a limit does not end the stream: the rest of it is skipped, and
 * left_out(arg, head) called with an element of its name, from, to, type and id, which the callee
 * owns. It, and any single tag, may still have no more than bytes (more than the limit of a
 * stanza).
 */
void xml_parser_leave_out(struct xml_parser *parser, size_t bytes,
			  void (*left_out)(void *arg, struct xml *head));
/* Begin a new document (after STARTTLS, SASL); may be called from within a handler, and then the
 * rest of the bytes of that xml_parse call are dropped. */
void xml_parser_reset(struct xml_parser *parser);
/* Stop parsing for good, from within a handler: the rest is dropped. */
void xml_parser_stop(struct xml_parser *parser);
/*
 * Feed bytes in any pieces. -1 with *err ends the stream: ERR_INPUT "not-well-formed" or
 * "bad-format" (text between stanzas), ERR_PROTOCOL "restricted-xml" (DTD, entity, comment,
 * processing instruction) or "unsupported-encoding", ERR_LIMIT "policy-violation", ERR_MEMORY
 * "resource-constraint": the text is the RFC 6120 section 4.9.3 condition. Limits are applied while
 * a stanza comes in, not when it is whole. After an error every call gives the same error.
 */
int xml_parse(struct xml_parser *parser, const void *data, size_t len, struct err *err);

/* Feed one whole document, whose root is given to handler->stanza; opened and closed are not
 * called. Errors are those of xml_parse, and may come after the root was given. A parser is used
 * for either this or xml_parse. */
int xml_parse_document(struct xml_parser *parser, const void *data, size_t len, struct err *err);

/* One whole element from text (an inner stanza from a contact). NULL with *err as above. */
struct xml *xml_parse_element(const void *data, size_t len, const struct xml_limits *limits,
			      struct err *err);

#endif
