/*
 * dialogue_host_people.c: what the stand-in offers beyond what a server must have.
 * Neighbour: dialogue_host.c.
 */
#include "tests/xmpp/dialogue_host_private.h"

#include <stdlib.h>
#include <string.h>

/* --- lists of people --- */

static struct person **find_person(struct person **list, const char *user, const char *id)
{
	while (*list && (strcmp((*list)->user, user) != 0 || strcmp((*list)->id, id) != 0))
		list = &(*list)->next;
	return list;
}

static struct person *add_person(struct person **list, const char *user, const char *id)
{
	struct person **at = find_person(list, user, id);

	if (*at)
		return *at;
	*at = calloc(1, sizeof(**at));
	if (!*at)
		abort();
	(*at)->user = strdup(user);
	(*at)->id = strdup(id);
	return *at;
}

static void remove_person(struct person **at)
{
	struct person *person = *at;

	*at = person->next;
	free(person->user);
	free(person->id);
	free(person->name);
	free(person->text);
	free(person);
}

void dialogue_host_free_people(struct dialogue_host *host)
{
	while (host->blocked)
		remove_person(&host->blocked);
	while (host->requests)
		remove_person(&host->requests);
}

/* --- accounts --- */

static int on_account_create(void *arg, const char *name, const char *password, struct err *err)
{
	dialogue_host_note(arg, NULL, "account_create %s %s", name, password);
	if (dialogue_host_refused(arg, err))
		return -1;
	if (dialogue_host_find_user(arg, name))
		return err_set(err, ERR_EXISTS, "this name is taken");
	return dialogue_host_add_user(arg, name, password);
}

static int on_account_password(void *arg, const char *name, const char *password, struct err *err)
{
	struct dialogue_host *host = arg;

	dialogue_host_note(host, NULL, "account_password %s %s", name, password);
	if (dialogue_host_refused(host, err))
		return -1;
	return sasl_credentials_make(host->env, password,
				     &dialogue_host_find_user(host, name)->credentials, err);
}

static int on_account_remove(void *arg, const char *name, struct err *err)
{
	struct dialogue_host *host = arg;
	struct user **at = &host->users;
	struct user *user;

	dialogue_host_note(host, NULL, "account_remove %s", name);
	if (dialogue_host_refused(host, err))
		return -1;
	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	user = *at;
	if (!user)
		return err_set(err, ERR_NOT_FOUND, "no such user");
	*at = user->next;
	free(user->name);
	free(user);
	return 0;
}

/* --- blocking --- */

static int on_block(void *arg, const char *user, const char *id, bool blocked, struct err *err)
{
	struct dialogue_host *host = arg;
	struct person **at = find_person(&host->blocked, user, id);

	dialogue_host_note(host, NULL, "%s %s %s", blocked ? "block" : "unblock", user, id);
	if (dialogue_host_refused(host, err))
		return -1;
	if (blocked)
		add_person(&host->blocked, user, id);
	else if (*at)
		remove_person(at);
	return 0;
}

static void on_block_list(void *arg, const char *user,
			  void (*each)(void *each_arg, const char *contact), void *each_arg)
{
	const struct dialogue_host *host = arg;

	for (const struct person *person = host->blocked; person; person = person->next)
		if (strcmp(person->user, user) == 0)
			each(each_arg, person->id);
}

/* --- presence --- */

static void on_invisible(void *arg, const char *user, bool invisible)
{
	dialogue_host_note(arg, NULL, "%s %s", invisible ? "invisible" : "visible", user);
}

static void on_directed(void *arg, const char *user, const char *id,
			const struct server_presence *presence)
{
	if (!presence)
		dialogue_host_note(arg, NULL, "directed %s %s as others", user, id);
	else if (!presence->available)
		dialogue_host_note(arg, NULL, "directed %s %s unavailable %s", user, id,
				   presence->status);
	else
		dialogue_host_note(arg, NULL, "directed %s %s %s %d %s", user, id,
				   *presence->show ? presence->show : "available",
				   presence->priority, presence->status);
}

/* --- requests --- */

static struct server_request request_of(const struct person *person)
{
	return (struct server_request){
	    .contact = person->id, .name = person->name, .text = person->text};
}

static void on_requests(void *arg, const char *user,
			void (*each)(void *each_arg, const struct server_request *request),
			void *each_arg)
{
	const struct dialogue_host *host = arg;

	for (const struct person *person = host->requests; person; person = person->next) {
		struct server_request request = request_of(person);

		if (strcmp(person->user, user) == 0)
			each(each_arg, &request);
	}
}

void dialogue_host_request(struct dialogue_host *host, const char *user, const char *id,
			   const char *name, const char *text)
{
	struct person *person = add_person(&host->requests, user, id);
	struct server_request request;

	free(person->name);
	free(person->text);
	person->name = strdup(name);
	person->text = strdup(text);
	request = request_of(person);
	if (host->server)
		server_request(host->server, user, &request);
}

void dialogue_host_drop_request(struct dialogue_host *host, const char *user, const char *id)
{
	struct person **at = find_person(&host->requests, user, id);

	if (*at)
		remove_person(at);
}

/* --- all of it --- */

struct server_host dialogue_host_functions(void)
{
	struct server_host functions = *dialogue_host_least_functions();

	functions.account_create = on_account_create;
	functions.account_password = on_account_password;
	functions.account_remove = on_account_remove;
	functions.block = on_block;
	functions.block_list = on_block_list;
	functions.invisible = on_invisible;
	functions.directed = on_directed;
	functions.requests = on_requests;
	functions.commands = dialogue_host_commands();
	functions.pep = dialogue_host_pep();
	functions.archive = &dialogue_archive_host;
	return functions;
}
