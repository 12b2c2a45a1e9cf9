/*
 * test_tor_control.c: the control connection against a server that behaves well or badly.
 */
#include "core/base/codec.h"
#include "core/base/stream_socket.h"
#include "core/crypto.h"
#include "core/tor_control.h"

#include <fcntl.h>
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

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* A test that takes longer hangs. */
#define TEST_LIMIT_MS 5000
#define NONCE_LEN     32

static const char cookie[] = "0123456789abcdef0123456789abcdef";

enum special {
	REPLY,      /* as it stands in the script */
	CHALLENGE,  /* answer AUTHCHALLENGE as tor does */
	WRONG_HASH, /* the same with a wrong cookie */
	CLOSE,      /* send what stands in the script and close */
	SILENCE,
};

/* What the server does with one line. */
struct step {
	const char *expect; /* beginning of the line */
	enum special special;
	const char *reply;
};

/* Server, client, and what has happened. */
struct world {
	struct loop *loop;
	char directory[32];
	char socket[64];
	char cookie_file[64];
	struct listener *listener;
	struct stream *server;
	const struct step *script;
	size_t at;
	char line[TOR_COMMAND_MAX + 8];
	size_t line_len;
	char sent[8192]; /* by the client, lines joined with | */
	uint8_t client_hash[SHA256_LEN];
	struct tor_control *control;
	bool ready, closed;
	struct err why;
	char heard[1024]; /* answers and events */
	bool free_in_answer;
};

/* --- the server --- */

static void say(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct world *w, const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	assert_int_equal(stream_write(w->server, text, strlen(text)), 0);
}

static void hash(const char *key, const char *secret, const uint8_t *client, const uint8_t *server,
		 uint8_t out[SHA256_LEN])
{
	const struct crypto_part parts[] = {{secret, 32}, {client, NONCE_LEN}, {server, NONCE_LEN}};

	assert_int_equal(crypto_hmac_sha256(key, strlen(key), parts, 3, out), 0);
}

static void challenge(struct world *w, const char *line, bool wrong)
{
	static const char prefix[] = "AUTHCHALLENGE SAFECOOKIE ";
	uint8_t client[NONCE_LEN], server[NONCE_LEN], digest[SHA256_LEN];
	char digest_hex[2 * SHA256_LEN + 1], nonce_hex[2 * NONCE_LEN + 1];

	line += strlen(prefix);
	assert_int_equal(hex_decode(line, strlen(line), client, sizeof client), NONCE_LEN);
	memset(server, 7, sizeof server);
	hash("Tor safe cookie authentication server-to-controller hash",
	     wrong ? "another cookie, of thirty-two b." : cookie, client, server, digest);
	hash("Tor safe cookie authentication controller-to-server hash", cookie, client, server,
	     w->client_hash);
	hex_encode(digest, sizeof digest, digest_hex);
	hex_encode(server, sizeof server, nonce_hex);
	say(w, "250 AUTHCHALLENGE SERVERHASH=%s SERVERNONCE=%s\r\n", digest_hex, nonce_hex);
}

/* In place of tor's path of the cookie file. */
static void say_script(struct world *w, const char *reply)
{
	const char *mark = strstr(reply, "$COOKIE");

	if (mark == NULL)
		say(w, "%s", reply);
	else
		say(w, "%.*s%s%s", (int)(mark - reply), reply, w->cookie_file,
		    mark + strlen("$COOKIE"));
}

static void got_line(struct world *w)
{
	const struct step *step = &w->script[w->at];
	size_t len = strlen(w->sent);

	assert_true(len + strlen(w->line) + 2 <= sizeof w->sent);
	snprintf(w->sent + len, sizeof w->sent - len, "%s|", w->line);
	if (step->expect == NULL)
		return;
	assert_memory_equal(w->line, step->expect, strlen(step->expect));
	w->at++;
	if (step->special == CHALLENGE || step->special == WRONG_HASH)
		challenge(w, w->line, step->special == WRONG_HASH);
	if (step->reply != NULL)
		say_script(w, step->reply);
	if (step->special == CLOSE)
		stream_finish(w->server);
}

