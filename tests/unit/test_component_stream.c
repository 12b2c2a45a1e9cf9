/*
 * test_component_stream.c: the component's stream against a server that is played here, on a real
 * loop and loopback: what it says, what it bears, when it gives up. Real servers are in
 * tests/e2e/test_component_stream.py.
 */
#include "component/component_stream.h"
#include "component/component_words.h"
#include "core/base/log.h"
#include "core/base/stream_socket.h"
#include "xmpp/ns.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define DOMAIN "gw.example.org"
#define HEADER                                                                                     \
	"<?xml version='1.0'?><stream:stream xmlns:stream='" NS_STREAMS "' xmlns='" NS_COMPONENT   \
	"' from='" DOMAIN "' id='abc'>"
/* printf %s 'abcsecret' | sha1sum */
#define PROOF "<handshake>de0a408ef519cd62e7379039634152874895c50c</handshake>"
/* printf %s 'abcanother' | sha1sum */
#define PROOF_OF_ANOTHER "<handshake>79c569c6ea49eec99a2c791632c8c8a9a74bf17d</handshake>"
/* Longest that anything here takes on a loaded machine. */
#define PATIENCE_MS 20000

static const struct component_stream_times quick = {
    .open = 1000,
    .silence = 300,
    .answer = 800,
    .first = 20,
    .most = 80,
    .refused = 60000,
    .steady = 60000,
    .end = 300,
};
/* As quick, but nothing is given up while a test is at it. */
static const struct component_stream_times patient = {
    .open = 60000,
    .silence = 60000,
    .answer = 60000,
    .first = 20,
    .most = 80,
    .refused = 60000,
    .steady = 60000,
    .end = 5000,
};

struct rig {
	struct loop *loop;
	struct listener *listener;
	struct stream *peer;     /* the server's end of the newest connection */
	unsigned accepted, used; /* connections; the last that connect_up has used */
	struct buf heard;        /* what the server has got on that connection */
	struct component_stream *stream;
	unsigned ups, downs, rooms, passed;
	struct err why;  /* of the last down() */
	struct buf told; /* stanzas as they came up, written again */
	unsigned stanzas;
};

/* --- the server --- */

static void peer_received(void *arg, const uint8_t *data, size_t len)
{
	struct rig *rig = arg;

	assert_int_equal(buf_add(&rig->heard, data, len), 0);
}

static void peer_closed(void *arg, const struct err *why)
{
	struct rig *rig = arg;

	(void)why;
	stream_free(&rig->peer);
}

static void on_accept(void *arg, struct stream *stream)
{
	static const struct stream_handler handler = {.received = peer_received,
						      .closed = peer_closed};
	struct rig *rig = arg;

	stream_free(&rig->peer);
	rig->peer = stream;
	rig->accepted++;
	buf_clear(&rig->heard);
	stream_set_handler(stream, &handler, rig);
}

static void say(struct rig *rig, const char *text)
{
	assert_non_null(rig->peer);
	assert_int_equal(stream_write(rig->peer, text, strlen(text)), 0);
}

/* --- the component --- */

static void on_up(void *arg)
{
	struct rig *rig = arg;

	rig->ups++;
}

static void on_down(void *arg, const struct err *why)
{
	struct rig *rig = arg;

	rig->downs++;
	rig->why = *why;
}

static void on_stanza(void *arg, struct xml *stanza)
{
	struct rig *rig = arg;

	rig->stanzas++;
	xml_write(stanza, NS_COMPONENT, &rig->told);
	xml_free(&stanza);
}

static void on_room(void *arg)
{
	struct rig *rig = arg;

	rig->rooms++;
}

static void on_passed(void *arg)
{
	struct rig *rig = arg;

	rig->passed++;
}

static const struct component_stream_handler handler = {on_up, on_down, on_stanza, on_room};

