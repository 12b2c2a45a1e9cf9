/*
 * noise.c: see noise.h. The names are those of the specification: section 5.2 for the symmetric
 * state (ck, h, and the cipher's k and n), 5.3 for the handshake state (s, e, rs, re).
 */
#include "core/noise.h"

#include "core/base/cursor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 3
#define TOKENS_MAX   5 /* with the end */

enum token { TOKEN_END, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE, TOKEN_SS, TOKEN_PSK };

struct pattern {
	const char *name;
	bool initiator_known; /* pre-message -> s */
	bool responder_known; /* pre-message <- s */
	bool psk;
	unsigned messages;
	enum token tokens[MESSAGES_MAX][TOKENS_MAX];
};

/* Sections 7.4, 7.5 and 9.4; the initiator writes the first message. */
static const struct pattern patterns[] = {
    [NOISE_KPSK0] =
	{
	    .name = "Noise_Kpsk0_25519_ChaChaPoly_SHA256",
	    .initiator_known = true,
	    .responder_known = true,
	    .psk = true,
	    .messages = 1,
	    .tokens = {{TOKEN_PSK, TOKEN_E, TOKEN_ES, TOKEN_SS}},
	},
    [NOISE_KKPSK0] =
	{
	    .name = "Noise_KKpsk0_25519_ChaChaPoly_SHA256",
	    .initiator_known = true,
	    .responder_known = true,
	    .psk = true,
	    .messages = 2,
	    .tokens = {{TOKEN_PSK, TOKEN_E, TOKEN_ES, TOKEN_SS}, {TOKEN_E, TOKEN_EE, TOKEN_SE}},
	},
    [NOISE_XKPSK3] =
	{
	    .name = "Noise_XKpsk3_25519_ChaChaPoly_SHA256",
	    .responder_known = true,
	    .psk = true,
	    .messages = 3,
	    .tokens = {{TOKEN_E, TOKEN_ES}, {TOKEN_E, TOKEN_EE}, {TOKEN_S, TOKEN_SE, TOKEN_PSK}},
	},
    [NOISE_XX] =
	{
	    .name = "Noise_XX_25519_ChaChaPoly_SHA256",
	    .messages = 3,
	    .tokens = {{TOKEN_E}, {TOKEN_E, TOKEN_EE, TOKEN_S, TOKEN_ES}, {TOKEN_S, TOKEN_SE}},
	},
};

struct noise {
	const struct env *env;
	const struct pattern *pattern;
	enum noise_role role;
	unsigned step; /* number of the next message */
	bool dead;     /* failed, or split already */
	struct key s_private;
	struct crypto_x25519_key *s; /* NULL until an exchange needs it */
	struct crypto_x25519_key *e; /* NULL until it is sent */
	uint8_t s_public[X25519_LEN];
	uint8_t rs[X25519_LEN];
	uint8_t re[X25519_LEN];
	bool rs_known;
	struct key psk;
	struct key ss; /* zeros: to be computed */
	struct key ck;
	uint8_t h[SHA256_LEN];
	struct noise_cipher cipher;
	bool keyed; /* has the cipher a key yet? */
};

/* --- symmetric state (section 5.2) --- */

static int hash_with(const uint8_t h[SHA256_LEN], const void *data, size_t len,
		     uint8_t out[SHA256_LEN])
{
	struct crypto_part parts[] = {{h, SHA256_LEN}, {data, len}};

	return crypto_sha256(parts, 2, out);
}

static int mix_hash(struct noise *noise, const void *data, size_t len)
{
	return hash_with(noise->h, data, len, noise->h);
}

static void set_keys(struct noise *noise, const struct key *ck, const struct key *k)
{
	noise->ck = *ck;
	noise->cipher = (struct noise_cipher){.k = *k};
	noise->keyed = true;
}

static int mix_key(struct noise *noise, const void *input)
{
	struct key out[2];
	int result = crypto_hkdf(&noise->ck, input, KEY_LEN, out, sizeof out);

	if (result == 0)
		set_keys(noise, &out[0], &out[1]);
	secret_wipe(out, sizeof out);
	return result;
}

static int mix_key_and_hash(struct noise *noise, const struct key *psk)
{
	struct key out[3];
	int result = crypto_hkdf(&noise->ck, psk->bytes, KEY_LEN, out, sizeof out);

	if (result == 0)
		result = mix_hash(noise, out[1].bytes, KEY_LEN);
	if (result == 0)
		set_keys(noise, &out[0], &out[2]);
	secret_wipe(out, sizeof out);
	return result;
}

