/*
 * tor_directory.h: where a tor of our own lives, and its configuration.
 *
 *     torrc       written anew at each start
 *     data/       tor's DataDirectory: consensus, guards, lock
 *     control     control socket
 *     socks       SOCKS socket
 *     cookie      the control port's cookie
 *     service-0…  what the onion services lead to: sockets of ours
 */
#ifndef CORE_TOR_DIRECTORY_H
#define CORE_TOR_DIRECTORY_H

#include "core/base/err.h"

#define TOR_CONTROL_SOCKET "control"
#define TOR_SOCKS_SOCKET   "socks"
#define TOR_SERVICE_SOCKET "service-"

/*
 * Make the directory with mode 0700 (its parent must exist) and give its absolute path, which the
 * caller frees. NULL: ERR_SYSTEM, or ERR_INPUT when it belongs to others or is open to them, or
 * when the path is too long for sockets in it or has characters that tor's commands cannot quote.
 */
char *tor_directory_make(const char *directory, struct err *err);

/* Write the torrc, with extra lines (or NULL) at its end, and remove the sockets and the cookie of
 * an earlier tor. */
int tor_directory_fill(const char *directory, const char *extra, struct err *err);

#endif
