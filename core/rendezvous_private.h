/*
 * rendezvous_private.h: what the files of a rendezvous share: rendezvous.c (from outside, and the
 * timer), rendezvous_look.c, rendezvous_publish.c.
 */
#ifndef CORE_RENDEZVOUS_PRIVATE_H
#define CORE_RENDEZVOUS_PRIVATE_H

#include "core/ration.h"
#include "core/rendezvous.h"

/* No moment. Moments are in ms by the monotonic clock. */
#define NEVER INT64_MAX

struct trail;

/* What is published for one pair in one epoch. */
struct publication {
	struct trail *trail;
	uint64_t epoch;
	struct registry_op *op;
	int64_t due_ms; /* the next one */
	int64_t put_ms; /* the last one that was stored; 0: none */
	int64_t begun_ms;
	int64_t backoff; /* the next one; 0: the registry answers */
	struct ration publications;
	bool stale; /* our endpoint changed while it was being published */
};

/* What is done for one pair. */
struct trail {
	struct rendezvous *rendezvous;
	const struct pair *pair;
	struct isolation_seat seat;

	struct registry_op *look;
	uint8_t (*keys)[LOOKUP_KEY_LEN]; /* that are being looked up */
	bool aside;                      /* they are of the neighbour */
	int64_t look_ms;                 /* the next lookup */
	int64_t aside_ms;                /* that of the neighbour */
	int64_t look_pause;              /* the pause after it */
	int64_t look_backoff;            /* the next one; 0: the registry answers */
	bool found;                      /* in this lookup */
	bool seen;                       /* in the last one that has ended */
	bool look_after;                 /* a publication is followed by a lookup */

	struct publication publications[2]; /* of an even epoch, of an odd one */
};

enum { TRAIL_PAIR, TRAIL_NEXT, TRAILS };

struct rendezvous {
	struct rendezvous_start with;
	struct trail pair_trail;
	struct trail *next_trail;     /* NULL: there is no second pair */
	struct trail *trails[TRAILS]; /* those two */
	unsigned trail_count;
	struct timer *timer; /* the soonest moment of all */
	bool running;
	bool wanted;     /* we are to be found */
	bool watching;   /* we are not, whatever comes */
	bool found_next; /* the last record was of TRAIL_NEXT */
	/* What was published last. */
	struct endpoint endpoint;
	uint64_t sequence; /* 0: nothing since the start */
};

int64_t rendezvous_now(const struct rendezvous *r);
void rendezvous_changed(struct rendezvous *r);
/* Set one of the moments to delay_ms from now. */
void rendezvous_at(struct rendezvous *r, int64_t *moment, int64_t delay_ms);
/* A pause after a failure, longer each time. */
int64_t rendezvous_backoff(struct rendezvous *r, int64_t *backoff);
/* The trail that is followed at once, the other one apart from it. */
bool trail_is_first(const struct trail *trail);
int64_t rendezvous_apart(const struct rendezvous *r);
/* 0 for the first one. */
int64_t trail_apart(const struct trail *trail);
/* The keys of all replicas in one epoch, and the circuit that all of them go through. -1: memory
 * is short. */
int trail_keys(struct trail *trail, bool out, uint64_t epoch,
	       uint8_t keys[REPLICAS_MAX][LOOKUP_KEY_LEN], char circuit[ISOLATION_NAME_SIZE]);

/* Look the present epoch up, or its neighbour; nothing, while that is being done. */
void trail_look(struct trail *trail);
void trail_look_aside(struct trail *trail);
/* The search begins delay_ms from now: if that is near an edge, plan a lookup of the neighbour. */
void trail_plan_aside(struct trail *trail, int64_t delay_ms);
void trail_stop_looking(struct trail *trail);
/* After the next pause. */
void trail_plan_look(struct trail *trail);

/* If we are to be found: publish the present epoch if that is not planned yet, and plan its
 * neighbours. */
void trail_publish(struct trail *trail);
void trail_stop_publishing(struct trail *trail);
/* Our endpoint is another: publish again what was published, delay_ms from now. */
void trail_publish_again(struct trail *trail, int64_t delay_ms);
/* The registry may answer again: do delay_ms from now what waits after a failure. */
void trail_publish_soon(struct trail *trail, int64_t delay_ms);
void publication_start(struct publication *publication);

#endif
