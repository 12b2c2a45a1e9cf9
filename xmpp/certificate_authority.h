/*
 * certificate_authority.h: judges an authority's certificate before somebody is asked to trust it.
 */
#ifndef XMPP_CERTIFICATE_AUTHORITY_H
#define XMPP_CERTIFICATE_AUTHORITY_H

#include "core/base/buf.h"
#include "core/base/err.h"

/* The longest list of names as text, and how long a file may be: ours have less than 1 KiB. */
#define AUTHORITY_NAMES_SIZE 1024
#define AUTHORITY_FILE_MAX   16384

struct certificate_authority {
	char fingerprint[3 * 32];         /* SHA-256, AB:CD:… */
	char until[32];                   /* "2036-01-01" */
	char names[AUTHORITY_NAMES_SIZE]; /* all that it can vouch for: "localhost, 127.0.0.1" */
};

/*
 * Judge the certificate in pem (text of len bytes), and write it anew to out (a buffer of the
 * caller's, without what else stood in pem). ERR_INPUT unless it is an authority's own, and bound
 * (RFC 5280 section 4.2.1.10) to localhost, loopback addresses and domain: whoever has the key of
 * another one could pretend to be anybody to those who trust it.
 */
int certificate_authority_judge(const char *pem, size_t len, const char *domain,
				struct certificate_authority *authority, struct buf *out,
				struct err *err);

#endif
