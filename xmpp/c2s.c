/*
 * c2s.c: life of a client stream: header, features, what comes in, what goes out, the end.
 * Neighbours: c2s_negotiate.c; core/base/stream.h carries the bytes.
 */
#include "xmpp/c2s_private.h"

#include "core/base/codec.h"
#include "core/base/log.h"
#include "core/base/stream_socket.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Random bytes of a stream id (RFC 6120 section 4.7.3: unpredictable). */
#define STREAM_ID_LEN 10

static const char *const state_names[] = {
    [C2S_HEADER] = "header", [C2S_LOGIN] = "login",     [C2S_SASL] = "sasl",
    [C2S_DELAY] = "delay",   [C2S_RESTART] = "restart", [C2S_BIND] = "bind",
    [C2S_BOUND] = "bound",   [C2S_CLOSING] = "closing",
};

void c2s_enter_state(struct c2s *c2s, enum c2s_state state)
{
	log_debug("client stream: %s -> %s", state_names[c2s->state], state_names[state]);
	c2s->state = state;
	switch (state) {
	case C2S_DELAY:
		timer_set(c2s->timer, C2S_SASL_DELAY_MS << (c2s->failures - 1));
		break;
	case C2S_BOUND:
		timer_stop(c2s->timer);
		break;
	case C2S_CLOSING:
		timer_set(c2s->timer, C2S_LINGER_MS);
		break;
	default:
		timer_set(c2s->timer, c2s->deadline_ms - env_mono_ms(c2s->config->env));
	}
}

/* --- output --- */

static int write_framed(struct c2s *c2s, const struct buf *text)
{
	struct buf alone;
	int result = -1;

	if (!c2s->framing->alone)
		return stream_write(c2s->stream, text->data, text->len);
	buf_init(&alone, C2S_QUEUE_MAX);
	if (c2s_framing_declare(text, &alone) == 0)
		result = stream_write(c2s->stream, alone.data, alone.len);
	buf_free(&alone);
	return result;
}

void c2s_write(struct c2s *c2s, const struct buf *text)
{
	if (c2s->state == C2S_CLOSING)
		return;
	if (stream_queued(c2s->stream) + text->len <= C2S_QUEUE_MAX && write_framed(c2s, text) == 0)
		return;
	log_info("a client does not read what it is sent: its stream ends");
	c2s_enter_state(c2s, C2S_CLOSING);
	xml_parser_stop(c2s->parser);
	/* The caller may be walking through the streams, so the end comes from the loop. */
	timer_set(c2s->timer, 0);
}

void c2s_write_text(struct c2s *c2s, const char *text)
{
	c2s_write(c2s, &(struct buf){.data = (uint8_t *)(uintptr_t)text, .len = strlen(text)});
}

void c2s_write_element(struct c2s *c2s, const struct xml *element)
{
	struct buf text;

	buf_init(&text, C2S_QUEUE_MAX);
	if (xml_write(element, NS_CLIENT, &text) == 0)
		c2s_write(c2s, &text);
	else
		log_warn("a stanza is dropped: no memory for it");
	buf_free(&text);
}

void c2s_send(struct c2s *c2s, const struct xml *stanza)
{
	if (c2s->state == C2S_BOUND)
		c2s_write_element(c2s, stanza);
}

void c2s_send_text(struct c2s *c2s, const struct buf *text)
{
	if (c2s->state == C2S_BOUND)
		c2s_write(c2s, text);
}

void c2s_send_management(struct c2s *c2s, const struct xml *element)
{
	c2s_write_element(c2s, element);
}

static void send_header(struct c2s *c2s)
{
	uint8_t id[STREAM_ID_LEN];
	char id_text[HEX_LEN(STREAM_ID_LEN) + 1];
	struct buf text;

	env_random(c2s->config->env, id, sizeof(id));
	hex_encode(id, sizeof(id), id_text);
	buf_init(&text, C2S_QUEUE_MAX);
	if (buf_printf(&text, "%s id='%s' from='", c2s->framing->header, id_text) == 0 &&
	    xml_escape(c2s->config->domain, &text) == 0 &&
	    buf_printf(&text, "' version='1.0' xml:lang='en'%s", c2s->framing->header_end) == 0)
		c2s_write(c2s, &text);
	buf_free(&text);
	c2s->header_sent = true;
}

/* --- the end --- */

static void tell_ended(struct c2s *c2s)
{
	if (c2s->ended)
		return;
	c2s->ended = true;
	c2s->handler->ended(c2s->arg);
}

/* Close our side. What was queued still leaves, within C2S_LINGER_MS. */
static void close_stream(struct c2s *c2s)
{
	c2s_write_text(c2s, c2s->framing->end);
	c2s_enter_state(c2s, C2S_CLOSING);
	xml_parser_stop(c2s->parser);
	stream_finish(c2s->stream);
	tell_ended(c2s);
}

