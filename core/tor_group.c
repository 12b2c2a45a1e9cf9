/*
 * tor_group.c: see tor_group.h.
 */
#include "core/tor_group.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct tor_group {
	struct tor *tors[TOR_GROUP_MAX];
	unsigned count;
	struct tor_handler handler;
	void *arg;
	struct tor_status status; /* of all */
};

/* Which of two states is the better one. */
static const int worth[] = {
    [TOR_DOWN] = 0,
    [TOR_STARTING] = 1,
    [TOR_BOOTSTRAPPING] = 2,
    [TOR_READY] = 3,
};

static bool is_better(const struct tor_status *a, const struct tor_status *b)
{
	if (worth[a->state] != worth[b->state])
		return worth[a->state] > worth[b->state];
	return a->progress > b->progress;
}

unsigned tor_group_ready(const struct tor_group *group)
{
	unsigned ready = 0;

	for (unsigned i = 0; i < group->count; i++)
		ready += tor_status(group->tors[i])->state == TOR_READY;
	return ready;
}

static void sum_up(struct tor_group *group)
{
	const struct tor_status *best = tor_status(group->tors[0]);
	unsigned ready = tor_group_ready(group);

	for (unsigned i = 1; i < group->count; i++)
		if (is_better(tor_status(group->tors[i]), best))
			best = tor_status(group->tors[i]);
	group->status = *best;
	if (ready > 0 && ready < group->count)
		snprintf(group->status.problem, sizeof(group->status.problem),
			 "%u of %u tor processes are ready", ready, group->count);
}

static void on_changed(void *arg, const struct tor_status *status)
{
	struct tor_group *group = arg;

	(void)status;
	sum_up(group);
	if (group->handler.changed != NULL)
		group->handler.changed(group->arg, &group->status);
}

static int add(struct tor_group *group, struct loop *loop, struct tor_config config,
	       struct err *err)
{
	static const struct tor_handler handler = {.changed = on_changed};
	char directory[PATH_MAX];
	unsigned number = group->count + 1;

	if (number > 1) {
		if (snprintf(directory, sizeof(directory), "%s-%u", config.directory, number) >=
		    (int)sizeof(directory))
			return err_set(err, ERR_INPUT, "the path of tor's directory is too long");
		config.directory = directory;
	}
	group->tors[group->count] = tor_new(loop, &config, &handler, group, err);
	if (group->tors[group->count] == NULL)
		return -1;
	group->count++;
	return 0;
}

struct tor_group *tor_group_new(struct loop *loop, const struct tor_config *config, unsigned count,
				const struct tor_handler *handler, void *arg, struct err *err)
{
	struct tor_group *group;

	assert(count >= 1 && count <= TOR_GROUP_MAX);
	if (count > 1 && config->control != NULL) {
		err_set(err, ERR_INPUT, "several tor processes can only be our own");
		return NULL;
	}
	group = calloc(1, sizeof(*group));
	if (group == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	group->handler = *handler;
	group->arg = arg;
	while (group->count < count)
		if (add(group, loop, *config, err) < 0) {
			tor_group_free(&group);
			return NULL;
		}
	sum_up(group);
	return group;
}

void tor_group_free(struct tor_group **group)
{
	struct tor_group *g = *group;

	if (g == NULL)
		return;
	while (g->count > 0)
		tor_free(&g->tors[--g->count]);
	free(g);
	*group = NULL;
}

unsigned tor_group_count(const struct tor_group *group)
{
	return group->count;
}

struct tor *tor_group_tor(const struct tor_group *group, unsigned number)
{
	return group->tors[number];
}

const struct tor_status *tor_group_status(const struct tor_group *group)
{
	return &group->status;
}
