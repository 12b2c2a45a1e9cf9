/*
 * tor_group.h: several tor processes of our own, each in a directory of its own, for more onion
 * services than one can publish (pool.h). Each starts, dies and is started again by itself (tor.h).
 *
 *     DIRECTORY, DIRECTORY-2, DIRECTORY-3 …
 */
#ifndef CORE_TOR_GROUP_H
#define CORE_TOR_GROUP_H

#include "core/tor.h"

struct tor_group;

/* Some 30 MB each. */
#define TOR_GROUP_MAX 16

/* count: 1 … TOR_GROUP_MAX; a tor that runs already (config.control) is one alone, else ERR_INPUT.
 * handler as in tor_new, with tor_group_status. Errors as tor_new. */
struct tor_group *tor_group_new(struct loop *loop, const struct tor_config *config, unsigned count,
				const struct tor_handler *handler, void *arg, struct err *err);
/* As tor_free, for all. NULL is fine. */
void tor_group_free(struct tor_group **group);
unsigned tor_group_count(const struct tor_group *group);
/* How many are ready. */
unsigned tor_group_ready(const struct tor_group *group);
/* The number-th, from 0. */
struct tor *tor_group_tor(const struct tor_group *group, unsigned number);
/* The status of the one that is best off; its problem says how many others are not ready. */
const struct tor_status *tor_group_status(const struct tor_group *group);

#endif
