/*
 * fake_gateways.c: see fake_gateways.h.
 */
#include "tests/scenario/fake_gateways.h"

#include "core/base/codec.h"
#include "core/registry_opendht.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How long a value of type 0 lives. */
#define LIFE_MS ((int64_t)600 * 1000)
#define LISTS   1024
/* A gateway answers at once, or late by up to so much. */
#define DELAY_MAX_MS 60000
/* Who reads a key back does it within this after it was put. */
#define CHECK_MS 10000
/* Bytes of an answer's line beside its data, as dhtnode writes it. */
#define LINE_FORMAT "{\"data\":\"%s\",\"id\":\"%" PRIu64 "\",\"seq\":0,\"type\":0}\n"
/* Values of the hostile ones that are never forgotten. */
#define LOOT_MAX 4096

struct stored {
	struct stored *next;
	int64_t put_ms;
	bool hidden; /* only the hostile ones know it */
	struct registry_entry entry;
};

/* A key that is flooded at the honest ones. */
struct flooded {
	struct flooded *next;
	uint8_t key[LOOKUP_KEY_LEN];
};

struct fake_gateways {
	const struct env *env;
	unsigned count;
	enum fake_mood moods[FAKE_GATEWAYS_MAX];
	char urls[FAKE_GATEWAYS_MAX][32];
	struct stored *stored[LISTS];
	struct registry_entry *loot;
	unsigned loot_count;
	bool flood_keys;
	struct flooded *flooded[LISTS];
	FILE *log;
	void (*seen)(void *arg, const struct registry_entry *entry);
	void *seen_arg;
};

static const char *const mood_names[MOOD_COUNT + 1] = {
    [MOOD_HONEST] = "honest", [MOOD_DOWN] = "down",     [MOOD_DROP] = "drop",
    [MOOD_DELAY] = "delay",   [MOOD_REPLAY] = "replay", [MOOD_FLIP] = "flip",
    [MOOD_OTHERS] = "others", [MOOD_FLOOD] = "flood",   [MOOD_FAT] = "fat",
    [MOOD_HALF] = "half",     [MOOD_LIE] = "lie",       [MOOD_ERROR] = "error",
    [MOOD_MIXED] = "mixed",
};

const char *fake_mood_name(enum fake_mood mood)
{
	return mood_names[mood];
}

/* --- what is stored --- */

static unsigned list_of(const uint8_t key[LOOKUP_KEY_LEN])
{
	return ((unsigned)key[0] << 8 | key[1]) % LISTS;
}

static void store(struct fake_gateways *g, const struct fake_request *request, bool hidden)
{
	struct stored **link = &g->stored[list_of(request->key)], *new;
	int64_t now = env_mono_ms(g->env);
	while (*link) {
		struct stored *old = *link;
		if (old->put_ms + LIFE_MS > now) {
			link = &old->next;
			continue;
		}
		*link = old->next;
		free(old);
	}
	new = calloc(1, sizeof *new);
	assert(new);
	new->put_ms = now;
	new->hidden = hidden;
	memcpy(new->entry.key, request->key, LOOKUP_KEY_LEN);
	memcpy(new->entry.value, request->value, RECORD_LEN);
	*link = new;
}

/* What the hostile ones keep for ever: to replay it. */
static void keep_loot(struct fake_gateways *g, const uint8_t *key, const uint8_t *value)
{
	if (g->loot_count == LOOT_MAX)
		return;
	memcpy(g->loot[g->loot_count].key, key, LOOKUP_KEY_LEN);
	memcpy(g->loot[g->loot_count++].value, value, RECORD_LEN);
}

static bool is_flooded(const struct fake_gateways *g, const uint8_t *key)
{
	const struct flooded *f = g->flooded[list_of(key)];
	while (f && memcmp(f->key, key, LOOKUP_KEY_LEN) != 0)
		f = f->next;
	return f;
}

static void flood_key(struct fake_gateways *g, const uint8_t *key)
{
	struct flooded *f;
	if (!g->flood_keys || is_flooded(g, key))
		return;
	f = calloc(1, sizeof *f);
	assert(f);
	memcpy(f->key, key, LOOKUP_KEY_LEN);
	f->next = g->flooded[list_of(key)];
	g->flooded[list_of(key)] = f;
}

/* --- answers --- */

struct answering {
	struct fake_gateways *g;
	struct fake_answer *answer;
	size_t limit;
	unsigned values;
};

