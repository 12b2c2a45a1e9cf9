/*
 * isolation.h: which requests to the registry share a circuit: SOCKS user names, within a budget.
 *
 * Each pair has a circuit of its own in each of its epochs, so that neither an exit nor a gateway
 * sees what belongs together. Circuits cost the Tor network and one's own tor something: at most so
 * many new ones are begun in ten minutes, whatever the roster wants. When there is none left a
 * pair shares one with others of its owner, chosen by chance, until its epoch ends; then it goes
 * elsewhere. A name lives for an epoch, so that nobody can be followed along it for longer.
 *
 * Owners never share. Accounts are owners, so that nothing shows that one daemon serves both; so
 * are invitations, since whoever has the link knows the keys and would learn what else comes from
 * there. For this an owner gets a circuit when it has no other open, also beyond the budget: one or
 * two in ten minutes, when the budget is used up by others.
 *
 * No I/O. A circuit is reckoned open for ten minutes after its last use, as tor does
 * (MaxCircuitDirtiness, with KeepAliveIsolateSOCKSAuth). Those that tor makes because others fail
 * and those of onion services do not count.
 */
#ifndef CORE_ISOLATION_H
#define CORE_ISOLATION_H

#include "core/base/env.h"

struct isolation;

/* New circuits in ISOLATION_WINDOW_MS when nothing else is wanted: a tor makes at most 32 at once,
 * and each takes seconds; and what may be wanted: below this, rosters share more than need be. */
#define ISOLATION_BUDGET     60
#define ISOLATION_BUDGET_MIN 4
#define ISOLATION_BUDGET_MAX 1000
#define ISOLATION_WINDOW_MS  ((int64_t)600 * 1000)

#define ISOLATION_NAME_SIZE 25

/* Where a pair sits, in its epochs of even and of odd number; zeros: nowhere yet. It needs no end.
 */
struct isolation_seat {
	uint64_t circuit[2]; /* their numbers; 0: none */
	uint64_t epoch[2];
};

/* budget: ISOLATION_BUDGET_MIN to _MAX. NULL: memory is short. */
struct isolation *isolation_new(const struct env *env, unsigned budget);
void isolation_free(struct isolation **isolation);

/*
 * The SOCKS user name, with a NUL, for a request that is made now for a key of this epoch of the
 * pair that sits there; around the edge of an epoch there are requests for two. owner is only
 * compared; a pair has always the same. -1: memory is short.
 */
int isolation_name(struct isolation *isolation, struct isolation_seat *seat, const void *owner,
		   uint64_t epoch, char name[ISOLATION_NAME_SIZE]);
/* New circuits in the last ISOLATION_WINDOW_MS, as far as the budget counts them. */
unsigned isolation_used(const struct isolation *isolation);

#endif
