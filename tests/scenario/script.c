/*
 * script.c: lines to words, and their order. The commands are in script_commands.c, the conditions
 * in script_expect.c.
 */
#include "tests/scenario/script_private.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX   400
#define DAEMONS_MAX 256

int script_fail(struct script *script, const char *format, ...)
{
	va_list args;
	if (script->failed)
		return -1;
	script->failed = true;
	va_start(args, format);
	vsnprintf(script->problem, script->problem_size, format, args);
	va_end(args);
	return -1;
}

/* --- words --- */

const char *words_next(struct script *script, struct words *words)
{
	if (words->left == 0) {
		script_fail(script, "a word is missing");
		return NULL;
	}
	words->left--;
	return *words->at++;
}

bool words_accept(struct words *words, const char *word)
{
	if (words->left == 0 || strcmp(*words->at, word) != 0)
		return false;
	words->at++;
	words->left--;
	return true;
}

int words_number(struct script *script, struct words *words, unsigned *number)
{
	const char *word = words_next(script, words);
	char *end;
	if (!word)
		return -1;
	*number = (unsigned)strtoul(word, &end, 10);
	return end > word && !*end ? 0 : script_fail(script, "\"%s\" is no number", word);
}

int words_duration(struct script *script, struct words *words, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	const char *word = words_next(script, words);
	char *end;
	if (!word)
		return -1;
	int64_t number = strtoll(word, &end, 10);
	for (size_t i = 0; end > word && i < sizeof units / sizeof *units; i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*ms = number * units[i].ms;
			return 0;
		}
	}
	return script_fail(script, "\"%s\" is no duration", word);
}

struct daemon **words_daemons(struct script *script, struct words *words, unsigned slot)
{
	static struct daemon *lists[2][DAEMONS_MAX + 1];
	struct daemon *daemon;
	unsigned count = 0;
	const char *word = words_next(script, words);
	if (!word)
		return NULL;
	const char *star = strchr(word, '*');
	TAILQ_FOREACH(daemon, &script->world->daemons, next)
	{
		bool match = star ? strncmp(daemon->name, word, (size_t)(star - word)) == 0
				  : strcmp(daemon->name, word) == 0;
		if (match && count < DAEMONS_MAX)
			lists[slot][count++] = daemon;
	}
	lists[slot][count] = NULL;
	if (count == 0)
		script_fail(script, "there is no daemon \"%s\"", word);
	return count ? lists[slot] : NULL;
}

/* --- lines --- */

/* Split at blanks; "…" keeps them; # begins a comment. */
static int split(struct line *line, char *text)
{
	for (char *at = text; *at && *at != '#';) {
		if (isspace((unsigned char)*at)) {
			*at++ = 0;
			continue;
		}
		if (line->count == SCRIPT_WORDS_MAX)
			return -1;
		char quote = *at == '"' ? *at++ : 0;
		line->words[line->count++] = at;
		while (*at && (quote ? *at != quote : !isspace((unsigned char)*at)))
			at++;
		if (!*at)
			return quote ? -1 : 0;
		*at++ = 0;
	}
	return 0;
}

/* Lines with words on them; *count is LINES_MAX + 1 when one is wrong (line[0].number says which).
 */
static unsigned read_lines(const char *text, struct line *lines)
{
	unsigned count = 0, number = 0;
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *copy = strndup(text, len);
		assert(copy && count < LINES_MAX);
		lines[count] = (struct line){.number = ++number, .memory = copy};
		if (split(&lines[count], copy) < 0)
			lines[count].count = SCRIPT_WORDS_MAX;
		if (lines[count].count)
			count++;
		else
			free(copy);
		text += len + (text[len] == '\n');
	}
	return count;
}

/* The line of the "end" that belongs to the "repeat" before first. */
static unsigned find_end(const struct line *lines, unsigned first, unsigned end)
{
	unsigned depth = 1;
	for (unsigned i = first; i < end; i++) {
		if (strcmp(lines[i].words[0], "repeat") == 0)
			depth++;
		else if (strcmp(lines[i].words[0], "end") == 0 && --depth == 0)
			return i;
	}
	return end;
}

/* Run lines first … end - 1. Returns the line that failed, or end. */
static unsigned run_lines(struct script *script, const struct line *lines, unsigned first,
			  unsigned end)
{
	for (unsigned i = first; i < end; i++) {
		if (strcmp(lines[i].words[0], "repeat") != 0) {
			if (command_run(script, &lines[i]) < 0 || script->world->failed)
				return i;
			continue;
		}
		struct words words = {(char **)lines[i].words + 1, lines[i].count - 1};
		unsigned times, last = find_end(lines, i + 1, end);
		if (words_number(script, &words, &times) < 0)
			return i;
		while (times-- > 0) {
			unsigned at = run_lines(script, lines, i + 1, last);
			if (at != last)
				return at;
		}
		i = last;
	}
	return end;
}

bool script_run(const char *name, const char *text, const struct script_options *options,
		char *problem, size_t size)
{
	char what[640] = "";
	struct line *lines = calloc(LINES_MAX, sizeof *lines);
	assert(lines);
	unsigned count = read_lines(text, lines), first = 0;
	uint64_t seed = 1;
	if (count && strcmp(lines[0].words[0], "seed") == 0 && lines[0].count == 2) {
		seed = strtoull(lines[0].words[1], NULL, 10);
		first = 1;
	}
	struct script script = {
	    .world = world_new(options->seeded ? options->seed : seed, options->verbose),
	    .problem = what,
	    .problem_size = sizeof what};
	if (options->log && world_log(script.world, options->log) < 0)
		script_fail(&script, "%s cannot be written", options->log);
	unsigned at = script.failed ? first : run_lines(&script, lines, first, count);
	bool good = at == count && !script.failed && !script.world->failed;
	if (!good)
		snprintf(problem, size, "%s:%u: %s: %s (after %.3f s)", name,
			 at < count ? lines[at].number : 0, at < count ? lines[at].words[0] : "",
			 script.world->failed ? script.world->failure : what,
			 (double)fake_clock_now(script.world->clock) / 1000);
	for (unsigned i = 0; i < script.attack_count; i++)
		attack_free(&script.attacks[i]);
	world_free(&script.world);
	for (unsigned i = 0; i < count; i++)
		free(lines[i].memory);
	free(lines);
	return good;
}
