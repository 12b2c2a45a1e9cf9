/*
 * test_registry_opendht.c: registry_opendht.c and http_client.c on a real loop, against gateways
 * and proxies that behave, and others that do not.
 */
#include "core/base/codec.h"
#include "core/registry_opendht.h"
#include "tests/unit/fail_malloc.h"
#include "tests/unit/fake_gateway.h"
#include "tests/unit/fake_socks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Most tests do not care for circuits. */
static const char as_user[] = "user";

/* Time limit of a request, in ms: where a test does not wait for it, and where it does. */
#define PATIENT_MS 10000
#define QUICK_MS   600
/* Longest wait for anything. */
#define WAIT_MS  20000
#define GATEWAYS 8

struct fixture {
	struct loop *loop;
	struct fake_dht dht;
	struct fake_gateway gateways[GATEWAYS];
	struct fake_socks socks;
	char directory[64];
	const char *urls[GATEWAYS];
	struct registry *registry;
	int64_t timeout_ms;
};

struct seen {
	unsigned done, stored, confirmed, answered, values;
	unsigned per_key[REGISTRY_KEYS_MAX];
	uint8_t first[REGISTRY_KEYS_MAX]; /* first byte of the last value of each key */
	bool content;                     /* with the first value */
	struct registry_op *cancel_in_value;
	struct registry **free_in_value, **free_in_done;
};

/* --- helpers --- */

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop = loop_new(NULL);
	assert_non_null(f->loop);
	for (int i = 0; i < GATEWAYS; i++) {
		fake_gateway_start(&f->gateways[i], f->loop, &f->dht, "127.0.0.1");
		f->urls[i] = f->gateways[i].url;
	}
	f->timeout_ms = PATIENT_MS;
	strcpy(f->directory, "/tmp/tacet-test-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	registry_free(&f->registry);
	for (int i = 0; i < GATEWAYS; i++)
		fake_gateway_stop(&f->gateways[i]);
	if (f->socks.loop)
		fake_socks_stop(&f->socks);
	fake_dht_clear(&f->dht);
	rmdir(f->directory);
	loop_free(&f->loop);
	free(f);
	return 0;
}

/* A registry with the first count gateways. */
static void start(struct fixture *f, unsigned count, const char *socks)
{
	struct registry_opendht_config config = {.socks = socks,
						 .gateways = f->urls,
						 .gateway_count = count,
						 .timeout_ms = f->timeout_ms};
	struct err err;

	f->registry = registry_opendht_new(f->loop, &config, &err);
	if (!f->registry)
		fail_msg("%s", err.text);
}

static void run(struct fixture *f, int64_t ms)
{
	int64_t end = env_mono_ms(loop_env(f->loop)) + ms;

	while (env_mono_ms(loop_env(f->loop)) < end)
		loop_run_once(f->loop, 10);
}

static int64_t wait_done(struct fixture *f, const unsigned *done, unsigned count)
{
	const struct env *env = loop_env(f->loop);
	int64_t begin = env_mono_ms(env);

	while (*done < count && env_mono_ms(env) < begin + WAIT_MS)
		loop_run_once(f->loop, 100);
	assert_int_equal(*done, count);
	return env_mono_ms(env) - begin;
}

static void on_published(void *arg, const struct registry_published *result)
{
	struct seen *seen = arg;

	seen->done++;
	seen->stored = result->stored;
	seen->confirmed = result->confirmed;
	if (seen->free_in_done)
		registry_free(seen->free_in_done);
}

static bool on_value(void *arg, unsigned index, const uint8_t value[RECORD_LEN])
{
	struct seen *seen = arg;

	assert_int_equal(seen->done, 0);
	assert_int_equal(value[0], value[RECORD_LEN - 1]);
	seen->values++;
	seen->per_key[index]++;
	seen->first[index] = value[0];
	if (seen->cancel_in_value)
		registry_cancel(&seen->cancel_in_value);
	if (seen->free_in_value)
		registry_free(seen->free_in_value);
	return seen->content;
}

static void on_looked_up(void *arg, unsigned answered)
{
	struct seen *seen = arg;

	seen->done++;
	seen->answered = answered;
	if (seen->free_in_done)
		registry_free(seen->free_in_done);
}

/* Entry i: key of bytes first + i, value of bytes 100 + first + i. */
static struct registry_op *put(struct fixture *f, uint8_t first, unsigned count, struct seen *seen)
{
	struct registry_entry entries[REGISTRY_KEYS_MAX];
	struct registry_op *op;

