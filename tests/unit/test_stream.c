/*
 * test_stream.c: loop, timers, socket streams, listeners and TLS, on real sockets.
 */
#include "core/base/stream_socket.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <poll.h>
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

/* Long enough for a loaded machine; every wait ends as soon as what it waits for has come. */
#define WAIT_MS 10000

struct end {
	struct stream *stream;
	unsigned opened, drained, closed;
	size_t received;
	uint8_t last;
	struct err why;
	bool echo, free_on_data, finish_on_data;
};

static void end_opened(void *arg)
{
	((struct end *)arg)->opened++;
}

static void end_received(void *arg, const uint8_t *data, size_t len)
{
	struct end *end = arg;

	end->received += len;
	end->last = data[len - 1];
	if (end->echo)
		stream_write(end->stream, data, len);
	if (end->finish_on_data)
		stream_finish(end->stream);
	if (end->free_on_data)
		stream_free(&end->stream);
}

static void end_drained(void *arg)
{
	((struct end *)arg)->drained++;
}

static void end_closed(void *arg, const struct err *why)
{
	struct end *end = arg;

	end->closed++;
	end->why = *why;
}

static const struct stream_handler handler = {
    .opened = end_opened,
    .received = end_received,
    .drained = end_drained,
    .closed = end_closed,
};

struct fixture {
	struct loop *loop;
	char directory[64], path[96];
	struct listener *listener;
	struct end client, server;
	struct err err;
};

static void accepted(void *arg, struct stream *stream)
{
	struct fixture *f = arg;

	f->server.stream = stream;
	stream_set_handler(stream, &handler, &f->server);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	f->loop = loop_new(&f->err);
	assert_non_null(f->loop);
	strcpy(f->directory, "/tmp/tacet-test-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof f->path, "%s/socket", f->directory);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	stream_free(&f->client.stream);
	stream_free(&f->server.stream);
	listener_free(&f->listener);
	assert_int_equal(access(f->path, F_OK), -1);
	rmdir(f->directory);
	loop_free(&f->loop);
	free(f);
	return 0;
}

/* Run the loop until condition is true; condition may have effects, it is not asked again. */
#define WAIT_FOR(f, condition)                                                                     \
	do {                                                                                       \
		int64_t give_up = env_mono_ms(loop_env((f)->loop)) + WAIT_MS;                      \
		bool met;                                                                          \
		while (!(met = (condition)) && env_mono_ms(loop_env((f)->loop)) < give_up)         \
			loop_run_once((f)->loop, 100);                                             \
		assert_true(met);                                                                  \
	} while (0)

static void connect_both(struct fixture *f)
{
	f->listener = listener_new_unix(f->loop, f->path, 0600, accepted, f, &f->err);
	assert_non_null(f->listener);
	f->client.stream = stream_connect_unix(f->loop, f->path, &f->err);
	assert_non_null(f->client.stream);
	stream_set_handler(f->client.stream, &handler, &f->client);
	WAIT_FOR(f, f->client.opened == 1 && f->server.stream != NULL);
}

static void a_megabyte_goes_both_ways(void **state)
{
	struct fixture *f = *state;
	size_t len = 1 << 20;
	uint8_t *block = malloc(len);
	struct stat st;
	uid_t uid = (uid_t)-1;

	assert_non_null(block);
	memset(block, 5, len);
	connect_both(f);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stream_peer_uid(f->server.stream, &uid), 0);
	assert_int_equal(uid, getuid());
	f->server.echo = true;
	stream_write(f->client.stream, block, len);
	assert_int_equal(stream_queued(f->client.stream), len);
	assert_int_equal(f->client.drained, 0);
	WAIT_FOR(f, f->client.received == len);
	assert_true(f->client.drained > 0);
	assert_int_equal(stream_queued(f->client.stream), 0);
	free(block);
}

static void the_end_comes_once(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	stream_write(f->client.stream, "last", 4);
	stream_finish(f->client.stream);
	stream_write(f->client.stream, "too late", 8);
	WAIT_FOR(f, f->server.closed == 1);
	assert_int_equal(f->server.received, 4);
	assert_int_equal(f->server.why.code, ERR_CLOSED);
	stream_free(&f->server.stream);
	WAIT_FOR(f, f->client.closed == 1);
	assert_int_equal(f->client.why.code, ERR_CLOSED);
	stream_write(f->client.stream, "x", 1);
	loop_run_once(f->loop, 10);
	assert_int_equal(f->client.closed, 1);
}

