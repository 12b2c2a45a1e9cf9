/*
 * server_login.c: see server_login.h. Neighbours: server.c (the streams), c2s_sasl2.c (what is
 * wished), fast.c, sm.c.
 */
#include "xmpp/server_login.h"

#include "xmpp/csi.h"
#include "xmpp/fast.h"
#include "xmpp/feature.h"
#include "xmpp/sm.h"

#include "core/base/codec.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

/* Random bytes of a resource made up for a client: enough not to meet another. */
#define RESOURCE_RANDOM_LEN 5
#define RESOURCE_MADE_SIZE  (BASE32_LEN(RESOURCE_RANDOM_LEN) + 1)
/* Longest tag in front of it (XEP-0386): the name of a program. */
#define RESOURCE_TAG_MAX 64

/* --- binding --- */

/* RFC 6120 section 7.7.2.2, the third way: the client that is there now wins over one that may be a
 * dead connection of its own. */
static void end_other(struct resource *old, const char *why)
{
	if (!old->c2s) {
		resource_end(old);
		resource_free(&old);
		return;
	}
	c2s_end(old->c2s, STREAM_CONFLICT, why);
	/* A stream that is being given up ends its resource only later. */
	resource_end(old);
}

static void make_resource(const struct env *env, char out[RESOURCE_MADE_SIZE])
{
	uint8_t bytes[RESOURCE_RANDOM_LEN];

	env_random(env, bytes, sizeof(bytes));
	base32_encode(bytes, sizeof(bytes), out);
}

int login_bind(void *arg, const char *wish, char jid[JID_TEXT_SIZE], enum stanza_error *error)
{
	struct client *client = arg;
	struct user *user = user_get(client->server, c2s_user(client->c2s));
	struct resource *old;
	char made[RESOURCE_MADE_SIZE];

	*error = STANZA_RESOURCE_CONSTRAINT;
	if (!user)
		return -1;
	if (!wish) {
		make_resource(client->server->env, made);
		wish = made;
	}
	old = user_resource(user, wish);
	if (old)
		end_other(old, "another client took this resource");
	if (user_resource_count(user) >= SERVER_RESOURCES_MAX && !sm_end_oldest(user))
		return -1;
	client->resource = resource_new(user, client->c2s, wish);
	if (!client->resource)
		return -1;
	snprintf(jid, JID_TEXT_SIZE, "%s", client->resource->jid);
	return 0;
}

/* --- resuming --- */

/* The connection that had the resource may not have noticed yet that it is broken. */
static void take_from_other(struct server *server, const struct resource *resource)
{
	for (struct client *client = server->oldest; client; client = client->newer) {
		if (client->resource != resource)
			continue;
		client->resource = NULL;
		c2s_end(client->c2s, STREAM_CONFLICT, "resumed on another connection");
		return;
	}
}

/* The client has it now, and is not told yet. NULL: why not is in *failed. */
static struct resource *take_over(struct client *client, const struct xml *element,
				  struct xml **failed)
{
	struct user *user = user_find(client->server, c2s_user(client->c2s));
	struct resource *resource = sm_resumable(user, client->c2s, element, failed);

	if (!resource)
		return NULL;
	take_from_other(client->server, resource);
	client->resource = resource;
	resource->c2s = client->c2s;
	resource->csi_wished = false;
	return resource;
}

void login_resume(struct client *client, const struct xml *element)
{
	struct xml *answer;
	struct resource *resource = take_over(client, element, &answer);

	if (resource) {
		c2s_resume(client->c2s);
		answer = sm_resumed(resource);
	}
	if (answer)
		c2s_send_management(client->c2s, answer);
	xml_free(&answer);
	if (resource)
		login_settled(client);
}

void login_settled(void *arg)
{
	const struct client *client = arg;

	if (client->resource->sm)
		sm_send_again(client->resource);
	if (!client->resource->csi_wished)
		csi_active(client->resource);
}

