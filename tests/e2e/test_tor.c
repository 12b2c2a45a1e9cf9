/*
 * test_tor.c: two tors in a real network: a service, dialling it, its keys, its loss and return.
 *
 * It needs a running private network: TACET_TESTNET_TORRC names a file with the lines that make a
 * tor its client, or TACET_TESTNET the folder of deploy/testnet/testnet. Skipped (77) without.
 */
#include "core/tor.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Longer than anything takes that works, on a loaded machine. */
#define TEST_LIMIT_MS 150000
/* Bytes that are sent through a connection and back. */
#define ECHO_LEN 100000

struct world;

/* One of the two sides. */
struct side {
	struct world *world;
	char directory[32];
	struct tor *tor;
	struct tor_status status;
};

/* A service that echoes. */
struct echo {
	struct service *service;
	unsigned published, lost;
	bool reachable, failed;
	struct err why;
	struct stream *streams[8];
	unsigned accepted;
};

/* A connection that is dialled, and what comes back through it. */
struct caller {
	struct dial *dial;
	struct stream *stream;
	bool done;
	struct err why;
	size_t received;
	uint8_t last; /* byte received */
};

struct world {
	struct loop *loop;
	struct side a, b;
	struct echo echo;
};

static char *extra; /* lines for the torrc */

static int64_t now(struct world *w)
{
	return env_mono_ms(loop_env(w->loop));
}

#define RUN_UNTIL(w, condition)                                                                    \
	do {                                                                                       \
		int64_t run_end = now(w) + TEST_LIMIT_MS;                                          \
		while (!(condition)) {                                                             \
			if (now(w) > run_end)                                                      \
				fail_msg("never: %s", #condition);                                 \
			loop_run_once((w)->loop, 100);                                             \
		}                                                                                  \
	} while (0)

/* --- sides --- */

static void changed(void *arg, const struct tor_status *status)
{
	struct side *side = arg;

	side->status = *status;
}

static const struct tor_handler tor_handler = {.changed = changed};

static void side_new(struct world *w, struct side *side)
{
	struct tor_config config = {.extra = extra};
	struct err err;

	*side = (struct side){.world = w, .directory = "/tmp/tacet-tor-XXXXXX"};
	assert_non_null(mkdtemp(side->directory));
	config.directory = side->directory;
	side->tor = tor_new(w->loop, &config, &tor_handler, side, &err);
	if (side->tor == NULL)
		fail_msg("%s", err.text);
}

static void side_free(struct side *side)
{
	char command[64];

	tor_free(&side->tor);
	snprintf(command, sizeof command, "rm -rf '%s'", side->directory);
	assert_int_equal(system(command), 0);
}

/* --- the service --- */

static void echo_received(void *arg, const uint8_t *data, size_t len)
{
	assert_int_equal(stream_write(arg, data, len), 0);
}

/* The stream stays in the list until the end of the test. */
static void echo_closed(void *arg, const struct err *why)
{
	(void)arg;
	(void)why;
}

static const struct stream_handler echo_handler = {
    .received = echo_received,
    .closed = echo_closed,
};

static void published(void *arg, bool reachable)
{
	struct echo *echo = arg;

	assert_int_not_equal(echo->reachable, reachable);
	echo->reachable = reachable;
	echo->published += reachable ? 1 : 0;
	echo->lost += reachable ? 0 : 1;
}

static void accepted(void *arg, struct stream *stream)
{
	struct echo *echo = arg;

	assert_true(echo->accepted < sizeof echo->streams / sizeof echo->streams[0]);
	echo->streams[echo->accepted++] = stream;
	stream_set_handler(stream, &echo_handler, stream);
}

static void failed(void *arg, const struct err *why)
{
	struct echo *echo = arg;

	echo->failed = true;
	echo->why = *why;
}

static const struct service_handler service_handler = {
    .published = published,
    .accepted = accepted,
    .failed = failed,
};

static void echo_start(struct echo *echo, struct side *side)
{
	struct err err;

	*echo = (struct echo){0};
	echo->service = service_new(tor_transport(side->tor), &service_handler, echo, &err);
	assert_non_null(echo->service);
}

static void echo_stop(struct echo *echo)
{
	service_free(&echo->service);
	for (unsigned i = 0; i < echo->accepted; i++)
		stream_free(&echo->streams[i]);
}

/* --- the dialler --- */

static void caller_received(void *arg, const uint8_t *data, size_t len)
{
	struct caller *caller = arg;

	caller->received += len;
	caller->last = data[len - 1];
}

static void caller_closed(void *arg, const struct err *why)
{
	struct caller *caller = arg;

	caller->why = *why;
	stream_free(&caller->stream);
}

static const struct stream_handler caller_handler = {
    .received = caller_received,
    .closed = caller_closed,
};

static void called(void *arg, struct stream *stream, const struct err *why)
{
	struct caller *caller = arg;

	assert_false(caller->done);
	assert_true((stream != NULL) == (why == NULL));
	caller->done = true;
	caller->dial = NULL;
	caller->stream = stream;
	if (stream != NULL)
		stream_set_handler(stream, &caller_handler, caller);
	else
		caller->why = *why;
}

static void call(struct caller *caller, struct side *side, const struct endpoint *endpoint,
		 const char *isolation)
{
	struct err err;

	*caller = (struct caller){0};
	caller->dial =
	    transport_dial(tor_transport(side->tor), endpoint, isolation, called, caller, &err);
	assert_non_null(caller->dial);
	assert_false(caller->done);
}

static void echo_bytes(struct world *w, struct caller *caller)
{
	uint8_t bytes[ECHO_LEN];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7);
	caller->received = 0;
	assert_int_equal(stream_write(caller->stream, bytes, sizeof bytes), 0);
	RUN_UNTIL(w, caller->received >= sizeof bytes || caller->stream == NULL);
	assert_non_null(caller->stream);
	assert_int_equal(caller->received, sizeof bytes);
	assert_int_equal(caller->last, bytes[sizeof bytes - 1]);
}

