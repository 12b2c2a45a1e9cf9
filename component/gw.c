/*
 * gw.c: which handler answers a stanza: one table; who may send one at all. See gw.h.
 */
#include "component/gw_private.h"

#include "core/base/log.h"
#include "core/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What one who is not registered may send in a second, and at once: somebody who looks around, and
 * others who have the same of GW_STRANGERS buckets. */
#define STRANGER_PER_S 2
#define STRANGER_BURST 100
/* Backups sealed or opened: each holds up all for half a second. Three at once, then one in 20 s.
 */
#define HEAVY_BURST 60

/* --- routes --- */

enum kind { IQ_GET, IQ_SET, MESSAGE, PRESENCE, NONE };

enum {
	GATEWAY = 1,  /* the component itself */
	CONTACT = 2,  /* any local part at it */
	ANYBODY = 4,  /* also who is not registered, or a server */
	NOT_PAID = 8, /* does not count against the user's rate */
};

static const struct route {
	enum kind kind;
	unsigned flags;
	const char *name; /* iq: of the payload; presence: its type, "" for none; NULL: any */
	const char *ns;   /* iq: of the payload; message: of a child */
	void (*handler)(struct gw_request *request);
} routes[] = {
    {IQ_GET, GATEWAY | ANYBODY, "query", NS_DISCO_INFO, gw_disco_info},
    {IQ_GET, GATEWAY | ANYBODY, "query", NS_DISCO_ITEMS, gw_disco_items},
    {IQ_GET, GATEWAY | ANYBODY, "ping", NS_PING, gw_ping},
    {IQ_GET, GATEWAY | ANYBODY, "query", NS_REGISTER, gw_register_get},
    {IQ_SET, GATEWAY | ANYBODY, "query", NS_REGISTER, gw_register_set},
    {IQ_GET, GATEWAY | ANYBODY, "vCard", NS_VCARD, gw_vcard_gateway},
    {IQ_GET, GATEWAY, "query", NS_GATEWAY, gw_prompt_get},
    {IQ_SET, GATEWAY, "query", NS_GATEWAY, gw_prompt_set},
    {IQ_SET, GATEWAY, "command", NS_COMMANDS, gw_command},
    {IQ_GET, GATEWAY, "blocklist", NS_BLOCKING, gw_blocking},
    {IQ_SET, GATEWAY, "block", NS_BLOCKING, gw_blocking},
    {IQ_SET, GATEWAY, "unblock", NS_BLOCKING, gw_blocking},
    {IQ_GET, CONTACT, "query", NS_DISCO_INFO, gw_disco_contact_info},
    {IQ_GET, CONTACT, "query", NS_DISCO_ITEMS, gw_disco_contact_items},
    {IQ_GET, CONTACT, "ping", NS_PING, gw_ping},
    {IQ_GET, CONTACT, "vCard", NS_VCARD, gw_vcard_contact},
    {IQ_GET, CONTACT, "pubsub", NS_PUBSUB, gw_vcard_contact},
    {MESSAGE, GATEWAY | ANYBODY, "privilege", NS_PRIVILEGE_1, gw_privileges},
    {MESSAGE, GATEWAY | ANYBODY, "privilege", NS_PRIVILEGE_2, gw_privileges},
    {MESSAGE, GATEWAY | ANYBODY, "body", NS_CLIENT, gw_message_gateway},
    {MESSAGE, GATEWAY, NULL, NULL, gw_message_gateway},
    {MESSAGE, CONTACT, NULL, NULL, gw_message_contact},
    {PRESENCE, GATEWAY | NOT_PAID, "", NULL, gw_presence_gateway},
    {PRESENCE, GATEWAY | NOT_PAID, "unavailable", NULL, gw_presence_gateway},
    {PRESENCE, CONTACT | NOT_PAID, "", NULL, gw_presence_contact},
    {PRESENCE, CONTACT | NOT_PAID, "unavailable", NULL, gw_presence_contact},
    {PRESENCE, GATEWAY | CONTACT | NOT_PAID, "probe", NULL, gw_probe},
    {PRESENCE, GATEWAY, NULL, NULL, gw_subscription_gateway},
    {PRESENCE, CONTACT, NULL, NULL, gw_subscription_contact},
};

static bool same(const char *wanted, const char *got)
{
	return !wanted || (got && strcmp(wanted, got) == 0);
}

