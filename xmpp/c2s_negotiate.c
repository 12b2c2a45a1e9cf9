/*
 * c2s_negotiate.c: STARTTLS, SASL, resource binding (RFC 6120 sections 5 to 7), and accounts asked
 * for before the login (XEP-0077).
 * Neighbours: c2s.c calls one function a state; sasl.c knows the mechanisms.
 */
#include "xmpp/c2s_private.h"
#include "xmpp/channel_binding.h"

#include "core/base/codec.h"
#include "core/base/stream_socket.h"

#include <stdlib.h>
#include <string.h>

/* --- TLS --- */

int c2s_direct_tls(struct c2s *c2s)
{
	if (stream_start_tls(c2s->stream, c2s->config->tls, NULL) < 0)
		return -1;
	c2s->secure = true;
	return 0;
}

static void start_tls(struct c2s *c2s)
{
	struct err err;

	if (!c2s->config->tls || c2s->secure || !c2s->framing->starttls) {
		c2s_write_text(c2s, "<failure xmlns='" NS_TLS "'/>");
		c2s_end(c2s, STREAM_POLICY_VIOLATION, NULL);
		return;
	}
	c2s_write_text(c2s, "<proceed xmlns='" NS_TLS "'/>");
	/* Also drops what came in the same bytes, so that nobody can put something in front of the
	 * encrypted stream. */
	xml_parser_reset(c2s->parser);
	if (stream_start_tls(c2s->stream, c2s->config->tls, &err) < 0) {
		c2s_end(c2s, STREAM_INTERNAL_SERVER_ERROR, NULL);
		return;
	}
	c2s->secure = true;
	c2s->header_sent = false;
	c2s_enter_state(c2s, C2S_HEADER);
}

/* --- SASL --- */

void c2s_channel(const struct c2s *c2s, struct sasl_channel *channel)
{
	*channel = (struct sasl_channel){.plain = c2s->secure || c2s->private ||
						  c2s->config->plain_without_tls};
	if (c2s->secure)
		channel_binding_fill(channel, stream_tls(c2s->stream));
}

void c2s_sasl_fail(struct c2s *c2s, const char *condition)
{
	const char *guessed = c2s->sasl ? sasl_guessed(c2s->sasl) : NULL;

	if (guessed && c2s->handler->guessed)
		c2s->handler->guessed(c2s->arg, guessed);
	c2s->locked = c2s->sasl && sasl_locked(c2s->sasl);
	sasl_free(&c2s->sasl);
	c2s_sasl2_forget(c2s);
	c2s->condition = condition;
	c2s->failures++;
	c2s_enter_state(c2s, C2S_DELAY);
	c2s_update_reading(c2s);
}

static const char *profile_ns(const struct c2s *c2s)
{
	return c2s->sasl2 ? NS_SASL2 : NS_SASL;
}

void c2s_delayed(struct c2s *c2s)
{
	static const char locked[] = "<text xml:lang='en'>too many wrong passwords; "
				     "try again in some minutes</text>";
	struct buf out;

	buf_init(&out, C2S_QUEUE_MAX);
	if (buf_printf(&out, "<failure xmlns='%s'><%s%s/>%s</failure>", profile_ns(c2s),
		       c2s->condition, c2s->sasl2 ? " xmlns='" NS_SASL "'" : "",
		       c2s->locked ? locked : "") == 0)
		c2s_write(c2s, &out);
	buf_free(&out);
	if (c2s->failures >= C2S_SASL_ATTEMPTS)
		c2s_end(c2s, STREAM_POLICY_VIOLATION, "too many failed attempts to log in");
	else
		c2s_enter_state(c2s, C2S_LOGIN);
	c2s_update_reading(c2s);
}

