/*
 * server.c: the streams of all clients and the limits on them.
 * Neighbours: server_listen.c (how they come), server_login.c (how they get a resource), c2s.c (one
 * stream), user.c and resource.c, router.c (what becomes of a stanza).
 */
#include "xmpp/caps.h"
#include "xmpp/feature.h"

#include "xmpp/certificate_keeper.h"
#include "xmpp/csi.h"
#include "xmpp/parcel.h"
#include "xmpp/secret_file.h"
#include "xmpp/server_login.h"
#include "xmpp/sm.h"
#include "xmpp/web.h"

#include "core/base/codec.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void server_contact_jid(const struct server *server, const char *contact, char out[JID_TEXT_SIZE])
{
	snprintf(out, JID_TEXT_SIZE, "%.*s@%s", JID_PART_MAX, contact, server->domain);
}

/* --- list of streams --- */

static void client_link(struct client *client)
{
	struct server *server = client->server;

	client->older = server->newest;
	if (server->newest)
		server->newest->newer = client;
	else
		server->oldest = client;
	server->newest = client;
	server->streams++;
}

static void client_unlink(struct client *client)
{
	struct server *server = client->server;

	if (client->older)
		client->older->newer = client->newer;
	else
		server->oldest = client->newer;
	if (client->newer)
		client->newer->older = client->older;
	else
		server->newest = client->older;
	server->streams--;
	if (client->authenticated)
		server->authenticated--;
}

static void client_free(struct client *client)
{
	client_unlink(client);
	c2s_free(&client->c2s);
	resource_free(&client->resource);
	free(client);
}

/* --- what streams ask for --- */

/* The user of this machine, as long as the connection is there to be asked about. */
static int64_t who(struct client *client)
{
	if (!client->who_known)
		client->who = c2s_peer_uid(client->c2s);
	client->who_known = true;
	return client->who;
}

static int on_credentials(void *arg, const char *user, struct sasl_credentials *credentials)
{
	struct client *client = arg;
	struct server *server = client->server;

	if (!guard_allows(&server->guard, user, who(client)))
		return SASL_LOOKUP_LOCKED;
	return server->host->credentials(server->host_arg, user, credentials);
}

static void on_guessed(void *arg, const char *name)
{
	struct client *client = arg;
	int64_t ms = guard_wrong(&client->server->guard, name, who(client));

	if (ms > 0)
		log_notice("too many wrong passwords: no login from there for %lld s",
			   (long long)(ms / 1000));
}

static struct xml *on_registration(void *arg, struct xml *iq)
{
	return register_stranger(((struct client *)arg)->server, iq);
}

static void on_authenticated(void *arg)
{
	struct client *client = arg;

	guard_right(&client->server->guard, c2s_user(client->c2s), who(client));
	client->authenticated = true;
	client->server->authenticated++;
	log_info("a user has logged in");
	log_debug("user %s has logged in", log_private(c2s_user(client->c2s)));
}

static void on_stanza(void *arg, struct xml *stanza)
{
	struct client *client = arg;

	router_route(client->resource, stanza);
	if (client->resource->sm)
		sm_handled(client->resource->sm);
}

/* --- stream management --- */

static void on_management(void *arg, const struct xml *element)
{
	struct client *client = arg;

	if (client->resource && xml_is(element, NULL, NS_CSI))
		csi_element(client->resource, element);
	else if (client->resource)
		sm_element(client->resource, element);
	else if (xml_is(element, "resume", NULL))
		login_resume(client, element);
	else
		sm_unexpected(client->c2s);
}

static void on_drained(void *arg)
{
	struct client *client = arg;

	if (client->resource)
		resource_drained(client->resource);
}

static void on_ended(void *arg)
{
	struct client *client = arg;

	if (!client->resource)
		return;
	csi_active(client->resource);
	/* A resource that waits for its client to come back is nobody's. */
	if (c2s_broken(client->c2s) && sm_wait(client->resource))
		client->resource = NULL;
	else
		resource_end(client->resource);
}

static void on_gone(void *arg)
{
	client_free(arg);
}

static const struct c2s_handler on_c2s = {
    .credentials = on_credentials,
    .guessed = on_guessed,
    .registration = on_registration,
    .authenticated = on_authenticated,
    .bind = login_bind,
    .tokens = login_tokens,
    .wished = login_wished,
    .settled = login_settled,
    .stanza = on_stanza,
    .management = on_management,
    .drained = on_drained,
    .ended = on_ended,
    .gone = on_gone,
};

/* --- new streams --- */

/* Without a word: an error message would keep the descriptor of one that does not read it. */
static void drop_oldest_stranger(struct server *server)
{
	struct client *client = server->oldest;

	while (client && client->authenticated)
		client = client->newer;
	if (client)
		client_free(client);
}

void server_accept(struct server *server, struct stream *stream, enum server_door door)
{
	struct client *client;

	if (server->streams - server->authenticated >= SERVER_STRANGERS_MAX)
		drop_oldest_stranger(server);
	client = calloc(1, sizeof(*client));
	if (!client) {
		stream_free(&stream);
		return;
	}
	client->server = server;
	client->c2s = c2s_new(&server->c2s, stream, &on_c2s, client);
	if (!client->c2s) {
		free(client);
		return;
	}
	client_link(client);
	if (door == SERVER_DOOR_SOCKET)
		c2s_private(client->c2s);
	if (door == SERVER_DOOR_WEBSOCKET)
		c2s_over_websocket(client->c2s);
	if (door == SERVER_DOOR_TLS && c2s_direct_tls(client->c2s) < 0)
		client_free(client);
}

/* --- life --- */

static void on_renewed(void *arg, SSL_CTX *ctx)
{
	((struct server *)arg)->c2s.tls = ctx;
}

