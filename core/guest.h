/*
 * guest.h: our introduction to a host who has invited us, until it has arrived.
 *
 * A guest belongs to the contact that was made of the link; the contact itself looks and publishes
 * meanwhile like any other, so that the two meet as soon as the host has accepted. Neighbours:
 * door.c (the host's side), introduction.c (the bytes), contact.c.
 */
#ifndef CORE_GUEST_H
#define CORE_GUEST_H

#include "core/engine_private.h"

/* How long we try, in ms. */
#define INTRODUCTION_LIFETIME_MS ((int64_t)30 * 24 * 3600 * 1000)
/* Pauses after an attempt that failed, in ms: doubled each time. */
#define INTRODUCTION_BACKOFF_MIN_MS ((int64_t)2 * 1000)
#define INTRODUCTION_BACKOFF_MAX_MS ((int64_t)5 * 60 * 1000)

struct guest;

struct guest *guest_new(struct contact *contact, const struct store_introduction *row,
			struct err *err);
void guest_free(struct guest **guest);
/* All take NULL: there is nothing to do. */
void guest_start(struct guest *guest, int64_t delay_ms);
void guest_stop(struct guest *guest);
void guest_wake(struct guest *guest, int64_t delay_ms);
void guest_jumped(struct guest *guest, int64_t delay_ms);
/* It has arrived, or it is too late (why); the guest is freed, the layer above will be told. */
void guest_finish(struct guest *guest, const struct err *why);
/* The contact's stored introduction, if there is one, begins to be a guest. */
int guest_load(struct contact *contact, struct err *err);

#endif
