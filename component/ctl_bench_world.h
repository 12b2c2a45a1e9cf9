/*
 * ctl_bench_world.h: a daemon for one measurement: node, HTTP clients, and two people who have
 * never met. Beside ctl_bench.c, which waits for what happens here.
 */
#ifndef COMPONENT_CTL_BENCH_WORLD_H
#define COMPONENT_CTL_BENCH_WORLD_H

#include "component/config.h"
#include "core/http_client.h"
#include "core/node.h"

struct bench_world {
	const struct config *config;
	struct loop *loop;
	struct watch *interrupted, *terminated;
	bool stopped; /* by a signal */
	char directory[64];
	struct node *node;
	struct http_client *http;   /* through tor */
	struct http_client *direct; /* to gateways on this machine */
	unsigned round;
	/* The host is there first; the guest comes later. NULL: there is no such round. */
	struct account *host, *guest;
	struct contact *guest_of_host, *host_of_guest;
	/* What has happened in this round. */
	bool publishing, found_out; /* the host leaves its record, and has */
	double seen_at;             /* when the guest sees the host; 0: not yet */
	double answer_at;           /* when its message has come back; 0: not yet */
};

/* A clock in seconds that nobody sets. */
double bench_now(void);

/* Start tor, or reach the daemon's. -1 with *err; bench_world_close in any case. */
int bench_world_open(struct bench_world *world, const struct config *config, struct err *err);
void bench_world_close(struct bench_world *world);

/* Wait until done(world), a signal, or ms are over. Returns whether it is done. */
bool bench_wait(struct bench_world *world, bool (*done)(const struct bench_world *world),
		int64_t ms);

/* Two people: the host is online, the guest is not yet. */
int bench_people_new(struct bench_world *world, struct err *err);
void bench_people_free(struct bench_world *world);
/* The guest comes online, and looks for the host. */
void bench_guest_comes(struct bench_world *world);

#endif
