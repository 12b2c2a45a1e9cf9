/*
 * router.c: see router.h. The handlers stand in feature_*.c.
 */
#include "xmpp/router.h"

#include "xmpp/caps.h"
#include "xmpp/feature.h"

#include "core/base/log.h"

#include <string.h>

#define OWN      (TARGET_ACCOUNT | TARGET_RESOURCE)
#define ANYWHERE (TARGET_SERVER | OWN | TARGET_CONTACT | TARGET_ELSEWHERE)

/* The first that fits counts. What fits nowhere is refused by the router itself. */
static const struct route routes[] = {
    /* RFC 6121 section 8.5.3: what is for another resource of the user goes there as it is. */
    {ROUTE_IQ_GET, TARGET_RESOURCE, NULL, NULL, own_iq},
    {ROUTE_IQ_SET, TARGET_RESOURCE, NULL, NULL, own_iq},

    {ROUTE_IQ_GET, TARGET_ACCOUNT, "query", NS_ROSTER, roster_get},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "query", NS_ROSTER, roster_set},
    {ROUTE_IQ_SET, TARGET_CONTACT, "query", NS_ROSTER, roster_forbidden},

    {ROUTE_IQ_GET, TARGET_ACCOUNT | TARGET_SERVER, "query", NS_REGISTER, register_get},
    {ROUTE_IQ_SET, TARGET_ACCOUNT | TARGET_SERVER, "query", NS_REGISTER, register_set},

    {ROUTE_IQ_SET, TARGET_ACCOUNT | TARGET_SERVER, "session", NS_SESSION, session_start},
    {ROUTE_IQ_SET, TARGET_ACCOUNT | TARGET_SERVER, "bind", NS_BIND, session_bind_again},

    {ROUTE_IQ_SET, TARGET_ACCOUNT, "enable", NS_CARBONS, carbons_enable},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "disable", NS_CARBONS, carbons_disable},

    {ROUTE_IQ_SET, TARGET_ACCOUNT, "invisible", NS_INVISIBLE, invisible_set},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "visible", NS_INVISIBLE, invisible_unset},

    {ROUTE_IQ_GET, TARGET_ACCOUNT, "blocklist", NS_BLOCKING, blocking_get},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "block", NS_BLOCKING, blocking_block},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "unblock", NS_BLOCKING, blocking_unblock},

    {ROUTE_IQ_GET, TARGET_ACCOUNT, "query", NS_PRIVATE, private_get},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "query", NS_PRIVATE, private_set},
    {ROUTE_IQ_GET, TARGET_ACCOUNT, "vCard", NS_VCARD, vcard_get},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "vCard", NS_VCARD, vcard_set},
    {ROUTE_IQ_GET, TARGET_CONTACT, "vCard", NS_VCARD, vcard_contact_get},

    {ROUTE_IQ_GET, TARGET_ACCOUNT, "pubsub", NS_PUBSUB, pep_get},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "pubsub", NS_PUBSUB, pep_set},
    {ROUTE_IQ_GET, TARGET_ACCOUNT, "pubsub", NS_PUBSUB_OWNER, pep_owner_get},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "pubsub", NS_PUBSUB_OWNER, pep_owner_set},
    {ROUTE_IQ_GET, TARGET_CONTACT, "pubsub", NS_PUBSUB, pep_contact_get},
    {ROUTE_IQ_SET, TARGET_CONTACT, "pubsub", NS_PUBSUB, pep_contact_set},

    {ROUTE_IQ_SET, TARGET_ACCOUNT, "query", NS_MAM, archive_query},
    {ROUTE_IQ_GET, TARGET_ACCOUNT, "query", NS_MAM, archive_form},
    {ROUTE_IQ_GET, TARGET_ACCOUNT, "metadata", NS_MAM, archive_metadata},
    {ROUTE_IQ_GET, TARGET_ACCOUNT, "prefs", NS_MAM, archive_prefs_get},
    {ROUTE_IQ_SET, TARGET_ACCOUNT, "prefs", NS_MAM, archive_prefs_set},

    {ROUTE_IQ_SET, TARGET_SERVER, "command", NS_COMMANDS, command_execute},
    {ROUTE_IQ_GET, TARGET_SERVER | TARGET_ACCOUNT, "data", NS_BOB, bob_get},

    {ROUTE_IQ_GET, TARGET_SERVER, "query", NS_DISCO_INFO, disco_server_info},
    {ROUTE_IQ_GET, TARGET_ACCOUNT, "query", NS_DISCO_INFO, disco_account_info},
    {ROUTE_IQ_GET, TARGET_CONTACT, "query", NS_DISCO_INFO, disco_contact_info},
    {ROUTE_IQ_GET, TARGET_SERVER | TARGET_ACCOUNT, "query", NS_DISCO_ITEMS, disco_items},
    {ROUTE_IQ_GET, TARGET_CONTACT, "query", NS_DISCO_ITEMS, disco_contact_items},

    {ROUTE_IQ_GET, TARGET_SERVER | TARGET_ACCOUNT, "ping", NS_PING, ping_answer},
    {ROUTE_IQ_GET, TARGET_SERVER, "query", NS_VERSION, version_answer},
    {ROUTE_IQ_GET, TARGET_SERVER, "time", NS_TIME, time_answer},
    {ROUTE_IQ_GET, TARGET_SERVER, "query", NS_LAST, last_server},
    {ROUTE_IQ_GET, TARGET_ACCOUNT, "query", NS_LAST, last_account},
    {ROUTE_IQ_GET, TARGET_CONTACT, "query", NS_LAST, last_contact},
    {ROUTE_IQ_GET, TARGET_CONTACT, "query", NS_VERSION, live_contact_get},
    {ROUTE_IQ_GET, TARGET_CONTACT, "time", NS_TIME, live_contact_get},
    {ROUTE_IQ_GET, TARGET_SERVER, "request", NS_UPLOAD, upload_request},

    {ROUTE_MESSAGE, TARGET_ACCOUNT, NULL, NULL, message_to_account},
    {ROUTE_MESSAGE, TARGET_RESOURCE, NULL, NULL, message_to_resource},
    {ROUTE_MESSAGE, TARGET_CONTACT, NULL, NULL, message_to_contact},
    {ROUTE_MESSAGE, TARGET_SERVER, NULL, NULL, message_to_server},

    {ROUTE_PRESENCE, TARGET_ACCOUNT, "", NULL, presence_available},
    {ROUTE_PRESENCE, TARGET_ACCOUNT, "unavailable", NULL, presence_unavailable},
    {ROUTE_PRESENCE, TARGET_RESOURCE, "", NULL, own_presence},
    {ROUTE_PRESENCE, TARGET_RESOURCE, "unavailable", NULL, own_presence},
    {ROUTE_PRESENCE, TARGET_CONTACT, "", NULL, directed_available},
    {ROUTE_PRESENCE, TARGET_CONTACT, "unavailable", NULL, directed_unavailable},
    {ROUTE_PRESENCE, TARGET_CONTACT, "subscribe", NULL, presence_subscribe},
    {ROUTE_PRESENCE, TARGET_CONTACT, "subscribed", NULL, presence_subscribed},
    {ROUTE_PRESENCE, TARGET_CONTACT, "unsubscribed", NULL, presence_unsubscribed},
    {ROUTE_PRESENCE, TARGET_CONTACT, "probe", NULL, presence_probe},
    {ROUTE_PRESENCE, TARGET_ELSEWHERE, "unavailable", NULL, presence_drop},
    {ROUTE_PRESENCE, TARGET_ELSEWHERE, NULL, NULL, presence_refuse},
    {ROUTE_PRESENCE, ANYWHERE, NULL, NULL, presence_drop},
};

