/*
 * pair.c: see pair.h.
 */
#include "core/pair.h"

#include "core/base/cursor.h"

#include <stdlib.h>
#include <string.h>

/* Length of an epoch, in s: offsets are whole seconds. */
#define EPOCH_S (EPOCH_MS / 1000)
/* Room for "session" ‖ "low>high", the longest info. */
#define INFO_SIZE 32

static const char low_first[] = "low>high";
static const char high_first[] = "high>low";

/* dh and root of pair.h. */
static int derive_root(const struct identity *own, const uint8_t contact[X25519_LEN], bool low,
		       const struct key *secret, struct key *dh, struct key *root)
{
	static const char label[] = "tacet 1 pair";
	struct crypto_part parts[] = {
	    {dh->bytes, KEY_LEN},
	    {low ? own->public_key : contact, X25519_LEN},
	    {low ? contact : own->public_key, X25519_LEN},
	    {label, sizeof label - 1},
	};

	if (crypto_x25519(&own->private_key, contact, dh) != 0)
		return -1;
	return crypto_hkdf_extract(secret->bytes, KEY_LEN, parts, 4, root);
}

/* K(name) of pair.h. */
static int derive_key(const struct key *root, const char *name, const char *direction,
		      struct key *out)
{
	uint8_t info[INFO_SIZE];
	struct writer w;

	writer_init(&w, info, sizeof info);
	write_bytes(&w, name, strlen(name));
	write_bytes(&w, direction, strlen(direction));
	return crypto_hkdf_expand(root, info, w.len, out->bytes, KEY_LEN);
}

static int derive_offset(const struct key *root, int64_t *offset_ms)
{
	SECRET struct key phase;
	struct reader r;

	if (derive_key(root, "phase", "", &phase) != 0)
		return -1;
	reader_init(&r, phase.bytes, KEY_LEN);
	*offset_ms = (int64_t)read_u32(&r) % EPOCH_S * 1000;
	return 0;
}

static int derive_id(const struct key *root, uint8_t id[PAIR_ID_LEN])
{
	SECRET struct key whole;

	if (derive_key(root, "id", "", &whole) != 0)
		return -1;
	memcpy(id, whole.bytes, PAIR_ID_LEN);
	return 0;
}

int pair_derive(const struct identity *own, const uint8_t contact[X25519_LEN],
		const struct key *secret, struct pair *pair, struct err *err)
{
	SECRET struct key root;
	int order = memcmp(own->public_key, contact, X25519_LEN);

	if (order == 0)
		return err_set(err, ERR_INPUT, "this is one's own id");
	pair->low = order < 0;
	if (derive_root(own, contact, pair->low, secret, &pair->out.dh, &root) == 0 &&
	    derive_id(&root, pair->id) == 0 && derive_offset(&root, &pair->offset_ms) == 0) {
		pair->out.root = root;
		pair->out.low_first = pair->low;
		pair->in = pair->out;
		pair->in.low_first = !pair->low;
		return 0;
	}
	pair_wipe(pair);
	return err_set(err, ERR_CRYPTO, "cannot derive the keys of a pair");
}

void pair_wipe(struct pair *pair)
{
	secret_wipe(pair, sizeof *pair);
}

/* The time on the pair's clock. A system clock from before 1970 must not crash the daemon. */
static int64_t pair_ms(const struct pair *pair, int64_t now_ms)
{
	return (now_ms < 0 ? 0 : now_ms) + pair->offset_ms;
}

uint64_t pair_epoch(const struct pair *pair, int64_t now_ms)
{
	return (uint64_t)(pair_ms(pair, now_ms) / EPOCH_MS);
}

int64_t pair_epoch_left_ms(const struct pair *pair, int64_t now_ms)
{
	return EPOCH_MS - pair_ms(pair, now_ms) % EPOCH_MS;
}

/* HMAC-SHA-256(key, epoch ‖ more), cut to len. */
static void epoch_hmac(const struct key *key, uint64_t epoch, const void *more, size_t more_len,
		       uint8_t *out, size_t len)
{
	uint8_t number[8];
	struct crypto_part parts[] = {{number, sizeof number}, {more, more_len}};
	SECRET struct key hash;
	struct writer w;

	writer_init(&w, number, sizeof number);
	write_u64(&w, epoch);
	if (crypto_hmac_sha256(key->bytes, KEY_LEN, parts, 2, hash.bytes) != 0)
		abort(); /* only for want of memory */
	memcpy(out, hash.bytes, len);
}

void pair_key(const struct pair_direction *direction, enum pair_key which, struct key *key)
{
	static const char *const names[] = {[PAIR_RECORD] = "record",
					    [PAIR_LOOKUP] = "lookup",
					    [PAIR_KNOCK] = "knock",
					    [PAIR_SESSION] = "session"};

	if (derive_key(&direction->root, names[which],
		       direction->low_first ? low_first : high_first, key) != 0)
		abort(); /* only for want of memory */
}

void pair_lookup_key(const struct pair_direction *direction, uint64_t epoch, uint8_t replica,
		     uint8_t key[LOOKUP_KEY_LEN])
{
	SECRET struct key lookup;

	pair_key(direction, PAIR_LOOKUP, &lookup);
	epoch_hmac(&lookup, epoch, &replica, 1, key, LOOKUP_KEY_LEN);
}

void pair_knock_tag(const struct pair_direction *direction, uint64_t epoch,
		    uint8_t tag[KNOCK_TAG_LEN])
{
	SECRET struct key knock;

	pair_key(direction, PAIR_KNOCK, &knock);
	epoch_hmac(&knock, epoch, NULL, 0, tag, KNOCK_TAG_LEN);
}
