/*
 * tor_socket.h: the addresses of tor's control and SOCKS ports as they stand in a configuration:
 * "unix:/path", "127.0.0.1:9051" or "[::1]:9051".
 */
#ifndef CORE_TOR_SOCKET_H
#define CORE_TOR_SOCKET_H

#include "core/base/stream_socket.h"

/* ERR_INPUT when it is not of one of these forms. */
int tor_socket_check(const char *address, struct err *err);
/* Begin to connect; the same promises as stream_connect_unix. */
struct stream *tor_socket_connect(struct loop *loop, const char *address, struct err *err);

#endif