static void server_received(void *arg, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n') {
			assert_int_equal(w->line[w->line_len - 1], '\r');
			w->line[w->line_len - 1] = '\0';
			w->line_len = 0;
			got_line(w);
		} else {
			assert_true(w->line_len < sizeof w->line);
			w->line[w->line_len++] = (char)data[i];
		}
	}
}

static void server_closed(void *arg, const struct err *why)
{
	struct world *w = arg;

	(void)why;
	stream_free(&w->server);
}

static const struct stream_handler server_handler = {
    .received = server_received,
    .closed = server_closed,
};

static void server_accepts(void *arg, struct stream *stream)
{
	struct world *w = arg;

	assert_null(w->server);
	w->server = stream;
	stream_set_handler(stream, &server_handler, w);
}

/* --- the client --- */

static void client_ready(void *arg)
{
	struct world *w = arg;

	assert_false(w->ready);
	w->ready = true;
}

static void client_event(void *arg, const struct tor_reply *event)
{
	struct world *w = arg;

	assert_int_equal(event->code, 650);
	strcat(w->heard, event->lines[0].text);
	strcat(w->heard, "|");
}

static void client_closed(void *arg, const struct err *why)
{
	struct world *w = arg;

	assert_false(w->closed);
	w->closed = true;
	w->why = *why;
	tor_control_free(&w->control);
}

static const struct tor_control_handler client_handler = {
    .ready = client_ready,
    .event = client_event,
    .closed = client_closed,
};

static void answered(void *arg, const struct tor_reply *reply)
{
	struct world *w = arg;

	sprintf(w->heard + strlen(w->heard), "%d %s|", reply->code, reply->lines[0].text);
	if (w->free_in_answer)
		tor_control_free(&w->control);
}

/* --- the world --- */

