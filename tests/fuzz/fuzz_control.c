/*
 * fuzz_control.c: requests at the control socket, on a real loop and socket, to a daemon that has
 * an account and a contact and is not started. Every line has one answer, an object that says "ok"
 * or what is wrong.
 *
 * Requests that name a file are left out: they would write where the fuzzer says.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/control_rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Requests of one input; each may take a millisecond, and a password ten. */
#define LINES_MAX 20
/* Turns of the loop without anything to read, after which nothing more is expected. */
#define QUIET_TURNS 3

/* A line of the daemon; returns 1 when it is an answer, and not an event. */
static unsigned check_answer(const char *line, size_t len)
{
	json_t *answer = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *ok = json_object_get(answer, "ok");
	unsigned is_answer = json_object_get(answer, "event") == NULL;

	FUZZ_CHECK(json_is_object(answer));
	FUZZ_CHECK(!is_answer || json_is_boolean(ok));
	if (json_is_false(ok))
		FUZZ_CHECK(json_is_string(json_object_get(answer, "code")) &&
			   json_string_length(json_object_get(answer, "error")) > 0);
	json_decref(answer);
	return is_answer;
}

/* Let the daemon answer; returns how many answers came. */
static unsigned answers(struct world *world, int fd)
{
	static char text[1 << 20];
	size_t len = 0, begin = 0;
	unsigned count = 0;

	for (unsigned quiet = 0; quiet < QUIET_TURNS; quiet++) {
		ssize_t got;

		loop_run_once(world->loop, 0);
		while ((got = recv(fd, text + len, sizeof(text) - len, 0)) > 0) {
			len += (size_t)got;
			quiet = 0;
		}
		FUZZ_CHECK(len < sizeof(text));
	}
	for (size_t at = 0; at < len; at++)
		if (text[at] == '\n') {
			count += check_answer(text + begin, at - begin);
			begin = at + 1;
		}
	return count;
}

static void say(int fd, const void *text, size_t len)
{
	/* It may have closed the connection on a line before. */
	(void)!send(fd, text, len, MSG_NOSIGNAL);
}

static bool names_a_file(const uint8_t *line, size_t len)
{
	json_t *request = json_loadb((const char *)line, len, 0, NULL);
	bool does = json_object_get(json_object_get(request, "args"), "file") != NULL;

	json_decref(request);
	return does;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *state;
	struct world *world;
	const uint8_t *end;
	int fd;

	setup(&state);
	world = state;
	fd = connect_client(world);
	say(fd, ADD_ANN "\n", strlen(ADD_ANN "\n"));
	FUZZ_CHECK(answers(world, fd) == 1);
	for (unsigned i = 0; i < LINES_MAX && (end = memchr(data, '\n', size)); i++) {
		size_t len = (size_t)(end - data);

		if (!names_a_file(data, len)) {
			say(fd, data, len + 1);
			FUZZ_CHECK(answers(world, fd) <= 1);
		}
		data += len + 1;
		size -= len + 1;
	}
	close(fd);
	teardown(&state);
	return 0;
}
