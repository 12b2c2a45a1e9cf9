/*
 * sm.h: stream management of one resource (XEP-0198): both sides count stanzas and say how many
 * have come, and a resource whose connection breaks waits a while for its client to resume it.
 */
#ifndef XMPP_SM_H
#define XMPP_SM_H

#include "xmpp/parcel.h"
#include "xmpp/resource.h"

/* Longest wait for a client to come back; what waits with it is in memory, and its user is shown as
 * present. */
#define SM_WAIT_S 300
/* Ask for an acknowledgement after so many stanzas, or when that long none was sent. */
#define SM_ASK_EVERY 5
#define SM_ASK_MS    1000
/* Random bytes of a session's id. */
#define SM_ID_RANDOM 16

/* <enable/>, for a resource that has no stream management yet: the answer. NULL: no memory for it.
 */
struct xml *sm_enable(struct resource *resource, const struct xml *element);
/* An element of stream management on the resource's stream. */
void sm_element(struct resource *resource, const struct xml *element);
/* A stanza of the client was handled. */
void sm_handled(struct sm *sm);
bool sm_holds(const struct sm *sm, const struct parcel *parcel);
/* Send a stanza, or keep it for the client that is to come back. False: it was not taken. */
bool sm_send(struct sm *sm, const struct xml *stanza, struct parcel *parcel);

/* The connection broke: does the resource wait for another? If so, it has no stream now, and ends
 * and frees itself if none comes. */
bool sm_wait(struct resource *resource);
/*
 * <resume/> by a client of user (NULL: never seen) on c2s, which has no resource yet. Returns the
 * resource that it may have, its queue shortened by what the client has got; NULL: why not is in
 * *failed, for the client, or the stream has ended.
 */
struct resource *sm_resumable(struct user *user, struct c2s *c2s, const struct xml *element,
			      struct xml **failed);
/* The resource has that client's stream now: what to tell it, and then send what it has not got. */
struct xml *sm_resumed(struct resource *resource);
void sm_send_again(struct resource *resource);
/* Refuse what makes no sense yet. */
void sm_unexpected(struct c2s *c2s);

/* The resource has ended: what was not acknowledged goes elsewhere. sm NULL: nothing. */
void sm_end(struct sm *sm);
void sm_free(struct sm **sm);

/* The session's id, of SM_ID_RANDOM bytes in hexadecimal. */
const char *sm_id(const struct sm *sm);

/* End and free the user's resources that wait for their clients. */
void sm_end_waiting(struct user *user);
/* The one that waits the longest; false: there is none. */
bool sm_end_oldest(struct user *user);
/* Free them without a word, at the end of the server. */
void sm_free_waiting(struct user *user);

#endif
