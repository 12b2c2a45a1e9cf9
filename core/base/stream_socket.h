/*
 * stream_socket.h: streams and listeners on sockets, over libevent's bufferevents.
 *
 * tacet opens sockets to Unix paths and to loopback addresses only; there is no function here
 * that resolves a name.
 */
#ifndef CORE_BASE_STREAM_SOCKET_H
#define CORE_BASE_STREAM_SOCKET_H

#include "core/base/loop.h"
#include "core/base/stream.h"

#include <openssl/ssl.h>
#include <sys/types.h>

/* Begin to connect to a Unix socket. opened() or closed() follows. NULL with *err at once if the
 * path is too long (107 bytes) or memory is short. */
struct stream *stream_connect_unix(struct loop *loop, const char *path, struct err *err);
/* Begin to connect to a numeric IPv4 or IPv6 address; a name is refused with ERR_INPUT. */
struct stream *stream_connect_tcp(struct loop *loop, const char *address, uint16_t port,
				  struct err *err);

/*
 * From here on the stream is TLS with us as the server (what was received but not handled yet is
 * taken as TLS; what was written before is sent in the clear first). ctx is not owned. closed()
 * comes if the handshake fails.
 */
int stream_start_tls(struct stream *stream, SSL_CTX *ctx, struct err *err);
/*
 * The same with us as the client of host, a name or a numeric address, for which the server must
 * show a certificate that ctx trusts. opened() comes (again) when it has. Nothing may have been
 * received before and not been handled.
 */
int stream_start_tls_client(struct stream *stream, SSL_CTX *ctx, const char *host, struct err *err);
/* The TLS connection, or NULL while there is none; for channel binding. Owned by the stream. */
SSL *stream_tls(struct stream *stream);
/* The user that the process at the other end of a Unix socket, or of a TCP connection over
 * loopback, runs as; -1 if it cannot be known, as for other kinds of streams. */
int stream_peer_uid(struct stream *stream, uid_t *uid);

struct listener;
/* Each accepted stream becomes the callee's, who must set a handler or free it. */
typedef void (*listener_accept)(void *arg, struct stream *stream);

/*
 * Listen on a Unix path (an old socket there is replaced; file mode as given, e.g. 0600; the path
 * is removed by listener_free) or on a numeric loopback address (port 0: any free one). When the
 * process has no descriptor left the listener rests for a second and goes on.
 */
struct listener *listener_new_unix(struct loop *loop, const char *path, mode_t mode,
				   listener_accept accept, void *arg, struct err *err);
struct listener *listener_new_tcp(struct loop *loop, const char *address, uint16_t port,
				  listener_accept accept, void *arg, struct err *err);
/* The port listened on, or 0 for a Unix socket. */
uint16_t listener_port(const struct listener *listener);
void listener_free(struct listener **listener);

#endif
