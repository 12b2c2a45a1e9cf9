/* Tests of core/base/http_origin.c and http_server.c: requests as bytes over real sockets, answers
 * as bytes. */
#include "core/base/buf.h"
#include "core/base/http_server.h"
#include "core/base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 8000

/* --- who may ask --- */

static void test_hosts(void **state)
{
	static const struct {
		const char *host;
		bool accepted;
	} cases[] = {
	    {"localhost", true},
	    {"LocalHost:5280", true},
	    {"127.0.0.1", true},
	    {"127.0.0.1:80", true},
	    {"[::1]", true},
	    {"[::1]:5280", true},
	    {"", false},
	    {"evil.example", false},
	    {"localhost.evil.example", false},
	    {"localhost:", false},
	    {"localhost:x", false},
	    {"localhost:123456", false},
	    {"localhost:1@evil", false},
	    {"127.0.0.2", false},
	    {"127.0.0.1.evil.example", false},
	    {"0.0.0.0:5280", false},
	    {"[::ffff:127.0.0.1]", false},
	    {"localhost ", false},
	    {"evil.example:5280", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (http_host_accepted(cases[i].host) != cases[i].accepted)
			fail_msg("%s", cases[i].host);
}

static void test_origins(void **state)
{
	static const char *const configured[] = {"https://app.example", "http://localhost:8000",
						 NULL};
	static const struct http_origin_rules rules = {5280, configured};
	static const struct {
		const char *origin;
		bool accepted;
	} cases[] = {
	    {"http://localhost:5280", true},
	    {"http://127.0.0.1:5280", true},
	    {"http://[::1]:5280", true},
	    {"https://app.example", true},
	    {"http://localhost:8000", true},
	    {"", false},
	    {"null", false},
	    {"file://", false},
	    {"http://localhost", false},
	    {"http://localhost:5281", false},
	    {"https://localhost:5280", false},
	    {"http://localhost:5280/", false},
	    {"http://localhost:52800", false},
	    {"http://localhost:5280.evil.example", false},
	    {"http://localhost:5280@evil.example", false},
	    {"HTTP://localhost:5280", false},
	    {"http://evil.example", false},
	    {"https://app.example.evil", false},
	    {"https://sub.app.example", false},
	    {"http://app.example", false},
	    {"http://localhost:5280 http://evil.example", false},
	    {"moz-extension://abc", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (http_origin_accepted(&rules, cases[i].origin) != cases[i].accepted)
			fail_msg("%s", cases[i].origin);
	assert_true(http_origin_valid("http://[::1]:1"));
	assert_true(http_origin_valid("https://a-b.example:65535"));
	assert_false(http_origin_valid("*"));
	assert_false(http_origin_valid("null"));
	assert_false(http_origin_valid("http://"));
	assert_false(http_origin_valid("http://[::1"));
	assert_false(http_origin_valid("http://["));
	assert_false(http_origin_valid("http://a:"));
	assert_false(http_origin_valid("http://a:1/"));
	assert_false(http_origin_valid("http://A"));
	assert_true(http_fetch_site_accepted("same-origin"));
	assert_true(http_fetch_site_accepted("none"));
	assert_false(http_fetch_site_accepted("same-site"));
	assert_false(http_fetch_site_accepted("cross-site"));
	assert_false(http_fetch_site_accepted(""));
}

/* --- a server --- */

struct rig {
	struct loop *loop;
	struct http_server *http;
	struct buf body; /* of a PUT */
	unsigned requests, ended, gone;
	struct stream *taken;
	char heard[64]; /* on it */
};

static int on_body(void *arg, const void *data, size_t len)
{
	return buf_add(&((struct rig *)arg)->body, data, len);
}

static void on_body_end(void *arg, struct http_request *request)
{
	((struct rig *)arg)->ended++;
	http_reply_status(request, 201);
}

static void on_body_gone(void *arg)
{
	((struct rig *)arg)->gone++;
}

static const struct http_body body = {on_body, on_body_end, on_body_gone};

static void on_heard(void *arg, const uint8_t *data, size_t len)
{
	struct rig *rig = arg;

	snprintf(rig->heard + strlen(rig->heard), sizeof(rig->heard) - strlen(rig->heard), "%.*s",
		 (int)len, (const char *)data);
	stream_write(rig->taken, "back\n", 5);
}

static void on_taken_closed(void *arg, const struct err *why)
{
	(void)why;
	stream_free(&((struct rig *)arg)->taken);
}

static const struct stream_handler on_stream = {.received = on_heard, .closed = on_taken_closed};

static void on_taken(void *arg, struct stream *stream)
{
	struct rig *rig = arg;

	rig->taken = stream;
	stream_set_handler(stream, &on_stream, rig);
}

static void on_request(void *arg, struct http_request *request)
{
	static const struct http_header upgrade[] = {{"Upgrade", "knock"}, {NULL, NULL}};
	struct rig *rig = arg;
	const char *path = http_path(request);

	rig->requests++;
	if (strcmp(http_method(request), "PUT") == 0)
		http_receive(request, &body, rig);
	else if (strcmp(path, "/knock") == 0 && http_header_has(request, "Upgrade", "knock"))
		http_upgrade(request, upgrade, on_taken, rig);
	else if (strcmp(path, "/file") == 0)
		http_reply_file(request, 200, NULL, open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
				100000);
	else if (strcmp(path, "/nothing") != 0)
		http_reply(request, 200, NULL, path, strlen(path));
}

static const struct http_handler handler = {.request = on_request};

static void rig_new(struct rig *rig)
{
	static const char *const listen[] = {"127.0.0.1", "::1", NULL};
	static const char *const origins[] = {"https://app.example", NULL};
	struct err err;

	*rig = (struct rig){0};
	buf_init(&rig->body, 1000);
	rig->loop = loop_new(&err);
	assert_non_null(rig->loop);
	rig->http = http_server_new(rig->loop, listen, 0, origins, &handler, rig, &err);
	if (!rig->http)
		fail_msg("%s", err.text);
	assert_true(http_server_port(rig->http) > 0);
}

static void rig_free(struct rig *rig)
{
	http_server_free(&rig->http);
	stream_free(&rig->taken);
	buf_free(&rig->body);
	loop_free(&rig->loop);
}

static int dial(const struct rig *rig)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(http_server_port(rig->http))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* All that comes until the end of the connection, or until it holds what. */
static void hear(struct rig *rig, int fd, const char *what, struct buf *out)
{
	int64_t deadline = env_mono_ms(loop_env(rig->loop)) + WAIT_MS;
	char chunk[16384];

	while (env_mono_ms(loop_env(rig->loop)) < deadline) {
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return;
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
		if (what && strstr(buf_text(out), what))
			return;
		if (n < 0)
			loop_run_once(rig->loop, 5);
	}
	fail_msg("no end: %s", buf_text(out));
}

static void ask(struct rig *rig, const char *request, struct buf *out)
{
	int fd = dial(rig);

	buf_clear(out);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	hear(rig, fd, NULL, out);
	close(fd);
}

#define LOCAL "Host: localhost\r\nConnection: close\r\n"

static void test_requests(void **state)
{
	static const struct {
		const char *request;
		const char *status; /* after "HTTP/1.1 " */
		const char *has, *has_not;
		bool reaches; /* the handler */
	} cases[] = {
	    /* programs, the user, our own page, accepted ones */
	    {"GET /a HTTP/1.1\r\n" LOCAL "\r\n", "200", "\r\n\r\n/a", "Access-Control", true},
	    {"GET /a?b HTTP/1.1\r\n" LOCAL "\r\n", "200", "\r\n\r\n/a", "/a?b", true},
	    {"HEAD /a HTTP/1.1\r\n" LOCAL "\r\n", "200", "X-Frame-Options: DENY", "\r\n\r\n/",
	     true},
	    {"GET /a HTTP/1.1\r\nHost: [::1]:1\r\nConnection: close\r\n\r\n", "200", "nosniff",
	     NULL, true},
	    {"GET /a HTTP/1.1\r\n" LOCAL "Sec-Fetch-Site: none\r\n\r\n", "200", "/a", NULL, true},
	    {"GET /a HTTP/1.1\r\n" LOCAL "Sec-Fetch-Site: same-origin\r\n\r\n", "200", "/a", NULL,
	     true},
	    {"GET /a HTTP/1.1\r\n" LOCAL "Origin: https://app.example\r\n"
	     "Sec-Fetch-Site: cross-site\r\n\r\n",
	     "200", "Access-Control-Allow-Origin: https://app.example\r\n", NULL, true},
	    /* preflight of an accepted one */
	    {"OPTIONS /a HTTP/1.1\r\n" LOCAL "Origin: https://app.example\r\n"
	     "Access-Control-Request-Method: PUT\r\n\r\n",
	     "204", "Access-Control-Allow-Methods: GET, HEAD, PUT\r\n", "\r\n\r\n/", false},
	    /* pages of others */
	    {"GET /a HTTP/1.1\r\n" LOCAL "Origin: https://evil.example\r\n\r\n", "403", "403",
	     "Access-Control", false},
	    {"GET /a HTTP/1.1\r\n" LOCAL "Origin: null\r\n\r\n", "403", "403", "Access-Control",
	     false},
	    {"GET /a HTTP/1.1\r\n" LOCAL "Origin:\r\n\r\n", "403", "403", "Access-Control", false},
	    {"OPTIONS /a HTTP/1.1\r\n" LOCAL "Origin: https://evil.example\r\n"
	     "Access-Control-Request-Method: PUT\r\n\r\n",
	     "403", "403", "Access-Control", false},
	    {"GET /a HTTP/1.1\r\n" LOCAL "Origin: https://app.example\r\n"
	     "Origin: https://evil.example\r\n\r\n",
	     "403", "403", "Access-Control", false},
	    {"GET /a HTTP/1.1\r\n" LOCAL "Sec-Fetch-Site: cross-site\r\n\r\n", "403", "403", NULL,
	     false},
	    {"GET /a HTTP/1.1\r\n" LOCAL "Sec-Fetch-Site: same-site\r\n\r\n", "403", "403", NULL,
	     false},
	    {"GET /knock HTTP/1.1\r\n" LOCAL "Origin: https://evil.example\r\nUpgrade: knock\r\n"
	     "Connection: Upgrade\r\n\r\n",
	     "403", "403", "101", false},
	    /* a name that was made to point here */
	    {"GET /a HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "403", "403",
	     NULL, false},
	    {"GET /a HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\nConnection: "
	     "close\r\n\r\n",
	     "403", "403", NULL, false},
	    {"GET /a HTTP/1.0\r\n\r\n", "403", "403", NULL, false},
	    /* not HTTP, or nothing that is answered */
	    {"GET http://localhost/a HTTP/1.1\r\n" LOCAL "\r\n", "400", "400", NULL, false},
	    {"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n", "400", NULL, NULL, false},
	    {"GET /nothing HTTP/1.1\r\n" LOCAL "\r\n", NULL, NULL, NULL, true},
	};
	struct buf out;
	struct rig rig;

	(void)state;
	rig_new(&rig);
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text;
		char status[32];

		rig.requests = 0;
		ask(&rig, cases[i].request, &out);
		text = buf_text(&out);
		snprintf(status, sizeof(status), "HTTP/1.1 %s ", cases[i].status);
		if ((cases[i].status ? strncmp(text, status, 13) != 0 : *text) ||
		    (cases[i].has && !strstr(text, cases[i].has)) ||
		    (cases[i].has_not && strstr(text, cases[i].has_not)) ||
		    (rig.requests == 1) != cases[i].reaches)
			fail_msg("%s\n->\n%s", cases[i].request, text);
	}
	buf_free(&out);
	rig_free(&rig);
}

static void test_body(void **state)
{
	char request[2000];
	struct buf out;
	struct rig rig;
	int fd;

	(void)state;
	rig_new(&rig);
	buf_init(&out, 1 << 20);
	ask(&rig, "PUT /a HTTP/1.1\r\n" LOCAL "Content-Length: 5\r\n\r\nhello", &out);
	assert_non_null(strstr(buf_text(&out), "HTTP/1.1 201 "));
	assert_string_equal(buf_text(&rig.body), "hello");
	assert_int_equal(rig.ended, 1);
	assert_int_equal(rig.gone, 1);
	/* one that its taker will not have */
	snprintf(request, sizeof(request),
		 "PUT /a HTTP/1.1\r\n" LOCAL "Content-Length: 1500\r\n\r\n%01500d", 0);
	ask(&rig, request, &out);
	assert_null(strstr(buf_text(&out), "HTTP/1.1 2"));
	assert_int_equal(rig.ended, 1);
	assert_int_equal(rig.gone, 2);
	/* one that does not come to its end: its connection breaks, or the server goes */
	fd = dial(&rig);
	snprintf(request, sizeof(request),
		 "PUT /a HTTP/1.1\r\n" LOCAL "Content-Length: 9\r\n\r\nx");
	send(fd, request, strlen(request), MSG_NOSIGNAL);
	while (rig.requests < 3)
		loop_run_once(rig.loop, 5);
	close(fd);
	while (rig.gone < 3)
		loop_run_once(rig.loop, 5);
	fd = dial(&rig);
	send(fd, request, strlen(request), MSG_NOSIGNAL);
	while (rig.requests < 4)
		loop_run_once(rig.loop, 5);
	http_server_free(&rig.http);
	assert_int_equal(rig.gone, 4);
	assert_int_equal(rig.ended, 1);
	close(fd);
	buf_free(&out);
	rig_free(&rig);
}

static void test_file(void **state)
{
	struct buf out;
	struct rig rig;
	const char *start;

	(void)state;
	rig_new(&rig);
	buf_init(&out, 1 << 20);
	ask(&rig, "GET /file HTTP/1.1\r\n" LOCAL "\r\n", &out);
	start = strstr(buf_text(&out), "\r\n\r\n");
	assert_non_null(start);
	assert_memory_equal(start + 4,
			    "\x7f"
			    "ELF",
			    4);
	assert_int_equal(out.len - (size_t)(start + 4 - buf_text(&out)), 100000);
	buf_free(&out);
	rig_free(&rig);
}

#define KNOCK                                                                                      \
	"GET /knock HTTP/1.1\r\nHost: localhost\r\nUpgrade: knock\r\nConnection: Upgrade\r\n\r\n"

static void test_upgrade(void **state)
{
	struct buf out;
	struct rig rig;
	int fd;

	(void)state;
	rig_new(&rig);
	buf_init(&out, 1 << 20);
	fd = dial(&rig);
	send(fd, KNOCK, strlen(KNOCK), MSG_NOSIGNAL);
	hear(&rig, fd, "\r\n\r\n", &out);
	assert_non_null(strstr(buf_text(&out), "HTTP/1.1 101 "));
	assert_non_null(rig.taken);
	/* It is no connection of the server's any more. */
	http_server_free(&rig.http);
	buf_clear(&out);
	send(fd, "hello", 5, MSG_NOSIGNAL);
	hear(&rig, fd, "back\n", &out);
	assert_string_equal(rig.heard, "hello");
	close(fd);
	while (rig.taken)
		loop_run_once(rig.loop, 5);
	buf_free(&out);
	rig_free(&rig);
	/* One who does not wait for the answer. */
	rig_new(&rig);
	buf_init(&out, 1 << 20);
	ask(&rig, KNOCK "early", &out);
	assert_null(rig.taken);
	buf_free(&out);
	rig_free(&rig);
}

/* A request in single bytes, and those who hold connections open without saying anything. */
static void test_crowd(void **state)
{
	enum { CROWD = 3 * HTTP_CONNECTIONS_MAX };
	static const char request[] = "GET /a HTTP/1.1\r\n" LOCAL "\r\n";
	int fds[CROWD];
	struct buf out;
	struct rig rig;
	int fd;

	(void)state;
	rig_new(&rig);
	buf_init(&out, 1 << 20);
	fd = dial(&rig);
	for (const char *at = request; *at; at++) {
		send(fd, at, 1, MSG_NOSIGNAL);
		loop_run_once(rig.loop, 0);
	}
	hear(&rig, fd, NULL, &out);
	assert_non_null(strstr(buf_text(&out), "HTTP/1.1 200 "));
	close(fd);
	for (int i = 0; i < CROWD; i++) {
		fds[i] = dial(&rig);
		send(fds[i], "GET /", 5, MSG_NOSIGNAL);
		for (int n = 0; n < 3; n++)
			loop_run_once(rig.loop, 0);
	}
	/* The newest still has its place, the oldest has lost it. */
	ask(&rig, request, &out);
	assert_non_null(strstr(buf_text(&out), "HTTP/1.1 200 "));
	buf_clear(&out);
	hear(&rig, fds[0], NULL, &out);
	assert_int_equal(out.len, 0);
	assert_int_equal(recv(fds[CROWD - 1], &(char){0}, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	buf_free(&out);
	rig_free(&rig);
}

static void test_busy_port(void **state)
{
	static const char *const listen[] = {"127.0.0.1", NULL};
	static const char *const name[] = {"localhost", NULL};
	struct http_server *second;
	struct rig rig;
	struct err err;

	(void)state;
	rig_new(&rig);
	second = http_server_new(rig.loop, listen, http_server_port(rig.http), NULL, &handler, &rig,
				 &err);
	assert_null(second);
	assert_non_null(strstr(err.text, strerror(EADDRINUSE)));
	assert_null(http_server_new(rig.loop, name, 0, NULL, &handler, &rig, &err));
	assert_int_equal(err.code, ERR_INPUT);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hosts),    cmocka_unit_test(test_origins),
	    cmocka_unit_test(test_requests), cmocka_unit_test(test_body),
	    cmocka_unit_test(test_file),     cmocka_unit_test(test_upgrade),
	    cmocka_unit_test(test_crowd),    cmocka_unit_test(test_busy_port),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
