/*
 * stanza.c: see stanza.h.
 */
#include "xmpp/stanza.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *condition;
	const char *type;
} errors[STANZA_ERRORS] = {
    [STANZA_BAD_REQUEST] = {"bad-request", "modify"},
    [STANZA_CONFLICT] = {"conflict", "cancel"},
    [STANZA_FEATURE_NOT_IMPLEMENTED] = {"feature-not-implemented", "cancel"},
    [STANZA_FORBIDDEN] = {"forbidden", "auth"},
    [STANZA_INTERNAL_SERVER_ERROR] = {"internal-server-error", "cancel"},
    [STANZA_ITEM_NOT_FOUND] = {"item-not-found", "cancel"},
    [STANZA_JID_MALFORMED] = {"jid-malformed", "modify"},
    [STANZA_NOT_ACCEPTABLE] = {"not-acceptable", "modify"},
    [STANZA_NOT_ALLOWED] = {"not-allowed", "cancel"},
    [STANZA_NOT_AUTHORIZED] = {"not-authorized", "auth"},
    [STANZA_POLICY_VIOLATION] = {"policy-violation", "modify"},
    [STANZA_RECIPIENT_UNAVAILABLE] = {"recipient-unavailable", "wait"},
    [STANZA_REGISTRATION_REQUIRED] = {"registration-required", "auth"},
    [STANZA_REMOTE_SERVER_NOT_FOUND] = {"remote-server-not-found", "cancel"},
    [STANZA_REMOTE_SERVER_TIMEOUT] = {"remote-server-timeout", "wait"},
    [STANZA_RESOURCE_CONSTRAINT] = {"resource-constraint", "wait"},
    [STANZA_SERVICE_UNAVAILABLE] = {"service-unavailable", "cancel"},
    [STANZA_SUBSCRIPTION_REQUIRED] = {"subscription-required", "auth"},
    [STANZA_UNEXPECTED_REQUEST] = {"unexpected-request", "wait"},
};

const char *stanza_error_condition(enum stanza_error error)
{
	assert(error < STANZA_ERRORS);
	return errors[error].condition;
}

const char *stanza_error_type(enum stanza_error error)
{
	assert(error < STANZA_ERRORS);
	return errors[error].type;
}

enum stanza_error stanza_error_of(const struct err *err)
{
	switch (err->code) {
	case ERR_NOT_FOUND:
		return STANZA_ITEM_NOT_FOUND;
	case ERR_INPUT:
		return STANZA_NOT_ACCEPTABLE;
	case ERR_EXISTS:
		return STANZA_CONFLICT;
	case ERR_LIMIT:
	case ERR_UNAVAILABLE:
		return STANZA_RESOURCE_CONSTRAINT;
	case ERR_AUTH:
		return STANZA_NOT_ALLOWED;
	default:
		return STANZA_INTERNAL_SERVER_ERROR;
	}
}

bool stanza_is_error(const struct xml *stanza)
{
	const char *type = xml_get(stanza, "type");

	return type && strcmp(type, "error") == 0;
}

struct xml *stanza_reply(const struct xml *stanza, const char *type)
{
	struct xml *reply = xml_new(xml_name(stanza), xml_ns(stanza));

	/* NULL removes, that is, sets nothing; so only a shortage of memory fails. */
	if (xml_set(reply, "type", type) && xml_set(reply, "id", xml_get(stanza, "id")) &&
	    xml_set(reply, "from", xml_get(stanza, "to")) &&
	    xml_set(reply, "to", xml_get(stanza, "from")))
		return reply;
	xml_free(&reply);
	return NULL;
}

struct xml *stanza_result(const struct xml *iq)
{
	return stanza_reply(iq, "result");
}

struct xml *stanza_error_new(const struct xml *stanza, enum stanza_error error, const char *text)
{
	struct xml *reply = stanza_reply(stanza, "error");
	struct xml *element = xml_child_add(reply, "error", NULL);
	struct xml *child;

	if (!xml_set(element, "type", stanza_error_type(error)) ||
	    !xml_child_add(element, stanza_error_condition(error), NS_STANZAS))
		goto fail;
	if (text && *text) {
		child = xml_child_add(element, "text", NS_STANZAS);
		if (!xml_set(child, "xml:lang", "en") || !xml_text_add(child, text))
			goto fail;
	}
	return reply;
fail:
	xml_free(&reply);
	return NULL;
}
