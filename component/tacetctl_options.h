/*
 * tacetctl_options.h: the options of tacetctl, in a table, and how a command line is read.
 */
#ifndef COMPONENT_TACETCTL_OPTIONS_H
#define COMPONENT_TACETCTL_OPTIONS_H

#include "component/tacetctl_command.h"

#include <getopt.h>

/* Those with a letter, as getopt(3) wants them. */
#define OPTIONS_SHORT "a:c:hn:s:V"
/* All but --exec, which ends ours. The last one has a NULL name. */
extern const struct option options_long[];
/* The OPT_ that stands for it in a command; 0: it belongs to all. */
unsigned options_bit(const struct option *option);

/* Read a command line into *options, which is all zero; options->secret is to be wiped. -1: go on
 * with options->words; else that is the exit code, and what there is to say was said. */
int options_read(int argc, char **argv, struct options *options);

#endif
