/*
 * certificate.c: keeps the authority and the server's certificate in files, renews them, and makes
 * the TLS context. What stands in a certificate is certificate_make.c's.
 *
 * A key and its certificate share one file, which is replaced as a whole: so they always fit, and a
 * crash between two files leaves at worst a certificate of the former authority, which is seen at
 * the next start and made anew.
 */
#include "xmpp/certificate.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "xmpp/certificate_private.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int join(char path[PATH_MAX], const char *directory, const char *name, struct err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX)
		return 0;
	return err_set(err, ERR_INPUT, "the path of %s is too long", name);
}

/* --- reading --- */

/* Without this OpenSSL would ask at the terminal. */
static int no_password(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int damaged(const char *path, const char *how, struct err *err)
{
	ERR_clear_error();
	return err_set(err, ERR_INPUT, "%s: %s; remove the file to have a new one made", path, how);
}

/* A private key that others can read may have been read; from now on they cannot. */
static void close_to_others(FILE *file, const char *path)
{
	struct stat info;

	if (fstat(fileno(file), &info) < 0 || !(info.st_mode & (S_IRWXG | S_IRWXO)))
		return;
	log_warn("%s could be read by others; its mode is 0600 now", path);
	if (fchmod(fileno(file), S_IRUSR | S_IWUSR) < 0)
		log_warn("%s: %s", path, strerror(errno));
}

static int read_pair(FILE *file, const char *path, struct certificate *out, struct err *err)
{
	out->key = PEM_read_PrivateKey(file, NULL, no_password, NULL);
	if (!out->key)
		return damaged(path, "has no private key that can be read", err);
	out->x509 = PEM_read_X509(file, NULL, no_password, NULL);
	if (!out->x509)
		return damaged(path, "has no certificate that can be read", err);
	if (X509_check_private_key(out->x509, out->key) != 1)
		return damaged(path, "the key and the certificate do not belong together", err);
	return 0;
}

/* 0 with an empty *out when there is no such file. */
static int load(const char *path, struct certificate *out, struct err *err)
{
	FILE *file = fopen(path, "re");
	int result;

	*out = (struct certificate){0};
	if (!file)
		return errno == ENOENT ? 0 : err_system(err, "read %s", path);
	close_to_others(file, path);
	result = read_pair(file, path, out, err);
	fclose(file);
	if (result < 0)
		certificate_clear(out);
	return result;
}

/* --- writing --- */

/* The PEM text is put together in memory that wipes itself. */
static int store(const char *directory, const char *name, const struct certificate *certificate,
		 bool with_key, struct err *err)
{
	char path[PATH_MAX], *data = NULL;
	BIO *bio;
	long len;
	int result;

	if (join(path, directory, name, err) < 0)
		return -1;
	bio = BIO_new(BIO_s_secmem());
	if (!bio ||
	    (with_key &&
	     !PEM_write_bio_PrivateKey(bio, certificate->key, NULL, NULL, 0, NULL, NULL)) ||
	    !PEM_write_bio_X509(bio, certificate->x509)) {
		BIO_free(bio);
		return certificate_error(err, "write a certificate");
	}
	len = BIO_get_mem_data(bio, &data);
	result = file_replace(path, with_key ? 0600 : 0644, data, (size_t)len, err);
	BIO_free(bio);
	return result;
}

/* --- the authority --- */

/* ca.crt is a copy for the user; it follows the private file. */
static int publish_ca(const char *directory, const struct certificate *ca, struct err *err)
{
	char path[PATH_MAX];
	X509 *published = NULL;
	FILE *file;
	bool same;

	if (join(path, directory, CERTIFICATE_CA_FILE, err) < 0)
		return -1;
	file = fopen(path, "re");
	if (file) {
		published = PEM_read_X509(file, NULL, no_password, NULL);
		fclose(file);
		ERR_clear_error();
	}
	same = published && X509_cmp(published, ca->x509) == 0;
	X509_free(published);
	return same ? 0 : store(directory, CERTIFICATE_CA_FILE, ca, false, err);
}

static int new_ca(const struct env *env, const char *directory, const char *domain,
		  struct certificate *ca, struct err *err)
{
	if (ca->key)
		log_notice("TLS: a new certificate authority replaces the old one; install %s/%s "
			   "where the old one was installed",
			   directory, CERTIFICATE_CA_FILE);
	certificate_clear(ca);
	if (certificate_make_ca(env, domain, ca, err) < 0)
		return -1;
	return store(directory, CERTIFICATE_CA_PRIVATE, ca, true, err);
}

static int get_ca(const struct env *env, const char *directory, const char *domain,
		  struct certificate *ca, struct err *err)
{
	char path[PATH_MAX];

	if (join(path, directory, CERTIFICATE_CA_PRIVATE, err) < 0 || load(path, ca, err) < 0)
		return -1;
	if (ca->key && !certificate_ends_soon(env, ca))
		return 0;
	return new_ca(env, directory, domain, ca, err);
}

/* --- the server's certificate --- */

/* ca becomes a new one when it may not vouch for domain. */
static int new_server(const struct env *env, const char *directory, const char *domain,
		      struct certificate *ca, struct certificate *server, struct err *err)
{
	certificate_clear(server);
	if (certificate_make_server(env, domain, ca, server, err) < 0)
		return -1;
	if (!certificate_fits(ca, server, domain)) {
		certificate_clear(server);
		if (new_ca(env, directory, domain, ca, err) < 0 ||
		    certificate_make_server(env, domain, ca, server, err) < 0)
			return -1;
		if (!certificate_fits(ca, server, domain))
			return err_set(err, ERR_CRYPTO, "the new certificate does not verify");
	}
	return store(directory, CERTIFICATE_SERVER_PRIVATE, server, true, err);
}

static int get_server(const struct env *env, const char *directory, const char *domain,
		      struct certificate *ca, struct certificate *server, struct err *err)
{
	char path[PATH_MAX];

	if (join(path, directory, CERTIFICATE_SERVER_PRIVATE, err) < 0 ||
	    load(path, server, err) < 0)
		return -1;
	if (server->key && !certificate_ends_soon(env, server) &&
	    certificate_fits(ca, server, domain))
		return 0;
	return new_server(env, directory, domain, ca, server, err);
}

/* --- the context --- */

/* RFC 7301, XEP-0368: a client that names protocols gets "xmpp-client" if it is among them; we go
 * on in any case. */
static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x0bxmpp-client";
	unsigned char *selected = NULL;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&selected, out_len, ours, sizeof(ours) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = selected;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(const struct certificate *ca, const struct certificate *server,
			     struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
	    SSL_CTX_use_certificate(ctx, server->x509) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, server->key) != 1 ||
	    SSL_CTX_add1_chain_cert(ctx, ca->x509) != 1) {
		SSL_CTX_free(ctx);
		certificate_error(err, "make a TLS context");
		return NULL;
	}
	/* On one machine resumption saves nothing, and a ticket's key would outlive its session. */
	SSL_CTX_set_options(ctx,
			    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	return ctx;
}

SSL_CTX *certificate_context(const struct env *env, const char *directory, const char *domain,
			     struct err *err)
{
	struct certificate ca = {0}, server = {0};
	SSL_CTX *ctx = NULL;

	if (certificate_check_domain(domain, err) < 0)
		return NULL;
	if (mkdir(directory, 0700) < 0 && errno != EEXIST) {
		err_system(err, "make %s", directory);
		return NULL;
	}
	if (get_ca(env, directory, domain, &ca, err) == 0 &&
	    get_server(env, directory, domain, &ca, &server, err) == 0 &&
	    publish_ca(directory, &ca, err) == 0)
		ctx = make_context(&ca, &server, err);
	certificate_clear(&ca);
	certificate_clear(&server);
	return ctx;
}
