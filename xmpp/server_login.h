/*
 * server_login.h: between server.c and server_login.c: how a client that has logged in gets its
 * resource, by binding (RFC 6120 section 7, XEP-0386) or by coming back to its session (XEP-0198),
 * and its token (XEP-0484).
 */
#ifndef XMPP_SERVER_LOGIN_H
#define XMPP_SERVER_LOGIN_H

#include "xmpp/resource.h"

/* A stream, and the resource on it once one is bound. */
struct client {
	struct client *older, *newer;
	struct server *server;
	struct c2s *c2s;
	struct resource *resource;
	bool authenticated;
	bool who_known;
	int64_t who; /* for the guard */
};

/* For c2s_handler, with a struct client. */
int login_bind(void *arg, const char *wish, char jid[JID_TEXT_SIZE], enum stanza_error *error);
size_t login_tokens(void *arg, const char *user, const char *mechanism,
		    struct sasl_token tokens[SASL_TOKENS_MAX]);
void login_wished(void *arg, const struct c2s_wishes *wishes, struct xml *success,
		  char jid[JID_TEXT_SIZE]);
void login_settled(void *arg);
/* <resume/> on a stream without a resource. */
void login_resume(struct client *client, const struct xml *element);
/* The user's tokens end. */
void login_forget_tokens(const struct server *server, const char *user);

#endif