/* Beyond the limit nothing is read: a whole flood need not be made. */
static bool is_full(const struct answering *a)
{
	return a->answer->body.len > a->limit;
}

static void say_value(struct answering *a, const uint8_t *value, size_t len)
{
	char *text, *line;
	uint64_t id;
	int line_len;
	if (is_full(a))
		return;
	text = malloc(BASE64_LEN(len) + 1);
	line = malloc(BASE64_LEN(len) + sizeof LINE_FORMAT + 20);
	assert(text && line);
	base64_encode(value, len, text);
	env_random(a->g->env, &id, sizeof id);
	line_len = sprintf(line, LINE_FORMAT, text, id);
	if (buf_add(&a->answer->body, line, (size_t)line_len) < 0)
		abort();
	a->values++;
	free(text);
	free(line);
}

static void say_junk(struct answering *a, size_t len, unsigned count)
{
	static uint8_t junk[64 * 1024];
	for (unsigned i = 0; i < count && !is_full(a); i++) {
		env_random(a->g->env, junk, len);
		say_value(a, junk, len);
	}
}

/* Values of the key: those that all know, or those that only the hostile ones do, if they are
 * fresh. */
static void say_stored(struct answering *a, const uint8_t *key, bool hidden, bool flip)
{
	struct fake_gateways *g = a->g;
	int64_t now = env_mono_ms(g->env);
	uint8_t value[RECORD_LEN];
	for (const struct stored *s = g->stored[list_of(key)]; s; s = s->next) {
		if (s->hidden != hidden || memcmp(s->entry.key, key, LOOKUP_KEY_LEN) != 0 ||
		    now - s->put_ms >= (hidden ? CHECK_MS : LIFE_MS))
			continue;
		memcpy(value, s->entry.value, sizeof value);
		if (flip)
			value[env_random_below(g->env, RECORD_LEN)] ^= 0x10;
		say_value(a, value, sizeof value);
	}
}

static void say_truth(struct answering *a, const uint8_t *key, bool flip)
{
	struct fake_gateways *g = a->g;
	/* Ours is somewhere among the flood. */
	unsigned count = is_flooded(g, key) ? FAKE_FLOOD : 0;
	unsigned before = (unsigned)env_random_below(g->env, count + 1);
	say_junk(a, RECORD_LEN, before);
	say_stored(a, key, false, flip);
	say_junk(a, RECORD_LEN, count - before);
}

/* own: what was seen under this key, the oldest first; else anything. */
static void say_loot(struct answering *a, const uint8_t *key, bool own)
{
	struct fake_gateways *g = a->g;
	for (unsigned i = 0, said = 0; i < g->loot_count && said < REGISTRY_VALUES_MAX - 2; i++) {
		if (own != (memcmp(g->loot[i].key, key, LOOKUP_KEY_LEN) == 0))
			continue;
		say_value(a, g->loot[i].value, RECORD_LEN);
		said++;
	}
}

static void get_answer(struct answering *a, const uint8_t *key, enum fake_mood mood)
{
	switch (mood) {
	case MOOD_REPLAY:
		say_loot(a, key, true);
		say_loot(a, key, false);
		break;
	case MOOD_OTHERS:
		say_loot(a, key, false);
		break;
	case MOOD_LIE:
		break;
	case MOOD_FLOOD:
		say_junk(a, RECORD_LEN, FAKE_FLOOD);
		break;
	case MOOD_FAT:
		say_junk(a, 64 * 1024, FAKE_FLOOD);
		break;
	default:
		say_truth(a, key, mood == MOOD_FLIP);
	}
}

static bool drops_values(enum fake_mood mood)
{
	return mood == MOOD_REPLAY || mood == MOOD_OTHERS || mood == MOOD_LIE;
}

static void tell_stored(struct fake_gateways *g, const struct fake_request *request)
{
	struct registry_entry entry;
	memcpy(entry.key, request->key, LOOKUP_KEY_LEN);
	memcpy(entry.value, request->value, RECORD_LEN);
	if (g->seen)
		g->seen(g->seen_arg, &entry);
}

static void take(struct answering *a, const struct fake_request *request, enum fake_mood mood)
{
	struct fake_request changed = *request;
	if (mood == MOOD_FLIP)
		changed.value[env_random_below(a->g->env, RECORD_LEN)] ^= 0x10;
	store(a->g, &changed, drops_values(mood));
	if (!drops_values(mood) && mood != MOOD_FLIP)
		tell_stored(a->g, request);
	say_value(a, request->value, RECORD_LEN);
}