void c2s_end(struct c2s *c2s, enum stream_error error, const char *text)
{
	struct buf out;

	if (c2s->state == C2S_CLOSING)
		return;
	log_debug("client stream: ends with %s", stream_error_condition(error));
	/* RFC 6120 section 4.9.1.2: an error before the header still needs a header to stand in. */
	if (!c2s->header_sent)
		send_header(c2s);
	buf_init(&out, C2S_QUEUE_MAX);
	if (stream_error_write(error, text, &out) == 0)
		c2s_write(c2s, &out);
	buf_free(&out);
	close_stream(c2s);
}

static void on_closed(void *arg, const struct err *why)
{
	struct c2s *c2s = arg;

	log_debug("client stream: connection is gone: %s", err_code_name(why->code));
	c2s->broken = c2s->state != C2S_CLOSING;
	tell_ended(c2s);
	c2s->handler->gone(c2s->arg);
}

static void on_timer(void *arg)
{
	struct c2s *c2s = arg;

	switch (c2s->state) {
	case C2S_DELAY:
		c2s_delayed(c2s);
		break;
	case C2S_CLOSING:
		tell_ended(c2s);
		c2s->handler->gone(c2s->arg);
		break;
	default:
		c2s_end(c2s, STREAM_CONNECTION_TIMEOUT, NULL);
	}
}

/* --- header and features --- */

void c2s_private(struct c2s *c2s)
{
	c2s->private = true;
}

static int write_mechanisms(const struct sasl_channel *channel, struct buf *out)
{
	const char *names[SASL_MECHANISMS_MAX + 1];
	int failed = buf_add_text(out, "<mechanisms xmlns='" NS_SASL "'>");

	sasl_mechanisms(channel, names);
	for (const char **name = names; *name; name++)
		failed |= buf_printf(out, "<mechanism>%s</mechanism>", *name);
	return failed | buf_add_text(out, "</mechanisms>");
}

/* XEP-0440: which bindings -PLUS may use. */
static int write_bindings(const struct sasl_channel *channel, struct buf *out)
{
	int failed = 0;

	if (channel->binding_count == 0)
		return 0;
	failed |= buf_add_text(out, "<sasl-channel-binding xmlns='" NS_CHANNEL_BINDING "'>");
	for (size_t i = 0; i < channel->binding_count; i++)
		if (!channel->bindings[i].unasked)
			failed |= buf_printf(out, "<channel-binding type='%s'/>",
					     channel->bindings[i].type);
	return failed | buf_add_text(out, "</sasl-channel-binding>");
}

/* XEP-0478. Nobody is ended for being silent. */
static int write_limits(size_t bytes, struct buf *out)
{
	return buf_printf(out, "<limits xmlns='" NS_LIMITS "'><max-bytes>%zu</max-bytes></limits>",
			  bytes);
}

static int write_login_features(const struct c2s *c2s, struct buf *out)
{
	struct sasl_channel channel;
	int failed = 0;

	c2s_channel(c2s, &channel);
	if (c2s->config->tls && !c2s->secure && c2s->framing->starttls)
		failed |= buf_add_text(out, "<starttls xmlns='" NS_TLS "'/>");
	failed |= write_mechanisms(&channel, out);
	failed |= c2s_sasl2_feature(c2s, &channel, out);
	failed |= write_bindings(&channel, out);
	if (c2s->config->registration)
		failed |= buf_add_text(out, "<register xmlns='" NS_REGISTER_FEATURE "'/>");
	failed |= write_limits(C2S_STRANGER_BYTES, out);
	secret_wipe(&channel, sizeof(channel));
	return failed;
}

/* RFC 6121 has no <session/> any more, but clients of RFC 3921 wait for the feature. */
static int write_bind_features(bool bound, struct buf *out)
{
	int failed = 0;

	if (!bound)
		failed = buf_add_text(out, "<bind xmlns='" NS_BIND "'/>"
					   "<session xmlns='" NS_SESSION "'><optional/></session>");
	return failed |
	       buf_add_text(out, "<sm xmlns='" NS_SM "'/><csi xmlns='" NS_CSI "'/>"
				 "<ver xmlns='" NS_ROSTER_VER "'/>") |
	       write_limits(XML_LIMIT_BYTES, out);
}

void c2s_send_features(struct c2s *c2s)
{
	struct buf out;
	int failed;

	buf_init(&out, C2S_QUEUE_MAX);
	failed = buf_add_text(&out, "<stream:features>");
	failed |= c2s->user ? write_bind_features(c2s->state == C2S_BOUND, &out)
			    : write_login_features(c2s, &out);
	failed |= buf_add_text(&out, "</stream:features>");
	if (failed)
		c2s_end(c2s, STREAM_RESOURCE_CONSTRAINT, NULL);
	else
		c2s_write(c2s, &out);
	buf_free(&out);
}