	for (unsigned i = 0; i < count; i++) {
		memset(entries[i].key, (int)(first + i), LOOKUP_KEY_LEN);
		memset(entries[i].value, (int)(100 + first + i), RECORD_LEN);
	}
	op = registry_publish(f->registry, as_user, entries, count, on_published, seen);
	assert_non_null(op);
	assert_int_equal(seen->done, 0);
	return op;
}

static struct registry_op *get_as(struct fixture *f, const char *isolation, uint8_t first,
				  unsigned count, struct seen *seen)
{
	uint8_t keys[REGISTRY_KEYS_MAX][LOOKUP_KEY_LEN];
	struct registry_op *op;

	for (unsigned i = 0; i < count; i++)
		memset(keys[i], (int)(first + i), LOOKUP_KEY_LEN);
	op = registry_lookup(f->registry, isolation, (const uint8_t(*)[LOOKUP_KEY_LEN])keys, count,
			     on_value, on_looked_up, seen);
	assert_non_null(op);
	assert_int_equal(seen->done, 0);
	return op;
}

static struct registry_op *get(struct fixture *f, uint8_t first, unsigned count, struct seen *seen)
{
	return get_as(f, "user", first, count, seen);
}

/* Into the network, past all gateways. */
static void plant(struct fixture *f, uint8_t key, uint8_t value)
{
	uint8_t key_bytes[LOOKUP_KEY_LEN], record[RECORD_LEN];
	char hex[HEX_LEN(LOOKUP_KEY_LEN) + 1], base64[BASE64_LEN(RECORD_LEN) + 1];

	memset(key_bytes, key, sizeof(key_bytes));
	memset(record, value, sizeof(record));
	hex_encode(key_bytes, sizeof(key_bytes), hex);
	base64_encode(record, sizeof(record), base64);
	fake_dht_put(&f->dht, hex, base64, strlen(base64));
}

struct scores {
	unsigned count;
	struct registry_gateway gateways[GATEWAYS];
};

static void on_gateway(void *arg, const struct registry_gateway *gateway)
{
	struct scores *scores = arg;

	scores->gateways[scores->count++] = *gateway;
}

static struct scores scores(const struct fixture *f)
{
	struct scores s = {0};

	registry_gateways(f->registry, on_gateway, &s);
	return s;
}

static unsigned requests(const struct fake_gateway *gateway)
{
	return gateway->posts + gateway->gets;
}

/* --- gateways that behave --- */

static void published_is_found(void **state)
{
	struct fixture *f = *state;
	struct seen put_seen = {0}, get_seen = {0};

	start(f, 6, NULL);
	put(f, 1, 3, &put_seen);
	wait_done(f, &put_seen.done, 1);
	assert_int_equal(put_seen.stored, 3);
	assert_int_equal(put_seen.confirmed, 3);
	/* Six requests for six gateways: no two of them can be brought together. */
	for (int i = 0; i < 6; i++)
		assert_int_equal(requests(&f->gateways[i]), 1);
	assert_int_equal(f->dht.count, 3);

	get(f, 1, 4, &get_seen);
	wait_done(f, &get_seen.done, 1);
	assert_int_equal(get_seen.answered, 4);
	assert_int_equal(get_seen.values, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get_seen.first[i], 101 + i);
	for (int i = 0; i < 6; i++)
		assert_in_range(requests(&f->gateways[i]), 1, 2);
	run(f, 50);
	assert_int_equal(put_seen.done + get_seen.done, 2);
}

static void one_gateway_confirms_nothing(void **state)
{
	struct fixture *f = *state;
	struct seen put_seen = {0}, get_seen = {0};

	start(f, 1, NULL);
	put(f, 1, 3, &put_seen);
	wait_done(f, &put_seen.done, 1);
	assert_int_equal(put_seen.stored, 3);
	assert_int_equal(put_seen.confirmed, 0);
	assert_int_equal(f->gateways[0].gets, 0);
	get(f, 1, 3, &get_seen);
	wait_done(f, &get_seen.done, 1);
	assert_int_equal(get_seen.values, 3);
}

static void no_gateway_at_all(void **state)
{
	struct fixture *f = *state;
	struct seen put_seen = {0}, get_seen = {0};

	start(f, 0, NULL);
	put(f, 1, 3, &put_seen);
	get(f, 1, 3, &get_seen);
	wait_done(f, &put_seen.done, 1);
	wait_done(f, &get_seen.done, 1);
	assert_int_equal(put_seen.stored + get_seen.answered, 0);
}

