/*
 * script.h: the language of the scenarios. tests/scenario/README has the words.
 */
#ifndef TESTS_SCENARIO_SCRIPT_H
#define TESTS_SCENARIO_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script_options {
	bool verbose;
	bool seeded; /* seed counts instead of the script's own */
	uint64_t seed;
	const char *log; /* a file for what gateways see (tests/hostile); NULL: none */
};

/* Run the scenario in text. true when all of it holds; else problem has "NAME:LINE: …". */
bool script_run(const char *name, const char *text, const struct script_options *options,
		char *problem, size_t size);

#endif
