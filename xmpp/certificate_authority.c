/*
 * certificate_authority.c: see certificate_authority.h.
 */
#include "xmpp/certificate_authority.h"

#include "xmpp/certificate_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int refuse(struct err *err, const char *why)
{
	ERR_clear_error();
	return err_set(err, ERR_INPUT, "%s: this is no authority of tacetd's", why);
}

static void add_name(struct certificate_authority *authority, const char *name)
{
	size_t len = strlen(authority->names);

	snprintf(authority->names + len, sizeof(authority->names) - len, "%s%s", len ? ", " : "",
		 name);
}

/* Address and mask, 4 or 16 bytes each (RFC 5280 section 4.2.1.10): one loopback address only. */
static int judge_address(const ASN1_OCTET_STRING *range, struct certificate_authority *authority)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(range);
	int half = ASN1_STRING_length(range) / 2;
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;

	if ((half != 4 && half != 16) || ASN1_STRING_length(range) != 2 * half)
		return -1;
	for (int i = half; i < 2 * half; i++)
		if (bytes[i] != 0xff)
			return -1;
	if (half == 16)
		memcpy(&six, bytes, sizeof(six));
	if (half == 4 ? bytes[0] != 127 : !IN6_IS_ADDR_LOOPBACK(&six))
		return -1;
	inet_ntop(half == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text));
	add_name(authority, text);
	return 0;
}

static int judge_host(const ASN1_IA5STRING *host, const char *domain,
		      struct certificate_authority *authority)
{
	char name[256];
	int len = ASN1_STRING_length(host);

	if (len <= 0 || len >= (int)sizeof(name))
		return -1;
	memcpy(name, ASN1_STRING_get0_data(host), (size_t)len);
	name[len] = '\0';
	if (strlen(name) != (size_t)len ||
	    (strcasecmp(name, "localhost") != 0 && strcasecmp(name, domain) != 0))
		return -1;
	add_name(authority, name);
	return 0;
}

/* Both kinds must be bound: a kind that is not named is free. */
static int judge_names(const NAME_CONSTRAINTS *names, const char *domain,
		       struct certificate_authority *authority)
{
	bool hosts = false, addresses = false;

	for (int i = 0; i < sk_GENERAL_SUBTREE_num(names->permittedSubtrees); i++) {
		const GENERAL_SUBTREE *tree = sk_GENERAL_SUBTREE_value(names->permittedSubtrees, i);
		const GENERAL_NAME *base = tree->base;

		if (base->type == GEN_DNS && judge_host(base->d.dNSName, domain, authority) == 0)
			hosts = true;
		else if (base->type == GEN_IPADD &&
			 judge_address(base->d.iPAddress, authority) == 0)
			addresses = true;
		else
			return -1;
	}
	return hosts && addresses ? 0 : -1;
}

static int judge_constraints(const X509 *x509, const char *domain,
			     struct certificate_authority *authority, struct err *err)
{
	int critical = 0, result;
	NAME_CONSTRAINTS *names = X509_get_ext_d2i(x509, NID_name_constraints, &critical, NULL);

	if (!names || critical != 1) {
		NAME_CONSTRAINTS_free(names);
		return refuse(err, "it may vouch for every name");
	}
	result = judge_names(names, domain, authority);
	NAME_CONSTRAINTS_free(names);
	return result < 0 ? refuse(err, "it may vouch for names that are not this machine's") : 0;
}

static int describe(const X509 *x509, struct certificate_authority *authority)
{
	uint8_t digest[32];
	unsigned len = sizeof(digest);
	struct tm until;

	if (X509_digest(x509, EVP_sha256(), digest, &len) != 1 ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(x509), &until) != 1)
		return -1;
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(authority->fingerprint + 3 * i, 4, "%02X:", digest[i]);
	authority->fingerprint[3 * sizeof(digest) - 1] = '\0';
	strftime(authority->until, sizeof(authority->until), "%Y-%m-%d", &until);
	return 0;
}

static int write_pem(X509 *x509, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	int result = -1;

	if (bio && PEM_write_bio_X509(bio, x509)) {
		long len = BIO_get_mem_data(bio, &data);

		result = buf_add(out, data, (size_t)len);
	}
	BIO_free(bio);
	return result;
}

static int judge(X509 *x509, const char *domain, struct certificate_authority *authority,
		 struct buf *out, struct err *err)
{
	if (X509_check_ca(x509) != 1)
		return refuse(err, "it is no authority's certificate");
	if (X509_self_signed(x509, 1) != 1)
		return refuse(err, "it is not signed by itself");
	if (X509_get_extended_key_usage(x509) != XKU_SSL_SERVER)
		return refuse(err, "it is not for servers only");
	if (judge_constraints(x509, domain, authority, err) < 0)
		return -1;
	if (describe(x509, authority) < 0 || write_pem(x509, out) < 0)
		return certificate_error(err, "read a certificate");
	return 0;
}

int certificate_authority_judge(const char *pem, size_t len, const char *domain,
				struct certificate_authority *authority, struct buf *out,
				struct err *err)
{
	BIO *bio = len <= AUTHORITY_FILE_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	int result;

	memset(authority, 0, sizeof(*authority));
	BIO_free(bio);
	result = x509 ? judge(x509, domain, authority, out, err)
		      : refuse(err, "it holds no certificate");
	X509_free(x509);
	return result;
}
