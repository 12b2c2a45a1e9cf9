/*
 * fake_net.h: a network in memory: services with addresses, dialling, streams with latency.
 *
 * It stands in for tor (core/transport.h): a service has an onion endpoint with a random key and
 * SERVICE_SLOTS client authorizations, is reachable some time after it was made, and is dialled
 * by whoever knows endpoint and authorization. Each daemon is a fake_host. Tests can freeze a
 * host, kill it, break its streams, fail its dials, and see every byte that a stream carried.
 */
#ifndef TESTS_SCENARIO_FAKE_NET_H
#define TESTS_SCENARIO_FAKE_NET_H

#include "core/base/buf.h"
#include "core/transport.h"
#include "tests/scenario/fake_env.h"

struct fake_net;
struct fake_host;

/* How long a byte needs, one way: uniformly random in between. */
#define FAKE_LATENCY_MIN_MS 20
#define FAKE_LATENCY_MAX_MS 200
/* ADD_ONION to address, and address to the descriptor's upload. */
#define FAKE_ADDRESS_MS 50
#define FAKE_PUBLISH_MS 2000
/* A dial that nobody answers gives up after this, as tor's does. */
#define FAKE_DIAL_TIMEOUT_MS 120000
/* Bytes under way in one direction of a stream; more wait in the sender's queue. */
#define FAKE_WINDOW 65536
/* Bytes of each direction of a stream that are kept for fake_net_conn. */
#define FAKE_LOG_MAX 65536

struct fake_net *fake_net_new(struct fake_clock *clock);
/* Aborts when a stream, service or dial is left: somebody leaks. */
void fake_net_free(struct fake_net **net);

/* --- hosts: owned by the net --- */

/* name is shown in the log of streams. */
struct fake_host *fake_net_host(struct fake_net *net, const char *name);
struct transport *fake_host_transport(struct fake_host *host);

/*
 * The daemon dies: nothing more is told to it, what it writes is lost, its services are gone; of
 * what is under way from it some arrives and some does not. The other ends see their streams closed
 * after closed_ms, or never when that is negative. To be called before the objects are freed; the
 * host can be used again after that.
 */
void fake_host_kill(struct fake_host *host, int64_t closed_ms);
/* While frozen nothing gets in or out, nor is lost; dials time out. */
void fake_host_freeze(struct fake_host *host, bool on);
/* Every stream of the host is cut, and neither side is told, as when addresses change. */
void fake_host_cut(struct fake_host *host);
/* Every stream of the host ends with an error on both sides. */
void fake_host_break(struct fake_host *host);
/* As when tor was killed and started again: streams break, services get new addresses. */
void fake_host_restart_tor(struct fake_host *host);
/* While on, each dial of the host fails after the latency. */
void fake_host_fail_dials(struct fake_host *host, bool on);
/* While on, the host's dials to services that are gone fail only by time-out, as tor's do now and
 * then when a service has died without a word. */
void fake_host_hang_dials(struct fake_host *host, bool on);
/* How long services made from now on take to become reachable. */
void fake_host_publish_delay(struct fake_host *host, int64_t ms);

/* Reachable services, and open streams (each is counted at both its ends). */
unsigned fake_host_services(const struct fake_host *host);
unsigned fake_host_streams(const struct fake_host *host);
/* Dials begun, and services made, so far. */
unsigned fake_host_dials(const struct fake_host *host);
unsigned fake_host_services_made(const struct fake_host *host);
/* The address of the host's newest service, with the authorization of a slot; -1: none. */
int fake_host_endpoint(const struct fake_host *host, unsigned slot, struct endpoint *endpoint);

/* --- what the streams carried --- */

struct fake_log {
	struct buf bytes; /* the first FAKE_LOG_MAX of them */
	uint64_t total;   /* bytes written */
	unsigned writes;
};

/* One connection; lives as long as the net. */
struct fake_conn {
	const char *dialler, *listener; /* the hosts' names */
	int64_t opened_ms, closed_ms;   /* fake_clock_now; -1: not closed */
	struct fake_log up;             /* dialler to listener */
	struct fake_log down;
};

unsigned fake_net_conns(const struct fake_net *net);
const struct fake_conn *fake_net_conn(const struct fake_net *net, unsigned index);
/* Keep the bytes (fake_log.bytes)? Yes at first; not where streams are many. */
void fake_net_keep(struct fake_net *net, bool on);
/* Show each write to seen(arg, conn, up, data, len), before it is on its way. */
void fake_net_watch(struct fake_net *net,
		    void (*seen)(void *arg, const struct fake_conn *conn, bool up,
				 const uint8_t *data, size_t len),
		    void *arg);

/*
 * Tell dialled(arg, dialler, issuer, gone_ms) of each dial: the names of the host that dials and of
 * the one that had this address with this authorization (NULL: none ever had), and for how long the
 * address has been gone (0: it is not).
 */
void fake_net_watch_dials(struct fake_net *net,
			  void (*dialled)(void *arg, const char *dialler, const char *issuer,
					  int64_t gone_ms),
			  void *arg);

#endif
