/*
 * test_certificate.c: what is made, what a client that trusts it accepts, when it is renewed, and
 * files that are damaged.
 */
#include "core/base/log.h"
#include "tests/scenario/fake_env.h"
#include "xmpp/certificate.h"
#include "xmpp/certificate_authority.h"
#include "xmpp/certificate_keeper.h"
#include "xmpp/certificate_private.h"

#include <dirent.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)

struct fixture {
	struct fake_clock *clock;
	struct fake_env *fake;
	const struct env *env;
	char top[64];                 /* fresh, 0700 */
	char directory[PATH_MAX / 2]; /* below it; not there at first */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->clock = fake_clock_new(1);
	f->fake = fake_env_new(f->clock);
	f->env = fake_env_env(f->fake);
	strcpy(f->top, "/tmp/test_certificate.XXXXXX");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->directory, sizeof(f->directory), "%s/tls", f->top);
	*state = f;
	return 0;
}

static const char *path_of(const struct fixture *f, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	return path;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	DIR *dir = opendir(f->directory);

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			unlink(path_of(f, entry->d_name));
	if (dir)
		closedir(dir);
	rmdir(f->directory);
	assert_int_equal(rmdir(f->top), 0);
	fake_env_free(&f->fake);
	fake_clock_free(&f->clock);
	free(f);
	return 0;
}

static SSL_CTX *context(struct fixture *f, const char *domain)
{
	struct err err = {0};
	SSL_CTX *ctx = certificate_context(f->env, f->directory, domain, &err);

	if (!ctx)
		fail_msg("%s", err.text);
	/* Errors that were expected must not stay in OpenSSL's queue for others to find. */
	assert_int_equal(ERR_peek_error(), 0);
	return ctx;
}

/* Make a context, give back the server's certificate. */
static X509 *server_certificate(struct fixture *f, const char *domain)
{
	SSL_CTX *ctx = context(f, domain);
	X509 *x509 = SSL_CTX_get0_certificate(ctx);

	X509_up_ref(x509);
	SSL_CTX_free(ctx);
	return x509;
}

static X509 *ca_certificate(const struct fixture *f)
{
	FILE *file = fopen(path_of(f, CERTIFICATE_CA_FILE), "r");
	X509 *x509;

	assert_non_null(file);
	x509 = PEM_read_X509(file, NULL, NULL, NULL);
	assert_non_null(x509);
	fclose(file);
	return x509;
}

/* --- a client --- */

struct client {
	const char *host, *address; /* one of them is what it believes to talk to */
	int max_version;            /* 0: any */
	const char *alpn;           /* in wire form, or NULL */
	time_t now;
};

static SSL_CTX *client_context(const struct fixture *f, const struct client *client)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	assert_int_equal(SSL_CTX_load_verify_file(ctx, path_of(f, CERTIFICATE_CA_FILE)), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_time(param, client->now);
	if (client->host)
		X509_VERIFY_PARAM_set1_host(param, client->host, 0);
	if (client->address)
		X509_VERIFY_PARAM_set1_ip_asc(param, client->address);
	if (client->max_version) {
		SSL_CTX_set_security_level(ctx, 0);
		SSL_CTX_set_max_proto_version(ctx, client->max_version);
	}
	if (client->alpn)
		SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)client->alpn,
					(unsigned)strlen(client->alpn));
	return ctx;
}

