/*
 * sent_marks.h: by what the layer above knows messages again that it has sent lately.
 *
 * A client that did not hear that its message was taken says it again, also to the next process. A
 * mark is stored in one transaction with its message, so that the message is in the outbox or its
 * mark unknown. Marks may tell something about messages: they are erased after SENT_MARK_MS, as
 * soon as no client can need them. The time goes on only while the process runs.
 */
#ifndef CORE_SENT_MARKS_H
#define CORE_SENT_MARKS_H

#include "core/base/env.h"
#include "core/store.h"

struct sent_marks;

/* Of the account with this id in the store. NULL with *err. */
struct sent_marks *sent_marks_new(const struct env *env, struct store *store, int64_t account,
				  struct err *err);
void sent_marks_free(struct sent_marks **marks);

/* Within the caller's transaction. -1: as the functions of store.h. */
int sent_marks_add(struct sent_marks *marks, const uint8_t mark[SENT_MARK_LEN], struct err *err);
/* Oldest first; none if they cannot be read. */
void sent_marks_each(struct sent_marks *marks,
		     void (*each)(void *arg, const uint8_t mark[SENT_MARK_LEN]), void *arg);

#endif
