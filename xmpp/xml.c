/*
 * xml.c: the tree: makes elements, changes them, and finds things in them.
 *
 * It neither writes (xml_write.c) nor parses (xml_parser.c). Copying and freeing recurse; the depth
 * of what comes from outside is limited by the parser.
 */
#include "xmpp/xml_private.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* First block for text: most bodies and values fit. */
#define TEXT_FIRST 64
/* U+FFFD, which stands for what XML cannot carry. */
#define REPLACEMENT "\xef\xbf\xbd"

/* --- characters --- */

/* Length of the good UTF-8 sequence at text (which ends with a NUL) with its code point, or 0. */
static size_t utf8_decode(const uint8_t *text, uint32_t *code)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = {
	    {0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t n = 0; n < sizeof(forms) / sizeof(forms[0]); n++) {
		if ((text[0] & forms[n].mask) != forms[n].lead)
			continue;
		*code = text[0] & (uint8_t)~forms[n].mask;
		for (size_t i = 1; i <= n; i++) {
			if ((text[i] & 0xc0) != 0x80)
				return 0;
			*code = *code << 6 | (text[i] & 0x3f);
		}
		return *code >= forms[n].least ? n + 1 : 0;
	}
	return 0;
}

/* XML 1.0 section 2.2, "Char". */
static bool code_allowed(uint32_t code)
{
	if (code < 0x20)
		return code == '\t' || code == '\n' || code == '\r';
	return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) ||
	       (code >= 0x10000 && code <= 0x10ffff);
}

/* A copy of text that XML can carry. Each bad byte may grow to the three of U+FFFD. */
static char *clean_copy(const char *text)
{
	size_t len = strlen(text), at = 0;
	char *out, *shorter;

	if (len > (SIZE_MAX - 1) / 3)
		return NULL;
	out = malloc(3 * len + 1);
	if (!out)
		return NULL;
	while (*text) {
		uint32_t code = 0;
		size_t n = utf8_decode((const uint8_t *)text, &code);

		if (n && code_allowed(code)) {
			memcpy(out + at, text, n);
			at += n;
		} else {
			n = n ? n : 1;
			memcpy(out + at, REPLACEMENT, 3);
			at += 3;
		}
		text += n;
	}
	out[at] = 0;
	shorter = realloc(out, at + 1);
	return shorter ? shorter : out;
}

/* --- making --- */

struct xml *xml_new(const char *name, const char *ns)
{
	struct xml *element = calloc(1, sizeof(*element));

	if (!element)
		return NULL;
	element->name = strdup(name);
	element->ns = ns ? strdup(ns) : NULL;
	if (!element->name || (ns && !element->ns))
		xml_free(&element);
	return element;
}

static void attribute_free(struct xml_attribute *attribute)
{
	free(attribute->ns);
	free(attribute->name);
	free(attribute->value);
	free(attribute);
}

static void free_tree(struct xml *element)
{
	while (element->first) {
		struct xml *child = element->first;

		element->first = child->next;
		free_tree(child);
	}
	while (element->attributes) {
		struct xml_attribute *attribute = element->attributes;

		element->attributes = attribute->next;
		attribute_free(attribute);
	}
	free(element->name);
	free(element->ns);
	free(element->text);
	free(element);
}

void xml_free(struct xml **element)
{
	if (!*element)
		return;
	assert(!(*element)->parent);
	free_tree(*element);
	*element = NULL;
}

/* Everything but the place in a tree; ns may differ. */
static struct xml *copy_tree(const struct xml *from, const char *ns)
{
	struct xml *copy = xml_new(from->name, ns);

	if (!copy)
		return NULL;
	for (const struct xml_attribute *a = from->attributes; a; a = a->next)
		if (xml_attribute_add(copy, a->ns, a->name, a->value) < 0)
			goto fail;
	if (from->text && xml_text_add_checked(copy, from->text, from->text_len) < 0)
		goto fail;
	for (const struct xml *child = from->first; child; child = child->next) {
		struct xml *added = xml_append(copy, copy_tree(child, child->ns));

		if (!added)
			goto fail;
		added->text_before = child->text_before;
	}
	return copy;
fail:
	xml_free(&copy);
	return NULL;
}

struct xml *xml_copy(const struct xml *element)
{
	return element ? copy_tree(element, element->parent ? xml_ns(element) : element->ns) : NULL;
}

int xml_attribute_add(struct xml *element, const char *ns, const char *name, const char *value)
{
	struct xml_attribute *attribute = calloc(1, sizeof(*attribute));

	if (!attribute)
		return -1;
	attribute->ns = ns ? strdup(ns) : NULL;
	attribute->name = strdup(name);
	attribute->value = strdup(value);
	if ((ns && !attribute->ns) || !attribute->name || !attribute->value) {
		attribute_free(attribute);
		return -1;
	}
	if (element->last_attribute)
		element->last_attribute->next = attribute;
	else
		element->attributes = attribute;
	element->last_attribute = attribute;
	return 0;
}