static void start_at(struct rig *rig, const struct component_stream_times *times, uint16_t port,
		     const char *address)
{
	struct component_stream_config config = {address, port, DOMAIN, "secret", times};
	struct err err;

	rig->stream = component_stream_new(rig->loop, &config, &handler, rig, &err);
	assert_non_null(rig->stream);
}

static void start(struct rig *rig, const struct component_stream_times *times)
{
	start_at(rig, times, listener_port(rig->listener), "127.0.0.1");
}

/* Run the loop until the condition holds. */
#define UNTIL(rig, condition)                                                                      \
	do {                                                                                       \
		int64_t until_ = env_mono_ms(loop_env((rig)->loop)) + PATIENCE_MS;                 \
		while (!(condition)) {                                                             \
			if (env_mono_ms(loop_env((rig)->loop)) > until_)                           \
				fail_msg("not in time: %s; heard %.300s; told %.300s; %s",         \
					 #condition, buf_text(&(rig)->heard),                      \
					 buf_text(&(rig)->told), (rig)->why.text);                 \
			loop_run_once((rig)->loop, 10);                                            \
		}                                                                                  \
	} while (0)

static bool heard(const struct rig *rig, const char *text)
{
	return strstr(buf_text(&rig->heard), text) != NULL;
}

static void connect_up(struct rig *rig)
{
	unsigned ups = rig->ups;

	UNTIL(rig, rig->accepted > rig->used && rig->peer && heard(rig, " to='" DOMAIN "'>"));
	rig->used = rig->accepted;
	say(rig, HEADER);
	UNTIL(rig, heard(rig, "</handshake>"));
	say(rig, "<handshake/>");
	UNTIL(rig, rig->ups == ups + 1);
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct err err;

	rig->loop = loop_new(&err);
	rig->listener = listener_new_tcp(rig->loop, "127.0.0.1", 0, on_accept, rig, &err);
	buf_init(&rig->heard, 64 << 20);
	buf_init(&rig->told, 64 << 20);
	log_set_level(LOG_LEVEL_ERROR);
	*state = rig;
	return rig->listener ? 0 : -1;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	component_stream_free(&rig->stream);
	stream_free(&rig->peer);
	listener_free(&rig->listener);
	loop_free(&rig->loop);
	buf_free(&rig->heard);
	buf_free(&rig->told);
	free(rig);
	return 0;
}

static struct xml *message(const char *body)
{
	struct xml *m = xml_new("message", NULL);

	xml_set(m, "from", "a@" DOMAIN);
	xml_set(m, "to", "b@example.org");
	xml_text_add(xml_child_add(m, "body", NULL), body);
	return m;
}

static int send_text(struct rig *rig, const char *body, struct err *err)
{
	struct xml *m = message(body);
	int result = component_stream_send(rig->stream, m, err);

	xml_free(&m);
	return result;
}

/* --- the tests --- */