/* Does the handshake succeed? alpn (may be NULL) gets what was agreed. */
static bool connects(struct fixture *f, SSL_CTX *server_ctx, struct client client, char alpn[256])
{
	SSL_CTX *client_ctx;
	SSL *a, *b;
	BIO *end_a, *end_b;
	const unsigned char *selected;
	unsigned selected_len;
	bool up;

	if (!client.now)
		client.now = (time_t)(env_wall_ms(f->env) / 1000);
	client_ctx = client_context(f, &client);
	a = SSL_new(client_ctx);
	b = SSL_new(server_ctx);
	BIO_new_bio_pair(&end_a, 0, &end_b, 0);
	SSL_set_bio(a, end_a, end_a);
	SSL_set_bio(b, end_b, end_b);
	SSL_set_connect_state(a);
	SSL_set_accept_state(b);
	for (int i = 0; i < 20; i++) {
		SSL_do_handshake(a);
		SSL_do_handshake(b);
	}
	up = SSL_is_init_finished(a) && SSL_is_init_finished(b);
	if (alpn) {
		SSL_get0_alpn_selected(a, &selected, &selected_len);
		snprintf(alpn, 256, "%.*s", (int)selected_len, (const char *)selected);
	}
	SSL_free(a);
	SSL_free(b);
	SSL_CTX_free(client_ctx);
	ERR_clear_error();
	return up;
}

static void test_clients(void **state)
{
	struct fixture *f = *state;
	const time_t start = (time_t)(FAKE_START_MS / 1000);
	const struct {
		struct client client;
		bool accepts;
	} cases[] = {
	    {{.host = "localhost"}, true},
	    {{.host = "chat.example"}, true},
	    {{.host = "CHAT.example"}, true},
	    {{.address = "127.0.0.1"}, true},
	    {{.address = "::1"}, true},
	    {{.host = "localhost", .max_version = TLS1_2_VERSION}, true},
	    {{.host = "localhost", .max_version = TLS1_1_VERSION}, false},
	    {{.host = "example"}, false},
	    {{.host = "www.chat.example"}, false},
	    {{.host = "localhost.example"}, false},
	    {{.address = "127.0.0.2"}, false},
	    {{.host = "localhost", .now = start - 86400 / 2}, true},
	    {{.host = "localhost", .now = start - 2 * 86400}, false},
	    {{.host = "localhost", .now = start + 729 * 86400}, true},
	    {{.host = "localhost", .now = start + 731 * 86400}, false},
	};
	SSL_CTX *ctx = context(f, "chat.example");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (connects(f, ctx, cases[i].client, NULL) != cases[i].accepts)
			fail_msg("case %zu: %s", i, cases[i].accepts ? "refused" : "accepted");
	SSL_CTX_free(ctx);
}

static void test_alpn(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *ctx = context(f, "localhost");
	char alpn[256];

	assert_true(connects(f, ctx, (struct client){.alpn = "\x0bxmpp-client"}, alpn));
	assert_string_equal(alpn, "xmpp-client");
	assert_true(connects(f, ctx, (struct client){.alpn = "\x02h2\x0bxmpp-client"}, alpn));
	assert_string_equal(alpn, "xmpp-client");
	assert_true(connects(f, ctx, (struct client){.alpn = "\x02h2"}, alpn));
	assert_string_equal(alpn, "");
	assert_true(connects(f, ctx, (struct client){0}, alpn));
	assert_string_equal(alpn, "");
	SSL_CTX_free(ctx);
}

static unsigned mode_of(const char *path)
{
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	return info.st_mode & 07777;
}

static void test_files(void **state)
{
	struct fixture *f = *state;
	X509 *x509 = server_certificate(f, "localhost"), *ca = ca_certificate(f);
	char text[4096] = "";
	FILE *file;

	assert_int_equal(mode_of(f->directory), 0700);
	assert_int_equal(mode_of(path_of(f, CERTIFICATE_CA_PRIVATE)), 0600);
	assert_int_equal(mode_of(path_of(f, CERTIFICATE_SERVER_PRIVATE)), 0600);
	assert_int_equal(mode_of(path_of(f, CERTIFICATE_CA_FILE)) & 0622, 0600);
	file = fopen(path_of(f, CERTIFICATE_CA_FILE), "r");
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_null(strstr(text, "PRIVATE"));

	assert_int_equal(X509_check_ca(ca), 1);
	assert_int_equal(X509_get_pathlen(ca), 0);
	assert_int_equal(X509_check_ca(x509), 0);
	assert_int_equal(X509_get_extended_key_usage(x509), XKU_SSL_SERVER);
	assert_int_equal(X509_get_extended_key_usage(ca), XKU_SSL_SERVER);
	assert_string_equal(EVP_PKEY_get0_type_name(X509_get0_pubkey(x509)), "EC");
	X509_free(x509);
	X509_free(ca);
}

