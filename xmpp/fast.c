/*
 * fast.c: see fast.h. The flat form:
 *
 *  0     1      17           49     53       85          93      97     98
 *  +-----+------+------------+------+--------+-----------+-------+------+---
 *  | 1   | salt | agent      | kind | secret | issued_ms | count | used | the next
 *  +-----+------+------------+------+--------+-----------+-------+------+---
 */
#include "xmpp/fast.h"

#include "core/base/codec.h"
#include "core/base/cursor.h"

#include <assert.h>
#include <string.h>

#define FAST_VERSION 1

static void kind_of(const char *mechanism, uint8_t kind[FAST_KIND_LEN])
{
	size_t len = strlen(mechanism);

	assert(len >= FAST_KIND_LEN);
	memcpy(kind, mechanism + len - FAST_KIND_LEN, FAST_KIND_LEN);
}

static void text_of(const struct fast_token *token, char text[SASL_TOKEN_SIZE])
{
	static_assert(HEX_LEN(FAST_SECRET_LEN) + 1 == SASL_TOKEN_SIZE, "a token fits");
	hex_encode(token->secret, FAST_SECRET_LEN, text);
}

static bool is_of(const struct fast_token *token, const uint8_t agent[FAST_AGENT_LEN])
{
	return memcmp(token->agent, agent, FAST_AGENT_LEN) == 0;
}

static void remove_at(struct fast *fast, size_t i)
{
	fast->tokens[i] = fast->tokens[--fast->count];
	secret_wipe(&fast->tokens[fast->count], sizeof(fast->tokens[0]));
}

static void read_token(struct reader *r, struct fast_token *token)
{
	read_bytes(r, token->agent, FAST_AGENT_LEN);
	read_bytes(r, token->kind, FAST_KIND_LEN);
	read_bytes(r, token->secret, FAST_SECRET_LEN);
	token->issued_ms = (int64_t)read_u64(r);
	token->count = read_u32(r);
	token->used = read_u8(r) == 1;
}

void fast_read(struct fast *fast, const uint8_t *data, size_t len,
	       const uint8_t salt[SCRAM_SALT_LEN])
{
	uint8_t version, of[SCRAM_SALT_LEN];
	struct reader r;

	memset(fast, 0, sizeof(*fast));
	reader_init(&r, data, len);
	version = read_u8(&r);
	read_bytes(&r, of, sizeof(of));
	if (r.bad || version != FAST_VERSION || memcmp(of, salt, sizeof(of)) != 0)
		return;
	while (r.left > 0 && !r.bad && fast->count < FAST_TOKENS_MAX)
		read_token(&r, &fast->tokens[fast->count++]);
	if (r.bad || r.left > 0)
		secret_wipe(fast, sizeof(*fast));
}

size_t fast_write(const struct fast *fast, const uint8_t salt[SCRAM_SALT_LEN],
		  uint8_t out[FAST_FLAT_MAX])
{
	struct writer w;

	writer_init(&w, out, FAST_FLAT_MAX);
	write_u8(&w, FAST_VERSION);
	write_bytes(&w, salt, SCRAM_SALT_LEN);
	for (size_t i = 0; i < fast->count; i++) {
		const struct fast_token *token = &fast->tokens[i];

		write_bytes(&w, token->agent, FAST_AGENT_LEN);
		write_bytes(&w, token->kind, FAST_KIND_LEN);
		write_bytes(&w, token->secret, FAST_SECRET_LEN);
		write_u64(&w, (uint64_t)token->issued_ms);
		write_u32(&w, token->count);
		write_u8(&w, token->used);
	}
	assert(!w.bad);
	return w.len;
}

/* A clock that was turned back does not make a token live longer. */
static int64_t age(const struct fast_token *token, int64_t now_ms)
{
	return token->issued_ms <= now_ms ? now_ms - token->issued_ms : FAST_LIFE_MS;
}

size_t fast_find(const struct fast *fast, int64_t now_ms, const uint8_t agent[FAST_AGENT_LEN],
		 const char *mechanism, uint32_t count, struct sasl_token found[SASL_TOKENS_MAX])
{
	uint8_t kind[FAST_KIND_LEN];
	size_t n = 0;

	kind_of(mechanism, kind);
	for (size_t i = 0; i < fast->count && n < SASL_TOKENS_MAX; i++) {
		const struct fast_token *token = &fast->tokens[i];

		if (!is_of(token, agent) || memcmp(token->kind, kind, FAST_KIND_LEN) != 0 ||
		    (count > 0 && count <= token->count))
			continue;
		text_of(token, found[n].text);
		found[n++].expired = age(token, now_ms) >= FAST_LIFE_MS;
	}
	return n;
}

static struct fast_token *find_text(struct fast *fast, const uint8_t agent[FAST_AGENT_LEN],
				    const char *text)
{
	char other[SASL_TOKEN_SIZE];
	struct fast_token *found = NULL;

	for (size_t i = 0; i < fast->count && !found; i++) {
		text_of(&fast->tokens[i], other);
		if (is_of(&fast->tokens[i], agent) && secret_equal(other, text, sizeof(other)))
			found = &fast->tokens[i];
	}
	secret_wipe(other, sizeof(other));
	return found;
}

/* The client's tokens that are not worth more than this one. */
static void forget_older(struct fast *fast, const struct fast_token *than)
{
	const struct fast_token kept = *than;

	for (size_t i = fast->count; i-- > 0;)
		if (is_of(&fast->tokens[i], kept.agent) &&
		    fast->tokens[i].issued_ms <= kept.issued_ms &&
		    memcmp(fast->tokens[i].secret, kept.secret, FAST_SECRET_LEN) != 0)
			remove_at(fast, i);
}

bool fast_use(struct fast *fast, int64_t now_ms, const uint8_t agent[FAST_AGENT_LEN],
	      const char *text, uint32_t count)
{
	struct fast_token *token = find_text(fast, agent, text);
	bool due;

	if (!token)
		return false;
	token->used = true;
	if (count > token->count)
		token->count = count;
	due = age(token, now_ms) >= FAST_ROTATE_MS;
	forget_older(fast, token);
	return due;
}

void fast_forget(struct fast *fast, const uint8_t agent[FAST_AGENT_LEN])
{
	for (size_t i = fast->count; i-- > 0;)
		if (is_of(&fast->tokens[i], agent))
			remove_at(fast, i);
}

static size_t oldest(const struct fast *fast)
{
	size_t found = 0;

	for (size_t i = 1; i < fast->count; i++)
		if (fast->tokens[i].issued_ms < fast->tokens[found].issued_ms)
			found = i;
	return found;
}

void fast_issue(struct fast *fast, const struct env *env, const uint8_t agent[FAST_AGENT_LEN],
		const char *mechanism, char text[SASL_TOKEN_SIZE], int64_t *expires_ms)
{
	struct fast_token *token;

	for (size_t i = fast->count; i-- > 0;)
		if (is_of(&fast->tokens[i], agent) && !fast->tokens[i].used)
			remove_at(fast, i);
	if (fast->count == FAST_TOKENS_MAX)
		remove_at(fast, oldest(fast));
	token = &fast->tokens[fast->count++];
	*token = (struct fast_token){.issued_ms = env_wall_ms(env)};
	memcpy(token->agent, agent, FAST_AGENT_LEN);
	kind_of(mechanism, token->kind);
	env_random(env, token->secret, FAST_SECRET_LEN);
	text_of(token, text);
	*expires_ms = token->issued_ms + FAST_LIFE_MS;
}
