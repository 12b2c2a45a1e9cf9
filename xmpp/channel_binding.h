/*
 * channel_binding.h: what both ends of a TLS connection know of it, and nobody between (RFC 5056),
 * for sasl.h.
 */
#ifndef XMPP_CHANNEL_BINDING_H
#define XMPP_CHANNEL_BINDING_H

#include "xmpp/sasl.h"

#include <openssl/ssl.h>

/*
 * Fill the bindings of channel for our, the server's, end of tls, whose handshake is done; NULL:
 * there is no TLS, and so none. Best first:
 *
 *     tls-exporter          RFC 9266; TLS 1.3
 *     tls-unique            RFC 5929 section 3; up to TLS 1.2, with the extended master secret
 *     tls-server-end-point  RFC 5929 section 4
 *
 * With TLS 1.3 tls-unique is there unasked: it is not defined there, but Python's ssl (slixmpp,
 * Poezio) gives the client's Finished message for it all the same, which binds as well.
 */
void channel_binding_fill(struct sasl_channel *channel, SSL *tls);

#endif
