/*
 * pep_clean.c: what is taken out of a contact's item before it is kept and clients are given it:
 * pictures and sounds that lie elsewhere. A client would fetch them unasked, and past Tor, and so
 * tell the contact, or whom the contact likes, where its user is and when.
 */
#include "xmpp/pep_private.h"

#include <string.h>
#include <strings.h>

#define NS_VCARD4 "urn:ietf:params:xml:ns:vcard-4.0"

/* Take out the children that are bad; -1: memory is short. */
static int drop(struct xml *parent, bool (*bad)(const struct xml *child))
{
	struct xml *child = xml_first(parent), *next;

	for (; child; child = next) {
		next = xml_next(child);
		if (!bad(child))
			continue;
		child = xml_detach(child);
		if (!child)
			return -1;
		xml_free(&child);
	}
	return 0;
}

/* XEP-0084 section 4.2. */
static bool info_elsewhere(const struct xml *info)
{
	return xml_get(info, "url") != NULL;
}

/* XEP-0054: LOGO and SOUND may lie elsewhere, an AGENT is a vCard of its own. PHOTO is made from
 * the avatar. */
static bool part_elsewhere(const struct xml *part)
{
	return xml_is(part, "PHOTO", NS_VCARD) || xml_is(part, "AGENT", NS_VCARD) ||
	       xml_child(part, "EXTVAL", NULL);
}

/* A vCard of RFC 6351: what a property says by address, unless the address is the thing (RFC 2397).
 */
static bool property_elsewhere(const struct xml *property)
{
	static const char *const media[] = {"photo", "logo", "sound"};
	const char *uri = xml_text(xml_child(property, "uri", NS_VCARD4));
	bool is_media = false;

	for (size_t i = 0; i < sizeof(media) / sizeof(media[0]); i++)
		is_media |= xml_is(property, media[i], NS_VCARD4);
	return is_media && (!uri || strncasecmp(uri, "data:", strlen("data:")) != 0);
}

static int clean_vcard4(struct xml *vcard)
{
	for (struct xml *group = xml_first(vcard); group; group = xml_next(group))
		if (xml_is(group, "group", NS_VCARD4) && drop(group, property_elsewhere) < 0)
			return -1;
	return drop(vcard, property_elsewhere);
}

int pep_clean(struct xml *payload)
{
	if (xml_is(payload, "metadata", NS_AVATAR_METADATA))
		return drop(payload, info_elsewhere);
	if (xml_is(payload, "vCard", NS_VCARD))
		return drop(payload, part_elsewhere);
	if (xml_is(payload, "vcard", NS_VCARD4))
		return clean_vcard4(payload);
	return 0;
}