/* An authority that was stolen, or misused, must be worth nothing for other names. */
static void test_constraints(void **state)
{
	static const char *const others[] = {"example", "bank.example", "example.localhost.example",
					     "ocalhost"};
	struct fixture *f = *state;
	struct certificate ca, server;

	assert_int_equal(certificate_make_ca(f->env, "localhost", &ca, NULL), 0);
	assert_int_equal(certificate_make_server(f->env, "localhost", &ca, &server, NULL), 0);
	assert_true(certificate_fits(&ca, &server, "localhost"));
	certificate_clear(&server);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(certificate_make_server(f->env, others[i], &ca, &server, NULL), 0);
		assert_false(certificate_fits(&ca, &server, others[i]));
		assert_false(certificate_fits(&ca, &server, "localhost"));
		certificate_clear(&server);
	}
	certificate_clear(&ca);
}

static void test_kept(void **state)
{
	struct fixture *f = *state;
	X509 *first = server_certificate(f, "localhost"), *ca = ca_certificate(f), *again,
	     *ca_again;

	fake_env_jump(f->fake, 600 * DAY_MS);
	again = server_certificate(f, "localhost");
	ca_again = ca_certificate(f);
	assert_int_equal(X509_cmp(first, again), 0);
	assert_int_equal(X509_cmp(ca, ca_again), 0);
	X509_free(again);
	X509_free(ca_again);
	/* A clock that starts in 1970 is no reason either. */
	fake_env_jump(f->fake, -600 * DAY_MS - FAKE_START_MS);
	again = server_certificate(f, "localhost");
	assert_int_equal(X509_cmp(first, again), 0);
	X509_free(again);
	X509_free(first);
	X509_free(ca);
}

static void test_renewed(void **state)
{
	static const struct {
		int64_t days; /* from the start */
		bool server_changes, ca_changes;
	} cases[] = {
	    {699, false, false}, {701, true, false}, {701 + 699, false, false},
	    {3619, true, false}, {3621, true, true}, {3622, false, false},
	};
	struct fixture *f = *state;
	X509 *server = server_certificate(f, "localhost"), *ca = ca_certificate(f);
	int64_t day = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		X509 *new_server, *new_ca;
		SSL_CTX *ctx;

		fake_env_jump(f->fake, (cases[i].days - day) * DAY_MS);
		day = cases[i].days;
		new_server = server_certificate(f, "localhost");
		new_ca = ca_certificate(f);
		if ((X509_cmp(server, new_server) != 0) != cases[i].server_changes)
			fail_msg("case %zu: server", i);
		if ((X509_cmp(ca, new_ca) != 0) != cases[i].ca_changes)
			fail_msg("case %zu: authority", i);
		/* Never longer than its issuer. */
		assert_true(ASN1_TIME_compare(X509_get0_notAfter(new_server),
					      X509_get0_notAfter(new_ca)) <= 0);
		ctx = context(f, "localhost");
		assert_true(connects(f, ctx, (struct client){.host = "localhost"}, NULL));
		SSL_CTX_free(ctx);
		X509_free(server);
		X509_free(ca);
		server = new_server;
		ca = new_ca;
	}
	X509_free(server);
	X509_free(ca);
}

