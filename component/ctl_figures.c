/*
 * ctl_figures.c: see ctl_figures.h.
 */
#include "component/ctl_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of paper 001, section V.E; that of the whole is calculated there. */
static const struct {
	const char *name, *words, *label;
	double mean, deviation;
} kinds[FIGURE_COUNT] = {
    [FIGURE_REQUEST] = {"request", "1 request to a gateway over Tor", "request\\nover Tor", 1.97,
			0.06},
    [FIGURE_PUT] = {"put", "2 put in the DHT, without Tor", "put, with-\\nout Tor", 5.89, 12.5},
    [FIGURE_CONNECT] = {"connect", "3 connection to an onion service", "onion\\nconnection", 5.39,
			12.4},
    [FIGURE_MESSAGE] = {"message", "4 round trip of a message", "message\\nround trip", 2.32, 1.66},
    [FIGURE_CONTACT] = {"contact", "first contact", "first\\ncontact", 21.1, 0},
};

int figures_add(struct figures *figures, enum figure_kind kind, double seconds)
{
	struct figure *figure = &figures->of[kind];

	if (figure->count == figure->room) {
		size_t room = figure->room ? 2 * figure->room : 16;
		double *samples = realloc(figure->samples, room * sizeof(*samples));

		if (!samples)
			return -1;
		figure->samples = samples;
		figure->room = room;
	}
	figure->samples[figure->count++] = seconds;
	return 0;
}

void figures_fail(struct figures *figures, enum figure_kind kind)
{
	figures->of[kind].failed++;
}

/* --- what is said about them --- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double middle(const double *sorted, size_t count)
{
	return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

struct figure_summary figures_summary(const struct figures *figures, enum figure_kind kind)
{
	const struct figure *figure = &figures->of[kind];
	struct figure_summary summary = {0};
	size_t count = figure->count;
	double squares = 0;

	if (count == 0)
		return summary;
	/* Samples have no order that anybody asks for. */
	qsort(figure->samples, count, sizeof(double), compare);
	for (size_t i = 0; i < count; i++)
		summary.mean += figure->samples[i] / (double)count;
	for (size_t i = 0; i < count; i++)
		squares += pow(figure->samples[i] - summary.mean, 2);
	if (count > 1)
		summary.deviation = sqrt(squares / (double)(count - 1));
	summary.median = middle(figure->samples, count);
	summary.p95 = figure->samples[(95 * count + 99) / 100 - 1];
	return summary;
}

double figures_calculated(const struct figures *figures)
{
	double mean[FIGURE_CONNECT + 1];

	for (unsigned i = 0; i <= FIGURE_CONNECT; i++) {
		if (figures->of[i].count == 0)
			return 0;
		mean[i] = figures_summary(figures, i).mean;
	}
	return 2 * (mean[FIGURE_REQUEST] + mean[FIGURE_PUT]) + mean[FIGURE_CONNECT];
}

int figures_complete(const struct figures *figures)
{
	for (unsigned i = 0; i < FIGURE_COUNT; i++)
		if (figures->of[i].count == 0)
			return 0;
	return 1;
}

/* --- for people --- */

static void print_figure(const struct figures *figures, unsigned kind, FILE *out)
{
	const struct figure *figure = &figures->of[kind];
	const struct figure_summary summary = figures_summary(figures, kind);

	fprintf(out, "%-33s %4zu %6u", kinds[kind].words, figure->count, figure->failed);
	if (figure->count > 0)
		fprintf(out, " %8.3f ± %-7.3f %7.3f %7.3f", summary.mean, summary.deviation,
			summary.median, summary.p95);
	else
		fprintf(out, " %8s   %-7s %7s %7s", "-", "-", "-", "-");
	fprintf(out, " %9.2f", kinds[kind].mean);
	if (kinds[kind].deviation > 0)
		fprintf(out, " ± %.2f", kinds[kind].deviation);
	putc('\n', out);
}

void figures_print(const struct figures *figures, FILE *out)
{
	double calculated = figures_calculated(figures);

	fprintf(out, "%-33s %4s %6s %8s %-9s %7s %7s %9s\n", "seconds", "n", "failed", "mean",
		"± dev.", "median", "p95", "in 2006");
	for (unsigned i = 0; i < FIGURE_COUNT; i++)
		print_figure(figures, i, out);
	if (calculated > 0)
		fprintf(out, "%-33s %4s %6s %8.3f %26s %9.2f\n", "2 × ((1) + (2)) + (3)", "", "",
			calculated, "", kinds[FIGURE_CONTACT].mean);
}

/* --- for programs --- */

static json_t *figure_json(const struct figures *figures, unsigned kind)
{
	const struct figure *figure = &figures->of[kind];
	const struct figure_summary summary = figures_summary(figures, kind);
	json_t *object = json_pack("{s:s, s:I, s:I, s:f}", "name", kinds[kind].name, "count",
				   (json_int_t)figure->count, "failed", (json_int_t)figure->failed,
				   "paper_mean_s", kinds[kind].mean);
	json_t *told =
	    json_pack("{s:f, s:f, s:f, s:f}", "mean_s", summary.mean, "deviation_s",
		      summary.deviation, "median_s", summary.median, "p95_s", summary.p95);

	if (figure->count > 0 && object && told)
		json_object_update(object, told);
	if (kinds[kind].deviation > 0 && object)
		json_object_set_new(object, "paper_deviation_s", json_real(kinds[kind].deviation));
	json_decref(told);
	return object;
}

json_t *figures_json(const struct figures *figures)
{
	json_t *list = json_array(), *all;
	double calculated = figures_calculated(figures);

	for (unsigned i = 0; list && i < FIGURE_COUNT; i++)
		json_array_append_new(list, figure_json(figures, i));
	all = json_pack("{s:b, s:o}", "ok", figures_complete(figures), "figures", list);
	if (all && calculated > 0)
		json_object_set_new(all, "calculated_contact_s", json_real(calculated));
	return all;
}

/* --- a picture --- */

/* The scale is logarithmic, and knows no 0. */
static double above_zero(double seconds)
{
	return seconds > 0.0001 ? seconds : 0.0001;
}

void figures_plot(const struct figures *figures, const char *terminal, FILE *out)
{
	fputs("$figures << END\n", out);
	for (unsigned i = 0; i < FIGURE_COUNT; i++) {
		const struct figure_summary summary = figures_summary(figures, i);

		if (figures->of[i].count > 0)
			fprintf(out, "\"%s\" %.6f %.6f %.2f\n", kinds[i].label,
				above_zero(summary.median), above_zero(summary.p95), kinds[i].mean);
	}
	fprintf(
	    out,
	    "END\n"
	    "set terminal %s size 800,480\n"
	    "set title 'tacetctl bench, beside the figures of 2006'\n"
	    "set ylabel 'seconds'\nset logscale y\nset grid y\nset key top left\n"
	    "set bmargin 4\nset style fill solid 0.6\nset boxwidth 0.35\nset xrange [-0.6:%d.6]\n"
	    "plot $figures using ($0-0.2):2:xtic(1) with boxes title 'median', "
	    "'' using ($0-0.2):3 with points pointtype 2 title '95 %% are below', "
	    "'' using ($0+0.2):4 with boxes title 'mean of 2006'\n",
	    terminal, FIGURE_COUNT - 1);
}

void figures_wipe(struct figures *figures)
{
	for (unsigned i = 0; i < FIGURE_COUNT; i++)
		free(figures->of[i].samples);
	memset(figures, 0, sizeof(*figures));
}
