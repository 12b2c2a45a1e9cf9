/*
 * fuzz_opendht_json.c: the answer of a gateway.
 *
 *     input: piece 1 ‖ the answer
 *
 * What is read must not depend on the pieces it comes in: it is read once whole, and once in pieces
 * of "piece" bytes. The first RECORD_LEN bytes are also put into a request, and read back from it.
 */
#include "core/opendht_json.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* The value upon which the reader is told to be content. */
#define VALUE_END 0xee

struct outcome {
	unsigned values;
	uint64_t sum; /* over all of them */
	bool content;
};

static bool on_value(void *arg, const uint8_t value[RECORD_LEN])
{
	struct outcome *outcome = arg;

	FUZZ_CHECK(!outcome->content);
	outcome->values++;
	for (size_t i = 0; i < RECORD_LEN; i++)
		outcome->sum = outcome->sum * 31 + value[i];
	outcome->content = value[0] == VALUE_END;
	return outcome->content;
}

static struct outcome read_in_pieces(const uint8_t *data, size_t len, size_t piece)
{
	struct opendht_values values;
	struct outcome outcome = {0};

	opendht_values_init(&values, on_value, &outcome);
	for (size_t at = 0; at < len; at += piece) {
		size_t part = len - at < piece ? len - at : piece;
		bool more = opendht_values_feed(&values, data + at, part);

		FUZZ_CHECK(more == !outcome.content);
		if (!more)
			break;
	}
	opendht_values_end(&values);
	return outcome;
}

static void read_back(const uint8_t record[RECORD_LEN])
{
	char body[OPENDHT_BODY_LEN + 1];
	struct outcome outcome, expected = {0};

	opendht_body(record, body);
	FUZZ_CHECK(strlen(body) == OPENDHT_BODY_LEN);
	on_value(&expected, record);
	outcome = read_in_pieces((const uint8_t *)body, OPENDHT_BODY_LEN, OPENDHT_BODY_LEN);
	FUZZ_CHECK(outcome.values == 1 && outcome.sum == expected.sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;

	if (size < 2)
		return 0;
	whole = read_in_pieces(data + 1, size - 1, size - 1);
	pieces = read_in_pieces(data + 1, size - 1, (size_t)data[0] + 1);
	FUZZ_CHECK(whole.values == pieces.values && whole.sum == pieces.sum);
	FUZZ_CHECK(whole.values <= size / BASE64_LEN(RECORD_LEN));
	if (size > RECORD_LEN)
		read_back(data + 1);
	return 0;
}