/* out moves on by what was written. */
static int encrypt_and_hash(struct noise *noise, const void *plain, size_t len, uint8_t **out)
{
	uint8_t *start = *out;

	if (!noise->keyed) {
		if (len > 0)
			memcpy(start, plain, len);
	} else {
		if (crypto_aead_seal(&noise->cipher.k, noise->cipher.n++, noise->h, SHA256_LEN,
				     plain, len, start) != 0)
			return -1;
		len += AEAD_TAG_LEN;
	}
	*out += len;
	return mix_hash(noise, start, len);
}

/* out takes what is left without the tag. */
static int decrypt_and_hash(struct noise *noise, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t next[SHA256_LEN];

	/* Hashed first, since the caller may want the payload in the place of the message. */
	if (hash_with(noise->h, in, len, next) != 0)
		return -1;
	if (!noise->keyed) {
		if (len > 0)
			memmove(out, in, len);
	} else if (crypto_aead_open(&noise->cipher.k, noise->cipher.n++, noise->h, SHA256_LEN, in,
				    len, out) != 0) {
		return -1;
	}
	memcpy(noise->h, next, SHA256_LEN);
	return 0;
}

/* --- handshake state (section 5.3) --- */

/* Not before it is needed: to make a key ready costs a tenth of an exchange, and who writes a
 * record has none with its static key. */
static struct crypto_x25519_key *own_static_key(struct noise *noise)
{
	if (!noise->s)
		noise->s = crypto_x25519_new(&noise->s_private);
	return noise->s;
}

/* MixKey(DH(…)) for ee, es, se and ss. */
static int mix_dh(struct noise *noise, enum token token)
{
	bool initiator = noise->role == NOISE_INITIATOR;
	bool own_static = token == TOKEN_SS || token == (initiator ? TOKEN_SE : TOKEN_ES);
	bool other_static = token == TOKEN_SS || token == (initiator ? TOKEN_ES : TOKEN_SE);
	SECRET struct key shared;
	struct crypto_x25519_key *own;

	if (token == TOKEN_SS && !secret_is_zero(noise->ss.bytes, KEY_LEN))
		return mix_key(noise, noise->ss.bytes);
	own = own_static ? own_static_key(noise) : noise->e;
	if (!own ||
	    crypto_x25519_key_derive(own, other_static ? noise->rs : noise->re, &shared) != 0)
		return -1;
	return mix_key(noise, shared.bytes);
}

/* MixHash, and with a psk also MixKey (section 9.2), of an ephemeral public key. */
static int mix_ephemeral(struct noise *noise, const uint8_t public_key[X25519_LEN])
{
	if (mix_hash(noise, public_key, X25519_LEN) != 0)
		return -1;
	return noise->pattern->psk ? mix_key(noise, public_key) : 0;
}

static int write_ephemeral(struct noise *noise, uint8_t **out)
{
	SECRET struct key private_key;
	uint8_t *public_key = *out;

	env_random(noise->env, private_key.bytes, KEY_LEN);
	noise->e = crypto_x25519_new(&private_key);
	if (!noise->e || crypto_x25519_key_public(noise->e, public_key) != 0)
		return -1;
	*out += X25519_LEN;
	return mix_ephemeral(noise, public_key);
}

static int write_token(struct noise *noise, enum token token, uint8_t **out)
{
	switch (token) {
	case TOKEN_E:
		return write_ephemeral(noise, out);
	case TOKEN_S:
		return encrypt_and_hash(noise, noise->s_public, X25519_LEN, out);
	case TOKEN_PSK:
		return mix_key_and_hash(noise, &noise->psk);
	default:
		return mix_dh(noise, token);
	}
}

static int read_static(struct noise *noise, struct reader *r)
{
	size_t len = X25519_LEN + (noise->keyed ? AEAD_TAG_LEN : 0);
	const uint8_t *sealed = read_view(r, len);

	if (!sealed || decrypt_and_hash(noise, sealed, len, noise->rs) != 0)
		return -1;
	noise->rs_known = true;
	return 0;
}

static int read_token(struct noise *noise, enum token token, struct reader *r)
{
	switch (token) {
	case TOKEN_E:
		read_bytes(r, noise->re, X25519_LEN);
		return r->bad ? -1 : mix_ephemeral(noise, noise->re);
	case TOKEN_S:
		return read_static(noise, r);
	case TOKEN_PSK:
		return mix_key_and_hash(noise, &noise->psk);
	default:
		return mix_dh(noise, token);
	}
}

