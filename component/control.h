/*
 * control.h: the control socket, through which tacetctl (or a program of one's own) asks tacetd.
 *
 *     request:  {"cmd":"account add","args":{"name":"ann","password":"…"}}\n
 *     answer:   {"ok":true,…}\n   or   {"ok":false,"code":"exists","error":"…"}\n
 *
 * A Unix socket with mode 0600; only the daemon's own user and root are heard. Answers come in the
 * order of the requests; after "status watch" further answers follow at each change, at most five
 * in a second. After "listen" and "send" events come in between, which have an "event" and no "ok"
 * (control_program.c). The commands are in control_commands.c, the status in control_status.c.
 */
#ifndef COMPONENT_CONTROL_H
#define COMPONENT_CONTROL_H

#include "component/bridge.h"
#include "core/base/loop.h"

#include <jansson.h>

/* Longest request, in bytes: a message of 64 KiB fits however it is escaped. */
#define CONTROL_LINE_MAX (512 * 1024)
/* Most connections at once: some watch, some listen, some wait for a message to be delivered. */
#define CONTROL_CLIENTS_MAX 64
/* Who lets more than this wait unread is cut off, in bytes; the status of 10,000 contacts has 3
 * MiB. */
#define CONTROL_QUEUE_MAX (8 * 1024 * 1024)
/* Changes within this time are told together, in ms. */
#define CONTROL_WATCH_MS 200

/* What the commands act on. */
struct control_host {
	struct bridge *bridge;
	/* Put what the bridge does not know into a status: tor, gateways, clock. -1: memory. NULL:
	 * none. */
	int (*status)(void *arg, json_t *status);
	/* "stop" was asked for and answered. NULL: not possible. */
	void (*stop)(void *arg);
	/* Does it wait for a passphrase? Then only a few commands can be carried out. NULL: no. */
	bool (*locked)(void *arg);
	int (*unlock)(void *arg, const char *passphrase, struct err *err);
	/* Put the store's key behind a passphrase; NULL: behind none. */
	int (*passphrase)(void *arg, const char *passphrase, struct err *err);
	void *arg;
};

struct control;

/* host is copied; its bridge and arg must outlive control. */
struct control *control_new(struct loop *loop, const char *path, const struct control_host *host,
			    struct err *err);
/* Closes all connections and removes the socket. */
void control_free(struct control **control);
/* Something that a status shows has changed. Cheap when nobody watches. */
void control_changed(struct control *control);

#endif