static void no_entries_at_all(void **state)
{
	struct fixture *f = *state;
	struct seen put_seen = {0}, get_seen = {0};

	start(f, 1, NULL);
	put(f, 1, 0, &put_seen);
	get(f, 1, 0, &get_seen);
	wait_done(f, &put_seen.done, 1);
	wait_done(f, &get_seen.done, 1);
}

/* What a gateway can see of a client, apart from key and value, is the same for all. */
static void requests_have_one_form(void **state)
{
	struct fixture *f = *state;
	struct seen put_seen = {0}, get_seen = {0};
	char expected[1024];
	uint8_t record[RECORD_LEN];
	char base64[BASE64_LEN(RECORD_LEN) + 1];

	start(f, 1, NULL);
	put(f, 0x11, 1, &put_seen);
	wait_done(f, &put_seen.done, 1);
	memset(record, 100 + 0x11, sizeof(record));
	base64_encode(record, sizeof(record), base64);
	snprintf(expected, sizeof(expected),
		 "POST /key/1111111111111111111111111111111111111111 HTTP/1.1\r\n"
		 "Host: %s\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
		 "Content-Length: 704\r\n\r\n{\"data\":\"%s\",\"type\":0}",
		 f->urls[0] + 7, base64);
	assert_string_equal(f->gateways[0].request, expected);
	get(f, 0x11, 1, &get_seen);
	wait_done(f, &get_seen.done, 1);
	snprintf(expected, sizeof(expected),
		 "GET /key/1111111111111111111111111111111111111111 HTTP/1.1\r\n"
		 "Host: %s\r\nAccept: application/json\r\n\r\n",
		 f->urls[0] + 7);
	assert_string_equal(f->gateways[0].request, expected);
}

/* More at once than may be under way: the rest waits for its turn, and is not cut short by it. */
static void a_queue_is_worked_off(void **state)
{
	struct fixture *f = *state;
	static struct seen seen[100];
	unsigned done = 0;

	memset(seen, 0, sizeof(seen));
	start(f, 4, NULL);
	plant(f, 5, 77);
	for (int i = 0; i < 100; i++)
		get(f, 1, 8, &seen[i]);
	for (int i = 0; i < 100; i++) {
		wait_done(f, &seen[i].done, 1);
		done += seen[i].values;
		assert_int_equal(seen[i].answered, 8);
	}
	assert_int_equal(done, 100);
}

/* --- gateways that do not behave --- */

enum {
	TRUSTED = 1, /* a lookup cannot tell it from a good one */
	EMPTY = 2,   /* … but what it should have found is missing */
	TAKES = 4,   /* it says that it has stored */
	SILENT = 8,  /* only the time limit ends it */
};

static const struct {
	const char *name;
	enum fake_mood mood;
	int flags;
} moods[] = {
    {"good", FAKE_GOOD, TRUSTED | TAKES},
    {"error", FAKE_ERROR, 0},
    {"hang", FAKE_HANG, SILENT},
    {"dribble", FAKE_DRIBBLE, SILENT},
    {"half", FAKE_HALF, 0},
    {"endless", FAKE_ENDLESS, 0},
    {"huge", FAKE_HUGE, 0},
    {"headers", FAKE_HEADERS, 0},
    {"wrong type", FAKE_WRONG_TYPE, TRUSTED | TAKES},
    {"close", FAKE_CLOSE, 0},
    {"garbage", FAKE_GARBAGE, 0},
    {"liar", FAKE_LIAR, TRUSTED | EMPTY | TAKES},
    {"mangle", FAKE_MANGLE, TRUSTED | EMPTY | TAKES},
    {"redirect", FAKE_REDIRECT, 0},
};

/* Two keys, two gateways: each is asked for one first, the bad one's is then asked for again. */
static void look_up_beside(struct fixture *f, size_t m)
{
	struct seen seen = {0};
	struct scores s;
	int64_t took;

	f->gateways[0].mood = moods[m].mood;
	if (moods[m].flags & SILENT)
		f->timeout_ms = QUICK_MS;
	start(f, 2, NULL);
	plant(f, 1, 11);
	plant(f, 2, 12);
	get(f, 1, 2, &seen);
	took = wait_done(f, &seen.done, 1);
	s = scores(f);
	print_message("%s: %u values after %d ms, score %.2f\n", moods[m].name, seen.values,
		      (int)took, s.gateways[0].score);
	assert_int_equal(seen.answered, 2);
	assert_int_equal(seen.values, moods[m].flags & EMPTY ? 1 : 2);
	assert_true(took < PATIENT_MS);
	assert_true(s.gateways[1].score > 0.5);
	assert_int_equal(s.gateways[0].score > 0.5, moods[m].flags & TRUSTED);
	assert_int_equal(f->gateways[0].redirected, 0);
	/* Of a body or head without end only what the sockets hold has left. */
	assert_true(f->gateways[0].sent < 20 * 1000 * 1000);
	registry_free(&f->registry);
	run(f, 10);
}

