/*
 * certificate_private.h: between certificate.c (files, renewal) and certificate_make.c (X.509).
 */
#ifndef XMPP_CERTIFICATE_PRIVATE_H
#define XMPP_CERTIFICATE_PRIVATE_H

#include "xmpp/certificate.h"

#include <stdbool.h>

/* Some verifiers refuse certificates of servers that last longer than 825 days. */
#define CERTIFICATE_SERVER_DAYS 730
#define CERTIFICATE_CA_DAYS     3650
/* Renewed when less than this is left. */
#define CERTIFICATE_RENEW_DAYS 30

/* A key and its certificate. */
struct certificate {
	EVP_PKEY *key;
	X509 *x509;
};

void certificate_clear(struct certificate *certificate);
/* -1 with *err: not a name that can stand in a certificate (letters, digits, dots, hyphens). */
int certificate_check_domain(const char *domain, struct err *err);
/* A new authority that can vouch for localhost and domain only. */
int certificate_make_ca(const struct env *env, const char *domain, struct certificate *ca,
			struct err *err);
/* A new certificate of the server, signed by ca. */
int certificate_make_server(const struct env *env, const char *domain, const struct certificate *ca,
			    struct certificate *server, struct err *err);
/* Less than CERTIFICATE_RENEW_DAYS left? */
bool certificate_ends_soon(const struct env *env, const struct certificate *certificate);
/* Would a client that trusts ca accept the server as domain, the clock apart? */
bool certificate_fits(const struct certificate *ca, const struct certificate *server,
		      const char *domain);
/* Fill *err with what and OpenSSL's reason; returns -1. */
int certificate_error(struct err *err, const char *what);

#endif
