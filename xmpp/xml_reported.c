/*
 * xml_reported.c: turns a start tag, as expat reports it, into an element. xml_parser.c calls it.
 *
 * Expat puts the namespace in front of each name that has one, with XML_SEPARATOR between them.
 */
#include "xmpp/xml_private.h"

#include <stdlib.h>
#include <string.h>

/* Split expat's "namespace XML_SEPARATOR name"; *name points into reported. NULL when memory is
 * short.
 */
static char *split_name(const char *reported, const char **name)
{
	const char *separator = strrchr(reported, XML_SEPARATOR);

	*name = separator ? separator + 1 : reported;
	return separator ? strndup(reported, (size_t)(separator - reported)) : strdup("");
}

static int add_attribute(struct xml *element, const char *reported, const char *value)
{
	static const char xml_prefix[] = "xml:";
	const char *name;
	char *ns = split_name(reported, &name), *prefixed;
	int result = -1;

	if (!ns)
		return -1;
	if (!*ns) {
		result = xml_attribute_add(element, NULL, name, value);
	} else if (strcmp(ns, XML_NS_XML) != 0) {
		result = xml_attribute_add(element, ns, name, value);
	} else if ((prefixed = malloc(sizeof(xml_prefix) + strlen(name)))) {
		memcpy(prefixed, xml_prefix, sizeof(xml_prefix) - 1);
		memcpy(prefixed + sizeof(xml_prefix) - 1, name, strlen(name) + 1);
		result = xml_attribute_add(element, NULL, prefixed, value);
		free(prefixed);
	}
	free(ns);
	return result;
}

struct xml *xml_reported_element(const struct xml *parent, const char *reported,
				 const char **attributes)
{
	const char *name;
	char *ns = split_name(reported, &name);
	struct xml *element;

	if (!ns)
		return NULL;
	/* The parent's namespace need not be stored again. */
	element = xml_new(name, parent && strcmp(xml_ns(parent), ns) == 0 ? NULL : ns);
	free(ns);
	for (; element && *attributes; attributes += 2)
		if (add_attribute(element, attributes[0], attributes[1]) < 0)
			xml_free(&element);
	return element;
}

unsigned xml_reported_count(const char **attributes)
{
	unsigned count = 0;

	while (attributes[2 * count])
		count++;
	return count;
}
