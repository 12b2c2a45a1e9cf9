/*
 * websocket.h: the server's end of a WebSocket (RFC 6455), as a stream of messages over another
 * stream. wslay does the framing.
 *
 * received() is given one whole text message in each call, and each stream_write sends one. Pings
 * are answered; a binary message, one above the limit and what is no WebSocket end the stream with
 * the code of section 7.4.1. No extension is spoken. closed() comes with ERR_CLOSED after an
 * orderly end by the other side, too. Neighbour: http_server.h, where the stream comes from.
 */
#ifndef CORE_BASE_WEBSOCKET_H
#define CORE_BASE_WEBSOCKET_H

#include "core/base/env.h"
#include "core/base/stream.h"

/* 20 bytes in base64, and a NUL. */
#define WEBSOCKET_ACCEPT_SIZE 29

/* Sec-WebSocket-Accept for the client's Sec-WebSocket-Key (section 4.2.2). -1: key is not the
 * base64 of 16 bytes. */
int websocket_accept(const char *key, char out[WEBSOCKET_ACCEPT_SIZE]);

/* A stream over inner, which it takes over, also on failure. limit: longest message in bytes. NULL
 * when memory is short. */
struct stream *websocket_new(const struct env *env, struct stream *inner, size_t limit);
/* Another limit, for the messages to come. Only for a stream of websocket_new. */
void websocket_set_limit(struct stream *stream, size_t limit);

#endif
