/*
 * fuzz_control.c: requests at the control socket, on a real loop and socket, to a daemon that has
 * an account and a contact and is not started. Every line has one answer, an object that says "ok"
 * or what is wrong.
 *
 * Requests that name a file are left out: they would write where the fuzzer says.
 */
#include "component/control.h"
#include "component/local_store.h"
#include "core/registry_memory.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Requests of one input; each may take a millisecond, and a password ten. */
#define LINES_MAX 20
/* Turns of the loop without anything to read, after which nothing more is expected. */
#define QUIET_TURNS 3
#define WORDS       "{\"cmd\":\"account add\",\"args\":{\"name\":\"ann\",\"password\":\"secret\"}}\n"

struct world {
	char dir[64], path[96];
	struct loop *loop;
	struct registry_memory_store *store;
	struct registry *registry;
	struct transport transport;
	struct engine *engine;
	struct bridge *bridge;
	struct control *control;
	int fd;
};

static struct service *no_service(struct transport *transport,
				  const struct service_handler *handler, void *arg, struct err *err)
{
	(void)transport;
	(void)handler;
	(void)arg;
	err_set(err, ERR_UNAVAILABLE, "there is no net here");
	return NULL;
}

static const struct transport_ops no_net = {.name = "none", .service_new = no_service};

static void on_stop(void *arg)
{
	(void)arg;
}

static void open_engine(struct world *world, struct err *err)
{
	const struct engine_config config = {.env = loop_env(world->loop),
					     .registry = world->registry,
					     .transport = &world->transport,
					     .database = ":memory:",
					     .store_key = &(const struct key){{1}}};

	world->engine = engine_new(&config, bridge_engine_handler(), world->bridge, err);
	FUZZ_CHECK(world->engine);
	bridge_set_engine(world->bridge, world->engine);
}

static void connect_client(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	world->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->path);
	FUZZ_CHECK(connect(world->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static void world_open(struct world *world)
{
	struct control_host host = {.stop = on_stop};
	struct err err = {0};

	memset(world, 0, sizeof(*world));
	snprintf(world->dir, sizeof(world->dir), "%s/tacet-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_CHECK(mkdtemp(world->dir));
	snprintf(world->path, sizeof(world->path), "%s/control", world->dir);
	world->loop = loop_new(&err);
	world->store = registry_memory_store_new(loop_env(world->loop));
	world->registry = registry_memory_new(loop_env(world->loop), world->store, 0);
	world->transport.ops = &no_net;
	world->bridge = bridge_new(loop_env(world->loop), "localhost", &err);
	open_engine(world, &err);
	host.bridge = world->bridge;
	world->control = control_new(world->loop, world->path, &host, &err);
	FUZZ_CHECK(world->control);
	connect_client(world);
}

static void world_close(struct world *world)
{
	close(world->fd);
	control_free(&world->control);
	engine_free(&world->engine);
	bridge_free(&world->bridge);
	registry_free(&world->registry);
	registry_memory_store_free(&world->store);
	loop_free(&world->loop);
	rmdir(world->dir);
}

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
static unsigned answers(struct world *world)
{
	static char text[1 << 20];
	size_t len = 0, begin = 0;
	unsigned count = 0;

	for (unsigned quiet = 0; quiet < QUIET_TURNS; quiet++) {
		ssize_t got;

		loop_run_once(world->loop, 0);
		while ((got = recv(world->fd, text + len, sizeof(text) - len, 0)) > 0) {
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

static void say(struct world *world, const void *text, size_t len)
{
	/* It may have closed the connection on a line before. */
	if (len > 0)
		(void)!send(world->fd, text, len, MSG_NOSIGNAL);
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
	struct world world;
	const uint8_t *end;

	world_open(&world);
	say(&world, WORDS, strlen(WORDS));
	FUZZ_CHECK(answers(&world) == 1);
	for (unsigned i = 0; i < LINES_MAX && (end = memchr(data, '\n', size)); i++) {
		size_t len = (size_t)(end - data);

		if (!names_a_file(data, len)) {
			say(&world, data, len + 1);
			FUZZ_CHECK(answers(&world) <= 1);
		}
		data += len + 1;
		size -= len + 1;
	}
	world_close(&world);
	return 0;
}
