/*
 * resolve.h: a host's name to its addresses, without holding up the loop.
 *
 * The system's resolver is asked (hosts file, DNS), in the clear: only for hosts that the operator
 * has named, never for anything a contact or the network has told.
 */
#ifndef CORE_BASE_RESOLVE_H
#define CORE_BASE_RESOLVE_H

#include "core/base/loop.h"

/* More addresses of one host are not tried. */
#define RESOLVE_ADDRESSES 8
/* Longest numeric address with its NUL. */
#define RESOLVE_ADDRESS_SIZE 46

struct resolved {
	unsigned count;
	char address[RESOLVE_ADDRESSES][RESOLVE_ADDRESS_SIZE]; /* numeric, the best first */
};

struct resolve;
/* Called once, from the loop; found is NULL when there is no address, why then says so. It may free
 * the resolve. */
typedef void (*resolve_done)(void *arg, const struct resolved *found, const struct err *why);

/* Begin. NULL with *err: ERR_SYSTEM, ERR_MEMORY. Takes as long as the resolver does, which may be
 * half a minute. */
struct resolve *resolve_new(struct loop *loop, const char *host, resolve_done done, void *arg,
			    struct err *err);
void resolve_free(struct resolve **resolve);

#endif
