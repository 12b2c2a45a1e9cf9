/*
 * daemon.h: tacetd put together: node, bridge, XMPP server and control socket on one loop.
 *
 * main.c is its caller; it does the options, the signals and the process.
 */
#ifndef COMPONENT_DAEMON_H
#define COMPONENT_DAEMON_H

#include "component/config.h"
#include "core/base/loop.h"

struct daemon;

/* Are the files that the configuration names there and readable? */
int daemon_check(const struct config *config, struct err *err);
/*
 * Start everything: when it returns, the XMPP port and the control socket are open, or, as long as
 * the store's key is locked by a passphrase, only the latter. config must outlive the daemon; tor
 * and the rest follow on the loop. The loop is stopped when someone asks for it on the control
 * socket. NULL with *err: one line that says what cannot be done.
 */
struct daemon *daemon_new(struct loop *loop, const struct config *config, struct err *err);
/* Say goodbye to clients and contacts (the loop runs for that, for up to some seconds) and end all.
 */
void daemon_free(struct daemon **daemon);

#endif
