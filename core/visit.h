/*
 * visit.h: somebody who has knocked at a door, while he shows who he is.
 *
 * From our answer to his last message, and our acknowledgement. Whoever does something else, or
 * may not come, hears nothing more (lobby.h).
 */
#ifndef CORE_VISIT_H
#define CORE_VISIT_H

#include "core/door.h"

/* Most visits of an account at once, since each costs memory and exchanges of keys. */
#define VISITS_MAX 8
/* How long a guest may take for his last message, in ms; and when he has to work for it. */
#define VISIT_MS      ((int64_t)10 * 1000)
#define VISIT_WORK_MS ((int64_t)60 * 1000)

struct visit;

bool visits_full(const struct account *account);
/* Answer to a first message. As lobby_knock; takes noise over. */
bool visit_begin(struct account *account, struct door *door, struct stream *stream,
		 struct noise *noise, const uint8_t mark[INSTANCE_LEN]);
/* The door is closed: those who stand in it hear nothing more. */
void visits_silence(struct account *account, const struct door *door);
void visits_free(struct account *account);

#endif
