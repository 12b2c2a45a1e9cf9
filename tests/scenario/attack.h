/*
 * attack.h: a stranger who knows where a daemon can be dialled, and what once went to it.
 */
#ifndef TESTS_SCENARIO_ATTACK_H
#define TESTS_SCENARIO_ATTACK_H

#include "tests/scenario/world.h"

/* The daemon must close within this, whatever the stranger does or does not say. */
#define ATTACK_PATIENCE_MS 60000

enum attack_kind {
	ATTACK_SILENT,  /* dials and says nothing */
	ATTACK_GARBAGE, /* random bytes, more than a handshake */
	ATTACK_TAG,     /* a contact's knock tag of the first connection, then random bytes */
	ATTACK_HALF,    /* half of the first handshake message that a contact has sent */
	ATTACK_REPLAY,  /* all that a contact has sent in the first connection */
};

struct attack;

/* The word of a kind, NULL after the last. */
const char *attack_kind_name(enum attack_kind kind);

/* Dial the victim's newest service and do it. The world fails at once if a byte comes back. */
struct attack *attack_new(struct daemon *victim, enum attack_kind kind);
void attack_free(struct attack **attack);
/* How long the victim kept the line open, in ms; -1: it is open, -2: the dial failed or has not
 * ended yet. */
int64_t attack_lasted_ms(const struct attack *attack);

#endif
