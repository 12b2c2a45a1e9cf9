/*
 * control.c: the control socket's connections and lines. See control.h.
 */
#include "component/control_private.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void client_free(struct control_client *client)
{
	struct control_client **at = &client->control->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	client->control->count--;
	account_reach_free(&client->reach);
	control_program_free(&client->program);
	stream_free(&client->stream);
	buf_free(&client->line);
	free(client);
}

/* A line, in *len bytes; the caller frees it. Into memory of our own, for json_dumps of
 * jansson 2.14 leaves out what it finds no room for, and says nothing. */
static char *write_json(const json_t *json, size_t *len)
{
	size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
	char *text = size > 0 ? malloc(size + 1) : NULL;

	if (!text)
		return NULL;
	*len = json_dumpb(json, text, size, JSON_COMPACT);
	if (*len != size) {
		free(text);
		return NULL;
	}
	text[(*len)++] = '\n';
	return text;
}

int control_say(struct control_client *client, json_t *reply)
{
	size_t len = 0;
	char *text = reply ? write_json(reply, &len) : NULL;
	int result = -1;

	json_decref(reply);
	if (text && stream_queued(client->stream) < CONTROL_QUEUE_MAX &&
	    !stream_write(client->stream, text, len))
		result = 0;
	free(text);
	return result;
}

/* One request. -1: the client must go. */
static int handle_line(struct control_client *client, size_t len)
{
	enum control_after after;
	json_t *reply = control_run(client, (const char *)client->line.data, len, &after);

	if (after == CONTROL_WATCH)
		client->watching = true;
	if (after == CONTROL_STOP)
		client->stopping = true;
	return control_say(client, reply);
}

/* All whole lines that have come. -1: the client must go. */
static int handle_lines(struct control_client *client)
{
	const uint8_t *end;

	while (client->line.len > 0 && (end = memchr(client->line.data, '\n', client->line.len))) {
		size_t len = (size_t)(end - client->line.data);

		if (handle_line(client, len))
			return -1;
		/* With buf_clear the passwords of the line are wiped too. */
		if (len + 1 == client->line.len)
			buf_clear(&client->line);
		else
			buf_drain(&client->line, len + 1);
	}
	return 0;
}

/* The rest of what it says is not heard. */
static void refuse(struct control_client *client, enum err_code code, const char *text)
{
	control_say(client, json_pack("{s:b, s:s, s:s}", "ok", 0, "code", err_code_name(code),
				      "error", text));
	buf_clear(&client->line);
	stream_pause(client->stream, true);
	stream_finish(client->stream);
}

static void received(void *arg, const uint8_t *data, size_t len)
{
	struct control_client *client = arg;

	/* In pieces, so that many short requests in one go are no overlong line. */
	while (len > 0) {
		size_t room = client->line.limit - client->line.len;
		size_t piece = len < room ? len : room;

		if (piece == 0) {
			refuse(client, ERR_LIMIT, "the request is too long");
			return;
		}
		if (buf_add(&client->line, data, piece)) {
			refuse(client, ERR_MEMORY, "out of memory");
			return;
		}
		data += piece;
		len -= piece;
		if (handle_lines(client)) {
			client_free(client);
			return;
		}
	}
}

static void stop(struct control_client *client)
{
	const struct control_host *host = &client->control->host;

	if (client->stopping)
		host->stop(host->arg);
	client->stopping = false;
}

static void drained(void *arg)
{
	const struct control_client *client = arg;

	stop(arg);
	if (client->program)
		control_program_drained(client->program);
}

static void closed(void *arg, const struct err *why)
{
	(void)why;
	stop(arg);
	client_free(arg);
}

static const struct stream_handler client_handler = {
    .received = received,
    .drained = drained,
    .closed = closed,
};

static void accepted(void *arg, struct stream *stream)
{
	struct control *control = arg;
	struct control_client *client = NULL;
	uid_t uid;

	if (stream_peer_uid(stream, &uid) || (uid != geteuid() && uid != 0))
		log_warn("control: a connection of another user was refused");
	else if (control->count >= CONTROL_CLIENTS_MAX)
		log_warn("control: more than %d connections", CONTROL_CLIENTS_MAX);
	else
		client = calloc(1, sizeof(*client));
	if (!client) {
		stream_free(&stream);
		return;
	}
	client->control = control;
	client->stream = stream;
	client->next = control->clients;
	control->clients = client;
	control->count++;
	buf_init(&client->line, CONTROL_LINE_MAX);
	stream_set_handler(stream, &client_handler, client);
}

/* --- those who watch --- */

static void tell(void *arg)
{
	struct control *control = arg;
	struct control_client *next;

	for (struct control_client *client = control->clients; client; client = next) {
		next = client->next;
		/* Who has not read the last one yet gets the next change. */
		if (client->watching && stream_queued(client->stream) > 0)
			timer_set(control->tell, CONTROL_WATCH_MS);
		else if (client->watching && control_say(client, control_status(&control->host)))
			client_free(client);
	}
}

void control_changed(struct control *control)
{
	bool watched = false;

	for (const struct control_client *client = control->clients; client; client = client->next)
		watched = watched || client->watching;
	if (watched && !timer_pending(control->tell))
		timer_set(control->tell, CONTROL_WATCH_MS);
}

/* --- the socket --- */

struct control *control_new(struct loop *loop, const char *path, const struct control_host *host,
			    struct err *err)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	control->host = *host;
	bridge_set_program(host->bridge, &control_program_host, control);
	control->tell = timer_new(loop_env(loop), tell, control);
	if (!control->tell)
		err_set(err, ERR_MEMORY, "out of memory");
	else
		control->listener = listener_new_unix(loop, path, 0600, accepted, control, err);
	if (!control->listener) {
		err_wrap(err, "control socket");
		control_free(&control);
	}
	return control;
}

void control_free(struct control **control)
{
	if (!*control)
		return;
	bridge_set_program((*control)->host.bridge, NULL, NULL);
	while ((*control)->clients)
		client_free((*control)->clients);
	listener_free(&(*control)->listener);
	timer_free(&(*control)->tell);
	free(*control);
	*control = NULL;
}
