/*
 * config_file.c: see config_file.h.
 */
#include "core/base/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest value when the table names no other. */
#define VALUE_MAX 4096

static size_t table_len(const struct config_key *table)
{
	size_t n = 0;

	while (table[n].name != NULL)
		n++;
	return n;
}

static void *field(const struct config_key *key, void *out)
{
	return (char *)out + key->offset;
}

static int set_text(const struct config_key *key, void *out, const char *value, struct err *err)
{
	int64_t longest = key->max > 0 ? key->max : VALUE_MAX;
	char **text = field(key, out);
	char *copy;

	if (strlen(value) > (size_t)longest)
		return err_set(err, ERR_INPUT, "longer than %" PRId64 " characters", longest);
	copy = strdup(value);
	if (copy == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	free(*text);
	*text = copy;
	return 0;
}

static int set_item(const struct config_key *key, void *out, const char *value, struct err *err)
{
	struct config_list *list = field(key, out);
	struct config_key one = {.max = key->max};
	char **items, *item = NULL;

	if (list->count == CONFIG_LIST_MAX)
		return err_set(err, ERR_INPUT, "given more than %d times", CONFIG_LIST_MAX);
	if (set_text(&one, &item, value, err) != 0)
		return -1;
	items = realloc(list->items, (list->count + 1) * sizeof *items);
	if (items == NULL) {
		free(item);
		return err_set(err, ERR_MEMORY, "out of memory");
	}
	list->items = items;
	list->items[list->count++] = item;
	return 0;
}

static int set_bool(const struct config_key *key, void *out, const char *value, struct err *err)
{
	bool *flag = field(key, out);

	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return err_set(err, ERR_INPUT, "must be yes or no");
	*flag = value[0] == 'y';
	return 0;
}

static int parse_number(const char *value, int64_t *number, const char **end)
{
	char *stop;

	errno = 0;
	*number = strtoll(value, &stop, 10);
	*end = stop;
	return errno != 0 || stop == value || isspace((unsigned char)value[0]) ? -1 : 0;
}

static int set_number(const struct config_key *key, void *out, const char *value, struct err *err)
{
	int64_t number;
	const char *end;

	if (parse_number(value, &number, &end) != 0 || *end != '\0' || number < key->min ||
	    number > key->max)
		return err_set(err, ERR_INPUT, "must be a number, %" PRId64 " to %" PRId64,
			       key->min, key->max);
	*(int64_t *)field(key, out) = number;
	return 0;
}

static int set_duration(const struct config_key *key, void *out, const char *value, struct err *err)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	int64_t number, ms = -1;
	const char *end;

	if (parse_number(value, &number, &end) == 0 && number >= 0) {
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
			if (strcmp(end, units[i].unit) == 0 && number <= INT64_MAX / units[i].ms)
				ms = number * units[i].ms;
		}
	}
	if (ms < 0)
		return err_set(err, ERR_INPUT,
			       "must be a duration such as 250ms, 30s, 10m, 24h, 7d");
	if (ms < key->min || ms > key->max)
		return err_set(err, ERR_INPUT, "must be %" PRId64 "ms to %" PRId64 "ms", key->min,
			       key->max);
	*(int64_t *)field(key, out) = ms;
	return 0;
}

static int set_choice(const struct config_key *key, void *out, const char *value, struct err *err)
{
	char words[ERR_TEXT_SIZE / 2] = "";
	size_t len = 0;

	for (int i = 0; key->choices[i] != NULL; i++) {
		if (strcmp(value, key->choices[i]) == 0) {
			*(int *)field(key, out) = i;
			return 0;
		}
		if (len < sizeof words)
			len += (size_t)snprintf(words + len, sizeof words - len, "%s%s",
						i > 0 ? ", " : "", key->choices[i]);
	}
	return err_set(err, ERR_INPUT, "must be one of %s", words);
}

static int set_value(const struct config_key *key, void *out, const char *value, struct err *err)
{
	static int (*const setters[])(const struct config_key *, void *, const char *,
				      struct err *) = {
	    [CONFIG_TEXT] = set_text,         [CONFIG_LIST] = set_item,
	    [CONFIG_BOOL] = set_bool,         [CONFIG_NUMBER] = set_number,
	    [CONFIG_DURATION] = set_duration, [CONFIG_CHOICE] = set_choice,
	};

	if (key->check != NULL && key->check(value, err) != 0)
		return -1;
	return setters[key->type](key, out, value, err);
}

/* Cut blanks off both ends, in place. */
static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