static void write_cookie(struct world *w, const char *text)
{
	FILE *file = fopen(w->cookie_file, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void world_new(struct world *w, const struct step *script)
{
	struct err err;

	*w = (struct world){.directory = "/tmp/tacet-test-XXXXXX", .script = script};
	assert_non_null(mkdtemp(w->directory));
	snprintf(w->socket, sizeof w->socket, "%s/control", w->directory);
	snprintf(w->cookie_file, sizeof w->cookie_file, "%s/cookie", w->directory);
	w->loop = loop_new(&err);
	assert_non_null(w->loop);
	w->listener = listener_new_unix(w->loop, w->socket, 0600, server_accepts, w, &err);
	assert_non_null(w->listener);
	write_cookie(w, cookie);
}

static void world_free(struct world *w)
{
	tor_control_free(&w->control);
	stream_free(&w->server);
	listener_free(&w->listener);
	loop_free(&w->loop);
	unlink(w->cookie_file);
	unlink(w->socket);
	assert_int_equal(rmdir(w->directory), 0);
}

static void world_connect(struct world *w, const char *password, bool own, int64_t limit_ms)
{
	char address[80];
	struct tor_control_config config = {
	    .address = address, .password = password, .own = own, .answer_limit_ms = limit_ms};
	struct err err;

	snprintf(address, sizeof address, "unix:%s", w->socket);
	w->control = tor_control_new(w->loop, &config, &client_handler, w, &err);
	assert_non_null(w->control);
	assert_false(w->ready || w->closed);
}

/* Run until one of the flags is set. */
static void run(struct world *w, const bool *a, const bool *b)
{
	const struct env *env = loop_env(w->loop);
	int64_t end = env_mono_ms(env) + TEST_LIMIT_MS;

	while (!*a && !*b) {
		assert_true(env_mono_ms(env) < end);
		loop_run_once(w->loop, 100);
	}
}

/* Run until the client has heard text at the end, or the server. */
static void run_until(struct world *w, const char *where, const char *text)
{
	const struct env *env = loop_env(w->loop);
	int64_t end = env_mono_ms(env) + TEST_LIMIT_MS;

	while (strstr(where, text) == NULL) {
		assert_true(env_mono_ms(env) < end);
		loop_run_once(w->loop, 100);
	}
}

#define INFO(methods)                                                                              \
	"250-PROTOCOLINFO 1\r\n250-AUTH METHODS=" methods "\r\n"                                   \
	"250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n"
#define COOKIE_INFO INFO("COOKIE,SAFECOOKIE COOKIEFILE=\"$COOKIE\"")

static const struct {
	const char *name;
	const char *password;
	bool own;
	const char *cookie; /* content of the file; NULL: the right one; "": there is none */
	struct step script[6];
	enum err_code end; /* ERR_NONE: it becomes ready */
	const char *words; /* in the text of the error */
} logins[] = {
    {.name = "null",
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("NULL")}, {"AUTHENTICATE", REPLY, "250 OK\r\n"}}},
    {.name = "safecookie",
     .script = {{"PROTOCOLINFO 1", REPLY, COOKIE_INFO},
		{"AUTHCHALLENGE SAFECOOKIE ", CHALLENGE, NULL},
		{"AUTHENTICATE ", REPLY, "250 OK\r\n"}}},
    {.name = "safecookie goes before null",
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("NULL,SAFECOOKIE COOKIEFILE=\"$COOKIE\"")},
		{"AUTHCHALLENGE SAFECOOKIE ", CHALLENGE, NULL},
		{"AUTHENTICATE ", REPLY, "250 OK\r\n"}}},
    {.name = "own",
     .own = true,
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("NULL")},
		{"AUTHENTICATE", REPLY, "250 OK\r\n"},
		{"TAKEOWNERSHIP", REPLY, "250 OK\r\n"}}},
    {.name = "password",
     .password = "a \"b\\c",
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("HASHEDPASSWORD,SAFECOOKIE COOKIEFILE=\"/none\"")},
		{"AUTHENTICATE \"a \\\"b\\\\c\"", REPLY, "250 OK\r\n"}}},
    {.name = "wrong password",
     .password = "x",
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("HASHEDPASSWORD")},
		{"AUTHENTICATE \"x\"", CLOSE, "515 Bad authentication\r\n"}},
     .end = ERR_AUTH,
     .words = "515 Bad authentication"},
    {.name = "no password",
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("HASHEDPASSWORD")}},
     .end = ERR_AUTH,
     .words = "no password is configured"},
    {.name = "only plain cookie",
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("COOKIE COOKIEFILE=\"$COOKIE\"")}},
     .end = ERR_AUTH,
     .words = "by COOKIE"},
    {.name = "wrong server hash",
     .script = {{"PROTOCOLINFO 1", REPLY, COOKIE_INFO},
		{"AUTHCHALLENGE SAFECOOKIE ", WRONG_HASH, NULL}},
     .end = ERR_AUTH,
     .words = "does not know tor's cookie"},
    {.name = "short server hash",
     .script = {{"PROTOCOLINFO 1", REPLY, COOKIE_INFO},
		{"AUTHCHALLENGE SAFECOOKIE ", REPLY,
		 "250 AUTHCHALLENGE SERVERHASH=00 SERVERNONCE=00\r\n"}},
     .end = ERR_PROTOCOL,
     .words = "AUTHCHALLENGE"},
    {.name = "challenge refused",
     .script = {{"PROTOCOLINFO 1", REPLY, COOKIE_INFO},
		{"AUTHCHALLENGE SAFECOOKIE ", REPLY, "513 No\r\n"}},
     .end = ERR_AUTH,
     .words = "513 No"},
    {.name = "no cookie file",
     .cookie = "",
     .script = {{"PROTOCOLINFO 1", REPLY, COOKIE_INFO}},
     .end = ERR_AUTH,
     .words = "No such file"},
    {.name = "short cookie file",
     .cookie = "short",
     .script = {{"PROTOCOLINFO 1", REPLY, COOKIE_INFO}},
     .end = ERR_AUTH,
     .words = "does not have 32 bytes"},
    {.name = "long cookie file",
     .cookie = "0123456789abcdef0123456789abcdef0",
     .script = {{"PROTOCOLINFO 1", REPLY, COOKIE_INFO}},
     .end = ERR_AUTH,
     .words = "does not have 32 bytes"},
    {.name = "cookie file not named",
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("SAFECOOKIE")}},
     .end = ERR_AUTH,
     .words = "names no cookie file"},
    {.name = "ownership refused",
     .own = true,
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("NULL")},
		{"AUTHENTICATE", REPLY, "250 OK\r\n"},
		{"TAKEOWNERSHIP", REPLY, "510 What?\r\n"}},
     .end = ERR_PROTOCOL,
     .words = "510 What?"},
    {.name = "garbage",
     .script = {{"PROTOCOLINFO 1", REPLY, "HTTP/1.0 400 Bad Request\r\n\r\n"}},
     .end = ERR_PROTOCOL,
     .words = "reply code"},
    {.name = "no methods",
     .script = {{"PROTOCOLINFO 1", REPLY, "250-PROTOCOLINFO 1\r\n250 OK\r\n"}},
     .end = ERR_PROTOCOL,
     .words = "no method"},
    {.name = "protocolinfo refused",
     .script = {{"PROTOCOLINFO 1", REPLY, "510 Unrecognized\r\n"}},
     .end = ERR_PROTOCOL,
     .words = "510 Unrecognized"},
    {.name = "half a reply, then closed",
     .script = {{"PROTOCOLINFO 1", CLOSE, "250-PROTOCOLINFO 1\r\n250-AU"}},
     .end = ERR_CLOSED,
     .words = "control port"},
    {.name = "closed at once",
     .script = {{"PROTOCOLINFO 1", CLOSE, NULL}},
     .end = ERR_CLOSED,
     .words = "control port"},
    {.name = "never answers",
     .script = {{"PROTOCOLINFO 1", SILENCE, NULL}},
     .end = ERR_TIMEOUT,
     .words = "no answer"},
    {.name = "half a reply, then silence",
     .script = {{"PROTOCOLINFO 1", REPLY, "250-PROTOCOLINFO 1\r\n"}},
     .end = ERR_TIMEOUT,
     .words = "no answer"},
    {.name = "answers twice",
     .script = {{"PROTOCOLINFO 1", REPLY, INFO("NULL")},
		{"AUTHENTICATE", REPLY, "250 OK\r\n250 OK\r\n"}},
     .end = ERR_PROTOCOL,
     .words = "not asked"},
};