/* <challenge/> or <success/> with data in base64 (RFC 6120 section 6.4.3, 6.4.6). */
static void send_sasl(struct c2s *c2s, const char *name, const uint8_t *data, size_t len)
{
	char text[BASE64_LEN(SASL_MESSAGE_MAX) + 1] = "";
	struct buf out;

	base64_encode(data, len, text);
	buf_init(&out, C2S_QUEUE_MAX);
	if (buf_printf(&out, "<%s xmlns='%s'>%s</%s>", name, profile_ns(c2s), text, name) == 0)
		c2s_write(c2s, &out);
	buf_free(&out);
	secret_wipe(text, sizeof(text));
}

void c2s_raise_limits(struct c2s *c2s)
{
	static const struct xml_limits limits = {
	    .bytes = XML_LIMIT_BYTES, .depth = XML_LIMIT_DEPTH, .children = XML_LIMIT_CHILDREN};

	c2s_set_limits(c2s, &limits);
	bucket_set(&c2s->input, C2S_BYTES_AT_ONCE, C2S_BYTES_A_SECOND);
}

static void succeed(struct c2s *c2s, const uint8_t *data, size_t len)
{
	c2s->user = strdup(sasl_user(c2s->sasl));
	if (c2s->sasl2)
		memcpy(c2s->wishes.token, sasl_token(c2s->sasl), strlen(sasl_token(c2s->sasl)) + 1);
	sasl_free(&c2s->sasl);
	if (!c2s->user) {
		c2s_sasl_fail(c2s, "temporary-auth-failure");
		return;
	}
	if (c2s->sasl2) {
		c2s_sasl2_succeed(c2s, data, len);
		return;
	}
	send_sasl(c2s, "success", data, len);
	c2s_raise_limits(c2s);
	xml_parser_reset(c2s->parser);
	c2s->header_sent = false;
	c2s_enter_state(c2s, C2S_RESTART);
	c2s->handler->authenticated(c2s->arg);
}

/* message NULL: the client sent none. */
static void step(struct c2s *c2s, const uint8_t *message, size_t len)
{
	uint8_t out[SASL_MESSAGE_MAX];
	size_t out_len = 0;
	const char *condition = "not-authorized";

	switch (sasl_step(c2s->sasl, message, len, out, sizeof(out), &out_len, &condition)) {
	case SASL_CHALLENGE:
		c2s_enter_state(c2s, C2S_SASL);
		send_sasl(c2s, "challenge", out, out_len);
		break;
	case SASL_SUCCESS:
		succeed(c2s, out, out_len);
		break;
	case SASL_FAILURE:
		c2s_sasl_fail(c2s, condition);
		break;
	}
	secret_wipe(out, sizeof(out));
}

void c2s_sasl_step(struct c2s *c2s, const char *text)
{
	uint8_t message[SASL_MESSAGE_MAX];
	int len = text ? base64_decode(text, strlen(text), message, sizeof(message)) : 0;

	if (len < 0)
		c2s_sasl_fail(c2s, "incorrect-encoding");
	else
		step(c2s, text ? message : NULL, (size_t)len);
	secret_wipe(message, sizeof(message));
}

/* RFC 6120 section 6.4.2: "=" is data of zero length. A <response/> is there even if it is empty;
 * an <auth/> without text has none yet. */
static void step_element(struct c2s *c2s, struct xml *element)
{
	const char *text = xml_text(element);

	if (!*text && xml_is(element, "auth", NULL))
		text = NULL;
	else if (strcmp(text, "=") == 0 && !c2s->sasl2)
		text = "";
	c2s_sasl_step(c2s, text);
}

static void authenticate(struct c2s *c2s, struct xml *element)
{
	const char *mechanism = xml_get(element, "mechanism");
	struct sasl_channel channel;

	c2s->sasl2 = false;
	c2s_channel(c2s, &channel);
	if (mechanism)
		c2s->sasl =
		    sasl_new(c2s->config->env, mechanism, &channel, &c2s->config->state_secret,
			     c2s->handler->credentials, c2s->arg);
	secret_wipe(&channel, sizeof(channel));
	if (c2s->sasl)
		step_element(c2s, element);
	else
		c2s_sasl_fail(c2s, "invalid-mechanism");
}

