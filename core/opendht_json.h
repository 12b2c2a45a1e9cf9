/*
 * opendht_json.h: what is said to an OpenDHT gateway, and what it says: bytes in, values out.
 *
 *     request  POST /key/<40 hex>   {"data":"<base64>","type":0}
 *     answer   GET  /key/<40 hex>   one JSON object a line, each with a member "data"
 *
 * No I/O here; registry_opendht.c does the asking.
 */
#ifndef CORE_OPENDHT_JSON_H
#define CORE_OPENDHT_JSON_H

#include "core/base/codec.h"
#include "core/record.h"

/* {"data":" and ","type":0} around the base64: the same length for every record. */
#define OPENDHT_BODY_LEN (9 + BASE64_LEN(RECORD_LEN) + 11)
/* Longest line that is looked at: a record's has 732 characters as dhtnode 2.4 writes it; the rest
 * is for members and escapes that another version may use. */
#define OPENDHT_LINE_MAX 2048

/* The body that stores a record, with a NUL. Type 0: it lives 600 s. */
void opendht_body(const uint8_t value[RECORD_LEN], char out[OPENDHT_BODY_LEN + 1]);

/* A reader of lines; its fields are its own. */
struct opendht_values {
	char line[OPENDHT_LINE_MAX];
	size_t len;
	bool skipping; /* in a line that is too long */
	bool content;
	bool (*value)(void *arg, const uint8_t value[RECORD_LEN]);
	void *arg;
};

/*
 * value(arg, value) comes from within feed and end for each line whose data is exactly RECORD_LEN
 * bytes; what else stands there is passed over. Once it returns true the reader is content and
 * looks at nothing more.
 */
void opendht_values_init(struct opendht_values *values,
			 bool (*value)(void *arg, const uint8_t value[RECORD_LEN]), void *arg);
/* Read the next piece, cut anywhere. Returns whether more is wanted. */
bool opendht_values_feed(struct opendht_values *values, const void *data, size_t len);
/* No more will come: look at a last line without a newline. */
void opendht_values_end(struct opendht_values *values);

#endif