static void test_other_domain(void **state)
{
	struct fixture *f = *state;
	X509 *one = server_certificate(f, "localhost"), *ca_one = ca_certificate(f);
	X509 *two = server_certificate(f, "chat.example"), *ca_two = ca_certificate(f);
	X509 *three = server_certificate(f, "localhost"), *ca_three = ca_certificate(f);

	/* The first authority may not vouch for the new name; the second may for both. */
	assert_int_not_equal(X509_cmp(one, two), 0);
	assert_int_not_equal(X509_cmp(ca_one, ca_two), 0);
	assert_int_equal(X509_cmp(two, three), 0);
	assert_int_equal(X509_cmp(ca_two, ca_three), 0);
	X509_free(one);
	X509_free(ca_one);
	X509_free(two);
	X509_free(ca_two);
	X509_free(three);
	X509_free(ca_three);
}

/* A crash may leave any one file away, or the server's of a former authority, or half a new one. */
static void test_repaired(void **state)
{
	static const char *const names[] = {CERTIFICATE_CA_FILE, CERTIFICATE_CA_PRIVATE,
					    CERTIFICATE_SERVER_PRIVATE};
	struct fixture *f = *state;
	SSL_CTX *ctx = context(f, "localhost");
	FILE *file;

	SSL_CTX_free(ctx);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(unlink(path_of(f, names[i])), 0);
		ctx = context(f, "localhost");
		assert_true(connects(f, ctx, (struct client){.host = "localhost"}, NULL));
		SSL_CTX_free(ctx);
	}
	assert_int_equal(unlink(path_of(f, CERTIFICATE_SERVER_PRIVATE)), 0);
	file = fopen(path_of(f, CERTIFICATE_SERVER_PRIVATE ".new"), "w");
	fputs("half", file);
	fclose(file);
	ctx = context(f, "localhost");
	assert_true(connects(f, ctx, (struct client){.host = "localhost"}, NULL));
	SSL_CTX_free(ctx);
	assert_int_equal(access(path_of(f, CERTIFICATE_SERVER_PRIVATE ".new"), F_OK), -1);
	/* A copy for the user that is damaged is written again. */
	assert_int_equal(truncate(path_of(f, CERTIFICATE_CA_FILE), 100), 0);
	ctx = context(f, "localhost");
	assert_true(connects(f, ctx, (struct client){.host = "localhost"}, NULL));
	SSL_CTX_free(ctx);
}

static size_t read_file(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t len;

	assert_non_null(file);
	len = fread(out, 1, size, file);
	fclose(file);
	return len;
}

static void write_file(const char *path, const char *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	fclose(file);
}

static void assert_refused(struct fixture *f, const char *name, const char *why)
{
	struct err err = {0};

	assert_null(certificate_context(f->env, f->directory, "localhost", &err));
	if (!strstr(err.text, name) || !strstr(err.text, why))
		fail_msg("%s: %s", name, err.text);
	assert_int_equal(ERR_peek_error(), 0);
}

/* A file that is there and cannot be used is named and left as it is. */
static void test_damaged(void **state)
{
	static const char *const names[] = {CERTIFICATE_CA_PRIVATE, CERTIFICATE_SERVER_PRIVATE};
	static const char encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAAA\n"
					"-----END ENCRYPTED PRIVATE KEY-----\n";
	struct fixture *f = *state;
	static char whole[2][8192], now[8192];
	size_t len[2];

	SSL_CTX_free(context(f, "localhost"));
	for (size_t i = 0; i < 2; i++) {
		len[i] = read_file(path_of(f, names[i]), whole[i], sizeof(whole[i]));
		assert_true(len[i] > 400 && len[i] < sizeof(whole[i]));
	}
	for (size_t i = 0; i < 2; i++) {
		for (size_t cut = 0; cut < len[i] - 1; cut += 97) {
			write_file(path_of(f, names[i]), whole[i], cut);
			assert_refused(f, names[i], "can be read");
			assert_int_equal(read_file(path_of(f, names[i]), now, sizeof(now)), cut);
		}
		write_file(path_of(f, names[i]), "nonsense\n", 9);
		assert_refused(f, names[i], "no private key");
		write_file(path_of(f, names[i]), encrypted, sizeof(encrypted) - 1);
		assert_refused(f, names[i], "no private key");
		write_file(path_of(f, names[i]), whole[i], len[i]);
	}
	/* The key of one with the certificate of the other. */
	memcpy(now, whole[0], len[0]);
	now[len[0]] = 0;
	strcpy(strstr(now, "-----BEGIN CERTIFICATE"), strstr(whole[1], "-----BEGIN CERTIFICATE"));
	write_file(path_of(f, names[1]), now, strlen(now));
	assert_refused(f, names[1], "do not belong together");
}

