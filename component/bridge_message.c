/*
 * bridge_message.c: a client's message to a contact, a contact's message to the clients.
 *
 * What of a message crosses is inner_stanza.c's affair. A message that is kept reaches the client
 * late; it then says when it was sent (XEP-0203), by this machine's clock. What becomes of a
 * message that waits is in bridge_outbox.c.
 */
#include "component/bridge_private.h"

#include "component/inner_iq.h"
#include "component/inner_stanza.h"
#include "core/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A message older than this says when it was sent; on its way through Tor one may spend some
 * seconds. */
#define DELAY_SHOWN_MS ((int64_t)30 * 1000)

/* The users of another server have their archives there. */
static bool archives(const char *user)
{
	return !bridge_name_is_remote(user);
}

/* --- from a client --- */

static int send_payload(struct contact *contact, const struct buf *payload, const uint8_t *mark,
			uint64_t *token, struct err *err)
{
	_Static_assert(SERVER_MARK_LEN == SENT_MARK_LEN, "the engine keeps the server's marks");

	if (mark)
		return engine_send_marked(contact, payload->data, payload->len, mark, token, err);
	return engine_send(contact, payload->data, payload->len, token, err);
}

int bridge_message(void *arg, const char *user, const char *id, struct xml *message,
		   const uint8_t *mark, struct err *err)
{
	struct bridge *bridge = arg;
	struct contact *contact = bridge_lookup(bridge, user, id, err);
	struct buf payload;
	uint64_t token;
	int kind, result = 0;

	if (!contact)
		return -1;
	/* Who is invisible has not read anything, and is not typing. */
	if (bridge_hides_from(contact) && inner_gives_away(message))
		return 0;
	if (bridge_take_back(bridge, contact, message)) {
		if (archives(user))
			bridge_archive_taken_back(bridge, contact, message);
		return 0;
	}
	buf_init(&payload, PAYLOAD_MAX);
	kind = inner_write(message, &payload, err);
	if (kind < 0)
		result = -1;
	else if (kind == INNER_LASTING)
		result = send_payload(contact, &payload, mark, &token, err);
	else if (kind == INNER_TRANSIENT && contact_state(contact) == CONTACT_LINKED)
		result = send_payload(contact, &payload, NULL, &token, err);
	if (!result && kind == INNER_LASTING) {
		bridge_sent_remember(bridge, contact, token, message);
		if (archives(user))
			bridge_archive_sent(bridge, contact, token, message);
	}
	buf_free(&payload);
	return result;
}

int bridge_flush(void *arg, struct err *err)
{
	const struct bridge *bridge = arg;

	return engine_flush(bridge->engine, err);
}

/* --- from a contact --- */

void bridge_contact_jid(const struct bridge *bridge, const struct contact *contact,
			char out[CONTACT_JID_SIZE])
{
	snprintf(out, CONTACT_JID_SIZE, "%s@%s/%s", contact_id(contact),
		 bridge_domain(bridge, bridge_user_of(contact)), CONTACT_RESOURCE);
}

/* XEP-0082 section 3.2. */
static void format_stamp(int64_t ms, char *out, size_t size)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, size, "1970-01-01T00:00:00Z");
}

/* Say when the message was sent if that is long ago. -1: memory is short. */
static int add_delay(struct bridge *bridge, const char *user, struct xml *message, int64_t sent_ms)
{
	int64_t age_ms = engine_now_ms(bridge->engine) - sent_ms;
	struct xml *delay;
	char stamp[32];

	if (sent_ms < 0 || age_ms <= DELAY_SHOWN_MS)
		return 0;
	format_stamp(env_wall_ms(bridge->env) - age_ms, stamp, sizeof(stamp));
	delay = xml_child_add(message, "delay", "urn:xmpp:delay");
	delay = xml_set(delay, "from", bridge_domain(bridge, user));
	delay = xml_set(delay, "stamp", stamp);
	return delay ? 0 : -1;
}

void bridge_stanza_id(const struct contact *contact, uint64_t token, bool sent,
		      char out[STANZA_ID_SIZE])
{
	snprintf(out, STANZA_ID_SIZE, "%.*s%c%016" PRIx64, STANZA_ID_CONTACT, contact_id(contact),
		 sent ? '+' : '-', token);
}

