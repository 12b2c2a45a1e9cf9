/*
 * component_words.h: what a component and a server say to each other before and after the stanzas
 * (XEP-0114, RFC 6120 section 4.9). Pure.
 */
#ifndef COMPONENT_COMPONENT_WORDS_H
#define COMPONENT_COMPONENT_WORDS_H

#include "xmpp/xml.h"

#define NS_COMPONENT "jabber:component:accept"

/* Append the stream header, to a server that is to give the component this domain. -1 when memory
 * is short. */
int component_words_open(const char *domain, struct buf *out);
/* Append <handshake/> with the proof that the secret is known: the SHA-1 of stream id and secret
 * (XEP-0114 section 3 step 3; it is no fit for anything but a trusted line). -1 when memory is
 * short. */
int component_words_proof(const char *stream_id, const char *secret, struct buf *out);
/* Append a stream error with this condition of RFC 6120 section 4.9.3. */
int component_words_error(const char *condition, struct buf *out);
/*
 * What <stream:error/> says, in words: ERR_AUTH when the component is refused and somebody has to
 * mend the configuration, ERR_EXISTS when another one is connected, ERR_CLOSED when the server is
 * shutting down, else ERR_PROTOCOL. The server's own text is left out: it may quote a stanza.
 */
void component_words_read_error(const struct xml *error, struct err *why);

#endif
