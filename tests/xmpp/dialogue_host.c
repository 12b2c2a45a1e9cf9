/*
 * dialogue_host.c: see dialogue_host.h.
 */
#include "tests/xmpp/dialogue_host_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const subscriptions[] = {"none", "to", "from", "both"};

/* --- what it holds --- */

struct dialogue_host *dialogue_host_new(const struct env *env)
{
	struct dialogue_host *host = calloc(1, sizeof(*host));

	if (!host)
		abort();
	host->env = env;
	host->calls_end = &host->calls;
	host->contacts_end = &host->contacts;
	return host;
}

static void free_groups(struct contact *contact)
{
	for (size_t i = 0; contact->groups[i]; i++)
		free(contact->groups[i]);
	memset(contact->groups, 0, sizeof(contact->groups));
}

static void free_presence(struct contact *contact)
{
	free((char *)(uintptr_t)contact->presence.show);
	free((char *)(uintptr_t)contact->presence.status);
}

static void free_contact(struct contact *contact)
{
	free_groups(contact);
	free_presence(contact);
	free(contact->user);
	free(contact->id);
	free(contact->name);
	free(contact);
}

void dialogue_host_free(struct dialogue_host **host)
{
	struct dialogue_host *old = *host;
	struct contact *contact;
	struct user *user;
	struct call *call;

	while ((contact = old->contacts)) {
		old->contacts = contact->next;
		free_contact(contact);
	}
	while ((user = old->users)) {
		old->users = user->next;
		free(user->name);
		free(user);
	}
	dialogue_host_free_people(old);
	dialogue_host_free_items(old);
	while ((call = old->calls)) {
		old->calls = call->next;
		xml_free(&call->stanza);
		free(call);
	}
	free(old);
	*host = NULL;
}

void dialogue_host_set_server(struct dialogue_host *host, struct server *server)
{
	host->server = server;
}

struct server *dialogue_host_server(const struct dialogue_host *host)
{
	return host->server;
}

struct user *dialogue_host_find_user(struct dialogue_host *host, const char *name)
{
	struct user *user = host->users;

	while (user && strcmp(user->name, name) != 0)
		user = user->next;
	return user;
}

int dialogue_host_add_user(struct dialogue_host *host, const char *name, const char *password)
{
	struct user *user = calloc(1, sizeof(*user));

	if (!user || sasl_credentials_make(host->env, password, &user->credentials, NULL) < 0) {
		free(user);
		return -1;
	}
	user->name = strdup(name);
	user->next = host->users;
	host->users = user;
	return 0;
}

static struct contact **find_contact(struct dialogue_host *host, const char *user, const char *id)
{
	struct contact **at = &host->contacts;

	while (*at && (strcmp((*at)->user, user) != 0 || strcmp((*at)->id, id) != 0))
		at = &(*at)->next;
	return at;
}

static struct contact *make_contact(struct dialogue_host *host, const char *user, const char *id)
{
	struct contact **at = find_contact(host, user, id);
	struct contact *contact = *at;

	if (contact)
		return contact;
	contact = calloc(1, sizeof(*contact));
	if (!contact)
		abort();
	*at = contact;
	contact->user = strdup(user);
	contact->id = strdup(id);
	contact->name = strdup("");
	contact->presence.show = strdup("");
	contact->presence.status = strdup("");
	return contact;
}

static void set_item(struct contact *contact, const char *name, const char *const *groups)
{
	free(contact->name);
	contact->name = strdup(name);
	free_groups(contact);
	for (size_t i = 0; i < GROUPS_MAX && groups[i]; i++)
		contact->groups[i] = strdup(groups[i]);
}