static void test_handshake(void **state)
{
	struct rig *rig = *state;
	struct err err;

	start(rig, &patient);
	assert_int_equal(send_text(rig, "x", &err), -1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_false(component_stream_room(rig->stream));
	UNTIL(rig, rig->peer && rig->heard.len > 0);
	assert_string_equal(buf_text(&rig->heard),
			    "<?xml version='1.0'?><stream:stream xmlns='" NS_COMPONENT
			    "' xmlns:stream='" NS_STREAMS "' to='" DOMAIN "'>");
	say(rig, HEADER);
	UNTIL(rig, heard(rig, PROOF));
	/* What comes in the same piece as the answer must not be lost (libstrophe crashed here). */
	say(rig, "<handshake/><message from='b@example.org' to='" DOMAIN
		 "' xml:lang='de'><body>1</body></message>");
	UNTIL(rig, rig->stanzas == 1);
	assert_int_equal(rig->ups, 1);
	assert_string_equal(buf_text(&rig->told), "<message from='b@example.org' to='" DOMAIN
						  "' xml:lang='de'><body>1</body></message>");
	assert_int_equal(send_text(rig, "hello", &err), 0);
	UNTIL(rig, heard(rig, "<message from='a@" DOMAIN
			      "' to='b@example.org'><body>hello</body></message>"));
}

/* An attribute of another namespace is not the one that the server has stamped. */
static void test_forged_from(void **state)
{
	struct rig *rig = *state;

	start(rig, &patient);
	connect_up(rig);
	say(rig, "<message from='bob@example.org/x' to='" DOMAIN
		 "' xmlns:f='urn:f' f:from='victim@example.org' f:type='error'/>");
	UNTIL(rig, rig->stanzas == 1);
	assert_non_null(strstr(buf_text(&rig->told), "<message from='bob@example.org/x'"));
	assert_null(strstr(buf_text(&rig->told), " type="));
}

static void test_barrier(void **state)
{
	struct rig *rig = *state;
	struct err err;
	char first[512], second[512], other[128];
	const char *at;

	start(rig, &patient);
	connect_up(rig);
	assert_int_equal(send_text(rig, "1", &err), 0);
	assert_int_equal(component_stream_barrier(rig->stream, on_passed, rig, &err), 0);
	assert_int_equal(component_stream_barrier(rig->stream, on_passed, rig, &err), 0);
	assert_int_equal(component_stream_barrier(rig->stream, on_passed, rig, &err), 0);
	UNTIL(rig, heard(rig, "-3'"));
	at = strstr(buf_text(&rig->heard), "<iq ");
	assert_non_null(at);
	snprintf(first, sizeof(first), "%.*s", (int)(strstr(at, "</iq>") + 5 - at), at);
	at = strstr(at + 1, "<iq ");
	snprintf(second, sizeof(second), "%.*s", (int)(strstr(at, "</iq>") + 5 - at), at);
	/* Somebody else's is not ours; it goes up. */
	say(rig, "<iq type='get' id='1' from='b@example.org'><ping xmlns='urn:xmpp:ping'/></iq>");
	say(rig, "<iq type='get' id='1' from='" DOMAIN "'><ping xmlns='urn:xmpp:ping'/></iq>");
	snprintf(other, sizeof(other), "<iq type='result' from='b@example.org' id='%.23s1'/>",
		 strstr(first, "tacet-"));
	assert_non_null(strstr(other, "-1'"));
	say(rig, other);
	UNTIL(rig, rig->stanzas == 3);
	assert_int_equal(rig->passed, 0);
	say(rig, first);
	UNTIL(rig, rig->passed == 1);
	/* Again it means nothing. A later one takes the earlier ones along. */
	say(rig, first);
	UNTIL(rig, rig->stanzas == 4);
	assert_int_equal(rig->passed, 1);
	memcpy(strstr(second, "-2'"), "-3'", 3);
	say(rig, second);
	UNTIL(rig, rig->passed == 3);
	assert_int_equal(rig->stanzas, 4);
}

/* Those under way when the connection breaks are never called, and the ids of the old mean nothing
 * to the new. */
static void test_barrier_lost(void **state)
{
	struct rig *rig = *state;
	struct err err;
	char ping[512];
	const char *at;

	start(rig, &patient);
	connect_up(rig);
	assert_int_equal(component_stream_barrier(rig->stream, on_passed, rig, &err), 0);
	UNTIL(rig, heard(rig, "</iq>"));
	at = strstr(buf_text(&rig->heard), "<iq ");
	snprintf(ping, sizeof(ping), "%.*s", (int)(strstr(at, "</iq>") + 5 - at), at);
	stream_free(&rig->peer);
	UNTIL(rig, rig->downs == 1);
	connect_up(rig);
	assert_int_equal(component_stream_barrier(rig->stream, on_passed, rig, &err), 0);
	UNTIL(rig, heard(rig, "</iq>"));
	assert_memory_not_equal(strstr(ping, "tacet-"), strstr(buf_text(&rig->heard), "tacet-"),
				strlen("tacet-0123456789abcdef"));
	say(rig, ping);
	UNTIL(rig, rig->stanzas == 1);
	assert_int_equal(rig->passed, 0);
}

static void test_barriers_full(void **state)
{
	struct rig *rig = *state;
	struct err err;

	start(rig, &patient);
	connect_up(rig);
	for (unsigned i = 0; i < COMPONENT_BARRIERS; i++)
		assert_int_equal(component_stream_barrier(rig->stream, on_passed, rig, &err), 0);
	assert_int_equal(component_stream_barrier(rig->stream, on_passed, rig, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	UNTIL(rig, heard(rig, "-64'"));
	say(rig, strstr(buf_text(&rig->heard), "<iq "));
	UNTIL(rig, rig->passed == COMPONENT_BARRIERS);
	assert_int_equal(rig->rooms, 1);
	assert_int_equal(component_stream_barrier(rig->stream, on_passed, rig, &err), 0);
}

/* What the server says when it refuses, and how soon it is asked again. */
static void test_refused(void **state)
{
	static const struct {
		const char *said;
		enum err_code code;
		const char *words;
		bool soon;
	} cases[] = {
	    {"<not-authorized xmlns='" NS_STREAM_ERRORS "'/>", ERR_AUTH, "refuses the secret",
	     false},
	    {"<host-unknown xmlns='" NS_STREAM_ERRORS "'/>", ERR_AUTH, "no component of this",
	     false},
	    {"<conflict xmlns='" NS_STREAM_ERRORS "'/>", ERR_EXISTS, "another component", true},
	    {"<system-shutdown xmlns='" NS_STREAM_ERRORS "'/>", ERR_CLOSED, "shutting down", true},
	    {"<invalid-from xmlns='" NS_STREAM_ERRORS "'/>", ERR_PROTOCOL, "component's domain",
	     true},
	    {"<text xmlns='x'>secret text</text>", ERR_PROTOCOL, "unknown", true},
	    {"", ERR_PROTOCOL, "unknown", true},
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned before = rig->accepted;

		rig->downs = 0;
		start(rig, &patient);
		UNTIL(rig, rig->peer && heard(rig, ">"));
		say(rig, HEADER "<stream:error>");
		say(rig, cases[i].said);
		say(rig, "</stream:error></stream:stream>");
		UNTIL(rig, rig->downs == 1);
		assert_int_equal(rig->why.code, cases[i].code);
		assert_non_null(strstr(rig->why.text, cases[i].words));
		if (cases[i].soon)
			UNTIL(rig, rig->accepted == before + 2);
		else
			for (int n = 0; n < 30; n++)
				loop_run_once(rig->loop, 10);
		assert_int_equal(rig->accepted, before + (cases[i].soon ? 2 : 1));
		component_stream_free(&rig->stream);
		stream_free(&rig->peer);
		buf_clear(&rig->heard);
	}
}

/* A server that accepts and says nothing; that stops in the middle of a stanza; that goes silent.
 */
/* A secret that has been mended is tried at once; the same one is not. */
static void test_secret_mended(void **state)
{
	struct rig *rig = *state;
	struct err err;

	start(rig, &quick);
	UNTIL(rig, rig->peer && rig->heard.len > 0);
	say(rig, HEADER);
	UNTIL(rig, heard(rig, PROOF));
	say(rig, "<stream:error><not-authorized xmlns='" NS_STREAM_ERRORS "'/></stream:error>");
	UNTIL(rig, rig->downs == 1);
	assert_int_equal(rig->why.code, ERR_AUTH);
	assert_int_equal(component_stream_set_secret(rig->stream, "secret", &err), 0);
	loop_run_once(rig->loop, 20);
	loop_run_once(rig->loop, 20);
	assert_int_equal(rig->accepted, 1);
	assert_int_equal(component_stream_set_secret(rig->stream, "another", &err), 0);
	UNTIL(rig, rig->accepted == 2 && heard(rig, " to='" DOMAIN "'>"));
	say(rig, HEADER);
	UNTIL(rig, heard(rig, PROOF_OF_ANOTHER));
	say(rig, "<handshake/>");
	UNTIL(rig, rig->ups == 1);
	/* While it is up, it is for the next time. */
	assert_int_equal(component_stream_set_secret(rig->stream, "secret", &err), 0);
	loop_run_once(rig->loop, 20);
	assert_true(component_stream_is_up(rig->stream));
}

static void test_dead(void **state)
{
	struct rig *rig = *state;

	start(rig, &quick);
	UNTIL(rig, rig->accepted == 1);
	UNTIL(rig, rig->downs == 1);
	assert_int_equal(rig->why.code, ERR_TIMEOUT);
	rig->used = 1;
	connect_up(rig);
	say(rig, "<message from='b@example.org'><body>half of");
	UNTIL(rig, rig->downs == 2);
	assert_int_equal(rig->why.code, ERR_TIMEOUT);
	assert_true(heard(rig, "urn:xmpp:ping"));
	/* One that answers is kept, for as long as it does. */
	connect_up(rig);
	for (unsigned answered = 0; answered < 4; answered++) {
		UNTIL(rig, heard(rig, "</iq>"));
		say(rig, strstr(buf_text(&rig->heard), "<iq "));
		buf_clear(&rig->heard);
	}
	assert_int_equal(rig->downs, 2);
	UNTIL(rig, rig->downs == 3);
	assert_int_equal(rig->stanzas, 0);
}

/* A server that reads slowly: the queue is bounded, nothing is lost, and there is room again. */
static void test_slow_reader(void **state)
{
	struct rig *rig = *state;
	char body[4096];
	unsigned sent = 0, found = 0;
	struct err err;

	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = 0;
	start(rig, &patient);
	connect_up(rig);
	stream_pause(rig->peer, true);
	for (;; sent++) {
		assert_true(sent < 10000);
		if (send_text(rig, body, &err))
			break;
		if (sent % 16 == 0)
			loop_run_once(rig->loop, 0);
	}
	assert_int_equal(err.code, ERR_LIMIT);
	assert_false(component_stream_room(rig->stream));
	assert_int_equal(rig->rooms, 0);
	stream_pause(rig->peer, false);
	UNTIL(rig, rig->rooms == 1);
	assert_true(component_stream_room(rig->stream));
	assert_int_equal(send_text(rig, "last", &err), 0);
	UNTIL(rig, heard(rig, ">last<"));
	for (const char *at = buf_text(&rig->heard); (at = strstr(at, "</message>")); at++)
		found++;
	assert_int_equal(found, sent + 1);
}

static void repeat(struct buf *out, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_add_text(out, text), 0);
}

/* What any user of the server can send is answered and skipped, and the stream goes on. */
static void test_too_big(void **state)
{
	static const struct {
		const char *from, *open, *middle, *close;
		size_t count;
	} cases[] = {
	    {"deep", "<a>", "", "</a>", 30000},
	    {"wide", "", "<a/>", "", 60000},
	    {"long", "", "0123456789", "", 50000},
	    {"far", "", "<a b='' xmlns:n='n' n:b=''/>", "", 8000},
	};
	struct rig *rig = *state;
	struct buf text;
	char expected[256];

	start(rig, &patient);
	connect_up(rig);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&text, 2 << 20);
		buf_printf(&text, "<iq type='set' id='1' from='%s@example.org' to='x@" DOMAIN "'>",
			   cases[i].from);
		repeat(&text, cases[i].open, cases[i].count);
		repeat(&text, cases[i].middle, cases[i].count);
		repeat(&text, cases[i].close, cases[i].count);
		buf_add_text(&text, "</iq><message/>");
		say(rig, buf_text(&text));
		buf_free(&text);
		snprintf(expected, sizeof(expected),
			 "<iq from='x@" DOMAIN "' to='%s@example.org' type='error' id='1'>",
			 cases[i].from);
		UNTIL(rig, rig->stanzas == i + 1);
		UNTIL(rig, heard(rig, "policy-violation"));
		if (!heard(rig, cases[i].from))
			fail_msg("%s: %.300s", cases[i].from, buf_text(&rig->heard));
		buf_clear(&rig->heard);
	}
	/* No answer to an answer, an error or a presence. */
	buf_init(&text, 2 << 20);
	buf_add_text(&text, "<presence from='b@example.org'>");
	repeat(&text, "<a/>", 9000);
	buf_add_text(&text, "</presence><message type='error' from='b@example.org'>");
	repeat(&text, "<a/>", 9000);
	buf_add_text(&text, "</message><iq type='result' id='2' from='b@example.org'>");
	repeat(&text, "<a/>", 9000);
	buf_add_text(&text, "</iq><message/>");
	say(rig, buf_text(&text));
	buf_free(&text);
	UNTIL(rig, rig->stanzas == 5);
	loop_run_once(rig->loop, 20);
	assert_int_equal(rig->heard.len, 0);
	assert_int_equal(rig->downs, 0);
}