/* --- the tests, in this order, on one pair of tors --- */

static void becomes_ready(void **state)
{
	struct world *w = *state;
	int64_t start = now(w);

	RUN_UNTIL(w, w->a.status.state == TOR_READY && w->b.status.state == TOR_READY &&
			 w->a.status.valid_after_ms != 0);
	printf("         two tors ready after %d ms, version %s\n", (int)(now(w) - start),
	       w->a.status.version);
	assert_int_equal(w->a.status.progress, 100);
	assert_string_equal(w->a.status.problem, "");
	assert_true(w->a.status.valid_until_ms > w->a.status.valid_after_ms);
	assert_true(w->a.status.valid_after_ms < env_wall_ms(loop_env(w->loop)));
	assert_true(w->a.status.valid_until_ms > env_wall_ms(loop_env(w->loop)));
}

static void publishes_a_service(void **state)
{
	struct world *w = *state;
	struct endpoint endpoint;
	int64_t start = now(w);

	/* It was made before tor was ready. */
	RUN_UNTIL(w, w->echo.reachable || w->echo.failed);
	if (w->echo.failed)
		fail_msg("%s", w->echo.why.text);
	printf("         published after %d ms\n", (int)(now(w) - start));
	assert_int_equal(service_endpoint(w->echo.service, 0, &endpoint), 0);
	assert_int_equal(service_endpoint(w->echo.service, SERVICE_SLOTS - 1, &endpoint), 0);
	assert_int_equal(service_endpoint(w->echo.service, SERVICE_SLOTS, &endpoint), -1);
}

/* First, as long as b knows no descriptor that it could read. */
static void refuses_a_wrong_key(void **state)
{
	struct world *w = *state;
	struct endpoint endpoint;
	struct caller caller;

	assert_int_equal(service_endpoint(w->echo.service, 0, &endpoint), 0);
	endpoint.auth.bytes[5] ^= 1;
	call(&caller, &w->b, &endpoint, "wrong");
	RUN_UNTIL(w, caller.done);
	assert_null(caller.stream);
	printf("         %s\n", caller.why.text);
	assert_int_equal(caller.why.code, ERR_AUTH);
	assert_int_equal(w->echo.accepted, 0);
}

