/*
 * component_dial.c: the name is looked up, then its addresses are tried in turn.
 */
#include "component/component_dial.h"

#include "core/base/resolve.h"
#include "core/base/stream_socket.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct component_dial {
	struct loop *loop;
	char *host;
	uint16_t port;
	component_dial_done done;
	void *arg;
	struct resolve *resolve; /* while the name is looked up */
	struct resolved found;
	unsigned next;         /* address to be tried */
	struct stream *stream; /* the one being opened */
	struct timer *timer;   /* the beginning; then the present address's */
	struct err why;        /* what became of the last one */
};

static void try_next(struct component_dial *dial);

static void on_opened(void *arg)
{
	struct component_dial *dial = arg;
	struct stream *stream = dial->stream;

	dial->stream = NULL;
	timer_stop(dial->timer);
	dial->done(dial->arg, stream, NULL);
}

static void on_closed(void *arg, const struct err *why)
{
	struct component_dial *dial = arg;

	dial->why = *why;
	stream_free(&dial->stream);
	try_next(dial);
}

static void try_next(struct component_dial *dial)
{
	static const struct stream_handler handler = {.opened = on_opened, .closed = on_closed};
	struct err why; /* a copy, since the dial may be freed */

	while (dial->next < dial->found.count) {
		const char *address = dial->found.address[dial->next++];

		dial->stream = stream_connect_tcp(dial->loop, address, dial->port, &dial->why);
		if (dial->stream) {
			stream_set_handler(dial->stream, &handler, dial);
			timer_set(dial->timer, COMPONENT_DIAL_MS);
			return;
		}
	}
	timer_stop(dial->timer);
	why = dial->why;
	dial->done(dial->arg, NULL, &why);
}

static void on_resolved(void *arg, const struct resolved *found, const struct err *why)
{
	struct component_dial *dial = arg;

	resolve_free(&dial->resolve);
	if (found)
		dial->found = *found;
	else
		dial->why = *why;
	try_next(dial);
}

static void begin(struct component_dial *dial)
{
	unsigned char binary[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, dial->host, binary) == 1 ||
	    inet_pton(AF_INET6, dial->host, binary) == 1) {
		dial->found.count = 1;
		strncpy(dial->found.address[0], dial->host, RESOLVE_ADDRESS_SIZE - 1);
		try_next(dial);
		return;
	}
	dial->resolve = resolve_new(dial->loop, dial->host, on_resolved, dial, &dial->why);
	if (!dial->resolve)
		try_next(dial);
}

static void on_timer(void *arg)
{
	struct component_dial *dial = arg;

	if (!dial->stream) {
		begin(dial);
		return;
	}
	err_set(&dial->why, ERR_TIMEOUT, "it does not answer");
	stream_free(&dial->stream);
	try_next(dial);
}

struct component_dial *component_dial_new(struct loop *loop, const char *host, uint16_t port,
					  component_dial_done done, void *arg)
{
	struct component_dial *dial = calloc(1, sizeof(*dial));

	if (!dial)
		return NULL;
	dial->loop = loop;
	dial->port = port;
	dial->done = done;
	dial->arg = arg;
	dial->host = strdup(host);
	dial->timer = timer_new(loop_env(loop), on_timer, dial);
	if (dial->host && dial->timer)
		timer_set(dial->timer, 0);
	else
		component_dial_free(&dial);
	return dial;
}

void component_dial_free(struct component_dial **dial)
{
	if (!*dial)
		return;
	resolve_free(&(*dial)->resolve);
	stream_free(&(*dial)->stream);
	timer_free(&(*dial)->timer);
	free((*dial)->host);
	free(*dial);
	*dial = NULL;
}