/* What no server does in its senses ends the stream, with the reason. */
static void test_far_too_big(void **state)
{
	static const struct {
		const char *piece;
		size_t count;
		const char *condition;
	} cases[] = {
	    {"<a>", 400000, "policy-violation"},
	    {"0123456789", 1 << 20, "policy-violation"},
	    {"<!-- -->", 1, "restricted-xml"},
	    {"</b>", 1, "not-well-formed"},
	};
	struct rig *rig = *state;
	struct buf text;

	start(rig, &patient);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		connect_up(rig);
		buf_init(&text, 16 << 20);
		buf_add_text(&text, "<message>");
		repeat(&text, cases[i].piece, cases[i].count);
		say(rig, buf_text(&text));
		buf_free(&text);
		UNTIL(rig, heard(rig, "</stream:stream>"));
		assert_true(heard(rig, cases[i].condition));
		stream_free(&rig->peer);
		UNTIL(rig, rig->downs == i + 1);
		assert_non_null(strstr(rig->why.text, cases[i].condition));
		assert_int_equal(rig->stanzas, 0);
	}
}

/* libstrophe could not (it uses select). */
static void test_many_descriptors(void **state)
{
	struct rig *rig = *state;
	struct rlimit limit;
	int *files;
	const int count = 1200;
	struct err err;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < 2000)
		skip();
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	files = calloc((size_t)count, sizeof(*files));
	for (int i = 0; i < count; i++)
		files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(files[count - 1] >= 1024);
	start(rig, &patient);
	connect_up(rig);
	assert_int_equal(send_text(rig, "high", &err), 0);
	UNTIL(rig, heard(rig, ">high<"));
	for (int i = 0; i < count; i++)
		close(files[i]);
	free(files);
}

