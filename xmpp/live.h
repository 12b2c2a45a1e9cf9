/*
 * live.h: what can be asked of a person's daemon that is true only now, so that nobody keeps it:
 * its software (XEP-0092) and its clock (XEP-0202). Pure but for the clock.
 *
 * The answers give away as little as they can: no operating system, and the time always in UTC,
 * since a time zone tells where someone is.
 */
#ifndef XMPP_LIVE_H
#define XMPP_LIVE_H

#include "core/base/env.h"
#include "xmpp/xml.h"

/* Longest text in an answer that is passed on: a name, a version or a time. */
#define LIVE_TEXT_MAX 128

/* The namespace (a constant) that a question or an answer is of; NULL: of neither. */
const char *live_kind(const struct xml *payload);
/* These give NULL when memory is short; the caller owns the element. */
struct xml *live_question(const char *kind);
struct xml *live_answer(const struct env *env, const char *kind);
/* What of a contact's answer goes to clients: known elements with short text. NULL, too, when it is
 * not of that kind. */
struct xml *live_clean(struct xml *answer, const char *kind);

#endif
