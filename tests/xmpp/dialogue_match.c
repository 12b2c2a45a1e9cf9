/*
 * dialogue_match.c: see dialogue_match.h.
 */
#include "tests/xmpp/dialogue_match.h"

#include "xmpp/xml_private.h"

#include <string.h>

static bool text_fits(const char *expected, const char *got)
{
	return strcmp(expected, "*") == 0 ? *got != '\0' : strcmp(expected, got) == 0;
}

static const struct xml_attribute *find(const struct xml *element,
					const struct xml_attribute *wanted)
{
	const struct xml_attribute *a = element->attributes;

	while (a && (strcmp(a->name, wanted->name) != 0 ||
		     strcmp(a->ns ? a->ns : "", wanted->ns ? wanted->ns : "") != 0))
		a = a->next;
	return a;
}

static bool attributes_fit(const struct xml *expected, const struct xml *got)
{
	for (const struct xml_attribute *a = expected->attributes; a; a = a->next) {
		const struct xml_attribute *other = find(got, a);

		if (!other || !text_fits(a->value, other->value))
			return false;
	}
	for (const struct xml_attribute *a = got->attributes; a; a = a->next)
		if (!find(expected, a))
			return false;
	return true;
}

/* Scripts are indented, so blanks between elements do not count there. */
static const char *expected_text(struct xml *expected)
{
	const char *text = xml_text(expected);

	return text[strspn(text, " \t\r\n")] ? text : "";
}

bool dialogue_match(struct xml *expected, struct xml *got)
{
	struct xml *a, *b;

	if (strcmp(xml_name(expected), xml_name(got)) != 0 ||
	    strcmp(xml_ns(expected), xml_ns(got)) != 0 || !attributes_fit(expected, got) ||
	    !text_fits(expected_text(expected), xml_text(got)))
		return false;
	for (a = xml_first(expected), b = xml_first(got); a && b; a = xml_next(a), b = xml_next(b))
		if (!dialogue_match(a, b))
			return false;
	return !a && !b;
}
