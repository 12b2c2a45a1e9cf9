/*
 * tacet-pipe: standard input to a contact, and what comes back to standard output, as netcat does
 * with a TCP connection.
 *
 * One stream of libtacet, as a descriptor, in a loop of its own over poll(2). tacet-pipe(1).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe that is ready takes this much without blocking (PIPE_BUF); a file any amount. */
#define PIPE_CHUNK 4096
#define FILE_CHUNK 65536
/* How long to stay for the contact to hear the end of ours, in rounds of 100 ms. */
#define LINGER_ROUNDS 50

static const char usage[] =
    "usage: tacet-pipe [options] [-s SERVICE] CONTACT\n"
    "       tacet-pipe [options] [-s SERVICE] -l [CONTACT]\n"
    "  -l                 wait for a contact (or this one) instead of calling\n"
    "  -s SERVICE         what both call it; \"pipe\" if it is not given\n" PEER_USAGE_TEXT;

struct pipe {
	struct peer peer;
	const char *service;
	struct tacet_contact *contact; /* NULL: any */
	struct tacet_stream *stream;
	int fd;                /* of the stream; -1: none yet, or no more */
	bool closed;           /* the stream is over */
	bool broken;           /* … and not in order */
	bool in_ended;         /* standard input, and what was read of it is sent */
	bool out_ended;        /* the contact's end has come */
	char data[FILE_CHUNK]; /* from standard input */
	size_t from, to;       /* of it: what is not sent yet */
	size_t out_chunk;
};

/* --- the stream --- */

static void on_opened(void *arg, struct tacet_stream *stream)
{
	struct pipe *pipe = arg;

	peer_note(&pipe->peer, "%s has answered", tacet_contact_name(tacet_stream_contact(stream)));
}

static void on_closed(void *arg, struct tacet_stream *stream, const struct tacet_err *why)
{
	struct pipe *pipe = arg;

	(void)stream;
	pipe->stream = NULL;
	pipe->closed = true;
	pipe->broken = why != NULL;
	if (why != NULL)
		peer_say(&pipe->peer, "%s", why->text);
}

static const struct tacet_stream_handlers handlers = {
    .size = sizeof handlers, .opened = on_opened, .closed = on_closed};

static int join(struct pipe *pipe, struct tacet_stream *stream)
{
	struct tacet_err err;

	pipe->fd = tacet_stream_fd(stream, &err);
	if (pipe->fd < 0) {
		peer_say(&pipe->peer, "%s", err.text);
		return -1;
	}
	fcntl(pipe->fd, F_SETFL, O_NONBLOCK);
	pipe->stream = stream;
	return 0;
}

static bool on_stream(void *arg, struct tacet_stream *stream)
{
	struct pipe *pipe = arg;
	struct tacet_err err;

	if (pipe->stream != NULL || pipe->closed ||
	    (pipe->contact != NULL && tacet_stream_contact(stream) != pipe->contact))
		return false;
	if (tacet_stream_handle(stream, &handlers, pipe, &err) < 0)
		return false;
	pipe->contact = tacet_stream_contact(stream);
	return join(pipe, stream) == 0;
}

static int call(struct pipe *pipe)
{
	struct tacet_stream *stream;
	struct tacet_err err;

	if (!peer_meet(&pipe->peer, pipe->contact))
		return -1;
	stream = tacet_connect(pipe->contact, pipe->service, &handlers, pipe, &err);
	if (stream == NULL) {
		peer_say(&pipe->peer, "%s", err.text);
		return -1;
	}
	return join(pipe, stream);
}

static int wait_for_call(struct pipe *pipe)
{
	struct tacet_err err;

	if (tacet_listen(pipe->peer.account, pipe->service, on_stream, pipe, &err) < 0) {
		peer_say(&pipe->peer, "%s", err.text);
		return -1;
	}
	while (pipe->stream == NULL && !pipe->closed)
		if (!peer_round(&pipe->peer, NULL, 0, -1))
			return -1;
	tacet_unlisten(pipe->peer.account, pipe->service, NULL);
	return 0;
}

/* --- copying --- */

