/*
 * unacked.h: what was sent to a client and has not been acknowledged (XEP-0198 section 4). No I/O.
 *
 * Stanzas are numbered from 1, modulo 2^32; the client says how many it has got.
 */
#ifndef XMPP_UNACKED_H
#define XMPP_UNACKED_H

#include "xmpp/parcel.h"

/* As much as a client may leave unread on its socket (C2S_QUEUE_MAX): a roster of 10,000 contacts
 * with their presence is sent at once. */
#define UNACKED_STANZAS_MAX 16384
#define UNACKED_BYTES_MAX   ((size_t)4 * 1024 * 1024)

struct unacked;

/* acknowledged: how many were sent before, 0 but in tests. */
struct unacked *unacked_new(uint32_t acknowledged);
/* Drops the parcels. */
void unacked_free(struct unacked **queue);

/* Append the text of a stanza (copied) and hold its parcel (NULL: none). -1: too many, too much, or
 * memory is short. */
int unacked_add(struct unacked *queue, const struct buf *text, struct parcel *parcel);
unsigned unacked_count(const struct unacked *queue);
/* How many were sent in all, and how many of them acknowledged, modulo 2^32. */
uint32_t unacked_sent(const struct unacked *queue);
uint32_t unacked_acknowledged(const struct unacked *queue);
bool unacked_holds(const struct unacked *queue, const struct parcel *parcel);
/* The client has got h stanzas: their parcels have arrived. -1 and nothing done: so many were not
 * sent, or it has said more before. */
int unacked_acknowledge(struct unacked *queue, uint32_t h);
/* Each text again, from the oldest on. */
void unacked_each(const struct unacked *queue, void (*each)(void *arg, const struct buf *text),
		  void *arg);
/* The client will not come back: empty the queue, returning the parcels from the oldest on. */
void unacked_return(struct unacked *queue);

#endif
