/*
 * test_crypto.c: core/crypto against the RFCs' vectors, and that it refuses what it must.
 */
#include "core/base/codec.h"
#include "core/crypto.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Vectors are written in hexadecimal; returns the number of bytes. */
static size_t unhex(const char *text, uint8_t *out, size_t size)
{
	int len = hex_decode(text, strlen(text), out, size);

	assert_true(len >= 0);
	return (size_t)len;
}

static struct key unhex_key(const char *text)
{
	struct key key;

	assert_int_equal(unhex(text, key.bytes, KEY_LEN), KEY_LEN);
	return key;
}

static void assert_hex(const void *bytes, size_t len, const char *expected)
{
	char text[2 * 512 + 1];

	assert_true(len <= 512);
	hex_encode(bytes, len, text);
	assert_string_equal(text, expected);
}

static void x25519_agrees_with_rfc7748(void **state)
{
	static const struct {
		const char *scalar, *u, *out;
	} vectors[] = {
	    /* section 5.2; the second u has its highest bit set, which does not count */
	    {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
	     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
	     "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
	    {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
	     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
	     "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	    /* section 6.1 */
	    {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
	     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct key scalar = unhex_key(vectors[i].scalar), u = unhex_key(vectors[i].u), out;

		assert_int_equal(crypto_x25519(&scalar, u.bytes, &out), 0);
		assert_hex(out.bytes, KEY_LEN, vectors[i].out);
	}
}

static void x25519_makes_public_keys(void **state)
{
	struct key a =
	    unhex_key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	uint8_t public_key[X25519_LEN], again[X25519_LEN];
	struct crypto_x25519_key *ready = crypto_x25519_new(&a);
	struct key shared, shared_again;

	(void)state;
	assert_non_null(ready);
	assert_int_equal(crypto_x25519_public(&a, public_key), 0);
	assert_hex(public_key, X25519_LEN,
		   "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	/* One key serves several times. */
	assert_int_equal(crypto_x25519(&a, public_key, &shared), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(crypto_x25519_key_public(ready, again), 0);
		assert_memory_equal(public_key, again, X25519_LEN);
		assert_int_equal(crypto_x25519_key_derive(ready, public_key, &shared_again), 0);
		assert_memory_equal(shared.bytes, shared_again.bytes, KEY_LEN);
	}
	crypto_x25519_free(&ready);
	assert_null(ready);
	crypto_x25519_free(&ready);
}

static void x25519_refuses_a_shared_secret_of_zeros(void **state)
{
	/* The points of small order, also with the unused highest bit set and above the prime. */
	static const char *const points[] = {
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "0000000000000000000000000000000000000000000000000000000000000080",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(points); i++) {
		struct key scalar = {{1, 2, 3}}, point = unhex_key(points[i]), shared = {{1}};

		assert_int_equal(crypto_x25519(&scalar, point.bytes, &shared), -1);
		assert_true(secret_is_zero(shared.bytes, KEY_LEN));
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void sha256_agrees_with_fips180(void **state)
{
	struct crypto_part abc[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
	uint8_t hash[SHA256_LEN];

	(void)state;
	assert_int_equal(crypto_sha256(abc, COUNT(abc), hash), 0);
	assert_hex(hash, SHA256_LEN,
		   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(crypto_sha256(NULL, 0, hash), 0);
	assert_hex(hash, SHA256_LEN,
		   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hmac_agrees_with_rfc4231(void **state)
{
	uint8_t long_key[131];
	struct crypto_part jefe[] = {{"what do ya want ", 16}, {"for nothing?", 12}};
	struct crypto_part larger[] = {
	    {"Test Using Larger Than Block-Size Key - Hash Key First", 54}};
	uint8_t out[SHA256_LEN];

	(void)state;
	memset(long_key, 0xaa, sizeof long_key);
	assert_int_equal(crypto_hmac_sha256("Jefe", 4, jefe, 2, out), 0);
	assert_hex(out, SHA256_LEN,
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_int_equal(crypto_hmac_sha256(long_key, sizeof long_key, larger, 1, out), 0);
	assert_hex(out, SHA256_LEN,
		   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	/* An empty key is a key too. */
	assert_int_equal(crypto_hmac_sha256(NULL, 0, NULL, 0, out), 0);
	assert_hex(out, SHA256_LEN,
		   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hkdf_agrees_with_rfc5869(void **state)
{
	/* Appendix A.1 and A.3. */
	static const struct {
		const char *ikm, *salt, *info, *prk, *okm;
	} vectors[] = {
	    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
	     "f0f1f2f3f4f5f6f7f8f9",
	     "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
	     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b88718586"
	     "5"},
	    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	     "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	     "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c"
	     "8"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t ikm[64], salt[64], info[64], okm[64];
		struct crypto_part parts[] = {{ikm, 1},
					      {ikm + 1, unhex(vectors[i].ikm, ikm, 64) - 1}};
		size_t salt_len = unhex(vectors[i].salt, salt, 64);
		size_t info_len = unhex(vectors[i].info, info, 64);
		size_t len = strlen(vectors[i].okm) / 2;
		struct key prk;

		assert_int_equal(crypto_hkdf_extract(salt, salt_len, parts, 2, &prk), 0);
		assert_hex(prk.bytes, KEY_LEN, vectors[i].prk);
		assert_int_equal(crypto_hkdf_expand(&prk, info, info_len, okm, len), 0);
		assert_hex(okm, len, vectors[i].okm);
	}
}

static void hkdf_in_one_is_the_same(void **state)
{
	struct key salt = {{5}}, prk;
	struct crypto_part input = {"input", 5};
	uint8_t parted[3 * KEY_LEN], whole[3 * KEY_LEN];

	(void)state;
	for (size_t len = 1; len <= sizeof whole; len++) {
		assert_int_equal(crypto_hkdf_extract(salt.bytes, KEY_LEN, &input, 1, &prk), 0);
		assert_int_equal(crypto_hkdf_expand(&prk, NULL, 0, parted, len), 0);
		assert_int_equal(crypto_hkdf(&salt, "input", 5, whole, len), 0);
		assert_memory_equal(whole, parted, len);
	}
}

static void hkdf_expands_to_three_blocks(void **state)
{
	/* RFC 5869 A.2, from its PRK on. */
	struct key prk =
	    unhex_key("06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244");
	uint8_t info[80], okm[82];

	(void)state;
	for (size_t i = 0; i < sizeof info; i++)
		info[i] = (uint8_t)(0xb0 + i);
	assert_int_equal(crypto_hkdf_expand(&prk, info, sizeof info, okm, sizeof okm), 0);
	assert_hex(okm, sizeof okm,
		   "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
		   "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
		   "cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

/* RFC 8439 appendix A.5, whose nonce happens to have the layout of Noise. */
static const char aead_key[] = "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0";
static const char aead_ad[] = "f33388860000000000004e91";
#define AEAD_NONCE UINT64_C(0x0807060504030201)
static const char aead_plain[] =
    "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, "
    "replaced, or obsoleted by other documents at any time. It is inappropriate to use "
    "Internet-Drafts as reference material or to cite them other than as "
    "/\xe2\x80\x9cwork in progress./\xe2\x80\x9d";

static void aead_agrees_with_rfc8439(void **state)
{
	struct key key = unhex_key(aead_key);
	size_t len = strlen(aead_plain);
	uint8_t ad[12], sealed[512], plain[512];

	(void)state;
	unhex(aead_ad, ad, sizeof ad);
	assert_int_equal(len, 265);
	assert_int_equal(crypto_aead_seal(&key, AEAD_NONCE, ad, sizeof ad, aead_plain, len, sealed),
			 0);
	assert_hex(sealed, 16, "64a0861575861af460f062c79be643bd");
	assert_hex(sealed + len, AEAD_TAG_LEN, "eead9d67890cbb22392336fea1851f38");
	assert_int_equal(crypto_aead_open(&key, AEAD_NONCE, ad, sizeof ad, sealed, len + 16, plain),
			 0);
	assert_memory_equal(plain, aead_plain, len);
	/* In place, both ways. */
	assert_int_equal(
	    crypto_aead_open(&key, AEAD_NONCE, ad, sizeof ad, sealed, len + 16, sealed), 0);
	assert_memory_equal(sealed, aead_plain, len);
	assert_int_equal(crypto_aead_seal(&key, AEAD_NONCE, ad, sizeof ad, sealed, len, sealed), 0);
	assert_hex(sealed + len, AEAD_TAG_LEN, "eead9d67890cbb22392336fea1851f38");
}

static void aead_refuses_what_was_changed(void **state)
{
	struct key key = {{7}};
	uint8_t sealed[5 + AEAD_TAG_LEN], out[5];

	(void)state;
	assert_int_equal(crypto_aead_seal(&key, 1, "ad", 2, "hello", 5, sealed), 0);
	for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		memset(out, 0xff, sizeof out);
		assert_int_equal(crypto_aead_open(&key, 1, "ad", 2, sealed, sizeof sealed, out),
				 -1);
		assert_true(secret_is_zero(out, sizeof out));
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(crypto_aead_open(&key, 2, "ad", 2, sealed, sizeof sealed, out), -1);
	assert_int_equal(crypto_aead_open(&key, 1, "aD", 2, sealed, sizeof sealed, out), -1);
	assert_int_equal(crypto_aead_open(&key, 1, "ad", 1, sealed, sizeof sealed, out), -1);
	for (size_t len = 0; len < sizeof sealed; len++)
		assert_int_equal(crypto_aead_open(&key, 1, "ad", 2, sealed, len, out), -1);
	assert_int_equal(crypto_aead_open(&key, 1, "ad", 2, sealed, sizeof sealed, out), 0);
	assert_memory_equal(out, "hello", 5);
	assert_int_equal(ERR_peek_error(), 0);
}

static void aead_seals_nothing_too(void **state)
{
	struct key key = {{7}};
	uint8_t sealed[AEAD_TAG_LEN];

	(void)state;
	assert_int_equal(crypto_aead_seal(&key, 0, NULL, 0, NULL, 0, sealed), 0);
	assert_int_equal(crypto_aead_open(&key, 0, NULL, 0, sealed, sizeof sealed, NULL), 0);
	sealed[0] ^= 1;
	assert_int_equal(crypto_aead_open(&key, 0, NULL, 0, sealed, sizeof sealed, NULL), -1);
}

static void rekey_is_what_sealing_zeros_gives(void **state)
{
	static const uint8_t zeros[KEY_LEN];

	(void)state;
	for (uint8_t i = 0; i < 20; i++) {
		struct key key = {{i, 1, 2}}, next;
		uint8_t sealed[KEY_LEN + AEAD_TAG_LEN];

		assert_int_equal(
		    crypto_aead_seal(&key, UINT64_MAX, NULL, 0, zeros, KEY_LEN, sealed), 0);
		assert_int_equal(crypto_rekey(&key, &next), 0);
		assert_memory_equal(next.bytes, sealed, KEY_LEN);
		assert_int_equal(crypto_rekey(&key, &key), 0);
		assert_memory_equal(key.bytes, sealed, KEY_LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(x25519_agrees_with_rfc7748),
	    cmocka_unit_test(x25519_makes_public_keys),
	    cmocka_unit_test(x25519_refuses_a_shared_secret_of_zeros),
	    cmocka_unit_test(sha256_agrees_with_fips180),
	    cmocka_unit_test(hmac_agrees_with_rfc4231),
	    cmocka_unit_test(hkdf_agrees_with_rfc5869),
	    cmocka_unit_test(hkdf_expands_to_three_blocks),
	    cmocka_unit_test(hkdf_in_one_is_the_same),
	    cmocka_unit_test(aead_agrees_with_rfc8439),
	    cmocka_unit_test(aead_refuses_what_was_changed),
	    cmocka_unit_test(aead_seals_nothing_too),
	    cmocka_unit_test(rekey_is_what_sealing_zeros_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
