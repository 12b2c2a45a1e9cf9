/*
 * xml_write.c: turns a tree into text that any namespace-aware parser reads back as the same tree.
 *
 *     default namespace     declared on each element whose namespace differs from the parent's
 *     stream namespace      always <stream:NAME xmlns:stream='…'>, since clients look for the
 * prefix xml namespace         <xml:NAME>: it must not be declared as a default (Namespaces in
 * XML 1.0, section 3) foreign attributes    a0:NAME, a1:NAME …, each with a declaration of its own
 */
#include "xmpp/xml_private.h"

#include <string.h>

/* Append text; in attributes white space is escaped too, or a reader would normalise it. */
static int add_escaped(const char *text, size_t len, bool attribute, struct buf *out)
{
	static const struct {
		char c;
		bool attribute_only;
		const char *escape;
	} escapes[] = {
	    {'&', false, "&amp;"},  {'<', false, "&lt;"},    {'>', false, "&gt;"},
	    {'"', false, "&quot;"}, {'\'', false, "&apos;"}, {'\r', false, "&#13;"},
	    {'\n', true, "&#10;"},  {'\t', true, "&#9;"},
	};
	size_t plain = 0;

	for (size_t i = 0; i < len; i++) {
		for (size_t k = 0; k < sizeof(escapes) / sizeof(escapes[0]); k++) {
			if (text[i] != escapes[k].c || (escapes[k].attribute_only && !attribute))
				continue;
			if (buf_add(out, text + plain, i - plain) < 0 ||
			    buf_add_text(out, escapes[k].escape) < 0)
				return -1;
			plain = i + 1;
			break;
		}
	}
	return buf_add(out, text + plain, len - plain);
}

int xml_escape(const char *text, struct buf *out)
{
	return add_escaped(text, strlen(text), true, out);
}

/* NAME='VALUE' with a blank in front. */
static int add_attribute(const char *name, const char *value, struct buf *out)
{
	return buf_add_text(out, " ") < 0 || buf_add_text(out, name) < 0 ||
		       buf_add_text(out, "='") < 0 || xml_escape(value, out) < 0 ||
		       buf_add_text(out, "'") < 0
		   ? -1
		   : 0;
}

static int add_foreign_attribute(const struct xml_attribute *attribute, unsigned number,
				 struct buf *out)
{
	if (buf_printf(out, " xmlns:a%u='", number) < 0 || xml_escape(attribute->ns, out) < 0 ||
	    buf_printf(out, "' a%u:", number) < 0 || buf_add_text(out, attribute->name) < 0 ||
	    buf_add_text(out, "='") < 0 || xml_escape(attribute->value, out) < 0)
		return -1;
	return buf_add_text(out, "'");
}

static int add_attributes(const struct xml *element, struct buf *out)
{
	unsigned foreign = 0;

	for (const struct xml_attribute *a = element->attributes; a; a = a->next) {
		int result = a->ns ? add_foreign_attribute(a, foreign++, out)
				   : add_attribute(a->name, a->value, out);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* The prefix, with its colon, that a namespace is always written with, or "". */
static const char *fixed_prefix(const char *ns)
{
	if (strcmp(ns, XML_NS_STREAM) == 0)
		return "stream:";
	return strcmp(ns, XML_NS_XML) == 0 ? "xml:" : "";
}

/* ns is the element's own, outer the default namespace around it. */
static int add_namespace(const char *ns, const char *prefix, const char *outer, struct buf *out)
{
	if (strcmp(prefix, "stream:") == 0)
		return add_attribute("xmlns:stream", ns, out);
	return *prefix || strcmp(ns, outer) == 0 ? 0 : add_attribute("xmlns", ns, out);
}

static int write_element(const struct xml *element, const char *inherited, const char *outer,
			 struct buf *out);

/* Text and child elements in their order. */
static int write_content(const struct xml *element, const char *ns, const char *outer,
			 struct buf *out)
{
	const char *text = element->text ? element->text : "";
	size_t at = 0;

	for (const struct xml *child = element->first; child; child = child->next) {
		if (add_escaped(text + at, child->text_before - at, false, out) < 0 ||
		    write_element(child, ns, outer, out) < 0)
			return -1;
		at = child->text_before;
	}
	return add_escaped(text + at, element->text_len - at, false, out);
}

/* inherited is the parent's namespace, which a child without one of its own is in; outer is the
 * default namespace at this place of the text. They differ below prefixed elements. */
static int write_element(const struct xml *element, const char *inherited, const char *outer,
			 struct buf *out)
{
	const char *ns = element->ns ? element->ns : inherited;
	const char *prefix = fixed_prefix(ns);

	if (buf_add_text(out, "<") < 0 || buf_add_text(out, prefix) < 0 ||
	    buf_add_text(out, element->name) < 0 || add_namespace(ns, prefix, outer, out) < 0 ||
	    add_attributes(element, out) < 0)
		return -1;
	if (!element->first && !element->text_len)
		return buf_add_text(out, "/>");
	if (buf_add_text(out, ">") < 0 || write_content(element, ns, *prefix ? outer : ns, out) < 0)
		return -1;
	return buf_add_text(out, "</") < 0 || buf_add_text(out, prefix) < 0 ||
		       buf_add_text(out, element->name) < 0 || buf_add_text(out, ">") < 0
		   ? -1
		   : 0;
}

int xml_write(const struct xml *element, const char *outer_ns, struct buf *out)
{
	size_t before = out->len;
	const char *inherited = outer_ns;

	if (!element)
		return -1;
	if (element->parent)
		inherited = xml_ns(element);
	if (write_element(element, inherited, outer_ns, out) == 0)
		return 0;
	out->len = before;
	if (out->data)
		out->data[before] = 0;
	return -1;
}
