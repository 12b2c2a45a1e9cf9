/*
 * taken.h: which messages of a user were taken lately, so that one that is sent again because its
 * acknowledgement got lost with a connection is not taken twice.
 *
 * XEP-0198 leaves a gap: a client whose session could not be resumed sends again what was not
 * acknowledged. Only that is looked for: the same message in all but its sender's resource, by its
 * id, of another session with stream management. Clients that begin to count their ids from 1 at
 * each start lose nothing but a word that they say twice.
 *
 * The host stores the marks with the messages, so that what an earlier process has taken is known
 * too; all of its sessions are other ones.
 */
#ifndef XMPP_TAKEN_H
#define XMPP_TAKEN_H

#include "xmpp/resource.h"

/* A client that reconnects does so within minutes, and has few messages under way. */
#define TAKEN_MAX 256
#define TAKEN_MS  ((int64_t)10 * 60 * 1000)

struct taken;

/* By what the message will be known. -1: it has no id, or memory is short. */
int taken_mark(const struct xml *message, uint8_t mark[SERVER_MARK_LEN]);
/* Has the host taken the message with this mark (NULL: none) in another session of the user's? */
bool taken_before(const struct resource *resource, const uint8_t *mark);
/* The host has taken it. Nothing is noted without a mark or stream management: a client without it
 * does not send again on its own. */
void taken_note(const struct resource *resource, const uint8_t *mark);
void taken_free(struct taken **taken);

#endif