/* RFC 6120 section 4.7.5: 1.x is understood; none means the protocol before it. */
static bool version_fits(const char *version)
{
	char *end;
	unsigned long major = version ? strtoul(version, &end, 10) : 0;

	return major >= 1 && (*end == '.' || *end == '\0');
}

/* Is the client's header one that we can work with? -1 with *error. */
static int check_header(const struct c2s *c2s, const struct xml *root, enum stream_error *error)
{
	const char *to = xml_get(root, "to");
	struct jid jid;

	*error = STREAM_INVALID_NAMESPACE;
	if (strcmp(xml_ns(root), c2s->framing->open_ns) != 0)
		return -1;
	*error = STREAM_BAD_FORMAT;
	if (strcmp(xml_name(root), c2s->framing->open) != 0)
		return -1;
	*error = STREAM_UNSUPPORTED_VERSION;
	if (!version_fits(xml_get(root, "version")))
		return -1;
	*error = STREAM_IMPROPER_ADDRESSING;
	if (!to || jid_parse(to, &jid, NULL) < 0)
		return -1;
	*error = STREAM_HOST_UNKNOWN;
	return strcmp(jid.domain, c2s->config->domain) == 0 && !*jid.local ? 0 : -1;
}

/* RFC 6120 section 4.7.1: who the client says it is; counted on by XEP-0388 alone. */
static void take_from(struct c2s *c2s, const struct xml *root)
{
	const char *from = xml_get(root, "from");
	struct jid jid;

	free(c2s->from);
	c2s->from = NULL;
	if (from && jid_parse(from, &jid, NULL) == 0 && *jid.local &&
	    strcmp(jid.domain, c2s->config->domain) == 0)
		c2s->from = strdup(jid.local);
}

static void on_opened(void *arg, const struct xml *root)
{
	struct c2s *c2s = arg;
	enum stream_error error;

	if (c2s->state == C2S_CLOSING)
		return;
	assert(c2s->state == C2S_HEADER || c2s->state == C2S_RESTART);
	if (check_header(c2s, root, &error) < 0) {
		c2s_end(c2s, error, NULL);
		return;
	}
	if (!c2s->user)
		take_from(c2s, root);
	send_header(c2s);
	c2s_enter_state(c2s, c2s->user ? C2S_BIND : C2S_LOGIN);
	c2s_send_features(c2s);
}

/* --- input --- */

static void bound(struct c2s *c2s, struct xml *stanza)
{
	if (xml_is(stanza, "message", NS_CLIENT) || xml_is(stanza, "presence", NS_CLIENT) ||
	    xml_is(stanza, "iq", NS_CLIENT)) {
		c2s->handler->stanza(c2s->arg, stanza);
		return;
	}
	if (xml_is(stanza, NULL, NS_SM) || xml_is(stanza, NULL, NS_CSI)) {
		c2s->handler->management(c2s->arg, stanza);
		xml_free(&stanza);
		return;
	}
	c2s_end(c2s,
		xml_is(stanza, NULL, NS_SERVER) ? STREAM_INVALID_NAMESPACE
						: STREAM_UNSUPPORTED_STANZA_TYPE,
		NULL);
	xml_free(&stanza);
}

static void on_stanza(void *arg, struct xml *stanza)
{
	struct c2s *c2s = arg;

	c2s->stanzas++;
	switch (c2s->state) {
	case C2S_LOGIN:
		c2s_login(c2s, stanza);
		break;
	case C2S_SASL:
		c2s_sasl(c2s, stanza);
		break;
	case C2S_BIND:
		c2s_bind(c2s, stanza);
		break;
	case C2S_BOUND:
		bound(c2s, stanza);
		return;
	case C2S_DELAY:
		/* The client did not wait for the answer. */
		c2s_end(c2s, STREAM_POLICY_VIOLATION, NULL);
		break;
	case C2S_HEADER:
	case C2S_RESTART:
	case C2S_CLOSING:
		break;
	}
	xml_free(&stanza);
}

/* The client's </stream:stream>: an orderly end (RFC 6120 section 4.4). */
static void on_end_tag(void *arg)
{
	struct c2s *c2s = arg;

	if (c2s->state != C2S_CLOSING)
		close_stream(c2s);
}

/* Where each element is a document, the header and the end are elements, too. True: it was one of
 * them, or came where the header must. */
static bool frame(struct c2s *c2s, const struct xml *element)
{
	const struct c2s_framing *framing = c2s->framing;

	if (!framing->close)
		return false;
	if (c2s->state == C2S_HEADER || c2s->state == C2S_RESTART)
		on_opened(c2s, element);
	else if (xml_is(element, framing->close, framing->open_ns))
		on_end_tag(c2s);
	else if (xml_is(element, NULL, framing->open_ns))
		c2s_end(c2s, STREAM_BAD_FORMAT, NULL);
	else
		return false;
	return true;
}