static void lookups_survive_bad_gateways(void **state)
{
	for (size_t m = 0; m < sizeof(moods) / sizeof(moods[0]); m++) {
		assert_int_equal(set_up(state), 0);
		look_up_beside(*state, m);
		assert_int_equal(tear_down(state), 0);
	}
}

/* Three entries, three gateways: the bad one is given one first. */
static void publish_beside(struct fixture *f, size_t m)
{
	struct seen seen = {0};
	struct scores s;
	bool lost = (moods[m].flags & EMPTY) && (moods[m].flags & TAKES);

	f->gateways[0].mood = moods[m].mood;
	if (moods[m].flags & SILENT)
		f->timeout_ms = QUICK_MS;
	start(f, 3, NULL);
	put(f, 1, 3, &seen);
	wait_done(f, &seen.done, 1);
	s = scores(f);
	print_message("%s: stored %u, confirmed %u, score %.2f\n", moods[m].name, seen.stored,
		      seen.confirmed, s.gateways[0].score);
	assert_int_equal(seen.stored, 3);
	if (moods[m].mood != FAKE_MANGLE)
		assert_int_equal(seen.confirmed, lost ? 2 : 3);
	if (!(moods[m].flags & TRUSTED) || moods[m].mood == FAKE_LIAR)
		assert_true(s.gateways[0].failures > 0);
	assert_int_equal(f->gateways[0].redirected, 0);
	registry_free(&f->registry);
	run(f, 10);
}

static void publications_survive_bad_gateways(void **state)
{
	for (size_t m = 0; m < sizeof(moods) / sizeof(moods[0]); m++) {
		assert_int_equal(set_up(state), 0);
		publish_beside(*state, m);
		assert_int_equal(tear_down(state), 0);
	}
}

static void tries_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct seen put_seen = {0}, get_seen = {0};
	unsigned posts = 0, gets = 0;
	int64_t took;

	for (int i = 0; i < GATEWAYS; i++)
		f->gateways[i].mood = FAKE_HANG;
	f->timeout_ms = QUICK_MS;
	start(f, GATEWAYS, NULL);
	get(f, 1, 1, &get_seen);
	took = wait_done(f, &get_seen.done, 1);
	assert_in_range(took, 3 * QUICK_MS - 50, 4 * QUICK_MS);
	put(f, 1, 1, &put_seen);
	took = wait_done(f, &put_seen.done, 1);
	assert_in_range(took, 4 * QUICK_MS - 50, 5 * QUICK_MS);
	assert_int_equal(get_seen.answered + put_seen.stored + put_seen.confirmed, 0);
	for (int i = 0; i < GATEWAYS; i++) {
		posts += f->gateways[i].posts;
		gets += f->gateways[i].gets;
		assert_in_range(f->gateways[i].posts, 0, 1);
		assert_in_range(f->gateways[i].gets, 0, 1);
	}
	assert_int_equal(gets, 3);
	assert_int_equal(posts, 4);
}

/* Nobody listens there any more. */
static void closed_ports(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	start(f, 2, NULL);
	listener_free(&f->gateways[0].listener);
	listener_free(&f->gateways[1].listener);
	get(f, 1, 2, &seen);
	assert_true(wait_done(f, &seen.done, 1) < PATIENT_MS);
	assert_int_equal(seen.answered, 0);
	assert_true(scores(f).gateways[0].score < 0.5);
	assert_true(scores(f).gateways[1].score < 0.5);
}

/* A gateway that hides a value from those who read back is caught by the next reader. */
static void a_hiding_reader_is_caught(void **state)
{
	struct fixture *f = *state;
	double liar = 1;

	start(f, 3, NULL);
	f->gateways[0].mood = FAKE_LIAR;
	for (int i = 0; i < 20; i++) {
		struct seen seen = {0};

		put(f, (uint8_t)(1 + i), 1, &seen);
		wait_done(f, &seen.done, 1);
		assert_int_equal(seen.stored, 1);
	}
	liar = scores(f).gateways[0].score;
	for (int i = 1; i < 3; i++)
		assert_true(scores(f).gateways[i].score > liar + 0.2);
}