/* --- tokens --- */

/* The tokens of user; -1: it cannot have any. */
static int load(const struct server *server, const char *user, struct fast *fast,
		uint8_t salt[SCRAM_SALT_LEN])
{
	struct sasl_credentials credentials;
	struct buf flat;
	int result;

	memset(fast, 0, sizeof(*fast));
	if (!server->host->tokens_get)
		return -1;
	result = server->host->credentials(server->host_arg, user, &credentials);
	if (result == 0) {
		memcpy(salt, credentials.salt, SCRAM_SALT_LEN);
		buf_init(&flat, FAST_FLAT_MAX);
		if (server->host->tokens_get(server->host_arg, user, &flat) == 0)
			fast_read(fast, flat.data, flat.len, salt);
		if (flat.data)
			secret_wipe(flat.data, flat.len);
		buf_free(&flat);
	}
	secret_wipe(&credentials, sizeof(credentials));
	return result;
}

static int save(const struct server *server, const char *user, const struct fast *fast,
		const uint8_t salt[SCRAM_SALT_LEN])
{
	uint8_t flat[FAST_FLAT_MAX];
	struct err err;
	size_t len = fast_write(fast, salt, flat);
	int result = server->host->tokens_set(server->host_arg, user, flat, len, &err);

	if (result < 0)
		log_warn("the tokens of a user are not stored: %s", err.text);
	secret_wipe(flat, sizeof(flat));
	return result;
}

void login_forget_tokens(const struct server *server, const char *user)
{
	struct err err;

	/* An account that is gone has none any more. */
	if (server->host->tokens_set)
		server->host->tokens_set(server->host_arg, user, NULL, 0, &err);
}

size_t login_tokens(void *arg, const char *user, const char *mechanism,
		    struct sasl_token tokens[SASL_TOKENS_MAX])
{
	const struct client *client = arg;
	const struct c2s_wishes *wishes = c2s_wishes(client->c2s);
	uint8_t salt[SCRAM_SALT_LEN];
	struct fast fast;
	size_t count = 0;

	if (wishes->has_agent && load(client->server, user, &fast, salt) == 0)
		count = fast_find(&fast, env_wall_ms(client->server->env), wishes->agent, mechanism,
				  wishes->count, tokens);
	secret_wipe(&fast, sizeof(fast));
	return count;
}

/* A token that was used is noted, and ends or is replaced as need be. True: there is to be a new
 * one. */
static bool use_token(const struct server *server, const struct c2s_wishes *wishes,
		      struct fast *fast)
{
	bool due = *wishes->token && fast_use(fast, env_wall_ms(server->env), wishes->agent,
					      wishes->token, wishes->count);

	if (wishes->invalidate && *wishes->token) {
		fast_forget(fast, wishes->agent);
		due = false;
	}
	return due || wishes->token_mechanism;
}

static void add_token(struct xml *success, const char *text, int64_t expires_ms)
{
	struct xml *token = xml_child_add(success, "token", NS_FAST);
	char stamp[ARCHIVE_STAMP_SIZE];

	archive_stamp(expires_ms, stamp);
	xml_set(token, "expiry", stamp);
	xml_set(token, "token", text);
}

static void serve_tokens(struct client *client, const struct c2s_wishes *wishes,
			 struct xml *success)
{
	const char *user = c2s_user(client->c2s);
	const char *mechanism =
	    wishes->token_mechanism ? wishes->token_mechanism : wishes->used_mechanism;
	uint8_t salt[SCRAM_SALT_LEN];
	char text[SASL_TOKEN_SIZE] = "";
	int64_t expires_ms = 0;
	struct fast fast;

