/*
 * endpoint.c: see endpoint.h. Both kinds have a body of the same length and layout; what the bytes
 * mean is the transport's business.
 */
#include "core/endpoint.h"

void endpoint_write(struct writer *w, const struct endpoint *endpoint)
{
	write_u8(w, (uint8_t)endpoint->kind);
	write_bytes(w, endpoint->service, ONION_KEY_LEN);
	write_u16(w, endpoint->port);
	write_bytes(w, endpoint->auth.bytes, KEY_LEN);
}

int endpoint_read(struct reader *r, struct endpoint *endpoint)
{
	uint8_t kind = read_u8(r);

	read_bytes(r, endpoint->service, ONION_KEY_LEN);
	endpoint->port = read_u16(r);
	read_bytes(r, endpoint->auth.bytes, KEY_LEN);
	if (r->bad || (kind != ENDPOINT_ONION && kind != ENDPOINT_MEMORY))
		return -1;
	endpoint->kind = (enum endpoint_kind)kind;
	return 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->kind == b->kind && a->port == b->port &&
	       secret_equal(a->service, b->service, ONION_KEY_LEN) &&
	       secret_equal(a->auth.bytes, b->auth.bytes, KEY_LEN);
}
