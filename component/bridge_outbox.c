/*
 * bridge_outbox.c: messages that have left a client and have not arrived: taking them back, and
 * telling the client of those that never will.
 *
 * Neighbours: bridge_message.c (sending), inner_stanza.c (what a message says).
 */
#include "component/bridge_private.h"

#include "component/inner_stanza.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
/* Messages that are taken back in one go; there may be several goes. */
#define TAKEN_BACK_MAX 64

/* --- who has sent what --- */

void bridge_sent_remember(struct bridge *bridge, struct contact *contact, uint64_t token,
			  const struct xml *message)
{
	struct sent *sent = &bridge->sent[bridge->sent_next];
	const char *id = xml_get(message, "id");
	const char *from = xml_get(message, "from");

	if (!id || strlen(id) > SENT_ID_MAX || !from || strlen(from) > SENT_FROM_MAX)
		return;
	bridge->sent_next = (bridge->sent_next + 1) % SENT_MAX;
	sent->contact = contact;
	sent->token = token;
	snprintf(sent->id, sizeof(sent->id), "%s", id);
	snprintf(sent->from, sizeof(sent->from), "%s", from);
}

static struct sent *recall(struct bridge *bridge, const struct contact *contact, uint64_t token)
{
	for (unsigned i = 0; i < SENT_MAX; i++)
		if (bridge->sent[i].contact == contact && bridge->sent[i].token == token)
			return &bridge->sent[i];
	return NULL;
}

void bridge_sent_forget(struct bridge *bridge, const struct account *account)
{
	for (unsigned i = 0; i < SENT_MAX; i++)
		if (bridge->sent[i].contact && contact_account(bridge->sent[i].contact) == account)
			bridge->sent[i].contact = NULL;
}

/* --- refusals --- */

/* Why a message has not arrived (RFC 6120 section 8.3). */
struct refusal {
	const char *type, *condition;
	const char *text;
};

/* The error report for a message goes to the client that sent it. */
static struct xml *report_of(const struct bridge *bridge, const struct sent *sent,
			     const struct refusal *why)
{
	struct xml *report = xml_new("message", "jabber:client");
	struct xml *error = xml_child_add(report, "error", NULL);
	struct xml *condition = xml_child_add(error, why->condition, NS_STANZAS);
	struct xml *text = xml_child_add(error, "text", NS_STANZAS);
	char from[CONTACT_JID_SIZE];

	bridge_contact_jid(bridge, sent->contact, from);
	if (!xml_set(report, "type", "error") || !xml_set(report, "from", from) ||
	    !xml_set(report, "to", sent->from) || !xml_set(report, "id", sent->id) ||
	    !xml_set(error, "type", why->type) || !condition || !xml_text_add(text, why->text))
		xml_free(&report);
	return report;
}

/* Tell the client, and forget it. */
static void give_back(struct bridge *bridge, struct sent *sent, const struct refusal *why)
{
	struct xml *report = report_of(bridge, sent, why);
	const char *user = bridge_user_of(sent->contact);

	sent->contact = NULL;
	if (report)
		bridge_deliver(bridge, user, report);
}

void bridge_sent_give_back(struct bridge *bridge, const struct contact *contact)
{
	static const struct refusal removed = {
	    "cancel", "item-not-found", "the contact was removed; the message was not delivered"};

	for (unsigned i = 0; i < SENT_MAX; i++)
		if (bridge->sent[i].contact == contact)
			give_back(bridge, &bridge->sent[i], &removed);
}

void bridge_delivered(void *arg, struct contact *contact, uint64_t token, enum delivery how,
		      const char *reason)
{
	struct bridge *bridge = arg;
	struct sent *sent = recall(bridge, contact, token);
	const struct refusal why = {"modify", "not-acceptable",
				    reason && *reason ? reason : "the contact refused the message"};

	if (how == DELIVERY_REJECTED)
		log_info("a contact refused a message");
	if (sent && how == DELIVERY_REJECTED)
		give_back(bridge, sent, &why);
	else if (sent)
		sent->contact = NULL;
	bridge_program_ended(bridge, contact, token,
			     how == DELIVERY_ACKED ? PROGRAM_DELIVERED : PROGRAM_REJECTED, reason);
	bridge_changed(bridge);
}

/* --- taking back --- */

int bridge_cancel(struct bridge *bridge, struct contact *contact, uint64_t token, struct err *err)
{
	static const struct refusal cancelled = {"cancel", "undefined-condition",
						 "the message was taken back"};
	struct sent *sent = recall(bridge, contact, token);
	int result = contact_cancel(contact, token, err);

	if (result >= 0 && sent)
		give_back(bridge, sent, &cancelled);
	if (result < 0)
		return result;
	bridge_program_ended(bridge, contact, token, PROGRAM_CANCELLED, NULL);
	bridge_changed(bridge);
	return result;
}

/* The messages that a retraction means, as far as they wait. */
struct found {
	const char *id;
	uint64_t tokens[TAKEN_BACK_MAX];
	unsigned count;
	bool original; /* the message itself is among them, not only its corrections */
	bool left;     /* one has left */
};

static bool find_retracted(void *arg, const struct waiting *waiting)
{
	struct found *found = arg;
	enum inner_match match = inner_is(waiting->payload, waiting->len, found->id);

	if (match == INNER_OTHER)
		return true;
	if (waiting->on_its_way) {
		found->left = true;
		return true;
	}
	found->original |= match == INNER_SAME;
	found->tokens[found->count++] = waiting->token;
	return found->count < TAKEN_BACK_MAX;
}

bool bridge_take_back(struct bridge *bridge, struct contact *contact, const struct xml *retraction)
{
	struct found found = {.id = inner_retracts(retraction)};
	struct err err;

	if (!found.id || contact_outbox(contact) == 0)
		return false;
	do {
		found.count = 0;
		if (contact_waiting(contact, find_retracted, &found, &err))
			return false;
		for (unsigned i = 0; i < found.count; i++) {
			struct sent *sent = recall(bridge, contact, found.tokens[i]);
			int result = contact_cancel(contact, found.tokens[i], &err);

			if (result < 0)
				return false;
			found.left |= result > 0;
			/* Its client knows. */
			if (sent)
				sent->contact = NULL;
		}
	} while (found.count == TAKEN_BACK_MAX);
	bridge_changed(bridge);
	return found.original && !found.left;
}
