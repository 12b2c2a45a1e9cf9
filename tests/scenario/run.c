/*
 * run.c: run scenarios from files. make check runs each file as a test of its own.
 *
 *     usage: run [-v] [-s seed] [-n runs] [-l log] file ...
 *
 * -v shows what happens, and the daemons' log; -n runs each with so many seeds, from seed
 * on; -l keeps what the gateways see, and the truth about it, for tests/hostile/attacker.py.
 */
#include "core/base/log.h"
#include "tests/scenario/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SCENARIO_SIZE_MAX 65536

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool run_text(const char *path, const char *text, const struct script_options *options)
{
	char problem[1024] = "";
	double start = seconds();
	bool good = script_run(path, text, options, problem, sizeof problem);
	printf("%s - %s", good ? "ok" : "not ok", path);
	if (options->seeded)
		printf(" seed %llu", (unsigned long long)options->seed);
	printf(" (%.2f s)\n", seconds() - start);
	if (!good)
		printf("%s\n", problem);
	fflush(stdout);
	return good;
}

static bool run_file(const char *path, struct script_options options, unsigned runs)
{
	static char text[SCENARIO_SIZE_MAX + 1];
	bool good = true;
	FILE *file = fopen(path, "r");
	if (!file) {
		perror(path);
		return false;
	}
	text[fread(text, 1, SCENARIO_SIZE_MAX, file)] = 0;
	fclose(file);
	for (unsigned i = 0; i < runs; i++, options.seed++)
		good = run_text(path, text, &options) && good;
	return good;
}

static void no_log(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

int main(int argc, char **argv)
{
	struct script_options options = {0};
	unsigned runs = 1;
	bool good = true;
	int c;
	while ((c = getopt(argc, argv, "vs:n:l:")) != -1) {
		if (c == 'v')
			options.verbose = true;
		else if (c == 'l')
			options.log = optarg;
		else if (c == 's') {
			options.seeded = true;
			options.seed = strtoull(optarg, NULL, 10);
		} else if (c == 'n') {
			options.seeded = true;
			runs = (unsigned)strtoul(optarg, NULL, 10);
		} else
			return 2;
	}
	if (options.verbose) {
		log_set_level(LOG_LEVEL_DEBUG);
		log_set_unsafe(true);
	} else {
		log_set_sink(no_log, NULL);
	}
	for (int i = optind; i < argc; i++)
		good = run_file(argv[i], options, runs) && good;
	return good && optind < argc ? 0 : 1;
}
