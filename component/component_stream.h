/*
 * component_stream.h: the stream of an external component to a Jabber server (XEP-0114).
 *
 * It connects, proves the secret, and connects again by itself whenever the connection is lost:
 * after a pause that grows and varies, and a long one when the server refuses the component. What
 * the stanzas mean is the business of the handler's owner.
 *
 * Nothing is kept here over a lost connection: what must not be lost is kept by the sender until a
 * barrier behind it has passed, and sent again after the next up().
 */
#ifndef COMPONENT_COMPONENT_STREAM_H
#define COMPONENT_COMPONENT_STREAM_H

#include "core/base/err.h"
#include "core/base/loop.h"
#include "xmpp/xml.h"

#include <stdbool.h>
#include <stdint.h>

struct component_stream;

/* All of it is copied. */
struct component_stream_config {
	const char *address; /* of the server: a numeric address or a name */
	uint16_t port;
	const char *domain; /* that the server gives to the component: gw.example.org */
	const char *secret; /* shared with the server; the copy is wiped */
};

/*
 * Every function may be NULL. None is called from within a component_stream_* function, none after
 * component_stream_free; any of them may send, set a barrier or stop, and none may free the stream.
 */
struct component_stream_handler {
	/* The server has accepted the secret: stanzas can be sent. */
	void (*up)(void *arg);
	/* The connection is lost after up(), or could not be made: once for each of the two, then
	 * it is tried again. why->text says in words what is wrong. ERR_AUTH: the server refuses
	 * this component (secret, domain), ERR_CLOSED: it ended in order, or after
	 * component_stream_stop. */
	void (*down)(void *arg, const struct err *why);
	/* From the server; within XML_LIMIT_*, in the namespace jabber:component:accept. Owned by
	 * the callee. Its "from" is whatever the server says. */
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

bool component_stream_is_up(const struct component_stream *stream);

/*
 * Queue a stanza for the server (copied; one without a namespace is in the stream's). Its "from"
 * must be in the component's domain, or the server ends the stream. -1 with *err: ERR_LIMIT: the
 * queue is full, room() tells when to go on, ERR_UNAVAILABLE: not up, ERR_MEMORY.
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
 * component_stream_send; ERR_LIMIT also when COMPONENT_BARRIERS are under way.
 */
#define COMPONENT_BARRIERS 64
int component_stream_barrier(struct component_stream *stream, void (*passed)(void *arg),
			     void *passed_arg, struct err *err);

#endif
