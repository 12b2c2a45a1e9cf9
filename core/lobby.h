/*
 * lobby.h: streams that somebody opened to our service, until it is known who it is.
 *
 * Whoever does not knock as a contact does gets no byte in answer: what he sends is ignored, and
 * after a random time the stream is closed, so that he cannot even tell whom he has reached.
 */
#ifndef CORE_LOBBY_H
#define CORE_LOBBY_H

#include "core/base/env.h"
#include "core/base/stream.h"
#include "core/handshake.h"

struct lobby;

/* Most strangers at once; the oldest makes room. Enough for all contacts of a large account that
 * come within a second, small enough that the memory does not matter. */
#define LOBBY_MAX 64
/* A knock that is not complete after this is none, in ms. */
#define LOBBY_KNOCK_MS ((int64_t)10 * 1000)
/* How long a stranger is kept, in ms: random in between. */
#define LOBBY_SILENCE_MIN_MS ((int64_t)5 * 1000)
#define LOBBY_SILENCE_MAX_MS ((int64_t)30 * 1000)

/* Somebody has knocked. True: it was a contact, and the stream is the callee's. */
typedef bool (*lobby_knock)(void *arg, struct stream *stream, const uint8_t knock[KNOCK_LEN]);

struct lobby *lobby_new(const struct env *env, lobby_knock knocked, void *arg);
/* Takes the stream over. */
void lobby_add(struct lobby *lobby, struct stream *stream);
/* The same for somebody who has turned out to be a stranger after all: he hears nothing more. */
void lobby_silence(struct lobby *lobby, struct stream *stream);
unsigned lobby_count(const struct lobby *lobby);
/* Close all. */
void lobby_clear(struct lobby *lobby);
void lobby_free(struct lobby **lobby);

#endif
