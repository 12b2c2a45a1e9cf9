/*
 * session.h: one authenticated, encrypted stream to a contact, from the handshake on.
 *
 * It knows no contact and no store: frames go up as they come. Which of two sessions stays, and
 * what frames mean, is decided above (contact.c, link.c). Strangers are sorted out before
 * (lobby.c).
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core/base/stream.h"
#include "core/frame.h"
#include "core/handshake.h"

struct session;

/* How long the other side may take for its part of the handshake, in ms: Tor may have to build
 * circuits, and a listener that does not know us keeps silent for up to 30 s before it closes. */
#define SESSION_HANDSHAKE_MS ((int64_t)60 * 1000)
/* When more bytes than this wait to be sent we stop reading until they are gone, so that a peer who
 * sends and does not read cannot fill our memory. Far above what link.c queues by itself: two peers
 * that wait for each other would wait for ever. */
#define SESSION_QUEUE_MAX ((size_t)1024 * 1024)

/* Why a session ends: the payload of a BYE frame. */
enum bye {
	BYE_OFFLINE = 1,
	BYE_DUPLICATE = 2, /* another session stays */
	BYE_ELSEWHERE = 3, /* so does one with another process of yours, again and again */
};

/* Every function is called from the loop, never from within a session_* function. Those that return
 * int return -1 when they have freed or released the session, else 0. */
struct session_handler {
	/* The other side has proven to be there now: the dialler has the answer, the listener the
	 * first frame (a replayed knock gets no further than that). */
	int (*established)(void *arg, struct session *session);
	/* A whole message. */
	int (*frame)(void *arg, struct session *session, uint8_t type, const uint8_t *data,
		     size_t len);
	/* All frames of one read have been handed over. */
	int (*settle)(void *arg, struct session *session);
	/* All that was sent has left the queue. */
	void (*drained)(void *arg, struct session *session);
	/* The end, exactly once; the owner frees the session. */
	void (*closed)(void *arg, struct session *session, const struct err *why);
};

/* Who talks to whom; pointers are only used in the call, but for env and handler. */
struct session_start {
	const struct env *env;
	const struct identity *own;
	const uint8_t *contact; /* public key */
	const struct pair *pair;
	const struct session_handler *handler;
	void *arg;
};

/* Begin as the dialler, with a knock for epoch. Takes the stream over, also when it fails. */
struct session *session_call(const struct session_start *start, struct stream *stream,
			     uint64_t epoch, const struct hello *hello, struct err *err);
/* Go on as the listener after knock_read, with our answer. Takes stream and noise over, also when
 * it fails. */
struct session *session_answer(const struct session_start *start, struct stream *stream,
			       struct noise *noise, const struct hello *theirs,
			       const struct hello *ours, struct err *err);
/* Close at once. */
void session_free(struct session **session);
/* Free the session and give its stream back, with what is queued. */
struct stream *session_release(struct session **session);

/* Did we dial it? */
bool session_dialled(const struct session *session);
/* The other side's process. */
const uint8_t *session_instance(const struct session *session);
/* Of the secret that it was made with (pair.h). */
const uint8_t *session_pair_id(const struct session *session);
/* The hash of its handshake (SHA256_LEN bytes), the same on both sides; from established() on. */
const uint8_t *session_hash(const struct session *session);
/* env_mono_ms when it was established; -1: not yet. */
int64_t session_established_ms(const struct session *session);

/* Can frames be sent? The dialler's can be from established() on, the listener's at once. */
bool session_can_send(const struct session *session);
/* Queue a message. ERR_WRONG_STATE: too early; else as frame_seal. */
int session_send(struct session *session, enum frame_type type, const void *data, size_t len,
		 struct err *err);
/* Bytes that wait to be sent, or for their moment. */
size_t session_queued(const struct session *session);

/* From now on let frames go at random moments only, this long apart in the mean (cover.h); 0: at
 * once, and with them what waits. The session must be established. -1: memory is short. */
int session_set_cover(struct session *session, int64_t mean_ms);
/* Do its frames go at random moments? */
bool session_has_cover(const struct session *session);
/* Does anything wait for its moment? It is lost when the session is released. */
bool session_holds(const struct session *session);

#endif
