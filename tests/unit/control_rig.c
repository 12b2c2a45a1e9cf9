/*
 * control_rig.c: see control_rig.h.
 */
#include "tests/unit/control_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct service *no_service(struct transport *transport,
				  const struct service_handler *handler, void *arg, struct err *err)
{
	(void)transport;
	(void)handler;
	(void)arg;
	err_set(err, ERR_UNAVAILABLE, "there is no net in this test");
	return NULL;
}

static const struct transport_ops no_net = {.name = "none", .service_new = no_service};

static int add_status(void *arg, json_t *status)
{
	(void)arg;
	return json_object_set_new(status, "test", json_true());
}

static void count_stop(void *arg)
{
	struct world *world = arg;

	world->stops++;
}

static bool is_locked(void *arg)
{
	const struct world *world = arg;

	return world->locked;
}

static int unlock(void *arg, const char *passphrase, struct err *err)
{
	struct world *world = arg;

	if (strcmp(passphrase, "right") != 0)
		return err_set(err, ERR_AUTH, "wrong passphrase");
	world->locked = false;
	return 0;
}

static int set_passphrase(void *arg, const char *passphrase, struct err *err)
{
	struct world *world = arg;

	(void)err;
	snprintf(world->passphrase, sizeof(world->passphrase), "%s", passphrase ? passphrase : "-");
	return 0;
}

int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct engine_config config = {.database = ":memory:",
				       .store_key = &(const struct key){{1}}};
	struct control_host host = {NULL,   add_status,     count_stop, is_locked,
				    unlock, set_passphrase, world};
	struct err err = {0};

	strcpy(world->dir, "/tmp/tacet-test-control-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	snprintf(world->path, sizeof(world->path), "%s/control", world->dir);
	world->loop = loop_new(&err);
	world->store = registry_memory_store_new(loop_env(world->loop));
	world->registry = registry_memory_new(loop_env(world->loop), world->store, 0);
	world->transport.ops = &no_net;
	world->bridge = bridge_new(loop_env(world->loop), "localhost", &err);
	config.env = loop_env(world->loop);
	config.registry = world->registry;
	config.transport = &world->transport;
	world->engine = engine_new(&config, bridge_engine_handler(), world->bridge, &err);
	if (!world->engine)
		fail_msg("%s", err.text);
	bridge_set_engine(world->bridge, world->engine);
	host.bridge = world->bridge;
	world->control = control_new(world->loop, world->path, &host, &err);
	if (!world->control)
		fail_msg("%s", err.text);
	*state = world;
	return 0;
}

int teardown(void **state)
{
	struct world *world = *state;

	control_free(&world->control);
	assert_int_equal(access(world->path, F_OK), -1);
	engine_free(&world->engine);
	bridge_free(&world->bridge);
	registry_free(&world->registry);
	registry_memory_store_free(&world->store);
	loop_free(&world->loop);
	rmdir(world->dir);
	free(world);
	return 0;
}

/* --- the other end --- */

int connect_client(const struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

bool read_line(struct world *world, int fd, char *line, size_t size)
{
	size_t len = 0;

	for (int i = 0; i < TURNS; i++) {
		ssize_t got;

		loop_run_once(world->loop, 10);
		while ((got = recv(fd, line + len, 1, 0)) == 1) {
			assert_true(len + 1 < size);
			if (line[len] == '\n') {
				line[len] = '\0';
				return true;
			}
			len++;
		}
		if (got == 0)
			return false;
	}
	return false;
}

bool is_closed(struct world *world, int fd)
{
	char line[4096];

	while (read_line(world, fd, line, sizeof(line)))
		;
	return recv(fd, line, 1, 0) == 0 || errno == ECONNRESET;
}

json_t *answer(struct world *world, int fd)
{
	char line[65536];
	json_t *object;

	if (!read_line(world, fd, line, sizeof(line)))
		fail_msg("no answer");
	object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_object(object));
	return object;
}

json_t *ask(struct world *world, const char *request)
{
	int fd = connect_client(world);
	json_t *reply;

	send_text(fd, request);
	send_text(fd, "\n");
	reply = answer(world, fd);
	close(fd);
	loop_run_once(world->loop, 0);
	return reply;
}

void expect_ok(struct world *world, const char *request)
{
	json_t *reply = ask(world, request);

	if (!json_is_true(json_object_get(reply, "ok")))
		fail_msg("%s: %s", request, json_string_value(json_object_get(reply, "error")));
	json_decref(reply);
}

void expect_error(struct world *world, const char *request, const char *code, const char *text)
{
	json_t *reply = ask(world, request);
	const char *error = json_string_value(json_object_get(reply, "error"));

	print_message("%s -> %s\n", request, error);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	assert_non_null(error);
	assert_non_null(strstr(error, text));
	if (code)
		assert_string_equal(json_string_value(json_object_get(reply, "code")), code);
	json_decref(reply);
}

void make_id(struct world *world, char id[ID_LEN + 1])
{
	struct identity identity;
	struct err err;

	assert_int_equal(identity_generate(loop_env(world->loop), &identity, &err), 0);
	id_encode(identity.public_key, id);
}
