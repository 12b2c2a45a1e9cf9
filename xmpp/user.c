/*
 * user.c: see user.h. Neighbours: session.c (one resource), feature_presence.c.
 */
#include "xmpp/user.h"

#include "xmpp/session.h"

#include <stdlib.h>
#include <string.h>

struct user *user_find(const struct server *server, const char *name)
{
	struct user *user = server->users;

	while (user && strcmp(user->name, name) != 0)
		user = user->next;
	return user;
}

struct user *user_get(struct server *server, const char *name)
{
	struct user *user = user_find(server, name);

	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->server = server;
	user->name = strdup(name);
	if (!user->name) {
		free(user);
		return NULL;
	}
	user->told.show = "";
	user->next = server->users;
	server->users = user;
	return user;
}

void user_free(struct user **user)
{
	struct user *old = *user;

	if (!old)
		return;
	free((char *)(uintptr_t)old->told.status);
	free(old->name);
	free(old);
	*user = NULL;
}

struct session *user_session(const struct user *user, const char *resource)
{
	struct session *session = user->sessions;

	while (session && strcmp(session->resource, resource) != 0)
		session = session->next;
	return session;
}

unsigned user_session_count(const struct user *user)
{
	unsigned count = 0;

	for (const struct session *session = user->sessions; session; session = session->next)
		count++;
	return count;
}

unsigned user_send(const struct user *user, bool (*wanted)(const struct session *session),
		   struct xml *stanza)
{
	unsigned count = 0;

	for (struct session *session = user->sessions; session; session = session->next) {
		if (!wanted(session) || !xml_set(stanza, "to", session->jid))
			continue;
		session_deliver(session, stanza);
		count++;
	}
	return count;
}

/* The session that speaks for the user: the highest priority, and among equals the latest word. */
static const struct session *speaker(const struct user *user)
{
	const struct session *best = NULL;

	for (const struct session *session = user->sessions; session; session = session->next) {
		if (!session_available(session))
			continue;
		if (!best || session->priority > best->priority ||
		    (session->priority == best->priority &&
		     session->presence_no > best->presence_no))
			best = session;
	}
	return best;
}

static bool presence_equal(const struct server_presence *a, const struct server_presence *b)
{
	if (!a->available || !b->available)
		return a->available == b->available;
	return a->priority == b->priority && strcmp(a->show, b->show) == 0 &&
	       strcmp(a->status, b->status) == 0;
}

static void set_told(struct user *user, const struct server_presence *presence, char *status)
{
	free((char *)(uintptr_t)user->told.status);
	user->told = *presence;
	user->told.status = status;
}

void user_tell_presence(struct user *user)
{
	const struct session *session = speaker(user);
	struct server_presence now = {.show = "", .status = ""};
	char *given, *kept;

	if (session) {
		now.available = true;
		now.show = session->show;
		now.status = session->status ? session->status : "";
		now.priority = session->priority;
	}
	if (presence_equal(&now, &user->told))
		return;
	/* Two copies: the host may come back here before it has done with what it was given. */
	given = strdup(now.status);
	kept = strdup(now.status);
	if (given && kept) {
		set_told(user, &now, kept);
		kept = NULL;
		now.status = given;
		user->server->host->presence(user->server->host_arg, user->name, &now);
	}
	free(given);
	free(kept);
}
