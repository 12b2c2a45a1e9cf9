/*
 * decoy.h: pairs of nobody, so that what is asked of the registry does not tell how many contacts
 * there are.
 *
 * A daemon that comes online looks all its contacts up; who sees that these requests belong
 * together counts them. So an account looks up a power of two of pairs, and at least DECOY_FLOOR:
 * its contacts, and decoys for the rest. A decoy is the pair of two key pairs that were thrown
 * away, and lives the life of a contact who is never there by the very same code (rendezvous.c):
 * its keys, records, moments and circuits cannot be told from those of such a contact. Who knows
 * which keys are answered has a lower bound: those of contacts who were found.
 *
 * Neighbours: account.c above, which says when; rendezvous.c below.
 */
#ifndef CORE_DECOY_H
#define CORE_DECOY_H

#include "core/rendezvous.h"

struct decoys;

/* The fewest pairs that are looked up: with less, one contact and two would show. */
#define DECOY_FLOOR 4

/* All are called from the loop, and from within decoys_*. */
struct decoy_handler {
	/* Unix time in ms by the network's clock. */
	int64_t (*now)(void *arg);
	/* Can the account be dialled? Contacts are published for only then, and so are decoys. */
	bool (*shown)(void *arg);
	/* When, from now, shall a decoy do what contacts are doing in these moments? In ms. */
	int64_t (*delay)(void *arg);
};

struct decoys_start {
	const struct env *env;
	struct registry *registry;
	struct isolation *isolation;
	const void *owner; /* as that of the contacts */
	unsigned replicas;
	const struct decoy_handler *handler;
	void *arg;
};

/* How many there must be beside so many contacts. */
unsigned decoys_wanted(unsigned contacts);

/* None yet. Everything in start must outlive it. NULL: memory is short. */
struct decoys *decoys_new(const struct decoys_start *start);
void decoys_free(struct decoys **decoys);
unsigned decoys_count(const struct decoys *decoys);

/* The contacts are looked up from now on: so are decoys. watching: nothing is published. Where
 * memory is short there are fewer. */
void decoys_begin(struct decoys *decoys, unsigned contacts, bool watching);
/* There are so many contacts now. While they run, the sum never gets smaller: that would tell of a
 * removal. */
void decoys_adapt(struct decoys *decoys, unsigned contacts);
/* The account goes offline: forget them; the next ones are others. */
void decoys_end(struct decoys *decoys);
/* As rendezvous_address, rendezvous_wake and rendezvous_jumped, for all of them. */
void decoys_address(struct decoys *decoys);
void decoys_wake(struct decoys *decoys);
void decoys_jumped(struct decoys *decoys);

#endif