static void a_handler_may_free_its_stream(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	f->server.free_on_data = true;
	stream_write(f->client.stream, "x", 1);
	WAIT_FOR(f, f->client.closed == 1);
	assert_null(f->server.stream);
}

static void reading_can_rest(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	stream_pause(f->server.stream, true);
	stream_write(f->client.stream, "abc", 3);
	for (int i = 0; i < 5; i++)
		loop_run_once(f->loop, 20);
	assert_int_equal(f->server.received, 0);
	stream_pause(f->server.stream, false);
	WAIT_FOR(f, f->server.received == 3);
}

static void only_numbers_and_short_paths(void **state)
{
	struct fixture *f = *state;
	char longest[200];

	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_null(stream_connect_tcp(f->loop, "localhost", 1, &f->err));
	assert_int_equal(f->err.code, ERR_INPUT);
	assert_null(stream_connect_unix(f->loop, longest, &f->err));
	assert_int_equal(f->err.code, ERR_INPUT);
	assert_null(listener_new_unix(f->loop, "/nonexistent/x", 0600, accepted, f, &f->err));
	assert_string_equal(f->err.text, "listen on /nonexistent/x: No such file or directory");
}

static void a_refused_connection_is_told(void **state)
{
	struct fixture *f = *state;
	struct stream *stream;

	f->listener = listener_new_tcp(f->loop, "::1", 0, accepted, f, &f->err);
	if (f->listener == NULL)
		f->listener = listener_new_tcp(f->loop, "127.0.0.1", 0, accepted, f, &f->err);
	assert_non_null(f->listener);
	assert_true(listener_port(f->listener) > 0);
	stream = stream_connect_tcp(f->loop, "127.0.0.1", 1, &f->err);
	if (stream == NULL)
		return; /* refused at once */
	f->client.stream = stream;
	stream_set_handler(stream, &handler, &f->client);
	assert_int_equal(f->client.closed, 0);
	WAIT_FOR(f, f->client.closed == 1);
	assert_int_equal(f->client.why.code, ERR_SYSTEM);
	assert_int_equal(f->client.opened, 0);
}

/* Both families; and when the other end has gone there is nobody any more. */
static void whose_a_tcp_connection_is(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "::1"};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		uid_t uid = (uid_t)-1;

		f->listener = listener_new_tcp(f->loop, addresses[i], 0, accepted, f, &f->err);
		if (!f->listener)
			continue; /* no IPv6 here */
		f->client.stream =
		    stream_connect_tcp(f->loop, addresses[i], listener_port(f->listener), &f->err);
		assert_non_null(f->client.stream);
		stream_set_handler(f->client.stream, &handler, &f->client);
		WAIT_FOR(f, f->server.stream != NULL);
		assert_int_equal(stream_peer_uid(f->server.stream, &uid), 0);
		assert_int_equal(uid, getuid());
		f->server.closed = 0;
		stream_free(&f->client.stream);
		WAIT_FOR(f, f->server.closed == 1);
		assert_int_equal(stream_peer_uid(f->server.stream, &uid), -1);
		stream_free(&f->server.stream);
		listener_free(&f->listener);
	}
}

struct ticks {
	struct timer *timer;
	unsigned count;
	unsigned done; /* set after the third */
};

static void tick(void *arg)
{
	struct ticks *t = arg;

	if (++t->count < 3)
		timer_set(t->timer, 1);
	else
		t->done = 1;
}

static void timers_fire_once_for_each_setting(void **state)
{
	struct fixture *f = *state;
	const struct env *env = loop_env(f->loop);
	struct ticks a = {0}, b = {0};
	int64_t before = env_mono_ms(env);

	a.timer = timer_new(env, tick, &a);
	b.timer = timer_new(env, tick, &b);
	assert_false(timer_pending(a.timer));
	timer_set(a.timer, 20);
	timer_set(b.timer, 0);
	timer_stop(b.timer);
	assert_true(timer_pending(a.timer));
	WAIT_FOR(f, a.count == 3);
	assert_true(env_mono_ms(env) - before >= 20);
	assert_int_equal(b.count, 0);
	timer_set(a.timer, 0);
	timer_free(&a.timer);
	timer_free(&b.timer);
	loop_run_once(f->loop, 20);
	assert_int_equal(a.count, 3);
	for (int i = 0; i < 1000; i++) {
		int64_t ms = env_jitter(env, 1000, 30);

		assert_in_range(ms, 700, 1300);
		assert_true(env_random_below(env, 3) < 3);
	}
}