static void logs_in_or_says_why_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(logins); i++) {
		struct world w;
		bool settled = false;

		world_new(&w, logins[i].script);
		if (logins[i].cookie != NULL && logins[i].cookie[0] == '\0')
			unlink(w.cookie_file);
		else if (logins[i].cookie != NULL)
			write_cookie(&w, logins[i].cookie);
		world_connect(&w, logins[i].password, logins[i].own,
			      logins[i].end == ERR_TIMEOUT ? 100 : 0);
		run(&w, logins[i].end == ERR_NONE ? &w.ready : &settled, &w.closed);
		if (w.closed != (logins[i].end != ERR_NONE) ||
		    (w.closed && w.why.code != logins[i].end))
			fail_msg("%s: %s", logins[i].name, w.closed ? w.why.text : "ready");
		if (w.closed && strstr(w.why.text, logins[i].words) == NULL)
			fail_msg("%s: %s", logins[i].name, w.why.text);
		if (!w.closed)
			assert_string_equal(tor_control_version(w.control), "0.4.9.11");
		world_free(&w);
	}
}

static void proves_that_it_knows_the_cookie(void **state)
{
	static const struct step script[] = {{"PROTOCOLINFO 1", REPLY, COOKIE_INFO},
					     {"AUTHCHALLENGE SAFECOOKIE ", CHALLENGE, NULL},
					     {"AUTHENTICATE ", REPLY, "250 OK\r\n"},
					     {NULL, SILENCE, NULL}};
	char expected[2 * SHA256_LEN + 1];
	struct world w;

	(void)state;
	world_new(&w, script);
	world_connect(&w, NULL, false, 0);
	run(&w, &w.ready, &w.closed);
	assert_true(w.ready);
	hex_encode(w.client_hash, sizeof w.client_hash, expected);
	assert_non_null(strstr(w.sent, expected));
	/* and never shows it */
	assert_null(strstr(w.sent, "30313233343536373839616263646566"));
	world_free(&w);
}

