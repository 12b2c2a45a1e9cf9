/*
 * socks.h: the client side of SOCKS 5 (RFC 1928, RFC 1929) as tor speaks it, without I/O.
 *
 * Bytes from the server go in, bytes for the server come out, and what to do next is said. The user
 * name is what tor isolates circuits by; tor checks neither it nor the password.
 */
#ifndef CORE_SOCKS_H
#define CORE_SOCKS_H

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* RFC 1929 gives names and passwords one byte of length, RFC 1928 host names too. */
#define SOCKS_NAME_MAX 255
/* Longest message we send: version, lengths, user and password of 255 bytes. */
#define SOCKS_OUT_MAX (3 + 2 * SOCKS_NAME_MAX)
/* Longest message we read: the reply with a host name of 255 bytes. */
#define SOCKS_IN_MAX (4 + 1 + SOCKS_NAME_MAX + 2)

/* Codes of replies (RFC 1928 section 6; 0xF0 … tor's proposal 304, with ExtendedErrors). */
enum socks_code {
	SOCKS_GRANTED = 0x00,
	SOCKS_FAILURE = 0x01,
	SOCKS_NOT_ALLOWED = 0x02,
	SOCKS_NET_UNREACHABLE = 0x03,
	SOCKS_HOST_UNREACHABLE = 0x04,
	SOCKS_REFUSED = 0x05,
	SOCKS_TTL_EXPIRED = 0x06,
	SOCKS_BAD_COMMAND = 0x07,
	SOCKS_BAD_ADDRESS_TYPE = 0x08,
	SOCKS_ONION_NO_DESCRIPTOR = 0xF0,
	SOCKS_ONION_BAD_DESCRIPTOR = 0xF1,
	SOCKS_ONION_NO_INTRODUCTION = 0xF2,
	SOCKS_ONION_NO_RENDEZVOUS = 0xF3,
	SOCKS_ONION_NO_AUTH = 0xF4,
	SOCKS_ONION_WRONG_AUTH = 0xF5,
	SOCKS_ONION_BAD_ADDRESS = 0xF6,
	SOCKS_ONION_INTRODUCTION_TIMEOUT = 0xF7,
};

enum socks_state {
	SOCKS_START,   /* nothing sent yet */
	SOCKS_METHOD,  /* greeting sent, method awaited */
	SOCKS_AUTH,    /* user and password sent, verdict awaited */
	SOCKS_REQUEST, /* CONNECT sent, reply awaited */
	SOCKS_OPEN,    /* what follows belongs to the two ends */
	SOCKS_CLOSED,  /* refused or malformed */
};

struct socks {
	enum socks_state state;
	char user[SOCKS_NAME_MAX + 1];
	char host[SOCKS_NAME_MAX + 1];
	uint16_t port;
	int code;                 /* of the reply, one of enum socks_code mostly; -1 before it */
	uint8_t in[SOCKS_IN_MAX]; /* the message being received */
	size_t in_len;
	uint8_t out[SOCKS_OUT_MAX]; /* to be sent after each step */
	size_t out_len;
};

/* Prepare a CONNECT to host:port for user. ERR_INPUT: a name is empty or too long, or the user is
 * of the kind that tor reserves. out holds the greeting afterwards. */
int socks_start(struct socks *socks, const char *user, const char *host, uint16_t port,
		struct err *err);
/*
 * Take bytes from the server, *used of them. out holds what is to be sent now (out_len may be 0).
 * 0: go on, or, when the state is SOCKS_OPEN, bytes after *used are those of the other end.
 * -1: it is over: ERR_PROTOCOL, or what tor says is the reason (code is then set).
 */
int socks_feed(struct socks *socks, const void *data, size_t len, size_t *used, struct err *err);

/* Words for a code; never NULL. */
const char *socks_code_text(int code);

#endif
