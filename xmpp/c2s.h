/*
 * c2s.h: one client's XML stream, from its header to its end (RFC 6120 sections 4 to 7).
 *
 * It speaks for itself until a resource is bound (TLS, SASL, bind) and then hands every stanza to
 * its owner. It knows no other stream; who may log in and which resource is free, it asks. Works on
 * any struct stream; TLS only on a socket.
 */
#ifndef XMPP_C2S_H
#define XMPP_C2S_H

#include "core/base/env.h"
#include "core/base/secret.h"
#include "core/base/stream.h"
#include "xmpp/jid.h"
#include "xmpp/sasl.h"
#include "xmpp/stanza.h"
#include "xmpp/stream_error.h"
#include "xmpp/xml.h"

#include <openssl/ssl.h>

/* Time from the connection to the bound resource. RFC 6120 leaves it to us; a person who is asked
 * about a certificate in between reconnects. */
#define C2S_NEGOTIATION_MS 30000
/* Failed SASL attempts before the stream ends (RFC 6120 section 6.4.5 recommends 2 to 5). */
#define C2S_SASL_ATTEMPTS 5
/* Most requests for an account on one stream: the form, and some tries until the name is free. */
#define C2S_REGISTER_REQUESTS 10
/* Delay before a failure is told; doubles each time, so that five guesses cost 3.1 s. */
#define C2S_SASL_DELAY_MS 100
/* What a client that has not logged in may send at once: any process on the machine can connect,
 * and 256 of them must not fill the memory. RFC 6120 section 13.12 allows no less than 10,000
 * bytes. */
#define C2S_STRANGER_BYTES    (16 * 1024)
#define C2S_STRANGER_DEPTH    8
#define C2S_STRANGER_CHILDREN 128
/* What a client may send in the long run, by C2S_STANZA_COST for each stanza beside its bytes, and
 * at once: the server has one thread for all clients. One that sends more is read more slowly,
 * which its side of the connection notices by itself. 20,000 messages that were written offline are
 * nothing to wait for. */
#define C2S_STANZA_COST    256
#define C2S_BYTES_AT_ONCE  (16 * 1024 * 1024)
#define C2S_BYTES_A_SECOND (1024 * 1024)
/* The same before it has logged in; a login takes about 3 KiB. */
#define C2S_STRANGER_BYTES_AT_ONCE  (64 * 1024)
#define C2S_STRANGER_BYTES_A_SECOND (8 * 1024)
/* What may wait for a client that does not read: a roster of 10,000 contacts with their presence
 * comes to about 4 MB. */
#define C2S_QUEUE_MAX ((size_t)4 * 1024 * 1024)
/* Time for the last bytes to leave after the end. */
#define C2S_LINGER_MS 5000

/* Longest id of a user-agent that is taken; XEP-0388 has UUIDs there. */
#define C2S_AGENT_ID_MAX 128
/* Of its hash, which is all that is kept. */
#define C2S_AGENT_LEN 32

struct c2s;

/* What a client asks for together with its login (XEP-0388). */
struct c2s_wishes {
	bool has_agent; /* it has said which client it is */
	uint8_t agent[C2S_AGENT_LEN];
	struct xml *resume;          /* XEP-0198; NULL: not asked for; so with the next */
	struct xml *bind;            /* XEP-0386 */
	const char *token_mechanism; /* it wants a token for (XEP-0484), a literal */
	const char *used_mechanism;  /* by a token of which it has come, a literal */
	char token[SASL_TOKEN_SIZE]; /* that one; "" before */
	uint32_t count;              /* of that token's uses; 0: it does not say */
	bool invalidate;             /* that token shall end */
};

/* The same for all streams of a server, and outlives them. */
struct c2s_config {
	const struct env *env;
	const char *domain;
	SSL_CTX *tls; /* NULL: TLS is not offered; may be replaced while streams are there */
	bool plain_without_tls;
	bool registration;       /* accounts can be made (XEP-0077) */
	bool tokens;             /* FAST is offered (XEP-0484) */
	struct key state_secret; /* for sasl_new */
};

