/*
 * endpoint.h: where a daemon can be dialled.
 *
 *     kind 1 ‖ body
 *     onion (1): service public key 32 ‖ port 2 ‖ client-authorization private key 32
 *     memory (255): name 66, for the fake net of the tests
 */
#ifndef CORE_ENDPOINT_H
#define CORE_ENDPOINT_H

#include "core/base/cursor.h"
#include "core/base/secret.h"

enum endpoint_kind { ENDPOINT_ONION = 1, ENDPOINT_MEMORY = 255 };

#define ENDPOINT_BODY_LEN 66
#define ONION_KEY_LEN     32

struct endpoint {
	enum endpoint_kind kind;
	uint8_t service[ONION_KEY_LEN]; /* Ed25519 public key of the onion service */
	uint16_t port;
	struct key auth; /* X25519 private key for client authorization */
};

void endpoint_write(struct writer *w, const struct endpoint *endpoint);
/* -1 for an unknown kind or too few bytes. */
int endpoint_read(struct reader *r, struct endpoint *endpoint);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#endif
