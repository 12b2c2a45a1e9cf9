/*
 * figures.c: a figure as a line of JSON.
 */
#include "tests/bench/figures.h"

#include <stdio.h>
#include <string.h>

bool figures_wanted(int *argc, char **argv)
{
	int kept = 1;

	for (int i = 1; i < *argc; i++)
		if (strcmp(argv[i], "--json") != 0)
			argv[kept++] = argv[i];
	if (kept == *argc)
		return false;
	*argc = kept;
	argv[kept] = NULL;
	return true;
}

void figure_print(const struct figure *f)
{
	printf("{\"bench\": \"%s\", \"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", ",
	       f->bench, f->name, f->value, f->unit);
	if (f->reference != 0)
		printf("\"reference\": %.6g, \"ratio\": %.6g, ", f->reference,
		       f->value / f->reference);
	else
		printf("\"reference\": null, \"ratio\": null, ");
	if (f->target)
		printf("\"target\": \"%s\"}\n", f->target);
	else
		printf("\"target\": null}\n");
	fflush(stdout);
}