static bool fits(const struct route *route, enum kind kind, const struct gw_request *request)
{
	unsigned target = request->to.local[0] ? CONTACT : GATEWAY;
	const char *type = xml_get(request->stanza, "type");

	if (route->kind != kind || !(route->flags & target))
		return false;
	if (kind == PRESENCE)
		return same(route->name, type ? type : "");
	if (kind == MESSAGE)
		return !route->name || xml_child(request->stanza, route->name, route->ns);
	return xml_is(request->payload, route->name, route->ns);
}

static const struct route *find_route(enum kind kind, const struct gw_request *request)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (fits(&routes[i], kind, request))
			return &routes[i];
	return NULL;
}

/* --- what comes --- */

static bool domain_allowed(const struct gw *gw, const char *domain)
{
	for (const char *const *allowed = gw->config->domains; *allowed; allowed++)
		if (strcmp(*allowed, domain) == 0)
			return true;
	return false;
}

/* Is the sender named as the server has stamped it? Servers that prepare names by other rules than
 * ours (RFC 7622 keeps "ß" and "ss" apart, RFC 6122 does not) have two users where we would see
 * one. Only capitals in ASCII are alike for all. */
static bool is_as_stamped(const struct gw_request *request)
{
	const char *from = xml_get(request->stanza, "from");
	size_t len = strlen(request->bare);

	return strncasecmp(from, request->bare, len) == 0 && (!from[len] || from[len] == '/');
}

/* NONE: it is no request. */
static enum kind kind_of(struct gw_request *request)
{
	const char *name = xml_name(request->stanza);
	const char *type = xml_get(request->stanza, "type");

	if (strcmp(name, "message") == 0)
		return MESSAGE;
	if (strcmp(name, "presence") == 0)
		return PRESENCE;
	if (strcmp(name, "iq") != 0 || !type)
		return NONE;
	request->payload = xml_first(request->stanza);
	if (!request->payload || xml_next(request->payload))
		return NONE;
	return strcmp(type, "get") == 0 ? IQ_GET : strcmp(type, "set") == 0 ? IQ_SET : NONE;
}

/* Who pays for a stanza. Strangers share buckets by chance, so that none knows whom to hinder. */
static struct bucket *payer(struct gw_request *request)
{
	struct gw *gw = request->gw;
	const struct crypto_part parts[] = {{gw->salt, sizeof(gw->salt)},
					    {request->bare, strlen(request->bare)}};
	uint8_t hash[SHA256_LEN] = {0};

	if (request->user)
		return &request->user->bucket;
	crypto_sha256(parts, 2, hash);
	return &gw->strangers[hash[0] % GW_STRANGERS];
}

/* Why the sender may not; STANZA_ERRORS: it may. */
static enum stanza_error refusal(struct gw_request *request, const struct route *route)
{
	struct gw *gw = request->gw;
	bool paid = !route || !(route->flags & NOT_PAID);

	if (!domain_allowed(gw, request->from.domain))
		return STANZA_FORBIDDEN;
	if (!is_as_stamped(request))
		return STANZA_JID_MALFORMED;
	if (paid && !gw_take(gw, payer(request), 1))
		return STANZA_RESOURCE_CONSTRAINT;
	if (!request->user && !(route && route->flags & ANYBODY))
		return STANZA_REGISTRATION_REQUIRED;
	return route ? STANZA_ERRORS : STANZA_SERVICE_UNAVAILABLE;
}

static void dispatch(struct gw_request *request)
{
	enum kind kind = kind_of(request);
	const struct route *route = find_route(kind, request);
	enum stanza_error error = refusal(request, route);

	if (error == STANZA_ERRORS)
		route->handler(request);
	else if (kind != PRESENCE)
		gw_error(request, error, NULL);
}

/* NULL: not registered. An account may have been restored by the operator (tacetctl) meanwhile. */
static struct gw_user *sender(struct gw *gw, const struct gw_request *request)
{
	struct gw_user *user;

	if (!request->from.local[0] || !domain_allowed(gw, request->from.domain) ||
	    !is_as_stamped(request))
		return NULL;
	user = gw_user_find(gw, request->bare);
	if (user || !bridge_account(gw->bridge, request->bare, NULL))
		return user;
	user = gw_user_add(gw, request->bare);
	if (user) {
		user->sync = user->show_all = true;
		gw_sync(user);
	}
	return user;
}

