/*
 * component_echo.c: a component that sends back what it is sent, and keeps what it shall send until
 * the server has it; for tests/e2e/test_component_stream.py and tests/bench/component.py.
 *
 * usage: component_echo [-q] PORT DOMAIN SECRET-FILE
 *   -q   be quick to notice a dead server, and to try again
 * It says on standard output: "up", "down CODE: TEXT", "passed N" (so many are at the server).
 * It takes on standard input: "send COUNT FROM TO": COUNT messages, numbered from 0; "stop".
 */
#include "component/component_stream.h"
#include "component/text_file.h"
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Messages between two barriers. */
#define BATCH 50

static const struct component_stream_times quick = {
    .open = 3000,
    .silence = 1000,
    .answer = 2000,
    .first = 200,
    .most = 500,
    .refused = 60000,
    .steady = 30000,
    .end = 3000,
};

/* An echo that waits for room. */
struct waiting {
	struct waiting *next;
	struct xml *stanza;
};

struct echo {
	struct loop *loop;
	struct component_stream *stream;
	struct waiting *first, **last;
	/* what "send" asked for */
	unsigned wanted, sent, passed, behind; /* behind: sent when the barrier was set */
	char from[256], to[256];
	char line[1024];
	size_t len;
};

static void say(const char *text, const char *more)
{
	printf("%s%s\n", text, more);
	fflush(stdout);
}

static void on_passed(void *arg);

static int send_one(struct echo *echo, unsigned number)
{
	struct xml *message = xml_new("message", NULL);
	char text[32];
	int result;

	snprintf(text, sizeof(text), "%u", number);
	xml_set(message, "from", echo->from);
	xml_set(message, "to", echo->to);
	xml_set(message, "type", "chat");
	xml_text_add(xml_child_add(message, "body", NULL), text);
	result = component_stream_send(echo->stream, message, NULL);
	xml_free(&message);
	return result;
}

/* One batch at a time, and the next when the server has it. */
static void send_batch(struct echo *echo)
{
	if (echo->behind > echo->passed)
		return;
	for (echo->sent = echo->passed; echo->sent < echo->wanted; echo->sent++)
		if (echo->sent == echo->passed + BATCH || send_one(echo, echo->sent))
			break;
	if (echo->sent > echo->passed &&
	    !component_stream_barrier(echo->stream, on_passed, echo, NULL))
		echo->behind = echo->sent;
}

static void on_passed(void *arg)
{
	struct echo *echo = arg;
	char text[32];

	echo->passed = echo->behind;
	snprintf(text, sizeof(text), "%u", echo->passed);
	say("passed ", text);
	send_batch(echo);
}

static void on_up(void *arg)
{
	say("up", "");
	send_batch(arg);
}

static void on_down(void *arg, const struct err *why)
{
	struct echo *echo = arg;
	char text[300];

	snprintf(text, sizeof(text), "%s: %s", err_code_name(why->code), why->text);
	say("down ", text);
	/* What was on its way is sent again. */
	echo->behind = echo->passed;
	if (component_stream_is_ended(echo->stream))
		loop_stop(echo->loop);
}

static void on_stanza(void *arg, struct xml *stanza)
{
	struct echo *echo = arg;
	char *from = strdup(xml_get(stanza, "from") ? xml_get(stanza, "from") : ""), *to;
	struct waiting *waiting;

	if (!xml_is(stanza, "message", NULL) || !xml_child(stanza, "body", NULL) ||
	    (xml_get(stanza, "type") && strcmp(xml_get(stanza, "type"), "error") == 0)) {
		free(from);
		xml_free(&stanza);
		return;
	}
	to = strdup(xml_get(stanza, "to"));
	xml_set(stanza, "from", to);
	xml_set(stanza, "to", from);
	free(from);
	free(to);
	if (!echo->first && !component_stream_send(echo->stream, stanza, NULL)) {
		xml_free(&stanza);
		return;
	}
	waiting = calloc(1, sizeof(*waiting));
	waiting->stanza = stanza;
	*echo->last = waiting;
	echo->last = &waiting->next;
}

static void on_room(void *arg)
{
	struct echo *echo = arg;
	struct waiting *waiting;

	while ((waiting = echo->first) &&
	       !component_stream_send(echo->stream, waiting->stanza, NULL)) {
		echo->first = waiting->next;
		xml_free(&waiting->stanza);
		free(waiting);
	}
	if (!echo->first)
		echo->last = &echo->first;
	send_batch(echo);
}

static void obey(struct echo *echo, const char *line)
{
	if (strcmp(line, "stop") == 0) {
		component_stream_stop(echo->stream);
	} else if (sscanf(line, "send %u %255s %255s", &echo->wanted, echo->from, echo->to) == 3) {
		echo->sent = echo->passed = echo->behind = 0;
		if (component_stream_is_up(echo->stream))
			send_batch(echo);
	}
}

static void on_input(void *arg, unsigned what)
{
	struct echo *echo = arg;
	ssize_t got =
	    read(STDIN_FILENO, echo->line + echo->len, sizeof(echo->line) - 1 - echo->len);
	char *end;

	(void)what;
	if (got <= 0) {
		loop_stop(echo->loop);
		return;
	}
	echo->len += (size_t)got;
	echo->line[echo->len] = 0;
	while ((end = strchr(echo->line, '\n'))) {
		*end = 0;
		obey(echo, echo->line);
		echo->len -= (size_t)(end + 1 - echo->line);
		memmove(echo->line, end + 1, echo->len + 1);
	}
}

static int run(struct echo *echo, const struct component_stream_config *config)
{
	static const struct component_stream_handler handler = {on_up, on_down, on_stanza, on_room};
	struct watch *input;
	struct err err;

	echo->loop = loop_new(&err);
	if (!echo->loop)
		return 1;
	echo->stream = component_stream_new(echo->loop, config, &handler, echo, &err);
	if (!echo->stream) {
		fprintf(stderr, "component_echo: %s\n", err.text);
		return 1;
	}
	input = watch_fd(echo->loop, STDIN_FILENO, WATCH_READ, on_input, echo);
	loop_run(echo->loop);
	watch_free(&input);
	component_stream_free(&echo->stream);
	loop_free(&echo->loop);
	return 0;
}

int main(int argc, char **argv)
{
	struct echo echo = {.last = &echo.first};
	struct component_stream_config config = {.address = "127.0.0.1"};
	struct err err;
	char *secret;
	int result;

	if (argc > 1 && strcmp(argv[1], "-q") == 0) {
		config.times = &quick;
		argc--, argv++;
	}
	if (argc != 4)
		return 2;
	secret = text_file_read_secret(argv[3], &err);
	if (!secret) {
		fprintf(stderr, "component_echo: %s\n", err.text);
		return 1;
	}
	config.port = (uint16_t)atoi(argv[1]);
	config.domain = argv[2];
	config.secret = secret;
	result = run(&echo, &config);
	text_wipe(secret);
	return result;
}
