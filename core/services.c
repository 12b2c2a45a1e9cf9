/*
 * services.c: see services.h.
 */
#include "core/services.h"

#include <stdlib.h>
#include <string.h>

struct service_entry {
	char name[CHANNEL_SERVICE_MAX + 1];
	bool (*accept)(void *arg, struct contact *contact, struct channel *channel);
	void *arg;
	void (*free_arg)(void *arg);
};

struct services {
	unsigned count;
	struct service_entry entries[SERVICES_MAX];
};

static struct service_entry *find(const struct services *services, const char *name)
{
	for (unsigned i = 0; services != NULL && i < services->count; i++)
		if (strcmp(services->entries[i].name, name) == 0)
			return (struct service_entry *)&services->entries[i];
	return NULL;
}

static void free_entry(struct service_entry *entry)
{
	if (entry->free_arg != NULL)
		entry->free_arg(entry->arg);
}

int services_add(struct services **services, const char *name,
		 bool (*accept)(void *arg, struct contact *contact, struct channel *channel),
		 void *arg, void (*free_arg)(void *arg), struct err *err)
{
	struct service_entry *entry;

	if (!channel_service_valid(name, strlen(name)))
		return err_set(err, ERR_INPUT, "a service has a name of 1 to %d visible characters",
			       CHANNEL_SERVICE_MAX);
	if (find(*services, name) != NULL)
		return err_set(err, ERR_EXISTS, "the account listens for %s already", name);
	if (*services == NULL)
		*services = calloc(1, sizeof(**services));
	if (*services == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	if ((*services)->count == SERVICES_MAX)
		return err_set(err, ERR_LIMIT, "the account listens for too many services");
	entry = &(*services)->entries[(*services)->count++];
	memcpy(entry->name, name, strlen(name) + 1);
	entry->accept = accept;
	entry->arg = arg;
	entry->free_arg = free_arg;
	return 0;
}

int services_remove(struct services *services, const char *name, struct err *err)
{
	struct service_entry *entry = find(services, name);

	if (entry == NULL)
		return err_set(err, ERR_NOT_FOUND, "the account does not listen for this");
	free_entry(entry);
	*entry = services->entries[--services->count];
	return 0;
}

bool services_accept(const struct services *services, struct contact *contact,
		     struct channel *channel)
{
	const struct service_entry *entry = find(services, channel_service(channel));

	return entry != NULL && entry->accept(entry->arg, contact, channel);
}

void services_free(struct services **services)
{
	for (unsigned i = 0; *services != NULL && i < (*services)->count; i++)
		free_entry(&(*services)->entries[i]);
	free(*services);
	*services = NULL;
}
