/*
 * guard.c: see guard.h.
 */
#include "xmpp/guard.h"

#include <openssl/hmac.h>
#include <string.h>

/* Eight bytes of HMAC(secret, who ‖ name). */
static uint64_t hash(const struct guard *guard, const char *name, int64_t who)
{
	uint8_t input[sizeof(who) + 1024], mac[32];
	size_t len = strnlen(name, 1024);
	uint64_t out = 0;

	memcpy(input, &who, sizeof(who));
	memcpy(input + sizeof(who), name, len);
	if (HMAC(EVP_sha256(), guard->secret.bytes, KEY_LEN, input, sizeof(who) + len, mac, NULL))
		memcpy(&out, mac, sizeof(out));
	return out;
}

static size_t place(const struct guard *guard, const char *name, int64_t who)
{
	return (size_t)(hash(guard, name, who) % GUARD_COUNTERS);
}

/* A value that no user id has, for the name alone. */
static uint64_t name_hash(const struct guard *guard, const char *name)
{
	return hash(guard, name, INT64_MIN);
}

void guard_init(struct guard *guard, const struct env *env, const struct key *secret)
{
	*guard = (struct guard){.env = env, .secret = *secret};
}

void guard_wipe(struct guard *guard)
{
	secret_wipe(guard, sizeof(*guard));
}

bool guard_allows(const struct guard *guard, const char *name, int64_t who)
{
	return env_mono_ms(guard->env) >= guard->counters[place(guard, name, who)].locked_until_ms;
}

static int64_t lock_ms(unsigned wrong)
{
	int64_t ms = GUARD_LOCK_MS;

	for (unsigned i = GUARD_FREE; i < wrong && ms < GUARD_LOCK_MAX_MS; i++)
		ms *= 2;
	return ms < GUARD_LOCK_MAX_MS ? ms : GUARD_LOCK_MAX_MS;
}

int64_t guard_wrong(struct guard *guard, const char *name, int64_t who)
{
	struct guard_counter *counter = &guard->counters[place(guard, name, who)];
	int64_t now = env_mono_ms(guard->env);

	if (now - counter->last_ms >= GUARD_FORGET_MS)
		counter->wrong = 0;
	counter->name = name_hash(guard, name);
	counter->last_ms = now;
	if (++counter->wrong < GUARD_FREE)
		return 0;
	counter->locked_until_ms = now + lock_ms(counter->wrong);
	return counter->locked_until_ms - now;
}

void guard_right(struct guard *guard, const char *name, int64_t who)
{
	guard->counters[place(guard, name, who)] = (struct guard_counter){0};
}

void guard_forget(struct guard *guard, const char *name)
{
	uint64_t wanted = name_hash(guard, name);

	for (size_t i = 0; i < GUARD_COUNTERS; i++)
		if (guard->counters[i].wrong && guard->counters[i].name == wanted)
			guard->counters[i] = (struct guard_counter){0};
}
