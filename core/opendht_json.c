/*
 * opendht_json.c: what is said to an OpenDHT gateway, and what it says; see opendht_json.h.
 *
 * Anyone can put anything under a key, so that most of an answer may be a flood. Lines that are
 * too long are never gathered, and lines that are too short for a record never parsed.
 */
#include "core/opendht_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* A line with a record has at least its base64. */
#define LINE_MIN BASE64_LEN(RECORD_LEN)

void opendht_body(const uint8_t value[RECORD_LEN], char out[OPENDHT_BODY_LEN + 1])
{
	char text[BASE64_LEN(RECORD_LEN) + 1];

	base64_encode(value, RECORD_LEN, text);
	snprintf(out, OPENDHT_BODY_LEN + 1, "{\"data\":\"%s\",\"type\":0}", text);
}

void opendht_values_init(struct opendht_values *values,
			 bool (*value)(void *arg, const uint8_t value[RECORD_LEN]), void *arg)
{
	values->len = 0;
	values->skipping = values->content = false;
	values->value = value;
	values->arg = arg;
}

static void line_end(struct opendht_values *values)
{
	uint8_t value[RECORD_LEN];
	const char *text;
	json_t *json;

	if (values->len < LINE_MIN)
		return;
	json = json_loadb(values->line, values->len, 0, NULL);
	text = json_string_value(json_object_get(json, "data"));
	if (text && base64_decode(text, strlen(text), value, sizeof(value)) == RECORD_LEN)
		values->content = values->value(values->arg, value);
	json_decref(json);
}

bool opendht_values_feed(struct opendht_values *values, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0 && !values->content) {
		const char *newline = memchr(at, '\n', len);
		size_t piece = newline ? (size_t)(newline - at) : len;

		if (piece > sizeof(values->line) - values->len)
			values->skipping = true;
		if (!values->skipping) {
			memcpy(values->line + values->len, at, piece);
			values->len += piece;
		}
		if (newline) {
			if (!values->skipping)
				line_end(values);
			values->len = 0;
			values->skipping = false;
			piece++;
		}
		at += piece;
		len -= piece;
	}
	return !values->content;
}

void opendht_values_end(struct opendht_values *values)
{
	if (!values->skipping && !values->content)
		line_end(values);
	values->len = 0;
}
