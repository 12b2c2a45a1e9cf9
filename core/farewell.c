/*
 * farewell.c: see farewell.h.
 */
#include "core/farewell.h"

#include <stdlib.h>

struct farewell {
	struct farewell *next, **link;
	struct stream *stream;
	struct timer *limit;
};

struct farewells {
	const struct env *env;
	struct farewell *first;
};

static void end(struct farewell *farewell)
{
	*farewell->link = farewell->next;
	if (farewell->next != NULL)
		farewell->next->link = farewell->link;
	timer_free(&farewell->limit);
	stream_free(&farewell->stream);
	free(farewell);
}

static void closed(void *arg, const struct err *why)
{
	(void)why;
	end(arg);
}

static void too_slow(void *arg)
{
	end(arg);
}

static const struct stream_handler handler = {.closed = closed};

struct farewells *farewells_new(const struct env *env)
{
	struct farewells *farewells = calloc(1, sizeof(*farewells));

	if (farewells != NULL)
		farewells->env = env;
	return farewells;
}

void farewells_add(struct farewells *farewells, struct stream *stream)
{
	struct farewell *farewell = calloc(1, sizeof(*farewell));

	if (farewell != NULL)
		farewell->limit = timer_new(farewells->env, too_slow, farewell);
	if (farewell == NULL || farewell->limit == NULL) {
		free(farewell);
		stream_free(&stream);
		return;
	}
	farewell->stream = stream;
	farewell->next = farewells->first;
	farewell->link = &farewells->first;
	if (farewell->next != NULL)
		farewell->next->link = &farewell->next;
	farewells->first = farewell;
	timer_set(farewell->limit, FAREWELL_MS);
	stream_set_handler(stream, &handler, farewell);
	stream_finish(stream);
}

bool farewells_empty(const struct farewells *farewells)
{
	return farewells->first == NULL;
}

void farewells_free(struct farewells **farewells)
{
	if (*farewells == NULL)
		return;
	while ((*farewells)->first != NULL)
		end((*farewells)->first);
	free(*farewells);
	*farewells = NULL;
}
