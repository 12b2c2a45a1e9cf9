/*
 * test_record.c: sealing and opening records, and what must not open.
 */
#include "core/noise.h"
#include "core/record.h"
#include "tests/unit/known_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PLAIN_LEN    (RECORD_LEN - 48)

/* a publishes for b. */
struct world {
	struct known_random random;
	struct identity a, b;
	struct pair of_a, of_b;
	uint8_t lookup[LOOKUP_KEY_LEN];
	struct record record;
};

static void world_init(struct world *w)
{
	static const struct key secret = {{1, 2, 3}};

	memset(w, 0, sizeof *w);
	known_random_init(&w->random, 9);
	assert_int_equal(identity_generate(&w->random.env, &w->a, NULL), 0);
	assert_int_equal(identity_generate(&w->random.env, &w->b, NULL), 0);
	assert_int_equal(pair_derive(&w->a, w->b.public_key, &secret, &w->of_a, NULL), 0);
	assert_int_equal(pair_derive(&w->b, w->a.public_key, &secret, &w->of_b, NULL), 0);
	pair_lookup_key(&w->of_a.out, 7, 0, w->lookup);
	w->record.issued_ms = INT64_C(1767225600123);
	w->record.sequence = UINT64_MAX - 1;
	w->record.lifetime_s = 600;
	w->record.endpoint.kind = ENDPOINT_ONION;
	w->record.endpoint.port = 5222;
	memset(w->record.endpoint.service, 0x55, ONION_KEY_LEN);
	memset(w->record.endpoint.auth.bytes, 0xaa, KEY_LEN);
}

static void seal(struct world *w, uint8_t out[RECORD_LEN])
{
	assert_int_equal(record_seal(&w->random.env, &w->a, w->b.public_key, &w->of_a.out,
				     w->lookup, &w->record, out, NULL),
			 0);
}

/* Open as b; 0 or the error. */
static enum err_code open_record(struct world *w, const uint8_t sealed[RECORD_LEN],
				 struct record *record)
{
	struct err err = {0};
	int result = record_open(&w->random.env, &w->b, w->a.public_key, &w->of_b.in, w->lookup,
				 sealed, record, &err);

	assert_int_equal(result, err.code == ERR_NONE ? 0 : -1);
	if (result != 0)
		assert_true(secret_is_zero(record, sizeof *record));
	return err.code;
}

static void assert_same(const struct record *a, const struct record *b)
{
	assert_true(a->issued_ms == b->issued_ms);
	assert_true(a->sequence == b->sequence);
	assert_int_equal(a->lifetime_s, b->lifetime_s);
	assert_true(endpoint_equal(&a->endpoint, &b->endpoint));
}

static void records_come_back(void **state)
{
	uint8_t sealed[RECORD_LEN];
	struct record record;
	struct world w;

	(void)state;
	world_init(&w);
	seal(&w, sealed);
	assert_int_equal(open_record(&w, sealed, &record), ERR_NONE);
	assert_same(&record, &w.record);
	w.record.endpoint.kind = ENDPOINT_MEMORY;
	w.record.issued_ms = INT64_MAX;
	w.record.sequence = 0;
	seal(&w, sealed);
	assert_int_equal(open_record(&w, sealed, &record), ERR_NONE);
	assert_same(&record, &w.record);
}

static void endpoints_are_compared(void **state)
{
	struct world w;
	struct endpoint e;

	(void)state;
	world_init(&w);
	e = w.record.endpoint;
	assert_true(endpoint_equal(&e, &w.record.endpoint));
	e.port++;
	assert_false(endpoint_equal(&e, &w.record.endpoint));
	e = w.record.endpoint;
	e.kind = ENDPOINT_MEMORY;
	assert_false(endpoint_equal(&e, &w.record.endpoint));
	e = w.record.endpoint;
	e.service[ONION_KEY_LEN - 1] ^= 1;
	assert_false(endpoint_equal(&e, &w.record.endpoint));
	e = w.record.endpoint;
	e.auth.bytes[0] ^= 1;
	assert_false(endpoint_equal(&e, &w.record.endpoint));
}

static void endpoints_may_not_be_cut(void **state)
{
	uint8_t bytes[1 + ENDPOINT_BODY_LEN];
	struct world w;
	struct endpoint e;
	struct writer writer;

	(void)state;
	world_init(&w);
	writer_init(&writer, bytes, sizeof bytes);
	endpoint_write(&writer, &w.record.endpoint);
	assert_false(writer.bad);
	assert_int_equal(writer.len, sizeof bytes);
	for (size_t len = 0; len <= sizeof bytes; len++) {
		struct reader reader;

		reader_init(&reader, bytes, len);
		assert_int_equal(endpoint_read(&reader, &e), len == sizeof bytes ? 0 : -1);
	}
}