/* --- registration --- */

/* XEP-0077 section 3.1, on a stream that nobody has logged in on. */
static bool wants_account(const struct c2s *c2s, const struct xml *element)
{
	return c2s->config->registration && xml_is(element, "iq", NS_CLIENT) &&
	       xml_child(element, "query", NS_REGISTER);
}

static void register_account(struct c2s *c2s, struct xml *iq)
{
	struct xml *reply;

	if (++c2s->registrations > C2S_REGISTER_REQUESTS) {
		c2s_end(c2s, STREAM_POLICY_VIOLATION, "too many requests for an account");
		return;
	}
	reply = c2s->handler->registration(c2s->arg, iq);
	c2s_write_element(c2s, reply);
	xml_free(&reply);
}

void c2s_login(struct c2s *c2s, struct xml *element)
{
	if (xml_is(element, "starttls", NS_TLS))
		start_tls(c2s);
	else if (xml_is(element, "auth", NS_SASL))
		authenticate(c2s, element);
	else if (xml_is(element, "authenticate", NS_SASL2) && c2s->handler->wished)
		c2s_sasl2_authenticate(c2s, element);
	else if (wants_account(c2s, element))
		register_account(c2s, element);
	else
		c2s_end(c2s, STREAM_NOT_AUTHORIZED, NULL);
}

void c2s_sasl(struct c2s *c2s, struct xml *element)
{
	if (xml_is(element, "response", profile_ns(c2s)))
		step_element(c2s, element);
	else if (xml_is(element, "abort", profile_ns(c2s)))
		c2s_sasl_fail(c2s, "aborted");
	else
		c2s_end(c2s, STREAM_NOT_AUTHORIZED, NULL);
}

/* --- resource binding --- */

static void send_error(struct c2s *c2s, const struct xml *iq, enum stanza_error error)
{
	struct xml *reply = stanza_error_new(iq, error, NULL);

	c2s_write_element(c2s, reply);
	xml_free(&reply);
}

static void send_bound(struct c2s *c2s, const struct xml *iq, const char *jid)
{
	struct xml *reply = stanza_result(iq);
	struct xml *child = xml_child_add(xml_child_add(reply, "bind", NS_BIND), "jid", NULL);

	xml_text_add(child, jid);
	c2s_enter_state(c2s, C2S_BOUND);
	c2s_write_element(c2s, reply);
	xml_free(&reply);
}

void c2s_bind(struct c2s *c2s, struct xml *element)
{
	struct xml *request = xml_child(element, "bind", NS_BIND);
	const char *type = xml_get(element, "type");
	char resource[JID_PART_MAX + 1] = "";
	char jid[JID_TEXT_SIZE];
	enum stanza_error error = STANZA_BAD_REQUEST;
	const char *wish;

	if (xml_is(element, "resume", NS_SM) || xml_is(element, "enable", NS_SM)) {
		c2s->handler->management(c2s->arg, element);
		return;
	}
	/* RFC 6120 section 7.1: nothing else is processed before the resource is bound. */
	if (!xml_is(element, "iq", NS_CLIENT) || !request) {
		c2s_end(c2s, STREAM_NOT_AUTHORIZED, "no resource is bound yet");
		return;
	}
	wish = xml_child_text(request, "resource", NS_BIND);
	if (!type || strcmp(type, "set") != 0 || !xml_get(element, "id") ||
	    (wish && *wish && jid_resource_prepare(wish, resource) < 0) ||
	    c2s->handler->bind(c2s->arg, *resource ? resource : NULL, jid, &error) < 0)
		send_error(c2s, element, error);
	else if (c2s->state == C2S_BIND) /* the owner may have ended it */
		send_bound(c2s, element, jid);
}

void c2s_resume(struct c2s *c2s)
{
	if (c2s->state == C2S_BIND)
		c2s_enter_state(c2s, C2S_BOUND);
}
