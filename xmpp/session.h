/*
 * session.h: a bound resource of a user, and what it has said about itself.
 */
#ifndef XMPP_SESSION_H
#define XMPP_SESSION_H

#include "xmpp/user.h"

struct session {
	struct session *next;
	struct user *user;
	struct c2s *c2s; /* not owned; lives as long as the session */
	char *resource;
	char *jid;            /* full JID */
	bool ended;           /* not among the user's sessions any more */
	bool interested;      /* has asked for the roster, and gets its changes */
	bool ready;           /* the host was told that messages may come */
	struct xml *presence; /* the last one, while available; else NULL */
	const char *show;     /* a literal */
	char *status;         /* NULL: none */
	int priority;
	uint64_t presence_no; /* of that presence */
};

/* The resource must be free. NULL when memory is short. */
struct session *session_new(struct user *user, struct c2s *c2s, const char *resource);
/* Take the session out of its user's, telling the others and the host that it has gone. The object
 * stays until session_delete, because a handler of it may be under way. */
void session_end(struct session *session);
/* Says nothing to anyone. */
void session_delete(struct session **session);

void session_deliver(struct session *session, const struct xml *stanza);

/* For user_send. */
bool session_available(const struct session *session);
bool session_interested(const struct session *session);
/* Available with priority >= 0: messages to the bare JID go there (RFC 6121 section 8.5.2.1.1). */
bool session_takes_messages(const struct session *session);

#endif