/* Take the quotes off a "…" value, in place. NULL when they do not match. */
static char *unquote(char *value)
{
	size_t len = strlen(value);

	if (value[0] != '"')
		return value;
	if (len < 2 || value[len - 1] != '"')
		return NULL;
	value[len - 1] = '\0';
	return value + 1;
}

struct parse {
	const struct config_key *table;
	void *out;
	bool *seen; /* one for each key */
};

static int parse_line(struct parse *p, char *line, struct err *err)
{
	char *equals, *name, *value;
	size_t i;

	line = trim(line);
	if (*line == '\0' || *line == '#')
		return 0;
	equals = strchr(line, '=');
	if (equals == NULL)
		return err_set(err, ERR_INPUT, "\"%.60s\": expected key = value", line);
	*equals = '\0';
	name = trim(line);
	value = unquote(trim(equals + 1));
	for (i = 0; p->table[i].name != NULL; i++) {
		if (strcmp(p->table[i].name, name) == 0)
			break;
	}
	if (p->table[i].name == NULL)
		return err_set(err, ERR_INPUT, "%.60s: no such key", name);
	if (value == NULL)
		return err_set(err, ERR_INPUT, "%.60s: quote without its pair", name);
	if (p->seen[i] && p->table[i].type != CONFIG_LIST)
		return err_set(err, ERR_INPUT, "%.60s: given twice", name);
	/* The first item of a list in the file replaces the initial one. */
	if (!p->seen[i] && p->table[i].type == CONFIG_LIST) {
		const struct config_key one[] = {p->table[i], {.name = NULL}};

		config_free(one, p->out);
	}
	p->seen[i] = true;
	if (set_value(&p->table[i], p->out, value, err) != 0)
		return err_wrap(err, "%.60s", name);
	return 0;
}

static int set_initial(const struct config_key *table, void *out, const char *name, struct err *err)
{
	for (const struct config_key *key = table; key->name != NULL; key++) {
		if (key->initial == NULL)
			continue;
		if (set_value(key, out, key->initial, err) != 0)
			return err_wrap(err, "%s: default of %s", name, key->name);
	}
	return 0;
}

static int parse_lines(struct parse *p, const char *name, char *text, struct err *err)
{
	unsigned number = 0;

	for (char *line = text, *next; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		number++;
		if (parse_line(p, line, err) != 0)
			return err_wrap(err, "%s:%u", name, number);
	}
	return 0;
}

int config_parse(const struct config_key *table, void *out, const char *name, const char *text,
		 struct err *err)
{
	struct parse p = {.table = table, .out = out};
	char *copy = strdup(text);
	int result = -1;

	p.seen = calloc(table_len(table) + 1, sizeof *p.seen);
	if (copy == NULL || p.seen == NULL)
		err_set(err, ERR_MEMORY, "%s: out of memory", name);
	else if (set_initial(table, out, name, err) == 0 && parse_lines(&p, name, copy, err) == 0)
		result = 0;
	if (result != 0)
		config_free(table, out);
	free(p.seen);
	free(copy);
	return result;
}

/* The whole file as a string that the caller frees; NULL with *err. */
static char *read_file(const char *path, struct err *err)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(CONFIG_FILE_MAX + 1);
	size_t len = 0;

	if (file == NULL) {
		err_system(err, "%s", path);
	} else if (text == NULL) {
		err_set(err, ERR_MEMORY, "%s: out of memory", path);
	} else {
		len = fread(text, 1, CONFIG_FILE_MAX + 1, file);
		if (ferror(file))
			err_system(err, "%s", path);
		else if (len > CONFIG_FILE_MAX)
			err_set(err, ERR_LIMIT, "%s: larger than %d bytes", path, CONFIG_FILE_MAX);
		else if (memchr(text, '\0', len) != NULL)
			err_set(err, ERR_INPUT, "%s: not a text file", path);
		else {
			text[len] = '\0';
			fclose(file);
			return text;
		}
	}
	if (file != NULL)
		fclose(file);
	free(text);
	return NULL;
}

int config_load(const struct config_key *table, void *out, const char *path, struct err *err)
{
	char *text = read_file(path, err);
	int result;

	if (text == NULL)
		return -1;
	result = config_parse(table, out, path, text, err);
	free(text);
	return result;
}

void config_free(const struct config_key *table, void *out)
{
	for (const struct config_key *key = table; key->name != NULL; key++) {
		if (key->type == CONFIG_TEXT) {
			char **text = field(key, out);

			free(*text);
			*text = NULL;
		} else if (key->type == CONFIG_LIST) {
			struct config_list *list = field(key, out);

			for (size_t i = 0; i < list->count; i++)
				free(list->items[i]);
			free(list->items);
			*list = (struct config_list){0};
		}
	}
}