void gw_stanza(void *arg, struct xml *stanza)
{
	struct gw *gw = arg;
	struct gw_request request = {.gw = gw, .stanza = stanza};
	const char *from = xml_get(stanza, "from"), *to = xml_get(stanza, "to");
	const char *type = xml_get(stanza, "type");
	bool answer = xml_is(stanza, "iq", NULL) && type &&
		      (strcmp(type, "result") == 0 || strcmp(type, "error") == 0);

	if (!from || !to || jid_parse(from, &request.from, NULL) < 0 ||
	    jid_parse(to, &request.to, NULL) < 0 ||
	    strcmp(request.to.domain, gw->config->domain) != 0 ||
	    xml_rename_ns(stanza, NS_COMPONENT, NS_CLIENT) < 0) {
		log_debug("gateway: dropped a stanza without good addresses");
		xml_free(&stanza);
		return;
	}
	jid_format_bare(&request.from, request.bare);
	request.user = sender(gw, &request);
	if (!answer)
		dispatch(&request);
	else if (request.user)
		gw_answered(&request);
	xml_free(&stanza);
}

bool gw_take(const struct gw *gw, struct bucket *bucket, int64_t amount)
{
	int64_t now_ms = env_mono_ms(gw->env);

	/* What is refused costs nothing, or a flood would never be forgiven. */
	if (bucket_take(bucket, 0, now_ms) > 0)
		return false;
	bucket_take(bucket, amount, now_ms);
	return true;
}

/* --- what goes --- */

int gw_send(struct gw *gw, struct xml *stanza)
{
	struct err err = {0};
	int result = -1;

	if (gw->up && xml_rename_ns(stanza, NS_CLIENT, NS_COMPONENT) == 0)
		result = gw->link->send(gw->link_arg, stanza, &err);
	if (result < 0)
		log_debug("gateway: a stanza has not left: %s", err.text);
	xml_free(&stanza);
	return result;
}

bool gw_has_room(const struct gw *gw)
{
	return gw->up && gw->link->room(gw->link_arg);
}

struct xml *gw_new_stanza(const struct gw *gw, const char *name, const char *type,
			  const char *contact, const char *to)
{
	struct xml *stanza = xml_new(name, NS_CLIENT);
	char from[JID_TEXT_SIZE];

	snprintf(from, sizeof(from), "%s%s%s", contact ? contact : "", contact ? "@" : "",
		 gw->config->domain);
	if (!xml_set(stanza, "from", from) || !xml_set(stanza, "to", to) ||
	    (type && !xml_set(stanza, "type", type)))
		xml_free(&stanza);
	return stanza;
}

void gw_reply(const struct gw_request *request, struct xml *reply)
{
	if (reply)
		gw_send(request->gw, reply);
	else
		log_warn("gateway: no memory for an answer");
}

void gw_result(const struct gw_request *request)
{
	gw_reply(request, stanza_result(request->stanza));
}

void gw_error(const struct gw_request *request, enum stanza_error error, const char *text)
{
	if (!stanza_is_error(request->stanza))
		gw_reply(request, stanza_error_new(request->stanza, error, text));
}

void gw_refused(const struct gw_request *request, const struct err *err)
{
	gw_error(request, stanza_error_of(err), err->text);
}

struct contact *gw_request_contact(const struct gw_request *request)
{
	struct contact *contact =
	    bridge_lookup(request->gw->bridge, request->user->jid, request->to.local, NULL);

	if (!contact)
		gw_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	return contact;
}

/* --- the stream --- */

static void on_greet(void *arg)
{
	struct gw *gw = arg;

	if (!gw->up || gw->greeted) {
		gw_users(gw, gw_user_drop_stale);
		return;
	}
	gw->greeted = true;
	timer_set(gw->greet, GW_STALE_MS);
	gw_sync_all(gw);
}

static void ask_again(struct gw_user *user)
{
	user->sync = user->show_all = true;
	user->sync_at = 0;
}

void gw_up(void *arg)
{
	struct gw *gw = arg;

	gw->up = true;
	gw->greeted = false;
	gw_users(gw, ask_again);
	timer_set(gw->greet, GW_GREET_MS);
}

void gw_down(void *arg)
{
	struct gw *gw = arg;

	if (!gw->up)
		return;
	gw->up = false;
	gw->barrier = false;
	gw_questions_drop(gw, NULL);
	gw_grants_free(gw);
	gw_users(gw, gw_user_stale);
	timer_set(gw->greet, GW_STALE_MS);
}

void gw_room(void *arg)
{
	struct gw *gw = arg;

	if (!gw->greeted)
		return;
	gw_sync_all(gw);
	gw_users(gw, gw_parcels_send);
}

