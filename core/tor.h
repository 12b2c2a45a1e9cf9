/*
 * tor.h: the tor process: started and owned by us, or one that runs already.
 */
#ifndef CORE_TOR_H
#define CORE_TOR_H

#include "core/base/loop.h"
#include "core/transport.h"

struct tor;

struct tor_config {
	/* Own tor: */
	const char *program;   /* path of tor; NULL: TOR_PROGRAM */
	const char *directory; /* made with mode 0700; sockets, torrc and data directory go there */
	const char *extra; /* more lines for the torrc (a private network's authorities), or NULL */
	/* A tor that runs already (program and directory are then only used for our onion sockets):
	 */
	const char *control;  /* "unix:PATH" or "127.0.0.1:9051"; NULL: start our own */
	const char *socks;    /* "unix:PATH" or "127.0.0.1:9050" */
	const char *password; /* for HASHEDPASSWORD; NULL: cookie (SAFECOOKIE) or none */
	/* How often it is asked whether it lives, and how long it may take to answer, in ms; 0:
	 * half a minute each. */
	int64_t pulse_ms, answer_limit_ms;
};

enum tor_state {
	TOR_STARTING, /* process or control connection not there yet */
	TOR_BOOTSTRAPPING,
	TOR_READY, /* circuits can be built */
	TOR_DOWN,  /* died or cannot be reached; will be tried again after a pause */
};

struct tor_status {
	enum tor_state state;
	int progress;      /* bootstrap, 0 … 100 */
	char summary[128]; /* tor's own words */
	char version[64];
	char problem[ERR_TEXT_SIZE];            /* why it is down; "" when it is not */
	int64_t valid_after_ms, valid_until_ms; /* of the consensus tor holds; 0: not known */
};

/* Any field of the status has changed. Called from the loop; may free the tor. */
struct tor_handler {
	void (*changed)(void *arg, const struct tor_status *status);
};

/* Begin. A tor that is missing, dies, hangs, or refuses the cookie is no error here: it shows in
 * the status, and is tried again with growing pauses (1 s to 60 s). NULL with *err only for a
 * configuration that cannot work (directory cannot be made, path too long). */
struct tor *tor_new(struct loop *loop, const struct tor_config *config,
		    const struct tor_handler *handler, void *arg, struct err *err);
const struct tor_status *tor_status(const struct tor *tor);
/* What registry_opendht_config wants. */
const char *tor_socks(const struct tor *tor);
/* Onion services and dialling over this tor; owned by tor. Services wait while tor is not ready and
 * are made anew (with a new address) after tor was lost: published(false), then published(true). */
struct transport *tor_transport(struct tor *tor);
/* Ends an own tor (waits for it, at most 5 s) and frees. Services and dials must be gone before. */
void tor_free(struct tor **tor);

const char *tor_state_name(enum tor_state state);

#endif
