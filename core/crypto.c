/*
 * crypto.c: see crypto.h.
 *
 * OpenSSL 3 looks an algorithm up by its name at each use, which costs more than a short message
 * needs. So each algorithm is looked up once, at the first use, into the one static struct here; it
 * is never changed afterwards and lives until the process ends.
 */
#include "core/crypto.h"

#include <assert.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

/* The nonce that Noise keeps for REKEY (specification section 5.1, maxnonce). */
#define REKEY_NONCE UINT64_MAX
/* RFC 8439 section 2.3: the nonce of ChaCha20; in OpenSSL's iv the block counter is in front. */
#define NONCE_LEN   12
#define COUNTER_LEN 4

struct algorithms {
	EVP_CIPHER *aead;
	EVP_CIPHER *chacha20;
	EVP_CIPHER *siv;
	EVP_MD *sha256;
	EVP_MAC_CTX *hmac;  /* with its digest set: to be duplicated */
	EVP_PKEY_CTX *load; /* makes X25519 keys of bytes */
	EVP_PKEY *base;     /* the base point as a public key */
};

static struct algorithms algorithms;
static CRYPTO_ONCE algorithms_once = CRYPTO_ONCE_STATIC_INIT;

static EVP_MAC_CTX *fetch_hmac(void)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	if (ctx && EVP_MAC_CTX_set_params(ctx, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static EVP_PKEY_CTX *fetch_load(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);

	if (ctx && EVP_PKEY_fromdata_init(ctx) != 1) {
		EVP_PKEY_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* RFC 7748 section 4.1: u = 9. */
static const uint8_t base_point[X25519_LEN] = {9};

static EVP_PKEY *load_key(EVP_PKEY_CTX *load, const struct key *private_key,
			  const uint8_t public_key[X25519_LEN])
{
	EVP_PKEY *pkey = NULL;
	/* OpenSSL only reads the data, in spite of the missing const. */
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)public_key,
					      X25519_LEN),
	    OSSL_PARAM_construct_end(),
	    OSSL_PARAM_construct_end(),
	};

	if (private_key)
		params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY,
							      (void *)private_key->bytes, KEY_LEN);
	if (EVP_PKEY_fromdata(load, &pkey, private_key ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
			      params) != 1)
		return NULL;
	return pkey;
}

static void fetch_all(void)
{
	struct algorithms a = {
	    .aead = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL),
	    .chacha20 = EVP_CIPHER_fetch(NULL, "ChaCha20", NULL),
	    .siv = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL),
	    .sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
	    .hmac = fetch_hmac(),
	    .load = fetch_load(),
	};

	/* An OpenSSL without these cannot run tacet at all. */
	if (!a.aead || !a.chacha20 || !a.siv || !a.sha256 || !a.hmac || !a.load)
		abort();
	a.base = load_key(a.load, NULL, base_point);
	if (!a.base)
		abort();
	algorithms = a;
}

static const struct algorithms *fetched(void)
{
	if (CRYPTO_THREAD_run_once(&algorithms_once, fetch_all) != 1)
		abort();
	return &algorithms;
}

/* OpenSSL's error queue is cleared: what is left there would be taken for an error of the next TLS
 * call in this thread. */
static int refused(void)
{
	ERR_clear_error();
	return -1;
}

/* Of an authenticating cipher. EVP_CIPHER_CTX_ctrl does the same by way of the names of all
 * parameters that there are, which takes as long as sealing 200 bytes. */
static bool get_tag(EVP_CIPHER_CTX *ctx, uint8_t *tag, size_t len)
{
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, len),
	    OSSL_PARAM_construct_end(),
	};

	return EVP_CIPHER_CTX_get_params(ctx, params) == 1;
}

static bool set_tag(EVP_CIPHER_CTX *ctx, uint8_t *tag, size_t len)
{
	const OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, len),
	    OSSL_PARAM_construct_end(),
	};

	return EVP_CIPHER_CTX_set_params(ctx, params) == 1;
}

/* --- X25519 --- */

struct crypto_x25519_key {
	EVP_PKEY_CTX *derive;
};

struct crypto_x25519_key *crypto_x25519_new(const struct key *private_key)
{
	struct crypto_x25519_key *key = calloc(1, sizeof *key);
	EVP_PKEY *pkey;