static void on_element(void *arg, struct xml *element)
{
	if (frame(arg, element))
		xml_free(&element);
	else
		on_stanza(arg, element);
}

static const struct xml_handler on_xml = {
    .opened = on_opened,
    .stanza = on_element,
    .closed = on_end_tag,
};

void c2s_update_reading(struct c2s *c2s)
{
	stream_pause(c2s->stream, c2s->state == C2S_DELAY || timer_pending(c2s->throttle));
}

static void on_throttle(void *arg)
{
	c2s_update_reading(arg);
}

static void on_received(void *arg, const uint8_t *data, size_t len)
{
	struct c2s *c2s = arg;
	struct err err;
	int64_t wait_ms;

	if (c2s->state == C2S_CLOSING)
		return;
	c2s->stanzas = 0;
	if (c2s->framing->parse(c2s->parser, data, len, &err) < 0)
		c2s_end(c2s, stream_error_find(err.text), NULL);
	wait_ms = bucket_take(&c2s->input, (int64_t)(len + c2s->stanzas * C2S_STANZA_COST),
			      env_mono_ms(c2s->config->env));
	if (wait_ms == 0 || c2s->state == C2S_CLOSING)
		return;
	log_debug("client stream: sends too much, and waits");
	timer_set(c2s->throttle, wait_ms);
	c2s_update_reading(c2s);
}

/* --- life --- */

static void on_drained(void *arg)
{
	struct c2s *c2s = arg;

	if (c2s->state == C2S_BOUND && c2s->handler->drained)
		c2s->handler->drained(c2s->arg);
}

static const struct stream_handler on_stream = {
    .received = on_received,
    .drained = on_drained,
    .closed = on_closed,
};

struct c2s *c2s_new(const struct c2s_config *config, struct stream *stream,
		    const struct c2s_handler *handler, void *arg)
{
	static const struct xml_limits limits = {.bytes = C2S_STRANGER_BYTES,
						 .depth = C2S_STRANGER_DEPTH,
						 .children = C2S_STRANGER_CHILDREN};
	struct c2s *c2s = calloc(1, sizeof(*c2s));

	if (!c2s) {
		stream_free(&stream);
		return NULL;
	}
	*c2s = (struct c2s){.config = config, .handler = handler, .arg = arg, .stream = stream};
	c2s->framing = &c2s_framing_tcp;
	c2s->parser = xml_parser_new(&limits, &on_xml, c2s);
	c2s->timer = timer_new(config->env, on_timer, c2s);
	c2s->throttle = timer_new(config->env, on_throttle, c2s);
	if (!c2s->parser || !c2s->timer || !c2s->throttle) {
		c2s_free(&c2s);
		return NULL;
	}
	c2s->deadline_ms = env_mono_ms(config->env) + C2S_NEGOTIATION_MS;
	timer_set(c2s->timer, C2S_NEGOTIATION_MS);
	bucket_init(&c2s->input, C2S_STRANGER_BYTES_AT_ONCE, C2S_STRANGER_BYTES_A_SECOND,
		    env_mono_ms(config->env));
	stream_set_handler(stream, &on_stream, c2s);
	return c2s;
}

void c2s_free(struct c2s **c2s)
{
	struct c2s *old = *c2s;

	if (!old)
		return;
	stream_free(&old->stream);
	xml_parser_free(&old->parser);
	timer_free(&old->timer);
	timer_free(&old->throttle);
	sasl_free(&old->sasl);
	c2s_sasl2_forget(old);
	free(old->from);
	free(old->user);
	free(old);
	*c2s = NULL;
}

void c2s_over_websocket(struct c2s *c2s)
{
	c2s->framing = &c2s_framing_websocket;
}

void c2s_set_limits(struct c2s *c2s, const struct xml_limits *limits)
{
	xml_parser_set_limits(c2s->parser, limits);
	if (c2s->framing->set_limit)
		c2s->framing->set_limit(c2s->stream, limits->bytes);
}

int64_t c2s_peer_uid(const struct c2s *c2s)
{
	uid_t uid;

	return stream_peer_uid(c2s->stream, &uid) == 0 ? (int64_t)uid : -1;
}

const char *c2s_user(const struct c2s *c2s)
{
	return c2s->user;
}

const struct c2s_wishes *c2s_wishes(const struct c2s *c2s)
{
	return &c2s->wishes;
}

bool c2s_over(const struct c2s *c2s)
{
	return c2s->state == C2S_CLOSING;
}

bool c2s_broken(const struct c2s *c2s)
{
	return c2s->broken;
}