static void test_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	char deep[PATH_MAX];
	static char too_long[2 * PATH_MAX];

	snprintf(deep, sizeof(deep), "%s/a/b", f->top);
	assert_null(certificate_context(f->env, deep, "localhost", &err));
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, deep));
	/* A file where the directory should be. */
	snprintf(deep, sizeof(deep), "%s/file", f->top);
	write_file(deep, "x", 1);
	assert_null(certificate_context(f->env, deep, "localhost", &err));
	assert_non_null(strstr(err.text, deep));
	unlink(deep);
	memset(too_long, '/', sizeof(too_long) - 1);
	assert_null(certificate_context(f->env, too_long, "localhost", &err));
}

static void test_modes_tightened(void **state)
{
	struct fixture *f = *state;

	SSL_CTX_free(context(f, "localhost"));
	assert_int_equal(chmod(path_of(f, CERTIFICATE_SERVER_PRIVATE), 0644), 0);
	SSL_CTX_free(context(f, "localhost"));
	assert_int_equal(mode_of(path_of(f, CERTIFICATE_SERVER_PRIVATE)), 0600);
}

static void test_domains(void **state)
{
	static const char *const bad[] = {
	    "",   ".",  "a b", "a,DNS:bank.example", "\xc3\xa4.de", "a\nb",
	    ".a", "a.", "a/b", "*.example",          "[::1]"};
	struct fixture *f = *state;
	struct err err;
	char name[300];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(certificate_context(f->env, f->directory, bad[i], &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
	memset(name, 'a', sizeof(name));
	name[254] = 0;
	assert_null(certificate_context(f->env, f->directory, name, &err));
	for (int i = 3; i < 253; i += 4)
		name[i] = '.';
	name[253] = 0;
	SSL_CTX_free(context(f, name));
}

/* --- renewed while the server runs --- */

struct renewals {
	unsigned count;
	SSL_CTX *ctx;
};

static void on_renewed(void *arg, SSL_CTX *ctx)
{
	struct renewals *renewals = arg;

	renewals->count++;
	renewals->ctx = ctx;
}

static void test_keeper(void **state)
{
	struct fixture *f = *state;
	struct renewals renewals = {0};
	struct err err;
	struct certificate_keeper *keeper =
	    certificate_keeper_new(f->env, f->directory, "localhost", on_renewed, &renewals, &err);
	SSL_CTX *first;

	assert_non_null(keeper);
	first = certificate_keeper_ctx(keeper);
	SSL_CTX_up_ref(first);
	fake_clock_run(f->clock, 30 * DAY_MS);
	assert_int_equal(renewals.count, 0);
	assert_ptr_equal(certificate_keeper_ctx(keeper), first);
	/* The day comes: within the hour there is another, which holds for two years more. */
	fake_env_jump(f->fake, 671 * DAY_MS);
	fake_clock_run(f->clock, CERTIFICATE_KEEPER_MS);
	assert_int_equal(renewals.count, 1);
	assert_ptr_equal(certificate_keeper_ctx(keeper), renewals.ctx);
	fake_clock_run(f->clock, 40 * DAY_MS);
	assert_int_equal(renewals.count, 1);
	assert_true(connects(f, renewals.ctx, (struct client){.host = "localhost"}, NULL));
	assert_false(connects(f, first, (struct client){.host = "localhost"}, NULL));
	SSL_CTX_free(first);
	certificate_keeper_free(&keeper);
	assert_null(keeper);
}

/* A file that cannot be used does not take away what works, and is looked at again. */
static void test_keeper_in_trouble(void **state)
{
	struct fixture *f = *state;
	struct renewals renewals = {0};
	struct err err;
	struct certificate_keeper *keeper =
	    certificate_keeper_new(f->env, f->directory, "localhost", on_renewed, &renewals, &err);
	char good[8192];
	size_t len = read_file(path_of(f, CERTIFICATE_CA_PRIVATE), good, sizeof(good));

	log_set_level(LOG_LEVEL_ERROR);
	write_file(path_of(f, CERTIFICATE_CA_PRIVATE), "nonsense", 8);
	fake_env_jump(f->fake, 701 * DAY_MS);
	fake_clock_run(f->clock, 3 * CERTIFICATE_KEEPER_MS);
	assert_int_equal(renewals.count, 0);
	assert_true(connects(f, certificate_keeper_ctx(keeper),
			     (struct client){.host = "localhost"}, NULL));
	write_file(path_of(f, CERTIFICATE_CA_PRIVATE), good, len);
	fake_clock_run(f->clock, CERTIFICATE_KEEPER_MS);
	assert_int_equal(renewals.count, 1);
	certificate_keeper_free(&keeper);
	write_file(path_of(f, CERTIFICATE_CA_PRIVATE), "nonsense", 8);
	assert_null(
	    certificate_keeper_new(f->env, f->directory, "localhost", on_renewed, &renewals, &err));
	assert_non_null(strstr(err.text, CERTIFICATE_CA_PRIVATE));
}

/* --- an authority that somebody shall trust --- */

static int judge(const char *pem, const char *domain, struct certificate_authority *authority)
{
	struct buf out;
	struct err err = {0};
	int result;

	buf_init(&out, AUTHORITY_FILE_MAX);
	result = certificate_authority_judge(pem, strlen(pem), domain, authority, &out, &err);
	if (result == 0)
		assert_non_null(strstr(buf_text(&out), "-----BEGIN CERTIFICATE-----"));
	else
		print_message("%s\n", err.text);
	assert_int_equal(out.len > 0, result == 0);
	assert_int_equal(ERR_peek_error(), 0);
	buf_free(&out);
	return result;
}

static char *pem_of(X509 *x509)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long len;

	assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
	len = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

static void test_authority(void **state)
{
	struct fixture *f = *state;
	struct certificate_authority authority;
	struct certificate ca, other, server;
	char *pem, *text;

	assert_int_equal(certificate_make_ca(f->env, "localhost", &ca, NULL), 0);
	pem = pem_of(ca.x509);
	assert_int_equal(judge(pem, "localhost", &authority), 0);
	assert_string_equal(authority.names, "localhost, 127.0.0.1, ::1");
	assert_int_equal(strlen(authority.fingerprint), 95);
	assert_string_equal(authority.until, "2035-12-30");
	/* What stands around it, a key above all, is not handed on. */
	assert_true(asprintf(&text, "a note\n%sanother\n%s", pem, pem) > 0);
	assert_int_equal(judge(text, "localhost", &authority), 0);
	free(text);
	/* Cut off, empty, none at all. */
	pem[strlen(pem) / 2] = '\0';
	assert_int_equal(judge(pem, "localhost", &authority), -1);
	assert_int_equal(judge("", "localhost", &authority), -1);
	free(pem);
	/* A domain of the user's own must be known to whoever trusts it. */
	assert_int_equal(certificate_make_ca(f->env, "chat.example", &other, NULL), 0);
	pem = pem_of(other.x509);
	assert_int_equal(judge(pem, "localhost", &authority), -1);
	assert_int_equal(judge(pem, "chat.example", &authority), 0);
	assert_string_equal(authority.names, "localhost, 127.0.0.1, ::1, chat.example");
	free(pem);
	/* A server's certificate is none. */
	assert_int_equal(certificate_make_server(f->env, "localhost", &ca, &server, NULL), 0);
	pem = pem_of(server.x509);
	assert_int_equal(judge(pem, "localhost", &authority), -1);
	free(pem);
	certificate_clear(&server);
	certificate_clear(&other);
	certificate_clear(&ca);
}

/* Authorities that could vouch for more: each differs from ours in one extension. */
static void test_authority_too_mighty(void **state)
{
#define OURS "permitted;DNS:localhost,permitted;IP:127.0.0.1/255.255.255.255"
	static const struct {
		const char *constraints, *usage;
		bool good;
	} cases[] = {
	    {"critical," OURS, "serverAuth", true},
	    {OURS, "serverAuth", false},
	    {"critical," OURS, "serverAuth,emailProtection", false},
	    {"critical," OURS, NULL, false},
	    {NULL, "serverAuth", false},
	    {"critical,permitted;DNS:localhost", "serverAuth", false},
	    {"critical,permitted;IP:127.0.0.1/255.255.255.255", "serverAuth", false},
	    {"critical,permitted;DNS:localhost,permitted;IP:127.0.0.1/255.0.0.0", "serverAuth",
	     false},
	    {"critical,permitted;DNS:localhost,permitted;IP:8.8.8.8/255.255.255.255", "serverAuth",
	     false},
	    {"critical,permitted;DNS:com,permitted;IP:127.0.0.1/255.255.255.255", "serverAuth",
	     false},
	    {"critical,permitted;DNS:localhost,permitted;DNS:bank.example,"
	     "permitted;IP:127.0.0.1/255.255.255.255",
	     "serverAuth", false},
	    {"critical,excluded;DNS:bank.example", "serverAuth", false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct certificate_authority authority;
		struct certificate ca;
		X509V3_CTX ctx;
		char *pem;
		const struct {
			int nid;
			const char *value;
		} extensions[] = {{NID_name_constraints, cases[i].constraints},
				  {NID_ext_key_usage, cases[i].usage}};

		assert_int_equal(certificate_make_ca(f->env, "localhost", &ca, NULL), 0);
		X509V3_set_ctx(&ctx, ca.x509, ca.x509, NULL, NULL, 0);
		for (size_t j = 0; j < 2; j++) {
			X509_EXTENSION *new = NULL;
			int at = X509_get_ext_by_NID(ca.x509, extensions[j].nid, -1);

			X509_EXTENSION_free(X509_delete_ext(ca.x509, at));
			if (!extensions[j].value)
				continue;
			new =
			    X509V3_EXT_conf_nid(NULL, &ctx, extensions[j].nid, extensions[j].value);
			assert_int_equal(X509_add_ext(ca.x509, new, -1), 1);
			X509_EXTENSION_free(new);
		}
		assert_true(X509_sign(ca.x509, ca.key, EVP_sha256()) > 0);
		pem = pem_of(ca.x509);
		if ((judge(pem, "localhost", &authority) == 0) != cases[i].good)
			fail_msg("case %zu", i);
		free(pem);
		certificate_clear(&ca);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_clients),
	    TEST(test_alpn),
	    TEST(test_files),
	    TEST(test_constraints),
	    TEST(test_kept),
	    TEST(test_renewed),
	    TEST(test_keeper),
	    TEST(test_keeper_in_trouble),
	    TEST(test_authority),
	    TEST(test_authority_too_mighty),
	    TEST(test_other_domain),
	    TEST(test_repaired),
	    TEST(test_damaged),
	    TEST(test_cannot_write),
	    TEST(test_modes_tightened),
	    TEST(test_domains),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