	if (!key)
		return NULL;
	/*
	 * Without a public part OpenSSL would compute it, for as much as an exchange costs. The
	 * exchange never reads it, so any value does.
	 */
	pkey = load_key(fetched()->load, private_key, base_point);
	if (pkey)
		key->derive = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	EVP_PKEY_free(pkey);
	if (!key->derive || EVP_PKEY_derive_init(key->derive) != 1) {
		refused();
		crypto_x25519_free(&key);
	}
	return key;
}

void crypto_x25519_free(struct crypto_x25519_key **key)
{
	if (!*key)
		return;
	EVP_PKEY_CTX_free((*key)->derive);
	free(*key);
	*key = NULL;
}

static int derive(struct crypto_x25519_key *key, EVP_PKEY *peer, struct key *shared)
{
	size_t len = KEY_LEN;

	if (peer && EVP_PKEY_derive_set_peer_ex(key->derive, peer, 0) == 1 &&
	    EVP_PKEY_derive(key->derive, shared->bytes, &len) == 1 && len == KEY_LEN &&
	    !secret_is_zero(shared->bytes, KEY_LEN))
		return 0;
	key_wipe(shared);
	return refused();
}

int crypto_x25519_key_derive(struct crypto_x25519_key *key, const uint8_t public_key[X25519_LEN],
			     struct key *shared)
{
	EVP_PKEY *peer = load_key(fetched()->load, NULL, public_key);
	int result = derive(key, peer, shared);

	EVP_PKEY_free(peer);
	return result;
}

int crypto_x25519_key_public(struct crypto_x25519_key *key, uint8_t public_key[X25519_LEN])
{
	/* RFC 7748 section 6.1 defines it like this; OpenSSL's own way takes a fifth longer. */
	struct key public;

	if (derive(key, fetched()->base, &public) != 0)
		return -1;
	memcpy(public_key, public.bytes, X25519_LEN);
	return 0;
}

int crypto_x25519_public(const struct key *private_key, uint8_t public_key[X25519_LEN])
{
	struct crypto_x25519_key *key = crypto_x25519_new(private_key);
	int result = key ? crypto_x25519_key_public(key, public_key) : -1;

	crypto_x25519_free(&key);
	return result;
}

int crypto_x25519(const struct key *private_key, const uint8_t public_key[X25519_LEN],
		  struct key *shared)
{
	struct crypto_x25519_key *key = crypto_x25519_new(private_key);
	int result = key ? crypto_x25519_key_derive(key, public_key, shared) : -1;

	crypto_x25519_free(&key);
	return result;
}

/* --- SHA-256, HMAC, HKDF --- */

int crypto_sha256(const struct crypto_part *parts, size_t count, uint8_t out[SHA256_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx && EVP_DigestInit_ex2(ctx, fetched()->sha256, NULL) == 1;

	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : refused();
}

/* One HMAC with the key given, or with the last one if key is NULL. */
static int hmac(EVP_MAC_CTX *ctx, const void *key, size_t key_len, const struct crypto_part *parts,
		size_t count, uint8_t out[SHA256_LEN])
{
	if (EVP_MAC_init(ctx, key, key_len, NULL) != 1)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (EVP_MAC_update(ctx, parts[i].data, parts[i].len) != 1)
			return -1;
	return EVP_MAC_final(ctx, out, NULL, SHA256_LEN) == 1 ? 0 : -1;
}

int crypto_hmac_sha256(const void *key, size_t key_len, const struct crypto_part *parts,
		       size_t count, uint8_t out[SHA256_LEN])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(fetched()->hmac);
	/* OpenSSL takes NULL for "the last key", also when it is to be empty. */
	int result = ctx ? hmac(ctx, key_len ? key : "", key_len, parts, count, out) : -1;

	EVP_MAC_CTX_free(ctx);
	return result == 0 ? 0 : refused();
}

int crypto_hkdf_extract(const void *salt, size_t salt_len, const struct crypto_part *parts,
			size_t count, struct key *prk)
{
	return crypto_hmac_sha256(salt, salt_len, parts, count, prk->bytes);
}

static int expand(EVP_MAC_CTX *ctx, const struct key *prk, const void *info, size_t info_len,
		  uint8_t *out, size_t len)
{
	SECRET struct key block;
	uint8_t counter = 0;

	assert(len <= (size_t)255 * SHA256_LEN); /* RFC 5869 section 2.3 */
	for (size_t done = 0; done < len; done += KEY_LEN) {
		struct crypto_part parts[] = {
		    {block.bytes, counter ? KEY_LEN : 0}, {info, info_len}, {&counter, 1}};
		bool first = counter++ == 0;

		if (hmac(ctx, first ? prk->bytes : NULL, first ? KEY_LEN : 0, parts, 3,
			 block.bytes) != 0)
			return -1;
		memcpy(out + done, block.bytes, len - done < KEY_LEN ? len - done : KEY_LEN);
	}
	return 0;
}

