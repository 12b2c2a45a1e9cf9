/*
 * channel_pump.c: see channel_pump.h.
 */
#include "core/channel_pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Read from the socket at once at most; and most reads before others have their turn. */
#define CHUNK_SIZE ((size_t)64 * 1024)
#define READS_MAX  4

struct channel_pump {
	struct loop *loop;
	struct channel *channel; /* NULL when it is over */
	const struct channel_pump_handler *handler;
	void *arg;
	int fd;
	struct watch *readable, *writable; /* NULL: there is nothing to wait for */
	bool in_ended;                     /* the socket will give no more */
	bool out_ended;                    /* … and take no more */
	struct timer *tell;
	struct err why; /* to be told; ERR_NONE: in order */
};

/* --- the end --- */

static void tell(void *arg)
{
	struct channel_pump *pump = arg;

	pump->handler->closed(pump->arg, pump->why.code != ERR_NONE ? &pump->why : NULL);
}

/* Who is at the other end of the socket must not take a break for an end. Unix sockets cannot be
 * reset. */
static void close_socket(struct channel_pump *pump, bool reset)
{
	const struct linger now = {.l_onoff = 1};

	watch_free(&pump->readable);
	watch_free(&pump->writable);
	if (pump->fd < 0)
		return;
	if (reset)
		setsockopt(pump->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(pump->fd);
	pump->fd = -1;
}

static void end(struct channel_pump *pump, const struct err *why)
{
	close_socket(pump, why != NULL);
	if (why != NULL)
		pump->why = *why;
	timer_set(pump->tell, 0);
}

/* The socket is broken. */
static void break_off(struct channel_pump *pump, const char *what)
{
	struct err why = {0};

	err_system(&why, "%s", what);
	channel_abort(&pump->channel);
	end(pump, &why);
}

/* --- from the socket to the channel --- */

static void from_socket(struct channel_pump *pump);

static void on_socket_readable(void *arg, unsigned what)
{
	(void)what;
	from_socket(arg);
}

static int wait_for(struct channel_pump *pump, struct watch **watch, unsigned what,
		    void (*ready)(void *arg, unsigned what))
{
	if (*watch == NULL)
		*watch = watch_fd(pump->loop, pump->fd, what, ready, pump);
	return *watch != NULL ? 0 : -1;
}

/* False: nothing more now. */
static bool read_once(struct channel_pump *pump)
{
	uint8_t data[CHUNK_SIZE];
	size_t room = channel_room(pump->channel);
	ssize_t len;

	if (room == 0) {
		watch_free(&pump->readable);
		return false;
	}
	len = read(pump->fd, data, room < sizeof(data) ? room : sizeof(data));
	if (len > 0)
		return channel_write(pump->channel, data, (size_t)len) == len;
	if (len == 0) {
		pump->in_ended = true;
		watch_free(&pump->readable);
		channel_end(pump->channel);
	} else if (errno != EAGAIN && errno != EINTR) {
		break_off(pump, "read");
	}
	return false;
}

static void from_socket(struct channel_pump *pump)
{
	for (unsigned i = 0; i < READS_MAX && pump->channel != NULL && !pump->in_ended; i++)
		if (!read_once(pump))
			break;
}

/* --- from the channel to the socket --- */

static void to_socket(struct channel_pump *pump);

static void on_socket_writable(void *arg, unsigned what)
{
	struct channel_pump *pump = arg;

	(void)what;
	watch_free(&pump->writable);
	to_socket(pump);
}

static void to_socket(struct channel_pump *pump)
{
	const uint8_t *data = NULL;
	long len = 0;
	ssize_t sent;

	while (pump->writable == NULL && !pump->out_ended &&
	       (len = channel_peek(pump->channel, &data)) > 0) {
		sent = send(pump->fd, data, (size_t)len, MSG_NOSIGNAL);
		if (sent >= 0) {
			channel_skip(pump->channel, (size_t)sent);
		} else if (errno == EAGAIN || errno == EINTR) {
			if (wait_for(pump, &pump->writable, WATCH_WRITE, on_socket_writable) < 0)
				break_off(pump, "watch");
			return;
		} else {
			break_off(pump, "write");
			return;
		}
	}
	if (pump->writable == NULL && !pump->out_ended && len == 0) {
		pump->out_ended = true;
		shutdown(pump->fd, SHUT_WR);
	}
}

/* --- what the channel tells --- */

static void on_opened(void *arg, struct channel *channel)
{
	struct channel_pump *pump = arg;

	(void)channel;
	pump->handler->opened(pump->arg);
}

static void on_readable(void *arg, struct channel *channel)
{
	(void)channel;
	to_socket(arg);
}

static void on_writable(void *arg, struct channel *channel)
{
	struct channel_pump *pump = arg;

	(void)channel;
	if (pump->in_ended)
		return;
	if (wait_for(pump, &pump->readable, WATCH_READ, on_socket_readable) < 0)
		break_off(pump, "watch");
}

static void on_closed(void *arg, struct channel *channel, const struct err *why)
{
	struct channel_pump *pump = arg;

	(void)channel;
	end(pump, why); /* why is the channel's */
	channel_close(&pump->channel);
}

static const struct channel_handler channel_handler = {
    .opened = on_opened, .readable = on_readable, .writable = on_writable, .closed = on_closed};

/* --- life --- */

struct channel_pump *channel_pump_new(struct loop *loop, struct channel *channel, int fd,
				      const struct channel_pump_handler *handler, void *arg,
				      struct err *err)
{
	struct channel_pump *pump = calloc(1, sizeof(*pump));
	int flags = fcntl(fd, F_GETFL);

	if (pump != NULL) {
		*pump =
		    (struct channel_pump){.loop = loop, .fd = fd, .handler = handler, .arg = arg};
		pump->tell = timer_new(loop_env(loop), tell, pump);
	}
	if (pump == NULL || pump->tell == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
	} else if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		err_system(err, "descriptor");
	} else if (wait_for(pump, &pump->readable, WATCH_READ, on_socket_readable) < 0) {
		err_set(err, ERR_SYSTEM, "the descriptor cannot be waited for");
	} else {
		pump->channel = channel;
		channel_take(channel, &channel_handler, pump);
		return pump;
	}
	if (pump != NULL)
		pump->fd = -1;
	channel_pump_free(&pump);
	return NULL;
}

void channel_pump_free(struct channel_pump **pump)
{
	struct channel_pump *p = *pump;

	if (p == NULL)
		return;
	*pump = NULL;
	close_socket(p, true);
	channel_abort(&p->channel);
	timer_free(&p->tell);
	free(p);
}
