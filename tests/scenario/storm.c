/*
 * storm.c: processes die at every possible moment, and messages survive it.
 *
 * Deaths come after a random number of events, so that they fall between any two of them: a
 * message stored and its acknowledgement, a handshake's halves, the steps of a secret's renewal.
 */
#include "tests/scenario/world.h"

/* Longest quiet time between two deaths: long enough to link, short enough to hit the linking. */
#define CALM_MS 60000
/* Events after which the next death may come, from a moment within the calm. */
#define EVENTS_MAX 200

static void send_some(struct daemon *a, struct daemon *b, unsigned *left, unsigned most)
{
	const struct env *env = a->world->env;
	for (uint64_t i = env_random_below(env, most + 1); i > 0 && *left > 0; i--, (*left)--) {
		bool from_a = env_random_below(env, 2) == 0;
		struct daemon *from = from_a ? a : b;
		if (from->engine)
			daemon_send_random(from, from_a ? b : a);
	}
}

/* A part of the calm, then some single events. */
static void pass(struct world *world)
{
	world_run(world, (int64_t)env_random_below(world->env, CALM_MS));
	for (uint64_t i = env_random_below(world->env, EVENTS_MAX); i > 0 && !world->failed; i--)
		fake_clock_step(world->clock, 1000);
}

void storm(struct daemon *a, struct daemon *b, unsigned kills, unsigned messages)
{
	struct world *world = a->world;
	unsigned each = kills ? 4 * messages / kills + 1 : messages;
	for (unsigned i = 0; i < kills && !world->failed; i++) {
		struct daemon *victim = env_random_below(world->env, 2) ? a : b;
		bool silent = env_random_below(world->env, 3) == 0;
		pass(world);
		send_some(a, b, &messages, each);
		for (uint64_t n = env_random_below(world->env, EVENTS_MAX); n > 0; n--)
			fake_clock_step(world->clock, 1000);
		daemon_kill(victim, silent ? -1 : (int64_t)env_random_below(world->env, 5000));
		if (env_random_below(world->env, 2))
			pass(world);
		send_some(a, b, &messages, each);
		daemon_restart(victim);
	}
	send_some(a, b, &messages, messages);
	while (messages > 0)
		send_some(a, b, &messages, messages);
}