static struct xml_attribute *find_attribute(const struct xml *element, const char *name,
					    struct xml_attribute **before)
{
	*before = NULL;
	for (struct xml_attribute *a = element->attributes; a; *before = a, a = a->next)
		if (!a->ns && strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

static void remove_attribute(struct xml *element, struct xml_attribute *attribute,
			     struct xml_attribute *before)
{
	if (before)
		before->next = attribute->next;
	else
		element->attributes = attribute->next;
	if (element->last_attribute == attribute)
		element->last_attribute = before;
	attribute_free(attribute);
}

struct xml *xml_set(struct xml *element, const char *name, const char *value)
{
	struct xml_attribute *attribute, *before;
	char *clean;

	if (!element)
		return NULL;
	/* A second xmlns would make the document malformed; xml_new takes the namespace. */
	assert(strcmp(name, "xmlns") != 0);
	attribute = find_attribute(element, name, &before);
	if (!value) {
		if (attribute)
			remove_attribute(element, attribute, before);
		return element;
	}
	clean = clean_copy(value);
	if (!clean)
		return NULL;
	if (attribute) {
		free(attribute->value);
		attribute->value = clean;
		return element;
	}
	if (xml_attribute_add(element, NULL, name, clean) < 0)
		element = NULL;
	free(clean);
	return element;
}

int xml_text_add_checked(struct xml *element, const char *text, size_t len)
{
	size_t size = element->text_size;
	char *bigger;

	if (len >= SIZE_MAX / 2 - element->text_len)
		return -1;
	if (element->text_len + len + 1 > size) {
		/* Doubling keeps the many small pieces that expat gives cheap. */
		size = size ? 2 * size : TEXT_FIRST;
		if (size < element->text_len + len + 1)
			size = element->text_len + len + 1;
		bigger = realloc(element->text, size);
		if (!bigger)
			return -1;
		element->text = bigger;
		element->text_size = size;
	}
	memcpy(element->text + element->text_len, text, len);
	element->text_len += len;
	element->text[element->text_len] = 0;
	return 0;
}

struct xml *xml_text_add(struct xml *element, const char *text)
{
	char *clean = element ? clean_copy(text) : NULL;
	int result;

	if (!clean)
		return NULL;
	result = xml_text_add_checked(element, clean, strlen(clean));
	free(clean);
	return result < 0 ? NULL : element;
}

struct xml *xml_append(struct xml *parent, struct xml *child)
{
	if (!parent || !child) {
		xml_free(&child);
		return NULL;
	}
	assert(!child->parent);
	child->parent = parent;
	child->text_before = parent->text_len;
	child->prev = parent->last;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	return child;
}

struct xml *xml_child_add(struct xml *parent, const char *name, const char *ns)
{
	return parent ? xml_append(parent, xml_new(name, ns)) : NULL;
}

struct xml *xml_detach(struct xml *child)
{
	char *ns;

	if (!child || !child->parent)
		return child;
	/* What it had from the parent it must bring along. */
	if (!child->ns) {
		ns = strdup(xml_ns(child));
		if (!ns)
			return NULL;
		child->ns = ns;
	}
	if (child->prev)
		child->prev->next = child->next;
	else
		child->parent->first = child->next;
	if (child->next)
		child->next->prev = child->prev;
	else
		child->parent->last = child->prev;
	child->parent = child->prev = child->next = NULL;
	child->text_before = 0;
	return child;
}

/* --- reading --- */

const char *xml_name(const struct xml *element)
{
	return element->name;
}

const char *xml_ns(const struct xml *element)
{
	while (!element->ns && element->parent)
		element = element->parent;
	return element->ns ? element->ns : "";
}

int xml_rename_ns(struct xml *element, const char *from, const char *to)
{
	if (!element || strcmp(xml_ns(element), from) != 0)
		return element ? 0 : -1;
	/* The children first: one without a namespace of its own looks at its parent's. */
	for (struct xml *child = element->first; child; child = child->next)
		if (xml_rename_ns(child, from, to) < 0)
			return -1;
	if (element->ns || !element->parent) {
		char *ns = strdup(to);

		if (!ns)
			return -1;
		free(element->ns);
		element->ns = ns;
	}
	return 0;
}

bool xml_is(const struct xml *element, const char *name, const char *ns)
{
	return element && (!name || strcmp(name, element->name) == 0) &&
	       (!ns || strcmp(ns, xml_ns(element)) == 0);
}

const char *xml_get(const struct xml *element, const char *name)
{
	struct xml_attribute *attribute, *before;

	attribute = element ? find_attribute(element, name, &before) : NULL;
	return attribute ? attribute->value : NULL;
}

struct xml *xml_child(const struct xml *element, const char *name, const char *ns)
{
	struct xml *child = xml_first(element);

	while (child && !xml_is(child, name, ns))
		child = child->next;
	return child;
}

struct xml *xml_first(const struct xml *element)
{
	return element ? element->first : NULL;
}

struct xml *xml_next(const struct xml *element)
{
	return element ? element->next : NULL;
}

const char *xml_text(struct xml *element)
{
	return element && element->text ? element->text : "";
}

const char *xml_child_text(struct xml *element, const char *name, const char *ns)
{
	struct xml *child = xml_child(element, name, ns);

	return child ? xml_text(child) : NULL;
}
