/*
 * feature_register.c: XEP-0077: an account made from within the client, its password changed, its
 * end.
 *
 * Whoever can connect can make an account: the server listens on loopback addresses only
 * (server_config), so that is whoever may run programs on this machine, and rates keep such a
 * program from filling the disk. Neighbours: c2s_negotiate.c (before the login), the router (after
 * it); the accounts are the host's.
 */
#include "xmpp/feature.h"

#include <string.h>

/* Accounts a minute for the whole server: a person makes one, a family at most a few. */
#define REGISTER_ACCOUNTS 3
/* Tries a minute, free name or not: each costs the host a look, and tells whether a name is taken.
 */
#define REGISTER_TRIES     12
#define REGISTER_WINDOW_MS (60 * 1000)

bool register_offered(const struct server_host *host)
{
	return host->account_create || host->account_password || host->account_remove;
}

void register_init(struct server *server)
{
	rate_init(&server->accounts, REGISTER_ACCOUNTS, REGISTER_WINDOW_MS);
	rate_init(&server->account_tries, REGISTER_TRIES, REGISTER_WINDOW_MS);
}

/* --- reading --- */

/* A child's text, NULL when there is none or nothing in it. */
static const char *field(struct xml *query, const char *name)
{
	const char *text = xml_child_text(query, name, NS_REGISTER);

	return text && *text ? text : NULL;
}

/* The element's memory would keep the password until it is used for something else. */
static void wipe_password(struct xml *query)
{
	char *text = (char *)(uintptr_t)field(query, "password");

	if (text)
		secret_wipe(text, strlen(text));
}

/* --- before the login --- */

static struct xml *form(const struct xml *iq)
{
	struct xml *reply = stanza_result(iq);
	struct xml *query = xml_child_add(reply, "query", NS_REGISTER);

	xml_text_add(xml_child_add(query, "instructions", NULL),
		     "Choose a name and a password for your account on this machine. The name is "
		     "seen on this machine only; your contacts see an id.");
	xml_child_add(query, "username", NULL);
	xml_child_add(query, "password", NULL);
	return reply;
}

static int create(struct server *server, const char *name, const char *password, struct err *err)
{
	int64_t now_ms = env_mono_ms(server->env);

	if (!rate_allows(&server->accounts, now_ms) || !rate_allows(&server->account_tries, now_ms))
		return err_set(err, ERR_LIMIT, "too many new accounts; try again in a minute");
	rate_take(&server->account_tries, now_ms);
	if (server->host->account_create(server->host_arg, name, password, err) < 0)
		return -1;
	rate_take(&server->accounts, now_ms);
	return 0;
}

static struct xml *answer_set(struct server *server, const struct xml *iq, struct xml *query)
{
	const char *name = field(query, "username");
	const char *password = field(query, "password");
	char prepared[JID_PART_MAX + 1];
	struct err err;

	if (!name || !password)
		return stanza_error_new(iq, STANZA_NOT_ACCEPTABLE, "name and password are needed");
	if (jid_local_prepare(name, prepared) < 0)
		return stanza_error_new(iq, STANZA_NOT_ACCEPTABLE,
					"this name cannot be used in an address");
	if (create(server, prepared, password, &err) < 0)
		return stanza_error_new(iq, stanza_error_of(&err), err.text);
	return stanza_result(iq);
}

struct xml *register_stranger(struct server *server, struct xml *iq)
{
	struct xml *query = xml_child(iq, "query", NS_REGISTER);
	const char *type = xml_get(iq, "type");
	struct xml *reply;

	if (type && strcmp(type, "get") == 0)
		return form(iq);
	if (!type || strcmp(type, "set") != 0)
		return stanza_error_new(iq, STANZA_BAD_REQUEST, NULL);
	reply = answer_set(server, iq, query);
	wipe_password(query);
	return reply;
}

/* --- after it --- */

/* Section 3.1.2: one who has an account is told so. */
void register_get(struct request *request)
{
	struct xml *reply, *query;

	if (!request_offered(request, register_offered(request->server->host)))
		return;
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_REGISTER);
	xml_child_add(query, "registered", NULL);
	xml_text_add(xml_child_add(query, "username", NULL), request->resource->user->name);
	xml_child_add(query, "password", NULL);
	request_reply(request, reply);
}

/* Section 3.2: the result first, then the end of all streams. */
static void remove_account(struct request *request)
{
	struct server *server = request->server;
	struct err err;

	if (!request_offered(request, server->host->account_remove))
		return;
	/* Section 3.2.1: together with anything else it is no such request. */
	if (xml_next(xml_first(request->payload))) {
		request_error(request, STANZA_BAD_REQUEST, NULL);
		return;
	}
	if (server->host->account_remove(server->host_arg, request->resource->user->name, &err) <
	    0) {
		request_refused(request, &err);
		return;
	}
	request_result(request);
	server_user_end(server, request->resource->user->name);
}

/* Section 3.3. The other streams were opened with the old password and end. */
static void change_password(struct request *request)
{
	struct server *server = request->server;
	const struct resource *resource = request->resource;
	const char *name = field(request->payload, "username");
	const char *password = field(request->payload, "password");
	char prepared[JID_PART_MAX + 1];
	struct err err;

	if (!request_offered(request, server->host->account_password))
		return;
	if (!name || !password) {
		request_error(request, STANZA_BAD_REQUEST, NULL);
	} else if (jid_local_prepare(name, prepared) < 0 ||
		   strcmp(prepared, resource->user->name) != 0) {
		request_error(request, STANZA_NOT_ALLOWED,
			      "only the password of your own account can be changed");
	} else if (server->host->account_password(server->host_arg, resource->user->name, password,
						  &err) < 0) {
		request_refused(request, &err);
	} else {
		request_result(request);
		server_user_end_others(server, resource->user->name, resource->c2s);
	}
}

void register_set(struct request *request)
{
	if (xml_child(request->payload, "remove", NS_REGISTER))
		remove_account(request);
	else
		change_password(request);
	wipe_password(request->payload);
}
