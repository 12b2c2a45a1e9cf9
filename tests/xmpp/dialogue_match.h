/*
 * dialogue_match.h: does an element look as a script says? Strictly: the same name, namespace,
 * attributes, children in the same order and text; an attribute or text "*" matches anything but
 * nothing.
 */
#ifndef TESTS_XMPP_DIALOGUE_MATCH_H
#define TESTS_XMPP_DIALOGUE_MATCH_H

#include "xmpp/xml.h"

bool dialogue_match(struct xml *expected, struct xml *got);

#endif