static void show_gone(void *arg, struct contact *contact)
{
	static const struct server_presence gone = {.show = "", .status = ""};
	struct gw_user *user = arg;

	if (contact_status(contact)->show != SHOW_OFFLINE)
		gw_show_contact(user, contact_id(contact), &gone, user->jid);
}

static void say_goodbye(struct gw_user *user)
{
	const struct account *account = gw_account(user);

	if (!user->there)
		return;
	if (account)
		account_contacts(account, show_gone, user);
	gw_show_self(user->gw, user->jid, "unavailable");
}

void gw_goodbye(struct gw *gw)
{
	gw_users(gw, say_goodbye);
}

/* --- the front --- */

static void contact_presence(void *arg, const char *name, const char *contact,
			     const struct server_presence *presence)
{
	struct gw_user *user = gw_user_find(arg, name);

	if (user && user->there)
		gw_show_contact(user, contact, presence, user->jid);
}

static void request_came(void *arg, const char *name, const struct server_request *request)
{
	struct gw_user *user = gw_user_find(arg, name);

	(void)request;
	if (user)
		gw_requests_push(user);
}

static void roster_push(void *arg, const char *name, const char *contact,
			const struct roster_item *item)
{
	struct gw_user *user = gw_user_find(arg, name);

	if (user && item) {
		gw_item_push(user, contact, item);
		gw_suggest_send(user);
	} else if (user && !(user->removing && strcmp(user->removing, contact) == 0)) {
		gw_item_drop(user, contact, true);
	}
}

static void user_end(void *arg, const char *name)
{
	struct gw_user *user = gw_user_find(arg, name);

	if (!user)
		return;
	gw_items_end(user);
	gw_user_free(arg, user);
}

static void learned(void *arg, const char *name, const char *contact, const char *node)
{
	struct gw_user *user = gw_user_find(arg, name);
	struct server_presence presence = {.show = "", .status = ""};

	if (!user || !user->there ||
	    (strcmp(node, NS_AVATAR_METADATA) != 0 && strcmp(node, NS_DISCO_INFO) != 0))
		return;
	user->gw->host->contact_presence(user->gw->bridge, name, contact, &presence);
	if (presence.available)
		gw_show_contact(user, contact, &presence, user->jid);
	if (strcmp(node, NS_AVATAR_METADATA) == 0)
		gw_avatar_event(user, contact);
}

static const struct bridge_front front = {
    .deliver = gw_deliver,
    .deliver_stored = gw_deliver_stored,
    .contact_presence = contact_presence,
    .request = request_came,
    .roster_push = roster_push,
    .user_end = user_end,
    .learned = learned,
};

struct gw *gw_new(const struct env *env, struct bridge *bridge, struct server *server,
		  struct local_store *local, const struct gw_config *config,
		  const struct gw_link *link, void *link_arg, struct err *err)
{
	struct gw *gw = calloc(1, sizeof(*gw));
	int64_t now_ms = env_mono_ms(env);

	if (gw) {
		gw->env = env;
		gw->bridge = bridge;
		gw->host = bridge_server_host(bridge);
		gw->server = server;
		gw->local = local;
		gw->config = config;
		gw->link = link;
		gw->link_arg = link_arg;
		gw->batch = 1;
		env_random(env, gw->salt, sizeof(gw->salt));
		for (unsigned i = 0; i < GW_STRANGERS; i++)
			bucket_init(&gw->strangers[i], STRANGER_BURST, STRANGER_PER_S, now_ms);
		bucket_init(&gw->heavy, HEAVY_BURST, 1, now_ms);
		gw->greet = timer_new(env, on_greet, gw);
	}
	bridge_limit_remote(bridge, config->contacts);
	if (!gw || !gw->greet || bridge_set_gateway(bridge, config->domain, &front, gw) < 0 ||
	    gw_users_load(gw) < 0) {
		gw_free(&gw);
		err_set(err, ERR_MEMORY, "no memory for the gateway");
	}
	return gw;
}

void gw_free(struct gw **gw)
{
	struct gw *old = *gw;

	if (!old)
		return;
	bridge_set_gateway(old->bridge, NULL, NULL, NULL);
	for (size_t i = 0; i < GW_BUCKETS; i++)
		while (old->users[i])
			gw_user_free(old, old->users[i]);
	gw_grants_free(old);
	timer_free(&old->greet);
	free(old);
	*gw = NULL;
}
