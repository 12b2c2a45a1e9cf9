/*
 * services.h: the names under which an account takes channels, and who takes them.
 */
#ifndef CORE_SERVICES_H
#define CORE_SERVICES_H

#include "core/channel.h"

/* Most names of an account: each open is compared with all of them. */
#define SERVICES_MAX 64

struct contact;
struct services;

/* As in account_listen. *services is made with the first one. */
int services_add(struct services **services, const char *name,
		 bool (*accept)(void *arg, struct contact *contact, struct channel *channel),
		 void *arg, void (*free_arg)(void *arg), struct err *err);
int services_remove(struct services *services, const char *name, struct err *err);
/* Does somebody take the channel, which the contact wants? services may be NULL. */
bool services_accept(const struct services *services, struct contact *contact,
		     struct channel *channel);
void services_free(struct services **services);

#endif
