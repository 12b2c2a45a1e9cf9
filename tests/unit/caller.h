/*
 * caller.h: a guest at a host's door that is no engine: it says what a test wants, byte by byte.
 */
#ifndef TESTS_UNIT_CALLER_H
#define TESTS_UNIT_CALLER_H

#include "core/introduction.h"
#include "tests/unit/engine_rig.h"

struct caller {
	struct node_rig *host;
	struct fake_host *net_host;
	struct fake_env *fake;
	const struct env *env;
	struct identity identity; /* the guest's */
	struct key secret;        /* S */
	struct invitation invitation;
	struct identity door_identity;
	struct pair door; /* as the guest sees it */
	struct dial *dial;
	struct stream *stream;
	struct noise *noise;
	struct hello hello;
	uint8_t knock[KNOCK_LEN];
	struct introduction introduction;
	struct buf bytes; /* that the host has said */
	unsigned bits;    /* of work that it has asked for */
	bool closed;
	bool guesses; /* it knows the tag of the door, but not the secret */
};

/* A new person with the link. The caller's name on the net is name. */
struct caller *caller_new(struct rig *rig, struct node_rig *host, const char *name,
			  const char *link);
void caller_free(struct caller **caller);
/* Connect to the host's newest service, hanging up before. */
void caller_dial(struct caller *caller);
void caller_say(struct caller *caller, const void *data, size_t len);
/* The first message, then wait: true, and the answer is read, if one comes. */
bool caller_knock(struct caller *caller);
/* Do the work and send the last message; true: acknowledged. */
bool caller_show(struct caller *caller);
/* All of it. */
bool caller_visit(struct caller *caller);
/* Wait until the host hangs up, at most a minute; has it said nothing since the dial? */
bool caller_hears_nothing(struct caller *caller);

#endif