int dialogue_host_add_contact(struct dialogue_host *host, const char *user, const char *id,
			      const char *subscription, const char *name, const char *groups)
{
	struct contact *contact = make_contact(host, user, id);
	const char *list[GROUPS_MAX + 1] = {NULL};
	char copy[256], *rest;
	size_t count = 0, kind = 0;

	snprintf(copy, sizeof(copy), "%s", groups);
	for (char *g = strtok_r(copy, ",", &rest); g && count < GROUPS_MAX;
	     g = strtok_r(NULL, ",", &rest))
		list[count++] = g;
	set_item(contact, name, list);
	contact->ask = strcmp(subscription, "ask") == 0;
	while (kind < 4 && strcmp(subscriptions[kind], subscription) != 0)
		kind++;
	if (kind == 4 && !contact->ask)
		return -1;
	contact->subscription = kind == 4 ? SUBSCRIPTION_NONE : (enum subscription)kind;
	return 0;
}

int dialogue_host_set_presence(struct dialogue_host *host, const char *user, const char *id,
			       const struct server_presence *presence)
{
	struct contact *contact = *find_contact(host, user, id);

	if (!contact)
		return -1;
	free_presence(contact);
	contact->presence = *presence;
	contact->presence.show = strdup(presence->show);
	contact->presence.status = strdup(presence->status);
	return 0;
}

static struct roster_item item_of(const struct contact *contact)
{
	return (struct roster_item){.contact = contact->id,
				    .name = contact->name,
				    .subscription = contact->subscription,
				    .ask = contact->ask,
				    .groups = (const char *const *)contact->groups};
}

int dialogue_host_push(struct dialogue_host *host, const char *user, const char *id)
{
	struct contact *contact = *find_contact(host, user, id);
	struct roster_item item;

	if (!contact)
		return -1;
	item = item_of(contact);
	server_roster_push(host->server, user, id, &item);
	return 0;
}

int dialogue_host_remove(struct dialogue_host *host, const char *user, const char *id)
{
	struct contact **at = find_contact(host, user, id);
	struct contact *contact = *at;

	if (!contact)
		return -1;
	*at = contact->next;
	free_contact(contact);
	server_roster_push(host->server, user, id, NULL);
	return 0;
}

/* --- what the server says --- */

void dialogue_host_note(struct dialogue_host *host, const struct xml *stanza, const char *format,
			...)
{
	struct call *call = calloc(1, sizeof(*call));
	va_list args;

	if (!call)
		abort();
	va_start(args, format);
	vsnprintf(call->text, sizeof(call->text), format, args);
	va_end(args);
	if (stanza)
		call->stanza = xml_copy(stanza);
	for (size_t len = strlen(call->text); len && call->text[len - 1] == ' ';)
		call->text[--len] = '\0';
	*host->calls_end = call;
	host->calls_end = &call->next;
}

const char *dialogue_host_next_call(struct dialogue_host *host, struct xml **stanza)
{
	struct call *call = host->calls;

	*stanza = NULL;
	if (!call)
		return "";
	host->calls = call->next;
	if (!host->calls)
		host->calls_end = &host->calls;
	host->last = *call;
	*stanza = call->stanza;
	free(call);
	return host->last.text;
}

void dialogue_host_refuse(struct dialogue_host *host, enum err_code code, const char *text)
{
	err_set(&host->refusal, code, "%s", text);
}

void dialogue_host_archive(struct dialogue_host *host, const char *id)
{
	snprintf(host->archives, sizeof(host->archives), "%s", id);
}

bool dialogue_host_refused(struct dialogue_host *host, struct err *err)
{
	if (host->refusal.code == ERR_NONE)
		return false;
	*err = host->refusal;
	host->refusal.code = ERR_NONE;
	return true;
}

static int on_credentials(void *arg, const char *name, struct sasl_credentials *credentials)
{
	struct user *user = dialogue_host_find_user(arg, name);

	if (!user)
		return -1;
	*credentials = user->credentials;
	return 0;
}

static int on_tokens_get(void *arg, const char *name, struct buf *out)
{
	const struct user *user = dialogue_host_find_user(arg, name);

	return user && user->tokens_len > 0 ? buf_add(out, user->tokens, user->tokens_len) : -1;
}

static int on_tokens_set(void *arg, const char *name, const uint8_t *data, size_t len,
			 struct err *err)
{
	struct user *user = dialogue_host_find_user(arg, name);

