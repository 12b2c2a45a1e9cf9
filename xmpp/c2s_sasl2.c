/*
 * c2s_sasl2.c: the Extensible SASL Profile (XEP-0388), and what clients ask for in one step with
 * it: a resource (XEP-0386), their old session (XEP-0198), a token (XEP-0484).
 *
 * The exchange itself is that of c2s_negotiate.c; what is wished is done by the owner.
 */
#include "xmpp/c2s_private.h"

#include "core/base/codec.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* --- what is offered --- */

static int write_names(const char *const *names, struct buf *out)
{
	int failed = 0;

	for (; *names; names++)
		failed |= buf_printf(out, "<mechanism>%s</mechanism>", *names);
	return failed;
}

static int write_fast(const struct sasl_channel *channel, struct buf *out)
{
	const char *names[SASL_MECHANISMS_MAX + 1];

	sasl_token_mechanisms(channel, names);
	if (!names[0])
		return 0;
	return buf_add_text(out, "<fast xmlns='" NS_FAST "'>") | write_names(names, out) |
	       buf_add_text(out, "</fast>");
}

int c2s_sasl2_feature(const struct c2s *c2s, const struct sasl_channel *channel, struct buf *out)
{
	const char *names[SASL_MECHANISMS_MAX + 1];
	int failed;

	if (!c2s->handler->wished)
		return 0;
	sasl_mechanisms(channel, names);
	failed = buf_add_text(out, "<authentication xmlns='" NS_SASL2 "'>");
	failed |= write_names(names, out);
	failed |= buf_add_text(out, "<inline><bind xmlns='" NS_BIND2 "'><inline>"
				    "<feature var='" NS_CARBONS "'/><feature var='" NS_CSI "'/>"
				    "<feature var='" NS_SM "'/></inline></bind>"
				    "<sm xmlns='" NS_SM "'/>");
	if (c2s->config->tokens)
		failed |= write_fast(channel, out);
	return failed | buf_add_text(out, "</inline></authentication>");
}

/* --- what is wished --- */

void c2s_sasl2_forget(struct c2s *c2s)
{
	xml_free(&c2s->wishes.resume);
	xml_free(&c2s->wishes.bind);
	secret_wipe(&c2s->wishes, sizeof(c2s->wishes));
}

/* The literal for name, if it is one of those for tokens here. */
static const char *token_mechanism(const struct c2s *c2s, const struct sasl_channel *channel,
				   const char *name)
{
	const char *names[SASL_MECHANISMS_MAX + 1];

	if (!name || !c2s->config->tokens)
		return NULL;
	sasl_token_mechanisms(channel, names);
	for (const char **at = names; *at; at++)
		if (strcmp(*at, name) == 0)
			return *at;
	return NULL;
}

static int take_agent(struct c2s_wishes *wishes, struct xml *element)
{
	const struct xml *agent = xml_child(element, "user-agent", NS_SASL2);
	const char *id = agent ? xml_get(agent, "id") : NULL;

	if (!id)
		return 0;
	if (!*id || strlen(id) > C2S_AGENT_ID_MAX ||
	    EVP_Digest(id, strlen(id), wishes->agent, NULL, EVP_sha256(), NULL) != 1)
		return -1;
	wishes->has_agent = true;
	return 0;
}

static bool is_true(const char *text)
{
	return text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

/* XEP-0484 section 3.4: a positive integer. */
static int take_count(struct c2s_wishes *wishes, const char *text)
{
	uint64_t number = 0;

	if (!text)
		return 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		number = number * 10 + (uint64_t)(*text - '0');
		if (number > UINT32_MAX)
			return -1;
	}
	wishes->count = (uint32_t)number;
	return number > 0 ? 0 : -1;
}

/* A copy, if it is there. */
static int take_child(struct xml *element, const char *name, const char *ns, struct xml **out)
{
	struct xml *child = xml_child(element, name, ns);

	*out = child ? xml_copy(child) : NULL;
	return !child || *out ? 0 : -1;
}

/* Returns NULL, or the condition of the failure. */
static const char *take_wishes(struct c2s *c2s, const struct sasl_channel *channel,
			       struct xml *element)
{
	struct c2s_wishes *wishes = &c2s->wishes;
	const struct xml *wanted = xml_child(element, "request-token", NS_FAST);
	const struct xml *fast = xml_child(element, "fast", NS_FAST);

