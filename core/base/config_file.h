/*
 * config_file.h: a file of "key = value" lines, read by a table of what may stand in it.
 *
 *     # comment
 *     state-dir = /var/lib/tacet
 *     gateway = http://127.0.0.1:18001      (a list: the key may come again)
 *
 * Blanks around key and value do not count; a value may be quoted with "…" to keep them.
 */
#ifndef CORE_BASE_CONFIG_FILE_H
#define CORE_BASE_CONFIG_FILE_H

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_TEXT,     /* char * */
	CONFIG_LIST,     /* struct config_list */
	CONFIG_BOOL,     /* bool: yes or no */
	CONFIG_NUMBER,   /* int64_t, within min … max */
	CONFIG_DURATION, /* int64_t in ms; written 250ms, 30s, 10m, 24h, 7d; within min … max (ms)
			  */
	CONFIG_CHOICE,   /* int: the index in choices */
};

struct config_list {
	char **items;
	size_t count;
};

struct config_key {
	const char *name;
	enum config_type type;
	size_t offset; /* of the field in the caller's struct */
	int64_t min,
	    max; /* NUMBER, DURATION; for TEXT and LIST max is the longest value, 0: 4096 */
	const char *const *choices; /* CHOICE: ends with NULL */
	const char *initial; /* value when the key is missing, as it would be written; NULL: none */
	/* Further conditions on a value, as it is written: -1 with *err, whose text becomes part of
	 * the message. NULL: none. */
	int (*check)(const char *value, struct err *err);
};

/* Most items in a list, so that a mistaken file cannot take all memory. */
#define CONFIG_LIST_MAX 256
/* Longest file accepted, in bytes. */
#define CONFIG_FILE_MAX (1 << 20)

/*
 * Fill the fields of out by the table (ends with a NULL name): first the initial values, then the
 * file (out must be all zero before). An error names file, line and key ("tacetd.conf:7: port: must
 * be 1 … 65535"), and out is then as after config_free. name is for messages.
 */
int config_parse(const struct config_key *table, void *out, const char *name, const char *text,
		 struct err *err);
/* The same from a file. */
int config_load(const struct config_key *table, void *out, const char *path, struct err *err);
/* Free what the fields own and set them to zero. */
void config_free(const struct config_key *table, void *out);

#endif
