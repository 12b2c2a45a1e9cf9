/*
 * dialogue_websocket.h: a client's side of RFC 7395, bytes in and bytes out; wslay does the
 * framing.
 */
#ifndef TESTS_XMPP_DIALOGUE_WEBSOCKET_H
#define TESTS_XMPP_DIALOGUE_WEBSOCKET_H

#include "core/base/buf.h"
#include "core/base/loop.h"

struct dialogue_websocket;

/* Speak HTTP on a connected socket until it is a WebSocket, running the loop that the server is on.
 * NULL when the server does not want to; origin NULL: as a program that is no browser. */
struct dialogue_websocket *dialogue_websocket_new(struct loop *loop, int fd, const char *origin);
void dialogue_websocket_free(struct dialogue_websocket **ws);
/* Append to out the frame of a message. */
void dialogue_websocket_frame(struct dialogue_websocket *ws, const void *data, size_t len,
			      struct buf *out);
/* Bytes have come: message is called for each one that is whole. */
void dialogue_websocket_feed(struct dialogue_websocket *ws, const void *data, size_t len,
			     void (*message)(void *arg, const void *text, size_t len), void *arg);

#endif