	if (!user || len > sizeof(user->tokens))
		return err_set(err, ERR_NOT_FOUND, "no such user");
	if (len > 0)
		memcpy(user->tokens, data, len);
	user->tokens_len = len;
	return 0;
}

static void on_roster(void *arg, const char *user,
		      void (*each)(void *each_arg, const struct roster_item *item), void *each_arg)
{
	struct dialogue_host *host = arg;

	for (struct contact *contact = host->contacts; contact; contact = contact->next) {
		struct roster_item item = item_of(contact);

		if (strcmp(contact->user, user) == 0)
			each(each_arg, &item);
	}
}

static int on_roster_set(void *arg, const char *user, const char *id, const char *name,
			 const char *const *groups, struct err *err)
{
	struct dialogue_host *host = arg;

	dialogue_host_note(host, NULL, "roster_set %s %s %s", user, id, name);
	if (dialogue_host_refused(host, err))
		return -1;
	set_item(make_contact(host, user, id), name, groups);
	return dialogue_host_push(host, user, id);
}

static int on_roster_remove(void *arg, const char *user, const char *id, struct err *err)
{
	struct dialogue_host *host = arg;

	dialogue_host_note(host, NULL, "roster_remove %s %s", user, id);
	if (dialogue_host_refused(host, err))
		return -1;
	if (dialogue_host_remove(host, user, id) < 0)
		return err_set(err, ERR_NOT_FOUND, "no such contact");
	return 0;
}

static int on_subscribe(void *arg, const char *user, const char *id, struct err *err)
{
	struct dialogue_host *host = arg;
	struct contact *contact;

	dialogue_host_note(host, NULL, "subscribe %s %s", user, id);
	dialogue_host_drop_request(host, user, id);
	if (dialogue_host_refused(host, err))
		return -1;
	contact = make_contact(host, user, id);
	if (contact->subscription == SUBSCRIPTION_BOTH)
		return 0;
	contact->ask = true;
	return dialogue_host_push(host, user, id);
}

static int on_deny(void *arg, const char *user, const char *id, struct err *err)
{
	dialogue_host_note(arg, NULL, "deny %s %s", user, id);
	dialogue_host_drop_request(arg, user, id);
	return dialogue_host_refused(arg, err) ? -1 : 0;
}

static void on_contact_presence(void *arg, const char *user, const char *id,
				struct server_presence *presence)
{
	struct contact *contact = *find_contact(arg, user, id);

	if (contact)
		*presence = contact->presence;
}

static void on_presence(void *arg, const char *user, const struct server_presence *presence)
{
	if (presence->available)
		dialogue_host_note(arg, NULL, "presence %s %s %d %s", user,
				   *presence->show ? presence->show : "available",
				   presence->priority, presence->status);
	else
		dialogue_host_note(arg, NULL, "presence %s unavailable", user);
}

static int on_message(void *arg, const char *user, const char *id, struct xml *message,
		      const uint8_t *mark, struct err *err)
{
	(void)mark;
	dialogue_host_note(arg, message, "message %s %s", user, id);
	return dialogue_host_refused(arg, err) ? -1 : 0;
}

static void on_arrived(void *arg, const char *user, const char *id, uint64_t token)
{
	dialogue_host_note(arg, NULL, "arrived %s %s %llu", user, id, (unsigned long long)token);
}

static void on_ready(void *arg, const char *user)
{
	dialogue_host_note(arg, NULL, "ready %s", user);
}

const struct server_host *dialogue_host_least_functions(void)
{
	static const struct server_host functions = {
	    .credentials = on_credentials,
	    .tokens_get = on_tokens_get,
	    .tokens_set = on_tokens_set,
	    .roster = on_roster,
	    .roster_set = on_roster_set,
	    .roster_remove = on_roster_remove,
	    .subscribe = on_subscribe,
	    .deny = on_deny,
	    .contact_presence = on_contact_presence,
	    .presence = on_presence,
	    .message = on_message,
	    .arrived = on_arrived,
	    .ready = on_ready,
	};

	return &functions;
}