static void log_request(struct fake_gateways *g, const struct fake_request *request,
			const struct answering *a)
{
	char key[HEX_LEN(LOOKUP_KEY_LEN) + 1];
	if (!g->log)
		return;
	hex_encode(request->key, LOOKUP_KEY_LEN, key);
	fprintf(g->log, "R %" PRId64 " %s %u %s %s %zu %u\n", env_mono_ms(g->env), request->circuit,
		request->gateway, request->put ? "POST" : "GET", key, a->answer->body.len,
		a->values);
}

void fake_gateways_ask(struct fake_gateways *g, const struct fake_request *request, size_t limit,
		       struct fake_answer *answer)
{
	struct answering a = {g, answer, limit, 0};
	enum fake_mood mood = g->moods[request->gateway];
	if (mood == MOOD_MIXED)
		mood = MOOD_DOWN + (enum fake_mood)env_random_below(g->env, MOOD_MIXED - MOOD_DOWN);
	*answer = (struct fake_answer){.status = mood == MOOD_ERROR ? 500 : 200,
				       .refused = mood == MOOD_DOWN,
				       .half = mood == MOOD_HALF};
	if (mood == MOOD_DROP || mood == MOOD_DOWN)
		answer->status = 0;
	if (mood == MOOD_DELAY)
		answer->delay_ms = (int64_t)env_random_below(g->env, DELAY_MAX_MS);
	buf_init(&answer->body, SIZE_MAX);
	if (mood != MOOD_HONEST) {
		flood_key(g, request->key);
		if (request->put)
			keep_loot(g, request->key, request->value);
	}
	if (answer->status == 200 && request->put) {
		take(&a, request, mood);
	} else if (answer->status == 200) {
		/* A liar lets others confirm what it has dropped. */
		if (drops_values(mood))
			say_stored(&a, request->key, true, false);
		if (a.values == 0)
			get_answer(&a, request->key, mood);
	}
	log_request(g, request, &a);
}

/* --- the whole --- */

struct fake_gateways *fake_gateways_new(const struct env *env, unsigned count)
{
	struct fake_gateways *g = calloc(1, sizeof *g);
	assert(g && count <= FAKE_GATEWAYS_MAX);
	g->env = env;
	g->count = count;
	g->loot = calloc(LOOT_MAX, sizeof *g->loot);
	assert(g->loot);
	for (unsigned i = 0; i < count; i++)
		snprintf(g->urls[i], sizeof g->urls[i], "http://10.0.%u.1", i);
	return g;
}

void fake_gateways_free(struct fake_gateways **gateways)
{
	struct fake_gateways *g = *gateways;
	*gateways = NULL;
	if (!g)
		return;
	for (unsigned i = 0; i < LISTS; i++) {
		while (g->stored[i]) {
			struct stored *s = g->stored[i];
			g->stored[i] = s->next;
			free(s);
		}
		while (g->flooded[i]) {
			struct flooded *f = g->flooded[i];
			g->flooded[i] = f->next;
			free(f);
		}
	}
	free(g->loot);
	free(g);
}

void fake_gateways_set(struct fake_gateways *gateways, unsigned count, enum fake_mood mood)
{
	assert(count <= gateways->count);
	for (unsigned i = 0; i < gateways->count; i++)
		gateways->moods[i] = i < count ? mood : MOOD_HONEST;
}

void fake_gateways_flood_keys(struct fake_gateways *gateways, bool on)
{
	gateways->flood_keys = on;
}

void fake_gateways_log(struct fake_gateways *gateways, FILE *log)
{
	gateways->log = log;
}

void fake_gateways_watch(struct fake_gateways *gateways,
			 void (*seen)(void *arg, const struct registry_entry *entry), void *arg)
{
	gateways->seen = seen;
	gateways->seen_arg = arg;
}

struct registry *fake_gateways_registry(struct fake_gateways *g, const struct env *env)
{
	const char *urls[FAKE_GATEWAYS_MAX];
	struct registry_opendht_config config = {.gateways = urls, .gateway_count = g->count};
	struct err err;
	for (unsigned i = 0; i < g->count; i++)
		urls[i] = g->urls[i];
	return registry_opendht_over(env, fake_http_new(g, env), &config, &err);
}