/* --- what the caller sees --- */

/* Section 5.2 InitializeSymmetric. */
static int start_symmetric(struct noise *noise)
{
	const char *name = noise->pattern->name;
	size_t len = strlen(name);
	struct crypto_part part = {name, len};

	if (len <= SHA256_LEN)
		memcpy(noise->h, name, len);
	else if (crypto_sha256(&part, 1, noise->h) != 0)
		return -1;
	memcpy(noise->ck.bytes, noise->h, KEY_LEN);
	return 0;
}

/* The prologue and the pre-messages. */
static int mix_beginning(struct noise *noise, const struct noise_start *start)
{
	bool initiator = noise->role == NOISE_INITIATOR;

	if (mix_hash(noise, start->prologue, start->prologue_len) != 0)
		return -1;
	if (noise->pattern->initiator_known &&
	    mix_hash(noise, initiator ? noise->s_public : noise->rs, X25519_LEN) != 0)
		return -1;
	if (noise->pattern->responder_known &&
	    mix_hash(noise, initiator ? noise->rs : noise->s_public, X25519_LEN) != 0)
		return -1;
	return 0;
}

static int load_static(struct noise *noise, const struct noise_start *start)
{
	noise->s_private = *start->s;
	if (!start->s_public)
		return own_static_key(noise) ? crypto_x25519_key_public(noise->s, noise->s_public)
					     : -1;
	memcpy(noise->s_public, start->s_public, X25519_LEN);
	return 0;
}

struct noise *noise_new(const struct env *env, const struct noise_start *start, struct err *err)
{
	const struct pattern *pattern = &patterns[start->pattern];
	bool rs_needed =
	    start->role == NOISE_INITIATOR ? pattern->responder_known : pattern->initiator_known;
	struct noise *noise;

	if (!start->s || (rs_needed && !start->rs) || (pattern->psk && !start->psk)) {
		err_set(err, ERR_WRONG_STATE, "a key is missing for %s", pattern->name);
		return NULL;
	}
	noise = calloc(1, sizeof *noise);
	if (!noise) {
		err_set(err, ERR_MEMORY, "no memory for a handshake");
		return NULL;
	}
	noise->env = env;
	noise->pattern = pattern;
	noise->role = start->role;
	noise->rs_known = rs_needed;
	if (rs_needed)
		memcpy(noise->rs, start->rs, X25519_LEN);
	if (pattern->psk)
		noise->psk = *start->psk;
	if (start->ss)
		noise->ss = *start->ss;
	if (load_static(noise, start) != 0 || start_symmetric(noise) != 0 ||
	    mix_beginning(noise, start) != 0) {
		err_set(err, ERR_CRYPTO, "cannot begin a handshake");
		noise_free(&noise);
	}
	return noise;
}

void noise_free(struct noise **noise)
{
	if (!*noise)
		return;
	crypto_x25519_free(&(*noise)->s);
	crypto_x25519_free(&(*noise)->e);
	secret_free(*noise, sizeof **noise);
	*noise = NULL;
}

enum noise_next noise_next(const struct noise *noise)
{
	bool initiators_turn = noise->step % 2 == 0;

	if (noise->step == noise->pattern->messages)
		return NOISE_SPLIT;
	return initiators_turn == (noise->role == NOISE_INITIATOR) ? NOISE_WRITE : NOISE_READ;
}

size_t noise_overhead(const struct noise *noise)
{
	bool keyed = noise->keyed;
	size_t len = 0;

	if (noise_next(noise) == NOISE_SPLIT)
		return 0;
	for (const enum token *t = noise->pattern->tokens[noise->step]; *t != TOKEN_END; t++) {
		if (*t == TOKEN_E)
			len += X25519_LEN;
		else if (*t == TOKEN_S)
			len += X25519_LEN + (keyed ? (size_t)AEAD_TAG_LEN : 0);
		if (*t != TOKEN_S && (*t != TOKEN_E || noise->pattern->psk))
			keyed = true;
	}
	return len + (keyed ? AEAD_TAG_LEN : 0);
}

static int check_turn(const struct noise *noise, enum noise_next turn, struct err *err)
{
	if (noise->dead)
		return err_set(err, ERR_WRONG_STATE, "the handshake has ended");
	if (noise_next(noise) != turn)
		return err_set(err, ERR_WRONG_STATE, "not what the handshake needs now");
	return 0;
}