static void carries_bytes_both_ways(void **state)
{
	struct world *w = *state;
	struct endpoint endpoint;
	struct caller caller;
	int64_t start = now(w);

	assert_int_equal(service_endpoint(w->echo.service, 3, &endpoint), 0);
	call(&caller, &w->b, &endpoint, "one");
	RUN_UNTIL(w, caller.done);
	if (caller.stream == NULL)
		fail_msg("%s", caller.why.text);
	printf("         connected after %d ms\n", (int)(now(w) - start));
	echo_bytes(w, &caller);
	stream_free(&caller.stream);
}

/* The same key is shared, another one waits for its turn, a cancelled one is never heard of. */
static void dials_one_service_many_times(void **state)
{
	struct world *w = *state;
	struct endpoint one, two;
	struct caller callers[4];

	assert_int_equal(service_endpoint(w->echo.service, 1, &one), 0);
	assert_int_equal(service_endpoint(w->echo.service, 2, &two), 0);
	call(&callers[0], &w->b, &one, "one");
	call(&callers[1], &w->b, &one, "two");
	call(&callers[2], &w->b, &two, "three");
	call(&callers[3], &w->b, &one, "four");
	dial_cancel(&callers[3].dial);
	assert_null(callers[3].dial);
	RUN_UNTIL(w, callers[0].done && callers[1].done && callers[2].done);
	for (int i = 0; i < 3; i++) {
		if (callers[i].stream == NULL)
			fail_msg("%s", callers[i].why.text);
		echo_bytes(w, &callers[i]);
		stream_free(&callers[i].stream);
	}
	assert_false(callers[3].done);
}

static void finds_no_service_that_is_gone(void **state)
{
	struct world *w = *state;
	struct endpoint endpoint;
	struct caller before, after;
	struct echo other;
	int64_t start;

	echo_start(&other, &w->a);
	RUN_UNTIL(w, other.reachable);
	assert_int_equal(service_endpoint(other.service, 0, &endpoint), 0);
	call(&before, &w->b, &endpoint, "before");
	RUN_UNTIL(w, before.done);
	assert_non_null(before.stream);
	service_free(&other.service);
	/* Streams that were accepted stay. */
	echo_bytes(w, &before);
	start = now(w);
	call(&after, &w->b, &endpoint, "after");
	RUN_UNTIL(w, after.done);
	printf("         %s (after %d ms)\n", after.why.text, (int)(now(w) - start));
	assert_null(after.stream);
	assert_int_equal(other.accepted, 1);
	echo_bytes(w, &before);
	stream_free(&before.stream);
	echo_stop(&other);
}

/* Given up while tor is making it. */
static void withdraws_a_service_in_the_making(void **state)
{
	struct world *w = *state;
	struct echo other;

	echo_start(&other, &w->a);
	service_free(&other.service);
	echo_start(&other, &w->a);
	loop_run_once(w->loop, 1);
	service_free(&other.service);
	loop_run_once(w->loop, 500);
	assert_int_equal(other.published, 0);
}

static void uses_a_tor_that_runs_already(void **state)
{
	struct world *w = *state;
	struct side guest = {.world = w, .directory = "/tmp/tacet-tor-XXXXXX"};
	char control[64];
	struct tor_config config = {.control = control, .directory = guest.directory};
	struct endpoint endpoint;
	struct caller caller;
	struct echo echo;
	struct err err;

	assert_non_null(mkdtemp(guest.directory));
	snprintf(control, sizeof control, "unix:%s/control", w->a.directory);
	config.socks = tor_socks(w->a.tor);
	guest.tor = tor_new(w->loop, &config, &tor_handler, &guest, &err);
	assert_non_null(guest.tor);
	echo_start(&echo, &guest);
	RUN_UNTIL(w, echo.reachable);
	assert_int_equal(service_endpoint(echo.service, 7, &endpoint), 0);
	call(&caller, &guest, &endpoint, "to itself");
	RUN_UNTIL(w, caller.done);
	if (caller.stream == NULL)
		fail_msg("%s", caller.why.text);
	echo_bytes(w, &caller);
	stream_free(&caller.stream);
	echo_stop(&echo);
	side_free(&guest);
	/* The tor was not ours and goes on. */
	loop_run_once(w->loop, 500);
	assert_int_equal(w->a.status.state, TOR_READY);
}

