/*
 * certificate_make.c: makes and judges X.509 certificates. No files here; certificate.c has them.
 *
 * Keys are on P-256, which every client knows; Ed25519 certificates are refused by some.
 */
#include "xmpp/certificate_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define DAY INT64_C(86400)
/* A certificate begins a day in the past, for clients whose clock is behind ours. */
#define BACKDATED_DAYS 1
/* Random, so that a renewed authority never signs the same number twice (RFC 5280 section 4.1.2.2).
 */
#define SERIAL_LEN 16
/* RFC 1035 section 2.3.4. */
#define DOMAIN_MAX 253

int certificate_error(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	err_set(err, ERR_CRYPTO, "%s: %s", what, reason ? reason : "refused by OpenSSL");
	ERR_clear_error();
	return -1;
}

void certificate_clear(struct certificate *certificate)
{
	EVP_PKEY_free(certificate->key);
	X509_free(certificate->x509);
	certificate->key = NULL;
	certificate->x509 = NULL;
}

int certificate_check_domain(const char *domain, struct err *err)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t len = strlen(domain);

	if (len > 0 && len <= DOMAIN_MAX && strspn(domain, allowed) == len && domain[0] != '.' &&
	    domain[len - 1] != '.')
		return 0;
	return err_set(err, ERR_INPUT,
		       "a domain for TLS has letters, digits, dots and hyphens only");
}

/* --- making --- */

static time_t now(const struct env *env)
{
	return (time_t)(env_wall_ms(env) / 1000);
}

static int set_serial(const struct env *env, X509 *x509)
{
	uint8_t bytes[SERIAL_LEN];
	BIGNUM *number;
	int good;

	env_random(env, bytes, sizeof(bytes));
	/* Positive and not zero. */
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
	BN_free(number);
	return good ? 0 : -1;
}

static int set_validity(const struct env *env, X509 *x509, int days)
{
	time_t at = now(env);

	return X509_time_adj_ex(X509_getm_notBefore(x509), -BACKDATED_DAYS, 0, &at) &&
		       X509_time_adj_ex(X509_getm_notAfter(x509), days, 0, &at)
		   ? 0
		   : -1;
}

static int set_name(X509_NAME *name, const char *common_name)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					  (const unsigned char *)common_name, -1, -1, 0) == 1
		   ? 0
		   : -1;
}

struct extension {
	int nid;
	const char *value;
};

/* issuer may be x509 itself. */
static int add_extensions(X509 *x509, X509 *issuer, const struct extension *extensions,
			  size_t count)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	for (size_t i = 0; i < count; i++) {
		X509_EXTENSION *extension =
		    X509V3_EXT_conf_nid(NULL, &ctx, extensions[i].nid, extensions[i].value);
		int good = extension && X509_add_ext(x509, extension, -1);

		X509_EXTENSION_free(extension);
		if (!good)
			return -1;
	}
	return 0;
}

/* Key, number, time and subject; the rest is the caller's. */
static int begin(const struct env *env, int days, const char *common_name, struct certificate *out)
{
	out->key = EVP_EC_gen("P-256");
	out->x509 = X509_new();
	return out->key && out->x509 && X509_set_version(out->x509, X509_VERSION_3) &&
		       set_serial(env, out->x509) == 0 && set_validity(env, out->x509, days) == 0 &&
		       set_name(X509_get_subject_name(out->x509), common_name) == 0 &&
		       X509_set_pubkey(out->x509, out->key)
		   ? 0
		   : -1;
}

/* Names: the fixed ones, each behind before and with its mask when there are masks, and the domain.
 */
static void write_names(char *out, size_t size, const char *before, bool masks, const char *domain)
{
	int len = snprintf(out, size, "%sDNS:localhost,%sIP:127.0.0.1%s,%sIP:::1%s", before, before,
			   masks ? "/255.255.255.255" : "", before,
			   masks ? "/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF" : "");

	if (strcmp(domain, "localhost") != 0)
		snprintf(out + len, size - (size_t)len, ",%sDNS:%s", before, domain);
}

int certificate_make_ca(const struct env *env, const char *domain, struct certificate *ca,
			struct err *err)
{
	char constraints[DOMAIN_MAX + 256] = "critical,";
	size_t at = strlen(constraints);
	const struct extension extensions[] = {
	    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
	    {NID_key_usage, "critical,keyCertSign,cRLSign"},
	    {NID_ext_key_usage, "serverAuth"},
	    {NID_subject_key_identifier, "hash"},
	    {NID_name_constraints, constraints},
	};

	write_names(constraints + at, sizeof(constraints) - at, "permitted;", true, domain);
	if (begin(env, CERTIFICATE_CA_DAYS, "tacet on this machine", ca) == 0 &&
	    X509_set_issuer_name(ca->x509, X509_get_subject_name(ca->x509)) &&
	    add_extensions(ca->x509, ca->x509, extensions,
			   sizeof(extensions) / sizeof(extensions[0])) == 0 &&
	    X509_sign(ca->x509, ca->key, EVP_sha256()))
		return 0;
	certificate_clear(ca);
	return certificate_error(err, "make a certificate authority");
}

/* A certificate must not outlast its issuer. */
static int end_with(X509 *x509, const X509 *issuer)
{
	const ASN1_TIME *end = X509_get0_notAfter(issuer);

	if (ASN1_TIME_compare(X509_get0_notAfter(x509), end) <= 0)
		return 0;
	return X509_set1_notAfter(x509, end) == 1 ? 0 : -1;
}

int certificate_make_server(const struct env *env, const char *domain, const struct certificate *ca,
			    struct certificate *server, struct err *err)
{
	char names[DOMAIN_MAX + 256];
	const struct extension extensions[] = {
	    {NID_basic_constraints, "critical,CA:FALSE"},
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, "serverAuth"},
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid:always"},
	    {NID_subject_alt_name, names},
	};

	write_names(names, sizeof(names), "", false, domain);
	if (begin(env, CERTIFICATE_SERVER_DAYS, "tacet", server) == 0 &&
	    end_with(server->x509, ca->x509) == 0 &&
	    X509_set_issuer_name(server->x509, X509_get_subject_name(ca->x509)) &&
	    add_extensions(server->x509, ca->x509, extensions,
			   sizeof(extensions) / sizeof(extensions[0])) == 0 &&
	    X509_sign(server->x509, ca->key, EVP_sha256()))
		return 0;
	certificate_clear(server);
	return certificate_error(err, "make a certificate");
}

/* --- judging --- */

bool certificate_ends_soon(const struct env *env, const struct certificate *certificate)
{
	time_t limit = now(env) + CERTIFICATE_RENEW_DAYS * DAY;

	return X509_cmp_time(X509_get0_notAfter(certificate->x509), &limit) <= 0;
}

bool certificate_fits(const struct certificate *ca, const struct certificate *server,
		      const char *domain)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool fits = false;

	if (store && ctx && X509_STORE_add_cert(store, ca->x509) &&
	    X509_STORE_CTX_init(ctx, store, server->x509, NULL)) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

		/* Its end has been looked at; and a machine that starts with its clock in 1970 must
		 * not get a new authority for that. */
		X509_VERIFY_PARAM_set_flags(param,
					    X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_X509_STRICT);
		fits = X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER) &&
		       X509_VERIFY_PARAM_set1_host(param, domain, 0) && X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return fits;
}
