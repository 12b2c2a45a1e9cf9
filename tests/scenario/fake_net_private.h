/*
 * fake_net_private.h: what fake_net.c (hosts, services, dials) and fake_stream.c share.
 */
#ifndef TESTS_SCENARIO_FAKE_NET_PRIVATE_H
#define TESTS_SCENARIO_FAKE_NET_PRIVATE_H

#include "core/base/stream_private.h"
#include "tests/scenario/fake_net.h"

#include <sys/queue.h>

struct fake_service;
struct fake_dial;
struct fake_stream;

struct fake_host {
	struct transport transport;
	struct fake_net *net;
	char name[64];
	bool frozen, fail_dials, hang_dials;
	int64_t publish_delay;
	unsigned dials, services_made;
	LIST_HEAD(, fake_service) services; /* newest first */
	LIST_HEAD(, fake_dial) pending;
	LIST_HEAD(, fake_stream) streams;
	SLIST_ENTRY(fake_host) next;
};

struct fake_net {
	struct fake_clock *clock;
	struct fake_env *fake;
	const struct env *env;
	SLIST_HEAD(, fake_host) hosts;
	struct fake_conn **conns;
	unsigned conn_count, conn_size;
	void (*seen)(void *arg, const struct fake_conn *conn, bool up, const uint8_t *data,
		     size_t len);
	void *seen_arg;
	SLIST_HEAD(, fake_issue) issues; /* of all addresses, newest first */
	void (*dialled)(void *arg, const char *dialler, const char *issuer, int64_t gone_ms);
	void *dialled_arg;
	bool forget; /* what the streams carry */
};

/* An address that a host has, or had. */
struct fake_issue {
	const struct fake_host *host;
	uint8_t key[ONION_KEY_LEN];
	struct key auth[SERVICE_SLOTS];
	int64_t gone_ms; /* since when it is not there any more; -1: it is */
	SLIST_ENTRY(fake_issue) next;
};

/* Bytes under way to a stream, or its end. */
struct fake_segment {
	STAILQ_ENTRY(fake_segment) next;
	int64_t due;
	enum err_code end; /* ERR_NONE: bytes */
	size_t len;
	uint8_t data[];
};

/* One end of a connection. */
struct fake_stream {
	struct stream stream;
	struct fake_host *host, *other;
	struct fake_stream *peer; /* NULL once the other end is gone, or we are cut off from it */
	struct fake_conn *conn;
	bool up; /* our writes go from dialler to listener */
	bool paused, finishing, ended, told_end;
	bool drain_due; /* drained() is owed */
	struct timer *timer;
	struct buf queue; /* written, not yet under way */
	STAILQ_HEAD(, fake_segment) incoming;
	size_t under_way; /* bytes in incoming */
	int64_t last_due; /* order is kept: nothing arrives before this */
	bool *freed;      /* set when the stream is freed within a callback */
	LIST_ENTRY(fake_stream) next;
};

void *fake_alloc(size_t len);
int64_t fake_latency(struct fake_net *net);

/* Two ends of a new connection: dialler's and listener's. */
void fake_stream_pair(struct fake_host *dialler, struct fake_host *listener,
		      struct fake_stream *ends[2]);
/* See fake_host_kill, fake_host_cut, fake_host_break; thaw: what was held goes on. */
void fake_stream_kill(struct fake_stream *stream, int64_t closed_ms);
void fake_stream_cut(struct fake_stream *stream);
void fake_stream_break(struct fake_stream *stream);
void fake_stream_thaw(struct fake_stream *stream);

#endif
