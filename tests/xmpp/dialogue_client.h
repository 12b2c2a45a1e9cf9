/*
 * dialogue_client.h: the client's side of a dialogue: a socket, TLS, what has come over it.
 *
 * Blocking as its caller sees it: while it waits, it runs the loop that the server is on.
 */
#ifndef TESTS_XMPP_DIALOGUE_CLIENT_H
#define TESTS_XMPP_DIALOGUE_CLIENT_H

#include "core/base/loop.h"
#include "xmpp/sasl.h"
#include "xmpp/xml.h"

#include <openssl/ssl.h>

struct dialogue_client;

/* What a client receives, in order. */
enum dialogue_item { ITEM_NOTHING, ITEM_HEADER, ITEM_STANZA, ITEM_END, ITEM_BAD, ITEM_CLOSED };

/* Connects to 127.0.0.1; NULL on failure. */
struct dialogue_client *dialogue_client_new(struct loop *loop, uint16_t port);
/* Connects to 127.0.0.1 and goes on as a WebSocket (dialogue_websocket.h); origin may be NULL. What
 * is sent in one call is one message. <open/> is a header, <close/> the end. */
struct dialogue_client *dialogue_client_new_websocket(struct loop *loop, uint16_t port,
						      const char *origin);
bool dialogue_client_is_websocket(const struct dialogue_client *client);
/* Connects to a Unix socket. */
struct dialogue_client *dialogue_client_new_unix(struct loop *loop, const char *path);
void dialogue_client_free(struct dialogue_client **client);

/* All of it; -1: the connection is gone. */
int dialogue_client_send(struct dialogue_client *client, const void *data, size_t len);
/* The same, byte by byte, with a turn of the loop between. */
int dialogue_client_send_slowly(struct dialogue_client *client, const void *data, size_t len);
int dialogue_client_send_text(struct dialogue_client *client, const char *text);
/* The next thing, waiting for at most wait_ms; *element (the caller's) for a header or stanza. */
enum dialogue_item dialogue_client_next(struct dialogue_client *client, int64_t wait_ms,
					struct xml **element);
/* A new stream begins: after TLS and SASL. */
void dialogue_client_restart(struct dialogue_client *client);
/* TLS handshake, checking the certificate against ca_file and name. */
int dialogue_client_start_tls(struct dialogue_client *client, const char *ca_file,
			      const char *name);
/* The TLS connection, NULL without it; still the client's. */
SSL *dialogue_client_tls(struct dialogue_client *client);
/* Stop reading from the socket, or go on. */
void dialogue_client_deafen(struct dialogue_client *client, bool deaf);

/*
 * A whole SASL exchange. 0: success (of SCRAM also the server's signature is right); -1 with a
 * description in why, which is the failure's condition if there was one.
 */
int dialogue_client_login(struct dialogue_client *client, const char *mechanism, const char *user,
			  const char *password, char why[128]);

#endif
