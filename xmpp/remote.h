/*
 * remote.h: for users whose clients are at another server (a gateway's): what the features here
 * know how to make of their contacts, without a client that is connected.
 */
#ifndef XMPP_REMOTE_H
#define XMPP_REMOTE_H

#include "xmpp/pep.h"

/* A contact's presence from CONTACT@domain/resource, with its photo's hash (XEP-0153) and features
 * (XEP-0115) as far as they are known. NULL when memory is short. */
struct xml *remote_contact_presence(const struct server *server, const char *user,
				    const char *contact, const char *domain,
				    const struct server_presence *presence);
/* What a disco#info query about the contact is answered: of its clients (a full JID) or its account
 * (bare). node: NULL, or what was asked for. NULL: no such node, or memory is short. */
struct xml *remote_contact_info(const struct server *server, const char *user, const char *contact,
				bool client, const char *node);
/* The user's vCard, as it is at the user's own server, is now this: contacts are told. ERR_LIMIT.
 */
int remote_vcard_set(struct server *server, const char *user, struct xml *vcard, struct err *err);
/*
 * What the user's clients can do, as a mask of what is worth something between people: of the
 * answer to a disco#info query about one, and of one that says nothing. Contacts are told what all
 * can do together (never 0).
 */
unsigned remote_features_read(const struct xml *query);
unsigned remote_features_usual(void);
void remote_features_set(struct server *server, const char *user, unsigned features);
/* What an available presence says; its status lives as long as the stanza. -1: nonsense. */
int remote_presence_read(struct xml *stanza, struct server_presence *presence);
/* A picture in parent (XEP-0231): its name goes to cid. -1: it is too large. */
#define REMOTE_CID_SIZE 64
int remote_picture_add(struct xml *parent, const void *png, size_t len, char cid[REMOTE_CID_SIZE]);

#endif
