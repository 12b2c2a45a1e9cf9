/*
 * tor_control.h: one connection to tor's control port: authentication, commands, events.
 *
 * It knows who may speak and in which order answers belong to commands (control-spec); what the
 * commands are for is known to tor.c, tor_service.c and tor_dial.c.
 */
#ifndef CORE_TOR_CONTROL_H
#define CORE_TOR_CONTROL_H

#include "core/base/loop.h"
#include "core/tor_reply.h"

/* Longest command; the longest is ADD_ONION with 16 keys, about 1300 bytes. */
#define TOR_COMMAND_MAX 4096
/* tor answers each command at once unless it hangs or the machine is asleep. */
#define TOR_ANSWER_LIMIT_MS 30000

struct tor_control;

struct tor_control_config {
	const char *address;     /* see tor_socket.h */
	const char *password;    /* for HASHEDPASSWORD, or NULL */
	bool own;                /* tor shall end when this connection ends (TAKEOWNERSHIP) */
	int64_t answer_limit_ms; /* 0: TOR_ANSWER_LIMIT_MS */
};

/* All are called from the loop; any of them may free the connection. */
struct tor_control_handler {
	/* Authenticated: commands may be sent. */
	void (*ready)(void *arg);
	/* An event that was asked for with SETEVENTS; good during the call. */
	void (*event)(void *arg, const struct tor_reply *event);
	/*
	 * The end, once; the owner frees the connection. Commands without an answer get none any
	 * more. ERR_UNAVAILABLE: the port could not be reached at all; ERR_AUTH: tor does not let
	 * us in, or is not who it should be; ERR_TIMEOUT, ERR_PROTOCOL, ERR_CLOSED, …
	 */
	void (*closed)(void *arg, const struct err *why);
};

/* Begin to connect and authenticate. The strings are copied. NULL with *err (not NULL): the address
 * is malformed, nobody listens there (ERR_UNAVAILABLE), memory is short. */
struct tor_control *tor_control_new(struct loop *loop, const struct tor_control_config *config,
				    const struct tor_control_handler *handler, void *arg,
				    struct err *err);
void tor_control_free(struct tor_control **control);

/* What tor says of its version, once it is ready; "" before. */
const char *tor_control_version(const struct tor_control *control);
/* Does tor run under our user id, as far as can be known? Then it can open sockets of ours. */
bool tor_control_same_user(const struct tor_control *control);

/* The answer to a command: from the loop, at most once; good during the call. May free the
 * connection. */
typedef void (*tor_answer)(void *arg, const struct tor_reply *reply);

/*
 * Send one command, without its line end; our copy is wiped, because it may hold a secret. answer
 * may be NULL. -1: not ready (ERR_WRONG_STATE), longer than TOR_COMMAND_MAX or more than a line
 * (ERR_INPUT), out of memory.
 */
int tor_control_send(struct tor_control *control, tor_answer answer, void *arg, struct err *err,
		     const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Call no more answers with this arg. */
void tor_control_forget(struct tor_control *control, const void *arg);

#endif
