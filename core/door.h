/*
 * door.h: an open invitation on its host's side: guests find our record through it and knock.
 *
 * The door and we are a pair like any other (invitation.h), for which we only publish. Whoever
 * knocks as the door does is asked in a handshake who he is (visit.c); what becomes of him then is
 * request.c's matter.
 */
#ifndef CORE_DOOR_H
#define CORE_DOOR_H

#include "core/engine_private.h"

/* A one-time invitation that was used is kept for its guest so long, in ms: our acknowledgement
 * may not have reached him. Nobody else gets an answer any more. */
#define INVITATION_GRACE_MS ((int64_t)24 * 3600 * 1000)

/* Longest life of an invitation, in ms: ten years. */
#define INVITATION_LIFETIME_MAX_MS ((int64_t)3653 * 24 * 3600 * 1000)

struct door;

/* From a stored row. */
struct door *door_new(struct account *account, const struct store_invitation *row, struct err *err);
void door_free(struct door **door);
const struct store_invitation *door_row(const struct door *door);
/* The link that leads here. */
void door_link(const struct door *door, char link[INVITATION_LINK_SIZE]);
/* Only the guest who has used it may come again, and this is not he. */
bool door_taken(const struct door *door, const uint8_t mark[INSTANCE_LEN]);
/* A guest has come whose request is new: write it down, within a transaction of the caller's. If
 * the caller cannot commit he calls door_restore with what door_row was before. */
int door_use(struct door *door, const uint8_t guest[X25519_LEN], const uint8_t mark[INSTANCE_LEN],
	     struct err *err);
void door_restore(struct door *door, const struct store_invitation *row);

/* --- all doors of an account (account.c) --- */
int doors_load(struct account *account, struct err *err);
void doors_free(struct account *account);
void doors_start(struct account *account);
void doors_stop(struct account *account);
void doors_wake(struct account *account);
void doors_jumped(struct account *account);
/* Our address is there; fresh: another than before. */
void doors_address(struct account *account, bool fresh);
/* The door that is knocked at with this tag, or NULL; the time does not tell which. */
struct door *doors_find(struct account *account, const uint8_t tag[KNOCK_TAG_LEN]);
/* As lobby_knock. */
bool door_knocked(struct door *door, struct stream *stream, const uint8_t knock[KNOCK_LEN]);

#endif