static bool fits(const char *wanted, const char *given)
{
	return !wanted || (given && strcmp(wanted, given) == 0);
}

const struct route *router_find(enum route_kind kind, enum target target, const char *name,
				const char *ns)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (routes[i].kind == kind && (routes[i].targets & target) &&
		    fits(routes[i].name, name) && fits(routes[i].ns, ns))
			return &routes[i];
	return NULL;
}

const struct route *router_route_at(size_t number)
{
	return number < sizeof(routes) / sizeof(routes[0]) ? &routes[number] : NULL;
}

int router_target(const struct user *user, const char *to, struct jid *jid, enum target *target)
{
	if (!to) {
		memset(jid, 0, sizeof(*jid));
		*target = TARGET_ACCOUNT;
		return 0;
	}
	if (jid_parse(to, jid, NULL) < 0)
		return -1;
	if (strcmp(jid->domain, user->server->domain) != 0)
		*target = TARGET_ELSEWHERE;
	else if (!*jid->local)
		*target = TARGET_SERVER;
	else if (strcmp(jid->local, user->name) != 0)
		*target = TARGET_CONTACT;
	else
		*target = *jid->resource ? TARGET_RESOURCE : TARGET_ACCOUNT;
	return 0;
}

/* --- replies --- */

void request_reply(const struct request *request, struct xml *reply)
{
	if (reply)
		resource_send(request->resource, reply);
	else
		log_warn("a stanza is not answered: no memory for it");
	xml_free(&reply);
}

