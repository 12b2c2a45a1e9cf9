/*
 * csi.h: client state indication (XEP-0352): while a client says that nobody looks at it, presence
 * and typing notifications are held back, the latest of each sender. All else goes out at once, and
 * what was held goes out before it, so that the order stays.
 */
#ifndef XMPP_CSI_H
#define XMPP_CSI_H

#include "xmpp/resource.h"

/* Most stanzas that are held; then the oldest goes out. More contacts than most have. */
#define CSI_HELD_MAX 256
/* And most bytes of them, as they will be sent: 4 KiB for each. */
#define CSI_HELD_BYTES_MAX ((size_t)1024 * 1024)

/* <active/> or <inactive/> of the resource's client. */
void csi_element(struct resource *resource, const struct xml *element);
/* A stanza is about to be sent to the resource. True: it is held instead. False: it goes on its
 * way, and what was held has gone before it. */
bool csi_hold(struct resource *resource, const struct xml *stanza);
/* The client is active (again), as a session that is resumed is: send what was held. */
void csi_active(struct resource *resource);
void csi_free(struct csi **csi);

#endif
