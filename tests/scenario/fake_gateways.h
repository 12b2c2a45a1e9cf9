/*
 * fake_gateways.h: gateways of an OpenDHT in memory, honest and hostile, under the fake clock.
 *
 * Daemons reach them by registry_opendht.c itself, with its choices, retries and parsers; only
 * http_client.c has a stand-in, in fake_http.c. An honest gateway puts into and reads from a table
 * that all share. A hostile one does what its mood says, keeps whatever it has seen, and shares
 * that with the other hostile ones.
 */
#ifndef TESTS_SCENARIO_FAKE_GATEWAYS_H
#define TESTS_SCENARIO_FAKE_GATEWAYS_H

#include "core/base/buf.h"
#include "core/registry.h"

#include <stdio.h>

/* How long a request needs through Tor, each way, in ms: uniformly random in between. */
#define FAKE_TOR_MIN_MS   200
#define FAKE_TOR_MAX_MS   1000
#define FAKE_GATEWAYS_MAX 16
/* Values in a flood. */
#define FAKE_FLOOD 10000

enum fake_mood {
	MOOD_HONEST,
	MOOD_DOWN,   /* refuses connections */
	MOOD_DROP,   /* never an answer */
	MOOD_DELAY,  /* the truth, up to 60 s late */
	MOOD_REPLAY, /* takes and drops; the oldest values of a key and of others that it has seen
		      */
	MOOD_FLIP,   /* the truth with a bit of each value turned; so is what it stores */
	MOOD_OTHERS, /* takes and drops; other pairs' values */
	MOOD_FLOOD,  /* FAKE_FLOOD values of a record's length, then the truth */
	MOOD_FAT,    /* FAKE_FLOOD values of 64 kB, then the truth */
	MOOD_HALF,   /* half of the true answer, then the end */
	MOOD_LIE,    /* takes and drops; confirms it to whoever reads back soon, denies it later */
	MOOD_ERROR,  /* 500 */
	MOOD_MIXED,  /* each time another of these */
	MOOD_COUNT
};

struct fake_gateways;

struct fake_gateways *fake_gateways_new(const struct env *env, unsigned count);
void fake_gateways_free(struct fake_gateways **gateways);
/* The word of a mood, NULL after the last. */
const char *fake_mood_name(enum fake_mood mood);
/* The first count gateways are of this mood from now on, the others honest. */
void fake_gateways_set(struct fake_gateways *gateways, unsigned count, enum fake_mood mood);
/* Hostile ones also put FAKE_FLOOD values under each key that they hear of, at honest ones. */
void fake_gateways_flood_keys(struct fake_gateways *gateways, bool on);
/* What the gateways and their exits can see, a line a request, into log (not owned; NULL: none):
 * "R ms circuit gateway GET|POST key bytes-answered values-answered". */
void fake_gateways_log(struct fake_gateways *gateways, FILE *log);

/* For each value that an honest gateway has stored. */
void fake_gateways_watch(struct fake_gateways *gateways,
			 void (*seen)(void *arg, const struct registry_entry *entry), void *arg);

/* A registry for one daemon. */
struct registry *fake_gateways_registry(struct fake_gateways *gateways, const struct env *env);

/* --- for fake_http.c --- */

struct fake_request {
	unsigned gateway;
	const char *circuit;
	uint8_t key[LOOKUP_KEY_LEN];
	bool put;
	uint8_t value[RECORD_LEN]; /* of a put */
};

struct fake_answer {
	int status;       /* 0: none comes */
	bool refused;     /* there was no connection */
	bool half;        /* closed before its end */
	int64_t delay_ms; /* at the gateway */
	struct buf body;
};

/* What the gateway says; the caller frees the body. limit: no more of the body is of use. */
void fake_gateways_ask(struct fake_gateways *gateways, const struct fake_request *request,
		       size_t limit, struct fake_answer *answer);

struct http_client *fake_http_new(struct fake_gateways *gateways, const struct env *env);

#endif
