/*
 * ctl_retry.h: when a program that stays with the daemon tries to reach it again after it has
 * ended. Pure: the caller waits and connects.
 */
#ifndef COMPONENT_CTL_RETRY_H
#define COMPONENT_CTL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* A restart takes a moment; a machine that is busy is not asked more often than this. */
#define CTL_RETRY_FIRST_MS ((int64_t)500)
#define CTL_RETRY_PAUSE_MS ((int64_t)15 * 1000)
/* Whoever has stopped the daemon for longer starts what belongs to it, too. */
#define CTL_RETRY_TOTAL_MS ((int64_t)10 * 60 * 1000)

/* All zero at first. */
struct ctl_retry {
	bool never;       /* the user wants none */
	bool met;         /* the daemon was there: before, its absence is an error at once */
	int64_t until_ms; /* 0: the daemon is there */
	int64_t pause_ms; /* before the next try */
};

/* The daemon is there. */
void ctl_retry_met(struct ctl_retry *retry);
/* It is not, now (by a clock that does not jump): how many ms to wait, or -1: give up. */
int64_t ctl_retry_next(struct ctl_retry *retry, int64_t now_ms);
/* Is this the first try since it was there? Then say so. */
bool ctl_retry_begins(const struct ctl_retry *retry);

#endif
