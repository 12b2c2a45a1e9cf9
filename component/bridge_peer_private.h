/*
 * bridge_peer_private.h: what bridge_peer.c and bridge_peer_ask.c share: what goes on with a
 * contact while it is linked.
 */
#ifndef COMPONENT_BRIDGE_PEER_PRIVATE_H
#define COMPONENT_BRIDGE_PEER_PRIVATE_H

#include "component/bridge_private.h"
#include "component/inner_iq.h"
#include "xmpp/bucket.h"

struct fetch; /* bridge_peer_ask.c */

struct bridge_peer {
	struct bridge_peer *next;
	struct bridge *bridge;
	char *user, *id;
	bool told;   /* it has our list */
	bool synced; /* we have had its list */
	struct fetch *queue;
	uint64_t asked; /* id of the question about the first of the queue; 0: not asked yet */
	struct buf parts;
	struct bucket answers; /* bytes that its questions may still bring it */
	struct timer *timer;
};

/* bridge_peer.c */
/* NULL: nothing has gone on with it yet. */
struct bridge_peer *peer_find(const struct bridge *bridge, const char *user, const char *id);
/* Made if it is not there; NULL when memory is short. */
struct bridge_peer *peer_of(struct bridge *bridge, const struct contact *contact);
/* Send it now, or -1: a contact that is not linked would get it too late. arg is the contact. */
int peer_send(void *arg, const struct buf *payload);
/* Does the contact see that the user is there? */
bool peer_shown_to(struct bridge *bridge, const struct contact *contact);

/* bridge_peer_ask.c */
/* The contact has said which nodes there are, or have changed. */
void peer_nodes_came(struct bridge_peer *peer, const struct xml *nodes);
/* It has answered the question id: with answer, or NULL: there is none; with a part of it. */
void peer_answered(struct bridge_peer *peer, uint64_t id, struct xml *answer);
void peer_part_came(struct bridge_peer *peer, const struct inner_iq *iq);
/* Nothing more will be answered: tell those who wait. Called by the peer's timer, too. */
void peer_give_up(void *arg);

#endif