/* -1: it cannot be read; the contact must not take that for the end. */
static int read_input(struct pipe *pipe)
{
	ssize_t len = read(STDIN_FILENO, pipe->data, sizeof pipe->data);

	if (len > 0) {
		pipe->from = 0;
		pipe->to = (size_t)len;
	} else if (len == 0) {
		pipe->in_ended = true;
		shutdown(pipe->fd, SHUT_WR);
	} else if (errno != EINTR && errno != EAGAIN) {
		peer_say(&pipe->peer, "standard input: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static void send_input(struct pipe *pipe)
{
	ssize_t len = send(pipe->fd, pipe->data + pipe->from, pipe->to - pipe->from, MSG_NOSIGNAL);

	if (len >= 0)
		pipe->from += (size_t)len;
	else if (errno != EAGAIN && errno != EINTR)
		pipe->in_ended = true; /* the stream is over; on_closed says why */
}

static int write_all(const struct pipe *pipe, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t written = write(STDOUT_FILENO, data, len);

		if (written < 0 && errno != EINTR) {
			peer_say(&pipe->peer, "standard output: %s", strerror(errno));
			return -1;
		}
		if (written > 0) {
			data += written;
			len -= (size_t)written;
		}
	}
	return 0;
}

static int write_output(struct pipe *pipe)
{
	char data[FILE_CHUNK];
	ssize_t len = recv(pipe->fd, data, pipe->out_chunk, 0);

	if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
		pipe->out_ended = true;
	return len > 0 ? write_all(pipe, data, (size_t)len) : 0;
}

/* One round. -1: a signal, or standard input or output has failed. */
static int copy_once(struct pipe *pipe)
{
	bool full = pipe->from < pipe->to;
	struct pollfd fds[3] = {
	    {.fd = !pipe->in_ended && !full ? STDIN_FILENO : -1, .events = POLLIN},
	    {.fd = pipe->fd,
	     .events =
		 (short)((pipe->out_ended ? 0 : POLLIN) | (full && !pipe->in_ended ? POLLOUT : 0))},
	    {.fd = -1},
	};

	if (fds[1].events == 0)
		fds[1].fd = -1;
	if (!peer_round(&pipe->peer, fds, 2, pipe->closed ? 0 : -1))
		return -1;
	if (fds[0].revents != 0 && read_input(pipe) < 0)
		return -1;
	if ((fds[1].revents & (POLLOUT | POLLERR)) != 0 && full)
		send_input(pipe);
	if ((fds[1].revents & (POLLIN | POLLHUP)) == 0 || pipe->out_ended)
		return 0;
	/* Never wait for a slow reader without letting tacet work. */
	fds[2] = (struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT};
	while ((fds[2].revents & (POLLOUT | POLLERR)) == 0)
		if (!peer_round(&pipe->peer, &fds[2], 1, -1))
			return -1;
	return write_output(pipe);
}

static int copy(struct pipe *pipe)
{
	struct stat st;

	pipe->out_chunk =
	    fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? FILE_CHUNK : PIPE_CHUNK;
	/* Over, and all that had come is written. */
	while (!pipe->closed || (!pipe->broken && !pipe->out_ended))
		if (copy_once(pipe) < 0)
			return PEER_FAILED;
	return pipe->broken ? PEER_FAILED : PEER_OK;
}

/* The contact has read everything. Let it hear that we have, too: it leaves when it knows. */
static void linger(struct pipe *pipe)
{
	for (unsigned i = 0; i < LINGER_ROUNDS; i++)
		if (tacet_contact_link(pipe->contact) != TACET_LINKED ||
		    !peer_round(&pipe->peer, NULL, 0, 100))
			return;
}

static int run(struct pipe *pipe, bool listens)
{
	int result = PEER_FAILED;

	if ((listens ? wait_for_call(pipe) : call(pipe)) == 0)
		result = copy(pipe);
	if (result == PEER_OK)
		linger(pipe);
	else if (pipe->peer.interrupted)
		peer_say(&pipe->peer, "interrupted");
	return result;
}

int main(int argc, char **argv)
{
	static struct pipe pipe = {.peer = {.program = "tacet-pipe"}, .service = "pipe", .fd = -1};
	const char *who = NULL;
	bool listens = false;
	int result;

	if (!peer_open(&pipe.peer, &argc, argv, usage, &result)) {
		peer_close(&pipe.peer);
		return result;
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-l") == 0)
			listens = true;
		else if (strcmp(argv[i], "-s") == 0)
			pipe.service = argv[++i];
		else
			who = argv[i];
	}
	if (who == NULL && !listens) {
		fputs(usage, stderr);
		result = PEER_USAGE;
	} else if (who != NULL && (pipe.contact = peer_contact(&pipe.peer, who)) == NULL) {
		result = PEER_FAILED;
	} else {
		result = run(&pipe, listens);
	}
	if (pipe.fd >= 0)
		close(pipe.fd);
	peer_close(&pipe.peer);
	return result;
}
