/*
 * test_transport_tor.c: services and dials against a made-up tor: a control port and a SOCKS port
 * that are told what to answer. What a real tor does is in tests/e2e/test_tor.c.
 */
#include "core/base/codec.h"
#include "core/base/stream_socket.h"
#include "core/crypto.h"
#include "core/onion.h"
#include "core/transport_tor.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Longer than four tries with 1.5 s between them. */
#define TEST_LIMIT_MS 15000
#define CALLS_MAX     8

/* Onion names with right checksums, of the rendezvous specification. */
static const char *const onions[] = {
    "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd",
    "sp3k262uwy4r2k3ycr5awluarykdpag6a7y33jxop4cs2lu5uz5sseqd",
    "xa4r2iadxm55fbnqgwwi5mymqdcofiu3w6rpbtqn7b2dyn7mgwj64jyd",
    "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid",
};

/* One connection to the SOCKS port. */
struct call {
	struct world *world;
	struct stream *stream;
	uint8_t in[600];
	size_t len;
};

struct world {
	struct loop *loop;
	char directory[32];
	char control_path[64], socks_path[64];
	struct listener *control_listener, *socks_listener;
	struct stream *control_end;
	struct tor_control *control;
	struct tor_transport *transport;
	bool ready;
	bool foreign; /* tor runs under another user */
	/* control port */
	char line[TOR_COMMAND_MAX];
	size_t line_len;
	char commands[16384];  /* all that were sent, one a line */
	const char *add_reply; /* to ADD_ONION; NULL: an address */
	unsigned added;
	bool add_silent;
	const char *auth_reply; /* to ONION_CLIENT_AUTH_ADD */
	/* SOCKS port */
	struct call calls[CALLS_MAX];
	unsigned call_count;
	int codes[CALLS_MAX]; /* the answer to each call */
	const char *greeting; /* said by the other end with the answer */
};

/* --- the control port --- */

static void say(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct world *w, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	assert_int_equal(stream_write(w->control_end, text, strlen(text)), 0);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void answer_add(struct world *w)
{
	if (w->add_silent)
		return;
	if (w->add_reply != NULL && strstr(w->line, "PoWDefensesEnabled") != NULL)
		say(w, "%s\r\n", w->add_reply);
	else if (w->add_reply != NULL && !begins(w->add_reply, "512"))
		say(w, "%s\r\n", w->add_reply);
	else
		say(w, "250-ServiceID=%s\r\n250-ClientAuthV3=X\r\n250 OK\r\n",
		    onions[w->added++ % 4]);
}

static void got_line(struct world *w)
{
	size_t len = strlen(w->commands);

	snprintf(w->commands + len, sizeof w->commands - len, "%s\n", w->line);
	if (begins(w->line, "PROTOCOLINFO"))
		say(w, "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n");
	else if (begins(w->line, "ADD_ONION"))
		answer_add(w);
	else if (begins(w->line, "ONION_CLIENT_AUTH_ADD"))
		say(w, "%s\r\n", w->auth_reply);
	else
		say(w, "250 OK\r\n");
}

static void control_received(void *arg, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\r')
			continue;
		assert_true(w->line_len < sizeof w->line);
		w->line[w->line_len] = data[i] == '\n' ? '\0' : (char)data[i];
		w->line_len++;
		if (data[i] == '\n') {
			w->line_len = 0;
			got_line(w);
		}
	}
}

static void control_end_closed(void *arg, const struct err *why)
{
	struct world *w = arg;

	(void)why;
	stream_free(&w->control_end);
}

static const struct stream_handler control_end_handler = {
    .received = control_received,
    .closed = control_end_closed,
};

static void control_accepts(void *arg, struct stream *stream)
{
	struct world *w = arg;

	w->control_end = stream;
	stream_set_handler(stream, &control_end_handler, w);
}

static void control_ready(void *arg)
{
	((struct world *)arg)->ready = true;
}

