/*
 * ctl_bench.h: `tacetctl bench`: the four measurements of paper 001, section V.E, and the whole
 * first contact, on the network that the configuration names.
 *
 * Nothing of the user's takes part: two people who live for one round, in a state directory that is
 * removed afterwards, in this process. Tor is that of the daemon if it runs, for a tor of our own
 * would choose guards of its own each time; else one that is started for it.
 *
 * ctl_bench.c measures; ctl_bench_world.c has the process's tor, registry and people; ctl_figures.c
 * what is said about what was measured.
 */
#ifndef COMPONENT_CTL_BENCH_H
#define COMPONENT_CTL_BENCH_H

#include "component/tacetctl_command.h"

/* Exit codes: EXIT_SUCCESS; EXIT_REFUSED: something could not be measured, or no picture could be
 * made; EXIT_USAGE; EXIT_UNREACHABLE: tor does not get ready. */
int ctl_bench(const struct options *options, char **argv);

#endif