static void no_bit_may_be_changed(void **state)
{
	uint8_t sealed[RECORD_LEN];
	struct record record;
	struct world w;

	(void)state;
	world_init(&w);
	seal(&w, sealed);
	/* Every bit of the ephemeral key and the tag, and some of each byte between. */
	for (size_t bit = 0; bit < RECORD_LEN * 8; bit++) {
		if (bit >= 32 * 8 && bit < (RECORD_LEN - 16) * 8 && bit % 8 != bit / 8 % 8)
			continue;
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(open_record(&w, sealed, &record), ERR_CRYPTO);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(open_record(&w, sealed, &record), ERR_NONE);
	memset(sealed, 0, RECORD_LEN);
	assert_int_equal(open_record(&w, sealed, &record), ERR_CRYPTO);
}

static void only_the_contact_opens_it_under_its_key(void **state)
{
	static const struct key other_secret = {{1, 2, 4}};
	uint8_t sealed[RECORD_LEN], other_lookup[LOOKUP_KEY_LEN];
	struct identity stranger;
	struct record record;
	struct pair pair;
	struct world w;

	(void)state;
	world_init(&w);
	seal(&w, sealed);
	assert_int_equal(identity_generate(&w.random.env, &stranger, NULL), 0);
	pair_lookup_key(&w.of_b.in, 7, 1, other_lookup);
	assert_int_equal(pair_derive(&w.b, w.a.public_key, &other_secret, &pair, NULL), 0);
	const struct {
		const struct identity *own;
		const uint8_t *contact;
		const struct pair_direction *direction;
		const uint8_t *lookup;
		int result;
	} rows[] = {
	    {&w.b, w.a.public_key, &w.of_b.in, w.lookup, 0},
	    {&w.b, w.a.public_key, &w.of_b.in, other_lookup, -1},
	    {&w.b, w.a.public_key, &w.of_b.out, w.lookup, -1},
	    {&w.b, w.a.public_key, &pair.in, w.lookup, -1},
	    {&w.b, stranger.public_key, &w.of_b.in, w.lookup, -1},
	    {&stranger, w.a.public_key, &w.of_b.in, w.lookup, -1},
	    /* not even its author */
	    {&w.a, w.b.public_key, &w.of_a.out, w.lookup, -1},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err err = {0};

		assert_int_equal(record_open(&w.random.env, rows[i].own, rows[i].contact,
					     rows[i].direction, rows[i].lookup, sealed, &record,
					     &err),
				 rows[i].result);
		assert_int_equal(err.code, rows[i].result ? ERR_CRYPTO : ERR_NONE);
	}
}

static void copies_look_unrelated(void **state)
{
	uint8_t a[RECORD_LEN], b[RECORD_LEN];
	struct world w;

	(void)state;
	world_init(&w);
	seal(&w, a);
	seal(&w, b);
	for (size_t i = 0; i + 8 <= RECORD_LEN; i++)
		for (size_t j = 0; j + 8 <= RECORD_LEN; j++)
			assert_memory_not_equal(a + i, b + j, 8);
}

/* Seal any plaintext as a would. */
static void seal_plain(struct world *w, const uint8_t plain[PLAIN_LEN], uint8_t out[RECORD_LEN])
{
	uint8_t prologue[14 + LOOKUP_KEY_LEN] = "tacet 1 record";
	struct key psk;
	struct noise_start start = {
	    .pattern = NOISE_KPSK0,
	    .role = NOISE_INITIATOR,
	    .prologue = prologue,
	    .prologue_len = sizeof prologue,
	    .s = &w->a.private_key,
	    .rs = w->b.public_key,
	    .psk = &psk,
	};
	struct noise *noise;

	pair_key(&w->of_a.out, PAIR_RECORD, &psk);
	memcpy(prologue + 14, w->lookup, LOOKUP_KEY_LEN);
	noise = noise_new(&w->random.env, &start, NULL);
	assert_non_null(noise);
	assert_int_equal(noise_write(noise, plain, PLAIN_LEN, out, RECORD_LEN, NULL), RECORD_LEN);
	noise_free(&noise);
}

static void what_the_contact_got_wrong_is_refused(void **state)
{
	static const struct {
		size_t offset;
		uint8_t value;
		enum err_code code;
	} rows[] = {
	    {0, 1, ERR_NONE},
	    {0, 0, ERR_INPUT}, /* version */
	    {0, 2, ERR_INPUT},
	    {1, 0x80, ERR_INPUT},            /* issued before 1970 */
	    {21, ENDPOINT_MEMORY, ERR_NONE}, /* endpoint kind */
	    {21, 0, ERR_INPUT},
	    {21, 2, ERR_INPUT},
	    {87, 0xff, ERR_NONE}, /* the last byte of the endpoint */
	    {88, 1, ERR_INPUT},   /* the first of the padding */
	    {300, 0x80, ERR_INPUT},
	    {PLAIN_LEN - 1, 1, ERR_INPUT},
	};
	uint8_t sealed[RECORD_LEN];
	struct record record;
	struct world w;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t plain[PLAIN_LEN] = {1, [21] = ENDPOINT_ONION};

		plain[rows[i].offset] = rows[i].value;
		seal_plain(&w, plain, sealed);
		assert_int_equal(open_record(&w, sealed, &record), rows[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_come_back),
	    cmocka_unit_test(endpoints_are_compared),
	    cmocka_unit_test(endpoints_may_not_be_cut),
	    cmocka_unit_test(no_bit_may_be_changed),
	    cmocka_unit_test(only_the_contact_opens_it_under_its_key),
	    cmocka_unit_test(copies_look_unrelated),
	    cmocka_unit_test(what_the_contact_got_wrong_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
