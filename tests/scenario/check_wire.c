/*
 * check_wire.c: lengths only; what the frames carry is for the unit tests of core/frame.c.
 */
#include "tests/scenario/check_wire.h"

#include "core/frame.h"
#include "tests/scenario/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct check_wire {
	struct world *world;
	size_t first[2]; /* length of the first write: listener's, dialler's */
};

static void on_write(void *arg, const struct fake_conn *conn, bool up, const uint8_t *data,
		     size_t len)
{
	struct check_wire *wire = arg;
	const struct fake_log *log = up ? &conn->up : &conn->down;
	(void)data;
	if (strcmp(conn->dialler, STRANGER) == 0) {
		if (!up)
			world_fail(wire->world, "%s has answered to a stranger", conn->listener);
		return;
	}
	if (log->total != len) {
		if (len % FRAME_LEN != 0)
			world_fail(wire->world, "%s and %s: a write of %zu bytes", conn->dialler,
				   conn->listener, len);
		return;
	}
	if (wire->first[up] == 0)
		wire->first[up] = len;
	if (wire->first[up] != len)
		world_fail(wire->world, "%s and %s: a first write of %zu bytes instead of %zu",
			   conn->dialler, conn->listener, len, wire->first[up]);
}

struct check_wire *check_wire_new(struct world *world)
{
	struct check_wire *wire = calloc(1, sizeof *wire);
	assert(wire);
	wire->world = world;
	fake_net_watch(world->net, on_write, wire);
	return wire;
}

void check_wire_free(struct check_wire **wire)
{
	fake_net_watch((*wire)->world->net, NULL, NULL);
	free(*wire);
	*wire = NULL;
}

size_t check_wire_hello(const struct check_wire *wire)
{
	return wire->first[1];
}
