/*
 * caps.h: what the clients of users can do (XEP-0115): asked for once for each hash, checked, and
 * remembered.
 *
 * It decides who gets events (+notify), and, of what is worth something between people, what their
 * contacts are told (caps_shared). Neighbours: pep_event.c, feature_disco.c.
 */
#ifndef XMPP_CAPS_H
#define XMPP_CAPS_H

#include "xmpp/router.h"

/* Most sets of features that are remembered: a few for each version of each client. */
#define CAPS_KEPT 100
/* Most features of a client; the rest is not read. */
#define CAPS_FEATURES_MAX 512

struct caps;

/* The resource has said this available presence: see what its client can do, or ask it. */
void caps_presence(struct resource *resource, const struct xml *presence);
/* The answer to a question of the server's own; anything else is dropped. */
void caps_answer(struct request *request);
/* Does the client want events of this node? False while it is not known. */
bool caps_wants(const struct resource *resource, const char *node);
/* Did a set that was the resource's? NULL: no. */
bool caps_had(const struct caps *caps, const char *node);
void caps_forget(struct resource *resource);
void caps_free_all(struct server *server);

/*
 * Which features of a table (caps_shared_feature) the user's visible clients have between them. One
 * that has said nothing counts as one that can do what every client can.
 */
unsigned caps_shared(const struct user *user);
/* The i-th feature of the table, NULL at its end; bit i of a mask stands for it. Only what works
 * between two people here is in it. */
const char *caps_shared_feature(unsigned i);
/* What a client can do that has said nothing of it. */
unsigned caps_shared_default(void);
/* The mask of a disco#info <query/>. */
unsigned caps_shared_of(const struct xml *query);
/* Add the features of a mask to a <query/>. */
void caps_shared_add(unsigned mask, struct xml *query);
/* Tell the host if the mask is not what it was. */
void caps_shared_tell(struct user *user);

#endif