static void kill_tor(const char *directory)
{
	char command[128];
	long pid = 0;
	FILE *pipe;

	snprintf(command, sizeof command,
		 "grep -lsz '^%s/torrc$' /proc/[0-9]*/cmdline | cut -d/ -f3", directory);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%ld", &pid), 1);
	pclose(pipe);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
}

static void comes_back_with_a_new_address(void **state)
{
	struct world *w = *state;
	struct endpoint old, fresh, unused;
	struct caller caller;
	int64_t start;

	assert_int_equal(service_endpoint(w->echo.service, 0, &old), 0);
	start = now(w);
	kill_tor(w->a.directory);
	RUN_UNTIL(w, w->a.status.state == TOR_DOWN && !w->echo.reachable);
	printf("         down after %d ms: %s\n", (int)(now(w) - start), w->a.status.problem);
	assert_int_equal(service_endpoint(w->echo.service, 0, &unused), -1);
	RUN_UNTIL(w, w->a.status.state == TOR_READY);
	printf("         ready after %d ms\n", (int)(now(w) - start));
	RUN_UNTIL(w, w->echo.reachable);
	printf("         published after %d ms\n", (int)(now(w) - start));
	assert_int_equal(w->echo.lost, 1);
	assert_int_equal(w->echo.published, 2);
	assert_int_equal(service_endpoint(w->echo.service, 0, &fresh), 0);
	assert_memory_not_equal(old.service, fresh.service, ONION_KEY_LEN);
	assert_memory_not_equal(&old.auth, &fresh.auth, sizeof old.auth);
	call(&caller, &w->b, &fresh, "again");
	RUN_UNTIL(w, caller.done);
	if (caller.stream == NULL)
		fail_msg("%s", caller.why.text);
	echo_bytes(w, &caller);
	stream_free(&caller.stream);
}

/* A dial under way when tor is lost goes on with the next tor. */
static void dials_through_a_loss(void **state)
{
	struct world *w = *state;
	struct endpoint endpoint;
	struct caller caller;

	assert_int_equal(service_endpoint(w->echo.service, 4, &endpoint), 0);
	kill_tor(w->b.directory);
	call(&caller, &w->b, &endpoint, "through");
	RUN_UNTIL(w, caller.done);
	if (caller.stream == NULL)
		fail_msg("%s", caller.why.text);
	assert_int_equal(w->b.status.state, TOR_READY);
	echo_bytes(w, &caller);
	stream_free(&caller.stream);
}

/* --- --- */

static int set_up(void **state)
{
	static struct world w;
	struct err err;

	w.loop = loop_new(&err);
	side_new(&w, &w.a);
	side_new(&w, &w.b);
	echo_start(&w.echo, &w.a);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	echo_stop(&w->echo);
	side_free(&w->a);
	side_free(&w->b);
	loop_free(&w->loop);
	free(extra);
	return 0;
}

static char *read_file(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *file = fopen(path, "r");

	if (file == NULL || text == NULL || fread(text, 1, 65535, file) == 0)
		abort();
	fclose(file);
	return text;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(becomes_ready),
	    cmocka_unit_test(publishes_a_service),
	    cmocka_unit_test(refuses_a_wrong_key),
	    cmocka_unit_test(carries_bytes_both_ways),
	    cmocka_unit_test(dials_one_service_many_times),
	    cmocka_unit_test(finds_no_service_that_is_gone),
	    cmocka_unit_test(withdraws_a_service_in_the_making),
	    cmocka_unit_test(uses_a_tor_that_runs_already),
	    cmocka_unit_test(comes_back_with_a_new_address),
	    cmocka_unit_test(dials_through_a_loss),
	};
	const char *torrc = getenv("TACET_TESTNET_TORRC");
	const char *net = getenv("TACET_TESTNET");
	char path[4096];

	if (torrc == NULL && net == NULL) {
		fprintf(stderr, "no test network (TACET_TESTNET_TORRC): skipped\n");
		return 77;
	}
	snprintf(path, sizeof path, "%s/client.torrc", net != NULL ? net : "");
	extra = read_file(torrc != NULL ? torrc : path);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
