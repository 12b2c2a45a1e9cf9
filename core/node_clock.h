/*
 * node_clock.h: how far the system clock is to be corrected, from what tor and the gateways say.
 *
 * The consensus that tor holds is valid from an hour before to two hours after it is fetched: the
 * right time lies in that stretch. Within it the median of the gateways' Date headers counts. A
 * clock behind the stretch is wrong for sure. One that is past it may be right and tor's consensus
 * old (after a suspend): that is given NODE_CLOCK_GRACE_MS to change. No time server is ever asked.
 */
#ifndef CORE_NODE_CLOCK_H
#define CORE_NODE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long tor may need to fetch a new consensus before the clock is said to be wrong. */
#define NODE_CLOCK_GRACE_MS ((int64_t)5 * 60 * 1000)
/* Date headers tell seconds, and travel for seconds: less than this is no difference. */
#define NODE_CLOCK_SLACK_MS 5000

struct node_clock {
	/* What was found; node_clock_update changes these. */
	int64_t offset_ms;     /* to be added to the system clock */
	char why[128];         /* "" when that is zero */
	int64_t past_since_ms; /* monotonic: since when the clock is past the consensus; -1: it is
				  not */
};

struct node_clock_facts {
	int64_t wall_ms, mono_ms;
	int64_t valid_after_ms, valid_until_ms; /* of the consensus; 0: not known */
	bool told;                              /* by enough gateways */
	int64_t gateways_ms;                    /* how far we are behind them */
};

void node_clock_init(struct node_clock *clock);
/* true when offset_ms has changed by more than NODE_CLOCK_SLACK_MS or become zero, or not zero. */
bool node_clock_update(struct node_clock *clock, const struct node_clock_facts *facts);

#endif