static void test_reconnect(void **state)
{
	struct rig *rig = *state;
	uint16_t port = listener_port(rig->listener);
	struct err err;

	start(rig, &patient);
	connect_up(rig);
	say(rig, "</stream:stream>");
	UNTIL(rig, rig->downs == 1);
	assert_int_equal(rig->why.code, ERR_CLOSED);
	assert_int_equal(send_text(rig, "x", &err), -1);
	connect_up(rig);
	/* The server is gone for a while. */
	listener_free(&rig->listener);
	stream_free(&rig->peer);
	UNTIL(rig, rig->downs >= 5);
	rig->listener = listener_new_tcp(rig->loop, "127.0.0.1", port, on_accept, rig, &err);
	assert_non_null(rig->listener);
	connect_up(rig);
	assert_int_equal(rig->ups, 3);
}

static void test_name(void **state)
{
	struct rig *rig = *state;

	start_at(rig, &patient, listener_port(rig->listener), "localhost");
	connect_up(rig);
	component_stream_free(&rig->stream);
	rig->downs = 0;
	start_at(rig, &patient, 1, "nothing.invalid");
	UNTIL(rig, rig->downs == 1);
	assert_int_equal(rig->why.code, ERR_UNAVAILABLE);
	component_stream_free(&rig->stream);
	/* Given up while it is looked up. */
	start_at(rig, &patient, 1, "nothing.invalid");
	loop_run_once(rig->loop, 0);
	component_stream_free(&rig->stream);
}