/* XEP-0359: the same each time that the message is delivered, so that a client that has got it from
 * an earlier process knows it again. -1: memory is short. */
static int add_stanza_id(const struct bridge *bridge, const struct contact *contact, uint64_t token,
			 struct xml *message)
{
	struct xml *stanza_id = xml_child_add(message, "stanza-id", "urn:xmpp:sid:0");
	char by[JID_TEXT_SIZE], id[STANZA_ID_SIZE];

	bridge_user_jid(bridge, bridge_user_of(contact), by);
	bridge_stanza_id(contact, token, false, id);
	stanza_id = xml_set(stanza_id, "by", by);
	return xml_set(stanza_id, "id", id) ? 0 : -1;
}

enum reception bridge_contact_message(void *arg, struct contact *contact, uint64_t token,
				      const uint8_t *payload, size_t len, int64_t sent_ms)
{
	struct bridge *bridge = arg;
	const char *user = bridge_user_of(contact);
	enum inner_kind kind;
	enum reception reception;
	char from[CONTACT_JID_SIZE], bare[CONTACT_JID_SIZE], own[JID_TEXT_SIZE];
	struct err err;
	struct xml *message;

	if (!bridge_has_front(bridge, user))
		return MESSAGE_REFUSED;
	if (inner_iq_is(payload, len)) {
		bridge_peer_said(bridge, contact, payload, len);
		return MESSAGE_TAKEN;
	}
	message = inner_read(payload, len, &kind, &err);
	if (!message) {
		log_debug("dropped a contact's message: %s", err.text);
		return err.code != ERR_MEMORY ? MESSAGE_TAKEN : MESSAGE_REFUSED;
	}
	bridge_contact_jid(bridge, contact, from);
	bridge_user_jid(bridge, user, own);
	snprintf(bare, sizeof(bare), "%s@%s", contact_id(contact), bridge_domain(bridge, user));
	if (!xml_set(message, "from", from) || inner_address_keys(message, bare, own) < 0 ||
	    add_delay(bridge, user, message, sent_ms) ||
	    (kind == INNER_LASTING && add_stanza_id(bridge, contact, token, message))) {
		xml_free(&message);
		return MESSAGE_REFUSED;
	}
	if (kind == INNER_LASTING && archives(user))
		bridge_archive_got(bridge, contact, token, message);
	if (kind == INNER_LASTING &&
	    bridge_program_message(bridge, contact, token, message, sent_ms, &reception)) {
		xml_free(&message);
		return reception;
	}
	/* What is worth nothing later is not kept for later. */
	if (kind == INNER_TRANSIENT) {
		bridge_deliver(bridge, user, message);
		return MESSAGE_TAKEN;
	}
	return bridge_deliver_stored(bridge, user, contact_id(contact), token, message)
		   ? MESSAGE_HELD
		   : MESSAGE_REFUSED;
}

void bridge_arrived(void *arg, const char *user, const char *id, uint64_t token)
{
	struct err err;
	struct contact *contact = bridge_lookup(arg, user, id, &err);

	/* It may have been removed since. */
	if (contact)
		contact_message_taken(contact, token);
}

void bridge_ready(void *arg, const char *user)
{
	struct bridge *bridge = arg;
	struct account *account = engine_account_find(bridge->engine, user);

	if (!account)
		return;
	bridge_warn(bridge, account);
	engine_deliver_waiting(account);
}

void bridge_marks(void *arg, const char *user, void (*each)(void *each_arg, const uint8_t *mark),
		  void *each_arg)
{
	struct err err;
	struct account *account = bridge_account(arg, user, &err);

	if (account)
		account_sent_marks(account, each, each_arg);
}

/* --- to the server itself --- */

unsigned bridge_say(const struct bridge *bridge, const char *user, const char *text)
{
	struct xml *message = xml_new("message", "jabber:client");

	if (xml_set(message, "from", bridge_domain(bridge, user)) &&
	    xml_set(message, "type", "chat") &&
	    xml_text_add(xml_child_add(message, "body", NULL), text))
		return bridge_deliver(bridge, user, message);
	xml_free(&message);
	return 0;
}
