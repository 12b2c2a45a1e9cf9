/*
 * address.h: where an account can be dialled: its onion service, and how it moves to another.
 *
 * Nobody shall watch one address for long: each day, at a random moment, a new service with a new
 * address is made while the old one goes on. When the new one is published it is the one that is
 * shown, and the old one is withdrawn after a grace, for those who are just dialling it. Who must
 * not even see that the old one is still there is left behind with address_flee.
 *
 * Sessions that were accepted have nothing to do with it: they stay (transport.h). Neighbours:
 * account.c above, transport.h below.
 */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H

#include "core/transport.h"

struct address;

/* How long an address is kept, in ms and percent: not all daemons change theirs at once. */
#define ADDRESS_LIFE_MS     ((int64_t)24 * 3600 * 1000)
#define ADDRESS_LIFE_JITTER 25
/* How long the old one still accepts, in ms: whoever has read its record dials within this time;
 * an onion connection through new circuits takes seconds, seldom a minute. */
#define ADDRESS_GRACE_MS ((int64_t)2 * 60 * 1000)
/* Pauses before a service that failed is made again, in ms: doubled each time. */
#define ADDRESS_BACKOFF_MIN_MS ((int64_t)2 * 1000)
#define ADDRESS_BACKOFF_MAX_MS ((int64_t)60 * 1000)

/* All are called from the loop, never from within an address_* function. They may call address_flee
 * and address_stop, but not address_free. */
struct address_handler {
	/* The account can be dialled. fresh: at another address than before. May come again. */
	void (*shown)(void *arg, bool fresh);
	/* Someone has connected, at this address or the one before; the stream is the callee's. */
	void (*accepted)(void *arg, struct stream *stream);
};

/* Nothing happens before address_start. NULL: memory is short. */
struct address *address_new(const struct env *env, struct transport *transport,
			    const struct address_handler *handler, void *arg);
void address_free(struct address **address);
/* Make the first service. */
void address_start(struct address *address);
/* Withdraw everything. */
void address_stop(struct address *address);
/* Withdraw everything now, and move to a new address. Does nothing when it is stopped. */
void address_flee(struct address *address);
/* The network may be back: try again now what waits after a failure. */
void address_wake(struct address *address);

/* Can it be dialled? */
bool address_shown(const struct address *address);
/* Where a slot can dial it; -1 while it cannot be dialled. */
int address_endpoint(const struct address *address, unsigned slot, struct endpoint *endpoint);

#endif
