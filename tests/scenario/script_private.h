/*
 * script_private.h: what script.c (lines and commands) and script_expect.c (conditions) share.
 */
#ifndef TESTS_SCENARIO_SCRIPT_PRIVATE_H
#define TESTS_SCENARIO_SCRIPT_PRIVATE_H

#include "tests/scenario/attack.h"
#include "tests/scenario/script.h"

#define SCRIPT_WORDS_MAX   16
#define SCRIPT_ATTACKS_MAX 32

struct line {
	unsigned number;
	unsigned count;
	char *words[SCRIPT_WORDS_MAX];
	char *memory;
};

struct script {
	struct world *world;
	struct attack *attacks[SCRIPT_ATTACKS_MAX];
	unsigned attack_count;
	char *problem; /* of the line at work: wrong words, an expectation not met */
	size_t problem_size;
	bool failed;
};

/* Words from here on; a handler takes what it needs. */
struct words {
	char **at;
	unsigned left;
};

/* Keep the first problem; returns -1. */
int script_fail(struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The next word, or NULL with a problem. */
const char *words_next(struct script *script, struct words *words);
/* Take the next word if it is this one. */
bool words_accept(struct words *words, const char *word);
int words_number(struct script *script, struct words *words, unsigned *number);
/* 250ms, 30s, 10m, 24h, 1d, with a sign if it may be negative. */
int words_duration(struct script *script, struct words *words, int64_t *ms);
/* A name, or a pattern with a star at its end: the names of all daemons that it means, in a list
 * that ends with NULL and is valid until the next call with the same slot (0 or 1). */
struct daemon **words_daemons(struct script *script, struct words *words, unsigned slot);

/* Do what the line says; -1 with a problem. */
int command_run(struct script *script, const struct line *line);
/* Judge the condition in words. 1: it holds; 0: it does not, and why says what is instead; -1: a
 * problem with the words. */
int expect_judge(struct script *script, struct words words, char *why, size_t size);

#endif
