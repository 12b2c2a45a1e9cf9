/*
 * stream_socket_private.h: shared by stream_socket.c and listener.c.
 */
#ifndef CORE_BASE_STREAM_SOCKET_PRIVATE_H
#define CORE_BASE_STREAM_SOCKET_PRIVATE_H

#include "core/base/stream_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

/* A stream on a connected socket, which it then owns; NULL (fd stays the caller's) when memory is
 * short. */
struct stream *stream_of_socket(struct loop *loop, int fd);

/* stream_peer_uid of a connected socket (peer_uid.c). */
int socket_peer_uid(int fd, uid_t *uid);

/* Socket addresses from a path, or from a numeric IPv4 or IPv6 address. ERR_INPUT. */
int socket_unix_address(const char *path, struct sockaddr_un *address, struct err *err);
int socket_tcp_address(const char *text, uint16_t port, struct sockaddr_storage *address,
		       socklen_t *len, struct err *err);

#endif
