/*
 * pep_private.h: what the files of personal eventing share: pep_store.c (nodes and items, through
 * the host), pep_event.c (who is told), pep_people.c (contacts), feature_pep.c and
 * feature_pep_owner.c (what clients ask), feature_vcard.c and avatar.c.
 */
#ifndef XMPP_PEP_PRIVATE_H
#define XMPP_PEP_PRIVATE_H

#include "xmpp/feature.h"
#include "xmpp/pep_node.h"

/* The user's own nodes. */
#define PEP_SPACE_OWN "pep"
/* XEP-0049; here nodes have no versions. */
#define PEP_SPACE_PRIVATE "private"
/* The one item of a node that can have only one. */
#define PEP_ITEM_CURRENT "current"

struct pep_item {
	char *id;
	char *text; /* the payload as XML, "" for none */
};

/* Items of a node, oldest first. */
struct pep_items {
	struct pep_item *list;
	size_t count;
	size_t bytes; /* of all texts */
};

/* Is there a host for it? */
bool pep_offered(const struct server *server);

/* --- pep_store.c --- */
/* 0 with no items when there is no such node. */
int pep_items_load(const struct server *server, const char *user, const char *space,
		   const char *node, struct pep_items *items, struct err *err);
void pep_items_free(struct pep_items *items);
/* NULL: none of that id. */
const struct pep_item *pep_items_find(const struct pep_items *items, const char *id);
/* The record of a node; -1: there is no such node. */
int pep_record_get(const struct server *server, const char *user, const char *node,
		   struct pep_record *record);
/* Call each for every node of the user's own. */
void pep_records(const struct server *server, const char *user,
		 void (*each)(void *each_arg, const char *node, const struct pep_record *record),
		 void *each_arg);
/* Make the node, or configure it anew. ERR_LIMIT: there are too many. */
int pep_node_set(struct server *server, const char *user, const char *node,
		 const struct pep_config *config, struct err *err);
int pep_node_delete(struct server *server, const char *user, const char *node, struct err *err);
/* Remove all items. */
int pep_node_purge(struct server *server, const char *user, const char *node, struct err *err);
/* Put an item into the node, which is there; the oldest ones go when there are too many. Who may
 * see it is not told here. *changed: it is not as it was. */
int pep_item_put(struct server *server, const char *user, const char *node, const char *id,
		 const char *text, bool *changed, struct err *err);
/* ERR_NOT_FOUND. */
int pep_item_remove(struct server *server, const char *user, const char *node, const char *id,
		    struct err *err);
/* The payload as an element; NULL: none, or it cannot be read. */
struct xml *pep_payload(const char *text);
/* The element as text; NULL: longer than an item may be, or memory is short. */
char *pep_text(const struct xml *payload);

/* --- pep_event.c --- */
/* <event/>s; NULL when memory is short. item without text: its id alone. */
struct xml *pep_event_item(const char *node, const struct pep_item *item);
struct xml *pep_event_retract(const char *node, const char *id);
/* what: "delete" or "purge". */
struct xml *pep_event_node(const char *node, const char *what);
/* Tell those of the user's available resources that wait for the node; from: a bare JID. event is
 * freed. */
void pep_notify(struct user *user, const char *from, const char *node, struct xml *event);
/* The user's own node has changed so: tell own clients, and the host if contacts may see it or
 * might until now (was_public); of others they do not even learn the name. changed false: it is
 * published again as it was. event is freed; NULL: the clients need no word. */
void pep_tell(struct server *server, const char *user, const char *node, struct xml *event,
	      bool was_public, bool changed);
/* Send the resource's client the last items of all nodes that it wants now and did not with what it
 * had before (NULL: nothing was known of it). */
void pep_welcome(struct resource *resource, const struct caps *had);

/* --- pep_people.c --- */
/* The items of a node that payload (<items/>) asks for, as <pubsub/>. NULL when memory is short. */
struct xml *pep_answer_items(const struct pep_items *items, const struct xml *payload);

/* --- pep_clean.c --- */
/* Take out of a contact's item (NULL: none) what would make clients fetch something elsewhere. -1:
 * memory is short. */
int pep_clean(struct xml *payload);

/* --- feature_pep.c --- */
/* The node that element names. NULL: an error was sent. */
const char *pep_request_node(const struct request *request, const struct xml *element);

/* --- bookmarks.c: XEP-0402, 0048, 0411 --- */
/* A client has changed the node: if it is one of bookmarks, change the others likewise. */
void bookmarks_published(struct server *server, const char *user, const char *node);
/* The same for an element of private storage. */
void bookmarks_stored(struct server *server, const char *user, const struct xml *element);

/* --- avatar.c: XEP-0398, 0153 --- */
/* An item was published or retracted: tell who is to know, also of a new photo. As pep_tell. */
void pep_changed(struct server *server, const char *user, const char *node, struct xml *event,
		 bool changed);
/* The photo's hash as it stands in space (PEP_SPACE_OWN or a contact's id); -1: nothing is known;
 * "": there is none. */
int avatar_hash(const struct server *server, const char *user, const char *space,
		char hash[PEP_NAME_MAX + 1]);
/* Add <PHOTO/> to a vCard from the avatar in space, if there is one. */
void avatar_add_photo(const struct server *server, const char *user, const char *space,
		      struct xml *vcard);
/* A vCard was set with this <PHOTO/> (NULL: none): publish it as avatar if it is another. */
int avatar_of_photo(struct server *server, const char *user, struct xml *photo, struct err *err);
/* Put the hash into a presence, in place of what the client may say of it. */
void avatar_stamp(const struct server *server, const char *user, const char *space,
		  struct xml *presence);

#endif
