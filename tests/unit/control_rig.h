/*
 * control_rig.h: for tests of the control socket: a real loop and socket, a real engine that is not
 * started, and the other end.
 */
#ifndef TESTS_UNIT_CONTROL_RIG_H
#define TESTS_UNIT_CONTROL_RIG_H

#include "component/bridge.h"
#include "component/control.h"
#include "core/registry_memory.h"

/* Turns of the loop that are more than enough for an answer. */
#define TURNS 50

struct world {
	char dir[64], path[96];
	struct loop *loop;
	struct registry_memory_store *store;
	struct registry *registry;
	struct transport transport;
	struct engine *engine;
	struct bridge *bridge;
	struct control *control;
	unsigned stops;
	bool locked;
	char passphrase[32];
};

/* For cmocka: the state is a struct world. */
int setup(void **state);
int teardown(void **state);

/* --- the other end --- */

int connect_client(const struct world *world);
void send_text(int fd, const char *text);
/* A line from fd into line, while the loop runs; false when the connection ends or nothing comes.
 */
bool read_line(struct world *world, int fd, char *line, size_t size);
bool is_closed(struct world *world, int fd);
/* The next line, an object; the caller frees it. */
json_t *answer(struct world *world, int fd);
/* Ask over a connection of its own. */
json_t *ask(struct world *world, const char *request);
void expect_ok(struct world *world, const char *request);
/* code: NULL for any; text: in the error. */
void expect_error(struct world *world, const char *request, const char *code, const char *text);

#define ADD_ANN "{\"cmd\":\"account add\",\"args\":{\"name\":\"ann\",\"password\":\"secret\"}}"

/* An identity's id of someone else. */
void make_id(struct world *world, char id[ID_LEN + 1]);

#endif
