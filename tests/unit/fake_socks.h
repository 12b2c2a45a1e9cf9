/*
 * fake_socks.h: a SOCKS 5 proxy (RFC 1928, RFC 1929) on loopback that remembers who asked for what.
 */
#ifndef TESTS_UNIT_FAKE_SOCKS_H
#define TESTS_UNIT_FAKE_SOCKS_H

#include "core/base/buf.h"
#include "core/base/stream_socket.h"

#define FAKE_SOCKS_MAX 64

struct fake_socks {
	struct loop *loop;
	struct listener *listener;
	struct fake_tunnel *tunnels;
	char address[128];      /* as registry_opendht_config wants it */
	int refuse_with;        /* answer each request with this; 0: connect; -1: say nothing */
	const char *black_hole; /* a host for which it says nothing; NULL: none */
	size_t early;           /* bytes that came before it had answered */
	unsigned count;
	struct fake_socks_request {
		char user[256], password[256];
		char host[256]; /* as it came */
		bool by_name;
		unsigned port;
	} requests[FAKE_SOCKS_MAX];
};

/* path: of a Unix socket; NULL: a free port of 127.0.0.1. Every name is taken to be 127.0.0.1. */
void fake_socks_start(struct fake_socks *socks, struct loop *loop, const char *path);
void fake_socks_stop(struct fake_socks *socks);

#endif
