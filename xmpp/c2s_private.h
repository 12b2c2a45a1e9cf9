/*
 * c2s_private.h: what the files of a client stream share: c2s.c (life, header, features, output),
 * c2s_negotiate.c (STARTTLS, SASL, bind), c2s_sasl2.c (SASL2). What is different over WebSocket is
 * in c2s_framing.c.
 */
#ifndef XMPP_C2S_PRIVATE_H
#define XMPP_C2S_PRIVATE_H

#include "xmpp/bucket.h"
#include "xmpp/c2s.h"
#include "xmpp/c2s_framing.h"

/*
 *            header           <auth/>           right
 * C2S_HEADER ─────► C2S_LOGIN ─────► C2S_SASL ───────► C2S_RESTART ─► C2S_BIND ─► C2S_BOUND
 *      ▲   <starttls/> │  ▲             │ wrong             header      bind
 *      └───────────────┘  └─ C2S_DELAY ◄┘
 * From everywhere: C2S_CLOSING. By SASL2 (XEP-0388) C2S_SASL and C2S_LOGIN lead to C2S_BIND or,
 * when the client has asked for a resource with it, to C2S_BOUND, without another header.
 */
enum c2s_state {
	C2S_HEADER,  /* waits for the header of the first stream, or of the one over TLS */
	C2S_LOGIN,   /* features are out: <starttls/> or <auth/> may come */
	C2S_SASL,    /* an exchange is under way */
	C2S_DELAY,   /* it failed, and the client is told so after a while */
	C2S_RESTART, /* authenticated: waits for the header of the stream to work in */
	C2S_BIND,    /* waits for the resource binding request */
	C2S_BOUND,   /* stanzas go to the owner */
	C2S_CLOSING, /* our end is closed or given up; the connection goes when all has left */
};

struct c2s {
	const struct c2s_config *config;
	const struct c2s_handler *handler;
	void *arg;
	struct stream *stream;
	const struct c2s_framing *framing;
	struct xml_parser *parser;
	struct timer *timer;    /* what it means depends on the state */
	struct bucket input;    /* what it may send */
	size_t stanzas;         /* of the present piece */
	struct timer *throttle; /* runs while it has sent too much */
	enum c2s_state state;
	int64_t deadline_ms; /* monotonic: C2S_BOUND must be reached until then */
	bool secure;         /* TLS is on, or its handshake goes on */
	bool private;        /* no TLS is needed against listeners */
	bool header_sent;    /* our header of the present stream */
	bool ended;          /* the owner was told */
	bool broken;         /* the connection went before the stream ended */
	struct sasl *sasl;   /* in C2S_SASL */
	unsigned failures;
	unsigned registrations; /* requests for an account */
	const char *condition;  /* of the failure, in C2S_DELAY */
	bool locked;            /* it is because of too many wrong passwords */
	char *user;
	char *from;               /* the user that the header names; NULL: none of ours */
	bool sasl2;               /* the exchange is one of XEP-0388 */
	struct c2s_wishes wishes; /* together with it */
};

void c2s_enter_state(struct c2s *c2s, enum c2s_state state);
/* Read from the client, or do not: while a failure is delayed, and while it has sent too much. */
void c2s_update_reading(struct c2s *c2s);
/* Send text as it is. */
void c2s_write(struct c2s *c2s, const struct buf *text);
void c2s_write_text(struct c2s *c2s, const char *text);
void c2s_write_element(struct c2s *c2s, const struct xml *element);

/* What a client may send from now on. */
void c2s_set_limits(struct c2s *c2s, const struct xml_limits *limits);

/* The features of the present state; they end the stream if there is no room for them. */
void c2s_send_features(struct c2s *c2s);

/* c2s_sasl2.c: its feature, and an <authenticate/>; what has been wished is forgotten; the login
 * has succeeded, c2s->user is set. */
int c2s_sasl2_feature(const struct c2s *c2s, const struct sasl_channel *channel, struct buf *out);
void c2s_sasl2_authenticate(struct c2s *c2s, struct xml *element);
void c2s_sasl2_forget(struct c2s *c2s);
void c2s_sasl2_succeed(struct c2s *c2s, const uint8_t *data, size_t len);

/* The exchange goes on with text in base64 (NULL: the client has sent none), or has failed with a
 * condition, a literal. */
void c2s_sasl_step(struct c2s *c2s, const char *text);
void c2s_sasl_fail(struct c2s *c2s, const char *condition);
/* The client is authenticated: it may send more. */
void c2s_raise_limits(struct c2s *c2s);

/* What a login may count on now; wipe it. */
void c2s_channel(const struct c2s *c2s, struct sasl_channel *channel);

/* One function a state for what comes in it; the element stays the caller's. */
void c2s_login(struct c2s *c2s, struct xml *element);
void c2s_sasl(struct c2s *c2s, struct xml *element);
void c2s_bind(struct c2s *c2s, struct xml *element);
/* The delay is over: tell the failure. */
void c2s_delayed(struct c2s *c2s);

#endif