/* --- floods --- */

static void many_values_under_one_key(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	start(f, 1, NULL);
	for (int i = 0; i < 10000; i++)
		plant(f, 1, (uint8_t)i);
	get(f, 1, 1, &seen);
	wait_done(f, &seen.done, 1);
	assert_int_equal(seen.values, REGISTRY_VALUES_MAX);
	assert_int_equal(seen.answered, 1);
	assert_true(scores(f).gateways[0].score > 0.5);
}

static void copies_of_one_value_crowd_out_nothing(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	start(f, 1, NULL);
	for (int i = 0; i < 200; i++)
		plant(f, 1, 1);
	plant(f, 1, 2);
	get(f, 1, 1, &seen);
	wait_done(f, &seen.done, 1);
	assert_int_equal(seen.values, 2);
	assert_int_equal(seen.first[0], 2);
}

static void a_flood_is_read_up_to_a_limit(void **state)
{
	struct fixture *f = *state;
	struct seen found = {0}, cut = {0};

	start(f, 1, NULL);
	plant(f, 1, 3);
	f->gateways[0].flood = 5000; /* 200 kB */
	get(f, 1, 1, &found);
	wait_done(f, &found.done, 1);
	assert_int_equal(found.values, 1);
	f->gateways[0].flood = 10000; /* 400 kB */
	found = (struct seen){0};
	get(f, 1, 1, &found);
	wait_done(f, &found.done, 1);
	assert_int_equal(found.values, 1);
	f->gateways[0].flood = 250000; /* 10 MB */
	get(f, 1, 1, &cut);
	wait_done(f, &cut.done, 1);
	assert_int_equal(cut.values, 0);
	assert_int_equal(cut.answered, 1);
}

/* All floods together may cost 64 MB in ten minutes; then each is read as far as any answer. */
static void floods_have_an_allowance(void **state)
{
	struct fixture *f = *state;
	struct seen later = {0}, last = {0};

	start(f, 1, NULL);
	plant(f, 1, 3);
	f->gateways[0].flood = 250000;
	for (unsigned i = 0; i < 9; i++) {
		struct seen flooded = {0};
		get(f, 1, 1, &flooded);
		wait_done(f, &flooded.done, 1);
	}
	f->gateways[0].flood = 10000;
	get(f, 1, 1, &later);
	wait_done(f, &later.done, 1);
	assert_int_equal(later.values, 0);
	f->gateways[0].flood = 5000;
	get(f, 1, 1, &last);
	wait_done(f, &last.done, 1);
	assert_int_equal(last.values, 1);
	/* Nobody knows who is to blame. */
	assert_true(scores(f).gateways[0].score >= 0.5);
}

static bool sift(void *arg, unsigned index, const uint8_t value[RECORD_LEN])
{
	(void)arg;
	assert_int_equal(index, 0);
	return value[0] == 200;
}

static void ours_is_found_among_others(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	start(f, 1, NULL);
	for (int i = 0; i < 10000; i++)
		plant(f, 1, (uint8_t)(i % 199));
	plant(f, 1, 200);
	registry_sift(get(f, 1, 1, &seen), sift);
	wait_done(f, &seen.done, 1);
	assert_int_equal(seen.values, 1);
	assert_int_equal(seen.first[0], 200);
}

/* --- cancelling --- */

static void nothing_after_cancel(void **state)
{
	struct fixture *f = *state;
	unsigned cancelled = 0;

	start(f, 4, NULL);
	plant(f, 1, 1);
	/* At once, a little later, and so on, until they are done before they can be cancelled. */
	for (int i = 0; i < 100; i++) {
		struct seen seen[2] = {0}, before[2];
		struct registry_op *ops[2] = {get(f, 1, 4, &seen[0]), put(f, 1, 4, &seen[1])};

		for (int n = 0; n < i; n++)
			loop_run_once(f->loop, 1);
		for (int n = 0; n < 2; n++) {
			if (seen[n].done == 0) {
				registry_cancel(&ops[n]);
				cancelled++;
			}
			before[n] = seen[n];
		}
		run(f, 3);
		assert_memory_equal(seen, before, sizeof(seen));
		if (seen[0].done && seen[1].done)
			break;
	}
	assert_true(cancelled > 5);
}

