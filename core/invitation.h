/*
 * invitation.h: a link that lets a stranger become a contact, and the keys that come of it.
 *
 *     tacet:ID?s=SECRET&n=NAME        SECRET: 16 random bytes in base32; NAME: percent-encoded
 * UTF-8
 *
 * SECRET gives an identity of its own, the "door": host and door are a pair like any other
 * (pair.h), so that the host's records, lookup keys and knock tags for guests are made as for a
 * contact. Only the handshake differs: the guest knocks with the door's tag and then shows who it
 * is in Noise_XKpsk3 (introduction.h).
 *
 *     door private key = HKDF-Expand(HKDF-Extract("tacet 1 invitation", SECRET ‖ host), "door")
 *     pair secret S    = HKDF-Expand(…, "secret")
 */
#ifndef CORE_INVITATION_H
#define CORE_INVITATION_H

#include "core/identity.h"

#define INVITATION_SECRET_LEN 16
/* Longest name in a link, in bytes before encoding. */
#define INVITATION_NAME_MAX 64
/* Longest link with its NUL. */
#define INVITATION_LINK_SIZE 320

struct invitation {
	uint8_t host[X25519_LEN];
	bool with_secret; /* false: the link is an id, perhaps with a name */
	uint8_t secret[INVITATION_SECRET_LEN];
	char name[INVITATION_NAME_MAX + 1]; /* of the host, "" for none; UTF-8 */
};

/* The link of an invitation. */
void invitation_format(const struct invitation *invitation, char link[INVITATION_LINK_SIZE]);
/*
 * Read what people paste: a link in any case, with blanks or line ends around or in it, in <…> or
 * "…", with an xmpp: prefix, as ID@localhost, or the id alone. ERR_INPUT with a text for the user
 * that says what is wrong (a wrong checksum: that it is mistyped). Unknown parameters are ignored.
 */
int invitation_parse(const char *text, struct invitation *invitation, struct err *err);
void invitation_wipe(struct invitation *invitation);

/* The door's identity and the pair secret between host and door. ERR_CRYPTO. */
int invitation_door(const struct invitation *invitation, struct identity *door, struct key *secret,
		    struct err *err);

#endif