static void does_not_hang_on_a_pipe_for_a_cookie(void **state)
{
	static const struct step script[] = {{"PROTOCOLINFO 1", REPLY, COOKIE_INFO},
					     {NULL, SILENCE, NULL}};
	struct world w;

	(void)state;
	world_new(&w, script);
	unlink(w.cookie_file);
	assert_int_equal(mkfifo(w.cookie_file, 0600), 0);
	world_connect(&w, NULL, false, 0);
	run(&w, &w.ready, &w.closed);
	assert_int_equal(w.why.code, ERR_AUTH);
	world_free(&w);
}

static void says_when_nobody_listens(void **state)
{
	static const struct step script[] = {{NULL, SILENCE, NULL}};
	struct tor_control_config config = {0};
	char address[80];
	struct world w;
	struct err err;

	(void)state;
	world_new(&w, script);
	listener_free(&w.listener);
	snprintf(address, sizeof address, "unix:%s", w.socket);
	config.address = address;
	assert_null(tor_control_new(w.loop, &config, &client_handler, &w, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	config.address = "nonsense";
	assert_null(tor_control_new(w.loop, &config, &client_handler, &w, &err));
	assert_int_equal(err.code, ERR_INPUT);
	/* On TCP the refusal comes from the loop, or at once. */
	config.address = "127.0.0.1:1";
	w.control = tor_control_new(w.loop, &config, &client_handler, &w, &err);
	if (w.control != NULL) {
		run(&w, &w.closed, &w.closed);
		err = w.why;
	}
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	world_free(&w);
}

/* Logged in with no authentication; then the script goes on. */
static void world_ready(struct world *w, const struct step *script, int64_t limit_ms)
{
	world_new(w, script);
	world_connect(w, NULL, false, limit_ms);
	run(w, &w->ready, &w->closed);
	assert_true(w->ready);
}

#define LOGIN                                                                                      \
	{"PROTOCOLINFO 1", REPLY, INFO("NULL")},                                                   \
	{                                                                                          \
		"AUTHENTICATE", REPLY, "250 OK\r\n"                                                \
	}

static void answers_come_in_order(void **state)
{
	static const struct step script[] = {
	    LOGIN,
	    {"ONE", SILENCE, NULL},
	    {"TWO 2", REPLY, "250-first\r\n250 OK\r\n650 EVENT\r\n"},
	    {"THREE", REPLY, "512 second\r\n250 third\r\n"},
	    {NULL, SILENCE, NULL},
	};
	struct world w;
	struct err err;

	(void)state;
	world_ready(&w, script, 0);
	assert_int_equal(tor_control_send(w.control, answered, &w, &err, "ONE"), 0);
	assert_int_equal(tor_control_send(w.control, answered, &w, &err, "TWO %d", 2), 0);
	assert_int_equal(tor_control_send(w.control, answered, &w, &err, "THREE"), 0);
	assert_string_equal(w.heard, "");
	run_until(&w, w.heard, "third");
	assert_string_equal(w.heard, "250 first|EVENT|512 second|250 third|");
	world_free(&w);
}

static void forgets_answers(void **state)
{
	static const struct step script[] = {
	    LOGIN,
	    {"ONE", REPLY, "250 first\r\n"},
	    {"TWO", REPLY, "250 second\r\n"},
	    {NULL, SILENCE, NULL},
	};
	struct world w, other = {.closed = false};
	struct err err;

	(void)state;
	world_ready(&w, script, 0);
	assert_int_equal(tor_control_send(w.control, answered, &other, &err, "ONE"), 0);
	assert_int_equal(tor_control_send(w.control, answered, &w, &err, "TWO"), 0);
	tor_control_forget(w.control, &other);
	run_until(&w, w.heard, "second");
	assert_string_equal(w.heard, "250 second|");
	assert_string_equal(other.heard, "");
	world_free(&w);
}

static void may_be_freed_in_an_answer(void **state)
{
	static const struct step script[] = {
	    LOGIN,
	    {"ONE", REPLY, "250 first\r\n250 second\r\n650 EVENT\r\n"},
	    {NULL, SILENCE, NULL},
	};
	struct world w;
	struct err err;

	(void)state;
	world_ready(&w, script, 0);
	w.free_in_answer = true;
	assert_int_equal(tor_control_send(w.control, answered, &w, &err, "ONE"), 0);
	run_until(&w, w.heard, "first");
	assert_null(w.control);
	assert_string_equal(w.heard, "250 first|");
	world_free(&w);
}

static void refuses_what_is_not_one_line(void **state)
{
	static const struct step script[] = {LOGIN, {NULL, SILENCE, NULL}};
	char longest[TOR_COMMAND_MAX + 1];
	struct world w;
	struct err err;

	(void)state;
	world_ready(&w, script, 0);
	memset(longest, 'x', sizeof longest - 1);
	longest[TOR_COMMAND_MAX] = '\0';
	assert_int_equal(tor_control_send(w.control, NULL, NULL, &err, "%s", longest), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(tor_control_send(w.control, NULL, NULL, &err, "A %s", "b\r\nQUIT"), -1);
	assert_int_equal(tor_control_send(w.control, NULL, NULL, &err, "A\n"), -1);
	longest[TOR_COMMAND_MAX - 1] = '\0';
	assert_int_equal(tor_control_send(w.control, NULL, NULL, &err, "%s", longest), 0);
	run_until(&w, w.sent, "xxx|");
	world_free(&w);
}

static void notices_a_tor_that_hangs(void **state)
{
	static const struct step script[] = {
	    LOGIN, {"ONE", REPLY, "250 first\r\n"}, {"TWO", SILENCE, NULL}, {NULL, SILENCE, NULL}};
	struct world w;
	struct err err;

	(void)state;
	world_ready(&w, script, 150);
	/* No limit while nothing is asked. */
	loop_run_once(w.loop, 200);
	assert_false(w.closed);
	assert_int_equal(tor_control_send(w.control, answered, &w, &err, "ONE"), 0);
	assert_int_equal(tor_control_send(w.control, answered, &w, &err, "TWO"), 0);
	run(&w, &w.closed, &w.closed);
	assert_int_equal(w.why.code, ERR_TIMEOUT);
	assert_string_equal(w.heard, "250 first|");
	world_free(&w);
}

static void is_not_usable_before_it_is_ready(void **state)
{
	static const struct step script[] = {{"PROTOCOLINFO 1", SILENCE, NULL}};
	struct world w;
	struct err err;

	(void)state;
	world_new(&w, script);
	world_connect(&w, NULL, false, 0);
	assert_int_equal(tor_control_send(w.control, answered, &w, &err, "ONE"), -1);
	assert_int_equal(err.code, ERR_WRONG_STATE);
	assert_string_equal(tor_control_version(w.control), "");
	world_free(&w);
}

static void knows_who_runs_tor(void **state)
{
	static const struct step script[] = {LOGIN, {NULL, SILENCE, NULL}};
	struct world w;

	(void)state;
	world_ready(&w, script, 0);
	assert_true(tor_control_same_user(w.control));
	world_free(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(logs_in_or_says_why_not),
	    cmocka_unit_test(proves_that_it_knows_the_cookie),
	    cmocka_unit_test(does_not_hang_on_a_pipe_for_a_cookie),
	    cmocka_unit_test(says_when_nobody_listens),
	    cmocka_unit_test(answers_come_in_order),
	    cmocka_unit_test(forgets_answers),
	    cmocka_unit_test(may_be_freed_in_an_answer),
	    cmocka_unit_test(refuses_what_is_not_one_line),
	    cmocka_unit_test(notices_a_tor_that_hangs),
	    cmocka_unit_test(is_not_usable_before_it_is_ready),
	    cmocka_unit_test(knows_who_runs_tor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