void request_result(const struct request *request)
{
	request_reply(request, stanza_result(request->stanza));
}

void request_error(const struct request *request, enum stanza_error error, const char *text)
{
	if (!stanza_is_error(request->stanza))
		request_reply(request, stanza_error_new(request->stanza, error, text));
}

void request_error_detail(const struct request *request, enum stanza_error error, const char *text,
			  const char *condition, const char *ns)
{
	struct xml *reply;

	if (stanza_is_error(request->stanza))
		return;
	reply = stanza_error_new(request->stanza, error, text);
	xml_child_add(xml_child(reply, "error", NULL), condition, ns);
	request_reply(request, reply);
}

void request_refused(const struct request *request, const struct err *err)
{
	request_error(request, stanza_error_of(err), err->text);
}

bool request_offered(const struct request *request, bool offered)
{
	if (!offered)
		request_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	return offered;
}

/* --- routing --- */

/* Nobody answers: RFC 6121 section 8.5.1; RFC 6120 section 10.3. */
static void refuse(const struct request *request)
{
	request_error(request,
		      request->target == TARGET_ELSEWHERE ? STANZA_REMOTE_SERVER_NOT_FOUND
							  : STANZA_SERVICE_UNAVAILABLE,
		      NULL);
}

static void handle(struct request *request, enum route_kind kind, const char *name, const char *ns)
{
	const struct route *route = router_find(kind, request->target, name, ns);

	if (route)
		route->handler(request);
	else
		refuse(request);
}

/* RFC 6120 section 8.2.3: an id always, and one payload with a request. */
static void route_iq(struct request *request)
{
	const char *type = xml_get(request->stanza, "type");
	struct xml *payload = xml_first(request->stanza);
	bool get = type && strcmp(type, "get") == 0;

	if (type && (strcmp(type, "result") == 0 || strcmp(type, "error") == 0)) {
		/* Only another resource of the user can have asked for it. */
		if (request->target == TARGET_RESOURCE)
			own_iq(request);
		/* Or the server itself. */
		else if (request->target == TARGET_SERVER)
			caps_answer(request);
		return;
	}
	if (!xml_get(request->stanza, "id") || !type || (!get && strcmp(type, "set") != 0) ||
	    !payload || xml_next(payload)) {
		request_error(request, STANZA_BAD_REQUEST, NULL);
		return;
	}
	request->payload = payload;
	handle(request, get ? ROUTE_IQ_GET : ROUTE_IQ_SET, xml_name(payload), xml_ns(payload));
}

static void route(struct request *request)
{
	const char *type = xml_get(request->stanza, "type");

	if (xml_is(request->stanza, "iq", NULL))
		route_iq(request);
	else if (xml_is(request->stanza, "message", NULL))
		handle(request, ROUTE_MESSAGE, NULL, NULL);
	else
		handle(request, ROUTE_PRESENCE, type ? type : "", NULL);
}

/* RFC 6120 section 8.1.2.1: a client can speak only for itself. */
static bool from_fits(const struct resource *resource, const char *from)
{
	struct jid jid;

	if (!from)
		return true;
	return jid_parse(from, &jid, NULL) == 0 && strcmp(jid.local, resource->user->name) == 0 &&
	       strcmp(jid.domain, resource->user->server->domain) == 0 &&
	       (!*jid.resource || strcmp(jid.resource, resource->name) == 0);
}

void router_route(struct resource *resource, struct xml *stanza)
{
	struct request request = {
	    .resource = resource, .server = resource->user->server, .stanza = stanza};

	if (!from_fits(resource, xml_get(stanza, "from")))
		c2s_end(resource->c2s, STREAM_INVALID_FROM, NULL);
	else if (!xml_set(stanza, "from", resource->jid))
		c2s_end(resource->c2s, STREAM_RESOURCE_CONSTRAINT, NULL);
	else if (router_target(resource->user, xml_get(stanza, "to"), &request.to,
			       &request.target) < 0)
		request_error(&request, STANZA_JID_MALFORMED, NULL);
	else
		route(&request);
	xml_free(&stanza);
}
