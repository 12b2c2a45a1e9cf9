/*
 * channel_private.h: what channel.c and channel_mux.c share.
 */
#ifndef CORE_CHANNEL_PRIVATE_H
#define CORE_CHANNEL_PRIVATE_H

#include "core/base/ring.h"
#include "core/channel_mux.h"
#include "core/ration.h"

/* More credit than this is nonsense. */
#define CHANNEL_CREDIT_MAX ((uint32_t)1 << 30)

enum channel_state {
	CHANNEL_STATE_OPENING, /* ours: not answered yet */
	CHANNEL_STATE_OFFERED, /* theirs: nobody has taken it yet */
	CHANNEL_STATE_OPEN,
	CHANNEL_STATE_OVER, /* not in a mux any more */
};

/* What the owner is to be told, in this order. */
enum {
	NEWS_OFFERED = 1,
	NEWS_OPENED = 2,
	NEWS_READABLE = 4,
	NEWS_WRITABLE = 8,
	NEWS_CLOSED = 16,
};

struct channel {
	struct channel_mux *mux; /* NULL when over */
	struct channel *next;
	uint32_t id;
	bool ours; /* we have opened it */
	enum channel_state state;
	char service[CHANNEL_SERVICE_MAX + 1];
	const struct channel_handler *handler;
	void *arg;
	bool owned;    /* by somebody who will close it */
	bool deciding; /* accept() is running */
	struct ring in, out;
	uint32_t window; /* bytes that the contact may still send */
	uint32_t taken;  /* read, and not credited yet */
	uint32_t credit; /* bytes that we may still send */
	bool blocked;    /* channel_write has taken less than it was given */
	/* Our end: wanted, sent, read by the contact's program. */
	bool end_wanted, end_sent, end_read;
	/* The contact's end: has come, was read by our program (and that was said). */
	bool end_came, end_taken;
	unsigned news;
	struct err why;      /* ERR_NONE: ended in order, or not over */
	struct timer *tell;  /* the news */
	struct timer *limit; /* to be accepted */
};

struct channel_mux {
	const struct env *env;
	struct channel_budget *budget;
	const struct channel_mux_ops *ops;
	void *arg;
	struct channel *channels;
	struct channel *turn; /* whose it is; NULL: the first one's */
	uint32_t out_id;      /* of the next channel that we open */
	uint32_t in_parity;   /* of the ids of those that the contact opens */
	uint32_t in_id;       /* of the last one; 0: none */
	struct ration opens;
	struct timer *soon; /* to pump, or to say that it is broken */
	bool failed;
};

/* --- channel.c --- */
/* NULL: memory is short. */
struct channel *channel_new(struct channel_mux *mux, uint32_t id, const void *service, size_t len);
void channel_free(struct channel **channel);
/* Tell the owner, from the loop. */
void channel_tell(struct channel *channel, unsigned news);
/* A frame of its own has come. True: it fits what came before. */
bool channel_frame(struct channel *channel, const struct channel_frame *frame);
/* Send one frame of data, or the end; false when there is nothing that may be sent. */
bool channel_send_one(struct channel *channel);
/* It is over: leave the mux, free it if nobody owns it, or else tell. why NULL: in order. */
void channel_over(struct channel *channel, enum err_code code, const char *why);
/* The same, and say so to the contact. */
void channel_reset(struct channel *channel, enum channel_reason reason, enum err_code code,
		   const char *why);

/* --- channel_mux.c --- */
void channel_mux_send(struct channel_mux *mux, const struct channel_frame *frame);
/* Pump from the loop. */
void channel_mux_soon(struct channel_mux *mux);
/* Forget a channel. */
void channel_mux_drop(struct channel_mux *mux, struct channel *channel);

#endif
