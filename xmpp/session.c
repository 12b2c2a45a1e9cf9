/*
 * session.c: see session.h. Neighbours: user.c; feature_presence.c sets the presence.
 */
#include "xmpp/session.h"

#include "xmpp/feature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *full_jid(const struct user *user, const char *resource)
{
	size_t size = strlen(user->name) + strlen(user->server->domain) + strlen(resource) + 3;
	char *jid = malloc(size);

	if (jid)
		snprintf(jid, size, "%s@%s/%s", user->name, user->server->domain, resource);
	return jid;
}

struct session *session_new(struct user *user, struct c2s *c2s, const char *resource)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->user = user;
	session->c2s = c2s;
	session->show = "";
	session->resource = strdup(resource);
	session->jid = full_jid(user, resource);
	if (!session->resource || !session->jid) {
		session_delete(&session);
		return NULL;
	}
	session->next = user->sessions;
	user->sessions = session;
	return session;
}

void session_end(struct session *session)
{
	struct session **at = &session->user->sessions;

	if (session->ended)
		return;
	session->ended = true;
	while (*at != session)
		at = &(*at)->next;
	*at = session->next;
	presence_end(session, NULL);
}

void session_delete(struct session **session)
{
	struct session *old = *session;

	if (!old)
		return;
	xml_free(&old->presence);
	free(old->status);
	free(old->resource);
	free(old->jid);
	free(old);
	*session = NULL;
}

void session_deliver(struct session *session, const struct xml *stanza)
{
	c2s_send(session->c2s, stanza);
}

bool session_available(const struct session *session)
{
	return session->presence != NULL;
}

bool session_interested(const struct session *session)
{
	return session->interested;
}

bool session_takes_messages(const struct session *session)
{
	return session->presence && session->priority >= 0;
}