int crypto_hkdf_expand(const struct key *prk, const void *info, size_t info_len, void *out,
		       size_t len)
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(fetched()->hmac);
	int result = ctx ? expand(ctx, prk, info, info_len, out, len) : -1;

	EVP_MAC_CTX_free(ctx);
	return result == 0 ? 0 : refused();
}

int crypto_hkdf(const struct key *salt, const void *input, size_t input_len, void *out, size_t len)
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(fetched()->hmac);
	struct crypto_part part = {input, input_len};
	SECRET struct key prk;
	int result = -1;

	if (ctx && hmac(ctx, salt->bytes, KEY_LEN, &part, 1, prk.bytes) == 0)
		result = expand(ctx, &prk, NULL, 0, out, len);
	EVP_MAC_CTX_free(ctx);
	return result == 0 ? 0 : refused();
}

/* --- scrypt --- */

int crypto_scrypt(const void *passphrase, size_t passphrase_len, const void *salt, size_t salt_len,
		  unsigned log_n, unsigned r, unsigned p, struct key *key)
{
	uint64_t n = UINT64_C(1) << log_n;
	/* With as much again for what else OpenSSL needs. */
	uint64_t memory_max = 2 * 128 * n * r;

	if (EVP_PBE_scrypt(passphrase, passphrase_len, salt, salt_len, n, r, p, memory_max,
			   key->bytes, KEY_LEN) == 1)
		return 0;
	return refused();
}

/* --- ChaCha20-Poly1305 --- */