/* Poll as somebody else's loop does, and run ours only when its descriptor says so. */
static unsigned foreign_rounds(struct fixture *f, int fd, int64_t ms, const unsigned *until)
{
	int64_t give_up = env_mono_ms(loop_env(f->loop)) + ms;
	unsigned rounds = 0;

	while (*until == 0 && env_mono_ms(loop_env(f->loop)) < give_up) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};

		if (poll(&ready, 1, 50) == 1) {
			loop_run_once(f->loop, 0);
			rounds++;
		}
	}
	return rounds;
}

static void a_foreign_loop_can_wait_for_ours(void **state)
{
	struct fixture *f = *state;
	static const uint8_t data[300000];
	struct ticks ticks = {0};
	const unsigned never = 0;
	int fd = loop_fd(f->loop, &f->err);

	assert_true(fd >= 0);
	assert_int_equal(loop_fd(f->loop, &f->err), fd);
	f->listener = listener_new_unix(f->loop, f->path, 0600, accepted, f, &f->err);
	f->client.stream = stream_connect_unix(f->loop, f->path, &f->err);
	stream_set_handler(f->client.stream, &handler, &f->client);
	stream_write(f->client.stream, data, sizeof data);
	stream_finish(f->client.stream);
	loop_touch(f->loop);
	foreign_rounds(f, fd, WAIT_MS, &f->server.closed);
	assert_int_equal(f->server.closed, 1);
	assert_int_equal(f->server.received, sizeof data);
	/* Descriptors are gone, and their numbers come again. */
	stream_free(&f->client.stream);
	stream_free(&f->server.stream);
	f->server = (struct end){0};
	f->client.stream = stream_connect_unix(f->loop, f->path, &f->err);
	stream_set_handler(f->client.stream, &handler, &f->client);
	stream_write(f->client.stream, data, 10);
	stream_finish(f->client.stream);
	loop_touch(f->loop);
	foreign_rounds(f, fd, WAIT_MS, &f->server.closed);
	assert_int_equal(f->server.received, 10);
	/* Timers wake it, and nothing else does. */
	ticks.timer = timer_new(loop_env(f->loop), tick, &ticks);
	timer_set(ticks.timer, 60);
	loop_touch(f->loop);
	/* tick() sets itself twice more, with 1 ms. A round too many each is the clock's grain. */
	assert_in_range(foreign_rounds(f, fd, WAIT_MS, &ticks.done), 1, 8);
	assert_int_equal(ticks.count, 3);
	assert_int_equal(foreign_rounds(f, fd, 100, &never), 0);
	timer_free(&ticks.timer);
}

