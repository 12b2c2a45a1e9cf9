/*
 * link.h: what a contact's present session carries: status, messages, their receipts.
 *
 *     STATUS  status.h
 *     DATA    id 8 ‖ sent ms 8 ‖ payload
 *     ACK     id 8, once or more
 *     REJECT  id 8 ‖ reason (UTF-8)
 *     BYE     reason 1
 *     SECRET  renewal.h
 *     CHANNEL channel_frame.h
 *
 * Messages go in the order of their ids, which only go up. A sender keeps a message until its ACK
 * and begins each session with the oldest; a receiver stores it together with the id before the
 * ACK, and knows from the id what it has already. So each arrives once, whichever side dies when.
 */
#ifndef CORE_LINK_H
#define CORE_LINK_H

#include "core/channel.h"
#include "core/session.h"

struct contact;
struct link;

/* Messages under way without an ACK: keeps a slow path filled, and what is sent again after a break
 * small. */
#define LINK_WINDOW 64
/* Nothing more is queued for sending while this many bytes wait. */
#define LINK_QUEUE_MAX ((size_t)256 * 1024)
/* Messages of one contact that may wait for the user; beyond it none is taken, and the contact's
 * own outbox fills. */
#define INBOX_MAX 10000
/* No frame of a channel is queued while this many bytes wait: few enough that a message or a status
 * is hardly delayed by them, and enough for one write to be worth its system call. With cover,
 * where each frame waits for its moment, two frames. */
#define LINK_CHANNEL_QUEUE       ((size_t)16 * 1024)
#define LINK_CHANNEL_QUEUE_COVER ((size_t)2 * FRAME_LEN)
/* But when the queue has become empty, channels have their turn before messages up to this: many
 * long messages do not stop them. */
#define LINK_CHANNEL_SHARE ((size_t)8 * FRAME_LEN)
/* Longest reason of a REJECT that is kept, in bytes. */
#define REJECT_REASON_MAX 200
/* How many renewals of a status may be missed, and how late each may come, in percent. */
#define LINK_RENEWALS       3
#define LINK_RENEWAL_JITTER 30

/* Takes the session over unless it fails. */
struct link *link_new(struct contact *contact, struct session *session, struct err *err);
/* Close the session without a word, and free. NULL is fine. */
void link_free(struct link **link);
/* Say goodbye, and free; the stream is the caller's, to be finished. */
struct stream *link_bye(struct link **link, enum bye reason);

const struct session *link_session(const struct link *link);
/* Has the contact said goodbye? 0: no; else enum bye, or another number. */
unsigned link_goodbye(const struct link *link);
/* env_mono_ms when anything was heard last. */
int64_t link_heard_ms(const struct link *link);
/* Timers may have stood still: has so little time passed since anything was heard that it may live?
 * Then the rest of that time is waited for, and the status said at once. */
bool link_catch_up(struct link *link);
/* Does it take no messages, since the inbox was full? */
bool link_deaf(const struct link *link);

/* A frame has come. -1: the session must end (ERR_PROTOCOL; ERR_UNAVAILABLE: it could not be
 * stored). */
int link_frame(struct link *link, uint8_t type, const uint8_t *data, size_t len, struct err *err);
/* All frames of one read have come: store them for good, acknowledge, send on. -1: as above. */
int link_settle(struct link *link, struct err *err);
/* Was it sent in this session? Ids go up. */
bool link_has_sent(const struct link *link, uint64_t id);
/* Send what may be sent. */
void link_pump(struct link *link);
/* As contact_connect. */
struct channel *link_connect(struct link *link, const char *service,
			     const struct channel_handler *handler, void *arg, struct err *err);
/* The account's cover has changed. -1: memory is short. */
int link_set_cover(struct link *link, int64_t mean_ms);
/* The status to be shown has changed. */
void link_show_status(struct link *link);
/* Say the present status in a session that may not count yet. */
int link_send_status(struct contact *contact, struct session *session);

#endif
