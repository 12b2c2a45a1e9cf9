/*
 * router.h: which handler answers a client's stanza: one table for all features.
 */
#ifndef XMPP_ROUTER_H
#define XMPP_ROUTER_H

#include "xmpp/resource.h"

enum route_kind { ROUTE_IQ_GET, ROUTE_IQ_SET, ROUTE_MESSAGE, ROUTE_PRESENCE };

/* Whom a stanza is for; a route may serve several. */
enum target {
	TARGET_SERVER = 1,     /* the domain */
	TARGET_ACCOUNT = 2,    /* the user's own bare JID, or none given */
	TARGET_RESOURCE = 4,   /* one of the user's own full JIDs */
	TARGET_CONTACT = 8,    /* any other local part at the domain, bare or full */
	TARGET_ELSEWHERE = 16, /* another domain */
};

/* A stanza on its way to a handler. */
struct request {
	struct resource *resource; /* who sent it */
	struct server *server;
	struct xml *stanza;  /* its from is the resource's full JID */
	struct xml *payload; /* of an iq get or set: its one child; else NULL */
	enum target target;
	struct jid to;
};

struct route {
	enum route_kind kind;
	unsigned targets;
	const char *name; /* iq: of the payload; presence: its type, "" for none; NULL: any */
	const char *ns;   /* iq: of the payload; NULL: any */
	void (*handler)(struct request *request);
};

/* Route a stanza of the resource, and free it. */
void router_route(struct resource *resource, struct xml *stanza);

/* The first route that fits, or NULL. name and ns as in struct route. */
const struct route *router_find(enum route_kind kind, enum target target, const char *name,
				const char *ns);
/* One after the other, from 0; NULL after the last. For who must look at all of them. */
const struct route *router_route_at(size_t number);
/* Whom is it for? -1: to is no JID. */
int router_target(const struct user *user, const char *to, struct jid *jid, enum target *target);

/* For handlers. An error is not sent in answer to an error. reply is freed; NULL is logged. */
void request_reply(const struct request *request, struct xml *reply);
void request_result(const struct request *request);
void request_error(const struct request *request, enum stanza_error error, const char *text);
/* With a condition of the feature's own, in its namespace (RFC 6120 section 8.3.4). */
void request_error_detail(const struct request *request, enum stanza_error error, const char *text,
			  const char *condition, const char *ns);
/* The stanza error that fits what the host said, with its text. */
void request_refused(const struct request *request, const struct err *err);
/* Does the host offer what the feature needs? If not, it is as if the feature were not there: the
 * error is sent. */
bool request_offered(const struct request *request, bool offered);

#endif
