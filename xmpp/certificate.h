/*
 * certificate.h: the server's TLS identity: a certificate authority of this machine's own, which
 * can vouch for nothing but this server, and a certificate signed by it.
 *
 *     DIRECTORY/ca.crt               for the user to install; safe to give away
 *     DIRECTORY/ca-private.pem       the authority's key and certificate, 0600
 *     DIRECTORY/server-private.pem   the server's key and certificate, 0600
 */
#ifndef XMPP_CERTIFICATE_H
#define XMPP_CERTIFICATE_H

#include "core/base/env.h"
#include "core/base/err.h"

#include <openssl/ssl.h>

#define CERTIFICATE_CA_FILE        "ca.crt"
#define CERTIFICATE_CA_PRIVATE     "ca-private.pem"
#define CERTIFICATE_SERVER_PRIVATE "server-private.pem"

/*
 * The context for our side of TLS, with a certificate for localhost, 127.0.0.1, ::1 and domain.
 * Makes what is missing (the directory too) and renews what is near its end, or does not fit the
 * domain; users keep trusting the authority unless it is its own turn, or the domain is one that it
 * may not vouch for. A file that is there and cannot be used is left alone: the error names it. The
 * caller frees the context with SSL_CTX_free.
 */
SSL_CTX *certificate_context(const struct env *env, const char *directory, const char *domain,
			     struct err *err);

#endif
