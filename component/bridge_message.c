/*
 * bridge_message.c: a client's message to a contact, a contact's message to the clients.
 *
 * What of a message crosses is inner_stanza.c's affair. A message that is kept reaches the client
 * late; it then says when it was sent (XEP-0203), by this machine's clock. What becomes of a
 * message that waits is in bridge_outbox.c.
 */
#include "component/bridge_private.h"

#include "component/inner_stanza.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A message older than this says when it was sent; on its way through Tor one may spend some
 * seconds. */
#define DELAY_SHOWN_MS ((int64_t)30 * 1000)

/* --- from a client --- */

int bridge_message(void *arg, const char *user, const char *id, struct xml *message,
		   struct err *err)
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
	if (bridge_take_back(bridge, contact, message))
		return 0;
	buf_init(&payload, PAYLOAD_MAX);
	kind = inner_write(message, &payload, err);
	if (kind < 0)
		result = -1;
	else if (kind == INNER_LASTING ||
		 (kind == INNER_TRANSIENT && contact_state(contact) == CONTACT_LINKED))
		result = engine_send(contact, payload.data, payload.len, &token, err);
	if (!result && kind == INNER_LASTING)
		bridge_sent_remember(bridge, contact, token, message);
	buf_free(&payload);
	return result;
}

/* --- from a contact --- */

void bridge_contact_jid(const struct bridge *bridge, const struct contact *contact,
			char out[CONTACT_JID_SIZE])
{
	snprintf(out, CONTACT_JID_SIZE, "%s@%s/%s", contact_id(contact), bridge->domain,
		 CONTACT_RESOURCE);
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
static int add_delay(struct bridge *bridge, struct xml *message, int64_t sent_ms)
{
	int64_t age_ms = engine_now_ms(bridge->engine) - sent_ms;
	struct xml *delay;
	char stamp[32];

	if (sent_ms < 0 || age_ms <= DELAY_SHOWN_MS)
		return 0;
	format_stamp(env_wall_ms(bridge->env) - age_ms, stamp, sizeof(stamp));
	delay = xml_child_add(message, "delay", "urn:xmpp:delay");
	delay = xml_set(delay, "from", bridge->domain);
	delay = xml_set(delay, "stamp", stamp);
	return delay ? 0 : -1;
}

bool bridge_contact_message(void *arg, struct contact *contact, const uint8_t *payload, size_t len,
			    int64_t sent_ms)
{
	struct bridge *bridge = arg;
	enum inner_kind kind;
	char from[CONTACT_JID_SIZE];
	struct err err;
	struct xml *message;

	if (!bridge->server)
		return false;
	message = inner_read(payload, len, &kind, &err);
	if (!message) {
		log_debug("dropped a contact's message: %s", err.text);
		return err.code != ERR_MEMORY;
	}
	bridge_contact_jid(bridge, contact, from);
	if (!xml_set(message, "from", from) || add_delay(bridge, message, sent_ms)) {
		xml_free(&message);
		return false;
	}
	/* What is worth nothing later is not kept for later. */
	return server_deliver(bridge->server, bridge_user_of(contact), message) > 0 ||
	       kind == INNER_TRANSIENT;
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

/* --- to the server itself --- */

unsigned bridge_say(const struct bridge *bridge, const char *user, const char *text)
{
	struct xml *message = xml_new("message", "jabber:client");

	if (bridge->server && xml_set(message, "from", bridge->domain) &&
	    xml_set(message, "type", "chat") &&
	    xml_text_add(xml_child_add(message, "body", NULL), text))
		return server_deliver(bridge->server, user, message);
	xml_free(&message);
	return 0;
}

/* Clients that know no ad-hoc commands can paste a link here. */
void bridge_told(void *arg, const char *user, const char *text)
{
	struct bridge *bridge = arg;
	struct err err = {0};
	struct account *account = bridge_account(bridge, user, &err);
	struct contact *contact = NULL;

	if (account)
		contact = bridge_contact_add(bridge, account, text, NULL, NULL, &err);
	if (contact)
		bridge_say(bridge, user, "Added. You will see each other once both have done so.");
	else
		bridge_say(bridge, user, err.text);
}