/* What is queued is sent, then the stream ends, and that is all. */
static void test_stop(void **state)
{
	struct rig *rig = *state;
	struct err err;

	start(rig, &patient);
	connect_up(rig);
	assert_int_equal(send_text(rig, "bye", &err), 0);
	component_stream_stop(rig->stream);
	assert_false(component_stream_is_up(rig->stream));
	assert_int_equal(send_text(rig, "x", &err), -1);
	UNTIL(rig, heard(rig, ">bye</body></message></stream:stream>"));
	UNTIL(rig, component_stream_is_ended(rig->stream));
	/* The server has seen the end before. */
	assert_null(rig->peer);
	assert_int_equal(rig->downs, 1);
	assert_int_equal(rig->why.code, ERR_CLOSED);
	for (int n = 0; n < 20; n++)
		loop_run_once(rig->loop, 10);
	assert_int_equal(rig->accepted, 1);
	component_stream_free(&rig->stream);
}

static void test_stop_early(void **state)
{
	struct rig *rig = *state;

	/* before it has begun, and while the server says nothing */
	for (unsigned i = 0; i < 2; i++) {
		rig->downs = 0;
		start(rig, &patient);
		if (i > 0)
			UNTIL(rig, rig->accepted == 1);
		component_stream_stop(rig->stream);
		assert_int_equal(rig->downs, 0);
		UNTIL(rig, component_stream_is_ended(rig->stream));
		assert_int_equal(rig->downs, 1);
		component_stream_free(&rig->stream);
	}
}