static void control_event(void *arg, const struct tor_reply *event)
{
	tor_transport_event(((struct world *)arg)->transport, event);
}

static void control_closed(void *arg, const struct err *why)
{
	struct world *w = arg;

	(void)why;
	w->ready = false;
	tor_transport_down(w->transport);
	tor_control_free(&w->control);
}

static const struct tor_control_handler control_handler = {
    .ready = control_ready,
    .event = control_event,
    .closed = control_closed,
};

/* --- the SOCKS port --- */

static void socks_received(void *arg, const uint8_t *data, size_t len)
{
	struct call *call = arg;
	struct world *w = call->world;
	uint8_t reply[64] = {5, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	size_t reply_len = 10;
	unsigned number = (unsigned)(call - w->calls);

	assert_true(call->len + len < sizeof call->in);
	memcpy(call->in + call->len, data, len);
	call->len += len;
	if (call->in[0] == 5 && call->in[1] == 1 && call->len == 3) {
		stream_write(call->stream, "\005\002", 2);
	} else if (call->in[3] == 1 && call->len == 3u + 2 + call->in[4] + 2) {
		stream_write(call->stream, "\001\000", 2);
	} else if (call->len > 3u + 2 + call->in[4] + 2 + 5) {
		if (w->codes[number] < 0)
			return;
		reply[1] = (uint8_t)w->codes[number];
		if (w->greeting != NULL) {
			memcpy(reply + reply_len, w->greeting, strlen(w->greeting));
			reply_len += strlen(w->greeting);
		}
		stream_write(call->stream, reply, reply_len);
	}
}

static void socks_end_closed(void *arg, const struct err *why)
{
	struct call *call = arg;

	(void)why;
	stream_free(&call->stream);
}

static const struct stream_handler socks_handler = {
    .received = socks_received,
    .closed = socks_end_closed,
};

static void socks_accepts(void *arg, struct stream *stream)
{
	struct world *w = arg;
	struct call *call = &w->calls[w->call_count++];

	assert_true(w->call_count <= CALLS_MAX);
	call->world = w;
	call->stream = stream;
	stream_set_handler(stream, &socks_handler, call);
}

/* --- the world --- */

#define RUN_UNTIL(w, condition)                                                                    \
	do {                                                                                       \
		int64_t run_end = env_mono_ms(loop_env((w)->loop)) + TEST_LIMIT_MS;                \
		while (!(condition)) {                                                             \
			if (env_mono_ms(loop_env((w)->loop)) > run_end)                            \
				fail_msg("never: %s", #condition);                                 \
			loop_run_once((w)->loop, 50);                                              \
		}                                                                                  \
	} while (0)

/* Let things happen, or not. */
static void run_for(struct world *w, int64_t ms)
{
	const struct env *env = loop_env(w->loop);
	int64_t end = env_mono_ms(env) + ms;

	while (env_mono_ms(env) < end)
		loop_run_once(w->loop, end - env_mono_ms(env));
}

static void world_listen(struct world *w)
{
	struct err err;

	w->control_listener =
	    listener_new_unix(w->loop, w->control_path, 0600, control_accepts, w, &err);
	w->socks_listener = listener_new_unix(w->loop, w->socks_path, 0600, socks_accepts, w, &err);
	assert_non_null(w->control_listener);
	assert_non_null(w->socks_listener);
}

static void world_connect(struct world *w)
{
	char address[80];
	const struct tor_control_config config = {.address = address};
	struct err err;

	snprintf(address, sizeof address, "unix:%s", w->control_path);
	w->control = tor_control_new(w->loop, &config, &control_handler, w, &err);
	assert_non_null(w->control);
	RUN_UNTIL(w, w->ready);
	tor_transport_up(w->transport, w->control, !w->foreign);
}

static void world_new(struct world *w)
{
	char address[80];
	struct err err;

	*w = (struct world){.directory = "/tmp/tacet-test-XXXXXX", .auth_reply = "250 OK"};
	assert_non_null(mkdtemp(w->directory));
	snprintf(w->control_path, sizeof w->control_path, "%s/control", w->directory);
	snprintf(w->socks_path, sizeof w->socks_path, "%s/socks", w->directory);
	w->loop = loop_new(&err);
	assert_non_null(w->loop);
	snprintf(address, sizeof address, "unix:%s", w->socks_path);
	w->transport = tor_transport_new(w->loop, w->directory, address);
	assert_non_null(w->transport);
	world_listen(w);
}

/* All sockets must have gone from the directory. */
static void world_free(struct world *w)
{
	tor_transport_free(&w->transport);
	tor_control_free(&w->control);
	stream_free(&w->control_end);
	for (unsigned i = 0; i < CALLS_MAX; i++)
		stream_free(&w->calls[i].stream);
	listener_free(&w->control_listener);
	listener_free(&w->socks_listener);
	loop_free(&w->loop);
	assert_int_equal(rmdir(w->directory), 0);
}

static unsigned count(const struct world *w, const char *command)
{
	unsigned found = 0;

	for (const char *at = w->commands; (at = strstr(at, command)) != NULL; at++)
		found++;
	return found;
}

/* --- services --- */

struct owner {
	struct service *service;
	bool reachable, failed;
	unsigned published;
	struct err why;
	struct stream *stream;
};

static void published(void *arg, bool reachable)
{
	struct owner *owner = arg;

	owner->reachable = reachable;
	owner->published++;
}

static void accepted(void *arg, struct stream *stream)
{
	((struct owner *)arg)->stream = stream;
}

static void failed(void *arg, const struct err *why)
{
	struct owner *owner = arg;

	owner->failed = true;
	owner->why = *why;
}

static const struct service_handler service_handler = {
    .published = published,
    .accepted = accepted,
    .failed = failed,
};

static void own(struct world *w, struct owner *owner)
{
	struct err err;

	*owner = (struct owner){0};
	owner->service =
	    service_new(tor_transport_front(w->transport), &service_handler, owner, &err);
	assert_non_null(owner->service);
}

static void event(struct world *w, const char *action, const char *onion)
{
	say(w, "650 HS_DESC %s %s UNKNOWN $00~x\r\n", action, onion);
}

static void services_wait_for_tor(void **state)
{
	struct world w;
	struct owner owner;
	struct endpoint endpoint;
	uint8_t key[ONION_KEY_LEN];

	(void)state;
	world_new(&w);
	own(&w, &owner);
	assert_int_equal(service_endpoint(owner.service, 0, &endpoint), -1);
	world_connect(&w);
	RUN_UNTIL(&w, service_endpoint(owner.service, 0, &endpoint) == 0);
	assert_int_equal(endpoint.kind, ENDPOINT_ONION);
	assert_int_equal(onion_parse(onions[0], key), 0);
	assert_memory_equal(endpoint.service, key, ONION_KEY_LEN);
	assert_false(owner.reachable);
	service_free(&owner.service);
	world_free(&w);
}

/* What tor is told must fit what contacts are told. */
static void slots_have_keys_of_their_own(void **state)
{
	struct world w;
	struct owner owner;
	struct endpoint endpoint;
	uint8_t public_key[X25519_LEN];
	char text[BASE32_LEN(X25519_LEN) + 1], port[32];

	(void)state;
	world_new(&w);
	own(&w, &owner);
	world_connect(&w);
	RUN_UNTIL(&w, service_endpoint(owner.service, 0, &endpoint) == 0);
	assert_int_equal(count(&w, " ClientAuthV3="), SERVICE_SLOTS);
	assert_int_equal(count(&w, "Flags=DiscardPK,V3Auth"), 1);
	snprintf(port, sizeof port, " Port=%u,unix:/", (unsigned)endpoint.port);
	assert_int_equal(count(&w, port), 1);
	for (unsigned i = 0; i < SERVICE_SLOTS; i++) {
		assert_int_equal(service_endpoint(owner.service, i, &endpoint), 0);
		assert_int_equal(crypto_x25519_public(&endpoint.auth, public_key), 0);
		base32_encode(public_key, sizeof public_key, text);
		for (char *at = text; *at != '\0'; at++)
			*at = (char)toupper((unsigned char)*at);
		assert_int_equal(count(&w, text), 1);
	}
	service_free(&owner.service);
	world_free(&w);
}

static void is_published_when_all_uploads_are_answered(void **state)
{
	struct world w;
	struct owner owner;
	struct endpoint endpoint;

	(void)state;
	world_new(&w);
	world_connect(&w);
	own(&w, &owner);
	RUN_UNTIL(&w, service_endpoint(owner.service, 0, &endpoint) == 0);
	event(&w, "UPLOAD", onions[0]);
	event(&w, "UPLOAD", onions[0]);
	event(&w, "UPLOAD", onions[0]);
	event(&w, "UPLOADED", onions[0]);
	event(&w, "FAILED", onions[0]);
	event(&w, "UPLOADED", onions[1]); /* somebody else's */
	run_for(&w, 100);
	assert_false(owner.reachable);
	event(&w, "UPLOADED", onions[0]);
	RUN_UNTIL(&w, owner.reachable);
	/* Later uploads are no news. */
	event(&w, "UPLOAD", onions[0]);
	event(&w, "UPLOADED", onions[0]);
	run_for(&w, 100);
	assert_int_equal(owner.published, 1);
	service_free(&owner.service);
	RUN_UNTIL(&w, count(&w, "DEL_ONION") == 1);
	world_free(&w);
}

/* One upload is never answered: the others will do after a while. */
static void does_not_wait_for_ever_for_uploads(void **state)
{
	struct world w;
	struct owner owner;
	struct endpoint endpoint;

	(void)state;
	world_new(&w);
	world_connect(&w);
	own(&w, &owner);
	RUN_UNTIL(&w, service_endpoint(owner.service, 0, &endpoint) == 0);
	event(&w, "UPLOAD", onions[0]);
	event(&w, "UPLOAD", onions[0]);
	event(&w, "UPLOADED", onions[0]);
	RUN_UNTIL(&w, owner.reachable);
	service_free(&owner.service);
	world_free(&w);
}

static void accepts_streams_that_outlive_it(void **state)
{
	struct world w;
	struct owner owner;
	struct endpoint endpoint;
	struct stream *visitor;
	char path[64];
	struct err err;

	(void)state;
	world_new(&w);
	world_connect(&w);
	own(&w, &owner);
	RUN_UNTIL(&w, service_endpoint(owner.service, 0, &endpoint) == 0);
	snprintf(path, sizeof path, "%s/service-0", w.directory);
	visitor = stream_connect_unix(w.loop, path, &err);
	assert_non_null(visitor);
	RUN_UNTIL(&w, owner.stream != NULL);
	service_free(&owner.service);
	assert_int_equal(stream_write(owner.stream, "x", 1), 0);
	assert_int_equal(access(path, F_OK), -1);
	stream_free(&owner.stream);
	stream_free(&visitor);
	world_free(&w);
}

/* For a tor that runs under another user, who cannot open sockets of ours. */
static void listens_on_loopback_if_need_be(void **state)
{
	struct world w;
	struct owner owner;
	struct endpoint endpoint;
	struct stream *visitor;
	const char *port;
	struct err err;

	(void)state;
	world_new(&w);
	w.foreign = true;
	world_connect(&w);
	own(&w, &owner);
	RUN_UNTIL(&w, service_endpoint(owner.service, 0, &endpoint) == 0);
	port = strstr(w.commands, "Port=5222,127.0.0.1:");
	assert_non_null(port);
	port += strlen("Port=5222,127.0.0.1:");
	visitor = stream_connect_tcp(w.loop, "127.0.0.1", (uint16_t)strtoul(port, NULL, 10), &err);
	assert_non_null(visitor);
	RUN_UNTIL(&w, owner.stream != NULL);
	stream_free(&owner.stream);
	stream_free(&visitor);
	service_free(&owner.service);
	world_free(&w);
}

static void does_without_what_an_old_tor_does_not_know(void **state)
{
	struct world w;
	struct owner first, second;
	struct endpoint endpoint;

	(void)state;
	world_new(&w);
	world_connect(&w);
	w.add_reply = "512 Unrecognized option \"PoWDefensesEnabled\"";
	own(&w, &first);
	RUN_UNTIL(&w, service_endpoint(first.service, 0, &endpoint) == 0);
	assert_int_equal(count(&w, "PoWDefensesEnabled=1"), 1);
	own(&w, &second);
	RUN_UNTIL(&w, service_endpoint(second.service, 0, &endpoint) == 0);
	assert_int_equal(count(&w, "PoWDefensesEnabled=1"), 1);
	assert_false(first.failed || second.failed);
	service_free(&first.service);
	service_free(&second.service);
	world_free(&w);
}

static void says_why_tor_wants_no_service(void **state)
{
	static const char *const replies[] = {"551 Failed to add Onion Service", "513 Never",
					      "250-ServiceID=short\r\n250 OK", "250 OK"};
	struct world w;
	struct owner owner;
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		world_new(&w);
		world_connect(&w);
		w.add_reply = replies[i];
		own(&w, &owner);
		assert_false(owner.failed);
		RUN_UNTIL(&w, owner.failed);
		assert_non_null(strstr(owner.why.text, i < 2 ? replies[i] : "no address"));
		assert_int_equal(service_endpoint(owner.service, 0, &endpoint), -1);
		service_free(&owner.service);
		world_free(&w);
	}
}

static void publishes_a_few_at_a_time(void **state)
{
	struct world w;
	struct owner owners[6];
	struct endpoint endpoint;

	(void)state;
	world_new(&w);
	world_connect(&w);
	for (int i = 0; i < 6; i++)
		own(&w, &owners[i]);
	RUN_UNTIL(&w, service_endpoint(owners[3].service, 0, &endpoint) == 0);
	run_for(&w, 100);
	assert_int_equal(count(&w, "ADD_ONION"), 4);
	event(&w, "UPLOAD", onions[1]);
	event(&w, "UPLOADED", onions[1]);
	RUN_UNTIL(&w, count(&w, "ADD_ONION") == 5);
	assert_true(owners[1].reachable);
	/* One that goes makes room, too. */
	service_free(&owners[0].service);
	RUN_UNTIL(&w, count(&w, "ADD_ONION") == 6);
	for (int i = 1; i < 6; i++)
		service_free(&owners[i].service);
	world_free(&w);
}

/* Freed before tor has told its address: withdrawn as soon as it has. */
static void withdraws_a_service_in_the_making(void **state)
{
	struct world w;
	struct owner owner;

	(void)state;
	world_new(&w);
	world_connect(&w);
	own(&w, &owner);
	service_free(&owner.service);
	RUN_UNTIL(&w, count(&w, "DEL_ONION pg6mmji") == 1);
	/* And when the answer never comes. */
	w.add_silent = true;
	own(&w, &owner);
	RUN_UNTIL(&w, count(&w, "ADD_ONION") == 2);
	service_free(&owner.service);
	stream_free(&w.control_end);
	RUN_UNTIL(&w, !w.ready);
	world_free(&w);
}

static void has_a_new_address_after_a_loss(void **state)
{
	struct world w;
	struct owner owner;
	struct endpoint before, after;

	(void)state;
	world_new(&w);
	world_connect(&w);
	own(&w, &owner);
	RUN_UNTIL(&w, service_endpoint(owner.service, 5, &before) == 0);
	event(&w, "UPLOAD", onions[0]);
	event(&w, "UPLOADED", onions[0]);
	RUN_UNTIL(&w, owner.reachable);
	stream_free(&w.control_end);
	RUN_UNTIL(&w, !owner.reachable);
	assert_int_equal(service_endpoint(owner.service, 5, &after), -1);
	world_connect(&w);
	RUN_UNTIL(&w, service_endpoint(owner.service, 5, &after) == 0);
	assert_memory_not_equal(before.service, after.service, ONION_KEY_LEN);
	assert_memory_not_equal(&before.auth, &after.auth, sizeof before.auth);
	assert_false(owner.reachable);
	event(&w, "UPLOAD", onions[1]);
	event(&w, "UPLOADED", onions[1]);
	RUN_UNTIL(&w, owner.reachable);
	assert_int_equal(owner.published, 3);
	service_free(&owner.service);
	world_free(&w);
}

/* --- dials --- */

struct dialler {
	struct world *world;
	struct dial *dial;
	struct stream *stream;
	bool done;
	struct err why;
};

static void dialled(void *arg, struct stream *stream, const struct err *why)
{
	struct dialler *dialler = arg;

	assert_false(dialler->done);
	dialler->done = true;
	dialler->dial = NULL;
	dialler->stream = stream;
	dialler->why = why != NULL ? *why : (struct err){.code = ERR_NONE};
}

static struct endpoint endpoint_of(const char *onion, uint8_t auth)
{
	struct endpoint endpoint = {.kind = ENDPOINT_ONION, .port = 5222, .auth = {{auth}}};

	assert_int_equal(onion_parse(onion, endpoint.service), 0);
	return endpoint;
}

static void dial(struct world *w, struct dialler *dialler, const char *onion, uint8_t auth)
{
	struct endpoint endpoint = endpoint_of(onion, auth);
	struct err err;

	*dialler = (struct dialler){.world = w};
	dialler->dial = transport_dial(tor_transport_front(w->transport), &endpoint, "isolation",
				       dialled, dialler, &err);
	assert_non_null(dialler->dial);
	assert_false(dialler->done);
}

static void dials_when_tor_is_there(void **state)
{
	struct world w;
	struct dialler dialler;

	(void)state;
	world_new(&w);
	dial(&w, &dialler, onions[0], 1);
	run_for(&w, 50);
	assert_int_equal(w.call_count, 0);
	world_connect(&w);
	RUN_UNTIL(&w, dialler.done);
	assert_non_null(dialler.stream);
	/* The key was lent, and taken back. */
	assert_int_equal(count(&w,
			       "ONION_CLIENT_AUTH_ADD pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju"
			       "6nubxndf4pscryd x25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			       "AA=\n"),
			 1);
	RUN_UNTIL(&w, count(&w, "ONION_CLIENT_AUTH_REMOVE pg6mmji") == 1);
	/* Whom we called, and isolated by what. */
	assert_non_null(memmem(w.calls[0].in, w.calls[0].len, "\tisolation", 10));
	assert_non_null(memmem(w.calls[0].in, w.calls[0].len,
			       "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
			       "\x14\x66",
			       ONION_NAME_LEN + 8));
	stream_free(&dialler.stream);
	world_free(&w);
}

static void tries_again_what_may_pass(void **state)
{
	struct world w;
	struct dialler dialler;

	(void)state;
	world_new(&w);
	world_connect(&w);
	w.codes[0] = 0xF0;
	dial(&w, &dialler, onions[0], 1);
	RUN_UNTIL(&w, dialler.done);
	assert_non_null(dialler.stream);
	assert_int_equal(w.call_count, 2);
	/* One loan for both tries. */
	assert_int_equal(count(&w, "ONION_CLIENT_AUTH_ADD"), 1);
	stream_free(&dialler.stream);
	world_free(&w);
}

static void gives_up_after_four_tries(void **state)
{
	struct world w;
	struct dialler dialler;

	(void)state;
	world_new(&w);
	world_connect(&w);
	w.codes[0] = w.codes[1] = w.codes[2] = w.codes[3] = 0xF0;
	dial(&w, &dialler, onions[0], 1);
	RUN_UNTIL(&w, dialler.done);
	assert_null(dialler.stream);
	assert_int_equal(w.call_count, 4);
	assert_int_equal(dialler.why.code, ERR_NOT_FOUND);
	assert_non_null(strstr(dialler.why.text, "descriptor not found"));
	RUN_UNTIL(&w, count(&w, "ONION_CLIENT_AUTH_REMOVE") == 1);
	world_free(&w);
}

static void gives_up_at_once_what_does_not_pass(void **state)
{
	static const struct {
		int code;
		enum err_code error;
	} cases[] = {
	    {0xF4, ERR_AUTH}, {0xF5, ERR_AUTH}, {0xF6, ERR_INPUT}, {0x05, ERR_UNAVAILABLE}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world w;
		struct dialler dialler;

		world_new(&w);
		world_connect(&w);
		w.codes[0] = cases[i].code;
		dial(&w, &dialler, onions[0], 1);
		RUN_UNTIL(&w, dialler.done);
		assert_int_equal(dialler.why.code, cases[i].error);
		assert_int_equal(w.call_count, 1);
		world_free(&w);
	}
}

static void refuses_an_other_end_that_speaks_first(void **state)
{
	struct world w;
	struct dialler dialler;

	(void)state;
	world_new(&w);
	world_connect(&w);
	w.greeting = "hello";
	dial(&w, &dialler, onions[0], 1);
	RUN_UNTIL(&w, dialler.done);
	assert_null(dialler.stream);
	assert_int_equal(dialler.why.code, ERR_PROTOCOL);
	world_free(&w);
}

static void says_when_tor_does_not_want_the_key(void **state)
{
	struct world w;
	struct dialler one, two;

	(void)state;
	world_new(&w);
	world_connect(&w);
	w.auth_reply = "512 Invalid";
	dial(&w, &one, onions[0], 1);
	dial(&w, &two, onions[0], 1);
	RUN_UNTIL(&w, one.done && two.done);
	assert_non_null(strstr(one.why.text, "512 Invalid"));
	assert_int_equal(w.call_count, 0);
	/* Later dials ask anew. */
	w.auth_reply = "252 Registered";
	dial(&w, &one, onions[0], 1);
	RUN_UNTIL(&w, one.done);
	assert_non_null(one.stream);
	stream_free(&one.stream);
	world_free(&w);
}

/* Who is told of the refusal dials again while others have not been told yet. */
static void dial_again(void *arg, struct stream *stream, const struct err *why)
{
	struct dialler *dialler = arg;

	dialled(dialler, stream, why);
	dialler->world->auth_reply = "250 OK";
	dial(dialler->world, dialler + 1, onions[0], 1);
}

static void asks_anew_after_a_refusal(void **state)
{
	struct endpoint endpoint = endpoint_of(onions[0], 1);
	struct world w;
	struct dialler dialler[2], others[2];
	struct err err;

	(void)state;
	world_new(&w);
	world_connect(&w);
	w.auth_reply = "512 Invalid";
	dial(&w, &others[0], onions[0], 1);
	dialler[0] = (struct dialler){.world = &w};
	dialler[0].dial = transport_dial(tor_transport_front(w.transport), &endpoint, "again",
					 dial_again, &dialler[0], &err);
	dial(&w, &others[1], onions[0], 1);
	RUN_UNTIL(&w, dialler[0].done && dialler[1].done && others[0].done && others[1].done);
	assert_non_null(dialler[1].stream);
	stream_free(&dialler[1].stream);
	world_free(&w);
}

static void shares_a_key_and_waits_for_another(void **state)
{
	struct world w;
	struct dialler same[2], other, elsewhere;

	(void)state;
	world_new(&w);
	world_connect(&w);
	for (int i = 0; i < 4; i++)
		w.codes[i] = -1; /* tor does not answer yet */
	dial(&w, &same[0], onions[0], 1);
	dial(&w, &same[1], onions[0], 1);
	RUN_UNTIL(&w, w.call_count == 2);
	dial(&w, &other, onions[0], 2);
	dial(&w, &elsewhere, onions[1], 3);
	RUN_UNTIL(&w, w.call_count == 3);
	run_for(&w, 100);
	assert_int_equal(count(&w, "ONION_CLIENT_AUTH_ADD"), 2);
	dial_cancel(&same[0].dial);
	run_for(&w, 100);
	assert_int_equal(count(&w, "ONION_CLIENT_AUTH_REMOVE"), 0);
	/* When the last of its holders has gone, the other key has its turn. */
	dial_cancel(&same[1].dial);
	RUN_UNTIL(&w, w.call_count == 4);
	assert_int_equal(count(&w, "ONION_CLIENT_AUTH_REMOVE"), 1);
	assert_int_equal(count(&w, "ONION_CLIENT_AUTH_ADD"), 3);
	dial_cancel(&other.dial);
	dial_cancel(&elsewhere.dial);
	run_for(&w, 50);
	assert_false(same[0].done || same[1].done || other.done || elsewhere.done);
	world_free(&w);
}

static void goes_on_after_a_loss(void **state)
{
	struct world w;
	struct dialler dialler;

	(void)state;
	world_new(&w);
	world_connect(&w);
	w.codes[0] = -1;
	dial(&w, &dialler, onions[0], 1);
	RUN_UNTIL(&w, w.call_count == 1);
	stream_free(&w.control_end);
	RUN_UNTIL(&w, !w.ready);
	assert_false(dialler.done);
	world_connect(&w);
	RUN_UNTIL(&w, dialler.done);
	assert_non_null(dialler.stream);
	assert_int_equal(count(&w, "ONION_CLIENT_AUTH_ADD"), 2);
	stream_free(&dialler.stream);
	world_free(&w);
}

static void refuses_what_it_cannot_dial(void **state)
{
	struct endpoint onion = endpoint_of(onions[0], 1), memory = {.kind = ENDPOINT_MEMORY};
	char longest[300];
	struct transport *front;
	struct world w;
	struct err err;

	(void)state;
	world_new(&w);
	front = tor_transport_front(w.transport);
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	assert_null(transport_dial(front, &memory, "a", dialled, NULL, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(transport_dial(front, &onion, "", dialled, NULL, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(transport_dial(front, &onion, longest, dialled, NULL, &err));
	assert_int_equal(err.code, ERR_INPUT);
	world_free(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(services_wait_for_tor),
	    cmocka_unit_test(slots_have_keys_of_their_own),
	    cmocka_unit_test(is_published_when_all_uploads_are_answered),
	    cmocka_unit_test(does_not_wait_for_ever_for_uploads),
	    cmocka_unit_test(accepts_streams_that_outlive_it),
	    cmocka_unit_test(listens_on_loopback_if_need_be),
	    cmocka_unit_test(does_without_what_an_old_tor_does_not_know),
	    cmocka_unit_test(says_why_tor_wants_no_service),
	    cmocka_unit_test(publishes_a_few_at_a_time),
	    cmocka_unit_test(withdraws_a_service_in_the_making),
	    cmocka_unit_test(has_a_new_address_after_a_loss),
	    cmocka_unit_test(dials_when_tor_is_there),
	    cmocka_unit_test(tries_again_what_may_pass),
	    cmocka_unit_test(gives_up_after_four_tries),
	    cmocka_unit_test(gives_up_at_once_what_does_not_pass),
	    cmocka_unit_test(refuses_an_other_end_that_speaks_first),
	    cmocka_unit_test(says_when_tor_does_not_want_the_key),
	    cmocka_unit_test(asks_anew_after_a_refusal),
	    cmocka_unit_test(shares_a_key_and_waits_for_another),
	    cmocka_unit_test(goes_on_after_a_loss),
	    cmocka_unit_test(refuses_what_it_cannot_dial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
