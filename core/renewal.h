/*
 * renewal.h: how a pair gets a new pair secret, within a session (protocol.md).
 *
 *     low  -> high   offer 1 ‖ serial 8 ‖ base 16 ‖ fresh 32
 *     high -> low    stored 2 ‖ next 16
 *
 *     S' = HKDF-Extract(salt = S, fresh ‖ handshake hash ‖ "tacet 1 renew")   (pair_secret.h)
 *     base, next: the pair ids (pair.h) of S and of S'
 *
 * Each side has S, and S' beside it from when it is stored until the first session under S' is up;
 * that session ends S (contact_secret.c). While there are both, both are published, looked up, and
 * listened to. What can be lost or die at each step, and what is left (low | high):
 *
 *     1. the offer is under way                  S      | S         a new offer in the next session
 *     2. high has stored S', low does not know   S      | S S'      the same; it replaces this S'
 *     3. low has stored S', too                  S S'   | S S'      they meet under either
 *     4. the dialler of a session under S' has
 *        its answer, the listener nothing yet    S'     | S S'      they meet under S'
 *                                             or S S'   | S'
 *     5. the session is up on both sides         S'     | S'
 *
 * For there is always one that both have:
 *   - low stores S' only when high has stored it for good, and makes no offer while it has one;
 *   - high replaces an S' only by a later offer (serial), so never by what low has given up, and
 *     low has no S' while it makes one;
 *   - a side drops S only when a session under S' proves that the other has S'. A session under a
 *     secret that is neither of the two any more is dropped before a frame is sent in it.
 * An offer whose base is high's S' says that low has dropped S: then high does, too.
 */
#ifndef CORE_RENEWAL_H
#define CORE_RENEWAL_H

#include "core/session.h"

struct contact;
struct renewal;

/* How long a pair secret is used before it is renewed, in ms. */
#define RENEWAL_MS ((int64_t)24 * 3600 * 1000)
/* The first one, which has been typed, sent around, or is known to be zeros, goes sooner: an hour
 * after the contact was added. */
#define RENEWAL_FIRST_MS ((int64_t)3600 * 1000)
/* Not before a session is this old, in ms and percent: by then it is clear which of two stays. */
#define RENEWAL_SETTLE_MS     ((int64_t)60 * 1000)
#define RENEWAL_SETTLE_JITTER 25
/* Without an answer another offer is made after this, in ms. */
#define RENEWAL_RETRY_MS ((int64_t)3600 * 1000)

/* For the session that counts; neither is owned. NULL with *err. */
struct renewal *renewal_new(struct contact *contact, struct session *session, struct err *err);
void renewal_free(struct renewal **renewal);
/* A SECRET frame has come; no transaction of the store may be open. ERR_PROTOCOL: malformed. */
int renewal_frame(struct renewal *renewal, const uint8_t *data, size_t len, struct err *err);

#endif
