/*
 * channel_binding.c: see channel_binding.h.
 */
#include "xmpp/channel_binding.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

/* RFC 9266 section 4.2. */
#define EXPORTER_LABEL "EXPORTER-Channel-Binding"
#define EXPORTER_LEN   32

static int fill_exporter(SSL *tls, struct sasl_binding *binding)
{
	if (SSL_version(tls) < TLS1_3_VERSION)
		return -1;
	binding->len = EXPORTER_LEN;
	/* The context is an empty string, which differs from none in TLS 1.2 only. */
	return SSL_export_keying_material(tls, binding->data, EXPORTER_LEN, EXPORTER_LABEL,
					  strlen(EXPORTER_LABEL), NULL, 0, 1) == 1
		   ? 0
		   : -1;
}

/* The first Finished message is the client's: sessions are never resumed here. Without the extended
 * master secret two connections can be made to have the same (RFC 7627). */
static int fill_unique(SSL *tls, struct sasl_binding *binding)
{
	binding->unasked = SSL_version(tls) >= TLS1_3_VERSION;
	if (!binding->unasked && SSL_get_extms_support(tls) != 1)
		return -1;
	binding->len = SSL_get_peer_finished(tls, binding->data, sizeof(binding->data));
	return binding->len > 0 && binding->len <= sizeof(binding->data) ? 0 : -1;
}

/* The hash of our certificate: the one of its signature, but SHA-256 for weaker ones. */
static int fill_end_point(SSL *tls, struct sasl_binding *binding)
{
	X509 *x509 = SSL_get_certificate(tls);
	unsigned len = sizeof(binding->data);
	const EVP_MD *md;
	int nid = NID_undef;

	if (!x509 || X509_get_signature_info(x509, &nid, NULL, NULL, NULL) != 1)
		return -1;
	md = nid == NID_md5 || nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(nid);
	if (!md || X509_digest(x509, md, binding->data, &len) != 1)
		return -1;
	binding->len = len;
	return 0;
}

static const struct {
	const char *type;
	int (*fill)(SSL *tls, struct sasl_binding *binding);
} kinds[SASL_BINDINGS_MAX] = {
    {"tls-exporter", fill_exporter},
    {"tls-unique", fill_unique},
    {"tls-server-end-point", fill_end_point},
};

void channel_binding_fill(struct sasl_channel *channel, SSL *tls)
{
	channel->binding_count = 0;
	if (!tls || !SSL_is_init_finished(tls))
		return;
	for (size_t i = 0; i < SASL_BINDINGS_MAX; i++) {
		struct sasl_binding *binding = &channel->bindings[channel->binding_count];

		*binding = (struct sasl_binding){.type = kinds[i].type};
		if (kinds[i].fill(tls, binding) == 0)
			channel->binding_count++;
	}
	ERR_clear_error();
}
