/*
 * component_dial.h: a connection to a host that is named by an address or a name.
 */
#ifndef COMPONENT_COMPONENT_DIAL_H
#define COMPONENT_COMPONENT_DIAL_H

#include "core/base/loop.h"
#include "core/base/stream.h"

/* How long one of several addresses is waited for, in ms: TCP itself would take two minutes. */
#define COMPONENT_DIAL_MS 10000

struct component_dial;
/* Called once, from the loop. stream is open and the callee's, or NULL; then *why says what became
 * of the last address tried. It may free the dial. */
typedef void (*component_dial_done)(void *arg, struct stream *stream, const struct err *why);

/* NULL when memory is short. There is no limit on the whole: the caller's timer frees it. */
struct component_dial *component_dial_new(struct loop *loop, const char *host, uint16_t port,
					  component_dial_done done, void *arg);
/* Closes what is being opened. */
void component_dial_free(struct component_dial **dial);

#endif
