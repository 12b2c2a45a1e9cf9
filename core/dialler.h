/*
 * dialler.h: dials a contact's addresses, and remembers which of them failed.
 *
 * It gets addresses from records (rendezvous.c) and gives open streams; the handshake on them is
 * the contact's matter, who says how it went.
 */
#ifndef CORE_DIALLER_H
#define CORE_DIALLER_H

#include "core/transport.h"

struct dialler;

/* New addresses that are dialled at once, and then one more each time this many ms have passed: a
 * contact must not send us around, but one whose daemon has started anew a few times, or who has
 * come and gone, must not be out of reach for long either. */
#define DIALLER_ADDRESSES 4
#define DIALLER_REFILL_MS ((int64_t)2 * 60 * 1000)
/* Pauses before an address that failed is dialled again, in ms: doubled each time. */
#define DIAL_BACKOFF_MIN_MS ((int64_t)2 * 1000)
#define DIAL_BACKOFF_MAX_MS ((int64_t)120 * 1000)
/* A dial that the transport does not end is given up, in ms; tor itself gives up after 120 s. */
#define DIAL_LIMIT_MS ((int64_t)150 * 1000)
/* A dial that takes longer than this may be one to an address that is gone, in ms. */
#define DIAL_SLOW_MS ((int64_t)10 * 1000)
/* A link that was lost sooner than this counts as a failure of its address, in ms: else two daemons
 * that cannot agree would dial each other without a pause. */
#define DIAL_GOOD_LINK_MS ((int64_t)10 * 1000)

/* Called from the loop, or from within dialler_offer (hang_up) and dialler_fail (failed). */
struct dialler_handler {
	/* The stream is open and the callee's. dialler_done or dialler_fail is to follow. */
	void (*connected)(void *arg, struct stream *stream);
	/* Another address is dialled now: the stream given before is to be dropped. */
	void (*hang_up)(void *arg);
	/* It came to nothing; the same address will be dialled again not before retry_ms from now.
	 */
	void (*failed)(void *arg, int64_t retry_ms);
	/* It has taken DIAL_SLOW_MS already, and goes on: do not rely on it alone. May be NULL. */
	void (*slow)(void *arg);
};

struct dialler *dialler_new(const struct env *env, struct transport *transport,
			    const struct dialler_handler *handler, void *arg);
void dialler_free(struct dialler **dialler);

/* Dial the endpoint that the contact's newest record names; instead of another that is being
 * dialled. 0: it is being dialled; > 0: not before so many ms. */
int64_t dialler_offer(struct dialler *dialler, const struct endpoint *endpoint);
/* From an offer to dialler_done, failed() or dialler_stop. */
bool dialler_busy(const struct dialler *dialler);
/* The handshake has made a session. */
void dialler_done(struct dialler *dialler);
/* The handshake has failed. */
void dialler_fail(struct dialler *dialler);
/* The link that dialler_done stands for was lost after age_ms. */
void dialler_link_lost(struct dialler *dialler, int64_t age_ms);
/* Give up what is being dialled, without a verdict. */
void dialler_stop(struct dialler *dialler);

#endif