/* A throw-away certificate for localhost and 127.0.0.1. */
static SSL_CTX *tls_context(void)
{
	X509_EXTENSION *names =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_true(key != NULL && cert != NULL && ctx != NULL);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_set_version(cert, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)"a test", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	assert_int_equal(X509_add_ext(cert, names, -1), 1);
	X509_EXTENSION_free(names);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

/* The client's side by hand: TLS through memory, its bytes carried by our stream. */
static void pump(SSL *ssl, struct end *client)
{
	char bytes[4096];
	int n;

	while ((n = BIO_read(SSL_get_wbio(ssl), bytes, sizeof bytes)) > 0)
		stream_write(client->stream, bytes, (size_t)n);
}

static SSL *client_ssl;

static void tls_client_received(void *arg, const uint8_t *data, size_t len)
{
	struct end *client = arg;

	BIO_write(SSL_get_rbio(client_ssl), data, (int)len);
	if (!SSL_is_init_finished(client_ssl))
		SSL_do_handshake(client_ssl);
	pump(client_ssl, client);
}

static void tls_comes_on_top(void **state)
{
	static const struct stream_handler tls_client = {.received = tls_client_received,
							 .closed = end_closed};
	struct fixture *f = *state;
	SSL_CTX *server_ctx = tls_context();
	SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
	char echoed[8] = "";

	connect_both(f);
	assert_null(stream_tls(f->server.stream));
	assert_int_equal(stream_start_tls(f->server.stream, server_ctx, &f->err), 0);
	f->server.echo = true;
	client_ssl = SSL_new(client_ctx);
	SSL_set_bio(client_ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(client_ssl);
	stream_set_handler(f->client.stream, &tls_client, &f->client);
	SSL_do_handshake(client_ssl);
	pump(client_ssl, &f->client);
	WAIT_FOR(f, SSL_is_init_finished(client_ssl));
	SSL_write(client_ssl, "secret", 6);
	pump(client_ssl, &f->client);
	WAIT_FOR(f, SSL_read(client_ssl, echoed, sizeof echoed) == 6);
	assert_memory_equal(echoed, "secret", 6);
	assert_int_equal(f->server.received, 6);
	WAIT_FOR(f, f->server.drained > 0);
	assert_non_null(stream_tls(f->server.stream));
	stream_finish(f->server.stream);
	WAIT_FOR(f, SSL_read(client_ssl, echoed, sizeof echoed) <= 0 &&
			(SSL_get_shutdown(client_ssl) & SSL_RECEIVED_SHUTDOWN) != 0);
	SSL_free(client_ssl);
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(server_ctx);
}

static void garbage_is_no_tls(void **state)
{
	struct fixture *f = *state;
	SSL_CTX *ctx = tls_context();

	connect_both(f);
	assert_int_equal(stream_start_tls(f->server.stream, ctx, &f->err), 0);
	stream_write(f->client.stream, "GET / HTTP/1.0\r\n\r\n", 18);
	WAIT_FOR(f, f->server.closed == 1);
	assert_int_equal(f->server.received, 0);
	SSL_CTX_free(ctx);
}

static const struct {
	const char *host;
	bool trusted, opened;
} servers[] = {
    {"localhost", true, true},      {"127.0.0.1", true, true},    {"localhost", false, false},
    {"127.0.0.2", true, false},     {"example.org", true, false}, {"local", true, false},
    {"sub.localhost", true, false},
};

static void a_tls_client_knows_its_server(void **state)
{
	for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
		struct fixture *f;
		SSL_CTX *server_ctx = tls_context(), *ctx = SSL_CTX_new(TLS_client_method());
		X509 *cert = SSL_CTX_get0_certificate(server_ctx);

		assert_int_equal(set_up(state), 0);
		f = *state;
		if (servers[i].trusted)
			assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert), 1);
		connect_both(f);
		assert_int_equal(stream_start_tls(f->server.stream, server_ctx, &f->err), 0);
		assert_int_equal(
		    stream_start_tls_client(f->client.stream, ctx, servers[i].host, &f->err), 0);
		WAIT_FOR(f, f->client.opened == 2 || f->client.closed == 1);
		if ((f->client.opened == 2) != servers[i].opened)
			fail_msg("%s: opened %u times", servers[i].host, f->client.opened);
		if (servers[i].opened) {
			stream_write(f->client.stream, "GET", 3);
			WAIT_FOR(f, f->server.received == 3);
			f->server.echo = true;
			stream_write(f->client.stream, "GET", 3);
			WAIT_FOR(f, f->client.received == 3);
			stream_finish(f->server.stream);
			WAIT_FOR(f, f->client.closed == 1);
			assert_int_equal(f->client.why.code, ERR_CLOSED);
		} else {
			assert_int_equal(f->client.why.code, ERR_PROTOCOL);
		}
		assert_int_equal(tear_down(state), 0);
		SSL_CTX_free(ctx);
		SSL_CTX_free(server_ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_megabyte_goes_both_ways, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_end_comes_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_handler_may_free_its_stream, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(reading_can_rest, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(only_numbers_and_short_paths, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_refused_connection_is_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(whose_a_tcp_connection_is, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(timers_fire_once_for_each_setting, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_foreign_loop_can_wait_for_ours, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(tls_comes_on_top, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(garbage_is_no_tls, set_up, tear_down),
	    cmocka_unit_test(a_tls_client_knows_its_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
