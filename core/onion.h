/*
 * onion.h: the names of onion services, version 3 (rend-spec, "Encoding onion addresses").
 *
 *     base32(public key 32 ‖ checksum 2 ‖ version 1), without ".onion" here
 *     checksum = first 2 bytes of SHA3-256(".onion checksum" ‖ public key ‖ version)
 */
#ifndef CORE_ONION_H
#define CORE_ONION_H

#include "core/endpoint.h"

#define ONION_NAME_LEN 56

/* Write the name of a service's public key, lower case, with a NUL. -1: OpenSSL has no SHA3. */
int onion_name(const uint8_t public_key[ONION_KEY_LEN], char name[ONION_NAME_LEN + 1]);
/* The public key behind a name; -1 if the name is malformed or its checksum wrong. */
int onion_parse(const char *name, uint8_t public_key[ONION_KEY_LEN]);

#endif
