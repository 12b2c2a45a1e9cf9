/*
 * parcel.h: a message on its way to one or several resources of a user, not lost on the way.
 *
 * A resource with stream management holds the parcel until its client has acknowledged the message.
 * When nobody holds it any more and none has got it, the message goes to the user's other resources
 * or, when there is none, is kept for the next that comes. All of it is in memory: what a daemon
 * that dies has not delivered is lost.
 */
#ifndef XMPP_PARCEL_H
#define XMPP_PARCEL_H

#include "xmpp/user.h"

/* Most messages kept for a user; then the oldest is dropped. The host hands messages over only
 * while somebody is there, so these were under way when a connection broke: no more than a
 * resource's queue holds (unacked.h), and usually few. */
#define PARCEL_KEPT_MAX 16384

struct parcel;

/* Is it worth the trouble? Messages of type chat and normal that are more than a chat state. */
bool parcel_wanted(const struct xml *stanza);
/* Copies the stanza; the caller holds the parcel. NULL when memory is short. */
struct parcel *parcel_new(struct user *user, const struct xml *stanza);
/* All functions below accept NULL. */
struct parcel *parcel_hold(struct parcel *parcel);
/* It has arrived somewhere: that is enough. */
void parcel_settle(struct parcel *parcel);
/* Hold it no longer. */
void parcel_drop(struct parcel **parcel);
/* The same for a resource that has gone: the last one sends it elsewhere if it has not arrived. */
void parcel_return(struct parcel **parcel);

/* Deliver what is kept for the user, to whom it fits now. */
void parcel_deliver_kept(struct user *user);
void parcel_forget_kept(struct user *user);

#endif
