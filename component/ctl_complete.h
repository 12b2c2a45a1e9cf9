/*
 * ctl_complete.h: `tacetctl complete`: what a shell can offer for the last word of a command line.
 */
#ifndef COMPONENT_CTL_COMPLETE_H
#define COMPONENT_CTL_COMPLETE_H

#include "component/tacetctl_command.h"

/* argv: the words after "tacetctl", the last one as far as it goes, perhaps "". Prints a candidate
 * a line; none: names of files are as good. Names are asked of the daemon, if it answers at once.
 * Always EXIT_SUCCESS. */
int ctl_complete(const struct options *options, char **argv);

#endif
