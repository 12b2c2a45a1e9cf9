/*
 * xml_private.h: the element, for the xml*.c.
 */
#ifndef XMPP_XML_PRIVATE_H
#define XMPP_XML_PRIVATE_H

#include "xmpp/xml.h"

struct xml_attribute {
	struct xml_attribute *next;
	char *ns; /* NULL for an attribute without prefix, and for xml:lang and its like */
	char *name;
	char *value;
};

/*
 * All text of an element stands in one block; a child notes how much of it comes before. So the
 * joined text is there for nothing, and text and elements still keep their order.
 */
struct xml {
	char *name;
	char *ns; /* NULL: the parent's */
	struct xml_attribute *attributes, *last_attribute;
	char *text; /* NULL while there is none; ends with a NUL */
	size_t text_len, text_size;
	struct xml *parent, *first, *last, *next, *prev;
	size_t text_before; /* bytes of the parent's text in front of this child */
};

#define XML_NS_XML    "http://www.w3.org/XML/1998/namespace"
#define XML_NS_STREAM "http://etherx.jabber.org/streams"

/* Append an attribute that is known to be new. ns may be NULL; name and value are copied as they
 * are. -1 when memory is short. */
int xml_attribute_add(struct xml *element, const char *ns, const char *name, const char *value);
/* Append len bytes that are known to be good UTF-8 and to be allowed in XML. */
int xml_text_add_checked(struct xml *element, const char *text, size_t len);

/* Between namespace and name in what expat reports: no byte of UTF-8, so no name can contain it. */
#define XML_SEPARATOR '\xff'
/* The element of a start tag. attributes: names and values in turn, then NULL. parent is where the
 * element will be appended, or NULL. NULL when memory is short. */
struct xml *xml_reported_element(const struct xml *parent, const char *reported,
				 const char **attributes);
unsigned xml_reported_count(const char **attributes);

#endif
