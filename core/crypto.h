/*
 * crypto.h: the primitives that tacet uses, each a thin call into OpenSSL's EVP.
 *
 * Nothing is implemented here. Functions that return int give -1 when OpenSSL refuses (which no
 * peer can provoke, except where it is said).
 */
#ifndef CORE_CRYPTO_H
#define CORE_CRYPTO_H

#include "core/base/secret.h"

#include <stddef.h>
#include <stdint.h>

#define X25519_LEN   32
#define SHA256_LEN   32
#define AEAD_TAG_LEN 16

/* The public key of a private one (RFC 7748 section 5). */
int crypto_x25519_public(const struct key *private_key, uint8_t public_key[X25519_LEN]);
/* The shared secret; -1 also when it would be all zero (RFC 7748 section 6.1), which a peer's
 * public key can provoke. */
int crypto_x25519(const struct key *private_key, const uint8_t public_key[X25519_LEN],
		  struct key *shared);

/*
 * A private key made ready for several exchanges, since to make one ready costs as much as a tenth
 * of an exchange. NULL when OpenSSL refuses. Wiped when freed; free takes NULL.
 */
struct crypto_x25519_key;
struct crypto_x25519_key *crypto_x25519_new(const struct key *private_key);
void crypto_x25519_free(struct crypto_x25519_key **key);
/* As the two functions above. */
int crypto_x25519_key_public(struct crypto_x25519_key *key, uint8_t public_key[X25519_LEN]);
int crypto_x25519_key_derive(struct crypto_x25519_key *key, const uint8_t public_key[X25519_LEN],
			     struct key *shared);

/* One part of a message that is hashed or authenticated in pieces. */
struct crypto_part {
	const void *data;
	size_t len;
};

int crypto_sha256(const struct crypto_part *parts, size_t count, uint8_t out[SHA256_LEN]);
/* RFC 2104. */
int crypto_hmac_sha256(const void *key, size_t key_len, const struct crypto_part *parts,
		       size_t count, uint8_t out[SHA256_LEN]);
/* RFC 5869 section 2.2 and 2.3, with SHA-256. */
int crypto_hkdf_extract(const void *salt, size_t salt_len, const struct crypto_part *parts,
			size_t count, struct key *prk);
int crypto_hkdf_expand(const struct key *prk, const void *info, size_t info_len, void *out,
		       size_t len);
/* Both in one, without an info. */
int crypto_hkdf(const struct key *salt, const void *input, size_t input_len, void *out, size_t len);

/* RFC 7914, N = 2^log_n; takes 128 * N * r bytes of memory while it runs. -1 also when OpenSSL does
 * not like the numbers or has no memory. */
int crypto_scrypt(const void *passphrase, size_t passphrase_len, const void *salt, size_t salt_len,
		  unsigned log_n, unsigned r, unsigned p, struct key *key);

/*
 * ChaCha20-Poly1305 (RFC 8439) with the nonce layout of the Noise specification, section 12.3:
 * 32 zero bits, then the 64-bit counter little-endian. out takes len + AEAD_TAG_LEN bytes in seal,
 * len - AEAD_TAG_LEN in open; it may be the input. open gives -1 when the tag is wrong (out is then
 * wiped) or len is less than a tag.
 */
int crypto_aead_seal(const struct key *key, uint64_t nonce, const void *ad, size_t ad_len,
		     const void *plain, size_t len, uint8_t *out);
int crypto_aead_open(const struct key *key, uint64_t nonce, const void *ad, size_t ad_len,
		     const void *sealed, size_t len, uint8_t *out);
/* The key that follows this one (Noise specification section 4.2): the first 32 bytes of zeros
 * sealed with nonce 2^64-1. next may be key. */
int crypto_rekey(const struct key *key, struct key *next);

/*
 * AES-256 in synthetic-IV mode (RFC 5297): the same value at the same place (ad) gives the same
 * bytes, and nothing else is told; no nonce, so none can be repeated. For what is kept, not for
 * what is sent. The key made ready for many uses; NULL when OpenSSL refuses; free takes NULL.
 */
#define SIV_KEY_LEN 64
#define SIV_TAG_LEN 16
struct crypto_siv;
struct crypto_siv *crypto_siv_new(const uint8_t key[SIV_KEY_LEN]);
void crypto_siv_free(struct crypto_siv **siv);
/* len > 0 and ad_len > 0: OpenSSL has had faults with either empty. out takes SIV_TAG_LEN + len
 * bytes in seal, len - SIV_TAG_LEN in open, and is not the input. open gives -1 when the tag is
 * wrong (out is then wiped) or len is not more than a tag, CRYPTO_SIV_REFUSED when OpenSSL refuses
 * for another reason: memory is short. */
#define CRYPTO_SIV_REFUSED (-2)
int crypto_siv_seal(const struct crypto_siv *siv, const void *ad, size_t ad_len, const void *plain,
		    size_t len, uint8_t *out);
int crypto_siv_open(const struct crypto_siv *siv, const void *ad, size_t ad_len, const void *sealed,
		    size_t len, uint8_t *out);

#endif