	if (!wishes->has_agent || !mechanism || load(client->server, user, &fast, salt) < 0)
		return;
	if (use_token(client->server, wishes, &fast))
		fast_issue(&fast, client->server->env, wishes->agent, mechanism, text, &expires_ms);
	if (save(client->server, user, &fast, salt) == 0) {
		if (*text)
			add_token(success, text, expires_ms);
	} else if (wishes->invalidate) {
		c2s_end(client->c2s, STREAM_INTERNAL_SERVER_ERROR, "the token is still good");
	}
	secret_wipe(text, sizeof(text));
	secret_wipe(&fast, sizeof(fast));
}

/* --- all in one step (XEP-0386) --- */

/* Section 3.2.1: the client's tag, and something of ours that makes it the only one. */
static const char *tagged(struct client *client, struct xml *bind, char out[JID_PART_MAX + 1])
{
	const char *tag = xml_child_text(bind, "tag", NS_BIND2);
	char made[RESOURCE_MADE_SIZE], text[RESOURCE_TAG_MAX + 1 + RESOURCE_MADE_SIZE];

	if (!tag || !*tag || strlen(tag) > RESOURCE_TAG_MAX)
		return NULL;
	make_resource(client->server->env, made);
	snprintf(text, sizeof(text), "%s/%s", tag, made);
	return jid_resource_prepare(text, out) == 0 ? out : NULL;
}

static struct resource *find_earlier(const struct resource *now)
{
	struct resource *resource = now->user->resources;

	while (resource && (resource == now || !resource->has_agent ||
			    memcmp(resource->agent, now->agent, C2S_AGENT_LEN) != 0))
		resource = resource->next;
	return resource;
}

/* Section 3.2: the same client's earlier sessions are over. */
static void end_earlier(const struct resource *now)
{
	struct resource *earlier;

	while ((earlier = find_earlier(now)))
		end_other(earlier, "this client has logged in again");
}

/* The features that are wished with a resource, each with its answer, if it has one. */
static void enable_wished(struct resource *resource, struct xml *bind, struct xml *bound)
{
	const struct xml *manage = xml_child(bind, "enable", NS_SM);
	const struct xml *inactive = xml_child(bind, "inactive", NS_CSI);
	struct err err;

	if (archive_offered(resource->user->server->host) &&
	    archive_metadata_add(resource->user, bound, &err) < 0)
		log_warn("a client is not told about its archive: %s", err.text);
	if (manage)
		xml_append(bound, sm_enable(resource, manage));
	if (xml_child(bind, "enable", NS_CARBONS))
		resource->carbons = true;
	if (inactive)
		csi_element(resource, inactive);
	resource->csi_wished = inactive != NULL;
}

static void bind_wished(struct client *client, const struct c2s_wishes *wishes, struct xml *success)
{
	char name[JID_PART_MAX + 1], jid[JID_TEXT_SIZE];
	enum stanza_error error;

	/* Without a resource it may still ask for one as RFC 6120 says. */
	if (login_bind(client, tagged(client, wishes->bind, name), jid, &error) < 0)
		return;
	client->resource->has_agent = wishes->has_agent;
	memcpy(client->resource->agent, wishes->agent, C2S_AGENT_LEN);
	if (wishes->has_agent)
		end_earlier(client->resource);
	enable_wished(client->resource, wishes->bind, xml_child_add(success, "bound", NS_BIND2));
}

void login_wished(void *arg, const struct c2s_wishes *wishes, struct xml *success,
		  char jid[JID_TEXT_SIZE])
{
	struct client *client = arg;
	struct xml *failed = NULL;

	serve_tokens(client, wishes, success);
	if (wishes->resume && !c2s_over(client->c2s) && take_over(client, wishes->resume, &failed))
		xml_append(success, sm_resumed(client->resource));
	else if (failed)
		xml_append(success, failed);
	/* Not on a stream that has ended meanwhile: nobody would end its resource. */
	if (!client->resource && wishes->bind && !c2s_over(client->c2s))
		bind_wished(client, wishes, success);
	if (client->resource)
		snprintf(jid, JID_TEXT_SIZE, "%s", client->resource->jid);
}