	if (take_agent(wishes, element) < 0)
		return "malformed-request";
	if (take_child(element, "resume", NS_SM, &wishes->resume) < 0 ||
	    take_child(element, "bind", NS_BIND2, &wishes->bind) < 0)
		return "temporary-auth-failure";
	if (wanted)
		wishes->token_mechanism =
		    token_mechanism(c2s, channel, xml_get(wanted, "mechanism"));
	if (!fast)
		return NULL;
	wishes->used_mechanism = token_mechanism(c2s, channel, xml_get(element, "mechanism"));
	wishes->invalidate = is_true(xml_get(fast, "invalidate"));
	if (!wishes->used_mechanism)
		return "invalid-mechanism";
	return take_count(wishes, xml_get(fast, "count")) < 0 ? "malformed-request" : NULL;
}

/* NULL: no such mechanism here. */
static struct sasl *begin(struct c2s *c2s, const struct sasl_channel *channel, const char *name)
{
	const struct c2s_config *config = c2s->config;
	struct sasl *sasl = NULL;

	if (c2s->wishes.used_mechanism)
		sasl = sasl_new_token(config->env, name, channel, &config->state_secret,
				      c2s->handler->credentials, c2s->handler->tokens, c2s->arg);
	else if (name)
		sasl = sasl_new(config->env, name, channel, &config->state_secret,
				c2s->handler->credentials, c2s->arg);
	if (sasl && c2s->from && sasl_expect(sasl, c2s->from) < 0)
		sasl_free(&sasl);
	return sasl;
}

void c2s_sasl2_authenticate(struct c2s *c2s, struct xml *element)
{
	struct sasl_channel channel;
	const char *condition;

	c2s->sasl2 = true;
	c2s_channel(c2s, &channel);
	condition = take_wishes(c2s, &channel, element);
	/* No mechanism is one to upgrade to. */
	if (!condition && xml_get(element, "upgrade"))
		condition = "invalid-mechanism";
	if (!condition) {
		c2s->sasl = begin(c2s, &channel, xml_get(element, "mechanism"));
		condition = c2s->sasl ? NULL : "invalid-mechanism";
	}
	secret_wipe(&channel, sizeof(channel));
	if (condition)
		c2s_sasl_fail(c2s, condition);
	else
		c2s_sasl_step(c2s, xml_child_text(element, "initial-response", NS_SASL2));
}

/* --- success --- */

/* Data that there is none of is not there (section 2.2). */
static struct xml *success_new(const uint8_t *data, size_t len)
{
	struct xml *success = xml_new("success", NS_SASL2);
	char text[BASE64_LEN(SASL_MESSAGE_MAX) + 1];

	base64_encode(data, len, text);
	if (len > 0)
		xml_text_add(xml_child_add(success, "additional-data", NULL), text);
	secret_wipe(text, sizeof(text));
	return success;
}

static void name_identity(const struct c2s *c2s, struct xml *identifier, const char *jid)
{
	if (*jid) {
		xml_text_add(identifier, jid);
		return;
	}
	xml_text_add(identifier, c2s->user);
	xml_text_add(identifier, "@");
	xml_text_add(identifier, c2s->config->domain);
}

void c2s_sasl2_succeed(struct c2s *c2s, const uint8_t *data, size_t len)
{
	struct xml *success = success_new(data, len);
	struct xml *identifier = xml_child_add(success, "authorization-identifier", NULL);
	char jid[JID_TEXT_SIZE] = "";

	c2s_raise_limits(c2s);
	c2s_enter_state(c2s, C2S_BIND);
	c2s->handler->authenticated(c2s->arg);
	c2s->handler->wished(c2s->arg, &c2s->wishes, success, jid);
	c2s_sasl2_forget(c2s);
	name_identity(c2s, identifier, jid);
	if (identifier)
		c2s_write_element(c2s, success);
	else
		c2s_end(c2s, STREAM_RESOURCE_CONSTRAINT, NULL);
	xml_free(&success);
	/* The owner may have ended it, too. */
	if (c2s->state == C2S_CLOSING)
		return;
	if (*jid)
		c2s_enter_state(c2s, C2S_BOUND);
	c2s_send_features(c2s);
	if (*jid && c2s->state == C2S_BOUND)
		c2s->handler->settled(c2s->arg);
}
