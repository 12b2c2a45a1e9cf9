/*
 * certificate_keeper.h: the TLS context of a server that runs for years: it looks after its
 * certificate and makes another context when that one was renewed.
 */
#ifndef XMPP_CERTIFICATE_KEEPER_H
#define XMPP_CERTIFICATE_KEEPER_H

#include "xmpp/certificate.h"

/* How often the certificate is looked at. It is renewed a month ahead, but a machine may have slept
 * that long, or have started with its clock in another year. */
#define CERTIFICATE_KEEPER_MS INT64_C(3600000)

struct certificate_keeper;

/* As certificate_context, for as long as the keeper lives. renewed(arg, ctx) is called from the
 * loop when there is another context, which is the keeper's like the one before; that one ends with
 * the call, except for the connections that have it already. A renewal that fails is logged and
 * tried again. */
struct certificate_keeper *certificate_keeper_new(const struct env *env, const char *directory,
						  const char *domain,
						  void (*renewed)(void *arg, SSL_CTX *ctx),
						  void *arg, struct err *err);
void certificate_keeper_free(struct certificate_keeper **keeper);
/* The context now. */
SSL_CTX *certificate_keeper_ctx(const struct certificate_keeper *keeper);

#endif