/* The end of a handshake that went wrong: nothing can be done with it any more. */
static int fail(struct noise *noise, struct err *err, enum err_code code, const char *text)
{
	noise->dead = true;
	return err_set(err, code, "%s", text);
}

int noise_write(struct noise *noise, const void *payload, size_t payload_len, uint8_t *out,
		size_t size, struct err *err)
{
	size_t overhead = noise_overhead(noise);
	uint8_t *at = out;

	if (check_turn(noise, NOISE_WRITE, err) != 0)
		return -1;
	if (payload_len > NOISE_MESSAGE_MAX - overhead || overhead + payload_len > size)
		return fail(noise, err, ERR_LIMIT, "the payload of a handshake is too long");
	for (const enum token *t = noise->pattern->tokens[noise->step]; *t != TOKEN_END; t++)
		if (write_token(noise, *t, &at) != 0)
			return fail(noise, err, ERR_CRYPTO, "cannot write a handshake message");
	if (encrypt_and_hash(noise, payload, payload_len, &at) != 0)
		return fail(noise, err, ERR_CRYPTO, "cannot seal the payload of a handshake");
	assert((size_t)(at - out) == overhead + payload_len);
	noise->step++;
	return (int)(at - out);
}

int noise_read(struct noise *noise, const uint8_t *message, size_t len, uint8_t *out, size_t size,
	       struct err *err)
{
	size_t overhead = noise_overhead(noise);
	struct reader r;

	if (check_turn(noise, NOISE_READ, err) != 0)
		return -1;
	if (len < overhead || len > NOISE_MESSAGE_MAX)
		return fail(noise, err, ERR_INPUT, "a handshake message of an impossible length");
	if (len - overhead > size)
		return fail(noise, err, ERR_LIMIT, "the payload of a handshake is too long");
	reader_init(&r, message, len);
	for (const enum token *t = noise->pattern->tokens[noise->step]; *t != TOKEN_END; t++)
		if (read_token(noise, *t, &r) != 0)
			return fail(noise, err, ERR_CRYPTO, "a handshake message does not open");
	if (decrypt_and_hash(noise, r.at, r.left, out) != 0)
		return fail(noise, err, ERR_CRYPTO, "a handshake message does not open");
	noise->step++;
	return (int)(len - overhead);
}

const uint8_t *noise_remote_static(const struct noise *noise)
{
	return noise->rs_known && !noise->dead ? noise->rs : NULL;
}

int noise_split(struct noise *noise, struct noise_cipher *send, struct noise_cipher *receive,
		uint8_t hash[SHA256_LEN], struct err *err)
{
	bool initiator = noise->role == NOISE_INITIATOR;
	struct key out[2];

	if (check_turn(noise, NOISE_SPLIT, err) != 0)
		return -1;
	if (crypto_hkdf(&noise->ck, NULL, 0, out, sizeof out) != 0)
		return fail(noise, err, ERR_CRYPTO, "cannot end a handshake");
	*send = (struct noise_cipher){.k = out[initiator ? 0 : 1]};
	*receive = (struct noise_cipher){.k = out[initiator ? 1 : 0]};
	memcpy(hash, noise->h, SHA256_LEN);
	secret_wipe(out, sizeof out);
	key_wipe(&noise->ck);
	noise->dead = true;
	return 0;
}

/* --- cipher state (section 5.1) --- */

int noise_cipher_seal(struct noise_cipher *cipher, const void *plain, size_t len, uint8_t *out)
{
	if (cipher->n == UINT64_MAX ||
	    crypto_aead_seal(&cipher->k, cipher->n, NULL, 0, plain, len, out) != 0)
		return -1;
	cipher->n++;
	return 0;
}

int noise_cipher_open(struct noise_cipher *cipher, const void *sealed, size_t len, uint8_t *out)
{
	if (cipher->n == UINT64_MAX ||
	    crypto_aead_open(&cipher->k, cipher->n, NULL, 0, sealed, len, out) != 0)
		return -1;
	cipher->n++;
	return 0;
}

int noise_cipher_rekey(struct noise_cipher *cipher)
{
	return crypto_rekey(&cipher->k, &cipher->k);
}

void noise_cipher_wipe(struct noise_cipher *cipher)
{
	secret_wipe(cipher, sizeof *cipher);
}
