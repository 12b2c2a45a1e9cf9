/*
 * node_clock.c: arithmetic only; node.c asks for it once a minute and whenever tor has news.
 */
#include "core/node_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void node_clock_init(struct node_clock *clock)
{
	*clock = (struct node_clock){.past_since_ms = -1};
}

/* Is now past the consensus, and that not by tor's fault? */
static bool surely_past(struct node_clock *clock, const struct node_clock_facts *facts, int64_t now)
{
	if (facts->valid_until_ms == 0 || now <= facts->valid_until_ms) {
		clock->past_since_ms = -1;
		return false;
	}
	/* Only the gateways say so: they do not get the grace. */
	if (facts->wall_ms <= facts->valid_until_ms)
		return true;
	if (clock->past_since_ms < 0)
		clock->past_since_ms = facts->mono_ms;
	return facts->mono_ms - clock->past_since_ms >= NODE_CLOCK_GRACE_MS;
}

static void explain(struct node_clock *clock, const char *by)
{
	int64_t seconds = llabs(clock->offset_ms) / 1000;

	clock->why[0] = '\0';
	if (clock->offset_ms != 0)
		snprintf(clock->why, sizeof(clock->why),
			 "the system clock is %" PRId64 " s %s, by %s", seconds,
			 clock->offset_ms > 0 ? "behind" : "ahead", by);
}

bool node_clock_update(struct node_clock *clock, const struct node_clock_facts *facts)
{
	int64_t before = clock->offset_ms;
	int64_t offset = facts->told ? facts->gateways_ms : 0;
	const char *by = "the gateways";

	if (llabs(offset) < NODE_CLOCK_SLACK_MS)
		offset = 0;
	if (facts->wall_ms + offset < facts->valid_after_ms) {
		offset = facts->valid_after_ms - facts->wall_ms;
		by = "tor's consensus";
		clock->past_since_ms = -1;
	} else if (surely_past(clock, facts, facts->wall_ms + offset)) {
		offset = facts->valid_until_ms - facts->wall_ms;
		by = "tor's consensus";
	}
	clock->offset_ms = offset;
	explain(clock, by);
	return llabs(offset - before) > NODE_CLOCK_SLACK_MS || (offset == 0) != (before == 0);
}
