/*
 * pair.h: the keys that only the two people of a pair can derive, and the pair's clock.
 *
 *     dh      = X25519(own private key, contact's public key)
 *     root    = HKDF-Extract(salt = S, dh ‖ pk_low ‖ pk_high ‖ "tacet 1 pair")
 *     K(name) = HKDF-Expand(root, name ‖ direction)
 *     direction: "low>high" or "high>low", the publisher, dialler or sender first
 *     id      = K("id", no direction)[0..15]: names the secret in use, and tells nothing about it
 *     offset  = K("phase", no direction), first 4 bytes, mod 4096 s
 *     epoch n = floor((t + offset) / 4096 s)
 *     lookup key of replica i = HMAC-SHA-256(K("lookup"), n as 8 bytes ‖ i as 1 byte)[0..19]
 *     knock tag               = HMAC-SHA-256(K("knock"),  n as 8 bytes)[0..15]
 *
 * Paper 001 equation (4), H(K_AB + D), with the direction and index of paper 000 section 3.2.
 */
#ifndef CORE_PAIR_H
#define CORE_PAIR_H

#include "core/identity.h"

#include <stdbool.h>

/* Length of an epoch, in ms: lookup keys and knock tags live this long. */
#define EPOCH_MS ((int64_t)4096 * 1000)
/* How far the clocks of two may be apart, in ms, each wrong by 5 minutes: so long before an epoch
 * begins, and after it has ended, records of it must be there. */
#define EPOCH_MARGIN_MS ((int64_t)600 * 1000)
/* They are there up to so much earlier still, by chance, in ms: when, tells nothing. */
#define EPOCH_LEAD_MS ((int64_t)600 * 1000)
/* Who begins within this distance of an epoch's edge looks the neighbour up as well, once, in ms:
 * of two whose clocks are EPOCH_MARGIN_MS apart, one is so near when the edge lies between them. */
#define EPOCH_EDGE_MS  (EPOCH_MARGIN_MS / 2)
#define LOOKUP_KEY_LEN 20
#define KNOCK_TAG_LEN  16
#define PAIR_ID_LEN    16
/* Most copies of a record. */
#define REPLICAS_MAX 8

/* What one side uses when it publishes, dials and sends; the other has the same as its "in". */
/* One direction. Its keys are made when they are needed: they would take 128 bytes in each of maybe
 * thousands of contacts, and their making takes 2 us. */
struct pair_direction {
	struct key root;
	struct key dh;  /* of the two static keys, the same both ways: each record and handshake
			 * needs  it again. Zeros: not at hand */
	bool low_first; /* the low side publishes, dials, sends */
};

struct pair {
	bool low; /* are we the low side (smaller public key in byte order)? */
	uint8_t id[PAIR_ID_LEN];
	int64_t offset_ms;
	struct pair_direction out; /* we publish, dial, send */
	struct pair_direction in;  /* the contact does */
};

/* secret: the pair secret S (zeros when none was agreed). ERR_CRYPTO when the contact's key gives
 * an all-zero dh, ERR_INPUT when it is our own. Wipe with pair_wipe. */
int pair_derive(const struct identity *own, const uint8_t contact[X25519_LEN],
		const struct key *secret, struct pair *pair, struct err *err);
void pair_wipe(struct pair *pair);

/* now_ms: Unix time by the network's clock (>= 0). */
uint64_t pair_epoch(const struct pair *pair, int64_t now_ms);
/* Milliseconds until the present epoch ends. */
int64_t pair_epoch_left_ms(const struct pair *pair, int64_t now_ms);

/* K(name) in this direction. Wipe it. */
enum pair_key {
	PAIR_RECORD, /* psk of a record (record.h) */
	PAIR_LOOKUP,
	PAIR_KNOCK,
	PAIR_SESSION, /* psk of a session handshake */
};
void pair_key(const struct pair_direction *direction, enum pair_key which, struct key *key);

void pair_lookup_key(const struct pair_direction *direction, uint64_t epoch, uint8_t replica,
		     uint8_t key[LOOKUP_KEY_LEN]);
void pair_knock_tag(const struct pair_direction *direction, uint64_t epoch,
		    uint8_t tag[KNOCK_TAG_LEN]);

#endif