/* What the owner does for a stream. None is called from within c2s_new or c2s_free. */
struct c2s_handler {
	sasl_lookup credentials;
	/* One who has not logged in asks for an account: the answer to the iq, which the caller
	 * frees; NULL when memory is short. Only called with registration. */
	struct xml *(*registration)(void *arg, struct xml *iq);
	/* A wrong password was tried for this name, which may be nobody's. NULL: not of interest.
	 */
	void (*guessed)(void *arg, const char *name);
	/* The client has proved to be c2s_user. */
	void (*authenticated)(void *arg);
	/* The client wants this resource (prepared; NULL: any). Write the full JID it gets to jid
	 * and return 0, or -1 and *error. */
	int (*bind)(void *arg, const char *resource, char jid[JID_TEXT_SIZE],
		    enum stanza_error *error);
	/* XEP-0484; NULL: config has no tokens. */
	sasl_tokens tokens;
	/* After authenticated(), when the client came by SASL2 (XEP-0388): do what it wishes, and
	 * add what comes of it to success. If it has a resource then, by resumption or binding,
	 * write the full JID, else "". NULL: SASL2 is not offered. */
	void (*wished)(void *arg, const struct c2s_wishes *wishes, struct xml *success,
		       char jid[JID_TEXT_SIZE]);
	/* That was sent, and the client has a resource: what waits for it may go. */
	void (*settled)(void *arg);
	/* A message, presence or iq of the bound resource; the callee owns it. */
	void (*stanza)(void *arg, struct xml *stanza);
	/* An element of stream management (XEP-0198) or of client state indication (XEP-0352); it
	 * stays the stream's. Before a resource is bound it is <enable/> or <resume/>. */
	void (*management)(void *arg, const struct xml *element);
	/* All that was sent was written to the socket. NULL: not interested. */
	void (*drained)(void *arg);
	/* The stream has ended: nothing comes any more, and what is sent is dropped. Exactly once,
	 * possibly from within c2s_end. Not for the owner to free the stream in. */
	void (*ended)(void *arg);
	/* The connection is gone, after ended(): the owner frees the stream here. */
	void (*gone)(void *arg);
};

/* Takes the stream over, also on failure. NULL when memory is short. */
struct c2s *c2s_new(const struct c2s_config *config, struct stream *stream,
		    const struct c2s_handler *handler, void *arg);
/* Right after c2s_new, on a socket, when config has TLS: the client begins with it. -1: memory is
 * short, and the stream is of no use. */
int c2s_direct_tls(struct c2s *c2s);
/* Right after c2s_new, on a stream of websocket_new: the framing is that of RFC 7395. */
void c2s_over_websocket(struct c2s *c2s);
/* Right after c2s_new: nobody else can listen to this connection, so that PLAIN is good without
 * TLS, whatever config says. */
void c2s_private(struct c2s *c2s);
/* Closes the connection at once and calls nothing. Not from within stanza(), bind(),
 * authenticated() or ended(). */
void c2s_free(struct c2s **c2s);

/* The user of this machine whose program it is; -1 if that is not known. */
int64_t c2s_peer_uid(const struct c2s *c2s);
/* The authenticated user's local part, NULL before. */
const char *c2s_user(const struct c2s *c2s);
/* What it wishes, during tokens(). */
const struct c2s_wishes *c2s_wishes(const struct c2s *c2s);
/* Send a stanza to the bound resource; dropped before and after. A client that has C2S_QUEUE_MAX
 * bytes to read is given up: ended() comes later from the loop. */
void c2s_send(struct c2s *c2s, const struct xml *stanza);
/* The same with a stanza's text, written where NS_CLIENT is the default. */
void c2s_send_text(struct c2s *c2s, const struct buf *text);
/* Send an element of stream management, also before a resource is bound. */
void c2s_send_management(struct c2s *c2s, const struct xml *element);
/* From management(), before a resource is bound: the client has another stream's resource. */
void c2s_resume(struct c2s *c2s);
/* Has it ended, or is it about to? */
bool c2s_over(const struct c2s *c2s);
/* In ended(): did the connection break, without an end of the stream by either side? */
bool c2s_broken(const struct c2s *c2s);
/* Say why (text NULL: no more than the condition) and end the stream. Does nothing after the end.
 */
void c2s_end(struct c2s *c2s, enum stream_error error, const char *text);

#endif