static int prepare(struct server *server, const struct server_config *config, struct err *err)
{
	struct jid jid;

	if (jid_parse(config->domain, &jid, err) < 0)
		return err_wrap(err, "domain of the Jabber server");
	if (*jid.local || *jid.resource)
		return err_set(err, ERR_INPUT, "domain of the Jabber server: not a domain");
	server->domain = strdup(jid.domain);
	if (!server->domain)
		return err_set(err, ERR_MEMORY, "no memory for the Jabber server");
	if (config->tls_directory) {
		server->certificate = certificate_keeper_new(
		    server->env, config->tls_directory, server->domain, on_renewed, server, err);
		if (!server->certificate)
			return err_wrap(err, "certificate of the Jabber server");
	}
	server->c2s = (struct c2s_config){.env = server->env,
					  .domain = server->domain,
					  .plain_without_tls = config->plain_without_tls,
					  .registration = server->host->account_create,
					  .tokens = server->host->tokens_get};
	if (server->certificate)
		server->c2s.tls = certificate_keeper_ctx(server->certificate);
	if (!config->state_secret)
		env_random(server->env, server->c2s.state_secret.bytes, KEY_LEN);
	else if (secret_file_load(server->env, config->state_secret, &server->c2s.state_secret,
				  err) < 0)
		return -1;
	guard_init(&server->guard, server->env, &server->c2s.state_secret);
	return 0;
}

struct server *server_new(struct loop *loop, const struct server_config *config,
			  const struct server_host *host, void *arg, struct err *err)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server) {
		err_set(err, ERR_MEMORY, "no memory for the Jabber server");
		return NULL;
	}
	server->loop = loop;
	server->env = loop_env(loop);
	server->started_ms = env_mono_ms(server->env);
	server->host = host;
	server->host_arg = arg;
	register_init(server);
	if (prepare(server, config, err) < 0 || server_listen(server, config, err) < 0 ||
	    (config->web && !(server->web = web_new(server, config, err))))
		server_free(&server);
	return server;
}

void server_stop(struct server *server)
{
	server_stop_listening(server);
	web_free(&server->web);
	for (struct client *client = server->oldest; client; client = client->newer)
		c2s_end(client->c2s, STREAM_SYSTEM_SHUTDOWN, NULL);
	for (struct user *user = server->users; user; user = user->next)
		sm_end_waiting(user);
}

void server_free(struct server **server)
{
	struct server *old = *server;
	struct user *user;

	if (!old)
		return;
	server_stop_listening(old);
	web_free(&old->web);
	for (user = old->users; user; user = user->next)
		sm_free_waiting(user);
	while (old->oldest)
		client_free(old->oldest);
	while ((user = old->users)) {
		old->users = user->next;
		user_free(&user);
	}
	certificate_keeper_free(&old->certificate);
	contact_forget_asked(old);
	caps_free_all(old);
	key_wipe(&old->c2s.state_secret);
	guard_wipe(&old->guard);
	free(old->domain);
	free(old);
	*server = NULL;
}

uint16_t server_port(const struct server *server)
{
	return server->port;
}

uint16_t server_web_port(const struct server *server)
{
	return server->web ? web_port(server->web) : 0;
}

uint16_t server_tls_port(const struct server *server)
{
	return server->tls_port;
}

void server_counts(const struct server *server, unsigned *streams, unsigned *authenticated)
{
	*streams = server->streams;
	*authenticated = server->authenticated;
}

/* --- what the layer above tells --- */

unsigned server_deliver(struct server *server, const char *user_name, struct xml *stanza)
{
	struct user *user = user_find(server, user_name);
	unsigned count = user && stanza ? message_deliver(user, stanza) : 0;

	xml_free(&stanza);
	return count;
}

bool server_deliver_stored(struct server *server, const char *user_name, const char *contact,
			   uint64_t token, struct xml *message)
{
	struct user *user = user_find(server, user_name);
	bool taken = user && message && message_deliver_stored(user, message, contact, token);

	xml_free(&message);
	return taken;
}

void server_contact_presence(struct server *server, const char *user_name, const char *contact,
			     const struct server_presence *presence)
{
	struct user *user = user_find(server, user_name);

	if (user)
		presence_of_contact(user, contact, presence);
}

void server_request(struct server *server, const char *user_name,
		    const struct server_request *request)
{
	struct user *user = user_find(server, user_name);

	if (user)
		requests_show_one(user, request);
}

void server_roster_push(struct server *server, const char *user_name, const char *contact,
			const struct roster_item *item)
{
	struct user *user = user_find(server, user_name);

	if (user)
		roster_push(user, contact, item);
}

void server_user_end(struct server *server, const char *user_name)
{
	server_user_end_others(server, user_name, NULL);
}

void server_user_end_others(struct server *server, const char *user_name, const struct c2s *stays)
{
	struct user *user = user_find(server, user_name);
	struct sasl_credentials credentials;

	guard_forget(&server->guard, user_name);
	login_forget_tokens(server, user_name);
	for (struct client *client = server->oldest; client; client = client->newer) {
		const char *name = c2s_user(client->c2s);

		if (name && strcmp(name, user_name) == 0 && (!stays || client->c2s != stays))
			c2s_end(client->c2s, STREAM_NOT_AUTHORIZED, "please log in again");
	}
	if (user)
		sm_end_waiting(user);
	/* Whoever has that name next has nothing to do with this one. */
	if (server->host->credentials(server->host_arg, user_name, &credentials) < 0) {
		if (user)
			parcels_forget(user);
		upload_user_gone(server, user_name);
	}
	secret_wipe(&credentials, sizeof(credentials));
}