static void content_ends_a_lookup(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {.content = true};

	start(f, 4, NULL);
	f->gateways[3].mood = FAKE_HANG;
	for (uint8_t i = 1; i <= 4; i++)
		plant(f, i, i);
	get(f, 1, 4, &seen);
	assert_true(wait_done(f, &seen.done, 1) < PATIENT_MS);
	assert_int_equal(seen.values, 1);
	assert_in_range(seen.answered, 1, 3);
	run(f, 100);
	assert_int_equal(seen.done + seen.values, 2);
}

static void cancel_while_values_come(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	start(f, 1, NULL);
	plant(f, 1, 1);
	plant(f, 1, 2);
	seen.cancel_in_value = get(f, 1, 3, &seen);
	run(f, 100);
	assert_int_equal(seen.values, 1);
	assert_int_equal(seen.done, 0);
}

static void free_from_callbacks(void **state)
{
	struct fixture *f = *state;
	struct seen in_value = {.free_in_value = &f->registry}, other = {0};
	struct seen in_done = {.free_in_done = &f->registry};

	plant(f, 1, 1);
	plant(f, 1, 2);
	f->timeout_ms = QUICK_MS;
	start(f, 2, NULL);
	f->gateways[1].mood = FAKE_HANG;
	get(f, 1, 3, &in_value);
	put(f, 5, 8, &other);
	run(f, 2 * QUICK_MS);
	assert_null(f->registry);
	assert_int_equal(in_value.values, 1);
	assert_int_equal(in_value.done + other.done, 0);

	f->gateways[1].mood = FAKE_GOOD;
	start(f, 2, NULL);
	get(f, 1, 3, &in_done);
	get(f, 8, 3, &other);
	wait_done(f, &in_done.done, 1);
	assert_null(f->registry);
	run(f, 50);
	assert_int_equal(other.done, 0);
}

/* --- the time --- */

static void clocks_of_gateways(void **state)
{
	struct fixture *f = *state;
	struct fake_gateway others[2];
	struct seen seen = {0};
	int64_t now = env_wall_ms(loop_env(f->loop)), offset;
	int result;

	fake_gateway_start(&others[0], f->loop, &f->dht, "127.0.0.2");
	fake_gateway_start(&others[1], f->loop, &f->dht, "127.0.0.3");
	f->urls[1] = others[0].url;
	f->urls[2] = others[1].url;
	start(f, 3, NULL);
	assert_int_equal(registry_clock_offset(f->registry, &offset), -1);
	f->gateways[0].date_ms = now + 3600 * 1000;
	others[0].date_ms = now + 3603 * 1000;
	others[1].date_ms = 1000;
	get(f, 1, 3, &seen);
	wait_done(f, &seen.done, 1);
	result = registry_clock_offset(f->registry, &offset);
	registry_free(&f->registry);
	fake_gateway_stop(&others[0]);
	fake_gateway_stop(&others[1]);
	assert_int_equal(result, 0);
	assert_in_range(offset, 3600 * 1000 - 2000, 3600 * 1000 + 2000);
}

/* --- the proxy --- */

static unsigned requests_of(const struct fake_socks *socks, const char *user)
{
	unsigned count = 0;

	for (unsigned i = 0; i < socks->count; i++)
		count += strcmp(socks->requests[i].user, user) == 0;
	return count;
}

static void isolation_and_names(struct fixture *f, const char *path)
{
	struct seen put_seen = {0}, one = {0}, two = {0}, again = {0};
	char urls[4][64];

	for (int i = 0; i < 4; i++) {
		snprintf(urls[i], sizeof(urls[i]), "http://gateway%d.invalid%s", i,
			 strrchr(f->gateways[i].url, ':'));
		f->urls[i] = urls[i];
	}
	fake_socks_start(&f->socks, f->loop, path);
	start(f, 4, f->socks.address);
	plant(f, 1, 1);
	get_as(f, "epoch 1:a", 1, 4, &one);
	get_as(f, "epoch 1:b", 1, 4, &two);
	wait_done(f, &one.done, 1);
	wait_done(f, &two.done, 1);
	assert_int_equal(one.answered + two.answered, 8);
	assert_int_equal(one.values + two.values, 2);
	put(f, 2, 2, &put_seen);
	wait_done(f, &put_seen.done, 1);
	assert_int_equal(put_seen.confirmed, 2);
	get_as(f, "epoch 1:a", 1, 4, &again);
	wait_done(f, &again.done, 1);
	/* Two puts and their checks, twelve gets: each over a connection of its own, also when
	 * gateway and isolation were the same before. */
	assert_int_equal(f->socks.count, 16);
	/* The questions did not wait for the proxy to say that it is connected. */
	assert_true(f->socks.early > 0);
	assert_int_equal(requests_of(&f->socks, "tacet-registry-epoch 1:a"), 8);
	assert_int_equal(requests_of(&f->socks, "tacet-registry-epoch 1:b"), 4);
	assert_int_equal(requests_of(&f->socks, "tacet-registry-user"), 4);
	for (unsigned i = 0; i < f->socks.count; i++) {
		assert_true(f->socks.requests[i].by_name);
		assert_memory_equal(f->socks.requests[i].host, "gateway", 7);
		assert_string_equal(f->socks.requests[i].password, "0");
	}
}

