/*
 * figures.h: what every bench prints with --json, and tests/bench/run reads.
 *
 * One JSON object a line, a figure each:
 *
 *     {"bench": "crypto", "name": "records sealed", "value": 2.1e4, "unit": "/s",
 *      "reference": 2.4e4, "ratio": 0.88, "target": "ratio >= 0.8"}
 *
 * Neighbours: figures.py, the same for benches in Python.
 */
#ifndef TACET_BENCH_FIGURES_H
#define TACET_BENCH_FIGURES_H

#include <stdbool.h>

/* One figure. Texts have no quotes and no backslashes. */
struct figure {
	const char *bench;  /* name of the bench, without "bench_" */
	const char *name;   /* unlike all others of this bench */
	double value;       /* in unit */
	const char *unit;   /* "/s", "MB/s", "us", "KiB", ... */
	double reference;   /* in the same unit and run, 0: there is none, nor a ratio */
	const char *target; /* "ratio >= 0.8", "value <= 2048", NULL: there is none */
};

/* Take --json out of a program's arguments. Returns whether it was there. */
bool figures_wanted(int *argc, char **argv);

/* Print a line. */
void figure_print(const struct figure *figure);

#endif
