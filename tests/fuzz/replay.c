/*
 * replay.c: main() of a fuzz target without a fuzzer, for `make check` and for single findings.
 *
 *     usage: replay_NAME [file or folder]…
 *
 * Without arguments it takes the seed corpus, tests/fuzz/corpus/NAME. Each input is replayed as it
 * is, then with a few changes drawn from a fixed sequence, always the same.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Longest input; libFuzzer makes none longer by itself either. */
#define INPUT_MAX    (1 << 20)
#define PATH_MAX_LEN 4096
/* Changed copies of each input; few enough for every `make check`. Slow targets have fewer (*.am).
 */
#ifndef CHANGED_COPIES
#define CHANGED_COPIES 50
#endif

static unsigned replayed;

static uint32_t draw(uint64_t *state, size_t bound)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*state >> 33) % bound);
}

/* The target gets a copy of just that size, so that a sanitizer sees each byte read past its end.
 */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* Changes a few bytes, or cuts the end off. */
static void run_changed(const uint8_t *data, size_t size, uint64_t *state)
{
	uint8_t *changed = malloc(size);
	size_t len = draw(state, 4) == 0 ? draw(state, size) : size;

	if (!changed)
		abort();
	memcpy(changed, data, size);
	for (uint32_t n = draw(state, 4); n > 0; n--) {
		size_t at = draw(state, size);

		if (draw(state, 2))
			changed[at] = (uint8_t)draw(state, 256);
		else
			changed[at] ^= (uint8_t)(1 << draw(state, 8));
	}
	run(changed, len);
	free(changed);
}

static void replay_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	uint64_t state = 1;
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	size = fread(data, 1, sizeof data, file);
	fclose(file);
	run(data, size);
	for (int i = 0; size > 0 && i < CHANGED_COPIES; i++)
		run_changed(data, size, &state);
	replayed++;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, not_hidden, alphasort);

	if (count < 0) {
		replay_file(path);
		return;
	}
	for (int i = 0; i < count; i++) {
		char inner[PATH_MAX_LEN];

		if (snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name) >=
		    (int)sizeof inner)
			abort();
		replay_file(inner);
		free(entries[i]);
	}
	free(entries);
}

static void replay_corpus(const char *program)
{
	const char *name = strstr(program, "replay_"), *top = getenv("top_srcdir");
	char path[PATH_MAX_LEN];

	/* libtool may run the program as lt-replay_NAME in another folder. */
	for (const char *next = name; next; next = strstr(next + 1, "replay_"))
		name = next;
	if (!name) {
		fprintf(stderr, "usage: replay_NAME [file or folder]...\n");
		exit(2);
	}
	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", top ? top : ".",
		 name + strlen("replay_"));
	replay(path);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay_corpus(argv[0]);
	printf("%u inputs replayed, each with %d changed copies\n", replayed, CHANGED_COPIES);
	return replayed > 0 ? 0 : 1;
}