static void isolation_over_tcp(void **state)
{
	isolation_and_names(*state, NULL);
}

static void isolation_over_unix_and_against_the_environment(void **state)
{
	struct fixture *f = *state;
	char path[96];

	setenv("no_proxy", "*", 1);
	setenv("NO_PROXY", "*", 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	snprintf(path, sizeof(path), "%s/a %%41b", f->directory);
	isolation_and_names(f, path);
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	unsetenv("http_proxy");
	unsetenv("all_proxy");
}

static void a_dead_proxy_is_not_the_gateways_fault(void **state)
{
	struct fixture *f = *state;
	struct seen put_seen = {0}, get_seen = {0};
	char address[96];

	snprintf(address, sizeof(address), "unix:%s/none", f->directory);
	start(f, 4, address);
	get(f, 1, 3, &get_seen);
	put(f, 1, 3, &put_seen);
	assert_true(wait_done(f, &get_seen.done, 1) < PATIENT_MS);
	assert_true(wait_done(f, &put_seen.done, 1) < PATIENT_MS);
	assert_int_equal(get_seen.answered + put_seen.stored, 0);
	for (int i = 0; i < 4; i++) {
		assert_true(scores(f).gateways[i].score == 0.5);
		assert_int_equal(scores(f).gateways[i].failures, 0);
	}
}

static const struct {
	int code; /* RFC 1928 section 6 */
	bool gateways_fault;
} refusals[] = {
    {1, false}, /* general failure: tor has no circuit */
    {2, true},    {3, true},    {4, true},
    {5, true},    {6, true},    {7, false}, /* command not supported */
    {0xF0, true}, {0xF2, true},             /* an onion service that is gone */
    {-1, false}, /* silence until the time limit, for all: tor has no network */
};

static void refusals_of_the_proxy(void **state)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct seen seen = {0};
		struct fixture *f;

		assert_int_equal(set_up(state), 0);
		f = *state;
		fake_socks_start(&f->socks, f->loop, NULL);
		f->socks.refuse_with = refusals[i].code;
		if (refusals[i].code < 0)
			f->timeout_ms = QUICK_MS;
		start(f, 2, f->socks.address);
		get(f, 1, 2, &seen);
		wait_done(f, &seen.done, 1);
		assert_int_equal(seen.answered, 0);
		if ((scores(f).gateways[0].score < 0.5) != refusals[i].gateways_fault)
			fail_msg("reply %d", refusals[i].code);
		assert_int_equal(tear_down(state), 0);
	}
}

/* One gateway is never reached, another one is: then it is not tor that is to blame. */
static void a_black_hole_is_found_out(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	char url[64];

	snprintf(url, sizeof(url), "http://black-hole.invalid%s", strrchr(f->gateways[0].url, ':'));
	f->urls[0] = url;
	f->timeout_ms = QUICK_MS;
	fake_socks_start(&f->socks, f->loop, NULL);
	f->socks.black_hole = "black-hole.invalid";
	start(f, 2, f->socks.address);
	plant(f, 1, 1);
	plant(f, 2, 2);
	get(f, 1, 2, &seen);
	wait_done(f, &seen.done, 1);
	assert_int_equal(seen.values, 2);
	assert_int_equal(scores(f).gateways[0].failures, 1);
	assert_int_equal(scores(f).gateways[1].failures, 0);
}

