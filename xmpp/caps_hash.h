/*
 * caps_hash.h: the verification string of XEP-0115 section 5, over an answer to disco#info. Pure.
 */
#ifndef XMPP_CAPS_HASH_H
#define XMPP_CAPS_HASH_H

#include "xmpp/xml.h"

/* Of the hash in base64, with its NUL (SHA-256 is the longest here). */
#define CAPS_VER_SIZE 48

/* The string ver of a <query/>; hash: "sha-1" or "sha-256". -1: another hash, an answer that is
 * ill-formed by section 5.4 (something stands there twice), or memory is short. */
int caps_ver(struct xml *query, const char *hash, char ver[CAPS_VER_SIZE]);

#endif
