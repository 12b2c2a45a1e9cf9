/*
 * request.h: guests who have introduced themselves and wait for the user's word.
 */
#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include "core/door.h"
#include "core/introduction.h"

struct request;

int requests_load(struct account *account, struct err *err);
void requests_free(struct account *account);
bool requests_half_full(const struct account *account);
bool requests_full(const struct account *account);
/* Is this the mark of a guest whose request is there already? */
bool request_expected(const struct account *account, const uint8_t mark[INSTANCE_LEN]);

/*
 * A guest has shown who it is. 0: it is to be acknowledged: its request is stored (the first one
 * is told to the layer above), or it is a contact already, or was refused with this invitation
 * before. -1 with *err: it must hear nothing.
 */
int request_admit(struct account *account, struct door *door, const uint8_t guest[X25519_LEN],
		  const uint8_t mark[INSTANCE_LEN], const struct introduction *introduction,
		  struct err *err);
/* Tell the layer above what it does not know yet. */
void requests_tell(struct account *account);

#endif
