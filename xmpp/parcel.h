/*
 * parcel.h: a message on its way to one or several resources of a user, not lost on the way.
 *
 * A resource holds the parcel until its client has the message: until it has acknowledged it, or,
 * without stream management, until it was written to the socket. It has then arrived, and that is
 * enough. When nobody holds it any more and none has got it, it goes to the user's other resources
 * or waits for the next that comes.
 *
 * All of it is in memory. A message that the host keeps until it has arrived (stored) is not lost
 * with the process; others are.
 */
#ifndef XMPP_PARCEL_H
#define XMPP_PARCEL_H

#include "xmpp/user.h"

/* Most messages that wait for a user and that the host does not keep; then the oldest is dropped.
 * They were under way when a connection broke: no more than a resource's queue holds (unacked.h),
 * and usually few. */
#define PARCEL_KEPT_MAX 16384
/* And most bytes of them, likewise. */
#define PARCEL_KEPT_BYTES_MAX ((size_t)4 * 1024 * 1024)
/* Most stored messages that have not arrived: of 64 KiB at most each, they and what else is said
 * fit into a resource's queue; and a client that acknowledges every few is never waited for. */
#define PARCEL_WINDOW 32

struct parcel;

/* Is it worth the trouble? Messages of type chat and normal that are more than a chat state. */
bool parcel_wanted(const struct xml *stanza);
/* Copies the stanza; the caller holds the parcel. NULL when memory is short. */
struct parcel *parcel_new(struct user *user, const struct xml *stanza);
/* The same for a message that the host keeps until it is told that it has arrived. NULL also when
 * as many as may are on their way: the host is told when there is room (parcel_room). */
struct parcel *parcel_new_stored(struct user *user, const struct xml *stanza, const char *contact,
				 uint64_t token);
/* Does the host keep it? */
bool parcel_stored(const struct parcel *parcel);
/* All functions below accept NULL. */
struct parcel *parcel_hold(struct parcel *parcel);
/* It has arrived somewhere: that is enough. */
void parcel_settle(struct parcel *parcel);
/* Hold it no longer. */
void parcel_drop(struct parcel **parcel);
/* The same for a resource that has gone: the last one sends it elsewhere if it has not arrived. */
void parcel_return(struct parcel **parcel);
/* The same when nobody has taken it, and its sender is told so. */
void parcel_cancel(struct parcel **parcel);

/* The resource takes messages now: deliver what waits and, since who holds a stored one may never
 * come back, what has not arrived. */
void parcels_deliver(struct resource *resource);
/* Something has arrived: if the host was refused for want of room and there is some now, tell it.
 */
void parcel_room(struct user *user);
/* Forget what has not arrived. */
void parcels_forget(struct user *user);

#endif
