/*
 * test_component_memory.c: the component's stream when memory is short: each allocation fails in
 * turn. Whatever fails, the stream comes up again by itself, and what it does then is whole.
 *
 * The server is played with plain system calls, so that the allocations are the component's alone.
 */
#include "component/component_stream.h"
#include "component/component_words.h"
#include "core/base/log.h"
#include "tests/unit/fail_malloc.h"
#include "xmpp/ns.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define DOMAIN "gw.example.org"
#define HEADER                                                                                     \
	"<?xml version='1.0'?><stream:stream xmlns:stream='" NS_STREAMS "' xmlns='" NS_COMPONENT   \
	"' from='" DOMAIN "' id='abc'>"
/* Longest that one round takes on a loaded machine. */
#define PATIENCE_MS 20000
/* Elements within each other that are too many for one stanza. */
#define TOO_DEEP 80

static const struct component_stream_times times = {
    .open = 60000,
    .silence = 60000,
    .answer = 60000,
    .first = 1,
    .most = 2,
    .refused = 60000,
    .steady = 60000,
    .end = 200,
};

static struct loop *loop;
static struct component_stream *stream;
static int listener, peer = -1;
static uint16_t port;
static char heard[16384]; /* by the server, of the newest connection */
static size_t heard_len;
static bool welcomed, proven, pinged;
static unsigned stanzas, passed;
static bool to_say; /* the component has still to say what it is to say */

/* --- the server --- */

static void say(const char *text)
{
	assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Too deep to be taken; then one that is not. */
static void say_stanzas(void)
{
	say("<message from='b@example.org' to='" DOMAIN "'>");
	for (int i = 0; i < TOO_DEEP; i++)
		say("<a>");
	for (int i = 0; i < TOO_DEEP; i++)
		say("</a>");
	say("</message><message from='b@example.org' to='" DOMAIN "'><body>1</body></message>");
}

/* Each once. */
static void answer(void)
{
	const char *at = strstr(heard, "<iq "), *end = at ? strstr(at, "</iq>") : NULL;

	if (!welcomed && strstr(heard, " to='" DOMAIN "'>")) {
		welcomed = true;
		say(HEADER);
	}
	if (!proven && strstr(heard, "</handshake>")) {
		proven = true;
		say("<handshake/>");
		say_stanzas();
	}
	if (!pinged && end) {
		pinged = true;
		assert_true(send(peer, at, (size_t)(end + 5 - at), MSG_NOSIGNAL) > 0);
	}
}

static void serve(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	ssize_t len;

	if (fd >= 0) {
		if (peer >= 0)
			close(peer);
		peer = fd;
		heard_len = 0;
		welcomed = proven = pinged = false;
	}
	len = peer < 0 ? -1 : recv(peer, heard + heard_len, sizeof(heard) - 1 - heard_len, 0);
	if (len > 0) {
		heard_len += (size_t)len;
		heard[heard_len] = '\0';
		answer();
	} else if (len == 0) {
		close(peer);
		peer = -1;
	}
}

/* --- the component --- */

static void on_up(void *arg)
{
	(void)arg;
	to_say = true;
}

static void on_stanza(void *arg, struct xml *stanza)
{
	(void)arg;
	stanzas++;
	xml_free(&stanza);
}

static void on_passed(void *arg)
{
	(void)arg;
	passed++;
}

static const struct component_stream_handler handler = {.up = on_up, .stanza = on_stanza};

/* Said again when it could not be said. */
static void say_it(void)
{
	struct err err = {0};
	struct xml *m = xml_new("message", NULL);

	if (xml_set(m, "from", "a@" DOMAIN) && xml_set(m, "to", "b@example.org") &&
	    component_stream_send(stream, m, &err) == 0 &&
	    component_stream_barrier(stream, on_passed, NULL, &err) == 0)
		to_say = false;
	xml_free(&m);
}

/* Run until the condition holds, with the server. */
#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		int64_t until_ = env_mono_ms(loop_env(loop)) + PATIENCE_MS;                        \
		while (!(condition)) {                                                             \
			if (env_mono_ms(loop_env(loop)) > until_)                                  \
				fail_msg("allocation %ld: not in time: %s; heard %s", n,           \
					 #condition, heard);                                       \
			loop_run_once(loop, 1);                                                    \
			serve();                                                                   \
			if (to_say && component_stream_is_up(stream))                              \
				say_it();                                                          \
		}                                                                                  \
	} while (0)

static int set_up(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	struct err err;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	loop = loop_new(&err);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (!loop || bind(listener, (struct sockaddr *)&address, len) || listen(listener, 8) ||
	    getsockname(listener, (struct sockaddr *)&address, &len))
		return -1;
	port = ntohs(address.sin_port);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(&loop);
	close(listener);
	if (peer >= 0)
		close(peer);
	return 0;
}

/* The address is a number, and then a name that is looked up. */
static void whole_life(const char *address)
{
	const struct component_stream_config config = {address, port, DOMAIN, "secret", &times};
	bool failed = true;

	for (long n = 0; failed; n++) {
		struct err err = {0};

		stanzas = passed = 0;
		to_say = false;
		fail_malloc_arm(n);
		stream = component_stream_new(loop, &config, &handler, NULL, &err);
		if (!stream) {
			assert_true(fail_malloc_disarm());
			assert_int_equal(err.code, ERR_MEMORY);
			continue;
		}
		UNTIL(stanzas > 0 && passed > 0);
		component_stream_stop(stream);
		UNTIL(component_stream_is_ended(stream));
		component_stream_free(&stream);
		failed = fail_malloc_disarm();
		/* What was too deep is answered, if there is memory. */
		assert_true(failed || strstr(heard, "policy-violation"));
	}
}

static void test_number(void **state)
{
	(void)state;
	whole_life("127.0.0.1");
}

static void test_name(void **state)
{
	(void)state;
	whole_life("localhost");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_number, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_name, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
