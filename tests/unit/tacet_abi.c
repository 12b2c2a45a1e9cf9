/*
 * tacet_abi.c: what of tacet.h may never change: values of its enums, and where the fields of its
 * structs lie, for machines with pointers of 64 bits. Structs that begin with their size may grow
 * at the end, the others may not. libtacet_outside compiles it.
 */
#include <stddef.h>
#include <tacet.h>

#define FIELD(type, field, at)                                                                     \
	_Static_assert(offsetof(struct type, field) == (at), #type "." #field)
#define SIZE(type, size)   _Static_assert(sizeof(struct type) == (size), #type)
#define VALUE(name, value) _Static_assert((name) == (value), #name)

FIELD(tacet_err, code, 0);
FIELD(tacet_err, text, 4);
SIZE(tacet_err, 260);

FIELD(tacet_options, size, 0);
FIELD(tacet_options, state_dir, 8);
FIELD(tacet_options, gateways, 16);
FIELD(tacet_options, gateway_count, 24);
FIELD(tacet_options, replicas, 32);
FIELD(tacet_options, renewal_ms, 40);
FIELD(tacet_options, tor_program, 48);
FIELD(tacet_options, tor_extra, 56);
FIELD(tacet_options, tor_control, 64);
FIELD(tacet_options, tor_socks, 72);
FIELD(tacet_options, tor_password, 80);

FIELD(tacet_presence, show, 0);
FIELD(tacet_presence, priority, 4);
FIELD(tacet_presence, text, 8);
SIZE(tacet_presence, 16);

FIELD(tacet_network, tor, 0);
FIELD(tacet_network, progress, 4);
FIELD(tacet_network, summary, 8);
FIELD(tacet_network, problem, 16);
FIELD(tacet_network, clock_offset_ms, 24);
SIZE(tacet_network, 32);

FIELD(tacet_request, id, 0);
FIELD(tacet_request, name, 8);
FIELD(tacet_request, text, 16);
FIELD(tacet_request, since_at, 24);
SIZE(tacet_request, 32);

FIELD(tacet_handlers, size, 0);
FIELD(tacet_handlers, presence, 8);
FIELD(tacet_handlers, message, 16);
FIELD(tacet_handlers, delivered, 24);
FIELD(tacet_handlers, link, 32);
FIELD(tacet_handlers, network, 40);
FIELD(tacet_handlers, request, 48);
FIELD(tacet_handlers, introduced, 56);
FIELD(tacet_handlers, trouble, 64);
FIELD(tacet_handlers, conflict, 72);

FIELD(tacet_invitation, number, 0);
FIELD(tacet_invitation, reusable, 8);
FIELD(tacet_invitation, expires_at, 16);
FIELD(tacet_invitation, used, 24);
FIELD(tacet_invitation, link, 32);
SIZE(tacet_invitation, 40);

FIELD(tacet_stream_handlers, size, 0);
FIELD(tacet_stream_handlers, opened, 8);
FIELD(tacet_stream_handlers, readable, 16);
FIELD(tacet_stream_handlers, writable, 24);
FIELD(tacet_stream_handlers, closed, 32);

VALUE(TACET_OK, 0);
VALUE(TACET_SYSTEM, 1);
VALUE(TACET_MEMORY, 2);
VALUE(TACET_INPUT, 3);
VALUE(TACET_LIMIT, 4);
VALUE(TACET_NOT_FOUND, 5);
VALUE(TACET_EXISTS, 6);
VALUE(TACET_UNAVAILABLE, 7);
VALUE(TACET_STATE, 8);
VALUE(TACET_INTERNAL, 9);
VALUE(TACET_RESET, 10);
VALUE(TACET_AGAIN, 11);

VALUE(TACET_OFFLINE, 0);
VALUE(TACET_AVAILABLE, 1);
VALUE(TACET_CHAT, 2);
VALUE(TACET_AWAY, 3);
VALUE(TACET_DND, 4);
VALUE(TACET_XA, 5);

VALUE(TACET_IDLE, 0);
VALUE(TACET_LOOKING, 1);
VALUE(TACET_PUBLISHING, 2);
VALUE(TACET_WAITING, 3);
VALUE(TACET_DIALLING, 4);
VALUE(TACET_LINKED, 5);

VALUE(TACET_DELIVERED, 0);
VALUE(TACET_REFUSED, 1);

VALUE(TACET_TOR_STARTING, 0);
VALUE(TACET_TOR_BOOTSTRAPPING, 1);
VALUE(TACET_TOR_READY, 2);
VALUE(TACET_TOR_DOWN, 3);

VALUE(TACET_LOG_ERROR, 0);
VALUE(TACET_LOG_WARN, 1);
VALUE(TACET_LOG_NOTICE, 2);
VALUE(TACET_LOG_INFO, 3);
VALUE(TACET_LOG_DEBUG, 4);

VALUE(TACET_ID_LEN, 56);
VALUE(TACET_PASSPHRASE_MAX, 1024);
VALUE(TACET_PAYLOAD_MAX, 65536);
VALUE(TACET_SERVICE_MAX, 64);
VALUE(TACET_LINK_SIZE, 320);
VALUE(TACET_PHRASE_SIZE, 36);

int main(void)
{
	return 0;
}
