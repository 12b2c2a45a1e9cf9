/*
 * fake_gateway.h: HTTP gateways of an OpenDHT that never was, well behaved or not, on loopback.
 */
#ifndef TESTS_UNIT_FAKE_GATEWAY_H
#define TESTS_UNIT_FAKE_GATEWAY_H

#include "core/base/buf.h"
#include "core/base/stream_socket.h"

enum fake_mood {
	FAKE_GOOD,
	FAKE_ERROR,      /* 500 */
	FAKE_HANG,       /* never an answer */
	FAKE_DRIBBLE,    /* a byte every 50 ms, without end */
	FAKE_HALF,       /* less than Content-Length says, then closed */
	FAKE_ENDLESS,    /* a body without end, as fast as it is read */
	FAKE_HUGE,       /* 100 MB in one line */
	FAKE_HEADERS,    /* headers without end */
	FAKE_WRONG_TYPE, /* good, but says that it is HTML */
	FAKE_CLOSE,      /* closes at once */
	FAKE_GARBAGE,    /* not HTTP */
	FAKE_LIAR,       /* takes values and never has any */
	FAKE_MANGLE,     /* values whose base64 is not */
	FAKE_REDIRECT,   /* 302 to /redirected of itself */
};

/* What all gateways of one network have. */
struct fake_dht {
	struct fake_value {
		char key[41];
		char *data; /* base64, as it came */
	} * values;
	size_t count;
};

void fake_dht_put(struct fake_dht *dht, const char *key, const char *data, size_t len);
void fake_dht_clear(struct fake_dht *dht);

struct fake_gateway {
	struct loop *loop;
	struct fake_dht *dht;
	struct listener *listener;
	struct fake_connection *connections;
	char url[64];
	enum fake_mood mood;
	unsigned flood;  /* so many short values come before the true ones */
	int64_t date_ms; /* 0: no Date header */
	unsigned accepted, posts, gets, redirected;
	uint64_t sent;      /* bytes that have left towards the client */
	char request[2048]; /* the last one, with its body */
};

/* Listen on a free port of address ("127.0.0.1"). */
void fake_gateway_start(struct fake_gateway *gateway, struct loop *loop, struct fake_dht *dht,
			const char *address);
void fake_gateway_stop(struct fake_gateway *gateway);

#endif