/* Noise specification section 12.3. */
static void noise_nonce(uint64_t nonce, uint8_t out[NONCE_LEN])
{
	memset(out, 0, NONCE_LEN);
	for (int i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(nonce >> (8 * i));
}

/* Everything but the tag. seal 1, open 0. The tag of open must have been set in tag. */
static int aead(EVP_CIPHER_CTX *ctx, int seal, const struct key *key, uint64_t nonce,
		const void *ad, size_t ad_len, const void *in, size_t len, uint8_t *out,
		uint8_t *tag)
{
	uint8_t iv[NONCE_LEN], rest[EVP_MAX_BLOCK_LENGTH]; /* nothing is put there */
	int n;

	assert(len <= INT_MAX && ad_len <= INT_MAX);
	noise_nonce(nonce, iv);
	if (EVP_CipherInit_ex2(ctx, fetched()->aead, key->bytes, iv, seal, NULL) != 1)
		return -1;
	if (!seal && !set_tag(ctx, tag, AEAD_TAG_LEN))
		return -1;
	if (ad_len > 0 && EVP_CipherUpdate(ctx, NULL, &n, ad, (int)ad_len) != 1)
		return -1;
	if (len > 0 && EVP_CipherUpdate(ctx, out, &n, in, (int)len) != 1)
		return -1;
	if (EVP_CipherFinal_ex(ctx, rest, &n) != 1)
		return -1;
	if (seal && !get_tag(ctx, tag, AEAD_TAG_LEN))
		return -1;
	return 0;
}

int crypto_aead_seal(const struct key *key, uint64_t nonce, const void *ad, size_t ad_len,
		     const void *plain, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int result = ctx ? aead(ctx, 1, key, nonce, ad, ad_len, plain, len, out, out + len) : -1;

	EVP_CIPHER_CTX_free(ctx);
	return result == 0 ? 0 : refused();
}

int crypto_aead_open(const struct key *key, uint64_t nonce, const void *ad, size_t ad_len,
		     const void *sealed, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx;
	uint8_t tag[AEAD_TAG_LEN];
	int result = -1;

	if (len < AEAD_TAG_LEN)
		return -1;
	len -= AEAD_TAG_LEN;
	memcpy(tag, (const uint8_t *)sealed + len, AEAD_TAG_LEN);
	ctx = EVP_CIPHER_CTX_new();
	if (ctx)
		result = aead(ctx, 0, key, nonce, ad, ad_len, sealed, len, out, tag);
	EVP_CIPHER_CTX_free(ctx);
	if (result == 0)
		return 0;
	secret_wipe(out, len); /* nobody may use what was not authenticated */
	return refused();
}

int crypto_rekey(const struct key *key, struct key *next)
{
	/* The tag is thrown away, so it is not computed: what is left of sealing zeros is the
	 * ChaCha20 block with counter 1 (RFC 8439 section 2.8). */
	static const uint8_t zeros[KEY_LEN];
	uint8_t iv[COUNTER_LEN + NONCE_LEN] = {1};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, ok;

	noise_nonce(REKEY_NONCE, iv + COUNTER_LEN);
	ok = ctx && EVP_EncryptInit_ex2(ctx, fetched()->chacha20, key->bytes, iv, NULL) == 1 &&
	     EVP_EncryptUpdate(ctx, next->bytes, &n, zeros, KEY_LEN) == 1 && n == KEY_LEN;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : refused();
}

/* --- AES-SIV --- */

/* OpenSSL makes subkeys of a SIV key, which costs more than a short value; so a context with the
 * key in it is copied for each use. One for each direction, which it cannot change. */
struct crypto_siv {
	EVP_CIPHER_CTX *seal, *open;
};

struct crypto_siv *crypto_siv_new(const uint8_t key[SIV_KEY_LEN])
{
	struct crypto_siv *siv = calloc(1, sizeof(*siv));

	if (!siv)
		return NULL;
	siv->seal = EVP_CIPHER_CTX_new();
	siv->open = EVP_CIPHER_CTX_new();
	if (!siv->seal || !siv->open ||
	    EVP_EncryptInit_ex2(siv->seal, fetched()->siv, key, NULL, NULL) != 1 ||
	    EVP_DecryptInit_ex2(siv->open, fetched()->siv, key, NULL, NULL) != 1) {
		refused();
		crypto_siv_free(&siv);
	}
	return siv;
}

void crypto_siv_free(struct crypto_siv **siv)
{
	if (!*siv)
		return;
	EVP_CIPHER_CTX_free((*siv)->seal);
	EVP_CIPHER_CTX_free((*siv)->open);
	free(*siv);
	*siv = NULL;
}

int crypto_siv_seal(const struct crypto_siv *siv, const void *ad, size_t ad_len, const void *plain,
		    size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *text = out + SIV_TAG_LEN;
	int n = 0, rest = 0;
	bool ok;

	assert(len > 0 && ad_len > 0 && len <= INT_MAX && ad_len <= INT_MAX);
	ok = ctx && EVP_CIPHER_CTX_copy(ctx, siv->seal) == 1 &&
	     EVP_EncryptUpdate(ctx, NULL, &n, ad, (int)ad_len) == 1 &&
	     EVP_EncryptUpdate(ctx, text, &n, plain, (int)len) == 1 && n == (int)len &&
	     EVP_EncryptFinal_ex(ctx, text + n, &rest) == 1 && rest == 0 &&
	     get_tag(ctx, out, SIV_TAG_LEN);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : refused();
}

int crypto_siv_open(const struct crypto_siv *siv, const void *ad, size_t ad_len, const void *sealed,
		    size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = NULL;
	uint8_t tag[SIV_TAG_LEN];
	int n = 0, rest = 0;
	size_t text_len = len - SIV_TAG_LEN;
	bool ready, ok;

	assert(ad_len > 0 && ad_len <= INT_MAX);
	if (len <= SIV_TAG_LEN || len > INT_MAX)
		return -1;
	memcpy(tag, sealed, SIV_TAG_LEN);
	ctx = EVP_CIPHER_CTX_new();
	ready = ctx && EVP_CIPHER_CTX_copy(ctx, siv->open) == 1 && set_tag(ctx, tag, SIV_TAG_LEN) &&
		EVP_DecryptUpdate(ctx, NULL, &n, ad, (int)ad_len) == 1;
	ok = ready &&
	     EVP_DecryptUpdate(ctx, out, &n, (const uint8_t *)sealed + SIV_TAG_LEN,
			       (int)text_len) == 1 &&
	     n == (int)text_len && EVP_DecryptFinal_ex(ctx, out + n, &rest) == 1 && rest == 0;
	EVP_CIPHER_CTX_free(ctx);
	if (ok)
		return 0;
	OPENSSL_cleanse(out, text_len);
	refused();
	return ready ? -1 : CRYPTO_SIV_REFUSED;
}
