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
	free(person);
}

void dialogue_host_free_people(struct dialogue_host *host)
{
	while (host->blocked)
		remove_person(&host->blocked);
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

/* --- all of it --- */

struct server_host dialogue_host_functions(void)
{
	struct server_host functions = *dialogue_host_least_functions();

	functions.block = on_block;
	functions.block_list = on_block_list;
	return functions;
}
