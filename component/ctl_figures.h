/*
 * ctl_figures.h: what `tacetctl bench` has measured: samples, what is said about them, and how it
 * is shown: as a table, as JSON, as data for gnuplot. Beside each figure stands the one of 2006
 * (paper 001, section V.E). No I/O but printing; all times are in seconds.
 */
#ifndef COMPONENT_CTL_FIGURES_H
#define COMPONENT_CTL_FIGURES_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* What is measured. */
enum figure_kind {
	FIGURE_REQUEST, /* the four of the paper, in its order */
	FIGURE_PUT,
	FIGURE_CONNECT,
	FIGURE_MESSAGE,
	FIGURE_CONTACT, /* from going online to seeing the other's presence */
	FIGURE_COUNT
};

struct figure {
	double *samples;
	size_t count, room;
	unsigned failed; /* tries that gave no sample */
};

struct figures {
	struct figure of[FIGURE_COUNT];
};

/* deviation: the sample's standard deviation; p95: the smallest sample that 95 % are not above. All
 * 0 when there is no sample. */
struct figure_summary {
	double mean, deviation, median, p95;
};

/* -1: memory is short. */
int figures_add(struct figures *figures, enum figure_kind kind, double seconds);
void figures_fail(struct figures *figures, enum figure_kind kind);
struct figure_summary figures_summary(const struct figures *figures, enum figure_kind kind);
/* The whole first contact as the paper calculates it, of our means: twice a request and a put, and
 * a connection. 0: one of them is not there. */
double figures_calculated(const struct figures *figures);
/* Is there a sample of each? */
int figures_complete(const struct figures *figures);

void figures_print(const struct figures *figures, FILE *out);
/* The caller owns it; NULL: memory is short. */
json_t *figures_json(const struct figures *figures);
/* What gnuplot (5.0 or later) makes a picture of on its standard output. terminal: "svg" or "png".
 */
void figures_plot(const struct figures *figures, const char *terminal, FILE *out);

void figures_wipe(struct figures *figures);

#endif