/* Several tors: an isolation keeps to one of them, unless that is down. */
static void several_proxies(void **state)
{
	struct fixture *f = *state;
	struct fake_socks other = {0};
	char isolation[40], url[64];
	struct err err;

	snprintf(url, sizeof(url), "http://gateway.invalid%s", strrchr(f->gateways[0].url, ':'));
	f->urls[0] = url;
	fake_socks_start(&f->socks, f->loop, NULL);
	fake_socks_start(&other, f->loop, NULL);
	start(f, 1, f->socks.address);
	assert_int_equal(registry_opendht_add_socks(f->registry, "nonsense", &err), -1);
	assert_int_equal(registry_opendht_add_socks(f->registry, other.address, &err), 0);
	for (int round = 0; round < 3; round++) {
		registry_opendht_socks_usable(f->registry, 1, round < 2);
		for (int i = 0; i < 8; i++) {
			struct seen seen = {0};

			snprintf(isolation, sizeof(isolation), "pair %d", i);
			get_as(f, isolation, 1, 1, &seen);
			wait_done(f, &seen.done, 1);
			assert_int_equal(seen.answered, 1);
		}
	}
	for (int i = 0; i < 8; i++) {
		unsigned here, there;

		snprintf(isolation, sizeof(isolation), "tacet-registry-pair %d", i);
		here = requests_of(&f->socks, isolation);
		there = requests_of(&other, isolation);
		assert_true((here == 3 && there == 0) || (here == 1 && there == 2));
	}
	assert_in_range(other.count, 2, 14);
	fake_socks_stop(&other);
}

static void bad_configuration(void **state)
{
	static const char *const names[] = {"http://127.0.0.1:1", "http://gateway.example"};
	static const char *const wrong[] = {"gateway.example"};
	const struct registry_opendht_config configs[] = {
	    {.gateways = names, .gateway_count = 2}, /* a name without a proxy */
	    {.gateways = wrong, .gateway_count = 1, .socks = "127.0.0.1:1"},
	    {.gateways = names, .gateway_count = 2, .socks = "localhost:9050"},
	    {.gateways = names, .gateway_count = 2, .socks = "unix:relative"},
	};
	struct fixture *f = *state;
	struct err err;

	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		assert_null(registry_opendht_new(f->loop, &configs[i], &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
	assert_string_equal(err.text,
			    "SOCKS proxy: unix:relative: the path must be absolute and have at "
			    "most 107 bytes");
}

/* Each allocation of ours fails once: the call says so, or the operation ends with less. */
static void short_memory(void **state)
{
	struct fixture *f = *state;
	struct registry_opendht_config config = {.gateways = f->urls, .gateway_count = 4};
	struct registry_entry entries[3] = {0};
	struct err err;
	bool failed = true;

	for (long n = 0; failed; n++) {
		fail_malloc_arm(n);
		f->registry = registry_opendht_new(f->loop, &config, &err);
		failed = fail_malloc_disarm();
		assert_int_equal(f->registry == NULL, failed);
		if (failed)
			assert_int_equal(err.code, ERR_MEMORY);
	}
	failed = true;
	for (long n = 0; failed; n++) {
		struct seen seen = {0};
		struct registry_op *op;

		fail_malloc_arm(n);
		op = registry_publish(f->registry, as_user, entries, 3, on_published, &seen);
		failed = fail_malloc_disarm();
		if (op) {
			wait_done(f, &seen.done, 1);
			assert_in_range(seen.stored, failed ? 2 : 3, 3);
		} else {
			assert_true(failed);
		}
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(published_is_found),
	    TEST(one_gateway_confirms_nothing),
	    TEST(no_gateway_at_all),
	    TEST(no_entries_at_all),
	    TEST(requests_have_one_form),
	    TEST(a_queue_is_worked_off),
	    cmocka_unit_test(lookups_survive_bad_gateways),
	    cmocka_unit_test(publications_survive_bad_gateways),
	    TEST(tries_are_bounded),
	    TEST(closed_ports),
	    TEST(a_hiding_reader_is_caught),
	    TEST(many_values_under_one_key),
	    TEST(copies_of_one_value_crowd_out_nothing),
	    TEST(a_flood_is_read_up_to_a_limit),
	    TEST(floods_have_an_allowance),
	    TEST(ours_is_found_among_others),
	    TEST(nothing_after_cancel),
	    TEST(content_ends_a_lookup),
	    TEST(cancel_while_values_come),
	    TEST(free_from_callbacks),
	    TEST(clocks_of_gateways),
	    TEST(isolation_over_tcp),
	    TEST(isolation_over_unix_and_against_the_environment),
	    TEST(a_dead_proxy_is_not_the_gateways_fault),
	    cmocka_unit_test(refusals_of_the_proxy),
	    TEST(a_black_hole_is_found_out),
	    TEST(several_proxies),
	    TEST(bad_configuration),
	    TEST(short_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
