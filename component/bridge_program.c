/*
 * bridge_program.c: see bridge_program.h.
 */
#include "component/bridge_private.h"

#include "component/bridge_program.h"
#include "component/inner_stanza.h"
#include "core/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_RECEIPTS "urn:xmpp:receipts"

void bridge_set_program(struct bridge *bridge, const struct program_host *host, void *arg)
{
	bridge->program = host;
	bridge->program_arg = arg;
}

/* --- to contacts --- */

static int send_message(struct bridge *bridge, struct contact *contact, const struct xml *message,
			uint64_t *token, struct err *err)
{
	struct buf payload;
	int result;

	buf_init(&payload, PAYLOAD_MAX);
	result = inner_write(message, &payload, err) < 0
		     ? -1
		     : engine_send(contact, payload.data, payload.len, token, err);
	if (!result && !bridge_name_is_remote(bridge_user_of(contact)))
		bridge_archive_sent(bridge, contact, *token, message);
	buf_free(&payload);
	return result;
}

static struct xml *new_message(const struct bridge *bridge, const struct contact *contact,
			       char id[PROGRAM_ID_SIZE])
{
	struct xml *message = xml_new("message", "jabber:client");
	char from[JID_TEXT_SIZE], to[JID_TEXT_SIZE];
	uint64_t number;

	env_random(bridge->env, &number, sizeof(number));
	snprintf(id, PROGRAM_ID_SIZE, PROGRAM_ID_PREFIX "%016" PRIx64, number);
	bridge_user_jid(bridge, bridge_user_of(contact), from);
	snprintf(to, sizeof(to), "%s@%s", contact_id(contact),
		 bridge_domain(bridge, bridge_user_of(contact)));
	if (!xml_set(message, "type", "chat") || !xml_set(message, "id", id) ||
	    !xml_set(message, "from", from) || !xml_set(message, "to", to))
		xml_free(&message);
	return message;
}

int bridge_program_send(struct bridge *bridge, struct contact *contact, const char *text,
			uint64_t *token, char id[PROGRAM_ID_SIZE], struct err *err)
{
	struct xml *message;
	int result;

	if (!text[0])
		return err_set(err, ERR_INPUT, "the message is empty");
	message = new_message(bridge, contact, id);
	if (!xml_text_add(xml_child_add(message, "body", NULL), text) ||
	    !xml_child_add(message, "request", NS_RECEIPTS))
		result = err_set(err, ERR_MEMORY, "out of memory");
	else
		result = send_message(bridge, contact, message, token, err);
	xml_free(&message);
	if (!result)
		bridge_changed(bridge);
	return result;
}

static void send_receipt(struct bridge *bridge, struct contact *contact, const char *of)
{
	char id[PROGRAM_ID_SIZE];
	struct xml *message = new_message(bridge, contact, id);
	struct xml *received = xml_child_add(message, "received", NS_RECEIPTS);
	struct err err = {0};
	uint64_t token;

	if (xml_set(received, "id", of) && send_message(bridge, contact, message, &token, &err))
		log_info("a receipt could not be sent: %s", err.text);
	xml_free(&message);
}

void bridge_program_taken(struct bridge *bridge, struct contact *contact, uint64_t token,
			  const char *receipt)
{
	contact_message_taken(contact, token);
	if (receipt[0] && bridge_is_bot(contact_account(contact)) && !bridge_hides_from(contact))
		send_receipt(bridge, contact, receipt);
}

/* --- from contacts --- */

/* A receipt for what a program has sent, which knows from the contact's daemon that it came. */
static bool is_own_receipt(const struct xml *message)
{
	const struct xml *received = xml_child(message, "received", NS_RECEIPTS);
	const char *of = received ? xml_get(received, "id") : NULL;

	return of && strncmp(of, PROGRAM_ID_PREFIX, strlen(PROGRAM_ID_PREFIX)) == 0 &&
	       inner_gives_away(message);
}

static const char *id_or_none(const char *id)
{
	return id && strlen(id) <= PROGRAM_MESSAGE_ID_MAX ? id : "";
}

/* By our own clock, as what clients are told (bridge_message.c). */
static int64_t moment(const struct bridge *bridge, int64_t sent_ms)
{
	int64_t now_ms = env_wall_ms(bridge->env);

	if (sent_ms < 0)
		return now_ms;
	return now_ms - (engine_now_ms(bridge->engine) - sent_ms);
}

static void copy_to_clients(struct bridge *bridge, const char *user, const struct xml *message)
{
	struct xml *copy = xml_copy(message);

	if (copy)
		bridge_deliver(bridge, user, copy);
}

bool bridge_program_message(struct bridge *bridge, struct contact *contact, uint64_t token,
			    struct xml *message, int64_t sent_ms, enum reception *reception)
{
	const struct account *account = contact_account(contact);
	const struct xml *replace = xml_child(message, "replace", "urn:xmpp:message-correct:0");
	const char *body = xml_child_text(message, "body", NULL);
	const struct program_message news = {
	    .token = token,
	    .sent_ms = moment(bridge, sent_ms),
	    .id = id_or_none(xml_get(message, "id")),
	    .replaces = id_or_none(replace ? xml_get(replace, "id") : NULL),
	    .body = body,
	    .receipt = xml_child(message, "request", NS_RECEIPTS) != NULL,
	};
	enum program_answer answer;
	bool again = false;

	*reception = MESSAGE_TAKEN;
	if (is_own_receipt(message))
		return true;
	if (!bridge->program || !bridge->program->listens(bridge->program_arg, account))
		return false;
	if (!body || !body[0]) {
		copy_to_clients(bridge, account_name(account), message);
		return true;
	}
	answer = bridge->program->message(bridge->program_arg, contact, &news, &again);
	if (answer == PROGRAM_ABSENT)
		return false;
	if (answer == PROGRAM_HAS_IT && !again)
		copy_to_clients(bridge, account_name(account), message);
	*reception = MESSAGE_REFUSED;
	return true;
}

void bridge_program_ended(struct bridge *bridge, const struct contact *contact, uint64_t token,
			  enum program_delivery how, const char *reason)
{
	if (bridge->program)
		bridge->program->delivered(bridge->program_arg, contact, token, how,
					   reason ? reason : "");
}

void bridge_program_presence(struct bridge *bridge, const struct contact *contact,
			     const struct status *status)
{
	if (bridge->program)
		bridge->program->presence(bridge->program_arg, contact, status);
}

void bridge_program_request(struct bridge *bridge, const struct account *account,
			    const struct contact_request *request)
{
	if (bridge->program)
		bridge->program->request(bridge->program_arg, account, request);
}