static void test_stop_dead(void **state)
{
	struct rig *rig = *state;

	start(rig, &quick);
	connect_up(rig);
	stream_pause(rig->peer, true);
	component_stream_stop(rig->stream);
	UNTIL(rig, component_stream_is_ended(rig->stream));
}

static void test_config(void **state)
{
	static const struct component_stream_config bad[] = {
	    {"127.0.0.1", 5347, "a@example.org", "s", NULL},
	    {"127.0.0.1", 5347, "", "s", NULL},
	    {"", 5347, DOMAIN, "s", NULL},
	    {"127.0.0.1", 0, DOMAIN, "s", NULL},
	    {"127.0.0.1", 5347, DOMAIN, "", NULL},
	};
	struct rig *rig = *state;
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(component_stream_new(rig->loop, &bad[i], &handler, rig, &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
}

static void test_too_long_to_send(void **state)
{
	struct rig *rig = *state;
	char *body = malloc(COMPONENT_STANZA_BYTES + 1);
	struct err err;

	memset(body, 'x', COMPONENT_STANZA_BYTES);
	body[COMPONENT_STANZA_BYTES] = 0;
	start(rig, &patient);
	connect_up(rig);
	assert_int_equal(send_text(rig, body, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	free(body);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_handshake),
	    TEST(test_forged_from),
	    TEST(test_barrier),
	    TEST(test_secret_mended),
	    TEST(test_barrier_lost),
	    TEST(test_barriers_full),
	    TEST(test_refused),
	    TEST(test_dead),
	    TEST(test_slow_reader),
	    TEST(test_too_big),
	    TEST(test_far_too_big),
	    TEST(test_reconnect),
	    TEST(test_name),
	    TEST(test_stop),
	    TEST(test_stop_early),
	    TEST(test_stop_dead),
	    TEST(test_config),
	    TEST(test_too_long_to_send),
	    TEST(test_many_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
