/*
 * component_stream.h: the stream of an external component to a Jabber server (XEP-0114).
 *
 * It connects, proves the secret, and connects again by itself whenever the connection is lost:
 * after a pause that grows and varies, and a long one when the server refuses the component. What
 * the stanzas mean is the business of the handler's owner.
 *
 * Nothing is kept here over a lost connection: what must not be lost is kept by the sender until
 * a barrier behind it has passed, and sent again after the next up().
 *
 * Whoever can send to the server can send to the component. A stanza that is too long, too deep or
 * too wide is answered with an error and skipped; the stream goes on. The stream is not encrypted
 * and its proof of the secret is weak (SHA-1): it is for a server on the same machine, or behind a
 * tunnel.
 */
#ifndef COMPONENT_COMPONENT_STREAM_H
#define COMPONENT_COMPONENT_STREAM_H

#include "core/base/err.h"
#include "core/base/loop.h"
#include "xmpp/xml.h"

#include <stdbool.h>
#include <stdint.h>

struct component_stream;

/* How long things may take, in ms. */
struct component_stream_times {
	int64_t open;    /* from dialling to the accepted secret; a loaded server takes seconds */
	int64_t silence; /* without a stanza from the server, until it is pinged */
	int64_t answer;  /* to a ping, also behind all that waits at the server; then it is dead */
	int64_t first, most; /* pause before another attempt: doubled from first to most */
	int64_t refused;     /* the same while the configuration of one of the two is wrong */
	int64_t steady;      /* after so long a connection the pauses begin at first again */
	int64_t end;         /* for the server to end the stream, too */
};
/* Pauses vary by this, so that many components do not come at once to a server that is back. */
#define COMPONENT_JITTER_PERCENT 30

/* All of it is copied, but for times. */
struct component_stream_config {
	const char *address; /* of the server: a numeric address or a name */
	uint16_t port;
	const char *domain; /* that the server gives to the component: gw.example.org */
	const char *secret; /* shared with the server; the copy is wiped */
	const struct component_stream_times *times; /* NULL: the usual ones; others are for tests */
};

/* Bytes that wait to be sent; a few thousand stanzas. */
#define COMPONENT_QUEUE_BYTES (1024 * 1024)
/* Longest stanza that is sent: what servers take from components, by default. */
#define COMPONENT_STANZA_BYTES (512 * 1024)
/* Longest that is skipped, or one tag. Servers pass on at most half of it (s2s, by default); from
 * one that sends more the stream is ended. */
#define COMPONENT_SKIP_BYTES (1024 * 1024)

/*
 * Every function may be NULL. None is called from within a component_stream_* function, none after
 * component_stream_free; any of them may send, set a barrier or stop, and none may free the stream.
 */
struct component_stream_handler {
	/* The server has accepted the secret: stanzas can be sent. */
	void (*up)(void *arg);
	/* The connection is lost after up(), or an attempt to make one has failed; then it is tried
	 * again by itself. why->text says in words what is wrong. ERR_AUTH: the server refuses this
	 * component (secret, domain), ERR_CLOSED: it ended in order, or after
	 * component_stream_stop; component_stream_is_ended tells them apart. */
	void (*down)(void *arg, const struct err *why);
	/* A message, presence or iq; within XML_LIMIT_*, in the namespace jabber:component:accept.
	 * Owned by the callee. Its "from" is whatever the server says. */
	void (*stanza)(void *arg, struct xml *stanza);
	/* There is room again, after component_stream_send gave ERR_LIMIT or component_stream_room
	 * gave false. */
	void (*room)(void *arg);
};

/* NULL with *err: ERR_INPUT for a config that can never work, ERR_MEMORY, ERR_SYSTEM. The first
 * attempt begins from the loop. */
struct component_stream *component_stream_new(struct loop *loop,
					      const struct component_stream_config *config,
					      const struct component_stream_handler *handler,
					      void *arg, struct err *err);
/* Close at once, without a goodbye. */
void component_stream_free(struct component_stream **stream);

/* Send what is queued, end the stream in order, and do not connect again. down() tells when that is
 * done, or has taken too long (a few seconds); without a connection at once, from the loop. */
void component_stream_stop(struct component_stream *stream);

/* Prove this one from now on; it is copied. If it is another than before and the stream waits for
 * its next attempt, that begins at once, from the loop. -1 with *err: ERR_MEMORY. */
int component_stream_set_secret(struct component_stream *stream, const char *secret,
				struct err *err);

bool component_stream_is_up(const struct component_stream *stream);

/* For people. */
struct component_stream_info {
	const char *state;   /* "waiting", "dialling", "opening", "proving", "up", … */
	int64_t since_ms;    /* how long it is up, or not */
	int64_t retry_ms;    /* until the next attempt; -1: none is planned */
	size_t queued;       /* bytes that wait to be sent */
	const char *trouble; /* why the last attempt or connection ended; "" while it is up. Lives
				until the loop goes on */
};
void component_stream_describe(const struct component_stream *stream,
			       struct component_stream_info *info);
/* After component_stream_stop: is all over? */
bool component_stream_is_ended(const struct component_stream *stream);

/*
 * Queue a stanza for the server (copied; one without a namespace is in the stream's). Its "from"
 * must be in the component's domain, or the server ends the stream. -1 with *err: ERR_LIMIT: the
 * queue is full, room() tells when to go on; ERR_UNAVAILABLE: not up; ERR_INPUT: longer than
 * COMPONENT_STANZA_BYTES, or memory is short: not to be tried again.
 */
int component_stream_send(struct component_stream *stream, const struct xml *stanza,
			  struct err *err);

/* Would a stanza of usual size be taken now? A sender of bulk asks before each, and goes on at
 * room(). False when not up. */
bool component_stream_room(struct component_stream *stream);

/*
 * Call passed(passed_arg) once the server has handled all that was sent before: it is asked to hand
 * a ping (XEP-0199) of the component to itself back, and XMPP keeps the order (RFC 6120 section
 * 10.1). Never called when the connection breaks first; down() tells. -1 with *err as
 * component_stream_send; ERR_LIMIT, and then room(), also when COMPONENT_BARRIERS are under way.
 */
#define COMPONENT_BARRIERS 64
int component_stream_barrier(struct component_stream *stream, void (*passed)(void *arg),
			     void *passed_arg, struct err *err);

#endif
